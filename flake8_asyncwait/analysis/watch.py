"""What a fix asks of a function beyond its leaks: what becomes of tasks that still run after their
wait, and of those that a new cancel strikes.

The check does not pay for this: `Watching` is another interpreter of the same rules, which takes
notes where the rules pass it by.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from flake8_asyncwait.analysis import effects, ir
from flake8_asyncwait.analysis.base import Results
from flake8_asyncwait.analysis.calls import Args
from flake8_asyncwait.analysis.completion import Flow
from flake8_asyncwait.analysis.relevance import last_name, walk
from flake8_asyncwait.analysis.run import MAX_WORK, Books, Context, Undetermined
from flake8_asyncwait.analysis.state import (
    ASKED,
    ENDED,
    LATE_CANCELLING,
    MANY,
    MAYBE,
    MAYBE_ASKED,
    UNSETTLED,
    Box,
    Gather,
    Ref,
    Shielded,
    State,
    Task,
    TimeLimited,
    Value,
    Waiting,
    WaitTask,
    bits,
)
from flake8_asyncwait.analysis.statements import Statements

# A fix is rare, and may take its time where large collections have failed.
_PATIENCE = 5
# The number of a wait that settles what it waits for, where sites have theirs.
_SETTLING = -2
# What the elements of a wait are besides the owners of `state.py`.
UNKNOWN_ELEMENT = "unknown"
HANDED = "handed over"
# What a `Use` can be, where a fix has to know.
WAITED_AGAIN = "waited for again"
_QUESTIONS = frozenset({"done", "cancelled", "result", "exception"})
_PASSING = frozenset({MAYBE, LATE_CANCELLING}) | MAYBE_ASKED


class Use(NamedTuple):
    """Something done to a task that was running when a wait for it had ended, or (`site` is the
    number of sites) when a watched cancel struck it. `line` is where, `task` how messages call
    it.

    That the function has cancelled the task in between does not matter if it may have ended before:
    had it been cancelled at once, it would have ended otherwise.
    """

    site: int
    what: str
    line: int
    task: str


class Struck(NamedTuple):
    """A running task that a watched cancel strikes: whose it is, and whether somebody else can
    reach it."""

    owner: str
    handed: bool
    task: str


@dataclass(slots=True)
class Budget:
    """The work that is left for all runs on one file together."""

    left: float = math.inf


class _WholeBooks(Books):
    """Books that go on when every site is known to leak: a fix has to know all executions."""

    def __init__(self, sites: int, limit: int, budget: Budget) -> None:
        super().__init__(sites, limit)
        self.budget = budget

    def tick(self, work: int = 1) -> None:
        self.work += work
        self.budget.left -= work
        if self.work > self.limit or self.budget.left < 0:
            raise Undetermined


class Watching(Statements):
    """Takes notes while it runs. `waited` says for each site what its elements are: owners, and
    the two words above. `watched` are the lines of cancels to take notes of, `settling` the last
    components of the names that `wait_any` goes by. `most` is how many tasks a collection of
    unknown size may stand for. `budget` bounds the work of all runs."""

    def __init__(
        self,
        watched: frozenset[int],
        settling: frozenset[str],
        most: int,
        budget: Budget,
        *args: Any,
    ) -> None:
        super().__init__(*args)
        self.settling = settling
        self.budget = budget
        limit = self.books.limit if self.many == MANY else MAX_WORK * _PATIENCE
        self.books = _WholeBooks(len(self.sites), limit if self.many <= most else 0, budget)
        self.watched_lines = watched
        self.uses: set[Use] = set()
        self.struck: set[Struck] = set()
        self.waited: dict[int, set[str]] = {}
        self._here = self.func.line
        self._careless: dict[ir.Func, set[int]] = {}
        self._opened = False

    @property
    def cut(self) -> int:
        """The number that stands for the watched cancels among the sites."""
        return len(self.sites)

    # A call of `wait_any` settles what it waits for. To the check it is a call that nobody knows,
    # which is as silent; but a fix of one site has to see through the fix of another.

    def call(self, node: ir.Call, state: State, ctx: Context) -> Results:
        qualified = self.program.qualified(ctx.frame.func, node.func) or ""
        if qualified.rpartition(".")[2] not in self.settling:
            return super().call(node, state, ctx)
        waits = self._wait_call(node, state, ctx, _SETTLING)
        if any(arg.keyword == "return_when" for arg in node.args):
            return waits
        return [(after, waiting._replace(first=True)) for after, waiting in waits]

    def wait(
        self, state: State, waiting: Waiting, line: int, ctx: Context, *args: Any, **kwargs: Any
    ) -> Results:
        if waiting.site != _SETTLING:
            return super().wait(state, waiting, line, ctx, *args, **kwargs)
        state, _, box = self.as_items(state, waiting.waited)
        waiting = waiting._replace(waited=box)
        state, items, _ = super().elements(state, waiting)
        flow = Flow()
        results = super().wait(state, waiting, line, ctx.into(flow), *args, **kwargs)
        for completion, states in flow:
            ctx.out.add(completion, *(self._settled(end, items, line) for end in states))
        return [(self._settled(after, items, line), value) for after, value in results]

    def _settled(self, state: State, items: tuple[Value, ...], line: int) -> State:
        for item in items:
            state = self.cancel(state, item, line)
        return state

    # Where the rules pass by

    def is_idle(self, statement: ir.Stmt, ctx: Context) -> bool:
        """Asked of every statement before it runs."""
        if ctx.frame.func is self.func:
            self._here = statement.line
        return super().is_idle(statement, ctx)

    def hand_over(self, state: State, value: Value, ctx: Context) -> State:
        line = self._here
        if state.trace is not None and state.trace.what == "the function returns":
            line = state.trace.line
        for number in state.refs(value):
            self._note(state, Ref(number), "handed over", line)
        return super().hand_over(state, value, ctx)

    def await_value(self, state: State, value: Value, line: int, ctx: Context) -> Results:
        inner = value
        while isinstance(inner, (Shielded, TimeLimited)):
            inner = inner.inner
        for ref in _behind(state, inner):
            if not (state.heap[ref.id].late and self._is_careless(line, ctx)):
                self._note(state, ref, "awaited", line)
        return super().await_value(state, value, line, ctx)

    def elements(self, state: State, waiting: Waiting) -> tuple[State, tuple[Value, ...], bool]:
        state, items, opened = super().elements(state, waiting)
        for item in items:
            for ref in _behind(state, item):
                self._note(state, ref, WAITED_AGAIN, waiting.line)
        self._opened = opened
        return state, items, opened

    def start_wait(self, state: State, site: int, items: tuple[Value, ...]) -> State:
        kinds = self.waited.setdefault(site, set())
        if self._opened:
            kinds.add(UNKNOWN_ELEMENT)
        for item in items:
            refs = effects.tasks_of(state, item)
            if not refs and type(state.get(item)) is not Gather:
                kinds.add(UNKNOWN_ELEMENT)
            for task in (state.heap[ref.id] for ref in refs):
                if task.status not in ENDED:
                    kinds.add(task.owner)
                    kinds |= {HANDED} if task.handed else set()
        return super().start_wait(state, site, items)

    def cancel(self, state: State, value: Value, line: int) -> State:
        for ref in effects.tasks_of(state, value):
            task = state.heap[ref.id]
            if line in self.watched_lines and task.status in UNSETTLED:
                self.struck.add(Struck(task.owner, task.handed, self.label(task.origin)))
                state = state.put(ref, task._replace(struck=True))
            elif task.waited and task.status == MAYBE:
                state = state.put(ref, task._replace(late=True))
        return super().cancel(state, value, line)

    def _task_method(
        self, node: ir.Call, ref: Ref, name: str, args: Args, state: State, ctx: Context
    ) -> Results:
        if name in _QUESTIONS:
            for task in _behind(state, ref):
                if state.heap[task.id].status in _PASSING or state.heap[task.id].late:
                    self._note(state, task, f"asked for .{name}()", node.line)
        elif name == "add_done_callback":
            for task in _behind(state, ref):
                self._note(state, task, "given a callback", node.line)
        return super()._task_method(node, ref, name, args, state, ctx)

    def _ensured(self, node: ir.Call, value: Value, state: State, ctx: Context) -> Results:
        if type(state.get(value)) is WaitTask:  # what takes it knows nothing of what it waits for
            for ref in _behind(state, value):
                self._note(state, ref, "awaited", node.line)
        return super()._ensured(node, value, state, ctx)

    def _completed(self, node: ir.For, item: Value, state: State, ctx: Context) -> State:
        for ref in _behind(state, item):
            self._note(state, ref, "awaited", node.line)
        return super()._completed(node, item, state, ctx)

    def _note(self, state: State, ref: Ref, what: str, line: int) -> None:
        """Enter a use of a task, if it may be running still because nothing has stopped it."""
        task = state.heap[ref.id]
        if type(task) is not Task:
            return
        if task.struck and task.status in ASKED:
            self.uses.add(Use(self.cut, what, line, self.label(task.origin)))
        elif task.status in UNSETTLED or task.late:
            for site in bits(state.waits.get(ref.id, 0)):
                self.uses.add(Use(site, what, line, self.label(task.origin)))

    def _is_careless(self, line: int, ctx: Context) -> bool:
        """Whether it is all the same to an await how the tasks have ended."""
        func = ctx.frame.func
        if func not in self._careless:
            self._careless[func] = {
                line for node in walk(func.body) for line in _careless_awaits(node)
            }
        return line in self._careless[func]


def _behind(state: State, value: Value) -> list[Ref]:
    """The tasks that must end before what a value is a handle on does: a task itself, the children
    of a gather, and what a wait in a task of its own waits for."""
    thing = state.get(value)
    if type(thing) is not WaitTask:
        return effects.tasks_of(state, value)
    waited = state.get(thing.waiting.waited)
    items = waited.items if type(waited) is Box else ()
    return [ref for item in items for ref in _behind(state, item)]


def _careless_awaits(node: object) -> Iterator[int]:
    """The lines of awaits after which everything goes on as if there was nothing to await:

    await asyncio.gather(..., return_exceptions=True)
    with contextlib.suppress(...): await ...
    try: await ... except ...: pass
    """
    if isinstance(node, ir.ExprStmt) and isinstance(node.value, ir.Await):
        call = node.value.value
        if isinstance(call, ir.Call) and last_name(call.func) == "gather":
            if any(arg.keyword == "return_exceptions" for arg in call.args):
                yield node.value.line
    elif isinstance(node, ir.With) and isinstance(node.item, ir.Call):
        if last_name(node.item.func) == "suppress":
            if any(_names_cancellation(arg.value) for arg in node.item.args):
                yield from _only_await(node.body)
    elif isinstance(node, ir.Try) and not (node.orelse or node.final):
        if any(_names_cancellation(handler.type) for handler in node.handlers):
            if not any(handler.body for handler in node.handlers):
                yield from _only_await(node.body)


def _names_cancellation(kind: ir.Expr | None) -> bool:
    """Whether what an `except` names catches a cancellation."""
    if isinstance(kind, ir.Display):
        return any(_names_cancellation(part) for part, _ in kind.elements)
    return kind is None or last_name(kind) in ("CancelledError", "BaseException")


def _only_await(body: list[ir.Stmt]) -> Iterator[int]:
    if len(body) == 1 and isinstance(body[0], ir.ExprStmt) and isinstance(body[0].value, ir.Await):
        yield body[0].value.line
