"""AWT322: a loop over as_completed is left early under a fault."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.rules.words import when_struck
from flake8_asyncwait.verdict.outcome import Outcome, Struck
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    fates = outcome.fates
    struck = None if fates is None else fates.at_bystander or fates.at_sibling
    return None if struck is None else Hit(partial(_says, struck), struck.loss.history)


def _says(struck: Struck, place: Place) -> str:
    return (
        f"{when_struck(struck, place)}, the rest of as_completed() keeps running; "
        "cancel the tasks in a finally"
    )


RULE = Rule(
    code="AWT322",
    name="as-completed-interrupted",
    default=False,
    summary="A failure or a cancellation leaves the rest of `as_completed()` running",
    rationale="""\
If one awaitable fails, or something cancels the function in a loop over
`asyncio.as_completed()`, the awaitables that are not done yet keep running.""",
    bad="""\
import asyncio


async def collect(jobs):
    results = []
    tasks = [asyncio.create_task(job()) for job in jobs]
    for done in asyncio.as_completed(tasks):
        results.append(await done)
    return results
""",
    good="""\
import asyncio


async def collect(jobs):
    results = []
    tasks = [asyncio.create_task(job()) for job in jobs]
    try:
        for done in asyncio.as_completed(tasks):
            results.append(await done)
    finally:
        for task in tasks:
            task.cancel()
    return results
""",
    fix="`finally`",
    cure="""\
A `finally` around the loop cancels the tasks. Coroutines of the project become tasks first:
`as_completed()` gives no handle on them. The fix does nothing if the loop may be given tasks of
somebody else.""",
    fires=_fires,
)
