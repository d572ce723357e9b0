"""What the judged module sees around it: builtins, imports, helpers, and the instrument's hooks.

Nothing of the user's project or of the system is imported: only a few pure modules of the standard
library are real, everything else is a stand-in.
"""

from __future__ import annotations

import asyncio
import builtins
from collections.abc import Callable, Iterable, Iterator
from functools import partial, reduce
from itertools import permutations
from types import BuiltinFunctionType, MethodDescriptorType, SimpleNamespace, resolve_bases
from typing import Any

from flake8_asyncwait.replay.fence import harmless
from flake8_asyncwait.replay.fence.guard import (
    SHOWN,
    is_changeable,
    is_guarded,
    is_inside,
    is_kind_of,
    is_secret,
    of_library,
    shown,
)
from flake8_asyncwait.replay.fence.library import (
    FUTURES,
    Contextlib,
    Futures,
    Inherited,
    Library,
    Logging,
    Open,
)
from flake8_asyncwait.replay.lives import Backstage, Standin, State
from flake8_asyncwait.replay.text.confine import (
    is_bindable,
    is_class,
    is_method,
    is_open,
    is_own,
    members_of,
    name_of,
)
from flake8_asyncwait.replay.text.locate import NONE_DECLARED, Declared, is_named, words
from flake8_asyncwait.replay.world.choices import DOES_NOT_HOLD, SIZES, WITNESS_SIZE
from flake8_asyncwait.replay.world.facts import Base, Kind, Pause
from flake8_asyncwait.replay.world.futures import Future, Task
from flake8_asyncwait.replay.world.methods import Copy
from flake8_asyncwait.replay.world.scheduler import FILLED, World
from flake8_asyncwait.replay.world.standins import Asyncio, Maker
from flake8_asyncwait.replay.world.unknown import (
    COROUTINE_METHODS,
    MAKER,
    Unknown,
    as_number,
    is_logging,
)
from flake8_asyncwait.replay.world.waiting import is_coroutine, is_waited_for

BUILTIN_NAMES = frozenset(harmless.BUILTINS)
# Those of which the stand-in is a method, or an attribute, of the same name.
OWN_BUILTINS = words("delattr getattr hasattr isinstance iter range setattr super type")
TEMPLATES = frozenset({"format", "format_map"})
# What a question says for as long as a method of the same object has not ended.
WHILE_PENDING = {
    "is_set": ("wait", False),
    "empty": ("get", True),
    "full": ("put", True),
    "locked": ("acquire", True),
}
SETS = (set, frozenset)
TAKING = frozenset({"pop", "popleft", "popitem"})
PLAIN = (str, int, float, bool, type(None))


