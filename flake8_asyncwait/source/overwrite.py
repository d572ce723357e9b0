"""Overwrite a file in place: a program of its own, for `write`, that needs nothing but Python.

    python overwrite.py TARGET NEW < OLD

TARGET, which has to hold the bytes OLD still, gets those of the file NEW, which is removed. The
status is 0, or 1 with the reason on stderr: then TARGET is as it was.
"""

from __future__ import annotations

import io
import os
import sys


def main(target: str, new: str) -> str | None:
    """Returns None, or why the file at `target` was left as it is."""
    expected = sys.stdin.buffer.read()
    try:
        with open(new, "rb") as file:
            after = file.read()
        os.unlink(new)
        with open(target, "r+b", buffering=0) as raw:
            return _overwrite(raw, expected, after)
    except OSError as error:
        return error.strerror


def _overwrite(file: io.FileIO, expected: bytes, after: bytes) -> str | None:
    before = file.readall()
    if before != expected:  # also where who started us was killed before it had told us all
        return "it was changed meanwhile"
    try:
        _put(file, after)
    except OSError:
        _put(file, before)
        raise
    return None


def _put(file: io.FileIO, data: bytes) -> None:
    file.seek(0)
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]
    file.truncate()
    os.fsync(file.fileno())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
