"""From the bytes of a Python file to its text, as Python itself reads it."""

from __future__ import annotations

import errno
import io
import os
import stat

from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.source.opened import opened

BOM = b"\xef\xbb\xbf"
# What a codec of bytes raises, or one that refuses everything.
_NO_CODEC_OF_TEXT = (LookupError, ValueError)
# To open a pipe does not wait for somebody to write, and Windows leaves the line ends alone.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)


class Source(NamedTuple):
    """One file, decoded.

    `name` is what reports call it. `text` has no BOM and every line ends in "\\n", whatever the
    file has, so that lines and columns are those of `ast`. `encoding` is the codec of the bytes
    behind the BOM.
    """

    name: str
    text: str
    encoding: str


class SourceError(Exception):
    """A file that could not be checked: `str()` is `name: reason` or `name:line: reason`.

    `line` counts from 1, and is None where the reason is not on one line.
    """

    def __init__(self, name: str, reason: str, line: int | None = None) -> None:
        super().__init__(name, reason, line)
        self.name = name
        self.reason = reason
        self.line = line

    def __str__(self) -> str:
        place = self.name if self.line is None else f"{self.name}:{self.line}"
        return f"{place}: {self.reason}"


def read(path: str) -> bytes:
    """The bytes of the file at `path`, as an editor shows it, or as it is on the disk. Raises
    `SourceError` when they cannot be read.

    A device or a pipe is not read: it may have no end, or nobody who writes.
    """
    shown = opened(path)
    if shown is not None:
        return shown
    try:
        descriptor = os.open(path, _FLAGS)
        try:
            found = os.fstat(descriptor)
            if stat.S_ISDIR(found.st_mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if not stat.S_ISREG(found.st_mode):
                raise OSError(errno.EINVAL, "not a regular file")
            return _contents(descriptor, found.st_size)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise os_error(path, error) from error
    except MemoryError as error:
        raise SourceError(path, "too large to be read") from error


def _contents(descriptor: int, size: int) -> bytes:
    """All bytes of an open file that said that it holds `size`."""
    data = os.read(descriptor, size + 1)
    if len(data) == size:
        return data
    parts = [data]  # a file that grows, one of /proc, or more than one read gives
    while part := os.read(descriptor, 2**20):
        parts.append(part)
    return b"".join(parts)


def os_error(path: str, error: OSError) -> SourceError:
    """What the operating system said of `path`, as the error to report."""
    reason = error.strerror or str(error)
    return SourceError(path, f"{reason[:1].lower()}{reason[1:]}")


def decode(name: str, data: bytes) -> Source:
    """Decode `data` as PEP 263 says: by BOM, by cookie, as UTF-8.

    Raises `SourceError`, with the line where there is one, for a cookie that names no codec of
    text, for bytes that the codec cannot decode, and for null bytes, which no Python source holds.
    """
    null = data.find(b"\0")
    if null >= 0:
        raise SourceError(name, "source code cannot contain null bytes", _line_of(data, null))
    encoding = _encoding(name, data)
    body = data.removeprefix(BOM)
    try:
        text = str(body, encoding)
    except UnicodeDecodeError as error:
        reason = f"not {encoding}: {error.reason}"
        raise SourceError(name, reason, _line_of(body, error.start)) from error
    except _NO_CODEC_OF_TEXT as error:
        raise SourceError(name, f"cannot decode: {error}") from error
    return Source(name, with_newlines(text), encoding)


def encoded(name: str, text: str) -> bytes:
    """The bytes of a text, so that `decode` gives it back: in the codec that it names itself.

    What that codec lacks is replaced, as nothing of it is written. Raises `SourceError` for a
    cookie that names no codec of text.
    """
    data = text.encode("utf-8", "replace")
    encoding = _encoding(name, data)
    if encoding == "utf-8":
        return data
    try:
        return text.encode(encoding, "replace")
    except _NO_CODEC_OF_TEXT as error:
        raise SourceError(name, f"cannot encode: {error}") from error


def with_newlines(text: str) -> str:
    """`text` with every line ended by "\\n", as Python reads it."""
    return text.replace("\r\n", "\n").replace("\r", "\n") if "\r" in text else text


def codec_lines(data: bytes) -> bytes:
    """The first two lines of a file where they may name the codec of the others, else nothing."""
    second_line = data.find(b"\n") + 1
    end = data.find(b"\n", second_line) if second_line else -1
    end = end if end >= 0 else len(data)
    return data[:end] if data.find(b"coding", 0, end) >= 0 else b""


def _encoding(name: str, data: bytes) -> str:
    if not codec_lines(data):
        return "utf-8"
    from tokenize import detect_encoding  # 10 ms, and few files need it

    try:
        encoding, _ = detect_encoding(io.BytesIO(data).readline)
    except SyntaxError as error:
        raise SourceError(name, str(error.msg), 1) from error
    except _NO_CODEC_OF_TEXT as error:  # from Python 3.15 on, it decodes the lines as well
        raise SourceError(name, f"cannot decode: {error}") from error
    return "utf-8" if encoding == "utf-8-sig" else encoding


def _line_of(data: bytes, offset: int) -> int:
    return data.count(b"\n", 0, offset) + 1
