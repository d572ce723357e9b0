"""One run of the interpreter over one function: its sites, its books, and what names mean in it."""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from flake8_asyncwait.analysis import ir
from flake8_asyncwait.analysis.completion import Flow
from flake8_asyncwait.analysis.exceptions import Exc
from flake8_asyncwait.analysis.relevance import makes_task, unsubscripted
from flake8_asyncwait.analysis.state import OWNED, History, Join, State, Trace, bits
from flake8_asyncwait.sites.outline import Entry, Outline, canonical, dotted

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
# Calls of functions of the same file are looked into one level deep.
MAX_DEPTH = 1


class Undetermined(Exception):
    """The bound of work was hit: nothing is claimed about the function's sites."""


class Decided(Exception):
    """Every site has been shown to lose a task without a fault: no more can be learned."""


@dataclass(slots=True)
class Site:
    """A wait site and what is known of it without executions.

    `waits` says whether the site is early: true as soon as one execution finds it so. `results`
    are the names that its result, or its pending half, is bound to, `halves` those of both halves.
    """

    call: ir.Call
    index: int
    early: bool = False
    coroutine: str = ""
    results: frozenset[str] = frozenset()
    halves: frozenset[str] = frozenset()


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
    _entries: list[_Entry] = field(default_factory=list)
    # For each leak the sites that it is known of, as a bit mask, and the rank of the worst of
    # those histories.
    _known: dict[Leak, tuple[int, tuple[bool, int]]] = field(default_factory=dict)
    _leaks: dict[int, dict[Leak, History]] = field(default_factory=dict)

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


@dataclass(slots=True, eq=False)
class Frame:
    """One activation: the function itself, or a helper that is looked into.

    `prefix` keeps the names of frames apart. `on_yield` runs the body of the `with` statement
    whose context manager this frame is.
    """

    func: ir.Func
    prefix: str
    depth: int
    parent: Frame | None = None
    on_yield: Callable[[State, object, Context], list[State]] | None = None

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
    """Where a statement runs: its frame, where abrupt ends go, the exception being handled, and
    whether this is a `finally` or a handler. `limited` says that a timeout of its own ends a full
    wait here."""

    frame: Frame
    out: Flow
    handling: Exc | None = None
    cleanup: bool = False
    limited: bool = False

    def into(self, out: Flow) -> Context:
        """The same place, with abrupt ends going to `out`."""
        return Context(self.frame, out, self.handling, self.cleanup, self.limited)

    def handler(self, out: Flow, handling: Exc | None) -> Context:
        return Context(self.frame, out, handling, True, False)


def _rank(entry: _Entry) -> tuple[bool, int]:
    return entry.trace.rank


def _last(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


class Program:
    """The file around the function: resolves names and finds functions of the same file.

    `function_names` are the names of all its functions and methods. `load` parses and lowers a
    function of the file on demand; it returns None for one that it cannot lower.
    """

    def __init__(
        self,
        outline: Outline,
        load: Callable[[str | None, str], ir.Func | None],
        task_factories: frozenset[str] = frozenset(),
        cancellers: frozenset[str] = frozenset(),
        wait_functions: frozenset[str] = frozenset(),
    ) -> None:
        self.outline = outline
        self.task_factories = task_factories
        self.cancellers = cancellers
        self.wait_functions = wait_functions
        self._load = load
        self._named: dict[str, list[Entry]] = {}
        for name, entry in outline.functions.items():
            self._named.setdefault(name, []).append(entry)
        for (_, name), entry in outline.methods.items():
            self._named.setdefault(name, []).append(entry)
        self.function_names = frozenset(self._named)
        self._making: dict[str, bool] = {}
        self._qualified: dict[tuple[ir.Func, ir.Expr], str | None] = {}
        self._loaded: dict[tuple[str | None, str], ir.Func | None] = {}

    def makes_task(self, name: str) -> bool:
        """Whether a function or method of the file with this name may make a task."""
        if name not in self._making:
            self._making[name] = any(
                isinstance(node, (ast.Name, ast.Attribute)) and makes_task(_last(node))
                for entry in self._named.get(name, ())
                for node in ast.walk(entry.node)
            )
        return self._making[name]

    def function(self, cls: str | None, name: str) -> ir.Func | None:
        """A top-level function (`cls` is None) or a method of a class of this file."""
        key = (cls, name)
        if key not in self._loaded:
            self._loaded[key] = self._load(cls, name)
        return self._loaded[key]

    def qualified(self, func: ir.Func, node: ir.Expr) -> str | None:
        """The qualified name that a name or dotted path stands for, through the imports in sight;
        of a generic alias, that of what it is an alias of.

        A builtin is `builtins.NAME`; None where the root is bound by anything but an import.
        """
        key = func, node
        if key not in self._qualified:
            self._qualified[key] = self._qualify(func, node)
        return self._qualified[key]

    def _qualify(self, func: ir.Func, node: ir.Expr) -> str | None:
        node = unsubscripted(node)
        if isinstance(node, ir.Name):
            path: tuple[str, ...] = (node.id,)
        elif isinstance(node, ir.Attr) and node.path is not None:
            path = node.path
        else:
            return None
        root = self.root(func, path[0])
        return None if root is None else canonical(".".join((root, *path[1:])))

    def root(self, func: ir.Func, name: str) -> str | None:
        scope: ir.Func | None = func
        while scope is not None:
            if name in scope.imports and name not in scope.assigned:
                return scope.imports[name]
            if name in scope.locals and name not in scope.outer and not scope.module:
                return None
            scope = scope.parent
        imported = self.outline.resolve(name)
        if imported is not None:
            return imported
        if name in self.outline.bound or name in self.outline.imports:
            return None
        return f"builtins.{name}"

    def imported(self, func: ir.Func, name: str) -> bool:
        """Whether a name is bound by an import in sight."""
        root = self.root(func, name)
        return root is not None and not root.startswith("builtins.")

    def named(self, options: frozenset[str], func: ir.Func, node: ir.Expr) -> bool:
        """Whether a callee is one that the user named: by its dotted text, its qualified name or
        its last component."""
        if not options:
            return False
        names = {self.qualified(func, node)}
        node = unsubscripted(node)
        if isinstance(node, ir.Name):
            names |= {node.id}
        elif isinstance(node, ir.Attr):
            names |= {node.name, ".".join(node.path) if node.path else None}
        return bool(names & options)

    def constant(self, name: str, depth: int = 3) -> tuple[str | None, str | None]:
        """What a module-level constant is bound to: the string, or the qualified name; None for
        what it is not."""
        node = self.outline.constants.get(name)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value, None
        text = dotted(node) if node is not None else None
        if text is None or depth == 0:
            return None, None
        root, _, rest = text.partition(".")
        base = self.outline.resolve(root)
        if base is None:
            return self.constant(root, depth - 1) if not rest else (None, None)
        return None, canonical(f"{base}.{rest}" if rest else base)

    def exception_names(self, name: str) -> list[str] | None:
        """The classes that a module-level tuple of exceptions holds."""
        node = self.outline.constants.get(name)
        if not isinstance(node, ast.Tuple):
            return None
        texts = [dotted(element) for element in node.elts]
        return [text.rpartition(".")[2] for text in texts if text is not None]
