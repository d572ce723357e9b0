"""The stand-in for everything the judged source does not define.

An unknown can be called, awaited, iterated, entered, compared: what comes of it is a choice, or
another unknown. Where it turns out to be a task, it is one from then on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from types import MemberDescriptorType
from typing import Any

from flake8_asyncwait.replay.lives import Life, Owner, Standin, last_word
from flake8_asyncwait.replay.text.confine import members_of, mro_of
from flake8_asyncwait.replay.world.choices import SIZES, WITNESS_SIZE
from flake8_asyncwait.replay.world.facts import (
    CONSTANTS,
    Base,
    Facts,
    Kind,
    Pause,
    Step,
    Stepping,
    inherited,
    method_of,
)
from flake8_asyncwait.replay.world.methods import METHODS, OPERATIONS, Copy, take_out, tend
from flake8_asyncwait.replay.world.scheduler import World

LOGGING = frozenset({"debug", "info", "warning", "warn", "error", "exception", "critical", "log"})
COROUTINE_METHODS = frozenset({"get", "put", "join", "wait", "wait_for", "acquire"})
MAKER = re.compile(r"create\w*task|ensure_future", re.IGNORECASE)
HASH_BASE = 1 << 40
QUESTIONS = frozenset({"empty", "full", "is_set"})  # methods that change nothing
NEVER_SEEN = -1  # whether it runs at all is not known yet

# By what a test says, as a context manager, what its block is to raise.
_EXPECTING = frozenset({"raises", "assertRaises", "assertRaisesRegex"})


class Unknown(Standin):
    """An object of which nothing is known but where it came from."""

    __slots__ = ("__weakref__", "standin")
    standin: Facts

    def __init__(
        self,
        world: World,
        label: str,
        kind: Kind,
        parent: Unknown | None = None,
        klass: type | None = None,
    ) -> None:
        World.check(world)
        facts = Facts(world, label, kind, parent, world.new_serial(), klass)
        object.__setattr__(self, "standin", facts)

    # -- as a task ------------------------------------------------------------------------------

    def standin_life(self) -> Life | None:
        return self.standin.life

    def standin_holds(self) -> Iterable[object]:
        facts = self.standin
        method = [facts.parent] if self._known_method() is not None else []
        return [*method, *(facts.items or ()), *facts.attributes.values()]

    def standin_given(self) -> Iterable[object]:
        return self.standin.given

    def standin_origin(self) -> object:
        return self.standin.parent

    def standin_runs(self) -> tuple[object, str] | None:
        """Return the object of which this runs a method, and the method's name."""
        called = self.standin.parent if self.standin.kind is Kind.RESULT else None
        return method_of(called)

    def as_task(self) -> Life:
        """Take this to be a task from now on, of the owner that its origin says."""
        facts = self.standin
        if facts.life is None:
            owner, parameter, collection = _origin(self)
            life = Life(facts.label, owner, parameter=parameter, collection=collection)
            facts.life = facts.world.born(life)
            life.seen = NEVER_SEEN
            facts.truth, facts.none = True, False
        return facts.life

    def may_be_any(self) -> bool:
        """Say whether this may be a task that goes by another name here."""
        named = (Kind.PARAMETER, Kind.NAME)
        return self.standin.life is None and self.standin.kind not in named

    def is_coroutine_call(self) -> bool:
        """Say whether this is what a call gave that may well have been of a coroutine function."""
        return self.standin.kind is Kind.RESULT and self.standin.life is None

    # -- as a condition ---------------------------------------------------------------------------

    def is_none(self) -> bool:
        """Say whether this is None: a choice, kept for as long as nobody could have changed it."""
        return self.standin.is_none()

    def __bool__(self) -> bool:
        return self.standin.is_true()

    def _answer(self, sign: str, other: object) -> Unknown:
        facts = self.standin
        return Unknown(facts.world, f"{facts.label} {sign} ...", Kind.VALUE, self)

    def _compares(self, sign: str, other: object) -> bool:
        """Choose how this compares with something: with a constant, or what is as unknown, once
        for as long as this is the same."""
        if isinstance(other, Unknown):
            return self.standin.compares(sign, other.standin.serial, other)
        if isinstance(other, CONSTANTS):
            return self.standin.compares(sign, repr(other), other)
        return bool(self._answer(sign, other))

    def __eq__(self, other: object) -> bool:
        if self is other or self.standin.life is not None:
            return self is other
        if other is None:
            return self.is_none()
        if isinstance(other, CONSTANTS):
            return self.standin.equals(other)
        return self._compares("==", other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __lt__(self, other: object) -> bool:
        return self._compares("<", other)

    def __le__(self, other: object) -> bool:
        return self._compares("<=", other)

    def __gt__(self, other: object) -> bool:
        return not self <= other

    def __ge__(self, other: object) -> bool:
        return not self < other

    def __hash__(self) -> int:
        return HASH_BASE + self.standin.serial

    # -- as a number or a text ------------------------------------------------------------------

    def _number(self, *others: object) -> Unknown:
        return self._answer("with", others)

    __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _number
    __mod__ = __rmod__ = __pow__ = __rpow__ = __neg__ = __abs__ = __invert__ = _number
    __lshift__ = __rshift__ = __xor__ = __rxor__ = __round__ = _number

    def __index__(self) -> int:
        return 1

    __int__ = __index__

    def __float__(self) -> float:
        return 1.0

    def __str__(self) -> str:
        return self.standin.label

    __repr__ = __str__

    def __format__(self, spec: str) -> str:
        return self.standin.label

    # -- as a collection ------------------------------------------------------------------------

    def elements(self, sizes: tuple[int, ...] = SIZES) -> list[Any]:
        """Return what it holds, once and for all: how many is a choice, of some more where there
        is a witness to follow."""
        facts = self.standin
        if facts.items is None:
            if facts.world.widely and max(sizes) < WITNESS_SIZE:
                sizes = (*sizes, WITNESS_SIZE)
            if facts.truth is not None:
                sizes = tuple(size for size in sizes if bool(size) is facts.truth)
            texts = tuple(f"{size} of them" for size in sizes)
            picked = facts.world.choose(f"how many {facts.label}", texts)
            facts.world.stage.assumes(f"{facts.label} holds {sizes[picked]}")
            self.hold(sizes[picked])
        assert facts.items is not None
        return facts.items

    def hold(self, size: int) -> None:
        """Be a collection from now on, of `size` unknown elements beside those that have a key."""
        facts = self.standin
        more = [
            Unknown(facts.world, f"{facts.label}[{number}]", Kind.ELEMENT, self)
            for number in range(size)
        ]
        facts.items = [*facts.keyed.values(), *more]

    def __iter__(self) -> Iterator[object]:
        held = self.elements()  # a loop that puts more there comes to an end
        return (held[number] for number in range(len(held)) if number < len(held))

    def __next__(self) -> Unknown:
        return self._answer("next", None)

    def __len__(self) -> int:
        return len(self.elements())

    def __contains__(self, other: object) -> bool:
        facts = self.standin
        if facts.items is not None and any(item is other for item in facts.items):
            return True
        claims = f"{other} is in {facts.label}", f"{other} is not in {facts.label}"
        return facts.world.suppose(*claims, likely=False)

    def __getitem__(self, key: object) -> object:
        facts = self.standin
        if isinstance(key, slice):
            return self.copied(self.elements()[key])
        if facts.items is not None and isinstance(key, int) and self._holds(key):
            return self._picked(key)
        if facts.kind is not Kind.PARAMETER or not isinstance(key, (int, str)):
            return Unknown(facts.world, f"{facts.label}[...]", Kind.VALUE, self)
        if isinstance(key, int) and key >= 0 and facts.items is None:
            self.elements(tuple(size for size in SIZES if size > key) or (key + 1,))
            return self._picked(key)
        if key not in facts.keyed:
            facts.keyed[key] = self._named(key)
        return facts.keyed[key]

    def _named(self, key: str | int) -> object:
        """Return an item that has a key: one that has none yet, if there is one."""
        facts = self.standin
        for number, item in enumerate(facts.items or ()):
            if all(item is not one for one in facts.keyed.values()):
                return self._picked(number)
        item = Unknown(facts.world, f"{facts.label}[{key!r}]", Kind.VALUE, self)
        if facts.items is not None:
            facts.items.append(item)
        return item

    def _picked(self, key: int) -> object:
        """Return an item, which is a task of its own where the whole is not waited for."""
        item = (self.standin.items or [])[key]
        if isinstance(item, Unknown) and item.standin.life is None:
            item.standin.kind = Kind.VALUE
        return item

    def _holds(self, key: int) -> bool:
        """Say whether an item is one of those that stand for any number. Others are not known, as
        a plain subscript is taken not to raise."""
        held = len(self.standin.items or ())
        return -held <= key < held

    def copied(self, elements: list[object]) -> Copy:
        """Return a copy of this, or of a part, that holds these elements."""
        copy = Copy(elements)
        copy.whole = self
        return copy

    def __setitem__(self, key: object, value: object) -> None:
        self.standin.world.hand_over(key, value)

    def __delitem__(self, key: object) -> None:
        tend(self, self.standin.items or ())

    def __or__(self, other: bool | Iterable[object]) -> object:
        if isinstance(other, bool):
            return bool(self) or other
        if isinstance(other, dict):
            return {**other}  # with others, which nobody asks for by their keys
        return {*self.elements(), *other}

    __ror__ = __or__

    def __and__(self, other: bool | Iterable[object]) -> bool | set[object]:
        if isinstance(other, bool):
            return bool(self) and other
        return set(self.elements()) & set(other)

    __rand__ = __and__

    def __sub__(self, other: object) -> object:
        if isinstance(other, (set, frozenset)):
            return set(self.elements()) - other
        return self._number(other)

    def __isub__(self, other: object) -> object:
        if isinstance(other, (set, frozenset)) and self.standin.items is not None:
            take_out(self, other)
            return self
        return self - other

    def __rsub__(self, other: object) -> object:
        if isinstance(other, (set, frozenset)):
            return other - set(self.elements())
        return self._number(other)

    def __add__(self, other: object) -> object:
        if isinstance(other, (list, tuple)):
            return [*self.elements(), *other]
        return self._number(other)

    def __radd__(self, other: object) -> object:
        if isinstance(other, (list, tuple)):
            return [*other, *self.elements()]
        return self._number(other)

    # -- as an object -----------------------------------------------------------------------------

    def __getattr__(self, name: str) -> object:
        facts = self.standin
        found = facts.attributes.get(name)
        if isinstance(found, Unknown):
            if not found.standin.is_current():
                return self.child(name)
            found.standin.touch()
        if name in facts.attributes:
            return found
        if facts.klass is not None and hasattr(facts.klass, name):
            return bound(facts.klass, name, self, mro_of(facts.klass))
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return self.child(name)

    def child(self, name: str) -> Unknown:
        """Return an attribute of which nothing is known, and remember it."""
        facts = self.standin
        found = Unknown(facts.world, f"{facts.label}.{name}", Kind.ATTRIBUTE, self)
        found.standin.touch()
        facts.attributes[name] = found
        return found

    def attribute(self, name: str) -> Any:
        """Return what the judged code finds under a name: never what makes this a stand-in."""
        if name in OPERATIONS:
            return getattr(self, name)
        if name.startswith("__") and name.endswith("__"):
            facts = self.standin
            return Unknown(facts.world, f"{facts.label}.{name}", Kind.ATTRIBUTE, self)
        return self.__getattr__(name)

    def __mro_entries__(self, bases: tuple[object, ...]) -> tuple[type, ...]:
        """Be inherited from: what a class gets that way is unknown, but errors can be raised."""
        last = self.standin.label.rpartition(".")[2]
        is_error = last.endswith(("Error", "Exception", "Warning"))
        return inherited(self, bases, Exception if is_error else Base)

    def __setattr__(self, name: str, value: object) -> None:
        self.standin.world.hand_over(value)
        self.standin.attributes[name] = value

    def __delattr__(self, name: str) -> None:
        self.standin.attributes.pop(name, None)

    def __call__(self, *args: object, **kwargs: object) -> object:
        facts = self.standin
        if (method := self._known_method()) is not None and facts.parent is not None:
            return method(facts.parent, *args, **kwargs)
        return facts.world.calls.call(self, args, kwargs)

    def _known_method(self) -> Callable[..., object] | None:
        """Return what calling this does, if it is a method that says something of its object."""
        facts = self.standin
        name = last_word(facts.label)
        if facts.kind is not Kind.ATTRIBUTE or facts.parent is None:
            return None
        return None if is_logging(facts.parent, name) else METHODS.get(name)

    def plain_call(self, name: str, *args: object, **kwargs: object) -> Unknown:
        """Call a method of which nothing is known."""
        facts = self.standin
        method = Unknown(facts.world, f"{facts.label}.{name}", Kind.ATTRIBUTE, self)
        return method.result_of_call(args, kwargs)

    def result_of_call(self, args: tuple[object, ...], kwargs: dict[str, object]) -> Unknown:
        """Return what an unknown call gives, having handed over what it was given."""
        facts = self.standin
        facts.world.share(*args, *kwargs.values())
        result = Unknown(facts.world, f"{facts.label}()", Kind.RESULT, self)
        result.standin.given = (*args, *kwargs.values())
        if facts.parent is None:
            return result
        if args or kwargs or last_word(self) not in QUESTIONS:
            facts.parent.standin.calls += 1
            return result
        now = facts.world.suspensions, facts.parent.standin.calls
        if facts.answer is None or facts.chosen_at != now:  # asked twice, it answers the same
            facts.answer, facts.chosen_at = result, now
        return facts.answer

    def __await__(self) -> Generator[object, object, object]:
        return (yield from self.standin.world.stage.happen(self.decide, self))

    def decide(self) -> object:
        """Choose what comes of awaiting this."""
        facts = self.standin
        facts.world.stage.awaits(self)
        if self.is_awaited_as_task():
            facts.world.join(self.as_task())
        else:
            facts.world.suspend(f"await {facts.label}")
        return self._answer("'s value", None)

    def is_awaited_as_task(self) -> bool:
        """Say whether awaiting this is awaiting a task."""
        facts = self.standin
        return facts.life is not None or facts.kind in (Kind.PARAMETER, Kind.ELEMENT)

    def __aiter__(self) -> Stepping:
        facts = self.standin
        return Stepping(facts.world, f"async for {facts.label}", self.elements((2, 1, 0)))

    def __anext__(self) -> Step:
        facts = self.standin
        items = [self._answer("next", None)] * (not facts.world.choose("anext()", ("one", "none")))
        return Step(facts.world, f"anext({facts.label})", items, ())

    def __aenter__(self) -> Pause:
        facts = self.standin
        value = self._answer("as", None)
        return Pause(facts.world, f"enter {facts.label}", value, ())

    def __aexit__(self, *error: object) -> Pause:
        facts = self.standin
        return Pause(facts.world, f"leave {facts.label}", False, ())

    def __enter__(self) -> Unknown:
        return self._answer("as", None)

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> bool:
        """Leave; only what a test expects is suppressed."""
        facts = self.standin
        expects = last_word(facts.label).removesuffix("()") in _EXPECTING
        return expects and error is not None and facts.world.catches(error, facts.given[:1])


def _origin(unknown: Unknown) -> tuple[Owner, str, bool]:
    """Return the owner of a task that an unknown stands for, its parameter, and whether it is
    one of a parameter's elements."""
    facts = unknown.standin
    if facts.kind is Kind.PARAMETER:
        return Owner.BORROWED, facts.label, False
    if facts.parent is not None and facts.kind in (Kind.ELEMENT, Kind.VALUE):
        owner, parameter, collection = _origin(facts.parent)
        if owner is Owner.BORROWED:
            return owner, parameter, collection or facts.kind is Kind.ELEMENT
    return Owner.FOREIGN, "", False


def bound(klass: type, name: str, instance: Unknown, bases: Iterable[type]) -> object:
    """Look an attribute up in some bases of a class of the judged source, as an instance would."""
    for base in bases:
        own = members_of(base)
        if name in own:
            found = own[name]
            # What is in a slot is not known, nor what has taken the place of a default.
            if isinstance(found, MemberDescriptorType) or _is_default(found):
                return instance.child(name)
            binder = getattr(type(found), "__get__", None)
            return binder(found, instance, klass) if binder else found
    return getattr(klass, name)


def _is_default(found: object) -> bool:
    """Say whether a class only says by a value that its instances will have one."""
    return found is None or (isinstance(found, (list, dict, set)) and not found)


def is_logging(receiver: Unknown, name: str) -> bool:
    """Say whether `receiver.name` is a logging method, which keeps nothing."""
    last = receiver.standin.label.rpartition(".")[2]
    return name in LOGGING and "log" in last.lower()


def as_number(bound: Any) -> Any:
    """Return the number that something unknown is, once and for all: it is a choice. Anything else
    is returned as it is."""
    if not isinstance(bound, Unknown):
        return bound
    bound.standin.is_number = True
    return len(bound.elements())
