"""What the judged code has of the standard library does no more than it should, with anything."""

from __future__ import annotations

import asyncio
import collections
import enum
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any, NamedTuple

import pytest

from flake8_asyncwait.check import check
from flake8_asyncwait.replay.executions.hooks import Hooks
from flake8_asyncwait.replay.fence import harmless, managers, tuples
from flake8_asyncwait.replay.fence.guard import is_secret, only_own
from flake8_asyncwait.replay.fence.surroundings import Surroundings
from flake8_asyncwait.replay.lives import InjectedError
from flake8_asyncwait.replay.proof.proof import PROVED
from flake8_asyncwait.replay.proof.prove import prove
from flake8_asyncwait.replay.text.confine import MODULE_NAME, is_own, members_left
from flake8_asyncwait.replay.world.futures import Task
from flake8_asyncwait.replay.world.scheduler import World
from flake8_asyncwait.replay.world.stage import Stage
from flake8_asyncwait.replay.world.unknown import Unknown
from flake8_asyncwait.replay.world.waiting import HelperCall

# What reads or sets attributes by names that it is given, or asks an object how it is to be copied.
ASKING = {
    *("copy", "delattr", "eval", "exec", "getattr", "hasattr", "setattr", "update_wrapper", "vars"),
    *("__code__", "__deepcopy__", "__dict__", "__globals__", "__reduce_ex__", "_sys", "sys"),
    "wraps",
}
# Those that do nothing but this with it.
REVIEWED = {
    "Set._hash": "sys.maxsize",
    "MutableMapping.update": "asks whether there is a `keys`",
    "Flag._missing_": "asks whether a member has a `_value_`",
    "Flag.__new__": "what it looks for is a default",
    "Enum.__dir__": "of the class; nothing shown calls it",
    "Enum.__new__": "`_missing_` of the class itself",
    "Enum._new_member_": "likewise",
    "IntEnum.__new__": "likewise",
    "IntFlag.__new__": "likewise",
    "StrEnum.__new__": "likewise",
    "ReprEnum.__new__": "likewise",
    "contextmanager": "copies what says what a function is to a new function",
    "asynccontextmanager": "likewise",
}


def in_python() -> Iterator[tuple[str, FunctionType]]:
    """Yield the library's functions that are shown, and those of classes that are."""
    for members in harmless.MODULES.values():
        for name, one in members.items():
            if isinstance(one, FunctionType):
                yield name, one
            for kind in type.mro(one) if isinstance(one, type) else ():
                for inner, each in vars(kind).items():
                    found = getattr(each, "__func__", getattr(each, "fget", each))
                    if isinstance(found, FunctionType):
                        yield f"{kind.__name__}.{inner}", found


def names_in(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from names_in(constant)


def test_nothing_of_the_library_reads_or_sets_what_an_object_says() -> None:
    """A new Python may write it anew: this looks at the one that it runs on."""
    theirs = [(name, one) for name, one in in_python() if not one.__module__.startswith("flake8")]
    assert len(theirs) > 50
    asking = {name for name, one in theirs if ASKING & set(names_in(one.__code__))}
    assert asking - REVIEWED.keys() == set()


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("collections", "ChainMap UserDict UserList UserString"),
        ("functools", "cached_property partialmethod singledispatch singledispatchmethod"),
        ("contextlib", "ContextDecorator AsyncContextDecorator redirect_stdout chdir"),
        ("operator", "attrgetter methodcaller"),
    ],
)
def test_what_does_more_is_not_shown(module: str, names: str) -> None:
    assert not harmless.MODULES[module].keys() & set(names.split())


