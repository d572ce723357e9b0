"""The fixtures before and after a fix, run on a real event loop and cancelled while they wait."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FIXTURES = Path(__file__).parent.parent / "fixtures" / "fixes"
# Their functions need no more than the arguments below.
RUNNABLE = [
    "bound_first",
    "finally_collections",
    "finally_in_a_try",
    "finally_names",
    "wait_any_calls",
    "wait_any_imports",
    "wait_any_loops",
]


def functions(name: str, state: str) -> dict[str, Callable[..., Any]]:
    """The asynchronous functions of a fixture, by name."""
    path = FIXTURES / f"{name}.{state}.py"
    namespace: dict[str, Any] = {"__name__": path.stem}
    exec(compile(path.read_text("utf-8"), str(path), "exec"), namespace)
    return {
        key: value
        for key, value in namespace.items()
        if key != "wait_any"
        and (inspect.iscoroutinefunction(value) or inspect.isasyncgenfunction(value))
    }


# It leaks where it is cancelled once more.
NOT_BY_A_CANCELLATION = {"awaits_what_it_cancels_one_by_one"}
CASES = [(name, function) for name in RUNNABLE for function in functions(name, "after")]
each_case = pytest.mark.parametrize(("name", "function"), CASES)


class Work:
    """A coroutine function that takes for ever, and whatever else a fixture makes of it."""

    def __call__(self, *_: object) -> Any:
        return asyncio.sleep(3600)

    def wait(self) -> Any:
        """Wait for ever, as for an event that nobody sets."""
        return self()

    def tell(self, future: object) -> None:
        """Keep a future, as somebody who completes it would."""


def arguments(function: Callable[..., Any]) -> dict[str, Any]:
    """Something for each parameter of a fixture."""
    known: dict[str, Any] = {
        "works": {work: work for work in (Work(), Work(), Work())},
        "loop": asyncio.get_running_loop(),
        "lock": asyncio.Semaphore(),
        "seconds_of_patience": lambda: 60,
        "use": print,
        "handle": print,
    }
    return {name: known.get(name, Work()) for name in inspect.signature(function).parameters}


async def left_running(function: Callable[..., Any]) -> int:
    """How many tasks run on after a function was cancelled while it waited."""
    running = asyncio.ensure_future(_to_its_end(function(**arguments(function))))
    for _ in range(5):
        await asyncio.sleep(0)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    for _ in range(5):
        await asyncio.sleep(0)
    return len(asyncio.all_tasks()) - 1


async def _to_its_end(called: Any) -> None:
    if hasattr(called, "__anext__"):
        async for _ in called:
            pass
    else:
        await called


@each_case
def test_nothing_runs_on_after_a_fix(name: str, function: str) -> None:
    assert asyncio.run(left_running(functions(name, "after")[function])) == 0


@each_case
def test_something_did_before(name: str, function: str) -> None:
    before = functions(name, "before")[function]
    assert bool(asyncio.run(left_running(before))) is (function not in NOT_BY_A_CANCELLATION)
