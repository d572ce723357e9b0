"""What is known of something unknown, and what it gives where it is awaited or inherited from."""

from __future__ import annotations

import operator
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

from flake8_asyncwait.replay.lives import CoroutineStandin, Life, Standin
from flake8_asyncwait.replay.text.confine import members_left
from flake8_asyncwait.replay.world.choices import SIZES
from flake8_asyncwait.replay.world.scheduler import World

if TYPE_CHECKING:
    from flake8_asyncwait.replay.world.unknown import Unknown

# What can be equal to one of these is equal to no other one.
CONSTANTS = (str, bytes, int, float)


class Kind(Enum):
    """Where an unknown came from."""

    NAME = "name"
    MODULE = "module"
    PARAMETER = "parameter"
    ELEMENT = "element"
    ATTRIBUTE = "attribute"
    RESULT = "result"
    PRIMITIVE = "primitive"
    VALUE = "value"


_COMPARED: dict[str, Callable[[int, int], bool]] = {
    "==": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
}


@dataclass(slots=True, eq=False)
class Facts:
    """What is known about one unknown: where it came from, and what was chosen about it.

    `annotated` says that it is a parameter whose annotation is one of a coroutine or an awaitable.
    `calls` is how many of its methods have been called: each may change its attributes. What was
    chosen about one of these was chosen `chosen_at` a suspension and a number of such calls. A
    method that only asks has given its `answer` then. `given` is what a call was given, of which
    this is the result. `told` are the comparisons that were chosen. What `is_number` is as great as
    it has items.
    """

    world: World
    label: str
    kind: Kind
    parent: Unknown | None
    serial: int
    klass: type | None = None
    annotated: bool = False
    attributes: dict[str, object] = field(default_factory=dict)
    items: list[object] | None = None
    is_number: bool = False
    keyed: dict[str | int, object] = field(default_factory=dict)
    life: Life | None = None
    truth: bool | None = None
    none: bool | None = None
    told: dict[tuple[str, object], bool] = field(default_factory=dict)
    calls: int = 0
    chosen_at: tuple[int, int] = (0, 0)
    answer: Unknown | None = None
    given: tuple[object, ...] = ()
    read_at: int = 0

    def is_current(self) -> bool:
        """Say whether an attribute still is what was read: somebody may have bound it anew since,
        unless no time has passed. It matters for tasks only."""
        named = self.kind is Kind.ATTRIBUTE and self.life is not None
        return not named or self.read_at == self.world.suspensions

    def touch(self) -> None:
        """Note that the attribute is what it is now."""
        self.read_at = self.world.suspensions

    # What is chosen, and kept for as long as nobody could have changed it.

    def is_none(self) -> bool:
        """Choose whether it is None."""
        self._forget()
        if self.none is None and self.truth:
            self.none = False
        if self.none is None:
            claims = f"{self.label} is None", f"{self.label} is not None"
            self.none = self.world.suppose(*claims, likely=False)
            if self.none:
                self.truth = False
        else:
            self.world.undecided()
        return self.none

    def is_true(self) -> bool:
        """Choose whether it is true; a collection is, if it holds something."""
        self._forget()
        if self.items is not None:
            return bool(self.items)
        if self.truth is None:
            claims = f"{self.label} is true", f"{self.label} is false"
            self.truth = self.world.suppose(*claims, likely=True)
        else:
            self.world.undecided()
        return self.truth

    def compares(self, sign: str, key: object, other: object) -> bool:
        """Choose how it compares with something that goes by a key."""
        # The greatest stands for all that are greater.
        if self.items is not None and self.is_number and type(other) is int and other <= max(SIZES):
            return _COMPARED[sign](len(self.items), other)
        self._forget()
        if (sign, key) not in self.told:
            claims = f"{self.label} {sign} {other!r}", f"not {self.label} {sign} {other!r}"
            self.told[sign, key] = self.world.suppose(*claims, likely=True)
        else:
            self.world.undecided()
        return self.told[sign, key]

    def equals(self, constant: object) -> bool:
        """Choose whether it equals a constant. It equals one at most, and then it is as true as
        that."""
        if self.is_number:
            return self.compares("==", repr(constant), constant)
        self._forget()
        truth = False if self.none else self.truth
        equal = [key for key, holds in self.told.items() if holds and key[0] == "=="]
        is_new = ("==", repr(constant)) not in self.told
        if is_new and (truth not in (None, bool(constant)) or self.none or equal):
            return False
        found = self.compares("==", repr(constant), constant)
        if found:
            self.truth, self.none = bool(constant), False
        return found

    def _forget(self) -> None:
        calls = self.parent.standin.calls if self.parent is not None else 0
        now = self.world.suspensions, calls
        if self.life is None and self.chosen_at != now:
            self.chosen_at = now
            if self.kind is Kind.ATTRIBUTE:
                self.truth = self.none = None
                self.told.clear()


