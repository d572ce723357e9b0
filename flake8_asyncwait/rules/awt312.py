"""AWT312: a failure of one child of a gather closes what the others use."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.analysis.states.trace import closed_by
from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.verdict.outcome import Loss, Outcome
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    fates = outcome.fates
    if fates is None or fates.closed is None:
        return None
    return Hit(partial(_says, fates.closed), fates.closed.history)


def _says(loss: Loss, _: Place) -> str:
    step, name = next(
        (step, name) for step in loss.history.steps() if (name := closed_by(step.what))
    )
    return (
        f"if one awaitable of gather() fails, the others use '{name}' "
        f"after it is closed on line {step.line}"
    )


RULE = Rule(
    code="AWT312",
    name="gather-outlives-resource",
    default=False,
    summary="After a failure, awaitables of `gather()` use what is closed",
    rationale="""\
`asyncio.gather()` raises the first exception at once, and the other awaitables keep running.
Here the exception leaves a `with` statement, which closes what they still use.""",
    bad="""\
import asyncio


async def both(connect, one, two):
    async with connect() as client:
        await asyncio.gather(one(client), two(client))
""",
    good="""\
import asyncio


async def both(connect, one, two):
    async with connect() as client:
        tasks = [asyncio.create_task(one(client)), asyncio.create_task(two(client))]
        try:
            await asyncio.gather(*tasks)
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
