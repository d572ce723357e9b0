"""Whether values are true."""

from __future__ import annotations

from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    AtLeast,
    Box,
    Const,
    Coroutine,
    Function,
    Instance,
    Method,
    Param,
    Primitive,
    Raised,
    Ref,
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
    return True if is_something(value, state) else None


def is_something(value: Value, state: State) -> bool:
    """Whether a value is neither None nor a constant, and true where it is no collection."""
    if isinstance(value, Method):
        return _is_method(value, state)
    return isinstance(value, (Ref, Function, Coroutine, Waiting, Raised, Primitive, Instance))


def _is_method(value: Method, state: State) -> bool:
    """Whether an attribute is surely a method: of an object that is not known, and under a name
    that its class does not have, it may hold anything (`job.done`, `task.started`)."""
    owner = state.get(value.owner)
    if type(owner) is Box:
        return hasattr(owner.kind, value.name)
    return isinstance(value.owner, Ref) and value.name in known.TASK_METHODS