class Base:
    """What a class inherits from in place of something unknown."""

    __slots__ = ()  # a class may have its own, of any name

    def __init__(self, *args: object, **options: object) -> None:
        """Take any arguments."""

    def __init_subclass__(cls, **options: object) -> None:
        """Take any options."""

    def __class_getitem__(cls, parameters: object) -> type:
        return cls


class Metaclass(type):
    """What a metaclass inherits from in place of `type`, which says of anything what it is, and
    gives a class members of any name."""

    __slots__ = ()

    def __new__(
        mcs, name: str, bases: tuple[type, ...], members: dict[object, object], **options: object
    ) -> Metaclass:
        return super().__new__(mcs, name, bases, members_left(members), **options)


def inherited(base: Standin, bases: Sequence[object], kind: type) -> tuple[type, ...]:
    """Return the class that a class gets for one of its bases, once for all its stand-ins."""
    first = next(one for one in bases if isinstance(one, Standin))
    known = [one for one in bases if isinstance(one, type)]
    if first is not base or any(issubclass(one, kind) for one in known):
        return ()
    return (kind,)


class Pause(CoroutineStandin):
    """A coroutine that is known to be one: it suspends once and gives `value`."""

    __slots__ = ("callee", "holds", "label", "value", "world")

    def __init__(self, world: World, label: str, value: Any, holds: tuple[object, ...]) -> None:
        self.world = world
        self.label = label
        self.value = value
        self.holds = holds
        self.callee: Unknown | None = None

    def __await__(self) -> Generator[object, object, object]:
        yield from self.world.pause(self.label)
        return self.value

    def standin_holds(self) -> Iterable[object]:
        return self.holds

    def standin_origin(self) -> object:
        return self.callee

    def standin_runs(self) -> tuple[object, str] | None:
        """Return the object of which this runs a method, and the method's name."""
        return method_of(self.callee)


class Stepping:
    """The asynchronous iterator over an unknown: every step suspends."""

    SHOWN = frozenset({"__aiter__", "__anext__", "aclose"})
    __slots__ = ("items", "label", "world")

    def __init__(self, world: World, label: str, items: list[object]) -> None:
        self.world = world
        self.label = label
        self.items = iter(items)

    def __aiter__(self) -> Stepping:
        return self

    def aclose(self) -> Pause:
        """Be closed, as an asynchronous generator can be."""
        return Pause(self.world, f"close {self.label}", None, ())

    def __anext__(self) -> Step:
        return Step(self.world, self.label, self.items, ())


class Step(Pause):
    """The coroutine of one step of an asynchronous iterator, whose items are its `value`."""

    __slots__ = ()

    def __await__(self) -> Generator[object, object, object]:
        yield from self.world.pause(self.label)
        for item in self.value:
            return item
        raise StopAsyncIteration


def method_of(callee: Unknown | None) -> tuple[object, str] | None:
    """Return the object that a callee is a method of, and its name."""
    if callee is None or callee.standin.parent is None:
        return None
    return callee.standin.parent, callee.standin.label.rpartition(".")[2]