def test_a_manager_decorates_as_the_librarys_does_and_copies_nothing() -> None:
    told: list[str] = []

    @managers.contextmanager
    def plain(name: str) -> Iterator[str]:
        told.append("enter")
        yield name
        told.append("leave")

    @managers.asynccontextmanager
    async def late(name: str) -> AsyncIterator[str]:
        told.append("enter")
        yield name
        told.append("leave")

    def function() -> str:
        told.append("call")
        return "returned"

    async def coroutine() -> str:
        return function()

    async def enter() -> str:
        async with late("late") as found:
            return str(found)

    function.mine = coroutine.mine = 1  # type: ignore[attr-defined]
    decorated, awaited = plain("x")(function), late("x")(coroutine)
    with plain("plain") as found:
        assert (found, asyncio.run(enter())) == ("plain", "late")
    assert told == ["enter", "enter", "leave", "leave"]
    for _ in range(2):
        told.clear()
        assert (decorated(), asyncio.run(awaited())) == ("returned", "returned")
        assert told == ["enter", "call", "leave"] * 2
    assert not any(map(vars, (decorated, awaited, plain, late)))


@pytest.mark.parametrize("name", ["abc.ABCMeta", "enum.EnumMeta", "functools.total_ordering"])
def test_nor_is_what_changes_a_class(name: str) -> None:
    module, _, name = name.partition(".")
    shown = harmless.MODULES[module][name]
    assert not isinstance(shown, type)
    assert isinstance(shown, harmless.Form) or shown(dict) is dict  # type: ignore[operator]


# -- its classes ----------------------------------------------------------------------------------


@pytest.fixture
def hooks() -> Hooks:
    code = (lambda: None).__code__
    return Hooks(World((), collections.defaultdict(lambda: code), code))


@pytest.fixture
def surroundings(hooks: Hooks) -> Surroundings:
    return hooks.surroundings


class Other:
    maps = data = _mapping = thing = gen = args = func = "not yours"

    def __iter__(self) -> Iterator[object]:
        return iter(())


def methods() -> list[tuple[type, str]]:
    kinds = [one for each in harmless.MODULES.values() for one in each.values()]
    classes = {one for one in kinds if isinstance(one, type)}
    return sorted(
        {
            (kind, name)
            for kind in classes
            for name in dir(kind)
            if type(getattr(kind, name, None)) is FunctionType
            and not getattr(kind, name).__module__.startswith("flake8")
        },
        key=repr,
    )


def test_a_function_of_a_class_takes_an_instance(surroundings: Surroundings) -> None:
    """Else it would read attributes of whatever the code gives it."""
    assert len(methods()) > 40
    for kind, name in methods():
        with pytest.raises(TypeError):
            surroundings.get(kind, name)(Other())  # type: ignore[operator]


def test_and_one_of_a_class_that_inherits_takes_instances_of_both() -> None:
    kind = type("Own", (collections.Counter,), {"__module__": MODULE_NAME})
    most = only_own(kind, collections.Counter.most_common)
    assert most(collections.Counter("aab"), 1) == most(kind("aab"), 1) == [("a", 2)]
    with pytest.raises(TypeError):
        most({})


def test_the_librarys_functions_and_classes_are_everybodys(surroundings: Surroundings) -> None:
    surroundings.set(collections.Counter.most_common, "__doc__", "mine")
    surroundings.set(collections.Counter, "__doc__", "mine")
    assert "mine" not in (collections.Counter.__doc__, collections.Counter.most_common.__doc__)
    register: Any = surroundings.get(collections.abc.Mapping, "register")
    assert register(Other) is Other
    assert not issubclass(Other, collections.abc.Mapping)


# -- what a function of the code is given ---------------------------------------------------------


def frames() -> list[object]:
    def here() -> None:
        """Be looked at."""

    try:
        raise ValueError
    except ValueError as error:
        trace = error.__traceback__
    return [
        here.__code__,
        sys,
        sys._getframe(),
        Stage(),
        Task,
        HelperCall,
        World,
        type,
        Unknown.is_none,
        trace,
    ]


