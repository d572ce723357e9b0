"""AWT311: a failure of one child of a gather leaves the others running."""

from __future__ import annotations

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.verdict.outcome import Outcome


def _fires(outcome: Outcome) -> Hit | None:
    fates = outcome.fates
    if fates is None or fates.at_child is None:
        return None
    return Hit(lambda _: _MESSAGE, fates.at_child.history)


_MESSAGE = "if one awaitable of gather() fails, the others keep running"


RULE = Rule(
    code="AWT311",
    name="gather-leaves-children",
    default=False,
    summary="If one awaitable of `gather()` fails, the others keep running",
    rationale="""\
`asyncio.gather()` raises the first exception at once, and does not cancel the other awaitables:
they keep running, and nobody sees how they end. It cancels them only if it is cancelled itself.""",
    bad="""\
import asyncio


async def both(one, two):
    return await asyncio.gather(one(), two())
""",
    good="""\
import asyncio


async def both(one, two):
    tasks = [asyncio.create_task(one()), asyncio.create_task(two())]
    try:
        return await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
""",
    fix="none: your decision",
    cure="""\
Nothing yet. There are two ways to fix it: make the tasks first and cancel them in a `finally`, or
make them in a `TaskGroup`. A `TaskGroup` changes what the function raises, an `ExceptionGroup`,
and when: it waits until the others have ended.""",
    fires=_fires,
    by_hand="make the tasks first and cancel them in a finally, or use a TaskGroup",
)
