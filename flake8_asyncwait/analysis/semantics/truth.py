"""Whether values are true."""

from __future__ import annotations

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
    return True if is_something(value) else None


def is_something(value: Value) -> bool:
    """Whether a value is neither None nor a constant, and true where it is no collection."""
    if isinstance(value, Method):
        return value.is_sure
    return isinstance(value, (Ref, Function, Coroutine, Waiting, Raised, Primitive, Instance))
