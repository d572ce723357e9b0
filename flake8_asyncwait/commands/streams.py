"""Standard input, output and error, whatever whoever started us has made of them."""

from __future__ import annotations

import io
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO


def open_all() -> None:
    """See to it that there are all three, and that they print whatever they are given.

    One that is closed becomes one that fails when it is used, as it would in any other language:
    else the next file that is opened would take its number. What the encoding of a terminal lacks
    is printed as an escape sequence: a file name, say, or a line of source.
    """
    for name, mode, flags in _STREAMS:
        stream = getattr(sys, name)
        if stream is None:
            descriptor = os.open(os.devnull, flags)  # opened for the wrong direction
            os.set_inheritable(descriptor, True)
            setattr(sys, name, open(descriptor, mode, closefd=False))  # noqa: SIM115
        elif mode == "w" and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


_STREAMS = (
    ("stdin", "r", os.O_WRONLY),
    ("stdout", "w", os.O_RDONLY),
    ("stderr", "w", os.O_RDONLY),
)


def say(line: str) -> None:
    """Print a line on stderr; where that is impossible, go on without it."""
    try:
        print(line, file=sys.stderr, flush=True)
    except OSError:
        silence(sys.stderr)


def silence(stream: TextIO) -> None:
    """Let what was written to a stream in vain, and all that follows, vanish: Python would try to
    write it once more as it ends, and complain."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
