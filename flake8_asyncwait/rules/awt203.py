"""AWT203: a coroutine is passed to the wait."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.verdict.outcome import Outcome
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    if not outcome.coroutine:
        return None
    return Hit(partial(_says, outcome.coroutine), None)


def _says(coroutine: str, place: Place) -> str:
    return (
        f"{place.name}() raises TypeError for the coroutine {coroutine} (Python 3.11+); "
        "wrap it in asyncio.create_task()"
    )


RULE = Rule(
    code="AWT203",
    name="coroutine-in-wait",
    default=True,
    summary="A coroutine that is not a task is passed to asyncio.wait()",
    rationale="""\
Until Python 3.10, `asyncio.wait()` wrapped coroutines in tasks of its own, which nobody could
cancel. Since Python 3.11 it raises `TypeError`.""",
    bad="""\
import asyncio


async def work():
    await asyncio.sleep(1)


async def main():
    await asyncio.wait([work(), work()])
""",
    good="""\
import asyncio


async def work():
    await asyncio.sleep(1)


async def main():
    await asyncio.wait(
        [asyncio.create_task(work()), asyncio.create_task(work())]
    )
""",
    fix="`create_task`",
    cure="""\
The fix wraps the coroutine in `asyncio.create_task()`. Where that leaves a task without a cancel,
the next run reports it.""",
    fires=_fires,
)
