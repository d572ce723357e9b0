"""What the judged code may have for real: some builtins, and a little of the standard library.

Nothing here opens, imports, runs or finds anything, or reads an attribute by its name. What is not
listed is an unknown.
"""

from __future__ import annotations

import abc
import builtins
import collections
import collections.abc
import contextlib
import enum
import functools
import itertools
import operator
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

from flake8_asyncwait.replay.fence import enums, managers, tuples
from flake8_asyncwait.replay.lives import Standin
from flake8_asyncwait.replay.text.confine import (
    MODULE_NAME,
    is_class,
    is_method,
    is_open,
    is_own,
    members_of,
    mro_of,
)
from flake8_asyncwait.replay.text.locate import words
from flake8_asyncwait.replay.world.facts import Base, Metaclass, inherited

NAMES = words(
    """
    Ellipsis False None NotImplemented True abs aiter all anext any ascii bin bool
    bytearray bytes callable chr classmethod complex delattr dict divmod enumerate filter float
    format frozenset getattr hasattr hash hex id int isinstance issubclass iter len list map max
    memoryview min next object oct ord pow print property range repr reversed round set setattr
    slice sorted staticmethod str sum super tuple type zip
    """
)
BUILTINS: dict[str, object] = {
    name: value
    for name, value in vars(builtins).items()
    if name in NAMES or (isinstance(value, type) and issubclass(value, BaseException))
}


class Form(Standin):
    """What annotations are made of: it may be subscripted, joined, called and inherited from."""

    __slots__ = ("base",)

    def __init__(self, base: type = Base) -> None:
        self.base = base

    def __getitem__(self, parameters: object) -> Form:
        return self

    def __or__(self, other: object) -> Form:
        return self

    __ror__ = __or__

    def __call__(self, *args: object, **options: object) -> Form:
        return self

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        return inherited(self, bases, self.base)


class Kinds(Form):
    """The stand-in for `type`: what it makes is real, and what it tells of a stand-in unknown."""

    __slots__ = ("tell",)

    def __init__(self, tell: Callable[[object], object]) -> None:
        super().__init__(Metaclass)
        self.tell = tell

    def __call__(self, *args: Any, **options: object) -> Any:
        if len(args) < 2:
            return self.tell(*args)
        name, bases, members = args
        given = dict(members).items()
        shown = {name: one for name, one in given if is_open(name) and is_method(name, one)}
        return type(name, bases, {**shown, "__module__": MODULE_NAME}, **options)

    def __subclasscheck__(self, kind: type) -> bool:
        return issubclass(kind, type)


FIELDS = "__fields__"


class Field:
    """What `dataclasses.field()` gives: how to make a default."""

    def __init__(
        self,
        *,
        default: object = None,
        default_factory: Callable[[], object] | None = None,
        **_: object,
    ) -> None:
        self.make = default_factory or (lambda: default)


def dataclass(kind: type | None = None, **_: object) -> Any:
    """Stand in for `dataclasses.dataclass`, which compiles text: a class whose fields are set.

    Only of the judged code's own classes, and only what it may set itself.
    """
    if kind is None:
        return dataclass
    # A metaclass of the judged code would be shown what is set on its class.
    if not (is_class(kind) and is_own(kind) and type(kind) in (type, abc.ABCMeta)):
        return kind
    own = getattr(kind, "__annotations__", ())
    names = tuple(name for name in [*getattr(kind, FIELDS, ()), *own] if is_open(name))

    def initialise(self: Any, *args: object, **options: object) -> None:
        if not any(base is kind for base in mro_of(type(self))):
            raise TypeError
        for name in names:
            default = getattr(kind, name, None)
            setattr(self, name, default.make() if isinstance(default, Field) else default)
        for name, value in [*zip(names, args, strict=False), *options.items()]:
            if is_open(name):
                setattr(self, name, value)
        if hasattr(self, "__post_init__"):
            self.__post_init__()

    setattr(kind, FIELDS, names)
    if "__init__" not in vars(kind):
        kind.__init__ = initialise  # type: ignore[misc]
    return kind


PREPARES = (vars(type)["__prepare__"], vars(enum.EnumMeta)["__prepare__"])


def chooses_names(metaclass: type) -> bool:
    """Say whether a metaclass chooses what the names in the body of a class are looked up in: it
    has a `__prepare__` of its own, or may answer that it has."""
    if type(metaclass) is not type:
        return True
    found = (members_of(one).get("__prepare__") for one in mro_of(metaclass))
    prepare = next((one for one in found if one is not None), None)
    return prepare is not None and not any(prepare is one for one in PREPARES)


