"""A process that does what is asked of it (`work`), until nobody is there to ask, whatever it does.

It reads questions from its standard input and writes answers to its standard output: each a
pickle, with its length before it. What the code in between prints goes to standard error.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import struct
import sys
from queue import SimpleQueue
from threading import Thread
from typing import Any, BinaryIO, NamedTuple

LENGTH = struct.Struct(">Q")
# The import path of who starts it, and nothing of the directory that it is started in.
PROGRAM = f"import sys; sys.path[:] = sys.argv[1:]; from {__name__} import main; main()"


class Question(NamedTuple):
    """A function of `work` and its arguments. `shown` are files that an editor has opened, changed
    or closed since the last question: what they hold now, or None."""

    work: str
    arguments: tuple[Any, ...]
    shown: tuple[tuple[str, bytes | None], ...] = ()


class Answer(NamedTuple):
    """What the function has returned, or the error that it has raised, in words."""

    value: Any = None
    error: str = ""


def pack(message: Question | Answer) -> bytes:
    """A message as it is sent."""
    data = pickle.dumps(message)
    return LENGTH.pack(len(data)) + data


def unpack(data: bytes) -> Question | Answer:
    """A message as it was meant: both ends are this program."""
    message: Question | Answer = pickle.loads(data)
    return message


def main() -> None:
    """Answer questions, as long as somebody may ask."""
    inbox, outbox = _own_streams()
    questions: SimpleQueue[bytes] = SimpleQueue()
    Thread(target=_receive, args=(inbox, questions), daemon=True).start()
    from flake8_asyncwait.server import work

    while True:
        question = unpack(questions.get())
        assert isinstance(question, Question)
        outbox.write(pack(_answer(getattr(work, question.work), question)))
        outbox.flush()


def _receive(inbox: BinaryIO, questions: SimpleQueue[bytes]) -> None:
    """Take questions. Whoever asks may be killed, and then nobody ends what is done here: so the
    end of the questions does."""
    while head := inbox.read(LENGTH.size):
        questions.put(inbox.read(*LENGTH.unpack(head)))
    if sys.platform != "win32":  # with the processes that it has started
        with contextlib.suppress(ProcessLookupError):
            os.killpg(os.getpid(), signal.SIGKILL)
    os._exit(1)


def _answer(function: Any, question: Question) -> Answer:
    from flake8_asyncwait.source.opened import show
    from flake8_asyncwait.source.text import SourceError
    from flake8_asyncwait.undetermined import error_text

    try:
        for path, data in question.shown:
            show(path, data)
        return Answer(function(*question.arguments))
    except SourceError as error:
        return Answer(error=str(error))
    except Exception as error:
        return Answer(error=error_text(error))


def _own_streams() -> tuple[BinaryIO, BinaryIO]:
    """Where questions come from and answers go to: nobody else may read or write there."""
    inbox, outbox = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return inbox, outbox
