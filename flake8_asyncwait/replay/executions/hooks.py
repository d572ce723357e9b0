"""What instrumented code calls in place of what plain Python would hide."""

from __future__ import annotations

import contextlib
import inspect
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, MappingView
from functools import partial
from itertools import repeat
from types import CodeType, FunctionType, SimpleNamespace
from typing import Any

from flake8_asyncwait.replay.family import GATHER
from flake8_asyncwait.replay.fence import harmless
from flake8_asyncwait.replay.fence.guard import method_of, only_adds
from flake8_asyncwait.replay.fence.surroundings import Surroundings, flat
from flake8_asyncwait.replay.lives import Backstage, InjectedError, Owner, Standin, Undecided
from flake8_asyncwait.replay.text.confine import ASKED_BY_NAME, MODULE_NAME, is_open
from flake8_asyncwait.replay.text.locate import NONE_DECLARED, Declared, hook_name, is_named, words
from flake8_asyncwait.replay.world.choices import DOES_NOT_HOLD, GOES_ON, TURNS_AT_MOST
from flake8_asyncwait.replay.world.completed import AsCompleted
from flake8_asyncwait.replay.world.facts import CONSTANTS, Kind
from flake8_asyncwait.replay.world.futures import Future, Gather, Task
from flake8_asyncwait.replay.world.reach import captured, reached
from flake8_asyncwait.replay.world.scheduler import Asked, World
from flake8_asyncwait.replay.world.standins import Asyncio
from flake8_asyncwait.replay.world.unknown import Unknown
from flake8_asyncwait.replay.world.waiting import HelperCall, Timeout, WaitCall, WaitFor

DEEPEST = 3
SUSPENDING_TURNS = 3
# The hooks, by whose methods they are.
OWN = words(
    """
    alone branch catch contains each enter_loop enters follow given helper holds identical item
    leaves mapping mark_target mutator ordered plain plain_value polled raised site
    store_attribute store_item timed unpack
    """
)
OF_SURROUNDINGS = words("get hidden isinstance minus unknown")
OF_WORLD = words("cleanup hand_over holds_after read turn")
FINITE = (list, tuple, set, frozenset, dict, range, MappingView, Unknown)


