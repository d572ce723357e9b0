"""AWT101: pending tasks are forgotten."""

from __future__ import annotations

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.verdict.outcome import Outcome


def _fires(outcome: Outcome) -> Hit | None:
    loss = outcome.forgotten
    if not outcome.early or loss is None:
        return None
    end = loss.end
    return Hit(
        f"{loss.label} is forgotten while it may still run: asyncio.wait() returns early and "
        f"{end.what} on line {end.line}; cancel it in a finally",
        loss.history,
    )


RULE = Rule(
    code="AWT101",
    name="forgotten-pending-task",
    default=True,
    summary="An early wait forgets tasks that may still be pending",
    rationale="""\
`asyncio.wait()` does not cancel what is pending when it returns early. A task that this function
made and that nothing cancels, awaits or hands over then runs on with nobody to see how it ends.""",
    bad="""\
import asyncio


async def first(work, disconnected):
    a = asyncio.create_task(work())
    b = asyncio.create_task(disconnected())
    done, _ = await asyncio.wait({a, b}, return_when=asyncio.FIRST_COMPLETED)
    return done.pop().result()
""",
    good="""\
import asyncio


async def first(work, disconnected):
    a = asyncio.create_task(work())
    b = asyncio.create_task(disconnected())
    try:
        done, _ = await asyncio.wait({a, b}, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        a.cancel()
        b.cancel()
""",
    cure="""\
`wait_any` takes the place of the call where nothing needs the pending tasks after it: it cancels
them before it returns. Where something does, a `finally` cancels them at its end. The code is left
alone where a task is handed over to somebody else, or where a cancel could strike a task that is
still needed.""",
    fires=_fires,
)
