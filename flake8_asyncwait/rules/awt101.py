"""AWT101: an early wait leaves tasks running."""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.analysis.states.trace import DROPPED, TIMEOUT
from flake8_asyncwait.rules.rule import Hit, Rule
from flake8_asyncwait.rules.words import in_a_finally, subject_of
from flake8_asyncwait.verdict.outcome import Loss, Outcome
from flake8_asyncwait.verdict.place import Place


def _fires(outcome: Outcome) -> Hit | None:
    loss = outcome.forgotten
    if not outcome.early or loss is None:
        return None
    return Hit(partial(_says, loss), loss.history)


def _says(loss: Loss, place: Place) -> str:
    subject, end = subject_of(loss, place), loss.end
    is_dropped = end.what == DROPPED
    loop = place.loop_with(end.line)
    if is_dropped and subject.has_name and loop is not None:
        which = "" if loop is place.innermost_loop else f" on line {loop.lineno}"
        drops = (
            f"each turn of the loop{which} drops {subject.text} while {subject.they} may still run"
        )
        return f"{drops}; cancel {subject.them} first"
    timed_out = any(step.choice == TIMEOUT for step in loss.history.steps())
    ends = "time out and leave" if timed_out else "leave"
    problem = f"{place.name}() may {ends} {subject.text} running"
    if is_dropped and not subject.has_name:
        return in_a_finally(problem, subject)
    by = f" by line {end.line}" if place.is_behind(end.line) else ""
    return in_a_finally(f"{problem}, and nothing cancels {subject.them}{by}", subject)


RULE = Rule(
    code="AWT101",
    name="pending-task-not-cancelled",
    default=True,
    summary="An early wait leaves tasks running, and nothing cancels them",
    rationale="""\
`asyncio.wait()` does not cancel what is pending when it returns early. If this function made a task
and nothing cancels it, awaits it or hands it over, the task keeps running, and nobody sees how it
ends.""",
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
        done, _ = await asyncio.wait(
            {a, b}, return_when=asyncio.FIRST_COMPLETED
        )
    finally:
        a.cancel()
        b.cancel()
    return done.pop().result()
""",
    fix="`wait_any` or `finally`",
    cure="""\
Where nothing needs the pending tasks after the wait, the fix calls `wait_any`, which cancels them
before it returns. Where something does, it adds a `finally` that cancels them. It leaves the code
alone where a task is handed over to somebody else, or where a cancel could hit a task that is still
needed. If a task is meant to run on, such as a payment, nothing in the code says so yet: keep a
reference to it where somebody looks after it (`self._tasks.add(task)`), and nothing is found.""",
    fires=_fires,
)
