"""The parts that messages share: when it happens, what keeps running, what to do."""

from __future__ import annotations

from flake8_asyncwait.analysis.states.trace import FAULT, Trace
from flake8_asyncwait.verdict.outcome import Loss, Struck
from flake8_asyncwait.verdict.place import Place, Subject

# Longer messages get shorter advice.
_LONG = 95


def subject_of(loss: Loss, place: Place) -> Subject:
    """The tasks that are lost."""
    return place.subject(loss.names, loss.lines)


def when(loss: Loss, place: Place) -> str:
    """The fault under which they are lost, as a clause; "" where there is none."""
    fault = _fault(loss)
    if fault is None:
        return ""
    kind, here = fault.choice.taken, place.is_at(fault.line)
    line = _line_of(fault, place)
    if kind == "CancelledError":
        this = "await" if place.is_awaited else "wait"
        return f"if this {this} is cancelled" if here else f"if {line} is cancelled"
    if kind == "GeneratorExit":
        return f"if the generator is closed on {line}"
    if kind == "TimeoutError":
        return f"if {line} times out"
    return f"if {line} raises"


def _line_of(fault: Trace, place: Place) -> str:
    """Where a fault strikes."""
    helper, line = place.helper(fault.line), place.shown(fault.line)
    return f"{line} in {helper}" if helper else line


def skipped(loss: Loss, place: Place) -> str:
    """The first line that would cancel the tasks and that the fault skips, as a clause."""
    fault = _fault(loss)
    reached = {step.line for step in loss.history.steps()}
    lines = [line for line in loss.cancelled_on if place.is_inside(line) and line not in reached]
    if fault is None:
        return ""
    behind = [line for line in lines if line > fault.line]
    if not behind and place.loop_with(fault.line) is not None:
        behind = [line for line in lines if place.loop_with(line) is not None]
    return f": line {min(behind)} is skipped" if behind else ""


def when_struck(struck: Struck, place: Place) -> str:
    """The faults of one line under which tasks of the family are lost, as a clause."""
    fault = _fault(struck.loss)
    assert fault is not None, "it is lost under one"
    if fault.choice.taken == "GeneratorExit":
        return f"if the generator is closed on {_line_of(fault, place)}"
    ways = [
        way
        for way, is_so in (("fails", struck.fails), ("is cancelled", struck.is_cancelled))
        if is_so
    ]
    return f"if {_line_of(fault, place)} {' or '.join(ways)}"


def struck_on(struck: Struck) -> int:
    """The line on which the fault strikes."""
    fault = _fault(struck.loss)
    return 0 if fault is None else fault.line


def in_a_finally(problem: str, subject: Subject, remark: str = "") -> str:
    """A problem, and that a `finally` cures it, with a `remark` behind that."""
    advice = [f"cancel {subject.them} in a finally", "use a finally"]
    if not subject.has_name:
        advice = [f"name {subject.them}, and {advice[0]}", f"name {subject.them}, and {advice[1]}"]
        advice.append("use a finally")
    return advised(problem, *(f"{each}{remark}" for each in advice))


def advised(problem: str, *advice: str) -> str:
    """A problem with what to do about it: the first advice with which the message is not long, else
    the last."""
    messages = [f"{problem}; {each}" for each in advice]
    return next((each for each in messages if len(each) <= _LONG), messages[-1])


def hint(place: Place) -> str:
    """What asyncio has for a function that waits for one task for some time, and then asks whether
    it is done; "" for any other wait."""
    task = place.lone_task
    if task is None:
        return ""
    return f"if '{task}' should stop when the time is over, use asyncio.timeout() or wait_for()"


def _fault(loss: Loss) -> Trace | None:
    """The step at which a fault strikes."""
    steps = loss.history.steps()
    return next((step for step in steps if step.choice.kind == FAULT), None)
