"""The wait itself: it raises before its effect, or parts its elements in two."""

from __future__ import annotations

from collections.abc import Iterable

from flake8_asyncwait.analysis.code.exceptions import CANCELLED_ERROR, Exc
from flake8_asyncwait.analysis.machine.books import WAITED_AGAIN
from flake8_asyncwait.analysis.machine.handover import cancel
from flake8_asyncwait.analysis.machine.machine import Context, Results
from flake8_asyncwait.analysis.semantics.items import as_items, as_task, used_up
from flake8_asyncwait.analysis.semantics.truth import truth
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.completion import Flow
from flake8_asyncwait.analysis.states.keys import is_attribute
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.trace import OUTCOME, WAITING, Choice
from flake8_asyncwait.analysis.states.values import (
    FOREIGN,
    MANY,
    OWNED,
    UNKNOWN,
    Box,
    Const,
    Param,
    Ref,
    Status,
    Task,
    Value,
    Waiting,
    WaitTask,
)

# How the steps of a witness name what a wait waits for besides what is known.
OTHERS = "other tasks"


def settling_wait(ctx: Context, state: State, waiting: Waiting, line: int) -> Results:
    """`await wait_any(...)`, which cancels what is pending when it ends, however it does."""
    state, _, box = as_items(ctx, state, waiting.waited)
    waiting = waiting._replace(waited=box, settles=False)
    state, items, _ = elements_of(ctx, state, waiting)
    ctx.machine.books.settles(line)
    flow = Flow()
    results = run_wait(ctx.into(flow), state, waiting, line)
    for completion, states in flow:
        ctx.out.add(completion, *(_settled(ctx, end, items, line) for end in states))
    return [(_settled(ctx, after, items, line), value) for after, value in results]


def _settled(ctx: Context, state: State, items: tuple[Value, ...], line: int) -> State:
    for item in items:
        state = cancel(ctx, state, item, line)
    return state


def run_wait(ctx: Context, state: State, waiting: Waiting, line: int) -> Results:
    """`await asyncio.wait(...)`: raises before its effect, or parts its elements in two."""
    if waiting.settles:
        return settling_wait(ctx, state, waiting, line)
    state, known, waited = as_items(ctx, state, waiting.waited)
    waiting = waiting._replace(waited=waited)
    if Const(None) in (known or ()):
        ctx.fail(state, Exc("AttributeError"))
        return []
    state, items, opened = waited_elements(ctx, state, waiting)
    if not items and not opened:
        ctx.fail(state, Exc("ValueError"), "there is nothing to wait for")
        return []
    state, items = _with_another(ctx, used_up(state, waited), items, opened)
    if waiting.site >= 0:
        state = start_wait(ctx, state, waiting.site, items, opened)
        state = state.step(waiting.line, "the wait starts", WAITING)
    state = effects.mark_joined(state, items)
    later = _passed(state, items)
    ctx.fault(state, waiting.line, (CANCELLED_ERROR,), later)
    if ctx.limited:
        ctx.machine.books.early |= waiting.site == ctx.machine.site.index
        ctx.time_out(later, waiting.line)
    return _partings(ctx, state, waiting, items, opened)


def _another(ctx: Context, state: State, status: Status) -> tuple[State, Value]:
    """One of the tasks that a wait waits for besides what is known: somebody else's. A state
    remembers no more of them than tell anything."""
    origin = ctx.machine.origin(OTHERS)
    if effects.live(state, origin) >= MANY:
        return state, UNKNOWN
    return state.new(Task(status, FOREIGN, origin))


def _with_another(
    ctx: Context, state: State, items: tuple[Value, ...], opened: bool
) -> tuple[State, tuple[Value, ...]]:
    """The elements of a wait that may have others, with one that stands for these, where it matters
    what somebody else's tasks do."""
    matters = ctx.machine.something_to_lose(state) and not ctx.machine.all_owners
    if not opened or not matters or effects.live(state, ctx.machine.origin(OTHERS)):
        return state, items
    state, another = _another(ctx, state, Status.MAYBE)
    return state, (*items, another)


