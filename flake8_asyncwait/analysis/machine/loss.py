"""Which tasks leave the books: the loss of one is the only source of findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.books import Leak
from flake8_asyncwait.analysis.machine.machine import Context
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.completion import States
from flake8_asyncwait.analysis.states.keys import LOST
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.trace import DROPPED
from flake8_asyncwait.analysis.states.values import (
    ASKED,
    BORROWED,
    ENDED,
    FOREIGN,
    NEVER_LOST,
    UNSETTLED,
    AsCompleted,
    Asked,
    Box,
    Coroutine,
    Ref,
    Shielded,
    Status,
    Task,
    Thing,
    TimeLimited,
    Value,
    Waiting,
    WaitTask,
)


def collect(ctx: Context, state: State, line: int) -> State:
    """Forget what nothing reaches; an owned task among it is lost here."""
    if len(state.reachable()) == len(state.heap):
        return state
    alive = frozenset(state.reachable())
    gone = {number: thing for number, thing in state.heap.items() if number not in alive}
    for number in gone:
        _leave(ctx, state, number, line, DROPPED)
    if state.fault and (state.stale or fanout.may_close(ctx, state)) and LOST not in state.env:
        # A cleanup may still come to read the result, or to close what it uses: then it is another
        # code.
        lost = tuple(Ref(n) for n, t in gone.items() if type(t) is Task and _is_losable(t))
        state = state.bind(LOST, lost) if lost else state
    return state.collected()


def finish(ctx: Context, state: State, line: int, how: str) -> None:
    """The function has ended: every task that it still held leaves the books."""
    for number in state.heap:
        _leave(ctx, state, number, line, how)


def _leave(ctx: Context, state: State, number: int, line: int, how: str) -> None:
    """A task leaves the books settled, handed over, or lost. Settled and handed over need
    no entry; what is neither is lost."""
    thing = state.heap[number]
    if type(thing) is not Task or not thing.waited or thing.owner in NEVER_LOST:
        return
    if thing.status in UNSETTLED:
        kind = "kept" if thing.handed else "lost"
    elif thing.status in ASKED and not (thing.handed or thing.joined):
        kind = "unawaited"
    else:
        return
    is_there = state.trace is not None and (state.trace.line, state.trace.what) == (line, how)
    trace = (state if is_there else state.step(line, how)).trace
    assert trace is not None
    leak = Leak(kind, thing.origin, thing.owner, state.fault, state.unbound)
    ctx.machine.books.lose(leak, trace)


def head(ctx: Context, state: State, line: int) -> State:
    """A state at the head of a loop. Where no task is left that could be lost, the others tell
    nothing any more: forgetting them lets loops converge. Without this, a worker of prefect is
    undetermined."""
    ctx.machine.books.tick(
        state.weight + (state.fill >> 6)
    )  # what a loop fills may grow without end
    state = collect(ctx, state, line)
    tasks = {n: t for n, t in state.heap.items() if type(t) is Task}
    if not tasks or any(_may_be_lost(task) for task in tasks.values()):
        return state
    tells = ctx.machine.books.needs_ended  # what is done to those of the site, whoever has them
    others = {Ref(n) for n, t in tasks.items() if _tells_nothing(t) and not (tells and t.waited)}
    told: dict[int, Thing] = {}
    for number, thing in state.heap.items():
        if type(thing) is Task and Ref(number) in others:
            status = Status.DONE if thing.status in ENDED else Status.MAYBE
            told[number] = thing._replace(status=status)
        elif type(thing) is Box and thing.kind is not tuple:
            items = tuple(item for item in thing.items if not _only(item, others))
            if len(items) < len(thing.items):
                told[number] = thing._replace(items=items, open=True)
    return collect(ctx, state.put_all(told), line)


# Owners of tasks that are never lost here.
_THEIRS = (*NEVER_LOST, FOREIGN)


def _tells_nothing(task: Task) -> bool:
    """Somebody else's, and not one that raises when it is awaited."""
    theirs = task.owner in _THEIRS
    # A parameter's tasks, handed over or not, may still be adopted.
    theirs = theirs or (task.handed and not task.owner.param)
    return theirs and task.status not in ASKED and task.status != Status.CANCELLED


