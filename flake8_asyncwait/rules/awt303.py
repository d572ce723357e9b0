"""AWT303: a fault at one task of the function leaves another running."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.rules.words import in_a_finally, struck_on, when_struck
from flake8_asyncwait.verdict.outcome import Fates, Outcome, Struck
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    fates = outcome.fates
    if fates is None or not fates.is_meant or fates.at_sibling is None or fates.at_bystander:
        return None
    return Hit(partial(_says, fates, fates.at_sibling), fates.at_sibling.loss.history)


def _says(fates: Fates, struck: Struck, place: Place) -> str:
    made = place.made
    others = fates.books.siblings_on(struck_on(struck)) - {made.text.strip("'")}
    if made.many and not others:
        problem = f"{_how(struck, f'one of {made.text}')}, the others keep running"
    elif len(others) == 1:
        problem = f"{_how(struck, repr(others.pop()))}, {made.do('keep')} running"
    else:
        problem = f"{when_struck(struck, place)}, {made.do('keep')} running"
    return in_a_finally(f"{problem}: they are awaited one by one", made._replace(many=True))


def _how(struck: Struck, task: str) -> str:
    return f"if {task} fails" if struck.fails else f"if the await of {task} is cancelled"


RULE = Rule(
    code="AWT303",
    name="tasks-awaited-one-by-one",
    default=False,
    summary="A failure of one task leaves others running that are awaited later",
    rationale="""\
The function awaits its tasks one after the other. If the first one fails, or something cancels
the function while it waits for it, nothing awaits or cancels the others.""",
    bad="""\
import asyncio


async def both(one, two):
    a = asyncio.create_task(one())
    b = asyncio.create_task(two())
    first = await a
    second = await b
    return first, second
""",
    good="""\
import asyncio


async def both(one, two):
    a = asyncio.create_task(one())
    b = asyncio.create_task(two())
    try:
        first = await a
        second = await b
    finally:
        b.cancel()
    return first, second
""",
    fix="`finally` or `except`",
    cure="""\
A `try` around the lines from the creation to the last that needs the task, or around fewer. Its
`finally` cancels the task, or an `except BaseException` does and raises again, whichever changes
fewer lines. If nothing fails, the cure cancels nothing that runs.""",
    fires=_fires,
)
