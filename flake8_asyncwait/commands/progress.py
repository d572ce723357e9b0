"""A progress bar for long runs, on a terminal.

It is a line of text that a thread draws: that is not much code. A library for it would be one more
thing to install wherever the linter runs, and would take longer to import than most runs take.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator

TYPE_CHECKING = False
if TYPE_CHECKING:
    from threading import Event, RLock, Thread
    from typing import TextIO, TypeVar

    Item = TypeVar("Item")

DELAY = 1.0  # seconds before it is shown: most runs are over by then
INTERVAL = 0.1  # seconds between two looks at how far the run is
WIDTH = 30


class Progress:
    """A progress bar on a stream; nothing where that is no terminal, in CI, or where nobody wants
    it."""

    def __init__(self, stream: TextIO, is_wanted: bool = True) -> None:
        self._stream = stream
        self._is_on = is_wanted and stream.isatty() and not _is_unattended()
        self._bar: _Bar | None = None

    def over(self, items: Iterable[Item], total: int, what: str = "files") -> Iterator[Item]:
        """The same items, of which there are `total`, while the bar moves."""
        if not self._is_on:
            yield from items
            return
        self._bar = bar = _Bar(self._stream, total, what)
        try:
            for item in items:
                yield item
                bar.done += 1
        finally:
            self.stop()

    def aside(self, write: Callable[[], object]) -> None:
        """Let something be written to the terminal, and see to it that the bar stays below it."""
        if self._bar is None:
            write()
        else:
            self._bar.aside(write)

    def stop(self) -> None:
        """Take the bar away for good."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


class _Bar:
    """The bar of one run: `done` says how many items are done."""

    def __init__(self, stream: TextIO, total: int, what: str) -> None:
        import threading  # only for a terminal

        self.done = 0
        self._stream, self._total, self._what = stream, total, what
        self._started = time.monotonic()
        self._line = ""  # what is on the terminal
        self._lock: RLock = threading.RLock()
        self._end: Event = threading.Event()
        self._thread: Thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def aside(self, write: Callable[[], object]) -> None:
        with self._lock:
            line = self._line
            self._draw("")
            write()
            if line:
                sys.stdout.flush()
                self._draw(line)

    def stop(self) -> None:
        self._end.set()
        self._thread.join()
        self._draw("")

    def _watch(self) -> None:
        """Draw the bar until the run is over: also while one item takes long."""
        wait = DELAY
        while not self._end.wait(wait):
            wait = INTERVAL
            with self._lock:
                self._draw(self._look())

    def _look(self) -> str:
        seconds = time.monotonic() - self._started
        filled = "#" * (WIDTH * self.done // max(self._total, 1))
        line = f"[{filled:<{WIDTH}}] {self.done}/{self._total} {self._what}, {seconds:.0f} s"
        try:
            columns = os.get_terminal_size(self._stream.fileno()).columns
        except OSError:
            return line
        return line[: columns - 1] if columns else line  # a line that wraps could not be taken back

    def _draw(self, line: str) -> None:
        """Put a line in the place of the one that is shown."""
        if line == self._line:
            return
        try:
            self._stream.write(f"\r\x1b[K{line}")
            self._stream.flush()
        except OSError:  # nobody looks any more
            pass
        self._line = line


def _is_unattended() -> bool:
    return bool(os.environ.get("CI")) or os.environ.get("TERM") == "dumb"
