"""AWT102: a cancellation or an exception skips the cleanup."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.rules.words import in_a_finally, skipped, subject_of, when
from flake8_asyncwait.verdict.outcome import Loss, Outcome
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    loss = outcome.passed_by
    if not outcome.early or loss is None:
        return None
    return Hit(partial(_says, loss), loss.history)


def _says(loss: Loss, place: Place) -> str:
    subject = subject_of(loss, place)
    problem = f"{when(loss, place)}, {subject.do('keep')} running{skipped(loss, place)}"
    return in_a_finally(problem, subject)


RULE = Rule(
    code="AWT102",
    name="cleanup-skipped",
    default=True,
    summary="A cancellation or an exception skips the cleanup of an early wait",
    rationale="""\
If something cancels the function while it waits, `asyncio.wait()` raises `CancelledError`, and
every task that it waits for keeps running. (`asyncio.gather` would cancel them.) A cleanup after
the wait is then skipped: it belongs in a `finally`.""",
    bad="""\
import asyncio


async def first(work, disconnected):
    tasks = {asyncio.create_task(work()), asyncio.create_task(disconnected())}
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return done.pop().result()
""",
    good="""\
import asyncio


async def first(work, disconnected):
    tasks = {asyncio.create_task(work()), asyncio.create_task(disconnected())}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
    return done.pop().result()
""",
    fix="`wait_any`, `finally` or `except`",
    cure="""\
Where nothing needs the pending tasks after the wait, the fix calls `wait_any` and removes the loop
that cancels them. Where something does, it cancels all waited tasks in a `finally`. Where the tasks
are in order unless something is raised, it cancels them in an `except BaseException`. It leaves the
code alone where a task is handed over to somebody else, or where a cancel could hit a task that is
still needed.""",
    fires=_fires,
)
