"""AWT105: the letter of the rule."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.rules.words import in_a_finally, subject_of, when
from flake8_asyncwait.verdict.outcome import Loss, Outcome
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    loss = outcome.kept
    if not outcome.early or loss is None:
        return None
    return Hit(partial(_says, loss), loss.history)


def _says(loss: Loss, place: Place) -> str:
    subject, fault = subject_of(loss, place), when(loss, place)
    if fault:
        problem = f"{fault}, {subject.do('keep')} running"
    else:
        problem = f"{place.name}() may leave {subject.text} running"
    return in_a_finally(problem, subject, f", whoever made {subject.them}")


RULE = Rule(
    code="AWT105",
    name="pending-not-cancelled-in-finally",
    default=False,
    summary="The pending tasks of an early wait are not cancelled in a finally",
    rationale="""\
Every early wait must be followed, on every path, by a cancel of what is pending, whoever made the
tasks. This code is for teams that want every wait to be explicit.""",
    bad="""\
import asyncio


class Connection:
    async def closed_or_read(self):
        await asyncio.wait([self._closed, self._reader], return_when=asyncio.FIRST_COMPLETED)
""",
    good="""\
import asyncio


class Connection:
    async def closed_or_read(self):
        tasks = [self._closed, self._reader]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
""",
    fix="`finally`, for tasks of the function",
    cure="""\
The fix adds a `finally` that cancels those of the waited tasks that the function made. It leaves
other tasks alone: you decide whether they may be cancelled.""",
    fires=_fires,
)
