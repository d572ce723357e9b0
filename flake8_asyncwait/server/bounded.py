"""What the editor sends, as far as a message may be read at all."""

from __future__ import annotations

import logging
import re
from typing import BinaryIO

MOST = 100_000_000  # bytes of a message
_LONGEST_HEADER = 10_000
_LENGTH = re.compile(rb"Content-Length: *0*(\d+)\r?\n", re.IGNORECASE)
_log = logging.getLogger(__name__)


class Bounded:
    """Standard input, which ends where a message is said to be longer than `MOST`, or its header
    has no end: nobody can tell where the next one would begin. pygls would wait for all of it, or
    fail over the number, and answer nothing any more."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readline(self) -> bytes:
        """The next line of a header; nothing where the input ends."""
        line = self._stream.readline(_LONGEST_HEADER)
        found = _LENGTH.fullmatch(line)
        is_long = found is not None and (len(found[1]) > len(str(MOST)) or int(found[1]) > MOST)
        if is_long or (len(line) == _LONGEST_HEADER and not line.endswith(b"\n")):
            _log.error("a message is longer than %d bytes, or its header has no end", MOST)
            return b""
        return line

    def read(self, size: int) -> bytes:
        """The next bytes of a message."""
        return self._stream.read(size)
