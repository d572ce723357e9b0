"""Abstract states: which task is held where, in which status, and how the execution got here.

A state is a small heap of one execution. Collections of unknown size are three tasks, so that
"all, some, none" and "the first stops the loop, the others run on" are plain subsets of them, and
every state is a state that a real event loop can be in. States are never changed: every operation
returns a new one. `key` names a state up to the numbering of its objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import Exc
from flake8_asyncwait.analysis.states.trace import Trace

# How many tasks a collection of unknown size stands for: one done, and two left, of which the
# first may stop a loop that should have reached the second.
MANY = 3

# Task statuses. Time has passed over a *maybe running* task: it may have ended since; one that was
# asked to cancel then is *maybe cancelling*, for it may have been done already.
RUNNING = "running"
MAYBE = "maybe running"
CANCELLING = "asked to cancel"
LATE_CANCELLING = "cancelling, some time ago"
MAYBE_CANCELLING = "maybe cancelling"
LATE_MAYBE_CANCELLING = "maybe cancelling, some time ago"
DONE = "ended"
OK = "ok"
FAILED = "failed"
CANCELLED = "ended by a cancel"

ENDED = frozenset({DONE, OK, FAILED, CANCELLED})
UNSETTLED = frozenset({RUNNING, MAYBE})
MAYBE_ASKED = frozenset({MAYBE_CANCELLING, LATE_MAYBE_CANCELLING})
ASKED = frozenset({CANCELLING, LATE_CANCELLING}) | MAYBE_ASKED
_LATER = {
    RUNNING: MAYBE,
    CANCELLING: LATE_CANCELLING,
    MAYBE_CANCELLING: LATE_MAYBE_CANCELLING,
}

# Before names in states: what is known of something unknown. Whether it holds anything, where it is
# looped over again, and what a test has found out (`Known`), where it is tested again.
SOME = "$some:"
KNOWN = "$known:"
# How states name what a faulty execution has lost while a result was not bound yet.
LOST = "$lost"

# What the last step of an execution says where no name holds a task any more.
DROPPED = "nothing refers to it any more"

# Owners. A borrowed task's owner is the name of the parameter behind one of the two prefixes.
OWNED = "owned"
FOREIGN = "foreign"
FUTURE = "future"
BORROWED = "borrowed:"
COLLECTION = "collection:"


class Fault(NamedTuple):
    """A fault that has struck. `kind` says where (see `fanout`) and `exc` names its class, where
    the site asks for that: else all faults are alike."""

    kind: str = ""
    exc: str = ""


STRUCK = Fault()


# Named tuples compare as tuples do: references start beyond the constants that programs test.
_FIRST_ID = 1 << 40


class Const(NamedTuple):
    value: Any


class Ref(NamedTuple):
    """An object of the heap."""

    id: int


class Unknown(NamedTuple):
    """Anything that holds no task."""


class Result(NamedTuple):
    """What an unknown call returned: a coroutine, a task of somebody else's, or anything.

    `origin` is the call; `coroutine` names it where it is known to make a coroutine, `cls` is the
    class of the project (a `program.Definition`) where it is known to make an instance.
    """

    origin: int
    coroutine: str = ""
    cls: Any = None


class Param(NamedTuple):
    """A parameter of which it is not known yet whether it is one task or many; `handed` says that
    somebody else can reach it, `falsy` that it is None, or empty."""

    name: str
    handed: bool = False
    falsy: bool = False


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
    args: tuple[tuple[str, Any], ...]


class Method(NamedTuple):
    """A bound method of a task or a collection."""

    owner: Any
    name: str


class Waiting(NamedTuple):
    """The coroutine of a wait that has not been awaited yet. `site` is -1 for a helper's own.
    `settles` says that it cancels what is pending, as `wait_any` does."""

    site: int
    waited: Any
    first: bool
    timeout: bool
    line: int
    settles: bool = False


class Shielded(NamedTuple):
    """`timed` says that the time for it may run out."""

    inner: Any
    timed: bool = False


class TimeLimited(NamedTuple):
    """`wait_for(inner, t)`, not awaited yet."""

    inner: Any


class Raised(NamedTuple):
    """An exception as a value."""

    exc: Exc


class Asked(NamedTuple):
    """What `.cancel()` says of a task that may have ended before: False where it had."""

    task: Ref


class Primitive(NamedTuple):
    """An asyncio queue or event: these of its methods are coroutines."""

    methods: tuple[str, ...]


class Slice(NamedTuple):
    """The bounds of a slice."""

    lower: Any
    upper: Any
    step: Any


class Known(NamedTuple):
    """What tests have found out about something unknown; None for what they have not."""

    none: bool | None = None
    truth: bool | None = None


class Loop(NamedTuple):
    """An event loop."""

    kind: str = "loop"


class AsCompleted(NamedTuple):
    """What `as_completed` returns over a collection; `timed` as for `Shielded`."""

    waited: Any
    timed: bool = False
    site: bool = False


Value = Any  # one of the classes above; NamedTuples, so that `renumber` can walk them all alike

UNKNOWN = Unknown()


class Task(NamedTuple):
    """One abstract task. `waited` says whether the site has waited for it, `origin` is the place
    that made it, `handed` whether somebody else can reach it, `runs` what it runs, if that is a
    method whose end another one tells. `struck` and `late` are notes on its cancels, which only a
    fix takes. One that is `safe` cannot fail."""

    status: str
    owner: str
    origin: int
    waited: bool = False
    handed: bool = False
    runs: str = ""
    struck: bool = False
    late: bool = False
    safe: bool = False


class Box(NamedTuple):
    """A collection, of a type of Python's. Items of a dict are (key, value) pairs. `open` says that
    it may hold other, unknown things too, `escaped` that somebody else can reach it: then its kind
    may be but a guess."""

    kind: type
    items: tuple[Any, ...]
    open: bool = False
    escaped: bool = False


class Gather(NamedTuple):
    """A gather's handle on its children; `quiet` is `return_exceptions=True`, `open` says that it
    may have other, unknown children too. Once it has `failed`, a cancel of it strikes nothing."""

    children: tuple[Any, ...]
    quiet: bool
    open: bool = False
    handed: bool = False
    site: bool = False
    failed: bool = False


class WaitTask(NamedTuple):
    """A handle on a `task` that runs a wait; `result` is the wait's, once it has returned."""

    waiting: Waiting
    task: Ref
    result: Any = None


