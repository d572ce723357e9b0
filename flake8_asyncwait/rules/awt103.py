"""AWT103: the cleanup reads a result that is not there."""

from __future__ import annotations

from flake8_asyncwait.rules.rule import Hit, Rule, fault_of
from flake8_asyncwait.verdict.outcome import Outcome


def _fires(outcome: Outcome) -> Hit | None:
    loss = outcome.unbound
    if not outcome.early or loss is None:
        return None
    fault, _ = fault_of(loss)
    return Hit(
        f"{loss.label} outlives {fault}: the cleanup reads the result of the wait, which is not "
        "bound then, or still an older, empty one; cancel the waited tasks themselves",
        loss.history,
    )


RULE = Rule(
    code="AWT103",
    name="cleanup-of-unbound-result",
    default=True,
    summary="The cleanup of an early wait reads the result, which a cancellation leaves unbound",
    rationale="""\
`done, pending = await asyncio.wait(...)` binds nothing when the wait is cancelled. A `finally` or
handler that loops over `pending` then raises `UnboundLocalError`, or loops over the empty set that
`pending` was bound to before, and every waited task runs on.""",
    bad="""\
import asyncio


async def first(work, disconnected):
    tasks = {asyncio.create_task(work()), asyncio.create_task(disconnected())}
    pending = set()
    try:
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in pending:
            task.cancel()
""",
    good="""\
import asyncio


async def first(work, disconnected):
    tasks = {asyncio.create_task(work()), asyncio.create_task(disconnected())}
    pending = tasks
    try:
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in pending:
            task.cancel()
""",
    cure="""\
The name that the cleanup reads is bound to the waited tasks before the wait. Where that does not
do, a `finally` cancels these tasks themselves. The code is left alone where one of them is handed
over to somebody else.""",
    fires=_fires,
)
