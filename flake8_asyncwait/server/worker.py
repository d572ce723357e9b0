"""A process that does what is asked of it (`work`), until nobody asks any more.

It reads questions from its standard input and writes answers to its standard output: each a
pickle, with its length before it. What the code in between prints goes to standard error.
"""

from __future__ import annotations

import os
import pickle
import struct
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
    """Answer questions, until there are no more."""
    inbox, outbox = _own_streams()
    from flake8_asyncwait.server import work

    while head := inbox.read(LENGTH.size):
        question = unpack(inbox.read(*LENGTH.unpack(head)))
        assert isinstance(question, Question)
        outbox.write(pack(_answer(getattr(work, question.work), question)))
        outbox.flush()


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