def without_generic(bases: tuple[type, ...]) -> tuple[type, ...]:
    """Return the bases of a class with what `class K[T]` has of Python (`typing.Generic`) replaced
    by what the `Generic` that is imported stands for."""
    if not any(one is typing.Generic for one in bases):
        return bases
    left = tuple(one for one in bases if one is not typing.Generic)
    has_base = any(one is Base for kind in left for one in mro_of(kind))
    return left if has_base else (*left, Base)


def _same(thing: object, *_: object, **__: object) -> object:
    return thing


def _second(kind: object, thing: object) -> object:
    return thing


def _wraps(wrapped: object, *_: object, **__: object) -> Callable[[object], object]:
    return _same


def _cached(function: object = None, *_: object, **__: object) -> object:
    return function if callable(function) else _same


def _new_type(name: str, kind: object) -> Callable[[object], object]:
    return _same


def _shown(module: types.ModuleType, names: str) -> dict[str, Any]:
    """Return the members of a module that this Python has, of those named."""
    return {name: getattr(module, name) for name in names.split() if hasattr(module, name)}


_ABC = {name: getattr(collections.abc, name) for name in collections.abc.__all__}
_FORMS: dict[str, object] = {name: Form() for name in typing.__all__}

# What is shown, and why. Types of C read nothing by a name that they are given, and their methods
# take nothing but instances. Functions and classes written in Python are shown only if they read
# and set no attributes but fixed ones of their own instances (`guard.only_own`
# sees to that) and do not ask any object how it is to be copied or described.
# ABC, the abstract classes and Counter iterate, subscript and compare. A class answers whether it
# has `__iter__` and its like; those of the judged code cannot answer otherwise (`confine.py`).
# What contextlib has enters, leaves, closes, and drives a generator.
# Enums make instances of their own class, and set `_name_`, `_value_` and the like of these.
# Not shown, as they do more: ChainMap, UserDict, UserList (`copy.copy`, which does what
# `__reduce_ex__` says), cached_property (writes into a `__dict__`), partialmethod, singledispatch,
# total_ordering and update_wrapper (set attributes of what they are given), the caches, wraps,
# ContextDecorator, contextmanager and asynccontextmanager (copy a `__dict__`: that of a class holds
# what its attributes are read with), metaclasses (give a class members of any name), attrgetter and
# methodcaller, the library's namedtuple and NamedTuple (compile text).
MODULES: Mapping[str, Mapping[str, object]] = {
    "__future__": {"annotations": None},
    "abc": {
        "ABC": abc.ABC,
        "ABCMeta": Form(Metaclass),
        "abstractclassmethod": classmethod,
        "abstractmethod": _same,
        "abstractproperty": property,
        "abstractstaticmethod": staticmethod,
    },
    "collections": {
        **_shown(collections, "Counter OrderedDict defaultdict deque"),
        "namedtuple": tuples.namedtuple,
    },
    "collections.abc": _ABC,
    "contextlib": {
        **_shown(
            contextlib,
            "AbstractAsyncContextManager AbstractContextManager aclosing closing nullcontext",
        ),
        "asynccontextmanager": managers.asynccontextmanager,
        "contextmanager": managers.contextmanager,
    },
    "dataclasses": {"dataclass": dataclass, "field": Field},
    "enum": {
        **enums.shown("Enum", "Flag", "IntEnum", "IntFlag", "StrEnum"),
        **_shown(enum, "auto member nonmember"),
        "EnumMeta": Form(Metaclass),
        "EnumType": Form(Metaclass),
        "unique": _same,
    },
    "functools": {
        **_shown(functools, "cmp_to_key partial reduce"),
        "cache": _same,
        "lru_cache": _cached,
        "total_ordering": _same,
        "update_wrapper": _same,
        "wraps": _wraps,
    },
    "itertools": {name: value for name, value in vars(itertools).items() if name[0] != "_"},
    "operator": {
        name: value
        for name, value in vars(operator).items()
        if name in operator.__all__ and name not in ("attrgetter", "methodcaller")
    },
    "types": _shown(
        types,
        "AsyncGeneratorType BuiltinFunctionType CoroutineType EllipsisType FunctionType"
        " GeneratorType GenericAlias LambdaType MappingProxyType MethodType ModuleType NoneType"
        " SimpleNamespace TracebackType UnionType",
    ),
    "typing": {
        **_FORMS,
        "TYPE_CHECKING": False,
        "NamedTuple": tuples.NamedTuples(),
        "NewType": _new_type,
        "TypedDict": Form(dict),
        "assert_type": _same,
        "cast": _second,
        "reveal_type": _same,
    },
}