class Surroundings(Backstage):
    """What one execution's module finds around it: builtins, modules, attributes, unknowns."""

    def __init__(self, world: World, declared: Declared = NONE_DECLARED) -> None:
        self.world = world
        self.declared = declared
        self.asyncio = Asyncio(world)
        self.type = harmless.Kinds(self.kind_of)
        world.calls = self

    def unknown(self, name: str, kind: Kind = Kind.NAME) -> Unknown:
        """Return a new unknown."""
        return Unknown(self.world, name, kind)

    # -- calls of unknowns ------------------------------------------------------------------------

    def call(self, callee: Unknown, args: tuple[object, ...], kwargs: dict[str, object]) -> object:
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
        if name == "is_closed" and parent is not None and _is_loop(parent):
            return False
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
                if life.waited and not life.asked:
                    return answer
        return None

    def _cancelled(self, things: Iterable[object]) -> tuple[object, ...]:
        """Cancel tasks, and collections of them."""
        for thing in things:
            if isinstance(thing, (list, tuple, set, frozenset)):
                self._cancelled(thing)
            elif isinstance(thing, Future):
                thing.cancel()
            elif isinstance(thing, Unknown):
                thing.attribute("cancel")()
        return ()

    # -- builtins ---------------------------------------------------------------------------------

    def builtins(self) -> dict[str, object]:
        """Return the builtins that are not the real ones."""
        found = {
            **{name: getattr(self, name) for name in OWN_BUILTINS},
            "__build_class__": self.build_class,
            "__import__": self.load,
            "print": lambda *_, **__: None,
            "sorted": lambda things, **_: list(things),
        }
        return {name: shown(one) for name, one in found.items()}

    def build_class(self, body: Any, name: Any, *bases: Any) -> object:
        """Stand in for what a `class` statement calls. No name in the body is looked up in what a
        metaclass of the judged code prepares: the hooks are names, too. A base that is no class
        still, whatever its `__class__` says, would be asked for others once more."""
        known = resolve_bases(bases)
        if not all(issubclass(type(base), type) for base in known):
            self.world.give_up("a class has a base that is no class")
        known = harmless.without_generic(known)
        if any(map(harmless.chooses_names, map(type, known))):
            self.world.give_up("a metaclass prepares a class")
        found = builtins.__build_class__(body, name, *known)
        members = members_of(found).items() if is_class(found) and is_own(found) else ()
        for member, value in members:
            if is_bindable(member) and not is_method(member, value):
                self.world.give_up("a class has a method that is no function")
        return found

    def load(
        self,
        name: str,
        globals: object = None,
        locals: object = None,
        fromlist: Any = (),
        level: int = 0,
    ) -> object:
        """Stand in for `__import__`. What is taken from a module is read as all attributes are."""
        module = self.module(name, bool(fromlist), level)
        if not fromlist:
            return module
        found = SimpleNamespace()
        for one in asyncio.__all__ if "*" in fromlist else fromlist:
            is_module = f"{name}.{one}" == FUTURES
            setattr(found, one, self.module(FUTURES) if is_module else self.get(module, one))
        return found

    def module(self, name: str, whole: bool = True, level: int = 0) -> object:
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

    def isinstance(self, thing: object, kinds: object) -> bool:
        """Stand in for `isinstance`: of an unknown or an injected error it is a choice."""
        if isinstance(thing, BaseException):
            return self.world.catches(thing, kinds)
        several = kinds if isinstance(kinds, tuple) else (kinds,)
        several = tuple(type if kind is self.type else kind for kind in several)
        unknown = any(isinstance(kind, Standin) for kind in several)
        if isinstance(thing, Future) or is_waited_for(thing):
            own = type(thing) if isinstance(thing, Future) else Task
            kinds = (kind.kind if isinstance(kind, Maker) else kind for kind in several)
            if any(is_kind_of(own, kind) for kind in kinds):
                return True
            return unknown and self._is_of(thing, several)
        if isinstance(thing, Unknown) or unknown:
            return self._is_of(thing, several)
        known = tuple(kind for kind in several if not isinstance(kind, Maker))
        if is_class(thing) or is_guarded(thing):
            return any(is_kind_of(type(thing), kind) for kind in flat(known))
        return isinstance(thing, known)

    def _is_of(self, thing: object, kinds: Iterable[object]) -> bool:
        names = " or ".join(getattr(kind, "__name__", str(kind)) for kind in kinds)
        claims = f"{thing!r} is of {names}", f"{thing!r} is not of {names}"
        return self.world.suppose(*claims, likely=True)

    def iter(self, things: Any, *sentinel: object) -> Iterator[object]:
        """Stand in for `iter`: which element of a set comes first is a choice."""
        if not sentinel and isinstance(things, (set, frozenset)):
            return iter(self.in_some_order(things, "iter()"))
        return iter(things, *sentinel)

    def range(self, *bounds: Any) -> range:
        """Stand in for `range`: an unknown number is chosen, a great one made small."""
        if any(isinstance(bound, Unknown) for bound in bounds):
            return range(*map(as_number, bounds))[:WITNESS_SIZE]
        return range(*bounds)[: max(SIZES)]

    def super(self, klass: Any, *instance: Any) -> object:
        """Stand in for `super`: of an unknown instance, what its class inherits is shown."""
        if len(instance) == 1 and type(instance[0]) is Unknown:
            return Inherited(klass, instance[0])
        return super(klass, *instance)

    def setattr(self, thing: object, name: Any, value: object) -> None:
        """Stand in for `setattr`: on a task it is neutral, elsewhere it hands the value over."""
        if isinstance(thing, Future):
            return
        if is_open(name):
            self.set(thing, name, value)
        else:
            self.world.hand_over(value)

    # -- attributes -------------------------------------------------------------------------------

    def get(self, thing: object, name: str) -> object:
        """Read an attribute: of a stand-in, what the real thing would have, else an unknown."""
        return shown(self._read(thing, name))

    def _read(self, thing: Any, name: str) -> object:
        kind = type(thing)
        if kind is Unknown:
            found = thing.attribute(name)
            return self.unknown(name, Kind.ATTRIBUTE) if is_inside(found) else found
        if name == "join" and (kind is str or kind is bytes):
            return lambda parts: self._join(thing, parts)
        if name == "difference" and kind in SETS:
            return lambda *others: reduce(self.minus, map(_as_set, others), thing)
        if name in TAKING and self.world.is_shared_empty(thing):
            return partial(self._take, getattr(thing, name))
        if name in TAKING and kind in FILLED and not thing and self.world.belongs_to_others(thing):
            return partial(self._take_from_others, thing, name)
        if name == "clear" and kind in FILLED:
            return partial(self._clear, thing)
        if not is_guarded(thing) or name in SHOWN.get(id(kind), ()):
            return self._get_own(thing, name)
        if isinstance(thing, Open):
            return thing.member(name)
        if isinstance(thing, Copy):
            return thing.whole.attribute(name)
        return self.unknown(f"{name_of(kind)}.{name}", Kind.ATTRIBUTE)

    def _get_own(self, thing: object, name: str) -> object:
        """Read an attribute for real; what a class has from an unknown one is unknown, and so is
        what nobody should have come by."""
        if not is_own(thing if is_class(thing) else type(thing)):
            if name == "register" and is_class(thing):
                return lambda kind: kind  # the library's classes are everybody's
            if name == "__init__" and not is_class(thing) and not isinstance(thing, super):
                return self.unknown(name, Kind.ATTRIBUTE)  # and so are their instances
        try:
            found = getattr(thing, name)
        except AttributeError:
            if not isinstance(thing, (Base, Exception, super)):
                raise
        else:
            if name in TEMPLATES and isinstance(found, (BuiltinFunctionType, MethodDescriptorType)):
                return lambda *args, **options: self._formatted(found, *args, **options)
            found = of_library(thing, found)
            if not is_inside(found):
                return found
        return self.unknown(f"{name_of(type(thing))}.{name}", Kind.ATTRIBUTE)

    def received(self, thing: object) -> object:
        """Return what a function of the judged code gets for something it is given: by whatever
        way it comes, nothing that it must not have."""
        if not is_secret(thing):
            return shown(thing)
        unknown = self.unknown("something", Kind.VALUE)
        unknown.standin.none, unknown.standin.truth = False, True
        return unknown

    def _formatted(self, method: Callable[..., str], *args: object, **options: object) -> object:
        """Stand in for `str.format`, which reads the attributes that a text names."""
        given = [type(one) for one in (*args, *options.values())]
        if all(any(kind is plain for plain in PLAIN) for kind in given):
            return method(*args, **options)
        return self.unknown("a text", Kind.VALUE)

    def set(self, thing: object, name: str, value: object) -> None:
        """Set an attribute: for real only of what is the judged code's own."""
        self.world.share(value)
        if is_class(thing) and (name == "__module__" or not is_method(name, value)):
            return  # what a class says decides what may be done with it
        if isinstance(thing, Unknown) or is_changeable(thing):
            setattr(thing, name, value)

    def delete(self, thing: object, name: str) -> None:
        """Delete an attribute, likewise."""
        if isinstance(thing, Unknown) or is_changeable(thing):
            delattr(thing, name)

    def kind_of(self, thing: object) -> object:
        """Stand in for `type` of one thing."""
        if is_guarded(thing):
            return self.unknown(f"type({thing!r})", Kind.VALUE)
        found = type(thing)
        # The library's own metaclasses give a class members of any name, as `type` does.
        return self.type if issubclass(found, type) and not is_own(found) else found

    def _join(self, text: Any, parts: Any) -> Any:
        """Stand in for `str.join`: of unknown parts the whole is unknown."""
        parts = list(parts)
        if all(isinstance(part, type(text)) for part in parts):
            return text.join(parts)
        return self.unknown("a text", Kind.VALUE)

    def hidden(self, thing: object, name: str) -> Unknown:
        """Stand in for an attribute through which more than the judged code can be reached."""
        return self.unknown(f"{thing}.{name}" if isinstance(thing, Unknown) else name)

    def getattr(self, thing: object, name: Any, *default: Any) -> object:
        """Stand in for `getattr`."""
        if not is_open(name):
            return self.hidden(thing, name if type(name) is str else "an attribute")
        try:
            return self.get(thing, name)
        except AttributeError:
            if not default:
                raise
            return default[0]

    def hasattr(self, thing: object, name: object) -> bool:
        """Stand in for `hasattr`: whether an unknown has what nobody gave it is a choice."""
        if isinstance(thing, Unknown) and name not in thing.standin.attributes:
            claims = f"{thing} has {name}", f"{thing} has no {name}"
            return self.world.suppose(*claims, likely=True)
        try:
            self.getattr(thing, name)
        except AttributeError:
            return False
        return True

    def delattr(self, thing: object, name: object) -> None:
        """Stand in for `delattr`: nothing depends on it."""

    # -- what is in a collection ---------------------------------------------------------------

    def _take(self, method: Callable[..., object], *args: object) -> Any:
        """Take something out of what others have put nothing into: that they have is not known, but
        whoever takes it knows."""
        try:
            return method(*args)
        except (KeyError, IndexError):
            self.world.give_up(DOES_NOT_HOLD)

    def _take_from_others(self, container: Any, name: str, *args: object) -> Any:
        """Take something out of what others fill in their own time: something is there."""
        if not args:
            self.put_something(container)
        return getattr(container, name)(*args)

    def _clear(self, container: Any) -> None:
        """Empty a container, into which others may put something again."""
        container.clear()
        self.world.emptied(container)

    def put_something(self, container: Any) -> None:
        """Somebody else puts something into a container."""
        something = self.unknown("something put there", Kind.VALUE)
        if isinstance(container, dict):
            container[something] = something
        elif isinstance(container, set):
            container.add(something)
        else:
            container.append(something)

    def is_in(self, thing: object) -> bool:
        """Choose whether something is in a collection."""
        claims = f"{thing!r} is in the collection", f"{thing!r} is not in the collection"
        return self.world.suppose(*claims, likely=False)

    def minus(self, one: object, other: Any) -> object:
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
        if free and self.is_in(next(iter(free))):
            rest = rest - free
        return rest

    def in_some_order(self, things: Any, label: str) -> Any:
        """Return the elements of a set in an order, which is a choice."""
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


def flat(kinds: object) -> list[object]:
    """Return the classes that an `except` names: those in a tuple one by one."""
    if not isinstance(kinds, tuple):
        return [kinds]
    return [one for kind in kinds for one in flat(kind)]


def _source(thing: object) -> int:
    """Return a number for where something came from that may be the same as what came another
    way, and 0 for tasks, which are themselves."""
    if isinstance(thing, Unknown):
        return id(thing.standin.parent) if thing.standin.life is None else 0
    return 0 if isinstance(thing, Standin) else id(thing)


def _as_set(things: Any) -> object:
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
