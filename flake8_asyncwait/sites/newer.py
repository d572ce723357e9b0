"""Files in a syntax that is newer than the Python that runs, whose own parser refuses them."""

from __future__ import annotations

import ast
import atexit
import os
import pickle
import subprocess
import sys
from contextlib import suppress
from functools import lru_cache
from importlib.metadata import version
from threading import Lock

# Of the processor's time, for one file: what takes libcst longer is nested deeply.
SECONDS = 6
# The newest Python whose syntax libcst is known to read: what this one refuses is no Python.
NEWEST = (3, 15)
_LOCK = Lock()


def read_newer(text: str, error: SyntaxError) -> ast.Module:
    """The tree of a file that the Python that runs refuses with `error`.

    `text` has lines that end in `\\n`. What the tree is, `convert.py` says. Raises `SyntaxError`
    where libcst refuses the file, too, or where what is wrong is nothing newer, and
    `RecursionError` where it is nested too deeply.
    """
    if sys.version_info >= NEWEST:
        raise error
    answer = _answer(text)
    if answer is None:
        reason = f"{error.msg} (libcst {version('libcst')} cannot parse it, either)"
        raise SyntaxError(reason, (None, error.lineno, error.offset, error.text)) from error
    if isinstance(answer, Exception):
        raise answer
    return answer


# A fix reads each version of a file several times.
@lru_cache(maxsize=4)
def _answer(text: str) -> ast.Module | SyntaxError | RecursionError | None:
    """What `convert.answer` says of a text, None where libcst cannot read it.

    It says so in a process of its own: where something is nested too deeply, libcst's parser takes
    its process with it.
    """
    with _LOCK:
        process = _reader(os.getpid())
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            pickle.dump((text, SECONDS), process.stdin)
            process.stdin.flush()
            answer: ast.Module | SyntaxError | None = pickle.load(process.stdout)
        except (OSError, EOFError, pickle.UnpicklingError):  # it has ended
            _reader.cache_clear()
            _end(process)
            return RecursionError("nested too deeply")
        return answer


@lru_cache
def _reader(_: int) -> subprocess.Popen[bytes]:
    """The process of `convert.main` that the process of that number asks, one file after the other:
    libcst takes longer to import than most files to read."""
    program = "from flake8_asyncwait.sites.convert import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:] = {sys.path!r}; {program}"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    atexit.register(_end, process)
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process, if it has not ended by itself, and close what leads to it."""
    with suppress(BrokenPipeError), process:
        process.kill()
