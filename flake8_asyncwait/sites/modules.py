"""The modules of a project, each read and outlined once a run, and only where somebody asks for it.

What cannot be read, is too large or is not Python is no module here: nobody knows what is in it.
"""

from __future__ import annotations

import os
from typing import NamedTuple

from flake8_asyncwait.sites.gate import Candidates
from flake8_asyncwait.sites.outline import Outline
from flake8_asyncwait.sites.pieces import Pieces, TooLong
from flake8_asyncwait.sites.syntax import parse
from flake8_asyncwait.source.text import SourceError, decode, read

# In bytes: of one module, and of all that are kept. A longer one takes too long to read.
MAX_MODULE = 1_000_000
_KEPT = 50_000_000


class Module(NamedTuple):
    """One module: its lines, and what it binds. The trees of functions are read when needed."""

    path: str
    lines: list[str]
    outline: Outline


class _Stamp(NamedTuple):
    """What tells one state of a file from another."""

    inode: int
    size: int
    time: int


_known: dict[str, tuple[_Stamp, Module | None]] = {}


def module_at(path: str) -> Module | None:
    """The module in the file at `path`, read again only if the file has changed since."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    stamp = _Stamp(found.st_ino, found.st_size, found.st_mtime_ns)
    if path not in _known or _known[path][0] != stamp:
        _known.pop(path, None)
        _make_room(stamp.size)
        _known[path] = stamp, _read(path) if stamp.size <= MAX_MODULE else None
    return _known[path][1]


def _make_room(size: int) -> None:
    """Forget the modules that were read first, if with one of `size` there were too many."""
    kept = size + sum(stamp.size for stamp, module in _known.values() if module is not None)
    for path, (stamp, module) in list(_known.items()):
        if kept <= _KEPT:
            return
        if module is not None:
            kept -= stamp.size
            del _known[path]


def _read(path: str) -> Module | None:
    try:
        text = decode(path, read(path)).text
        pieces = Pieces(text, Candidates(), parse)
    except (SourceError, SyntaxError, TooLong, RecursionError, MemoryError):
        return None
    return Module(path, pieces.lines, pieces.outline)
