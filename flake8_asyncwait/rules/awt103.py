"""AWT103: the cleanup reads a result that is not there."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.analysis.states.trace import read_in
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
    reads = ((step.line, *read_in(step.what)) for step in loss.history.steps())
    line, name, what = next(read for read in reads if read[1])
    there = f"cancel {subject.text} there" if subject.has_name else f"name {subject.them} before"
    return (
        f"{when(loss, place)}, '{name}' is {what}, so line {line} cannot cancel {subject.text}; "
        f"{there}"
    )


RULE = Rule(
    code="AWT103",
    name="cleanup-of-unbound-result",
    default=True,
    summary="The cleanup of an early wait reads its result, which a cancellation leaves unassigned",
    rationale="""\
If something cancels `done, pending = await asyncio.wait(...)`, neither name is assigned. A
`finally` or handler that loops over `pending` then raises `UnboundLocalError`, or loops over the
empty set that `pending` was before, and every waited task keeps running.""",
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
    fix="`finally` or `except`",
    cure="""\
The fix assigns the waited tasks to the name that the cleanup reads, before the wait. Where that is
not enough, it cancels the tasks themselves in a `finally` or an `except BaseException`. It leaves
the code alone where a task is handed over to somebody else.""",
    fires=_fires,
)
