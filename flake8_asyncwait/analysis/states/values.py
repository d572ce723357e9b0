"""The values and objects of an abstract execution: small tuples, which are never changed.

A value stands for what an expression yields. What can change, or be held in two places, is an
object of a state's heap, and a `Ref` is the value that stands for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum
from typing import Any, Union, cast

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import Exc
from flake8_asyncwait.analysis.code.program import Definition
from flake8_asyncwait.named import NamedTuple

# How many tasks a collection of unknown size stands for: one done, and two left, of which the
# first may stop a loop that should have reached the second.
MANY = 3


class Status(str, Enum):
    """What is known of how far a task has come.

    Time has passed over one that is `MAYBE` running: it may have ended since. One that was asked to
    cancel then is `MAYBE_CANCELLING`, for it may have been done already. `LATE_...` says the same
    of some time ago. One that is `FAILING` will say that it has failed.
    """

    __hash__ = str.__hash__  # all states are told from each other by it

    RUNNING = "running"
    MAYBE = "maybe running"
    CANCELLING = "asked to cancel"
    LATE_CANCELLING = "cancelling, some time ago"
    MAYBE_CANCELLING = "maybe cancelling"
    LATE_MAYBE_CANCELLING = "maybe cancelling, some time ago"
    DONE = "ended"
    OK = "ok"
    FAILING = "ended by a failure"
    FAILED = "failed"
    CANCELLED = "ended by a cancel"


ENDED = frozenset({Status.DONE, Status.OK, Status.FAILING, Status.FAILED, Status.CANCELLED})
UNSETTLED = frozenset({Status.RUNNING, Status.MAYBE})
MAYBE_ASKED = frozenset({Status.MAYBE_CANCELLING, Status.LATE_MAYBE_CANCELLING})
ASKED = frozenset({Status.CANCELLING, Status.LATE_CANCELLING}) | MAYBE_ASKED
LATE = frozenset({Status.LATE_CANCELLING, Status.LATE_MAYBE_CANCELLING})


class Owner(NamedTuple):
    """Whose a task is; one that came in by a parameter names that."""

    kind: str
    param: str = ""


OWNED = Owner("owned")
FOREIGN = Owner("foreign")
FUTURE = Owner("future")
# Of a coroutine that neither suspends nor fails: its task is over before anything strikes.
PROMPT = Owner("prompt")
NEVER_LOST = (FUTURE, PROMPT)
# Kinds of owners: a parameter that is a task, and one that holds many.
BORROWED = "borrowed"
COLLECTION = "collection"


class Const(NamedTuple):
    value: Any


class Ref(NamedTuple):
    """An object of the heap."""

    id: int


class Unknown(NamedTuple):
    """Anything that holds no task. What is the key of a dict has a `number`, by which a loop over
    the keys finds what each is the key of; what is made of parameters has one of its own. (Named
    tuples compare as tuples do: two items keep an unknown from being equal to a constant.)"""

    kind: str = "unknown"
    number: int = 0


class Result(NamedTuple):
    """What an unknown call returned: a coroutine, a task of somebody else's, or anything.

    `origin` is the call; `coroutine` names it where it is known to make a coroutine, `cls` is the
    class of the project (a `program.Definition`) where it is known to make an instance. A coroutine
    that is `safe` cannot fail. What is `lent` comes from a plain function, which owns it.
    """

    origin: int
    coroutine: str = ""
    cls: Definition | None = None
    safe: bool = False
    lent: bool = False


class Param(NamedTuple):
    """A parameter of which it is not known yet whether it is one task or many; `handed` says that
    somebody else can reach it, `falsy` that it is None, or empty, `plain` that there is no task in
    it, as its annotation says. `size` is how many things it holds, 0 where the number tells
    nothing."""

    name: str
    handed: bool = False
    falsy: bool = False
    plain: bool = False
    size: int = 0


class Foreign(NamedTuple):
    """A global, a name of an enclosing function, or an attribute, by its dotted text."""

    path: str


class Function(NamedTuple):
    """A function of the project; `bound` is its first argument where it is a method."""

    func: ir.Func
    bound: bool


class Coroutine(NamedTuple):
    """A call of a coroutine function of the project that has not been awaited yet."""

    func: ir.Func
    args: tuple[tuple[str, Value], ...]


class Method(NamedTuple):
    """An attribute of a task, a collection or the like, which may be called. `is_sure` says that
    it surely is a method; under a name that its class does not have, it may hold anything."""

    owner: Value
    name: str
    is_sure: bool = False


class Waiting(NamedTuple):
    """The coroutine of a wait that has not been awaited yet. `site` is -1 for a helper's own.
    `settles` says that it cancels what is pending, as `wait_any` does, `fails` that it returns
    before all are done only where one has failed."""

    site: int
    waited: Value
    first: bool
    timeout: bool
    line: int
    settles: bool = False
    fails: bool = False


class Shielded(NamedTuple):
    """`timed` says that the time for it may run out."""

    inner: Value
    timed: bool = False


class TimeLimited(NamedTuple):
    """`wait_for(inner, t)`, not awaited yet."""

    inner: Value


class Raised(NamedTuple):
    """An exception as a value."""

    exc: Exc


class Asked(NamedTuple):
    """What `.cancel()` says of a task that may have ended before: False where it had. It may have
    been asked `again`."""

    task: Ref
    again: bool = False


class AtLeast(NamedTuple):
    """The size of a collection that may hold unknown others."""

    least: int


class Primitive(NamedTuple):
    """An asyncio queue or event: these of its methods are coroutines."""

    methods: tuple[str, ...]


class Slice(NamedTuple):
    """The bounds of a slice."""

    lower: Value
    upper: Value
    step: Value


class Tested(NamedTuple):
    """What tests have found out about something unknown: questions, as what was asked and with
    what, with their answers."""

    told: frozenset[tuple[tuple[str, tuple[str, object]], bool]] = frozenset()


class Instance(NamedTuple):
    """An object whose methods are a table of `known.INSTANCES`, such as an event loop."""

    kind: str


class AsCompleted(NamedTuple):
    """What `as_completed` returns over a collection; `timed` as for `Shielded`."""

    waited: Value
    timed: bool = False
    site: bool = False


# What an expression may yield. A plain tuple is a row of a dict, or what no name holds.
Value = Union[
    Const,
    Ref,
    Unknown,
    Result,
    Param,
    Foreign,
    Function,
    Coroutine,
    Method,
    Waiting,
    Shielded,
    TimeLimited,
    Raised,
    Asked,
    AtLeast,
    Primitive,
    Slice,
    Tested,
    Instance,
    AsCompleted,
    "tuple[Value, ...]",
]
UNKNOWN = Unknown()


class Task(NamedTuple):
    """One abstract task. `waited` says whether the site has waited for it, `origin` is the place
    that made it, `handed` whether somebody else can reach it, `runs` what it runs, if that is a
    method whose end another one tells. `struck`, `late` and `told` are notes on its cancels, which
    only a fix takes. One that is `safe` cannot fail. One that is `joined` was waited for after it
    was asked to cancel. `name` is what it was called by a constant."""

    status: Status
    owner: Owner
    origin: int
    waited: bool = False
    handed: bool = False
    runs: str = ""
    struck: bool = False
    late: bool = False
    told: bool = False
    safe: bool = False
    joined: bool = False
    name: str | None = None


class Box(NamedTuple):
    """A collection, of a type of Python's. Items of a dict are (key, value) pairs. `open` says that
    it may hold other, unknown things too, `escaped` that somebody else can reach it: then its kind
    may be but a guess."""

    kind: type
    items: tuple[Value, ...]
    open: bool = False
    escaped: bool = False

    @property
    def rows(self) -> tuple[tuple[Value, Value], ...]:
        """The items of a dict."""
        return rows_of(self.items)

    @property
    def held(self) -> Iterator[Value]:
        """All that it holds; of a dict, keys and values."""
        return (part for item in self.items for part in parts_of(item))


class Gather(NamedTuple):
    """A gather's handle on its children; `quiet` is `return_exceptions=True`, `open` says that it
    may have other, unknown children too. Once an `error` has ended it, a cancel strikes nothing.
    It waits for what is `shielded`, too, but no cancellation of it goes there."""

    children: tuple[Value, ...]
    quiet: bool
    shielded: tuple[Value, ...] = ()
    open: bool = False
    handed: bool = False
    site: bool = False
    error: Exc | None = None


class WaitTask(NamedTuple):
    """A handle on a `task` that runs a wait; `result` is the wait's, once it has returned."""

    waiting: Waiting
    task: Ref
    result: Value | None = None


def is_coroutine(value: Value) -> bool:
    """Whether a value is surely a coroutine."""
    if isinstance(value, Result):
        return bool(value.coroutine)
    return isinstance(value, (Coroutine, Waiting, TimeLimited))


def parts_of(item: Value) -> tuple[Value, ...]:
    """The key and the value of an item of a dict; any other item itself."""
    return cast("tuple[Value, ...]", item) if type(item) is tuple else (item,)


def rows_of(items: Iterable[Value]) -> tuple[tuple[Value, Value], ...]:
    """The items of a dict, as the pairs that they are."""
    return cast("tuple[tuple[Value, Value], ...]", tuple(items))


# What stands in the heap.
Thing = Task | Box | Gather | WaitTask