def _is_another(ctx: Context, state: State, item: Value) -> bool:
    return any(
        state.task(r).origin == ctx.machine.origin(OTHERS) for r in effects.tasks_of(state, item)
    )


def join_wait(ctx: Context, state: State, ref: Ref, line: int) -> Results:
    """Await a task that runs a wait: a cancellation ends that task, and none that it waits for."""
    task = state.wait_task(ref)
    state, items, opened = waited_elements(ctx, state, task.waiting)
    state, items = _with_another(ctx, state, items, opened)
    state = effects.mark_joined(state, items)
    later = _passed(state, items)
    ctx.fault(
        state, line, (CANCELLED_ERROR,), effects.with_status(later, task.task, Status.CANCELLED)
    )
    return [
        (_with_result(after, ref, value), value)
        for after, value in _partings(ctx, later, task.waiting, items, opened, over=True)
    ]


def concluded(ctx: Context, state: State, ref: Value) -> list[State]:
    """The ways in which a wait has returned whose task has ended by now, if it is one."""
    task = state.get(ref)
    if type(task) is not WaitTask or task.result is not None:
        return [state]
    if state.task(task.task).status not in (Status.DONE, Status.OK):
        return [state]
    state, items, opened = waited_elements(ctx, state, task.waiting)
    ways = _partings(ctx, state, task.waiting, items, opened, over=True)
    assert isinstance(ref, Ref)
    return [_with_result(after, ref, value) for after, value in ways]


def all_concluded(ctx: Context, state: State, things: Iterable[Value]) -> list[State]:
    """The ways in which all waits have returned that are run by tasks among some things."""
    ways = [state]
    for thing in things:
        ways = [end for way in ways for end in concluded(ctx, way, thing)]
    return ways


def _with_result(state: State, ref: Ref, value: Value) -> State:
    task = state.wait_task(ref)
    return effects.with_status(state.put(ref, task._replace(result=value)), task.task, Status.OK)


def _passed(state: State, items: tuple[Value, ...]) -> State:
    """Time has passed in a wait; the dotted names of what it waited for are still believed."""
    later = state.suspended()
    numbers = {item.id for item in items if isinstance(item, Ref)}
    for name, value in state.env.items():
        if is_attribute(name) and numbers & set(state.refs(value)):
            later = later.bind(name, value)
    return later


def start_wait(
    ctx: Context, state: State, site: int, items: tuple[Value, ...], opened: bool
) -> State:
    """The wait has started: its result's names are stale until it is bound."""
    if site != ctx.machine.site.index:
        return state
    before = state
    state = effects.mark_waited(state, items)
    ctx.machine.books.waits(before, items, opened)
    names = {
        n for n in ctx.machine.site.result_names if not truth(state.env.get(n, UNKNOWN), state)
    }
    return state.with_stale(state.stale | names)


def waited_elements(
    ctx: Context, state: State, waiting: Waiting
) -> tuple[State, tuple[Value, ...], bool]:
    """`elements_of`, of which books take notes."""
    state, items, opened = elements_of(ctx, state, waiting)
    for item in items:
        ctx.machine.books.used(state, item, WAITED_AGAIN, waiting.line)
    return state, items, opened


def elements_of(
    ctx: Context, state: State, waiting: Waiting
) -> tuple[State, tuple[Value, ...], bool]:
    """The elements of a wait as tasks of the heap, and whether there may be unknown ones."""
    state, items, value = as_items(ctx, state, waiting.waited)
    opened = items is None or state.is_open(value)
    alone = len(items or ()) == 1 and not opened  # the wait ends when it does, whosever it is
    elements: dict[Value, None] = {}
    positions = range(len(items or ()))
    # Parameters first: where one of them may be lost, the tasks of others count too.
    for position in sorted(positions, key=lambda p: not isinstance(items[p], Param)):  # type: ignore[index]
        # Looked up again each time: making one a task may replace others that are equal.
        item = as_items(ctx, state, value)[1][position]  # type: ignore[index]
        state, element = as_task(ctx, state, item, even_of_others=alone)
        if isinstance(element, Ref) and type(state.get(element)) is not Box:
            elements[element] = None
        else:
            opened = True
    return state, tuple(elements), opened


