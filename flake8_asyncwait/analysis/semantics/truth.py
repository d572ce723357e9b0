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
    return True if isinstance(value, _TRUE) else None


# Of what is none of a collection, the values that are true.
_TRUE = (Ref, Function, Method, Coroutine, Waiting, Raised, Primitive, Instance)
