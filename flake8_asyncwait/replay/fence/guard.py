"""What the judged code is never shown, and what of a stand-in it is."""

from __future__ import annotations

import sys
import typing
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from types import (
    BuiltinMethodType,
    CodeType,
    DynamicClassAttribute,
    FrameType,
    FunctionType,
    GenericAlias,
    MethodType,
    ModuleType,
    SimpleNamespace,
    TracebackType,
)
from typing import Any

from flake8_asyncwait.replay.fence import harmless, library, managers
from flake8_asyncwait.replay.lives import Backstage, ExpectedError, InjectedError
from flake8_asyncwait.replay.text.confine import (
    MODULE_NAME,
    is_class,
    is_own,
    members_of,
    module_of,
    mro_of,
    name_of,
)
from flake8_asyncwait.replay.world import (
    completed,
    facts,
    futures,
    methods,
    scheduler,
    standins,
    unknown,
    waiting,
)
from flake8_asyncwait.replay.world.facts import Base, Facts, Metaclass
from flake8_asyncwait.replay.world.stage import Stage

# The last of them evaluates names, from Python 3.14 on.
GUARDED_MODULES = frozenset(
    {"asyncio", "_asyncio", "concurrent", __name__.partition(".")[0], "annotationlib"}
)
# What reads attributes of something else, and how to ask it for that: what inherits from one of
# these may say something else.
FORWARDING: tuple[tuple[type, Callable[[object], object]], ...] = tuple(
    (kind, vars(kind)[where].__get__)
    for kind, where in ((super, "__self__"), (MethodType, "__func__"), (GenericAlias, "__origin__"))
)
# Generic classes, subscripted: these also set attributes of something else.
ALIASES = mro_of(type(typing.Annotated[int, ""]))[:-1]
_ADDING = frozenset({"append", "add", "insert", "appendleft"})
# What the judged code is never shown, by whatever way it may have come by it.
INSIDES = (Backstage, Stage, Facts, ModuleType, CodeType, FrameType, TracebackType)
# What a class reads attributes with: it acts on what it holds, whoever has put that there.
DESCRIPTORS = (DynamicClassAttribute, classmethod, staticmethod)
NOT_SHOWN = (*INSIDES, *ALIASES, *DESCRIPTORS, typing.ForwardRef)
# What only a module's names say of it. All but those of C have the first, and all have the second.
OF_MODULES = ("__builtins__", "__spec__")
# Of the library's objects, those that hold what they are given and do nothing with it.
HOLDING = (FunctionType, SimpleNamespace)
# Of each class of stand-ins, what it shows: one that inherits from it may say something else.
SHOWN: Mapping[int, frozenset[str]] = {
    id(kind): kind.SHOWN
    for module in (
        completed,
        facts,
        futures,
        library,
        managers,
        methods,
        scheduler,
        standins,
        unknown,
        waiting,
    )
    for kind in vars(module).values()
    if isinstance(kind, type) and hasattr(kind, "SHOWN")
}
ATOMS = (str, int, float, bool, type(None))  # what most are given most
ELEMENTS: Mapping[type, Callable[[Any], Iterable[object]]] = {
    **{kind: vars(kind)["__iter__"] for kind in (list, tuple, set, frozenset)},
    dict: lambda names: [*dict.keys(names), *dict.values(names)],
}
NOTHING = Backstage()
OURS = __name__.partition(".")[0]
INHERITED = (Base.__name__, Metaclass.__name__)
_globals_of: Callable[[object], Mapping[str, object]] = vars(FunctionType)["__globals__"].__get__
_class_of_super: Callable[[object], type] = vars(super)["__self_class__"].__get__
_owner_of: Callable[[object], object] = vars(MethodType)["__self__"].__get__


def is_inside(thing: object) -> bool:
    """Say whether the judged code must never have an object in its hands."""
    kind = type(thing)
    if kind is MethodType:
        return is_inside(_owner_of(thing))
    if _is_own_method(thing) or (kind is dict and _is_of_modules(thing)):
        return True
    return issubclass(kind, INSIDES) or (is_class(thing) and (thing is type or is_guarded(thing)))


def _is_of_modules(names: Any) -> bool:
    """Say whether a dictionary holds the names of a module, or all modules."""
    return names is sys.modules or any(name in names for name in OF_MODULES)


def is_librarys(thing: object) -> bool:
    """Say whether something is a function of the library, written in Python."""
    return type(thing) is FunctionType and _module_of_function(thing) not in (MODULE_NAME, OURS)


def _is_own_method(thing: object) -> bool:
    """Say whether something is a function of one of our classes, but of those that the judged code
    inherits from: with what is no instance, it does who knows what."""
    if type(thing) is not FunctionType or _module_of_function(thing) != OURS:
        return False
    holder, _, _ = thing.__qualname__.rpartition(".")
    return bool(holder) and not holder.endswith("<locals>") and holder not in INHERITED


