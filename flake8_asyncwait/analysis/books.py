"""What a run finds out, and how much work it may take for that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from flake8_asyncwait.analysis import ir
from flake8_asyncwait.analysis.state import MANY, OWNED, History, Join, State, Trace, Value, bits

# The work on one function is bounded: statements and expressions evaluated, each in one state, and
# states compared. A state that holds much counts for several (`State.weight`). The first try may
# take so much, and so much for each statement and expression of the function, which lets long
# functions have their due; each of the others, with fewer tasks, may take `MAX_WORK`.
FIRST_WORK = 30_000
NODE_WORK = 8
MAX_WORK = 100_000
# A site that is shown to forget a task is looked at for this long all the same, for the sake of a
# short witness.
ENOUGH_WORK = 3_000
# What a note says that a task was, where the machine or a fix has to know.
AWAITED = "awaited"
WAITED_AGAIN = "waited for again"


class Undetermined(Exception):
    """The bound of work was hit: nothing is claimed about the function's sites."""


class Decided(Exception):
    """Every site has been shown to lose a task without a fault: no more can be learned."""


class Leak(NamedTuple):
    """A task that an execution loses at a site. `kind` is `lost`, `kept` (it runs on, but
    somebody reaches it: only the letter of AWT105 minds) or `unawaited` (cancelled, never
    awaited: AWT202)."""

    kind: str
    origin: int
    owner: str
    fault: bool
    unbound: bool


class _Entry(NamedTuple):
    """A leak at each of `sites`, a bit mask, of the task with a number in a state."""

    leak: Leak
    sites: int
    number: int
    trace: Trace
    joins: Join | None


@dataclass(slots=True, eq=False)
class Books:
    """What a run finds out, within `limit` units of work. `forgotten` are the sites that have lost
    a task without a fault, as a bit mask."""

    sites: int
    limit: int
    forgotten: int = 0
    adopted: set[str] = field(default_factory=set)
    labels: dict[int, str] = field(default_factory=dict)
    cancelled_on: dict[int, set[int]] = field(default_factory=dict)
    work: int = 0
    _before: int = 0
    _origins: dict[object, int] = field(default_factory=dict)
    _nodes: list[object] = field(default_factory=list)
    _entries: list[_Entry] = field(default_factory=list)
    # For each leak the sites that it is known of, as a bit mask, and the rank of the worst of
    # those histories.
    _known: dict[Leak, tuple[int, tuple[bool, int]]] = field(default_factory=dict)
    _leaks: dict[int, dict[Leak, History]] = field(default_factory=dict)

    def origin(self, node: object, key: object) -> int:
        """The number of a place that makes tasks: of `node`, or a name, told from others by
        `key`."""
        if key not in self._origins:
            self._origins[key] = len(self._origins)
            self._nodes.append(node)
        return self._origins[key]

    def label(self, origin: int) -> str:
        """How the steps of a witness name the tasks of one origin."""
        name = self.name_of(origin)
        return f"'{name}'" if name else f"the task made on line {self.line_of(origin)}"

    def name_of(self, origin: int) -> str:
        """The first name that the tasks of one origin were bound to before the wait, or ""."""
        node = self._nodes[origin]
        return node if isinstance(node, str) else self.labels.get(origin, "")

    def line_of(self, origin: int) -> int:
        """The line of a place that makes tasks, 0 where that is only a name."""
        return getattr(self._nodes[origin], "line", 0)

    # What a fix asks beyond leaks: `NotingBooks` takes notes of these, a check does not.

    def used(self, state: State, value: Value, what: str, line: int) -> None:
        """Something is done to a task, or to what is a handle on tasks."""

    def asked(self, state: State, value: Value, method: str, line: int) -> None:
        """A task is asked whether or how it has ended, or is to tell."""

    def awaited(self, state: State, value: Value, line: int, func: ir.Func) -> None:
        """A value is awaited on a line of a function."""

    def handed_over(self, state: State, value: Value, line: int) -> None:
        """Somebody else can reach a value from now on."""

    def waits(self, state: State, site: int, items: tuple[Value, ...], opened: bool) -> None:
        """A site waits for `items`, and for others where it is `opened`."""

    def cancels(self, state: State, value: Value, line: int) -> State:
        """A task is asked to cancel; returns the state with notes on it."""
        return state

    @property
    def all_work(self) -> int:
        """The work of all runs that these books were kept of."""
        return self._before + self.work

    def begin_again(self) -> None:
        """Another run begins, for as much work once more."""
        self._before += self.work
        self.work = 0

    @property
    def is_empty(self) -> bool:
        """Whether no task has been lost."""
        return not self._entries

    def of(self, site: int) -> dict[Leak, History]:
        """The leaks of a site, each with the shortest history that ends with it; what joined that
        one on its way may have come by a longer one."""
        if not self._leaks:
            known: dict[Leak, int] = {}
            for leak, sites, number, trace, joins in sorted(self._entries, key=_rank):
                for index in bits(sites & ~known.get(leak, 0)):
                    leaks = self._leaks.setdefault(index, {})
                    leaks[leak] = History(trace, joins, number, index)
                known[leak] = known.get(leak, 0) | sites
        return self._leaks.get(site, {})

    def lose(self, kind: str, origin: int, owner: str, number: int, state: State) -> None:
        """Enter a task that `state` loses at every site that may have waited for it."""
        sites = state.waits.get(number, 0)
        marked = sum(1 << site for site in state.marks)
        for unbound, where in ((False, sites & ~marked), (True, sites & marked)):
            if where:
                leak = Leak(kind, origin, owner, state.fault, unbound)
                self._enter(leak, where, number, state)

    def _enter(self, leak: Leak, sites: int, number: int, state: State) -> None:
        """Enter a leak, unless all of its sites have it with a history that is as short."""
        assert state.trace is not None
        rank = state.trace.rank
        known, worst = self._known.get(leak, (0, rank))
        if not sites & ~known and rank >= worst:
            return
        self._known[leak] = known | sites, max(worst, rank)
        self._entries.append(_Entry(leak, sites, number, state.trace, state.joins))
        self._leaks = {}
        if leak.kind == "lost" and not leak.fault and leak.owner == OWNED and not state.trace.vague:
            self.forgotten |= sites

    def tick(self, work: int = 1) -> None:
        self.work += work
        if self.work > ENOUGH_WORK and self.forgotten == (1 << self.sites) - 1:
            raise Decided
        if self.work > self.limit:
            raise Undetermined


# What makes the books of a run over a function: of its sites, of how many tasks a collection of
# unknown size stands for, and of how many statements and expressions there are.
MakeBooks = Callable[[int, int, int], Books]


def books_for(sites: int, many: int, size: int) -> Books:
    """The books of a check."""
    return Books(sites, work_for(many, size))


def work_for(many: int, size: int) -> int:
    """How much work one run may take."""
    return FIRST_WORK + NODE_WORK * size if many == MANY else MAX_WORK


def _rank(entry: _Entry) -> tuple[bool, int]:
    return entry.trace.rank