class State:
    """One abstract state. Treat it as frozen: use the methods that return a new one.

    `fault` is the one that has struck. `stale` are the names that the result of the site is to be
    bound to, from where its wait starts, `unbound` says that a cleanup has read one of them. Its
    `trace` makes no difference to what comes next.
    """

    __slots__ = (
        *("_reachable", "_shape", "_top", "env", "fault", "heap", "stale", "trace", "unbound"),
    )

    env: dict[str, Value]
    heap: dict[int, Any]
    fault: Fault | None
    stale: frozenset[str]
    unbound: bool
    trace: Trace | None

    def __init__(
        self,
        env: dict[str, Value],
        heap: dict[int, Any],
        fault: Fault | None = None,
        stale: frozenset[str] = frozenset(),
        unbound: bool = False,
        trace: Trace | None = None,
    ) -> None:
        self.env = env
        self.heap = heap
        self.fault = fault
        self.stale = stale
        self.unbound = unbound
        self.trace = trace
        self._top = _FIRST_ID
        self._shape: object = None
        self._reachable: tuple[int, ...] = ()

    @property
    def weight(self) -> int:
        """How much work it is to look at this state: one unit for every 64 names and objects."""
        return 1 + (len(self.env) + len(self.heap) >> 6)

    @property
    def fill(self) -> int:
        """How many items its collections hold."""
        return sum(len(thing.items) for thing in self.heap.values() if type(thing) is Box)

    def copy(self) -> State:
        state = State(self.env, self.heap, self.fault, self.stale, self.unbound, self.trace)
        state._top = self._top
        return state

    def _again(self) -> State:
        """A copy that will hold the same, and differ in what else is known of it."""
        state = self.copy()
        state._shape, state._reachable = self._shape, self._reachable
        return state

    def bind(self, name: str, value: Value) -> State:
        if self.env.get(name) == value:
            return self
        state = self.copy()
        state.env = {**self.env, name: value}
        return state

    def unbind(self, *names: str) -> State:
        if not any(name in self.env for name in names):
            return self
        state = self.copy()
        state.env = {name: value for name, value in self.env.items() if name not in names}
        return state

    def put(self, ref: Ref, thing: Any) -> State:
        if self.heap.get(ref.id) == thing:
            return self
        state = self.copy()
        state.heap = {**self.heap, ref.id: thing}
        return state

    def new(self, thing: Any) -> tuple[State, Ref]:
        ref = Ref(self._top + 1)
        state = self.put(ref, thing)
        state._top = ref.id
        return state, ref

    def put_all(self, things: dict[int, Any]) -> State:
        """The state in which the objects of these numbers are others."""
        if not things:
            return self
        state = self.copy()
        state.heap = {**self.heap, **things}
        return state

    def get(self, value: Value) -> Any:
        """The object behind a reference, or None."""
        return self.heap[value.id] if type(value) is Ref else None

    def step(self, line: int, what: str, choice: str = "") -> State:
        state = self._again()
        length, vague = (
            (self.trace.length, self.trace.vague) if self.trace is not None else (0, False)
        )
        state.trace = Trace(self.trace, line, what, choice, length + 1, vague or "?" in choice)
        return state

    def with_fault(self, fault: Fault = STRUCK) -> State:
        state = self._again()
        state.fault = fault
        return state

    def without_fault(self) -> State:
        """What has struck is an ordinary outcome."""
        state = self._again()
        state.fault = None
        return state

    def with_stale(self, stale: frozenset[str]) -> State:
        if stale == self.stale:
            return self
        state = self._again()
        state.stale = stale
        return state

    def with_unbound(self) -> State:
        """A cleanup has read the result of the site, which is not bound yet."""
        if self.unbound:
            return self
        state = self._again()
        state.unbound = True
        return state

    def waited_for(self, refs: Iterable[Ref]) -> State:
        """The site has waited for tasks."""
        return self.put_all({r.id: self.heap[r.id]._replace(waited=True) for r in refs})

    def suspended(self) -> State:
        """Time has passed: what ran may have ended, and attributes may have been re-bound."""
        heap = None
        for number, thing in self.heap.items():
            if type(thing) is Task and thing.status in _LATER:
                heap = heap or dict(self.heap)
                heap[number] = thing._replace(status=_LATER[thing.status])
        dotted = [n for n in self.env if "." in n and ("$" not in n or n.startswith(KNOWN))]
        if heap is None and not dotted:
            return self
        state = self.unbind(*dotted) if dotted else self.copy()
        if heap is not None:
            state.heap = heap
        return state

    def refs(self, value: Value) -> Iterator[int]:
        """The numbers of all objects reachable from a value, each once, in a fixed order."""
        seen: set[int] = set()
        queue = [value]
        while queue:
            current = queue.pop()
            kind = type(current)
            if kind is Ref:
                if current.id not in seen:
                    seen.add(current.id)
                    yield current.id
                    queue.append(self.heap[current.id])
            elif kind in _COMPOSITE:
                queue.extend(reversed(current))

    def params(self, value: Value) -> set[Param]:
        """The parameters that a value holds, of which it is not known yet what they are."""
        found = set()
        queue = [value, *(self.heap[number] for number in self.refs(value))]
        while queue:
            current = queue.pop()
            kind = type(current)
            if kind is Param:
                found.add(current)
            elif kind in _COMPOSITE:
                queue.extend(current)
        return found

    def reachable(self) -> Sequence[int]:
        """The numbers of all objects that some name reaches, each once."""
        return self._named()[1]

    def collected(self) -> State:
        """This state without the objects that nothing reaches."""
        if len(self.reachable()) == len(self.heap):
            return self
        alive = frozenset(self.reachable())
        state = self._again()
        state.heap = {number: self.heap[number] for number in self.heap if number in alive}
        return state

    def key(self) -> object:
        """Equal for states that differ only in the numbering of objects and in their history."""
        return self._named()[0], self.fault, self.stale, self.unbound

    def _named(self) -> tuple[object, tuple[int, ...]]:
        if self._shape is None:
            self._shape, self._reachable = _canonical(self.env, self.heap)
        return self._shape, self._reachable


