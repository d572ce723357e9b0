"""AWT102: a cancellation or an exception passes the cleanup by."""

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
    name="cleanup-passed-by",
    default=True,
    summary="A cancellation or an exception passes the cleanup of an early wait by",
    rationale="""\
When the waiting coroutine is itself cancelled, `asyncio.wait()` raises `CancelledError` and every
waited task runs on, where `asyncio.gather` would have cancelled them. A cleanup that stands after
the wait is not reached then; it belongs in a `finally`.""",
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
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return done.pop().result()
    finally:
        for task in tasks:
            task.cancel()
""",
    cure="""\
`wait_any` takes the place of the call and of the loop that cancels, where nothing needs the pending
tasks after it. Where something does, the cleanup goes into a `finally` that cancels all waited
tasks. The code is left alone where a task is handed over to somebody else, or where a cancel could
strike a task that is still needed.""",
    fires=_fires,
)
