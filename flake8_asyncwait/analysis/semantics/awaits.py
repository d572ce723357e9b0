"""What `await` does to each kind of value: two points, the fault before the effect, and the end."""

from __future__ import annotations

from flake8_asyncwait.analysis.code.exceptions import (
    ANY,
    CANCELLED_ERROR,
    GENERATOR_EXIT,
    TIMEOUT_ERROR,
    Exc,
)
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.handover import hand_over
from flake8_asyncwait.analysis.machine.machine import Context, Machine, Results
from flake8_asyncwait.analysis.semantics.helpers import run_coroutine
from flake8_asyncwait.analysis.semantics.items import as_task
from flake8_asyncwait.analysis.semantics.waits import concluded, join_wait, run_wait
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.completion import Flow, raising
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    ASKED,
    ENDED,
    MAYBE_ASKED,
    UNKNOWN,
    Box,
    Const,
    Coroutine,
    Gather,
    Param,
    Ref,
    Shielded,
    Status,
    Task,
    TimeLimited,
    Value,
    Waiting,
    WaitTask,
)


def await_value(machine: Machine, state: State, value: Value, line: int, ctx: Context) -> Results:
    """All ways in which `await value` may go on; abrupt ends go to the context."""
    machine.books.awaited(state, value, line, ctx.frame.func)
    before, machine.striking = machine.striking, fanout.striking(machine, state, value)
    results = _await_value(machine, state, value, line, ctx)
    machine.striking = before
    return results


def _await_value(machine: Machine, state: State, value: Value, line: int, ctx: Context) -> Results:
    if isinstance(value, Param):
        state, value = as_task(machine, state, value)
    thing = state.get(value)
    if isinstance(value, Waiting):
        return run_wait(machine, state, value, line, ctx)
    if isinstance(value, Coroutine):
        return run_coroutine(machine, state, value, line, ctx)
    if isinstance(value, Shielded):
        return _await_shielded(machine, state, value, line, ctx)
    if isinstance(value, TimeLimited):
        return _await_limited(machine, state, value.inner, line, ctx)
    if isinstance(value, Ref):
        if type(thing) is Task:
            return _await_task(machine, state, value, line, ctx)
        if type(thing) is Gather:
            return _await_gather(machine, state, value, line, ctx)
        if type(thing) is WaitTask:
            return _await_wait_task(machine, state, value, line, ctx)
    if isinstance(value, Const) or (type(thing) is Box and not thing.escaped):
        machine.fail(state, ctx, Exc("TypeError"))
        return []
    return machine.suspend(state, line, ctx)


def _await_task(machine: Machine, state: State, ref: Ref, line: int, ctx: Context) -> Results:
    task = state.task(ref)
    if task.status in ENDED:
        return result_of(machine, state, ref, line, ctx)
    later = state.suspended()
    if task.status in ASKED:
        cancelled = effects.with_status(later, ref, Status.CANCELLED)
        machine.fail(cancelled, ctx, CANCELLED_ERROR)
        if task.status not in MAYBE_ASKED:
            return []
        return result_of(machine, effects.with_status(later, ref, Status.DONE), ref, line, ctx)
    if not task.safe:
        machine.fault(state, ctx, line, (ANY,), effects.with_status(later, ref, Status.FAILED))
    machine.fault(
        state, ctx, line, (CANCELLED_ERROR,), effects.with_status(later, ref, Status.CANCELLED)
    )
    return [(effects.with_status(later, ref, Status.OK), UNKNOWN)]


def result_of(machine: Machine, state: State, ref: Ref, line: int, ctx: Context) -> Results:
    """`.result()` of a task, or an await of one that is done."""
    status = state.task(ref).status
    if status == Status.OK or (status == Status.DONE and state.task(ref).safe):
        return [(state, UNKNOWN)]
    if status == Status.FAILED:
        machine.fail(state, ctx, ANY)
        return []
    if status == Status.CANCELLED:
        machine.fail(state, ctx, CANCELLED_ERROR)
        return []
    if status == Status.DONE:
        machine.fault(state, ctx, line, (ANY,), effects.with_status(state, ref, Status.FAILED))
        return [(effects.with_status(state, ref, Status.OK), UNKNOWN)]
    machine.fail(effects.not_ended(state, ref), ctx, Exc("InvalidStateError"))
    if status == Status.MAYBE or status in MAYBE_ASKED:
        return result_of(machine, effects.with_status(state, ref, Status.DONE), ref, line, ctx)
    return []


