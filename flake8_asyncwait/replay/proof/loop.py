"""asyncio's event loop with nothing to wait for, and a clock that is moved by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection

SPINS_AT_MOST = 300


class Loop(asyncio.BaseEventLoop):
    """asyncio's own loop without input and output: it has no socket, no thread and no real time."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self._selector = self
        self.set_exception_handler(lambda *_: None)

    def time(self) -> float:
        """Return what the clock shows."""
        return self.now

    def select(self, timeout: float | None) -> list[object]:
        """Wait for input and output, of which there is none, in no time."""
        return []

    def _process_events(self, events: list[object]) -> None:
        """Do nothing: there are none."""

    def _write_to_self(self) -> None:
        """Do nothing: no other thread wakes this loop up."""

    def spin(self) -> bool:
        """Run what is ready until nothing is. Return False where that does not come to an end."""
        for _ in range(SPINS_AT_MOST):
            self.call_soon(self.stop)
            try:
                self.run_forever()
            except (SystemExit, KeyboardInterrupt):  # raised in a task, which keeps it
                continue
            if not self._is_busy():
                return True
        return False

    def _is_busy(self) -> bool:
        ready: Collection[object] = self._ready  # type: ignore[attr-defined]
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        return bool(ready) or any(t.when() <= self.now and not t.cancelled() for t in timers)

    def later(self, turns: int, function: Callable[[], object]) -> None:
        """Call a function in so many turns of the loop."""
        if turns:
            self.call_soon(self.later, turns - 1, function)
        else:
            self.call_soon(function)
