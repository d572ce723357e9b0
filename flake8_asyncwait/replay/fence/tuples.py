"""`namedtuple` and `NamedTuple` for the judged code: the library's compile text, these do not."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from keyword import iskeyword
from operator import itemgetter
from typing import Any

from flake8_asyncwait.replay.lives import Standin
from flake8_asyncwait.replay.text.confine import (
    MODULE_NAME,
    is_bindable,
    is_dunder,
    members_left,
    name_of,
)


def namedtuple(
    typename: str,
    field_names: Iterable[str] | str,
    *,
    rename: bool = False,
    defaults: Iterable[object] | None = None,
    module: object = None,
) -> Any:
    """Stand in for `collections.namedtuple`."""
    split = type(field_names) is str
    names = field_names.replace(",", " ").split() if split else list(field_names)  # type: ignore[union-attr]
    if rename:
        for at, name in enumerate(names):
            if not _is_field(name) or name in names[:at]:
                names[at] = f"_{at}"
    elif not all(map(_is_field, names)) or len(set(names)) < len(names):
        raise ValueError("a field has a name that it cannot have")
    values = list(defaults or ())
    return _made(typename, names, dict(zip(names[len(names) - len(values) :], values, strict=True)))


def _is_field(name: object) -> bool:
    if type(name) is not str or not name.isidentifier():
        return False
    return not (iskeyword(name) or name.startswith("_"))


def _made(typename: str, names: list[str], defaults: Mapping[str, object]) -> Any:
    fields = tuple(names)

    def make(kind: type, /, *args: object, **options: object) -> Any:
        given = dict(zip(fields, args, strict=False))
        known = {**defaults, **given, **options}
        twice = given.keys() & options.keys()
        if twice or len(args) > len(fields) or known.keys() != set(fields):
            raise TypeError(f"{name_of(kind)} takes {', '.join(fields)}")
        return tuple.__new__(kind, [known[name] for name in fields])

    def from_all(kind: type, things: Iterable[object]) -> Any:
        return make(kind, *things)

    def replaced(one: tuple[object, ...], /, **options: object) -> Any:
        return make(type(one), **{**as_dict(one), **options})

    def as_dict(one: tuple[object, ...]) -> dict[str, object]:
        return dict(zip(fields, one, strict=True))

    def shown(one: tuple[object, ...]) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in as_dict(one).items())
        return f"{name_of(type(one))}({inside})"

    members = {
        "__module__": MODULE_NAME,
        "__slots__": (),
        "__new__": make,
        "__repr__": shown,
        "_asdict": as_dict,
        "_field_defaults": dict(defaults),
        "_fields": fields,
        "_make": classmethod(from_all),
        "_replace": replaced,
    }
    got = {name: property(itemgetter(at)) for at, name in enumerate(fields)}
    return type(typename, (tuple,), {**members, **got})


class Typed(type):
    """What makes a class of `NamedTuple`: its annotations are the fields."""

    def __new__(
        mcs, name: str, bases: tuple[type, ...], members: dict[object, object], **_: object
    ) -> Any:
        kept = members_left(members)
        noted = {one: value for one, value in kept.items() if "annot" in one and is_dunder(one)}
        fields = list(getattr(type(name, (), noted), "__annotations__", {}))
        kind = _made(name, fields, {one: kept[one] for one in fields if one in kept})
        for one, value in kept.items():
            if one not in (*fields, *vars(kind), "__init__") and is_bindable(one):
                setattr(kind, one, value)
        return kind


BASE = type.__new__(Typed, "NamedTuple", (), {"__module__": MODULE_NAME})


class NamedTuples(Standin):
    """The stand-in for `typing.NamedTuple`."""

    __slots__ = ()

    def __call__(self, typename: str, fields: Iterable[tuple[str, object]] = ()) -> object:
        return namedtuple(typename, [name for name, _ in fields])

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        return (BASE,)
