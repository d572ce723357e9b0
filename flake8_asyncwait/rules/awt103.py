"""AWT103: the cleanup reads a result that is not there."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.rules.words import subject_of, when
from flake8_asyncwait.verdict.outcome import Loss, Outcome
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    loss = outcome.unbound
    if not outcome.early or loss is None:
        return None
    return Hit(partial(_says, loss), loss.history)


def _says(loss: Loss, place: Place) -> str:
    subject = subject_of(loss, place)
    name, line, what = place.stale_read()
    there = f"cancel {subject.text} there" if subject.has_name else f"name {subject.them} before"
    return (
        f"{when(loss, place)}, '{name}' is {what}, so line {line} cannot cancel {subject.text}; "
        f"{there}"
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
