"""Files in a syntax that is newer than the Python that runs, whose own parser refuses them."""

from __future__ import annotations

import ast
import pickle
import subprocess
import sys
from functools import lru_cache
from importlib.metadata import version

# Of the processor's time, for one file: what takes libcst longer is nested deeply.
SECONDS = 10
# The newest Python whose syntax libcst is known to read: what this one refuses is no Python.
NEWEST = (3, 15)


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
        reason = f"{error.msg} (libcst {version('libcst')} does not read it, either)"
        raise SyntaxError(reason, (None, error.lineno, error.offset, error.text)) from error
    if isinstance(answer, Exception):
        raise answer
    return answer


# A fix reads each version of a file several times.
@lru_cache(maxsize=4)
def _answer(text: str) -> ast.Module | SyntaxError | RecursionError | None:
    """What `convert.main` says of a text, None where libcst cannot read it.

    It says so in a process of its own: where something is nested too deeply, libcst's parser takes
    its process with it.
    """
    program = f"from flake8_asyncwait.sites.convert import main; main({SECONDS})"
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path[:] = {sys.path!r}; {program}"],
        input=text.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        return RecursionError("nested too deeply")
    answer: ast.Module | SyntaxError | RecursionError | None = pickle.loads(done.stdout)
    return answer
