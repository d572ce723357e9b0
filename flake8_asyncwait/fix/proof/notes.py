"""What a fix asks of a function beyond its leaks: what becomes of tasks that still run after their
wait, and of those that a new cancel strikes.

The machine tells its books what happens to tasks; those of a check ignore it, these take notes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import takewhile

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import CANCELLED_ERROR, caught_by
from flake8_asyncwait.analysis.code.once import Once
from flake8_asyncwait.analysis.code.walk import every, last_name, walk
from flake8_asyncwait.analysis.fates import FamilyBooks
from flake8_asyncwait.analysis.machine.books import AWAITED, MAX_WORK, Books, Undetermined
from flake8_asyncwait.analysis.semantics.known import (
    ADDS,
    GATHERS,
    LOG_METHODS,
    QUESTIONS,
    SUPPRESSES,
    TASK_METHODS,
    Trait,
    has,
    is_cancel,
)
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.keys import local_of
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    ASKED,
    ENDED,
    MANY,
    MAYBE_ASKED,
    UNSETTLED,
    Box,
    Gather,
    Owner,
    Ref,
    Shielded,
    Status,
    Task,
    TimeLimited,
    Value,
    WaitTask,
)
from flake8_asyncwait.named import NamedTuple

# Whose the elements of a wait may be besides.
UNKNOWN_ELEMENT = Owner("unknown")
HANDED = Owner("handed over")
NESTED_WAIT = Owner("a wait in a task")
_JUST_ASKED = frozenset({Status.CANCELLING, Status.MAYBE_CANCELLING})
_PASSING = frozenset({Status.MAYBE, Status.LATE_CANCELLING}) | MAYBE_ASKED


class Use(NamedTuple):
    """Something done to a task that was running when the wait for it had ended, or (`struck`) when
    a watched cancel struck it. `line` is where, `task` how messages call it.

    That the function has cancelled the task in between does not matter if it may have ended before:
    had it been cancelled at once, it would have ended otherwise.
    """

    struck: bool
    what: str
    line: int
    task: str


class Struck(NamedTuple):
    """A running task that a watched cancel strikes: whose it is, whether somebody else can reach
    it, and whether there was a fault before."""

    owner: Owner
    handed: bool
    task: str
    faulty: bool


@dataclass(slots=True)
class Budget:
    """The work that is left for all runs on one function together."""

    left: float = math.inf


class NotingBooks(Books):
    """Takes notes while a machine runs, and goes on when every site is known to leak: a fix has to
    know all executions.

    `waited` says what the elements of the site are: owners, and the words above. `watched` are
    the lines of cancels to take notes of. `budget` bounds the work of all runs.
    """

    is_thorough = True
    patience = 5  # a fix is rare, and may take its time

    def __init__(self, limit: int, watched: frozenset[int], budget: Budget) -> None:
        super().__init__(limit)
        self.budget = budget
        self.watched = watched
        self.uses: set[Use] = set()
        self.struck: set[Struck] = set()
        # The lines of cancels, and those of them that have struck something that was running.
        self.cancels_on: set[int] = set()
        self.striking_on: set[int] = set()
        # The names that hold what a watched cancel has struck where the function suspends later:
        # without the cancel it would have run on meanwhile.
        self.left_to_run: set[str] = set()
        self.waited: set[Owner] = set()
        # Whether what the site makes tasks of may be somebody else's tasks.
        self.guesses_something = False
        # Whether a watched cancel asks something that may be no task.
        self.misses_something = False
        # Where what is taken for a task may be a future: that is done once it is asked to cancel.
        self._futures: set[int] = set()
        # Likewise, where a variable says what makes it, and whether a watched cancel strikes one
        # without a fault.
        self.vague: set[int] = set()
        self.stops_a_future = False
        # Where what the function leaves running for a time that it gives is made.
        self._given_time: set[int] = set()
        # The lines of waits that cancel by themselves.
        self._settling_on: set[int] = set()
        self._once = Once()

    def tick(self, work: int) -> None:
        self.work += work
        self.budget.left -= work
        if self.work > self.limit or self.budget.left < 0:
            raise Undetermined

    def used(self, state: State, value: Value, what: str, line: int) -> None:
        super().used(state, value, what, line)
        for ref in _behind(state, value):
            self._note(state, ref, what, line)

    def asked(self, state: State, value: Value, method: str, line: int, func: ir.Func) -> None:
        super().asked(state, value, method, line, func)
        if not TASK_METHODS[method].traits & QUESTIONS:
            self.used(state, value, "given a callback", line)
            return
        if self._guards_a_cancel(line, func):
            return
        for ref in _behind(state, value):
            task = state.task(ref)
            if task.status in _PASSING or task.late or task.origin in self._futures:
                self._note(state, ref, f"asked for .{method}()", line)

    def ensured(self, state: State, value: Value, is_vague: bool) -> None:
        origins = {state.task(ref).origin for ref in effects.tasks_of(state, value)}
        self._futures |= origins
        self.vague |= origins if is_vague else set()

    def awaited(self, state: State, value: Value, line: int, func: ir.Func) -> None:
        super().awaited(state, value, line, func)
        while isinstance(value, (Shielded, TimeLimited)):
            value = value.inner
        for ref in _behind(state, value):
            if not (state.task(ref).late and self._is_careless(line, func)):
                self._note(state, ref, AWAITED, line)
        if state.fault is None and line in self._once(_pauses, func):
            running = (task for task in state.heap.values() if type(task) is Task and task.waited)
            self._given_time |= {task.origin for task in running if task.status in UNSETTLED}

    def suspends(self, state: State, line: int) -> None:
        if not self.watched or line <= min(self.watched):  # or a loop has gone round
            return
        for name in filter(local_of, state.env):
            if any(_is_stopped(state.task(ref)) for ref in effects.reached(state, state.env[name])):
                self.left_to_run.add(local_of(name))

    def handed_over(self, state: State, value: Value, line: int) -> None:
        super().handed_over(state, value, line)
        if state.trace is not None and state.trace.what == "the function returns":
            line = state.trace.line
        for number in state.refs(value):
            self._note(state, Ref(number), HANDED.kind, line)

    def waits(self, state: State, items: tuple[Value, ...], opened: bool) -> None:
        kinds = self.waited
        if opened:
            kinds.add(UNKNOWN_ELEMENT)
        for item in items:
            refs = effects.tasks_of(state, item)
            if not refs and type(state.get(item)) is not Gather:
                kinds.add(UNKNOWN_ELEMENT)
            if any(type(part) is WaitTask for part in state.parts(item)):
                kinds.add(NESTED_WAIT)
            for task in (state.task(ref) for ref in refs):
                if task.status not in ENDED:
                    kinds.add(task.owner)
                    kinds |= {HANDED} if task.handed else set()

    def settles(self, line: int) -> None:
        self._settling_on.add(line)

    def guesses(self) -> None:
        self.guesses_something = True

    def misses(self, line: int) -> None:
        self.misses_something |= line in self.watched

    def cancels(self, state: State, value: Value, line: int) -> State:
        self.cancels_on.add(line)
        is_own = line not in self.watched | self._settling_on
        for ref in effects.tasks_of(state, value):
            task = state.task(ref)
            if is_own and task.told and _is_asked_again(task):
                self.striking_on.add(line)  # it may have gone on after the first one
            elif is_own and task.status not in ENDED:
                task = task._replace(told=True)
                state = state.put(ref, task)
            if task.status in UNSETTLED:
                self.striking_on.add(line)
                if task.origin in self._given_time and state.fault is None:
                    self._note(state, ref, "given some time, and cancelled", line)
            if line in self.watched and task.status in UNSETTLED:
                name = self.label(task.origin)
                self.struck.add(Struck(task.owner, task.handed, name, state.fault is not None))
                self.stops_a_future |= state.fault is None and task.origin in self.vague
                state = state.put(ref, task._replace(struck=True))
            elif line in self.watched:
                continue  # another one has struck it already
            elif task.struck and task.status in _JUST_ASKED:
                # The function's own cancel would have struck it at the same moment.
                state = state.put(ref, task._replace(struck=False))
            elif task.struck or (task.waited and task.status == Status.MAYBE):
                state = state.put(ref, task._replace(late=True))
        return state

    def _note(self, state: State, ref: Ref, what: str, line: int) -> None:
        """Enter a use of a task, if it may be running still because nothing has stopped it."""
        task = state.get(ref)
        if type(task) is not Task:
            return
        if _is_stopped(task):
            self.uses.add(Use(True, what, line, self.label(task.origin)))
        elif task.waited and (task.status in UNSETTLED or task.late):
            self.uses.add(Use(False, what, line, self.label(task.origin)))

    def _is_careless(self, line: int, func: ir.Func) -> bool:
        """Whether it is all the same to an await how the tasks have ended."""
        return line in self._once(_careless_awaits, func)

    def _guards_a_cancel(self, line: int, func: ir.Func) -> bool:
        """Whether nothing hangs on a question but whether to cancel."""
        return line in self._once(_guards, func)


class FamilyNotes(NotingBooks, FamilyBooks):
    """The notes of a run for a site of the family."""

    def cancels(self, state: State, value: Value, line: int) -> State:
        if line not in self.watched:  # what the fix puts in says nothing of what was meant
            state = FamilyBooks.cancels(self, state, value, line)
            for ref in effects.tasks_of(state, value):
                task = state.task(ref)
                if task.struck and task.status not in _JUST_ASKED and state.fault is None:
                    # The function lets it run up to here.
                    self.uses.add(Use(True, "cancelled later", line, self.label(task.origin)))
        elif state.fault is None:
            for ref in effects.tasks_of(state, value):
                if _is_cleaning_up(task := state.task(ref)):
                    self.uses.add(Use(True, "cancelled again", line, self.label(task.origin)))
        return NotingBooks.cancels(self, state, value, line)


def noting_books(
    watched: frozenset[int],
    budget: Budget,
    kind: type[NotingBooks],
    many: int,
    limit: int,
) -> NotingBooks:
    """The books of a run for a fix, of some `kind`, in which a collection of unknown size may
    stand for `many` tasks."""
    if many < MANY:
        limit = MAX_WORK * kind.patience
    return kind(limit, watched, budget)


def _is_cleaning_up(task: Task) -> bool:
    """Whether a task may still handle that it was asked to cancel some time ago."""
    return task.status in ASKED and task.status not in _JUST_ASKED


def _is_asked_again(task: Task) -> bool:
    """Whether a task that is asked to cancel, and was before, may not have heeded that."""
    return _is_cleaning_up(task) or (task.joined and task.status in ASKED)


def _is_stopped(task: Task) -> bool:
    """Whether nothing but a watched cancel has stopped a task."""
    return task.struck and task.status in ASKED


def _behind(state: State, value: Value) -> list[Ref]:
    """The tasks that must end before what a value is a handle on does: a task itself, the children
    of a gather, and a task that runs a wait with what it waits for."""
    thing = state.get(value)
    if type(thing) is not WaitTask:
        return effects.tasks_of(state, value)
    waited = state.get(thing.waiting.waited)
    items = waited.items if type(waited) is Box else ()
    return [thing.task, *(ref for item in items for ref in _behind(state, item))]


def _careless_awaits(func: ir.Func) -> set[int]:
    careless = {line for node in every(func) for line in _careless_lines(node)}
    loops = (node.body for node in every(func) if isinstance(node, ir.For))
    in_turn = (part for body in loops if _prepares_a_cancel(body) for part in walk(body))
    return careless.difference(*map(_careless_lines, in_turn))


def _prepares_a_cancel(body: list[ir.Stmt]) -> bool:
    """Whether a turn of a loop does something else before it cancels, which may have to come first:

    service.stop(); task.cancel(); await task
    """
    before = list(takewhile(lambda node: not _is_cancel(node), body))
    return len(before) < len(body) and any(map(_acts, before))


def _acts(node: ir.Stmt) -> bool:
    """Whether a statement is a call that neither logs nor only puts something somewhere."""
    call = node.value if isinstance(node, ir.ExprStmt) else None
    if not isinstance(call, ir.Call) or last_name(call.func) in LOG_METHODS:
        return False
    return not has(call, ADDS | Trait.WRITES)


def _careless_lines(node: object) -> Iterator[int]:
    """The lines of awaits after which everything goes on as if there was nothing to await:

    await asyncio.gather(..., return_exceptions=True)
    with contextlib.suppress(...): await ...
    try: await ... except ...: pass
    """
    if isinstance(node, ir.ExprStmt) and isinstance(node.value, ir.Await):
        call = node.value.value
        if isinstance(call, ir.Call) and has(call, GATHERS):
            if any(arg.keyword == "return_exceptions" for arg in call.args):
                yield node.value.line
    elif isinstance(node, ir.With) and isinstance(node.item, ir.Call):
        if has(node.item, SUPPRESSES):
            if any(caught_by(arg.value, CANCELLED_ERROR) for arg in node.item.args):
                yield from _only_await(node.body)
    elif isinstance(node, ir.Try) and not (node.orelse or node.final):
        if any(caught_by(handler.type, CANCELLED_ERROR) for handler in node.handlers):
            if not any(handler.body for handler in node.handlers):
                yield from _only_await(node.body)


def _only_await(body: list[ir.Stmt]) -> Iterator[int]:
    if len(body) == 1 and isinstance(body[0], ir.ExprStmt) and isinstance(body[0].value, ir.Await):
        yield body[0].value.line


def _pauses(func: ir.Func) -> set[int]:
    """The lines on which a function gives some time to what runs: `await asyncio.sleep(grace)`."""
    awaits = (node.value for node in every(func) if isinstance(node, ir.Await))
    calls = (call for call in awaits if isinstance(call, ir.Call) and call.args)
    pauses = (call for call in calls if last_name(call.func) == "sleep")
    return {call.line for call in pauses if not _is_zero(call.args[0].value)}


def _is_zero(value: ir.Expr) -> bool:
    return isinstance(value, ir.Const) and value.value == 0


def _guards(func: ir.Func) -> set[int]:
    """The lines of conditions under which tasks are cancelled, and nothing else is done:

    if not task.done(): task.cancel()

    A name that nothing reads later may be bound to None as well.
    """
    later = {id(node): func.body[number:] for number, node in enumerate(func.body, 1)}
    return {
        node.line
        for node in every(func)
        if isinstance(node, ir.If) and not node.orelse
        if all(_is_cancel(each) or _is_reset(each, later.get(id(node))) for each in node.body)
    }


def _is_cancel(node: ir.Stmt) -> bool:
    call = node.value if isinstance(node, ir.ExprStmt) else None
    return (
        isinstance(call, ir.Call)
        and not call.args
        and isinstance(call.func, ir.Attr)
        and is_cancel(call.func.name)
    )


def _is_reset(node: ir.Stmt, later: list[ir.Stmt] | None) -> bool:
    """Whether a statement binds names to None that nothing reads later, if that is known."""
    if later is None or not isinstance(node, ir.Assign) or not isinstance(node.value, ir.Const):
        return False
    if node.value.value is not None:
        return False
    names = {target.id for target in node.targets if isinstance(target, ir.Name)}
    if len(names) < len(node.targets):
        return False
    read = (each for each in walk(later) if isinstance(each, ir.Name))
    return not any(each.id in names for each in read)