def _canonical(env: dict[str, Value], heap: dict[int, Any]) -> tuple[object, tuple[int, ...]]:
    """What names hold, with objects numbered in the order in which the names reach them, and the
    objects that they reach, in that order."""
    numbers: dict[int, int] = {}
    order: list[int] = []

    def encode(value: Any) -> Any:
        kind = type(value)
        if kind is Ref:
            number = value.id
            if number not in numbers:
                numbers[number] = len(order)
                order.append(number)
            return numbers[number]
        if kind in _COMPOSITE:
            return (kind, *map(encode, value))
        return value

    names = []
    for name in sorted(env):
        value = env[name]
        kind = type(value)
        names.append((name, encode(value) if kind is Ref or kind in _COMPOSITE else value))
    things: list[Any] = []
    position = 0
    while position < len(order):
        thing = heap[order[position]]
        position += 1
        if type(thing) is Box:
            items: Any = thing.items
            if thing.kind in (set, frozenset) and len(items) > 1:
                items = sorted(items, key=lambda item: _rank(item, heap, numbers))
            things.append((thing.kind, thing.open, thing.escaped, *map(encode, items)))
        else:
            things.append(encode(thing) if type(thing) in _COMPOSITE else thing)
    return (tuple(names), tuple(things)), tuple(order)


def _rank(item: Any, heap: dict[int, Any], numbers: dict[int, int]) -> tuple[Any, ...]:
    """Sets are unordered: their items are listed by what they are, not by when they came."""
    thing = heap.get(item.id) if type(item) is Ref else None
    if type(thing) is Task:
        return (1, *thing, numbers.get(item.id, -1))
    return (0,)


# The values and objects that may hold references.
_COMPOSITE = frozenset(
    {
        tuple,
        Asked,
        Method,
        Coroutine,
        Waiting,
        Shielded,
        TimeLimited,
        AsCompleted,
        Box,
        Gather,
        WaitTask,
    }
)
