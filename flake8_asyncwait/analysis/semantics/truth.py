"""Whether values are true, and what a question to a task answers."""

from __future__ import annotations

from flake8_asyncwait.analysis.machine.machine import Context, Results
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    ENDED,
    MAYBE_ASKED,
    UNKNOWN,
    Asked,
    AtLeast,
    Box,
    Const,
    Coroutine,
    Function,
    Method,
    Param,
    Primitive,
    Raised,
    Ref,
    Status,
    Value,
    Waiting,
)


def truth(value: Value, state: State) -> bool | None:
    """Whether a value is true; None where that is not known."""
    if isinstance(value, Param) and value.falsy:
        return False
    if isinstance(value, Const):
        return bool(value.value)
    if isinstance(value, AtLeast):
        return True if value.least else None
    thing = state.get(value)
    if type(thing) is Box and not thing.items:
        return None if thing.open else False
    return True if isinstance(value, _TRUE) else None


# Of what is none of a collection, the values that are true.
_TRUE = (Ref, Function, Method, Coroutine, Waiting, Raised, Primitive)


def answers(ctx: Context, state: State, value: Value) -> Results:
    """The ways in which a value that is asked for can be known: a cancel has struck, or the task
    had ended."""
    if not isinstance(value, Asked):
        return [(state, value)]
    task = state.task(value.task)
    if value.again and task.status in ENDED:  # by then, or since
        return [(state, UNKNOWN)]
    if not value.again and task.status not in MAYBE_ASKED:
        return [(state, Const(task.status not in ENDED or task.status == Status.CANCELLED))]
    ctx.machine.free_choices += not task.waited
    if value.again:
        ended = effects.with_status(state, value.task, Status.CANCELLED)
        return [(state, Const(True)), (ended, Const(False))]
    late = task.status == Status.LATE_MAYBE_CANCELLING  # it ran then, and may have ended since
    struck = Status.LATE_CANCELLING if late else Status.CANCELLING
    return [
        (effects.with_status(state, value.task, struck), Const(True)),
        (effects.with_status(state, value.task, Status.DONE), Const(False)),
    ]
