"""AWT202: cancelled, but never awaited."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.rules.words import subject_of
from flake8_asyncwait.verdict.outcome import Loss, Outcome
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    loss = outcome.unawaited
    if not outcome.early or loss is None:
        return None
    return Hit(partial(_says, loss), loss.history)


def _says(loss: Loss, place: Place) -> str:
    subject = subject_of(loss, place)
    lines = [line for line in loss.cancelled_on if place.is_inside(line)]
    where = f" on line {lines[0]}" if lines else ""
    return (
        f"{subject.be} cancelled{where} but never awaited, so {subject.their} cleanup may not "
        f"finish; await {subject.them}"
    )


RULE = Rule(
    code="AWT202",
    name="cancelled-never-awaited",
    default=False,
    summary="Pending tasks are cancelled but never awaited",
    rationale="""\
`task.cancel()` only asks a task to stop. Until you await the task, its cleanup may not have run,
and nobody sees an exception that the cleanup raises. To wait for some time is enough
(`await asyncio.wait(tasks, timeout=5)` after the cancels): the task may refuse to stop.""",
    bad="""\
import asyncio


async def first(work, disconnected):
    tasks = [asyncio.create_task(work()), asyncio.create_task(disconnected())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
""",
    good="""\
import asyncio


async def first(work, disconnected):
    tasks = [asyncio.create_task(work()), asyncio.create_task(disconnected())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
""",
    fix="`drain`",
    cure="""\
Where the cancels are in a `finally`, the fix puts
`await asyncio.gather(*tasks, return_exceptions=True)` after them (the report calls that `drain`).
Waiting for cancelled tasks takes time: this code is off by default.""",
    fires=_fires,
)