def may_tell(ctx: Context, state: State) -> bool:
    """Whether a state may still tell something of a site that no execution comes to any more: it
    holds a task of the site that is not seen to its end, a wait that has not started, or tasks of a
    parameter, which may be adopted. Where the books have to know who awaits a task that has ended,
    it is one that holds such a task."""
    if ctx.machine.facts.borrows and not state.fault:
        return True
    things = state.heap.values()
    whole = ctx.machine.books.needs_ended and not state.fault
    if any(type(t) is Task and t.waited and (whole or t.status not in ENDED) for t in things):
        return True
    held = chain(state.env.values(), *(t.items for t in things if type(t) is Box))
    return any(type(value) in _NOT_STARTED for value in held)


# What may hold the coroutine of a wait, or what a loop starts.
_NOT_STARTED = frozenset({Waiting, TimeLimited, Shielded, Coroutine, AsCompleted})


def _only(item: Value, others: set[Ref]) -> bool:
    """Whether an item of a collection holds nothing but tasks that cannot be lost."""
    if type(item) is tuple:
        return any(part in others for part in item)
    return item in others


def losable_in(state: State, value: Value, *, or_unwaited: bool) -> list[Ref]:
    """The tasks that a value reaches, of the site or such as may come to be, that could still be
    lost, if only once they are adopted."""
    tasks = ((ref, state.task(ref)) for ref in effects.reached(state, value))
    return [ref for ref, one in tasks if (one.waited or or_unwaited) and _is_losable(one)]


def holds_struck(state: State, value: Value) -> bool:
    """Whether a value reaches a task that a watched cancel has struck (`Task.struck`)."""
    return any(state.task(ref).struck for ref in effects.reached(state, value))


def has_failing(state: State) -> bool:
    """Whether a state holds a task that is known to have failed, which nobody has been told yet."""
    return any(type(t) is Task and t.status == Status.FAILING for t in state.heap.values())


def _is_losable(task: Task) -> bool:
    theirs = task.owner in _THEIRS or task.handed
    return task.status in UNSETTLED and not theirs


def _may_be_lost(task: Task) -> bool:
    return _is_losable(task) and task.owner.kind != BORROWED


# How a task has ended, where more is known than that it has.
_TOLD = ENDED - {Status.DONE}


def settle_ended(state: State) -> State:
    """Forget how tasks ended where nothing asks any more. Without this, the worker of temporalio is
    undetermined. What a wait has left running depends on how the task ended that ran it."""
    kept = {value.task.id for value in state.env.values() if type(value) is Asked}
    things = state.heap.items()
    kept |= {t.task.id for _, t in things if type(t) is WaitTask and t.result is None}
    return state.put_all(
        {
            number: thing._replace(status=Status.DONE)
            for number, thing in things
            if type(thing) is Task and thing.status in _TOLD and number not in kept
        }
    )


def merge(ctx: Context, states: Iterable[State], line: int) -> list[State]:
    """The set of the given states, each without what nothing reaches; some of them, evenly spread,
    in a run that does not follow all executions."""
    states = list(states)
    if len(states) < 2:
        return states
    ctx.machine.books.tick(sum(state.weight for state in states))
    different = _most_general(list(States(collect(ctx, state, line) for state in states)))
    most = ctx.machine.most_states if ctx.is_own else None
    return different if most is None else different[:: -(-len(different) // most)]


def _most_general(states: list[State]) -> list[State]:
    """States without those of which another one tells more: where they know that a task has ended,
    it says that the task may have, and nothing else differs. Without this, each wait for a task
    doubles the states, if nobody asks whether that is done.

    No verdict depends on it.
    """
    alike: dict[object, list[State]] = {}
    for state in states:
        alike.setdefault(state.key_but_for_statuses(), []).append(state)
    general: list[State] = []
    for group in alike.values():
        if len(group) == 1:
            general += group
            continue
        known = {state.statuses() for state in group}
        general += [one for one in group if known.isdisjoint(_more_general(one.statuses()))]
    return general


def _more_general(statuses: tuple[Status, ...]) -> Iterator[tuple[Status, ...]]:
    """The same statuses, where one task that has ended may have, too."""
    for place, status in enumerate(statuses):
        for other in effects.MAY_END.get(status, ()):
            yield (*statuses[:place], other, *statuses[place + 1 :])
