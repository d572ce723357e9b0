"""The parts that messages share: when it happens, what keeps running, what to do."""

from __future__ import annotations

from flake8_asyncwait.analysis.trace import Trace
from flake8_asyncwait.verdict.outcome import Loss
from flake8_asyncwait.verdict.place import Place, Subject

# Longer messages are shortened.
_LONG = 95


def subject_of(loss: Loss, place: Place) -> Subject:
    """The tasks that are lost."""
    return place.subject(loss.names, loss.lines)


def when(loss: Loss, place: Place) -> str:
    """The fault under which they are lost, as a clause; "" where there is none."""
    fault = _fault(loss)
    if fault is None:
        return ""
    kind, here = fault.choice.removeprefix("fault:"), place.is_at(fault.line)
    if kind == "CancelledError":
        this = "await" if place.is_awaited else "wait"
        return f"if this {this} is cancelled" if here else f"if line {fault.line} is cancelled"
    if kind == "GeneratorExit":
        return f"if the generator is closed on line {fault.line}"
    if kind == "TimeoutError":
        return f"if line {fault.line} times out"
    return f"if line {fault.line} raises"


def skipped(loss: Loss, place: Place) -> str:
    """The first line that would cancel the tasks and that the fault skips, as a clause."""
    fault = _fault(loss)
    reached = {step.line for step in loss.history.steps()}
    lines = [line for line in loss.cancelled_on if place.is_inside(line) and line not in reached]
    if fault is None:
        return ""
    behind = [line for line in lines if line > fault.line]
    if not behind and place.shares_a_loop(fault.line):
        behind = [line for line in lines if place.shares_a_loop(line)]
    return f": line {min(behind)} is skipped" if behind else ""


def in_a_finally(problem: str, subject: Subject) -> str:
    """A problem, and that a `finally` cures it."""
    if not subject.has_name:
        return f"{problem}; name {subject.them}, and use a finally"
    return advised(problem, f"cancel {subject.them} in a finally", "use a finally")


def advised(problem: str, advice: str, shorter: str) -> str:
    """A problem with what to do about it: in fewer words where the message would be long."""
    whole = f"{problem}; {advice}"
    return whole if len(whole) <= _LONG else f"{problem}; {shorter}"


def _fault(loss: Loss) -> Trace | None:
    """The step at which a fault strikes."""
    steps = loss.history.steps()
    return next((step for step in steps if step.choice.startswith("fault:")), None)