def test_what_is_inside_is_given_to_no_function(hooks: Hooks) -> None:
    """Whoever comes to call it: a method of the library, or the interpreter itself."""
    *secrets, trace = frames()
    got: list[object] = []

    def note(*things: object, **named: object) -> None:
        got.extend([*things, *named.values()])

    def gives(*things: object) -> Iterator[object]:
        yield from things

    def asks(*things: object) -> object:
        return things[-1]

    takes: list[Any] = [hooks.helper(note), hooks.given(lambda *things: note(*things))]
    takes.append(lambda *things: got.extend(hooks.helper(gives)(*things)))  # type: ignore[operator]
    for secret in [*secrets, hooks, hooks.world.new_serial]:
        assert is_secret(secret), secret
        for take in takes:
            take(secret)
        hooks.helper(note)(named=secret)  # type: ignore[operator]
    assert {type(one) for one in got} == {Unknown}
    assert not any(one.is_none() for one in got)  # type: ignore[attr-defined]
    got.clear()
    known = [1, "x", None, trace, InjectedError, InjectedError(1), ValueError, dict, Other, note]
    for take in takes:
        got.clear()
        take(*known)
        assert all(one is other for one, other in zip(got, known, strict=True))
    asks.__name__ = "__getattr__"
    asked: Any = hooks.helper(asks)
    assert asked(1, "x") == "x"
    for name in ("__copy__", "__reduce_ex__", "__class__", "mro"):
        with pytest.raises(AttributeError):
            asked(1, name)


# -- stand-ins ------------------------------------------------------------------------------------


class Typed(NamedTuple):
    a: int
    b: int


MAKERS: list[Any] = [vars(collections)["namedtuple"], tuples.namedtuple]
PAIRS: list[Any] = [
    [make("N", "a, b") for make in MAKERS],
    [make("N", ["a", "b"], defaults=[2]) for make in MAKERS],
    [make("N", "a class a b", rename=True) for make in MAKERS],
    (Typed, tuples.NamedTuples()("Typed", [("a", int), ("b", int)])),
]
USES: list[Callable[[Any], object]] = [
    lambda kind: kind(1, 2),
    lambda kind: kind(1, b=2),
    lambda kind: kind(1),
    lambda kind: kind(1, 2, 3),
    lambda kind: kind(1, 2, 3, 4),
    lambda kind: kind(1, a=2),
    lambda kind: kind(c=2),
    lambda kind: kind._make([1, 2]),
    lambda kind: kind._make([1, 2, 3, 4]),
    lambda kind: kind._make("1234")._replace(a=5),
    lambda kind: kind(1, 2)._replace(a=5),
    lambda kind: kind(1, 2)._replace(c=5),
    lambda kind: kind(1, 2)._asdict(),
    lambda kind: (kind._fields, kind._field_defaults, kind.__name__),
    lambda kind: repr(kind(1, 2)),
    lambda kind: (kind(1, 2).a, kind(1, 2).b, kind(1, 2)[1], [*kind(1, 2)]),
    lambda kind: kind(1, 2) == (1, 2) and hash(kind(1, 2)) == hash((1, 2)),
    lambda kind: type(kind(1, 2)) is kind and isinstance(kind(1, 2), tuple),
]


def outcome(use: Callable[[Any], object], kind: Any) -> object:
    try:
        return use(kind)
    except (TypeError, ValueError, AttributeError) as error:
        return TypeError if isinstance(error, ValueError) else type(error)


@pytest.mark.parametrize("number", range(len(PAIRS)))
def test_named_tuples_are_those_of_the_library(number: int) -> None:
    theirs, ours = PAIRS[number]
    for use in USES:
        assert outcome(use, ours) == outcome(use, theirs)
    assert is_own(ours)


@pytest.mark.parametrize(
    "names", ["a a", "class", "_a", "1", ["a", type("S", (str,), {})("b")], [1]]
)
def test_their_fields_have_names(names: Any) -> None:
    with pytest.raises(ValueError, match="name"):
        tuples.namedtuple("N", names)


def test_a_class_of_named_tuples_has_methods() -> None:
    members: dict[object, object] = {"__annotations__": {"a": None, "b": None}, "b": 2}
    members |= {"__init__": None, "__copy__": 1}

    def both(one: Any) -> object:
        return one.a + one.b

    kind: Any = type(tuples.BASE)("N", (tuples.BASE,), {**members, "both": both, "__radd__": both})
    assert (kind(1).both(), kind(1).__radd__(), kind._fields) == (3, 3, ("a", "b"))
    assert not hasattr(kind, "__copy__")
    assert type(kind) is type


ENUMS: Mapping[str, Any] = harmless.MODULES["enum"]


