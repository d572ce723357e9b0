"""AWT105: the letter of the rule."""

from __future__ import annotations

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.verdict.outcome import Outcome


def _fires(outcome: Outcome) -> Hit | None:
    loss = outcome.kept
    if not outcome.early or loss is None:
        return None
    return Hit(
        f"{loss.label} may run on after an early asyncio.wait(): it is not cancelled in a finally, "
        "whoever owns it",
        loss.history,
    )


RULE = Rule(
    code="AWT105",
    name="pending-not-cancelled-in-finally",
    default=False,
    summary="The pending tasks of an early wait are not cancelled in a finally",
    rationale="""\
The letter of the rule, whoever owns the tasks: an early wait is followed, on every path, by a
cancellation of what is pending. For teams that want every site to be explicit.""",
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
    cure="""\
A `finally` cancels those of the waited tasks that the function made. Tasks that belong to somebody
else are left alone: whether they may be cancelled is for you to say.""",
    fires=_fires,
)
