"""The machine that runs one function: where it is, what it has found out, and what may strike.

It owns what one run adds to the states that go through it, and no rule: those are functions of a
context, which is a place on a machine, a node and a state.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Union

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import (
    ANY,
    CANCELLED_ERROR,
    GENERATOR_EXIT,
    TIMEOUT_ERROR,
    Exc,
)
from flake8_asyncwait.analysis.code.facts import NONE_AGREE, Agreeing, Facts, Site
from flake8_asyncwait.analysis.code.once import Once
from flake8_asyncwait.analysis.code.program import Program
from flake8_asyncwait.analysis.machine.books import Books
from flake8_asyncwait.analysis.states.completion import Flow, raising
from flake8_asyncwait.analysis.states.state import STRUCK, Fault, State
from flake8_asyncwait.analysis.states.trace import FAULT, RAISE, TIMEOUT, Choice
from flake8_asyncwait.analysis.states.values import MANY, OWNED, UNKNOWN, Const, Task, Value
from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.sites.fanout import WAIT

# What is awaited where a fault strikes, unless it is a task of the function.
BYSTANDER = "bystander"
# What one evaluation yields: each way it may go, with its value.
Results = list[tuple[State, Value]]
# The parameters of a call that are bound, with their values.
Arguments = tuple[tuple[str, Value], ...]

_FAULTS = {
    CANCELLED_ERROR: "cancelled here",
    GENERATOR_EXIT: "closed here",
    ANY: "an exception is raised here",
    TIMEOUT_ERROR: "the time is up here",
}

# Calls of functions of the project are looked into one level deep.
MAX_DEPTH = 1
# Where functions of other modules take more than one part in so many of the work, it is worth while
# to do without them.
ELSEWHERE_SHARE = 8


@dataclass(slots=True, eq=False)
class Frame:
    """One activation: the function itself, or a helper that is looked into.

    `prefix` keeps the names of frames apart. `parent` is that of the function around this one,
    `caller` the one that called it. `on_yield` runs the body of the `with` statement whose context
    manager this frame is.
    """

    func: ir.Func
    prefix: str
    depth: int
    parent: Frame | None = None
    caller: Frame | None = None
    on_yield: Callable[[State, Value, Context], list[State]] | None = None

    def of(self, func: ir.Func | None) -> Frame | None:
        """The frame of a function that is running: this one, one around it, or one around a
        caller; None where it is not."""
        caller: Frame | None = self
        while caller is not None:
            frame: Frame | None = caller
            while frame is not None:
                if frame.func is func:
                    return frame
                frame = frame.parent
            caller = caller.caller
        return None

    def owner_of(self, name: str) -> Frame | None:
        """The frame, this one or one around it, in which `name` is a local; None: no local."""
        frame: Frame | None = self
        while frame is not None:
            if name in frame.func.locals and name not in frame.func.outer:
                return frame
            frame = frame.parent
        return None


@dataclass(slots=True, eq=False)
class Context:
    """Where a statement runs: on which machine, in which frame, where abrupt ends go, the exception
    being handled, and whether this is a `finally` or a handler. `limited` says that a timeout of
    its own ends a full wait here, `expected` is what a `try` around this is there for: what plain
    calls may raise. `timed` says that a handler expects that the time runs out here."""

    machine: Machine
    frame: Frame
    out: Flow
    handling: Exc | None = None
    cleanup: bool = False
    limited: bool = False
    expected: tuple[Exc, ...] = ()
    timed: bool = False

    @property
    def is_own(self) -> bool:
        """Whether this is in the function that holds the site, and in none that it calls."""
        return self.frame.func is self.machine.func

    def into(self, out: Flow) -> Context:
        """The same place, with abrupt ends going to `out`."""
        return replace(self, out=out)

    def handler(self, out: Flow, handling: Exc | None) -> Context:
        """A `finally` or a handler of a `try` in this place."""
        return replace(self, out=out, handling=handling, cleanup=True, limited=False)

    def fail(self, state: State, exc: Exc, why: str = "") -> None:
        """The execution raises, as Python does and without a fault; `why` is for the reader."""
        line, last = self.machine.line, state.trace
        is_told = last is not None and last.line == line and last.choice.kind == RAISE
        if not (state.fault or is_told) and self.is_own:  # of a helper, its call tells
            what = f"{exc.name or 'an exception'} is raised here" + (why and f": {why}")
            state = state.step(line, what, counts=False)
        self.out.add(raising(exc), state)

    def may_raise(self, results: Results, line: int) -> Results:
        """A plain call or subscript: it may raise what is expected of it, after its effect."""
        for exc in self.expected:
            what, choice = "an exception is raised here", Choice(RAISE, exc.name or "Exception")
            self.out.add(raising(exc), *(after.step(line, what, choice) for after, _ in results))
        return results

    def is_none(self, value: Value, state: State, error: str) -> bool:
        """Whether a value is known to be None; then what is done to it raises `error`."""
        if isinstance(value, Const) and value.value is None:
            self.fail(state, Exc(error))
            return True
        return False

    def fault(self, state: State, line: int, excs: tuple[Exc, ...], effect: State) -> None:
        """A fault may strike here, once an execution; `effect` is the state it leaves behind."""
        machine = self.machine
        machine.suspensions += 1
        if not state.fault and (CANCELLED_ERROR in excs or GENERATOR_EXIT in excs):
            machine.books.suspends(state, machine.line)
        if state.fault:
            return
        for exc in excs:
            what = _FAULTS.get(exc, "an exception is raised here")
            name = exc.name or "Exception"
            struck = effect.with_fault(machine.fault(name)).step(line, what, Choice(FAULT, name))
            self.out.add(raising(exc), struck)

    def time_out(self, state: State, line: int) -> None:
        """The time that something is given may run out."""
        late = state.step(line, "the time runs out", TIMEOUT)
        self.out.add(raising(TIMEOUT_ERROR), late)

    def suspend(self, state: State, line: int, is_safe: bool = False) -> Results:
        """Something unknown suspends, and may fail unless it `is_safe`."""
        later = state.suspended()
        self.fault(state, line, (CANCELLED_ERROR,) if is_safe else (CANCELLED_ERROR, ANY), later)
        return [(later, UNKNOWN)]

    def suspend_all(self, states: list[State], line: int, is_safe: bool = False) -> list[State]:
        """`suspend` in each of the states."""
        return [after for one in states for after, _ in self.suspend(one, line, is_safe)]


class Args(NamedTuple):
    """The evaluated arguments of a call. `splat` says that some came in by `*` or `**` of
    something unknown."""

    positional: list[Value]
    keywords: dict[str, Value]
    splat: bool = False

    def first(self, name: str = "") -> Value:
        """The first positional one, or that which a keyword gives."""
        return self.positional[0] if self.positional else self.keywords.get(name, UNKNOWN)

    def every(self) -> list[Value]:
        """All of them."""
        return [*self.positional, *self.keywords.values()]


# The call of a helper that is being looked into, as an id, and those around it.
Caller = Union["tuple[Caller, int]", None]


@dataclass(slots=True, eq=False)
class Machine:
    """One run of a function, for one of its sites. `many` is how many tasks a collection of unknown
    size stands for, and `is_counted` says that this has made a difference. A run `is_complete` that
    has come to its end within the bound of work. `all_owners` says that tasks of others count too
    (AWT105), `agreeing` says whose tests agree with each other."""

    program: Program
    func: ir.Func
    facts: Facts
    site: Site
    books: Books
    many: int = MANY
    all_owners: bool = False
    agreeing: Agreeing = NONE_AGREE
    # How many states go on from a statement of the function at most, where not all do.
    most_states: int | None = None
    # The statements of the function, as ids, behind which the run begins.
    passed: frozenset[int] = frozenset()
    is_counted: bool = False
    is_complete: bool = False
    # The line of the statement of the function that is being run.
    line: int = field(init=False)
    # The wait sites, by the ids of their calls.
    site_of: dict[int, Site] = field(init=False)
    # What is awaited where the next fault may strike, as `fanout` names it.
    striking: str = BYSTANDER
    # How many points have been passed at which a fault may strike.
    suspensions: int = 0
    # How many conditions nothing decided so far.
    free_choices: int = 0
    # How many tasks of one origin what is being evaluated may make at once.
    batch: int = 0
    # The call of the function whose helper is being looked into.
    caller: Caller = None
    # The other modules of the project that it has run functions of, by their paths.
    elsewhere: set[str] = field(default_factory=set)
    # How much work these functions have taken.
    work_elsewhere: int = 0
    # How many frames are active besides the function's own: their names are kept apart.
    level: int = 0
    # The helpers that take too much work, and the managers that are known to or not to.
    dear: dict[ir.Func, bool] = field(default_factory=dict)
    # What is worked out once for each helper or loop.
    once: Once = field(default_factory=Once)
    # The numbers of keys that are made of parameters, by what they are made of.
    made_keys: dict[object, int] = field(default_factory=dict)
    # The `async for` loops over `as_completed`, as ids, and whether that has a timeout of its own.
    completing: dict[int, bool] = field(default_factory=dict)
    # The books of all trials: what these take is beside the work on the function.
    trials: list[Books] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.line = self.func.line
        self.site_of = {id(site.call): site for site in self.facts.sites if site.kind is WAIT}

    @property
    def is_family(self) -> bool:
        """Whether the site is one of the family, and no wait."""
        return self.site.kind is not WAIT

    def fault(self, exc: str) -> Fault:
        """The fault that raises an exception of that name here."""
        if self.is_family:
            return Fault(self.striking, exc)
        return Fault(exc=exc) if self.facts.recalls else STRUCK

    def timed_out(self, state: State) -> State:
        """The state in which the fault was a timeout's, which nobody is asked to cancel by."""
        is_recalled = self.facts.recalls and not self.is_family
        return state.with_fault(self.fault(TIMEOUT_ERROR.name)) if is_recalled else state

    @property
    def relevant(self) -> frozenset[str]:
        """The names that states hold."""
        return self.facts.relevant

    @property
    def is_busy_elsewhere(self) -> bool:
        """Whether functions of other modules have taken much of the work."""
        return ELSEWHERE_SHARE * self.work_elsewhere > self.books.work

    def count(self) -> int:
        """`many`, for something that is different if that is."""
        self.is_counted = True
        return self.many

    def are_many(self, number: int, least: int = 0) -> bool:
        """Whether so many tasks are as many as a collection of unknown size stands for, and at
        `least` so many."""
        enough = number >= max(self.many, least)
        self.is_counted |= enough  # what does not reach a smaller number does not reach a larger
        return enough

    def are_crowded(self, things: Iterable[object]) -> bool:
        """Whether there are as many tasks of one origin among some things of the heap as a
        collection of unknown size stands for."""
        origins = Counter(thing.origin for thing in things if type(thing) is Task)
        return self.are_many(max(origins.values(), default=0))

    def apart(self, facts: Facts, books: Books, many: int) -> Machine:
        """A machine of its own, for a trial."""
        trial = Machine(self.program, self.func, facts, self.site, books, many)
        trial.trials = self.trials
        self.trials.append(books)
        return trial

    def at_start(self) -> Context:
        """The place where the function starts."""
        return Context(self, Frame(self.func, "", 0), Flow())

    def note_module(self, path: str) -> None:
        """What stands in the module at a path has been looked into."""
        if path != self.program.path:
            self.elsewhere.add(path)

    def origin(self, node: object) -> int:
        """The number of a place that makes tasks: an ir node (as reached from the call that is
        being looked into), or a name."""
        return self.books.origin(node, node if isinstance(node, str) else (id(node), self.caller))

    def made_at(self, node: object) -> int:
        """The number of a place that makes tasks. Calls whose tasks go by one name share it, where
        only waits matter: it tells nothing which of them has made a task."""
        outermost, around = id(node), self.caller
        while around is not None:
            around, outermost = around
        name = None if self.is_family else self.facts.bound_to.get(outermost)
        inside = self.caller and id(node)
        return self.origin(node) if name is None else self.books.origin(node, (name, inside))

    def something_to_lose(self, state: State) -> bool:
        """Whether a state holds a task that could be lost. Where it holds none, the tasks of
        others need not be told from each other (but for AWT105, which minds them all)."""
        return self.all_owners or any(
            type(thing) is Task and not thing.handed and (thing.owner == OWNED or thing.owner.param)
            for thing in state.heap.values()
        )