def _module_of_function(function: object) -> object:
    """Return the module that a function looks names up in; for all of ours, the package."""
    name = _globals_of(function).get("__name__")
    return OURS if type(name) is str and name.partition(".")[0] == OURS else name


def is_secret(thing: object) -> bool:
    """Say whether no function of the judged code may be given an object, or a collection that it
    is in, however deep."""
    if type(thing) in ATOMS:
        return False
    seen: set[int] = set()
    todo = [thing]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        if _is_secret(one):
            return True
        todo += _held(one)
    return False


def _held(thing: object) -> Iterable[object]:
    """Return what is in a collection: by Python's own ways, for one of the judged code may say
    something else."""
    kind = type(thing)
    for one, elements in ELEMENTS.items():
        if issubclass(kind, one):
            return elements(thing)
    return ()


def _is_secret(thing: object) -> bool:
    """Say that of one object. Tracebacks it may pass on, to `__exit__` of something else, and the
    classes of errors it is asked about."""
    kind = type(thing)
    if kind in ATOMS or issubclass(kind, TracebackType):
        return False
    if is_class(thing) and issubclass(thing, BaseException):
        return False
    return is_inside(thing)


def of_library(thing: object, found: Any) -> object:
    """Return what was found as an attribute of something; of the library's functions, only what
    takes instances of the class that they are of."""
    kind = type(thing)
    if not is_librarys(found) or (is_own(kind) and not is_class(thing)):
        return found
    if kind is super:
        return only_own(_class_of_super(thing), found)
    return only_own(thing, found) if is_class(thing) else NOTHING


def only_own(kind: type, function: Any) -> Callable[..., object]:
    """Return a function of one of the library's classes, as it is to be had from a class: like a
    method of C, it takes only an instance, or a class, of those that have it."""
    holders = [one for one in mro_of(kind) if not is_own(one) and _has(one, function)]

    def call(first: object, *args: object, **options: object) -> object:
        kinds = mro_of(first if is_class(first) else type(first))
        if not any(one is holder for one in kinds for holder in holders):
            raise TypeError(f"no {name_of(kind)}")
        return function(first, *args, **options)

    return call


def _has(kind: type, function: object) -> bool:
    members = members_of(kind).values()
    return any(getattr(one, "__func__", one) is function for one in members)


def is_kind_of(kind: type, other: object) -> bool:
    """Say whether a class that the judged code has not made is another one, or inherits from it:
    no class of the judged code is asked, as it would get to know this one."""
    if any(base is other for base in mro_of(kind)):
        return True
    known = any(other is one for one in harmless.MODULES["collections.abc"].values())
    return known and other.__subclasshook__(kind) is True


def is_guarded(thing: object) -> bool:
    """Say whether an object is not of the judged code's making: what it holds is not shown."""
    kind = type(thing)
    for forwarding, behind in FORWARDING:
        if issubclass(kind, forwarding):
            return is_guarded(behind(thing))
    return any(map(_is_guarded_class, mro_of(thing if is_class(thing) else kind)))


def _is_guarded_class(kind: type) -> bool:
    module = module_of(kind)
    if type(module) is not str or module.partition(".")[0] not in GUARDED_MODULES:
        return any(kind is one for one in NOT_SHOWN)
    is_error = any(base is BaseException for base in mro_of(kind))
    if any(kind is one for one in (ExpectedError, InjectedError)):
        return True
    return not (is_error or any(kind is one for one in (Base, Metaclass)))


def shown(found: object) -> object:
    """What is shown of a method of ours: no method, for one that is compared with a method of the
    judged code passes on its function (`types.MethodType(mine, 1) == theirs`)."""
    if type(found) is MethodType and is_guarded(_owner_of(found)):
        return partial(found)
    return found


def method_of(function: object) -> object:
    """The method that is shown as a function, or the function itself."""
    return function.func if type(function) is partial else function


def only_adds(method: object) -> bool:
    """Say whether a method puts an item into a collection of Python's own: that raises nothing."""
    owner = getattr(method, "__self__", None)
    is_pythons = type(method) is BuiltinMethodType and type(owner) in (list, set, deque)
    return is_pythons and method.__name__ in _ADDING  # type: ignore[attr-defined]


def is_changeable(thing: object) -> bool:
    """Say whether an attribute of an object may be set: it is the judged code's own, or only holds
    it. What the library made is everybody's, as its classes are."""
    if is_guarded(thing) or is_librarys(thing):
        return False
    if is_own(thing if is_class(thing) else type(thing)):
        return True
    return any(type(thing) is kind for kind in HOLDING)