def _partings(
    ctx: Context,
    state: State,
    waiting: Waiting,
    items: tuple[Value, ...],
    opened: bool,
    over: bool = False,
) -> Results:
    """The ways in which a wait parts its elements, now or, where it is `over`, some time ago."""
    full = not waiting.first and not waiting.timeout
    later = state if over else _passed(state, items)
    may_be_none = waiting.timeout or opened
    is_open = opened and not any(_is_another(ctx, state, item) for item in items)
    results: Results = []
    for done, pending in effects.partitions(state, items, full=full, may_be_none=may_be_none):
        if over and any(effects.surely_runs(state, item) for item in done):
            continue
        after = later if over else effects.not_ended(later, *pending)
        if waiting.site >= 0:
            after = _outcome_step(ctx, after, waiting, done, pending, opened)
        for ended in effects.ways_to_end(after, done):
            for way, some in _with_something(ctx, ended, waiting, done, pending, opened):
                for end in all_concluded(ctx, way, done):
                    end, done_box = end.new(Box(set, some, is_open))
                    end, pending_box = end.new(Box(set, pending, is_open and not full))
                    results.append(end.new(Box(tuple, (done_box, pending_box))))
    return results


def _with_something(
    ctx: Context,
    state: State,
    waiting: Waiting,
    done: tuple[Value, ...],
    pending: tuple[Value, ...],
    opened: bool,
) -> list[tuple[State, tuple[Value, ...]]]:
    """The done half, in which there is something if the time was not up, and something that has
    failed if only that ends the wait."""
    if waiting.fails and pending:
        failed = [(way, done) for way in effects.where_one_fails(state, done)]
        if opened:
            way, other = _another(ctx, state, Status.FAILING)
            failed.append((way, (*done, other)))
        return failed
    if not done and not waiting.timeout:
        way, other = _another(ctx, state, Status.DONE)
        return [(way, (other,))]
    return [(state, done)]


def _outcome_step(
    ctx: Context,
    state: State,
    waiting: Waiting,
    done: tuple[Value, ...],
    pending: tuple[Value, ...],
    opened: bool,
) -> State:
    names = [describe(ctx, state, item) for item in pending]
    if not pending:
        what = "the wait returns: all are done"
    elif not done:
        none = "none is done" if waiting.timeout else "only others are done"
        what = f"the wait returns: {none}"
    else:
        what = f"the wait returns: {' and '.join(dict.fromkeys(names))} still pending"
    halves = [_made_on(ctx, state, half, opened) for half in (pending, done)]
    taken = "pending={};done={}".format(*halves)
    return state.step(waiting.line, what, Choice(OUTCOME, taken, "?" in halves))


def _made_on(ctx: Context, state: State, items: tuple[Value, ...], opened: bool) -> str:
    """The lines on which a half's tasks were made, 0 for those of others, as a list; `?` where
    there may be more."""
    if opened and not items:
        return "?"
    lines = set()
    for item in items:
        for ref in effects.tasks_of(state, item):
            task = state.task(ref)
            lines.add(ctx.machine.books.line_of(task.origin) if task.owner == OWNED else 0)
    return ",".join(map(str, sorted(lines or {0} if items else ())))


def describe(ctx: Context, state: State, item: Value) -> str:
    """How a message names a task: by the first name bound to it, or by where it was made."""
    refs = effects.tasks_of(state, item)
    if not refs:
        return "something"
    return ctx.machine.books.label(state.task(refs[0]).origin)
