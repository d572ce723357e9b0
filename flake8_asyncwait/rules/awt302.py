"""AWT302: a fault at something else than the tasks of the function leaves one running."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.rules.words import in_a_finally, struck_on, when_struck
from flake8_asyncwait.verdict.outcome import Fates, Outcome, Struck
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    fates = outcome.fates
    if fates is None or not fates.is_meant or fates.at_bystander is None:
        return None
    return Hit(partial(_says, fates, fates.at_bystander), fates.at_bystander.loss.history)


def _says(fates: Fates, struck: Struck, place: Place) -> str:
    made = place.made
    problem = f"{when_struck(struck, place)}, {made.do('keep')} running"
    ended = fates.books.ended_on
    later = [line for line in ended if line > struck_on(struck) and place.is_inside(line)]
    if later:
        problem += f": {made.they_are} {ended[min(later)]} only on line {min(later)}"
    return in_a_finally(problem, made)


RULE = Rule(
    code="AWT302",
    name="task-left-by-bystander",
    default=False,
    summary="A failure or a cancellation elsewhere leaves a task running",
    rationale="""\
Between the creation of the task and the line that awaits or cancels it, the function waits for
something else. If that fails, or something cancels the function there, nothing ends the task.""",
    bad="""\
import asyncio


async def report(measure, connect):
    task = asyncio.create_task(measure())
    await connect()
    return await task
""",
    good="""\
import asyncio


async def report(measure, connect):
    task = asyncio.create_task(measure())
    try:
        await connect()
        return await task
    finally:
        task.cancel()
""",
    fix="`finally` or `except`",
    cure="""\
A `try` around the lines from the creation to the last that needs the task, or around fewer. Its
`finally` cancels the task, or an `except BaseException` does and raises again, whichever changes
fewer lines. If nothing fails, the cure cancels nothing that runs.""",
    fires=_fires,
)
