"""The enums of the judged code: real ones, whose members are of their own class.

The library lets `__new__` of an enum give anything for a member, sets attributes of that, and calls
its `__init__`; and it gives a class any members that a dictionary names.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any

from flake8_asyncwait.replay.text.confine import is_own, members_left, members_of, mro_of

_original: Callable[..., object] = vars(enum.Enum)["__new__"].__get__(None, enum.Enum)


class Members(enum.EnumMeta):
    """What makes enums."""

    def __new__(mcs, name: str, bases: tuple[type, ...], members: Any, **options: Any) -> Members:
        left = members_left(members)
        dict.clear(members)
        dict.update(members, left)
        make = _maker(bases, left)
        if make is not None:
            members["__new__"] = _checked(make)
        return super().__new__(mcs, name, bases, members, **options)

    def __call__(cls, value: Any, names: Any = None, *_: object, **options: Any) -> Any:
        if names is None:
            return super().__call__(value)
        kinds = (options["type"], cls) if "type" in options else (cls,)
        members = type(cls).__prepare__(value, kinds)
        for name, each in _pairs(names):
            if type(name) is not str:  # one that says that it is another
                raise TypeError(f"{value} has a member whose name is no text")
            members[name] = each
        return Members(value, kinds, members)


def _maker(bases: tuple[type, ...], members: Mapping[str, object]) -> Any:
    """Return what the judged code has an enum's members made by."""
    own = [members_of(one) for base in bases for one in mro_of(base) if is_own(one)]
    found = (each.get("__new__") for each in (members, *own))
    made = (one.__func__ if isinstance(one, staticmethod) else one for one in found)
    return next((one for one in made if one is not None and one is not _original), None)


def _checked(make: Callable[..., object]) -> Callable[..., object]:
    def new(kind: type, *args: object, **options: object) -> object:
        found = make(kind, *args, **options)
        if not any(one is kind for one in mro_of(type(found))):
            raise TypeError("a member of an enum is of its class")
        return found

    return new


def _pairs(names: Any) -> list[tuple[str, object]]:
    if isinstance(names, str):
        names = names.replace(",", " ").split()
    listed = list(names.items()) if isinstance(names, Mapping) else list(names)
    return [(one, enum.auto()) if isinstance(one, str) else (one[0], one[1]) for one in listed]


def shown(*names: str) -> dict[str, type]:
    """Return the library's classes of enums, of those named that this Python has."""
    kinds = {name: getattr(enum, name) for name in names if hasattr(enum, name)}
    return {name: _own(name, kind) for name, kind in kinds.items()}


def _own(name: str, kind: type) -> type:
    members = Members.__prepare__(name, (kind,))
    return enum.EnumMeta.__new__(Members, name, (kind,), members)