class Hooks(Backstage):
    """The functions that instrumented code calls; `namespace()` is what to execute it in."""

    def __init__(self, world: World, declared: Declared = NONE_DECLARED) -> None:
        self.world = world
        self.surroundings = Surroundings(world, declared)
        self.target: Callable[..., object] | None = None
        self.functions: dict[CodeType, Callable[..., object]] = {}
        self.bound: dict[tuple[int, int], tuple[bool, tuple[object, ...]]] = {}

    def namespace(self, missing: Iterable[str]) -> dict[str, object]:
        """Return the globals for the module; `missing` names get an unknown each."""
        found: dict[str, object] = {name: self.surroundings.unknown(name) for name in missing}
        found.update({hook_name(name): hook for name, hook in self.table().items()})
        found["__builtins__"] = {**harmless.BUILTINS, **self.surroundings.builtins()}
        found["__name__"] = MODULE_NAME
        return found

    def table(self) -> dict[str, object]:
        """Return what instrumented code calls, by the names it calls it."""
        surroundings, world = self.surroundings, self.world
        owners = (self, OWN), (surroundings, OF_SURROUNDINGS), (world, OF_WORLD)
        return {
            **{name: getattr(owner, name) for owner, names in owners for name in names},
            "boxed": lambda value: SimpleNamespace(value=value),
            "questions": lambda: world.questions,
            "BaseException": BaseException,
            "Exception": Exception,
        }

    def site(self, names: dict[str, Callable[[], object]], timed: bool, wait: object) -> object:
        """Return the judged `asyncio.wait`: `timed` says that a timeout stands in the call.

        Where the name turns out to mean something else, that is called.
        """
        named = isinstance(wait, Unknown) and is_named(
            self.surroundings.declared.wait_functions, wait.standin.label
        )
        if not named and getattr(method_of(wait), "__func__", None) is not Asyncio.wait:
            return wait

        def judged_wait(*args: object, **options: object) -> WaitCall:
            waited = args[0] if args else options.get("fs")
            return_when = options.get("return_when", self.surroundings.asyncio.ALL_COMPLETED)
            timeout = timed or options.get("timeout") is not None
            return WaitCall(self.world, waited, timeout, return_when, names)

        return judged_wait

    def follow(self, function: Any) -> object:
        """Return what is called at the judged site, where that is of the family: its tasks are
        followed from there on."""
        world = self.world

        def judged(*args: object, **options: object) -> object:
            before = len(world.lives)
            result = function(*args, **options)
            if isinstance(result, (AsCompleted, Gather)):
                result.is_site = True
            if not isinstance(result, AsCompleted):
                given = result.unshielded() if isinstance(result, Gather) else [result]
                lives = [*reached(given)]
                made = world.lives[before:]
                world.follow(lives, lambda life: world.kind != GATHER or life in made)
            return result

        return judged

    def enters(self, place: tuple[int, int], is_plain: bool, *values: object) -> None:
        """Note what the `with` at a place has bound, and whether it is no `async with`."""
        self.bound[place] = is_plain, values

    def leaves(self, place: tuple[int, int]) -> None:
        """Note that a `with` is left by an exception."""
        is_plain, values = self.bound[place]
        for value in values:
            self.world.leaves_with(value, is_plain)

    def polled(self, thing: object) -> object:
        """Note that a loop waits until a task has ended."""
        self.world.stage.awaits(thing)
        return thing

    def timed(self, thing: object) -> object:
        """Return what has a timeout, which a handler expects to run out."""
        if isinstance(thing, (Timeout, WaitFor)):
            thing.is_expected = True
        return thing

    def mark_target(self, function: Callable[..., object]) -> object:
        """Take the judged function."""
        self.target = function
        return self.helper(function)

    def helper(self, function: Any) -> object:
        """Return a function of the judged source so that its calls are looked into.

        What is given to a call within such a call is handed over, and so is what goes deeper.
        """
        self.functions[function.__code__] = function
        flags = function.__code__.co_flags
        if flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR):
            return self.given(function)
        if flags & inspect.CO_COROUTINE:
            return self._async_helper(function)
        helper = self._sync_helper(function)
        return _asked(helper) if function.__name__ == ASKED_BY_NAME else helper

    def given(self, function: Callable[..., object]) -> Callable[..., object]:
        """Return a lambda, or a function of the judged source that yields, so that it is given
        nothing that it must not have."""

        def call(*args: object, **kwargs: object) -> object:
            args, kwargs = self._received(args, kwargs)
            return function(*args, **kwargs)

        return call

    def _received(
        self, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> tuple[tuple[object, ...], dict[str, object]]:
        received = self.surroundings.received
        named = {name: received(value) for name, value in kwargs.items()}
        return tuple(map(received, args)), named

    def _async_helper(self, function: Any) -> Any:
        world = self.world

        def call(*args: object, **kwargs: object) -> HelperCall:
            args, kwargs = self._received(args, kwargs)
            self._too_deep(function, args, kwargs)

            async def run() -> object:
                if world.depth >= DEEPEST:
                    return self.surroundings.unknown("a deep call", Kind.RESULT)
                with self._deeper(function, args, kwargs):
                    result = await function(*args, **kwargs)
                self._returned(function.__code__, result)
                return result

            return HelperCall(world, run, (*args, *kwargs.values(), function), function.__code__)

        return call

    def _sync_helper(self, function: Any) -> object:
        world = self.world

        def call(*args: object, **kwargs: object) -> object:
            args, kwargs = self._received(args, kwargs)
            self._too_deep(function, args, kwargs)
            if world.depth >= DEEPEST:
                return self.surroundings.unknown("a deep call", Kind.RESULT)
            with self._deeper(function, args, kwargs):
                result = function(*args, **kwargs)
            self._returned(function.__code__, result)
            return result

        return call

    def _too_deep(
        self, function: object, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> None:
        if self.world.depth:
            self.world.share(function, *args, *kwargs.values())

    @contextlib.contextmanager
    def _deeper(
        self, function: Any, args: tuple[object, ...], kwargs: dict[str, object]
    ) -> Iterator[None]:
        """Run a helper inside. What it made, and put into what it was given or captures, is its
        caller's."""
        self.world.depth += 1
        try:
            yield
        finally:
            self.world.depth -= 1
            code = self.world.groups[function.__code__]
            self.world.take_over(code, (args, kwargs, tuple(captured(function))))

    def _returned(self, code: CodeType, result: object) -> None:
        """A helper that returns the task it made has made it for its caller."""
        if isinstance(result, Task) and result.life.owner is Owner.MADE:
            life = result.life
            if life.maker is self.world.groups[code]:
                life.maker = self.world.caller()
                life.through |= {code}
                return
        self.world.stage.mixes(code)

    def alone(self, context: object) -> object:
        """Note that a timeout guards nothing but one wait."""
        if isinstance(context, Timeout):
            context.alone = context.delay is not None
        return context

    def holds(self, condition: Callable[[], object]) -> bool:
        """Say whether an assertion holds: what is not decided holds, and nothing else follows."""
        self.world.assuming = True
        try:
            return bool(condition())
        except Undecided:
            self.world.assuming = False
            if not condition():
                self.world.give_up(DOES_NOT_HOLD)
            return True
        finally:
            self.world.assuming = False

    def catch(self, kinds: object) -> tuple[type[BaseException], ...]:
        """Return the classes with which an `except kinds` catches what is being handled."""
        caught = self.world.catches(sys.exc_info()[1], kinds)
        return (BaseException,) if caught else ()

    def plain(self, kinds: Callable[[], object], function: Any) -> Any:
        """Return a function so that a call of it may raise, once it has had its effect, what the
        handlers around it name; not so what is known of tasks."""

        def call(*args: object, **kwargs: object) -> object:
            given = () if _is_unknown(function) else (*args, *kwargs.values())
            method = method_of(function)
            owner = function if isinstance(function, Unknown) else getattr(method, "__self__", None)
            known = (owner, *given)
            is_known = isinstance(owner, Future) or only_adds(method) or any(reached(known))
            result = function(*args, **kwargs)
            if not (is_known or any(reached(known))):
                self.world.may_raise(flat(kinds()))
            return result

        return call

    def plain_value(self, kinds: Callable[[], object], value: object = None) -> object:
        """Return a value that is to be had by a subscript, or raise likewise."""
        if not any(reached((value,))):
            self.world.may_raise(flat(kinds()))
        return value

    def raised(self, error: object) -> object:
        """Return what a `raise` of something raises."""
        kind = error if isinstance(error, type) else type(error)
        return error if issubclass(kind, BaseException) else InjectedError(error)

    def identical(self, one: object, other: object) -> bool:
        """Stand in for `is`: whether an unknown is None is a choice."""
        for unknown, constant in ((one, other), (other, one)):
            if isinstance(unknown, Asked) and isinstance(constant, bool):
                return bool(unknown) is constant
            if isinstance(unknown, Unknown) and not isinstance(constant, Standin):
                if constant is None:
                    return unknown.is_none()
                return bool(unknown == constant)
        for this, that in ((one, other), (other, one)):
            if isinstance(this, Unknown) and isinstance(that, Standin) and this is not that:
                return _may_be_same(this, that) and bool(this == that)
        return one is other

    def contains(self, thing: Any, container: Any) -> bool:
        """Stand in for `in`: whether an unknown is in a set of tasks is a choice."""
        free = isinstance(thing, Unknown) and thing.standin.life is None
        free = free and (thing.may_be_any() or _holds_given(container))
        free = free and not (_holds_constants(container) or _holds_only_own(container))
        held = any(one is thing for one in _members(container))
        if free and not isinstance(container, Unknown) and not held:
            return bool(container) and self.surroundings.is_in(thing)
        if not isinstance(thing, Standin) and _may_hold(container):
            return self.surroundings.is_in(thing)
        return thing in container

    def store_attribute(self, thing: object) -> object:
        """Return what to set an attribute on, or delete it, or augment it."""
        return Target(self.surroundings, thing)

    def store_item(self, thing: object) -> object:
        """Return what to set an item on, so that what others' containers get is handed over."""
        return Container(self.world, thing) if self.world.belongs_to_others(thing) else thing

    def item(self, container: Any, key: object) -> object:
        """Return what a subscript gives: of a dictionary that holds no task, an unknown key is one
        of its constants, or another one that it has, as a plain subscript is taken not to raise."""
        if type(container) is not dict or type(key) is not Unknown or any(reached([container])):
            return container[key]
        for one, value in container.items():
            if one is key or (isinstance(one, CONSTANTS) and key == one):
                return value
        return self.surroundings.unknown(f"what is at {key}", Kind.VALUE)

    def mutator(self, thing: object, name: str) -> object:
        """Return a method that puts something into a container, seen likewise."""
        method: Any = self.surroundings.get(thing, name)
        if isinstance(thing, Standin) or not self.world.belongs_to_others(thing):
            return method

        def put(*args: object, **kwargs: object) -> Any:
            self.world.hand_over(*args, *kwargs.values())
            with contextlib.suppress(TypeError):  # a plain call of somebody else's does not raise
                return method(*args, **kwargs)

        return put

    def branch(self, condition: object, line: int) -> bool:
        """Return whether the condition of the statement on a line holds."""
        holds = bool(condition)
        self.world.meet("branch", "yes" if holds else "no", (line,))
        return holds

    def enter_loop(self, loop: int) -> None:
        """Start counting the turns of a loop."""
        self.world.turns[loop] = 0

    def each(self, things: Iterable[object], orders: bool, suspends: bool, targets: int) -> Any:
        """Return what a `for` goes over.

        `orders` says that the order of a set matters to the loop, as it does where one of it is
        None, `suspends` that it may suspend: then fewer turns do. `targets` is how many names an
        element is unpacked to, or -1.
        """
        if isinstance(things, range) and suspends and not self.world.widely:
            return things[:SUSPENDING_TURNS]
        if isinstance(things, (set, frozenset)) and (orders or None in things):
            things = self.surroundings.in_some_order(things, "for")
        # Unlike a generator, `map` keeps none of what it gives.
        if not isinstance(things, FINITE):
            things = map(lambda _, thing: thing, self._turns(), things)
        if targets < 0:
            return things
        return map(partial(self.unpack, targets=targets), things)

    def _turns(self) -> Iterator[None]:
        """Yield once for each turn that a loop over who knows how much may have."""
        yield from repeat(None, TURNS_AT_MOST + 3)
        self.world.give_up(GOES_ON)

    def unpack(self, thing: object, targets: int) -> object:
        """Return what is unpacked to a number of names: an unknown has as many elements."""
        if isinstance(thing, zip):  # of unknown collections it may give any number
            thing = list(thing)
            if len(thing) != targets:
                thing = self.surroundings.unknown("zip()", Kind.VALUE)
        if isinstance(thing, Unknown) and thing.standin.items is None:
            thing.hold(targets)
        return thing

    def mapping(self, things: object, *names: str) -> dict[str, object]:
        """Return the keywords that a call gets by `**`: of an unknown those of some names, but it
        is passed on."""
        if not isinstance(things, dict):
            self.world.hand_over(things)
            return {name: self.surroundings.unknown(name) for name in names}
        return {name: value for name, value in things.items() if isinstance(name, str)}

    def ordered(self, things: object) -> object:
        """Return what a list or tuple is made of: the order of a set is a choice."""
        if isinstance(things, (set, frozenset)):
            return self.surroundings.in_some_order(things, "a copy")
        return things


class Target:
    """An object when an attribute of it is set, deleted or augmented: what that does is up to the
    surroundings, whatever the attribute is called."""

    __slots__ = ("held",)

    def __init__(self, surroundings: Surroundings, thing: object) -> None:
        object.__setattr__(self, "held", (surroundings, thing))

    def __getattribute__(self, name: str) -> object:
        surroundings, thing = _held(self)
        return surroundings.get(thing, name)

    def __setattr__(self, name: str, value: object) -> None:
        surroundings, thing = _held(self)
        surroundings.set(thing, name, value)

    def __delattr__(self, name: str) -> None:
        surroundings, thing = _held(self)
        surroundings.delete(thing, name)


_held: Callable[[Target], tuple[Surroundings, object]] = vars(Target)["held"].__get__


class Container:
    """A container that is not the function's own, when something is put into it."""

    __slots__ = ("thing", "world")

    def __init__(self, world: World, thing: Any) -> None:
        self.world = world
        self.thing = thing

    def __setitem__(self, key: object, value: object) -> None:
        self.world.hand_over(value)
        self.thing[key] = value

    def __getitem__(self, key: object) -> object:
        return self.thing[key]


def _asked(function: Any) -> Callable[[object, object], object]:
    """Return a `__getattr__` that is asked for no hidden attribute: who asks for one asks the
    object how it is to be treated."""

    def call(thing: object, name: object) -> object:
        if not is_open(name):
            raise AttributeError(name)
        found: object = function(thing, name)
        return found

    return call


def _is_unknown(function: object) -> bool:
    """Say whether what a function does is not known: it is none of the library's."""
    return isinstance(function, (Unknown, FunctionType))


def _may_be_same(unknown: Unknown, other: Standin) -> bool:
    """Say whether an unknown may be another stand-in: two known tasks are two tasks, and what was
    chosen to be None is none."""
    if other.standin_life() is None:
        return True
    return unknown.standin.life is None and not unknown.standin.none


def _holds_constants(container: object) -> bool:
    """Say whether a container holds nothing but constants: equal to one is in it, then."""
    held = container if isinstance(container, (list, tuple, set, frozenset)) else (container,)
    return bool(held) and all(isinstance(one, CONSTANTS) for one in held)


def _holds_only_own(container: object) -> bool:
    """Say whether a container holds nothing but tasks that nobody else can reach."""
    lives = [one.standin_life() for one in _members(container) if isinstance(one, Standin)]
    own = [life for life in lives if life and life.owner is Owner.MADE and not life.handed]
    return bool(own) and len(own) == len(_members(container))


def _may_hold(container: object) -> bool:
    """Say whether one of the unknown elements of a collection may be any value."""
    return any(isinstance(one, Unknown) and one.may_be_any() for one in _members(container))


def _holds_given(container: object) -> bool:
    """Say whether a container holds what was given to the function: any name may be of it."""
    return any(isinstance(one, Unknown) for one in _members(container))


def _members(container: object) -> Collection[object]:
    """Return what a container of Python's own holds; nothing for any other."""
    return container if isinstance(container, (list, tuple, set, frozenset, dict)) else ()