def made(base: str, **members: object) -> Any:
    names = type(ENUMS[base]).__prepare__("E", (ENUMS[base],))
    for name, value in members.items():
        names[name] = value
    return type(ENUMS[base])("E", (ENUMS[base],), names)


@pytest.mark.parametrize("base", ["Enum", "IntEnum", "Flag", "IntFlag"])
def test_enums_are_those_of_the_library(base: str) -> None:
    theirs = getattr(enum, base)("E", "A B")
    for ours in (
        made(base, A=1, B=2),
        made(base, A=enum.auto(), B=enum.auto()),
        ENUMS[base]("E", "A B"),
        ENUMS[base]("E", ["A", "B"]),
        ENUMS[base]("E", {"A": 1, "B": 2}),
        ENUMS[base]("E", [("A", 1), ("B", 2)], module="asyncio"),
    ):
        assert [(one.name, one.value) for one in ours] == [("A", 1), ("B", 2)]
        assert [repr(one) for one in ours] == [repr(one) for one in theirs]
        assert (ours(1), ours["B"], ours.A.value) == (ours.A, ours.B, 1)
        assert isinstance(ours.A, (ENUMS[base], getattr(enum, base)))
        assert ours.__module__ == MODULE_NAME
        with pytest.raises(ValueError, match="99"):
            ENUMS["Enum"]("E", "A")(99)


def new_of(found: object) -> Callable[..., object]:
    return lambda *_: found


@pytest.mark.parametrize("found", [1, Other, Other(), print, collections.Counter, ENUMS["Enum"]])
def test_a_member_of_an_enum_is_nothing_else(found: object) -> None:
    """The library would set attributes of it, and call its `__init__`."""
    with pytest.raises((TypeError, RuntimeError)):
        made("Enum", __new__=new_of(found), A=1)
    mixed = type("M", (), {"__new__": new_of(found), "__module__": MODULE_NAME})
    with pytest.raises((TypeError, RuntimeError)):
        ENUMS["Enum"]("E", "A", type=mixed)
    empty = made("Enum")
    empty.__new__ = new_of(found)
    with pytest.raises((TypeError, RuntimeError)):
        empty("E", "A")


class Lying(str):
    """A name that says that it is another, once it is a key."""

    asked = 0

    def __hash__(self) -> int:
        self.asked += 1
        return hash("__copy__" if self.asked < 3 else "A")

    def __eq__(self, other: object) -> bool:
        return True


def test_no_name_lies_about_what_it_is() -> None:
    def give(*_: object) -> object:
        return None

    for names in ([("A", 1), (Lying("__copy__"), give)], {"A": 1, Lying("B"): give}):
        with pytest.raises(TypeError, match="no text"):
            ENUMS["Enum"]("E", names)
    kind = members_left({"A": 1, Lying("__copy__"): give, "__copy__": give, "mro": give})
    assert kind == {"A": 1, "__module__": MODULE_NAME}


def test_but_it_may_be_made_by_the_code() -> None:
    def new(kind: Any, value: int) -> object:
        one = object.__new__(kind)
        one._value_ = value * 2
        return one

    assert made("Enum", __new__=new, A=1).A.value == 2


GENERIC = """\
import asyncio


class Pool[T]:
    def __init__(self, items: list[T]) -> None:
        self.items = items

    async def first(self, fetch) -> T:
        tasks = [asyncio.create_task(fetch(item)) for item in self.items]
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        return done.pop().result()


class Named[T](Pool[T]):
    async def first(self, fetch) -> T:
        tasks = [asyncio.create_task(fetch(item)) for item in Pool[int]([1, 2]).items]
        await asyncio.wait(tasks, timeout=1)
"""


@pytest.mark.skipif(sys.version_info < (3, 12), reason="syntax of Python 3.12")
def test_a_class_with_type_parameters_is_one_that_inherits_from_generic() -> None:
    """Python gives it a base that no class may have as it stands."""
    findings = check(GENERIC).findings
    assert [one.code for one in findings] == ["AWT102", "AWT101"]
    for one in findings:
        steps = [(step.line, step.choice) for step in one.witness]
        assert prove(GENERIC, (one.line, one.column), one.code, steps).word == PROVED
