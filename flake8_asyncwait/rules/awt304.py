"""AWT304: nothing awaits, cancels or keeps a task."""

from __future__ import annotations

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.verdict.outcome import Outcome
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    fates = outcome.fates
    if fates is None or not fates.is_whole or not fates.books.is_left_alone:
        return None
    return Hit(_says, fates.lost.history) if fates.lost is not None else None


def _says(place: Place) -> str:
    return f"nothing awaits, cancels or keeps {place.made.text}"


RULE = Rule(
    code="AWT304",
    name="task-never-used",
    default=False,
    summary="Nothing awaits, cancels or keeps a task",
    rationale="""\
The function binds the task to a name and never uses it. The task keeps running after the function
has ended, nobody sees how it ends, and the event loop keeps only a weak reference to it.""",
    bad="""\
import asyncio


async def serve(refresh, listen):
    task = asyncio.create_task(refresh())
    await listen()
""",
    good="""\
import asyncio


async def serve(refresh, listen):
    task = asyncio.create_task(refresh())
    try:
        await listen()
    finally:
        task.cancel()
""",
    fix="none: your decision",
    cure="""\
Nothing yet: what is right depends on whether the task is meant to run on. If it is not, cancel
it in a `finally`, as in the good example. If it is, keep a reference to it where somebody looks
after it.""",
    fires=_fires,
    by_hand="only you know what should become of the task: await it, cancel it, or keep it",
)
