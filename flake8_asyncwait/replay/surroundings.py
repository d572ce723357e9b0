"""What the judged module sees around it: builtins, imports, helpers, and the instrument's hooks.

Nothing of the user's project or of the system is imported: only a few pure modules of the standard
library are real, everything else is a stand-in.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import inspect
import logging
import sys
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, MappingView
from functools import reduce
from itertools import permutations
from types import (
    BuiltinFunctionType,
    CodeType,
    FrameType,
    FunctionType,
    GenericAlias,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    SimpleNamespace,
    TracebackType,
)
from typing import Any

from flake8_asyncwait.replay import harmless, scheduler, standins
from flake8_asyncwait.replay import unknown as unknowns
from flake8_asyncwait.replay.confine import (
    MODULE_NAME,
    is_class,
    is_dunder,
    is_open,
    is_own,
    module_of,
    mro_of,
    name_of,
)
from flake8_asyncwait.replay.family import GATHER
from flake8_asyncwait.replay.locate import NONE_DECLARED, Declared, hook_name, is_named
from flake8_asyncwait.replay.scheduler import (
    DOES_NOT_HOLD,
    GOES_ON,
    SIZES,
    TURNS_AT_MOST,
    Asked,
    Backstage,
    ExpectedError,
    InjectedError,
    Life,
    Owner,
    Standin,
    State,
    Undecided,
    World,
    captured,
    reached,
)
from flake8_asyncwait.replay.stage import Stage
from flake8_asyncwait.replay.standins import (
    AsCompleted,
    Asyncio,
    Future,
    Gather,
    HelperCall,
    Maker,
    Task,
    Timeout,
    WaitCall,
    WaitFor,
    is_coroutine,
    is_task,
)
from flake8_asyncwait.replay.unknown import (
    CONSTANTS,
    COROUTINE_METHODS,
    MAKER,
    Base,
    Copy,
    Facts,
    Kind,
    Metaclass,
    Pause,
    Unknown,
    is_logging,
)

BUILTIN_NAMES = frozenset(harmless.BUILTINS)
DEEPEST = 3
FUTURES = "concurrent.futures"
SUSPENDING_TURNS = 3
GUARDED_MODULES = frozenset({"asyncio", "_asyncio", "concurrent", __name__.partition(".")[0]})
# What reads attributes of something else, and how to ask it for that: what inherits from one of
# these may say something else.
FORWARDING: tuple[tuple[type, Callable[[Any], object]], ...] = tuple(
    (kind, vars(kind)[where].__get__)
    for kind, where in ((super, "__self__"), (MethodType, "__func__"), (GenericAlias, "__origin__"))
)
# Generic classes, subscripted: these also set attributes of something else.
ALIASES = mro_of(type(typing.Annotated[int, ""]))[:-1]
TEMPLATES = frozenset({"format", "format_map"})
FINITE = (list, tuple, set, frozenset, dict, range, MappingView, Unknown)
# What a question says for as long as a method of the same object has not ended.
WHILE_PENDING = {
    "is_set": ("wait", False),
    "empty": ("get", True),
    "full": ("put", True),
    "locked": ("acquire", True),
}
SETS = (set, frozenset)
PLAIN = (str, int, float, bool, type(None))


class Surroundings(Backstage):
    """Everything that one execution's module is given; `namespace()` is what to execute it in."""

    def __init__(self, world: World, declared: Declared = NONE_DECLARED) -> None:
        self.world = world
        self.declared = declared
        self.asyncio = Asyncio(world)
        self.target: Callable[..., Any] | None = None
        self.functions: dict[CodeType, Callable[..., Any]] = {}
        self.type = harmless.Kinds(self.kind_of)
        world.calls = self

    def namespace(self, missing: Iterable[str]) -> dict[str, Any]:
        """Return the globals for the module; `missing` names get an unknown each."""
        found: dict[str, Any] = {name: self.unknown(name) for name in missing}
        found.update({hook_name(name): hook for name, hook in self.hooks().items()})
        found["__builtins__"] = {**harmless.BUILTINS, **self.builtins()}
        found["__name__"] = MODULE_NAME
        return found

    def unknown(self, name: str, kind: Kind = Kind.NAME) -> Unknown:
        """Return a new unknown."""
        return Unknown(self.world, name, kind)

    # -- calls of unknowns ------------------------------------------------------------------------

    def call(self, callee: Unknown, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Do what calling an unknown does: mostly, hand its arguments over."""
        label = callee.standin.label
        name = label.rpartition(".")[2]
        parent = callee.standin.parent
        if label == "warnings.warn" or (parent is not None and is_logging(parent, name)):
            return None
        if is_named(self.declared.wait_functions, label):
            return self.asyncio.wait(*args, **kwargs)
        if is_named(self.declared.task_factories, label):
            return self.asyncio.create_task(Pause(self.world, f"{label}()", None, args))
        if is_named(self.declared.cancellers, label):
            return Pause(self.world, f"{label}()", None, self._cancelled(args))
        if name == "create_task" and parent is not None and _is_loop(parent):
            return self.asyncio.create_task(*args, **kwargs)
        if name in ("create_future", "run_in_executor", "wrap_future"):
            return self.asyncio.create_future(*args, **kwargs)
        if name == "run_until_complete" and parent is not None and _is_loop(parent):
            return self.asyncio.run_until_complete(*args)
        if _is_plain_function(callee) and MAKER.search(name) and args and is_coroutine(args[0]):
            return self.asyncio.create_task(args[0])
        told = self._told_by_pending(parent, name)
        if told is not None:
            return told
        if name in COROUTINE_METHODS and _is_primitive(parent):
            self.world.hand_over(*args)
            pause = Pause(self.world, f"await {label}()", None, args)
            pause.callee = callee
            return pause
        return callee.result_of_call(args, kwargs)

    def _told_by_pending(self, owner: Unknown | None, name: str) -> bool | None:
        """Return what a question to an event or a queue says while a task waits for that very
        thing; any other method may let it end."""
        method, answer = WHILE_PENDING.get(name, ("", None))
        now = self.world.suspensions
        for life in self.world.lives:
            if owner is None or life.runs is None or life.runs[0] is not owner:
                continue
            if answer is None:
                life.runs = None
            elif life.runs[1] == method and life.state is State.RUNNING and life.seen == now:
                if (life.waited_early or life.waited_full) and not life.asked:
                    return answer
        return None

    def _cancelled(self, things: Iterable[Any]) -> tuple[Any, ...]:
        """Cancel tasks, and collections of them."""
        for thing in things:
            if isinstance(thing, (list, tuple, set, frozenset)):
                self._cancelled(thing)
            elif isinstance(thing, (Future, Unknown)):
                thing.cancel()
        return ()

    # -- builtins ---------------------------------------------------------------------------------

    def builtins(self) -> dict[str, Any]:
        """Return the builtins that are not the real ones."""
        return {
            "__import__": self.load,
            "delattr": self.delattr,
            "getattr": self.getattr,
            "hasattr": self.hasattr,
            "isinstance": self.isinstance,
            "iter": self.iter,
            "print": lambda *_, **__: None,
            "range": self.range,
            "setattr": self.setattr,
            "sorted": lambda things, **_: list(things),
            "type": self.type,
        }

    def load(
        self, name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
    ) -> Any:
        """Stand in for `__import__`. What is taken from a module is read as all attributes are."""
        module = self.module(name, bool(fromlist), level)
        if not fromlist:
            return module
        found = SimpleNamespace()
        for one in asyncio.__all__ if "*" in fromlist else fromlist:
            is_module = f"{name}.{one}" == FUTURES
            setattr(found, one, self.module(FUTURES) if is_module else self.get(module, one))
        return found

    def module(self, name: str, whole: bool = True, level: int = 0) -> Any:
        """Return the stand-in for a module, or for the package that it is in."""
        top, _, _ = name.partition(".")
        shown = name if whole else top
        if level == 0 and top == "asyncio":
            return self.asyncio
        if level == 0 and name == "contextlib":
            return Contextlib(self.world, self.unknown(name, Kind.MODULE))
        if level == 0 and name == FUTURES:
            return Futures(self.unknown(name, Kind.MODULE))
        if level == 0 and name == "logging":
            return Logging(self.unknown(name, Kind.MODULE))
        if level == 0 and name in harmless.MODULES:
            return Library(shown, self.unknown(top, Kind.MODULE))
        return self.unknown(shown, Kind.MODULE)

    def isinstance(self, thing: Any, kinds: Any) -> bool:
        """Stand in for `isinstance`: of an unknown or an injected error it is a choice."""
        if isinstance(thing, BaseException):
            return self.world.catches(thing, kinds)
        several = kinds if isinstance(kinds, tuple) else (kinds,)
        several = tuple(type if kind is self.type else kind for kind in several)
        unknown = any(isinstance(kind, Standin) for kind in several)
        if isinstance(thing, Future) or is_task(thing):
            own = type(thing) if isinstance(thing, Future) else Task
            kinds = (kind.kind if isinstance(kind, Maker) else kind for kind in several)
            if any(_is_kind_of(own, kind) for kind in kinds):
                return True
            return unknown and self._is_of(thing, several)
        if isinstance(thing, Unknown) or unknown:
            return self._is_of(thing, several)
        known = tuple(kind for kind in several if not isinstance(kind, Maker))
        if is_class(thing) or _is_guarded(thing):
            return any(_is_kind_of(type(thing), kind) for kind in _flat(known))
        return isinstance(thing, known)

    def _is_of(self, thing: Any, kinds: Iterable[Any]) -> bool:
        names = " or ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)
        claims = f"{thing!r} is of {names}", f"{thing!r} is not of {names}"
        return self.world.suppose(*claims, likely=True)

    def iter(self, things: Any, *sentinel: Any) -> Iterator[Any]:
        """Stand in for `iter`: which element of a set comes first is a choice."""
        if not sentinel and isinstance(things, (set, frozenset)):
            return iter(self._in_some_order(things, "iter()"))
        return iter(things, *sentinel)

    def range(self, *bounds: Any) -> range:
        """Stand in for `range`: an unknown number is chosen, a great one made small."""
        if any(isinstance(bound, Standin) for bound in bounds):
            unknown = next(bound for bound in bounds if isinstance(bound, Unknown))
            return range(len(unknown.elements()))
        return range(*bounds)[: max(SIZES)]

    def setattr(self, thing: Any, name: Any, value: object) -> None:
        """Stand in for `setattr`: on a task it is neutral, elsewhere it hands the value over."""
        if isinstance(thing, Future):
            return
        if is_open(name):
            self.set(thing, name, value)
        else:
            self.world.hand_over(value)

    # -- attributes -------------------------------------------------------------------------------

    def get(self, thing: Any, name: str) -> Any:
        """Read an attribute: of a stand-in, what the real thing would have, else an unknown."""
        kind = type(thing)
        if kind is Unknown:
            found = thing.attribute(name)
            return self.unknown(name, Kind.ATTRIBUTE) if _is_inside(found) else found
        if name == "join" and (kind is str or kind is bytes):
            return lambda parts: self._join(thing, parts)
        if name == "difference" and kind in SETS:
            return lambda *others: reduce(self.minus, map(_as_set, others), thing)
        if not _is_guarded(thing) or name in SHOWN.get(id(kind), ()):
            return self._get_own(thing, name)
        if isinstance(thing, Open):
            return thing.member(name)
        if isinstance(thing, Copy):
            return thing.whole.attribute(name)
        return self.unknown(f"{name_of(kind)}.{name}", Kind.ATTRIBUTE)

    def _get_own(self, thing: Any, name: str) -> Any:
        """Read an attribute for real; what a class has from an unknown one is unknown, and so is
        what nobody should have come by."""
        try:
            found = getattr(thing, name)
        except AttributeError:
            if not isinstance(thing, (Base, Exception, super)):
                raise
        else:
            if name in TEMPLATES and isinstance(found, (BuiltinFunctionType, MethodDescriptorType)):
                return lambda *args, **options: self._formatted(found, *args, **options)
            if not _is_inside(found):
                return found
        return self.unknown(f"{name_of(type(thing))}.{name}", Kind.ATTRIBUTE)

    def _formatted(self, method: Callable[..., str], *args: Any, **options: Any) -> Any:
        """Stand in for `str.format`, which reads the attributes that a text names."""
        given = [type(one) for one in (*args, *options.values())]
        if all(any(kind is plain for plain in PLAIN) for kind in given):
            return method(*args, **options)
        return self.unknown("a text", Kind.VALUE)

    def set(self, thing: Any, name: str, value: object) -> None:
        """Set an attribute: for real only of what is the judged code's own."""
        self.world.share(value)
        if isinstance(thing, Unknown) or _is_changeable(thing):
            setattr(thing, name, value)

    def delete(self, thing: Any, name: str) -> None:
        """Delete an attribute, likewise."""
        if isinstance(thing, Unknown) or _is_changeable(thing):
            delattr(thing, name)

    def kind_of(self, thing: Any) -> Any:
        """Stand in for `type` of one thing."""
        if _is_guarded(thing):
            return self.unknown(f"type({thing!r})", Kind.VALUE)
        found = type(thing)
        return self.type if found is type else found

    def _join(self, text: Any, parts: Any) -> Any:
        """Stand in for `str.join`: of unknown parts the whole is unknown."""
        parts = list(parts)
        if all(isinstance(part, type(text)) for part in parts):
            return text.join(parts)
        return self.unknown("a text", Kind.VALUE)

    def hidden(self, thing: Any, name: str) -> Unknown:
        """Stand in for an attribute through which more than the judged code can be reached."""
        return self.unknown(f"{thing}.{name}" if isinstance(thing, Unknown) else name)

    def getattr(self, thing: Any, name: Any, *default: Any) -> Any:
        """Stand in for `getattr`."""
        if not is_open(name):
            return self.hidden(thing, name if type(name) is str else "an attribute")
        try:
            return self.get(thing, name)
        except AttributeError:
            if not default:
                raise
            return default[0]

    def hasattr(self, thing: Any, name: Any) -> bool:
        """Stand in for `hasattr`: whether an unknown has what nobody gave it is a choice."""
        if isinstance(thing, Unknown) and name not in thing.standin.attributes:
            claims = f"{thing} has {name}", f"{thing} has no {name}"
            return self.world.suppose(*claims, likely=True)
        try:
            self.getattr(thing, name)
        except AttributeError:
            return False
        return True

    def delattr(self, thing: Any, name: Any) -> None:
        """Stand in for `delattr`: nothing depends on it."""

    # -- hooks for the instrument -----------------------------------------------------------------

    def hooks(self) -> dict[str, Any]:
        """Return the functions that instrumented code calls, by the names it calls them."""
        world = self.world
        return {
            "__alone__": self.alone,
            "__assert__": self.holds,
            "__attr__": self.store_attribute,
            "__boxed__": lambda value: SimpleNamespace(value=value),
            "__branch__": self.branch,
            "__catch__": self.catch,
            "__get__": self.get,
            "__hidden__": self.hidden,
            "__cleanup__": world.cleanup,
            "__each__": self.each,
            "__BaseException__": BaseException,
            "__Exception__": Exception,
            "__follow__": self.follow,
            "__leaves__": self.leaves,
            "__timed__": self.timed,
            "__hand__": world.hand_over,
            "__helper__": self.helper,
            "__in__": self.contains,
            "__is__": self.identical,
            "__isinstance__": self.isinstance,
            "__item__": self.store_item,
            "__loop__": self.enter_loop,
            "__mapping__": self.mapping,
            "__minus__": self.minus,
            "__plain__": self.plain,
            "__plain_value__": self.plain_value,
            "__ordered__": self.ordered,
            "__raise__": self.raised,
            "__read__": world.read,
            "__site__": self.site,
            "__store__": self.mutator,
            "__target__": self.mark_target,
            "__turn__": world.turn,
            "__unknown__": self.unknown,
            "__unpack__": self.unpack,
        }

    def site(self, names: dict[str, Callable[[], object]], timed: bool, wait: Any) -> Any:
        """Return the judged `asyncio.wait`: `timed` says that a timeout stands in the call.

        Where the name turns out to mean something else, that is called.
        """
        named = isinstance(wait, Unknown) and is_named(
            self.declared.wait_functions, wait.standin.label
        )
        if not named and getattr(wait, "__func__", None) is not Asyncio.wait:
            return wait

        def judged_wait(*args: Any, **options: Any) -> WaitCall:
            waited = args[0] if args else options.get("fs")
            return_when = options.get("return_when", self.asyncio.ALL_COMPLETED)
            timeout = timed or options.get("timeout") is not None
            return WaitCall(self.world, waited, timeout, return_when, names)

        return judged_wait

    def follow(self, function: Any) -> Any:
        """Return what is called at the judged site, where that is of the family: its tasks are
        followed from there on."""
        world = self.world

        def judged(*args: Any, **options: Any) -> Any:
            before = len(world.lives)
            result = function(*args, **options)
            if isinstance(result, (AsCompleted, Gather)):
                result.is_site = True
            if not isinstance(result, AsCompleted):
                lives = [*reached([result])]
                made = world.lives[before:]
                world.follow(lives, lambda life: world.kind != GATHER or life in made)
            return result

        return judged

    def leaves(self, *values: object) -> None:
        """Note that a `with` is left by an exception."""
        for value in values:
            self.world.leaves_with(value)

    def timed(self, thing: Any) -> Any:
        """Return what has a timeout, which a handler expects to run out."""
        if isinstance(thing, (Timeout, WaitFor)):
            thing.is_expected = True
        return thing

    def mark_target(self, function: Callable[..., Any]) -> Any:
        """Take the judged function."""
        self.target = function
        return self.helper(function)

    def helper(self, function: Any) -> Any:
        """Return a function of the judged source so that its calls are looked into.

        What is given to a call within such a call is handed over, and so is what goes deeper.
        """
        self.functions[function.__code__] = function
        flags = function.__code__.co_flags
        if flags & (inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR):
            return function
        if flags & inspect.CO_COROUTINE:
            return self._async_helper(function)
        return self._sync_helper(function)

    def _async_helper(self, function: Any) -> Any:
        world = self.world

        def call(*args: Any, **kwargs: Any) -> HelperCall:
            self._too_deep(function, args, kwargs)

            async def run() -> Any:
                if world.depth >= DEEPEST:
                    return self.unknown("a deep call", Kind.RESULT)
                world.depth += 1
                try:
                    result = await function(*args, **kwargs)
                finally:
                    world.depth -= 1
                    self._stored(function, args, kwargs)
                self._returned(function.__code__, result)
                return result

            return HelperCall(world, run, (args, kwargs, function), function.__code__)

        return call

    def _sync_helper(self, function: Any) -> Any:
        world = self.world

        def call(*args: Any, **kwargs: Any) -> Any:
            self._too_deep(function, args, kwargs)
            if world.depth >= DEEPEST:
                return self.unknown("a deep call", Kind.RESULT)
            world.depth += 1
            try:
                result = function(*args, **kwargs)
            finally:
                world.depth -= 1
                self._stored(function, args, kwargs)
            self._returned(function.__code__, result)
            return result

        return call

    def _too_deep(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        if self.world.depth:
            self.world.share(function, *args, *kwargs.values())

    def _stored(self, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """What a helper made, and put into what it was given or captures, is its caller's."""
        code = self.world.groups[function.__code__]
        self.world.take_over(code, (args, kwargs, tuple(captured(function))))

    def put_something(self, container: Any) -> None:
        """Somebody else puts something into a container."""
        something = self.unknown("something put there", Kind.VALUE)
        if isinstance(container, dict):
            container[something] = something
        elif isinstance(container, set):
            container.add(something)
        else:
            container.append(something)

    def _returned(self, code: CodeType, result: Any) -> None:
        """A helper that returns the task it made has made it for its caller."""
        if isinstance(result, Task) and result.life.owner is Owner.MADE:
            life = result.life
            if life.maker is self.world.groups[code]:
                life.maker = self.world.caller()
                life.through |= {code}
                return
        self.world.mixed.add(code)

    def alone(self, context: Any) -> Any:
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

        def call(*args: Any, **kwargs: Any) -> Any:
            given = () if _is_unknown(function) else (*args, *kwargs.values())
            owner = (
                function if isinstance(function, Unknown) else getattr(function, "__self__", None)
            )
            known = (owner, *given)
            is_known = any(reached(known))
            result = function(*args, **kwargs)
            if not (is_known or any(reached(known))):
                self.world.may_raise(_flat(kinds()))
            return result

        return call

    def plain_value(self, kinds: Callable[[], object], value: Any = None) -> Any:
        """Return a value that is to be had by a subscript, or raise likewise."""
        if not any(reached((value,))):
            self.world.may_raise(_flat(kinds()))
        return value

    def raised(self, error: Any) -> Any:
        """Return what a `raise` of something raises."""
        kind = error if isinstance(error, type) else type(error)
        return error if issubclass(kind, BaseException) else InjectedError(error)

    def identical(self, one: Any, other: Any) -> bool:
        """Stand in for `is`: whether an unknown is None is a choice."""
        for unknown, constant in ((one, other), (other, one)):
            if isinstance(unknown, Asked) and isinstance(constant, bool):
                return bool(unknown) is constant
            if isinstance(unknown, Unknown) and not isinstance(constant, Standin):
                if constant is None:
                    return unknown.is_none()
                return bool(unknown == constant)
        if isinstance(one, Unknown) and isinstance(other, Standin) and one is not other:
            return _may_be_same(one, other) and bool(one == other)
        if isinstance(other, Unknown) and isinstance(one, Standin) and one is not other:
            return _may_be_same(other, one) and bool(other == one)
        return one is other

    def contains(self, thing: Any, container: Any) -> bool:
        """Stand in for `in`: whether an unknown is in a set of tasks is a choice."""
        free = isinstance(thing, Unknown) and thing.standin.life is None
        free = free and (thing.may_be_any() or _holds_given(container))
        free = free and not _holds_constants(container)
        if free and not isinstance(container, Unknown) and not _holds(container, thing):
            return bool(container) and self._is_in(thing)
        if not isinstance(thing, Standin) and _may_hold(container):
            return self._is_in(thing)
        return thing in container

    def _is_in(self, thing: Any) -> bool:
        claims = f"{thing!r} is in the collection", f"{thing!r} is not in the collection"
        return self.world.suppose(*claims, likely=False)

    def minus(self, one: Any, other: Any) -> Any:
        """Stand in for `-`: whether a set of unknowns holds those that came another way is a
        choice."""
        if isinstance(one, Unknown) and isinstance(other, SETS):
            one = set(one.elements())
        if not isinstance(one, SETS) or not isinstance(other, (*SETS, Unknown)):
            return one - other
        taken = set(other.elements()) if isinstance(other, Unknown) else other
        rest = one - taken
        sources = {_source(each) for each in taken} - {0}
        unknown = {each for each in rest if isinstance(each, Unknown) and _source(each)}
        free = {each for each in unknown if sources - {_source(each)}}
        if free and self._is_in(next(iter(free))):
            rest = rest - free
        return rest

    def store_attribute(self, thing: Any) -> Any:
        """Return what to set an attribute on, or delete it, or augment it."""
        return Target(self, thing)

    def store_item(self, thing: Any) -> Any:
        """Return what to set an item on, so that what others' containers get is handed over."""
        return Container(self.world, thing) if self.world.belongs_to_others(thing) else thing

    def mutator(self, thing: Any, name: str) -> Any:
        """Return a method that puts something into a container, seen likewise."""
        method = getattr(thing, name)
        if isinstance(thing, Standin) or not self.world.belongs_to_others(thing):
            return method

        def put(*args: Any, **kwargs: Any) -> Any:
            self.world.hand_over(*args, *kwargs.values())
            with contextlib.suppress(TypeError):  # a plain call of somebody else's does not raise
                return method(*args, **kwargs)

        return put

    def branch(self, condition: Any, line: int) -> bool:
        """Return whether the condition of the statement on a line holds."""
        holds = bool(condition)
        self.world.meet("branch", "yes" if holds else "no", (line,))
        return holds

    def enter_loop(self, loop: int) -> None:
        """Start counting the turns of a loop."""
        self.world.turns[loop] = 0

    def each(self, things: Any, orders: bool, suspends: bool, targets: int) -> Any:
        """Return what a `for` goes over.

        `orders` says that the order of a set matters to the loop, as it does where one of it is
        None, `suspends` that it may suspend: then fewer turns do. `targets` is how many names an
        element is unpacked to, or -1.
        """
        if isinstance(things, range) and suspends and self.world.guide is None:
            return things[:SUSPENDING_TURNS]
        if isinstance(things, (set, frozenset)) and (orders or None in things):
            things = self._in_some_order(things, "for")
        if not isinstance(things, FINITE):
            things = Few(self.world, things)
        if targets < 0:
            return things
        return Unpacked(self, things, targets)

    def unpack(self, thing: Any, targets: int) -> Any:
        """Return what is unpacked to a number of names: an unknown has as many elements."""
        if isinstance(thing, zip):  # of unknown collections it may give any number
            thing = list(thing)
            if len(thing) != targets:
                thing = self.unknown("zip()", Kind.VALUE)
        if isinstance(thing, Unknown) and thing.standin.items is None:
            thing.hold(targets)
        return thing

    def mapping(self, things: Any, *names: str) -> dict[str, Any]:
        """Return the keywords that a call gets by `**`: of an unknown those of some names, but it
        is passed on."""
        if not isinstance(things, dict):
            self.world.hand_over(things)
            return {name: self.unknown(name) for name in names}
        return {name: value for name, value in things.items() if isinstance(name, str)}

    def ordered(self, things: Any) -> Any:
        """Return what a list or tuple is made of: the order of a set is a choice."""
        if isinstance(things, (set, frozenset)):
            return self._in_some_order(things, "a copy")
        return things

    def _in_some_order(self, things: Any, label: str) -> Any:
        elements = list(things)
        if len(elements) < 2:
            return things
        if len(elements) <= max(SIZES):
            orders = list(map(list, permutations(elements)))
        else:
            orders = [elements[first:] + elements[:first] for first in range(len(elements))]
        labels = [", ".join(map(repr, order)) for order in orders]
        picked = self.world.choose(f"the order of {label}", labels)
        return orders[picked] if picked else things


class Target:
    """An object when an attribute of it is set, deleted or augmented: what that does is up to the
    surroundings, whatever the attribute is called."""

    __slots__ = ("held",)

    def __init__(self, surroundings: Surroundings, thing: Any) -> None:
        object.__setattr__(self, "held", (surroundings, thing))

    def __getattribute__(self, name: str) -> Any:
        surroundings, thing = _held(self)
        return surroundings.get(thing, name)

    def __setattr__(self, name: str, value: object) -> None:
        surroundings, thing = _held(self)
        surroundings.set(thing, name, value)

    def __delattr__(self, name: str) -> None:
        surroundings, thing = _held(self)
        surroundings.delete(thing, name)


_held: Callable[[Target], tuple[Surroundings, Any]] = vars(Target)["held"].__get__


class Container:
    """A container that is not the function's own, when something is put into it."""

    __slots__ = ("thing", "world")

    def __init__(self, world: World, thing: Any) -> None:
        self.world = world
        self.thing = thing

    def __setitem__(self, key: Any, value: object) -> None:
        self.world.hand_over(value)
        self.thing[key] = value

    def __getitem__(self, key: Any) -> Any:
        return self.thing[key]


class Few:
    """An iterator that gives up after some elements, and keeps none of them."""

    __slots__ = ("iterator", "turns", "world")

    def __init__(self, world: World, things: Any) -> None:
        self.world = world
        self.iterator = iter(things)
        self.turns = 0

    def __iter__(self) -> Few:
        return self

    def __next__(self) -> Any:
        self.turns += 1
        if self.turns > TURNS_AT_MOST + 3:
            self.world.give_up(GOES_ON)
        return next(self.iterator)


class Unpacked:
    """An iterator whose unknown elements have as many elements as they are unpacked to."""

    __slots__ = ("iterator", "surroundings", "targets")

    def __init__(self, surroundings: Surroundings, things: Any, targets: int) -> None:
        self.surroundings = surroundings
        self.iterator = iter(things)
        self.targets = targets

    def __iter__(self) -> Unpacked:
        return self

    def __next__(self) -> Any:
        return self.surroundings.unpack(next(self.iterator), self.targets)


class Open(Standin):
    """A stand-in for a module: all its members are shown."""

    __slots__ = ("module",)

    def __init__(self, module: Unknown) -> None:
        self.module = module

    def __getattr__(self, name: str) -> Any:
        return self.member(name)

    def member(self, name: str) -> Any:
        """Return a member of the module; an unknown one where nothing is known of it."""
        known = name in vars(type(self)) and not is_dunder(name)
        return getattr(self, name) if known else self.module.attribute(name)


class Library(Open):
    """A module of the standard library, of which only what is harmless is real."""

    __slots__ = ("name",)

    def __init__(self, name: str, module: Unknown) -> None:
        super().__init__(module)
        self.name = name

    def member(self, name: str) -> Any:
        """Return a member of the module, or a module below it."""
        if f"{self.name}.{name}" in harmless.MODULES:
            return Library(f"{self.name}.{name}", self.module.attribute(name))
        members = harmless.MODULES[self.name]
        return members[name] if name in members else self.module.attribute(name)


class Contextlib(Library):
    """The stand-in for `contextlib`: also for what handles errors and callbacks."""

    __slots__ = ("world",)

    def __init__(self, world: World, module: Unknown) -> None:
        super().__init__("contextlib", module)
        self.world = world

    def member(self, name: str) -> Any:
        """Return a member of the module."""
        if name in ("suppress", "ExitStack", "AsyncExitStack"):
            return getattr(self, name)
        return super().member(name)

    def suppress(self, *kinds: Any) -> Suppress:
        return Suppress(self.world, kinds)

    def ExitStack(self) -> Any:
        return _watch(self.world, contextlib.ExitStack())

    def AsyncExitStack(self) -> Any:
        return AsyncStack(self.world, _watch(self.world, contextlib.AsyncExitStack()))


class Suppress:
    """`contextlib.suppress()`."""

    __slots__ = ("kinds", "world")

    def __init__(self, world: World, kinds: tuple[Any, ...]) -> None:
        self.world = world
        self.kinds = kinds

    def __enter__(self) -> None:
        """Enter, giving nothing."""

    def __exit__(self, kind: type | None, error: BaseException | None, trace: Any) -> bool:
        return error is not None and self.world.catches(error, self.kinds)


class AsyncStack:
    """`contextlib.AsyncExitStack()`: it may be struck at both its ends, like any `async with`."""

    SHOWN = frozenset(name for name in dir(contextlib.AsyncExitStack) if name[0] != "_") | {
        "__aenter__",
        "__aexit__",
    }
    __slots__ = ("stack", "world")

    def __init__(self, world: World, stack: Any) -> None:
        self.world = world
        self.stack = stack

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stack, name)

    async def __aenter__(self) -> Any:
        await self.world.pause("enter AsyncExitStack()")
        return self.stack

    async def __aexit__(self, *error: Any) -> Any:
        suppressed = await self.stack.__aexit__(*error)
        if error[1] is None:
            await self.world.pause("leave AsyncExitStack()")
        return suppressed


def _watch(world: World, stack: Any) -> Any:
    """Make an exit stack's callbacks known: a registered cancel settles, others are handed over."""
    register = stack.callback

    def callback(function: Any, *args: Any, **kwargs: Any) -> Any:
        world.hand_over(function, *args, *kwargs.values())
        return register(function, *args, **kwargs)

    stack.callback = callback
    return stack


class Futures(Open):
    """The stand-in for `concurrent.futures`."""

    __slots__ = ()

    FIRST_COMPLETED = Asyncio.FIRST_COMPLETED
    FIRST_EXCEPTION = Asyncio.FIRST_EXCEPTION
    ALL_COMPLETED = Asyncio.ALL_COMPLETED
    CancelledError = concurrent.futures.CancelledError
    TimeoutError = TimeoutError

    @property
    def futures(self) -> Futures:
        return self


class Logging(Open):
    """The stand-in for `logging`: it keeps nothing."""

    __slots__ = ()

    DEBUG, INFO, WARNING, ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR


# What the judged code is never shown, by whatever way it may have come by it.
INSIDES = (Surroundings, World, Stage, Life, Facts, ModuleType, CodeType, FrameType, TracebackType)
NOT_SHOWN = (*INSIDES, *ALIASES)
# Of each class of stand-ins, what it shows: one that inherits from it may say something else.
SHOWN: Mapping[int, frozenset[str]] = {
    id(kind): kind.SHOWN
    for module in (scheduler, standins, unknowns, sys.modules[__name__])
    for kind in vars(module).values()
    if isinstance(kind, type) and hasattr(kind, "SHOWN")
}
_owner_of: Callable[[object], object] = vars(MethodType)["__self__"].__get__


def _is_inside(thing: object) -> bool:
    kind = type(thing)
    if kind is MethodType:
        return _is_inside(_owner_of(thing))
    return issubclass(kind, INSIDES) or (is_class(thing) and (thing is type or _is_guarded(thing)))


def _is_kind_of(kind: type, other: object) -> bool:
    """Say whether a class that the judged code has not made is another one, or inherits from it:
    no class of the judged code is asked, as it would get to know this one."""
    if any(base is other for base in mro_of(kind)):
        return True
    known = any(other is one for one in harmless.MODULES["collections.abc"].values())
    return known and other.__subclasshook__(kind) is True


def _is_guarded(thing: object) -> bool:
    """Say whether an object is not of the judged code's making: what it holds is not shown."""
    kind = type(thing)
    for forwarding, behind in FORWARDING:
        if issubclass(kind, forwarding):
            return _is_guarded(behind(thing))
    return any(map(_is_guarded_class, mro_of(thing if is_class(thing) else kind)))


def _is_guarded_class(kind: type) -> bool:
    module = module_of(kind)
    if type(module) is not str or module.partition(".")[0] not in GUARDED_MODULES:
        return any(kind is one for one in NOT_SHOWN)
    is_error = any(base is BaseException for base in mro_of(kind))
    if any(kind is one for one in (ExpectedError, InjectedError)):
        return True
    return not (is_error or any(kind is one for one in (Base, Metaclass)))


def _is_changeable(thing: object) -> bool:
    """Say whether an object is the judged code's own: classes of the library are everybody's."""
    return not _is_guarded(thing) and (not is_class(thing) or is_own(thing))


def _is_unknown(function: Any) -> bool:
    """Say whether what a function does is not known: it is none of the library's."""
    return isinstance(function, (Unknown, FunctionType))


def _flat(kinds: object) -> list[object]:
    """Return the classes that an `except` names: those in a tuple one by one."""
    if not isinstance(kinds, tuple):
        return [kinds]
    return [one for kind in kinds for one in _flat(kind)]


def _source(thing: object) -> int:
    """Return a number for where something came from that may be the same as what came another
    way, and 0 for tasks, which are themselves."""
    if isinstance(thing, Unknown):
        return id(thing.standin.parent) if thing.standin.life is None else 0
    return 0 if isinstance(thing, Standin) else id(thing)


def _as_set(things: Any) -> Any:
    return things if isinstance(things, Unknown) else set(things)


def _is_loop(unknown: Unknown) -> bool:
    last = unknown.standin.label.rpartition(".")[2]
    return last.removesuffix("()").endswith("loop")


def _is_primitive(unknown: Unknown | None) -> bool:
    return unknown is not None and unknown.standin.kind is Kind.PRIMITIVE


def _is_plain_function(callee: Unknown) -> bool:
    """Say whether a callee is a bare name or a module's attribute, not a method of an object."""
    facts = callee.standin
    if facts.parent is None:
        return facts.kind is Kind.NAME
    return facts.kind is Kind.ATTRIBUTE and _is_module(facts.parent)


def _is_module(unknown: Unknown) -> bool:
    facts = unknown.standin
    if facts.kind is Kind.MODULE:
        return True
    return facts.kind is Kind.ATTRIBUTE and facts.parent is not None and _is_module(facts.parent)


def _may_be_same(unknown: Unknown, other: Standin) -> bool:
    """Say whether an unknown may be another stand-in: two known tasks are two tasks."""
    return unknown.standin.life is None or other.standin_life() is None


def _holds_constants(container: Any) -> bool:
    """Say whether a container holds nothing but constants: equal to one is in it, then."""
    held = container if isinstance(container, (list, tuple, set, frozenset)) else (container,)
    return bool(held) and all(isinstance(one, CONSTANTS) for one in held)


def _may_hold(container: Any) -> bool:
    """Say whether one of the unknown elements of a collection may be any value."""
    if not isinstance(container, (list, tuple, set, frozenset, dict)):
        return False
    return any(isinstance(one, Unknown) and one.may_be_any() for one in container)


def _holds_given(container: Any) -> bool:
    """Say whether a container holds what was given to the function: any name may be of it."""
    if isinstance(container, (list, tuple, set, frozenset, dict)):
        return any(isinstance(one, Unknown) for one in container)
    return False


def _holds(container: Any, thing: object) -> bool:
    if isinstance(container, (list, tuple, set, frozenset, dict)):
        return any(one is thing for one in container)
    return False
