"""What a run finds out, and how much work it may take for that."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import ClassVar

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.walk import last_name
from flake8_asyncwait.analysis.states.state import Fault, State
from flake8_asyncwait.analysis.states.trace import Trace
from flake8_asyncwait.analysis.states.values import MANY, OWNED, Owner, Value
from flake8_asyncwait.named import NamedTuple

# The work on one function is bounded: statements and expressions evaluated, each in one state, and
# states compared. A state that holds much counts for several (`State.weight`). The first try may
# take so much, and so much for each statement and expression of the function, which lets long
# functions have their due; each of the others, with fewer tasks, may take `MAX_WORK`.
FIRST_WORK = 33_000
NODE_WORK = 8
MAX_WORK = 105_000
# The work on all functions of a file is bounded, too: twice what any file of the labelled corpus
# takes. Beyond that each function may take only what its own length gives it, and has one try.
FILE_WORK = 1_000_000
LATE_WORK = 250
# Where one task to a collection is too many as well, a last try, `SOME`, follows so many states
# from a statement at most: what it shows to be lost is lost, and it shows nothing else.
SOME = 0
SOME_STATES = 32
# Where one task to a collection takes more than this, two are not tried.
FEW_WORK = 30_000
# A site that is shown to forget a task is looked at for this long all the same, for the sake of a
# short witness.
ENOUGH_WORK = 3_000
# What it may take to work out what one function of the file does, beside the work on its caller.
HELPER_WORK = 3_000
# What a note says that a task was, where the machine or a fix has to know.
AWAITED = "awaited"
TOLD_WHY = "told why it is cancelled"
WAITED_AGAIN = "waited for again"


class Undetermined(Exception):
    """The bound of work was hit: nothing is claimed about the function's sites."""


class Decided(Exception):
    """The site has been shown to lose a task without a fault: no more can be learned."""


class Leak(NamedTuple):
    """A task that an execution loses at a site. `kind` is `lost`, `kept` (it runs on, but
    somebody reaches it: only AWT105 minds) or `unawaited` (cancelled, never
    awaited: AWT202)."""

    kind: str
    origin: int
    owner: Owner
    fault: Fault | None
    unbound: bool


