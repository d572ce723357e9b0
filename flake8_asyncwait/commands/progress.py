"""A progress bar for long runs, on a terminal.

It is a line of text that a few lines of code can draw. A library for it would be one more thing to
install wherever the linter runs, and would take longer to import than most runs take.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO, TypeVar

    Item = TypeVar("Item")

DELAY = 1.0  # seconds before it is shown: most runs are over by then
INTERVAL = 0.1  # seconds between two looks of it
WIDTH = 30


class Progress:
    """A progress bar on a stream; nothing where that is no terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._is_on = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._is_shown = False

    def over(self, items: Iterable[Item], total: int) -> Iterator[Item]:
        """The same items, of which there are `total`, while the bar moves."""
        if not self._is_on:
            yield from items
            return
        due = time.monotonic() + DELAY
        try:
            for number, item in enumerate(items):
                if time.monotonic() >= due:
                    self._show(number, total)
                    due = time.monotonic() + INTERVAL
                yield item
        finally:
            self.clear()

    def clear(self) -> None:
        """Take the bar away, so that something can be printed; it comes back by itself."""
        if self._is_shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._is_shown = False

    def _show(self, done: int, total: int) -> None:
        bar = "#" * (WIDTH * done // total)
        self._stream.write(f"\r\x1b[K[{bar:<{WIDTH}}] {done}/{total} files")
        self._stream.flush()
        self._is_shown = True
