"""AWT321: a loop over as_completed is left early without a fault."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.verdict.outcome import Loss, Outcome
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    fates = outcome.fates
    if fates is None or fates.faultless is None:
        return None
    return Hit(partial(_says, fates.faultless), fates.faultless.history)


def _says(loss: Loss, place: Place) -> str:
    line = place.leaving([step.line for step in loss.history.steps()])
    left = (
        f"the loop is left on line {line}" if line else f"the function ends on line {loss.end.line}"
    )
    return f"the rest of as_completed() keeps running when {left}; cancel the tasks in a finally"


RULE = Rule(
    code="AWT321",
    name="as-completed-left-early",
    default=False,
    summary="A loop over `as_completed()` is left while the rest still runs",
    rationale="""\
`asyncio.as_completed()` cancels nothing when the loop over it is left by `break`, `return` or
`raise`, or when its `timeout` is over: the awaitables that are not done yet keep running.""",
    bad="""\
import asyncio


async def first(jobs):
    tasks = [asyncio.create_task(job()) for job in jobs]
    for done in asyncio.as_completed(tasks):
        return await done
""",
    good="""\
import asyncio


async def first(jobs):
    tasks = [asyncio.create_task(job()) for job in jobs]
    try:
        for done in asyncio.as_completed(tasks):
            return await done
    finally:
        for task in tasks:
            task.cancel()
""",
    fix="`finally`",
    cure="""\
A `finally` around the loop cancels the tasks. Coroutines of the project become tasks first:
`as_completed()` gives no handle on them. If a `break` leaves the loop, the fix does nothing: only
you know whether the rest is meant to run on.""",
    fires=_fires,
)