@dataclass(slots=True, eq=False)
class Books:
    """What a run for one site finds out, within `limit` units of work.

    `early` says that the wait of the site is early, in one execution at least, `coroutine` names
    one that is passed to it, `is_forgotten` says that a task is lost without a fault.
    """

    # Whether the executions that lose nothing matter, too.
    is_thorough: ClassVar[bool] = False
    # How many times the work of a check may be spent where large collections have failed.
    patience: ClassVar[int] = 1

    limit: int
    early: bool = False
    coroutine: str = ""
    is_forgotten: bool = False
    adopted: set[str] = field(default_factory=set)
    # Parameters out of whose own collection done tasks are taken: the caller sees what is pending.
    tended: set[str] = field(default_factory=set)
    labels: dict[int, str] = field(default_factory=dict)
    # The lines on which the tasks of an origin are cancelled, and whether without a fault.
    cancelled_on: dict[int, dict[int, bool]] = field(default_factory=dict)
    work: int = 0
    _origins: dict[object, int] = field(default_factory=dict)
    _nodes: list[object] = field(default_factory=list)
    # Each leak with the last step of the shortest execution to it.
    leaks: dict[Leak, Trace] = field(default_factory=dict)

    def origin(self, node: object, key: object) -> int:
        """The number of a place that makes tasks: of `node`, or a name, told from others by
        `key`. Several nodes may share it; then it has none."""
        number = self._origins.setdefault(key, len(self._origins))
        if number == len(self._nodes):
            self._nodes.append(node)
        elif self._nodes[number] is not node and not isinstance(node, str):
            self._nodes[number] = None
        return number

    def label(self, origin: int) -> str:
        """How the steps of a witness name the tasks of one origin."""
        name = self.name_of(origin)
        if name:
            return f"'{name}'"
        line = self.line_of(origin)
        where = f"on line {line}" if line < ir.SPAN else "in another file"
        return f"the task made {where}"

    def name_of(self, origin: int) -> str:
        """The first name that the tasks of one origin were bound to before the wait, or ""."""
        node = self._nodes[origin]
        return node if isinstance(node, str) else self.labels.get(origin, "")

    def line_of(self, origin: int) -> int:
        """The line of a place that makes tasks, 0 where that is only a name."""
        return getattr(self._nodes[origin], "line", 0)

    def owns(self, leak: Leak) -> bool:
        """Whether what leaks is the function's own, or adopted."""
        return leak.owner == OWNED or leak.owner.param in self.adopted

    def is_made_by(self, leak: Leak, node: object) -> bool:
        """Whether what leaks is made by a node."""
        return self._nodes[leak.origin] is node

    def callee_of(self, origin: int) -> str:
        """The last name of what is called there, "" where that is no call."""
        node = self._nodes[origin]
        return (last_name(node.func) or "") if isinstance(node, ir.Call) else ""

    def method_of(self, origin: int) -> str:
        """The dotted text of the method that is called there, "" where none is."""
        node = self._nodes[origin]
        func = node.func if isinstance(node, ir.Call) else None
        return ".".join(func.path or ()) if isinstance(func, ir.Attr) else ""

    # What a fix asks beyond leaks: `NotingBooks` takes notes of these, a check does not.

    def used(self, state: State, value: Value, what: str, line: int) -> None:
        """Something is done to a task, or to what is a handle on tasks."""

    def asked(self, state: State, value: Value, method: str, line: int, func: ir.Func) -> None:
        """A task is asked, on a line of a function, whether or how it has ended, or is to tell."""

    def ensured(self, state: State, value: Value, is_vague: bool) -> None:
        """What is taken for a new task may be a future of somebody's: `ensure_future()` was given
        the result of a call that nobody knows. It `is_vague` where a variable is called."""

    def polled(self, state: State, value: Value, line: int) -> None:
        """A loop asks a task, before each turn, whether it has ended."""

    def awaited(self, state: State, value: Value, line: int, func: ir.Func) -> None:
        """A value is awaited on a line of a function."""

    def suspends(self, state: State, line: int) -> None:
        """The function suspends in one of its statements; no fault has struck so far."""

    def given(self, state: State, values: Collection[Value], line: int) -> None:
        """Values are given to a call that is awaited."""

    def handed_over(self, state: State, value: Value, line: int) -> None:
        """Somebody else can reach a value from now on."""

    def waits(self, state: State, items: tuple[Value, ...], opened: bool) -> None:
        """The site waits for `items`, and for others where it is `opened`."""

    def settles(self, line: int) -> None:
        """A wait on a line cancels what is pending when it ends."""

    def guesses(self) -> None:
        """The site takes it that something is a coroutine, and makes a task of it."""

    def misses(self, line: int) -> None:
        """Something is asked to cancel of which nobody knows whether it is a task."""

    def cancels(self, state: State, value: Value, line: int) -> State:
        """A task is asked to cancel; returns the state with notes on it."""
        return state

    @property
    def needs_ended(self) -> bool:
        """Whether it still matters what is done to tasks that have ended."""
        return False

    def apart(self, limit: int) -> Books:
        """Books of their own, for a trial that starts from a state of these."""
        return Books(limit, _origins=dict(self._origins), _nodes=list(self._nodes))

    def lose(self, leak: Leak, trace: Trace) -> None:
        """Enter a leak, unless it is known with a history that is as short."""
        known = self.leaks.get(leak)
        if known is not None and trace.rank >= known.rank:
            return
        self.leaks[leak] = trace
        if leak.kind == "lost" and not leak.fault and leak.owner == OWNED and not trace.vague:
            self.is_forgotten = True

    @property
    def is_decided(self) -> bool:
        """Whether more executions would change nothing: a task is lost without a fault."""
        return self.is_forgotten and not self.is_thorough

    def tick(self, work: int) -> None:
        self.work += work
        if self.work > ENOUGH_WORK and self.is_decided:
            raise Decided
        if self.work > self.limit:
            raise Undetermined

    def foresee(self, work: int) -> None:
        """Give up at once where so much work is to come: what comes before it takes long, too."""
        if self.work + work > max(self.limit, ENOUGH_WORK):
            self.tick(work)


# What makes the books of a run: how many tasks a collection of unknown size stands for, and how
# much work it may take.
MakeBooks = Callable[[int, int], Books]


def books_for(many: int, limit: int) -> Books:
    """The books of a check."""
    return Books(limit)


class Allowance:
    """What the work on the functions of a file may take, one after the other: `left` is how much is
    left of it. The work on one that has begun goes on as if there were enough."""

    def __init__(self, left: float = FILE_WORK) -> None:
        self.left = left

    def work_for(self, size: int) -> dict[int, int]:
        """How much work all runs over the next function may take together, by the number of tasks
        that a collection of unknown size stands for, and `SOME`."""
        if self.left > 0:
            return {many: work_for(many, size) for many in range(MANY, SOME - 1, -1)}
        return {**dict.fromkeys(range(MANY, SOME - 1, -1), 0), MANY: LATE_WORK + NODE_WORK * size}


def work_for(many: int, size: int) -> int:
    """How much work all runs over a function may take together, with so many tasks to a collection
    of unknown size, or in a last try (`SOME`)."""
    return FIRST_WORK + NODE_WORK * size if many in (MANY, SOME) else MAX_WORK
