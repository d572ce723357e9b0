"""What can be reached from an object, as far as tasks go."""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from types import (
    AsyncGeneratorType,
    BuiltinMethodType,
    CodeType,
    CoroutineType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
)

from flake8_asyncwait.replay.lives import Backstage, Life, Standin

CONTAINERS = (dict, list, tuple, set, frozenset, deque)
_ADDING = frozenset({"append", "add", "insert", "appendleft", "extend", "update", "setdefault"})
OPAQUE = (type, ModuleType, CodeType, str, bytes, int, float, Backstage)


def reached(things: Iterable[object]) -> Iterator[Life]:
    """Yield the lives of all tasks that can be reached from some objects."""
    seen: set[int] = set()
    todo = list(things)
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, Standin) and (life := thing.standin_life()):
            yield life
        todo.extend(inside(thing))


def behind(thing: object, origins: bool = True) -> Iterator[object]:
    """Yield an object, and all those that it holds, was given or comes from; without `origins`
    those are left out that what it was given comes from."""
    seen: set[int] = set()
    todo = [*_lineage(thing)]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo.extend(inside(one))
        if isinstance(one, Standin):
            todo += one.standin_given()
            todo += [one.standin_origin()] if origins else []


def _lineage(thing: object) -> Iterator[object]:
    """Yield an object, what it is a part or a result of, what that is one of, and so on."""
    while thing is not None:
        yield thing
        thing = thing.standin_origin() if isinstance(thing, Standin) else None


def inside(thing: object) -> Iterable[object]:
    """Return what can be reached from an object in one step, as far as tasks go."""
    if isinstance(thing, Standin):
        return thing.standin_holds()
    if isinstance(thing, dict):
        return [*thing.keys(), *thing.values()]
    if isinstance(thing, CONTAINERS):
        return list(thing)
    if isinstance(thing, FunctionType):
        return captured(thing)
    if isinstance(thing, MethodType):
        return [thing.__self__, thing.__func__]
    if isinstance(thing, partial):
        return [thing.func, *thing.args, *thing.keywords.values()]
    if isinstance(thing, BaseException):
        return thing.args
    if isinstance(thing, (GeneratorType, CoroutineType, AsyncGeneratorType)):
        return _frame_locals(thing)
    if thing is None or isinstance(thing, OPAQUE):
        return ()
    if hasattr(thing, "__dict__"):
        return list(vars(thing).values())
    return gc.get_referents(thing)


def captured_by(thing: object) -> Iterator[object]:
    """Yield an object, or what a stand-in holds, and what the collections and functions among it
    hold and capture."""
    todo = list(thing.standin_holds() if isinstance(thing, Standin) else (thing,))
    seen: set[int] = set()
    while todo:
        one = todo.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, (FunctionType, *CONTAINERS)):
            todo.extend(inside(one))


def called_with(function: object) -> Iterable[object]:
    """Return what a function has when it is called with nothing."""
    if isinstance(function, (MethodType, BuiltinMethodType)):
        return [function.__self__]
    return captured_by(function)


def may_add(function: object) -> bool:
    """Say whether a function, or one that it captures, puts something into what it has: a method
    that it names does."""
    if isinstance(function, (MethodType, BuiltinMethodType)):
        return function.__name__ in _ADDING
    codes = (one.__code__ for one in captured_by(function) if isinstance(one, FunctionType))
    return any(not _ADDING.isdisjoint((*code.co_names, *_texts(code))) for code in codes)


def _texts(code: CodeType) -> Iterator[str]:
    return (each for each in code.co_consts if isinstance(each, str))


def captured(function: FunctionType) -> list[object]:
    """Return what a function captures, as far as it is bound."""
    found: list[object] = [*(function.__defaults__ or ())]
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # not bound yet
            continue
    return found


def _frame_locals(thing: object) -> list[object]:
    for attribute in ("gi_frame", "cr_frame", "ag_frame"):
        frame = getattr(thing, attribute, None)
        if frame is not None:
            return list(frame.f_locals.values())
    return []