def _await_gather(machine: Machine, state: State, value: Ref, line: int, ctx: Context) -> Results:
    gather = state.gather(value)
    refs = effects.tasks_of(state, value)
    statuses = [state.task(ref).status for ref in refs]
    unknown = _has_unknown(state, gather)
    waits = any(status not in ENDED for status in statuses) or unknown
    later = state.suspended() if waits else state
    if waits:
        machine.fault(
            state, ctx, line, (CANCELLED_ERROR,), effects.end_all(later, value, Status.CANCELLED)
        )
    if gather.quiet:
        return [(effects.end_all(later, value, Status.DONE), UNKNOWN)]
    if any(status in ASKED or status == Status.CANCELLED for status in statuses):
        machine.fail(_end_asked(later, refs), ctx, CANCELLED_ERROR)
        if any(s == Status.CANCELLED or s in ASKED - MAYBE_ASKED for s in statuses):
            return []
        for ref, status in zip(refs, statuses, strict=True):
            if status in MAYBE_ASKED:
                later = effects.with_status(later, ref, Status.DONE)
    if Status.FAILED in statuses:
        machine.fail(later, ctx, ANY)
        return []
    machine.striking = fanout.CHILD if gather.site else machine.striking
    for ref, _ in effects.choices(state, tuple(refs)):
        if state.task(ref).status != Status.OK and not state.task(ref).safe:
            failed = effects.with_status(later, ref, Status.FAILED)
            machine.fault(state, ctx, line, (ANY,), fanout.failing(machine, failed, value))
    if unknown and not (refs and all(state.task(ref).safe for ref in refs)):
        machine.fault(state, ctx, line, (ANY,), fanout.failing(machine, later, value))
    return [(effects.end_all(later, value, Status.OK), UNKNOWN)]


def _has_unknown(state: State, gather: Gather) -> bool:
    """Whether there may be unknown children. A gather of nothing at all is done at once."""
    inner = (state.get(child) for child in gather.children)
    nested = (one for one in inner if type(one) is Gather)
    return gather.open or any(_has_unknown(state, one) for one in nested)


def _end_asked(state: State, refs: list[Ref]) -> State:
    for ref in refs:
        if state.task(ref).status in ASKED:
            state = effects.with_status(state, ref, Status.CANCELLED)
    return state


def _await_shielded(
    machine: Machine, state: State, shielded: Shielded, line: int, ctx: Context
) -> Results:
    """A cancellation of the await leaves what is shielded running."""
    inner = shielded.inner
    if isinstance(inner, Waiting):
        return run_wait(machine, state, inner, line, ctx)
    if shielded.timed:
        machine.time_out(state.suspended(), line, ctx)
    refs = effects.tasks_of(state, inner)
    if not refs:
        return machine.suspend(hand_over(machine, state, inner, ctx), line, ctx)
    if effects.ended(state, inner):
        return _await_value(machine, state, inner, line, ctx)
    machine.fault(state, ctx, line, (CANCELLED_ERROR,), state.suspended())
    return _without_cancellation(machine, state, inner, line, ctx)


def _without_cancellation(
    machine: Machine, state: State, inner: Value, line: int, ctx: Context
) -> Results:
    """Await `inner` where only its own failure, not a cancellation from outside, can strike."""
    flow = Flow()
    results = _await_value(machine, state, inner, line, ctx.into(flow))
    for completion, states in flow:
        for end in states:
            if completion != raising(CANCELLED_ERROR) or end.fault == state.fault:
                ctx.out.add(completion, end)
    return results


def _await_limited(
    machine: Machine, state: State, inner: Value, line: int, ctx: Context
) -> Results:
    """`wait_for(inner, t)`: the time may run out, which cancels what is not shielded."""
    if isinstance(inner, Waiting):
        limited = Context(ctx.frame, ctx.out, ctx.handling, ctx.cleanup, True)
        return run_wait(machine, state, inner, line, limited)
    if isinstance(inner, Param):
        state, inner = as_task(machine, state, inner)
    target = inner.inner if isinstance(inner, Shielded) else inner
    if fanout.is_timed(machine, ctx.frame.func, line):
        late = effects.end_all(state.suspended(), inner, Status.CANCELLED)
        machine.time_out(late, line, ctx)
    if effects.tasks_of(state, target) and not effects.ended(state, target):
        late = state.suspended()
        if not isinstance(inner, Shielded):
            late = effects.end_all(late, target, Status.CANCELLED)
        machine.fault(state, ctx, line, (TIMEOUT_ERROR,), late)
    return await_value(machine, state, inner, line, ctx)


def _await_wait_task(machine: Machine, state: State, ref: Ref, line: int, ctx: Context) -> Results:
    """A wait in a task of its own: what it waits for runs on, whatever ends that task."""
    task = state.wait_task(ref)
    status = state.task(task.task).status
    if status not in ENDED and status not in ASKED:
        return join_wait(machine, state, ref, line, ctx)
    ways = _await_task(machine, state, task.task, line, ctx)
    ends = [end for after, _ in ways for end in concluded(machine, after, ref)]
    return [(end, end.wait_task(ref).result or UNKNOWN) for end in ends]


def yield_value(machine: Machine, state: State, value: Value, line: int, ctx: Context) -> Results:
    """A yield hands its value over; the generator may be closed at it, or thrown into."""
    if ctx.frame.on_yield is not None:
        return [(after, UNKNOWN) for after in ctx.frame.on_yield(state, value, ctx)]
    state = hand_over(machine, state, value, ctx)
    later = state.suspended()
    machine.fault(state, ctx, line, (GENERATOR_EXIT, ANY), later)
    return [(later, UNKNOWN)]
