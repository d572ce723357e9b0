"""AWT201: a full wait leaves its tasks running when it is cancelled."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.rules.words import advised, subject_of, when
from flake8_asyncwait.verdict.outcome import Loss, Outcome
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    loss = outcome.passed_by or outcome.forgotten
    if outcome.early or loss is None:
        return None
    return Hit(partial(_says, loss), loss.history)


def _says(loss: Loss, place: Place) -> str:
    subject = subject_of(loss, place)
    problem = f"{when(loss, place)}, {subject.do('keep')} running"
    advice = "use gather() or a TaskGroup"
    return advised(problem, f"{advice}, or cancel {subject.them} in a finally", advice)


RULE = Rule(
    code="AWT201",
    name="full-wait-leaves-tasks-running",
    default=False,
    summary="A full wait leaves its tasks running when it is cancelled",
    rationale="""\
If something cancels `await asyncio.wait(tasks)`, all of `tasks` keep running. A cancelled
`await asyncio.gather(*tasks)` cancels them all.""",
    bad="""\
import asyncio


async def both(one, two):
    tasks = [asyncio.create_task(one()), asyncio.create_task(two())]
    await asyncio.wait(tasks)
""",
    good="""\
import asyncio


async def both(one, two):
    tasks = [asyncio.create_task(one()), asyncio.create_task(two())]
    try:
        await asyncio.wait(tasks)
    finally:
        for task in tasks:
            task.cancel()
""",
    fix="`finally` or `except`",
    cure="""\
The fix cancels the tasks in a `finally`, or in an `except BaseException` where that changes fewer
lines. `asyncio.gather` would also stop at the first exception and raise it: you decide whether you
want that.""",
    fires=_fires,
)
