"""AWT313: a cleanup cancels only the gather, which is done."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.analysis.states.trace import VAIN_CANCEL
from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.verdict.outcome import Loss, Outcome
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    fates = outcome.fates
    if fates is None or fates.in_vain is None:
        return None
    return Hit(partial(_says, fates.in_vain), fates.in_vain.history)


def _says(loss: Loss, place: Place) -> str:
    line = next(step.line for step in loss.history.steps() if step.what == VAIN_CANCEL)
    name = place.made.text.strip("'") if place.made.has_name else "gather()"
    return (
        f"'{name}.cancel()' on line {line} cancels nothing once an awaitable failed; "
        "cancel the tasks themselves"
    )


RULE = Rule(
    code="AWT313",
    name="gather-cancelled-in-vain",
    default=False,
    summary="`cancel()` of a `gather()` that has failed cancels nothing",
    rationale="""\
Once one of its awaitables has failed, a `gather()` is done. Its `cancel()` returns False then
and cancels nothing, so the others keep running.""",
    bad="""\
import asyncio


async def both(one, two):
    both = asyncio.gather(one(), two())
    try:
        return await both
    finally:
        both.cancel()
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
