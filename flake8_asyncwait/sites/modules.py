"""The modules of a project, each read and outlined once a run, and only where somebody asks for it.

What cannot be read, is too large or is not Python is no module here: nobody knows what is in it.
"""

from __future__ import annotations

import os

from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.sites.gate import Candidates
from flake8_asyncwait.sites.outline import Outline
from flake8_asyncwait.sites.pieces import Pieces, TooLong
from flake8_asyncwait.sites.syntax import parse
from flake8_asyncwait.source.opened import opened
from flake8_asyncwait.source.text import SourceError, decode, read

# In bytes: of one module, and of all that are kept. A longer one takes too long to read.
MAX_MODULE = 1_000_000
_KEPT = 50_000_000
_TOO_LARGE = "too large"


class Module(NamedTuple):
    """One module: its lines, and what it binds. The trees of functions are read when needed."""

    path: str
    lines: list[str]
    outline: Outline


class _Stamp(NamedTuple):
    """What tells one state of a file from another: `time` is when it was written, or for one that
    an editor shows a hash of what it holds."""

    inode: int
    size: int
    time: int


class _Known(NamedTuple):
    """What was read at a path: what tells that from any other content, and the module."""

    stamp: _Stamp
    digest: str
    module: Module | None


_known: dict[str, _Known] = {}


def module_at(path: str) -> Module | None:
    """The module in the file at `path`, read again only if the file has changed since."""
    stamp = _stamp(path)
    if stamp is None:
        return None
    if path not in _known or _known[path].stamp != stamp:
        _known.pop(path, None)
        _make_room(stamp.size)
        _known[path] = _read(path, stamp)
    return _known[path].module


def digest_of(path: str) -> str:
    """What tells one content of the file at `path` from another, as `module_at` has read it last;
    "" where there is no file."""
    stamp = _stamp(path)
    if stamp is None:
        return ""
    if path in _known and _known[path].stamp == stamp:
        return _known[path].digest
    if stamp.size > MAX_MODULE:
        return _TOO_LARGE
    try:
        return _digest(read(path))
    except SourceError:
        return ""


def _digest(data: bytes) -> str:
    from hashlib import blake2b

    return blake2b(data, digest_size=16).hexdigest()


def _stamp(path: str) -> _Stamp | None:
    """What the file at `path` is known by now; None where there is none."""
    shown = opened(path)
    if shown is not None:
        return _Stamp(0, len(shown), hash(shown))
    try:
        found = os.stat(path)
    except OSError:
        return None
    return _Stamp(found.st_ino, found.st_size, found.st_mtime_ns)


def _make_room(size: int) -> None:
    """Forget the modules that were read first, if with one of `size` there were too many."""
    kept = size + sum(known.stamp.size for known in _known.values() if known.module is not None)
    for path, known in list(_known.items()):
        if kept <= _KEPT:
            return
        if known.module is not None:
            kept -= known.stamp.size
            del _known[path]


def _read(path: str, stamp: _Stamp) -> _Known:
    if stamp.size > MAX_MODULE:
        return _Known(stamp, _TOO_LARGE, None)
    digest = ""
    try:
        data = read(path)
        digest = _digest(data)
        pieces = Pieces(decode(path, data).text, Candidates(), parse)
    except (SourceError, SyntaxError, TooLong, RecursionError, MemoryError):
        return _Known(stamp, digest, None)
    return _Known(stamp, digest, Module(path, pieces.lines, pieces.outline))
