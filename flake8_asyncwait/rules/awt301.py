"""AWT301: a task that the function means to end is left running without a fault."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.analysis.states.trace import DROPPED
from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.rules.words import in_a_finally
from flake8_asyncwait.verdict.outcome import Loss, Outcome
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    fates = outcome.fates
    if fates is None or not fates.is_meant or fates.faultless is None:
        return None
    return Hit(partial(_says, fates.faultless), fates.faultless.history)


def _says(loss: Loss, place: Place) -> str:
    made, end = place.made, loss.end
    if end.what == DROPPED:
        if place.loop_with(end.line) is not None and made.has_name:
            drops = f"each turn of the loop drops {made.text} while {made.they} may still run"
            return f"{drops}; cancel {made.them} first"
        return in_a_finally(
            f"{made.text} may still run when {place.shown(end.line)} drops {made.them}", made
        )
    ends = "raises" if end.what == "the function has raised" else "returns"
    return in_a_finally(
        f"{made.text} may still run when the function {ends} on {place.shown(end.line)}", made
    )


RULE = Rule(
    code="AWT301",
    name="task-left-running",
    default=False,
    summary="A task that the function awaits or cancels elsewhere may be left running",
    rationale="""\
The function awaits or cancels the task in one branch, and leaves it running in another: an early
`return`, a `raise`, or a name that is bound again.

Select this code by its full name: `AWT3` does not turn it on. Two of its four findings in the
labelled corpus were wrong, until the rules were corrected by them.""",
    bad="""\
import asyncio


async def answer(question, cached):
    task = asyncio.create_task(question())
    if cached:
        return None
    return await task
""",
    good="""\
import asyncio


async def answer(question, cached):
    task = asyncio.create_task(question())
    try:
        if cached:
            return None
        return await task
    finally:
        task.cancel()
""",
    fix="`finally`",
    cure="""\
A `try` from the creation to the last line that needs the task, and a `finally` that cancels it.
The fix leaves a task alone that somebody else can reach: only you know whether that is meant to
run on.""",
    fires=_fires,
)
