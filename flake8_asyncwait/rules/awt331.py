"""AWT331: a task is only ever awaited under shield."""

from __future__ import annotations

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.verdict.outcome import Outcome
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    fates = outcome.fates
    if fates is None or not fates.books.is_only_shielded:
        return None
    return None if fates.lost is None else Hit(_says, fates.lost.history)


def _says(place: Place) -> str:
    made = place.made
    return f"a cancellation leaves {made.text} running: {made.they_are} only awaited under shield()"


RULE = Rule(
    code="AWT331",
    name="task-only-shielded",
    default=False,
    summary="A task is only ever awaited under `shield()`",
    rationale="""\
`asyncio.shield()` keeps a cancellation from the task. If something cancels the function, the
task runs on, and nothing else awaits or cancels it. If you want that, keep a reference to it.""",
    bad="""\
import asyncio


async def save(write):
    task = asyncio.create_task(write())
    return await asyncio.shield(task)
""",
    good="""\
import asyncio


async def save(write):
    task = asyncio.create_task(write())
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await task
        raise
""",
    fix="none: your decision",
    cure="""\
Nothing yet: what is right depends on whether the task is meant to run on. If it is not, cancel
it in a `finally`, as in the good example. If it is, keep a reference to it where somebody looks
after it.""",
    fires=_fires,
    by_hand="only you know whether the task is to run on: await it when cancelled, or keep it",
)
