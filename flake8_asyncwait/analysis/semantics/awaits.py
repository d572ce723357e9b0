"""What `await` does to each kind of value: two points, the fault before the effect, and the end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from flake8_asyncwait.analysis.code.exceptions import (
    ANY,
    CANCELLED_ERROR,
    GENERATOR_EXIT,
    TIMEOUT_ERROR,
    Exc,
)
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.handover import hand_over
from flake8_asyncwait.analysis.machine.machine import Context, Results
from flake8_asyncwait.analysis.semantics.helpers import run_coroutine
from flake8_asyncwait.analysis.semantics.items import as_task
from flake8_asyncwait.analysis.semantics.waits import all_concluded, concluded, join_wait, run_wait
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


def await_value(ctx: Context, state: State, value: Value, line: int) -> Results:
    """All ways in which `await value` may go on; abrupt ends go to the context."""
    ctx.machine.books.awaited(state, value, line, ctx.frame.func)
    before, ctx.machine.striking = ctx.machine.striking, fanout.striking(ctx, state, value)
    results = _await_value(ctx, state, value, line)
    ctx.machine.striking = before
    return results


def _await_value(ctx: Context, state: State, value: Value, line: int) -> Results:
    if isinstance(value, Param):
        state, value = as_task(ctx, state, value)
    thing = state.get(value)
    if isinstance(value, Waiting):
        return run_wait(ctx, state, value, line)
    if isinstance(value, Coroutine):
        return run_coroutine(ctx, state, value, line)
    if isinstance(value, Shielded):
        return _await_shielded(ctx, state, value, line)
    if isinstance(value, TimeLimited):
        return _await_limited(ctx, state, value.inner, line)
    if isinstance(value, Ref):
        if type(thing) is Task:
            return _await_task(ctx, state, value, line)
        if type(thing) is Gather:
            return _await_gather(ctx, state, value, line)
        if type(thing) is WaitTask:
            return _await_wait_task(ctx, state, value, line)
    if isinstance(value, Const) or (type(thing) is Box and not thing.escaped):
        ctx.fail(state, Exc("TypeError"))
        return []
    return ctx.suspend(state, line, fanout.is_safe(ctx, value))


def _await_task(ctx: Context, state: State, ref: Ref, line: int) -> Results:
    task = state.task(ref)
    if task.status in ENDED:
        return result_of(ctx, state, ref, line)
    later = state.suspended()
    if task.status in ASKED:
        cancelled = effects.with_status(later, ref, Status.CANCELLED)
        ctx.fail(cancelled, CANCELLED_ERROR)
        if task.status not in MAYBE_ASKED:
            return []
        return result_of(ctx, effects.with_status(later, ref, Status.DONE), ref, line)
    if not task.safe:
        ctx.fault(state, line, (ANY,), effects.with_status(later, ref, Status.FAILED))
    ctx.fault(state, line, (CANCELLED_ERROR,), effects.with_status(later, ref, Status.CANCELLED))
    return [(effects.with_status(later, ref, Status.OK), UNKNOWN)]


def result_of(ctx: Context, state: State, ref: Ref, line: int) -> Results:
    """`.result()` of a task, or an await of one that is done."""
    status = state.task(ref).status
    if status == Status.OK or (status == Status.DONE and state.task(ref).safe):
        return [(state, UNKNOWN)]
    if status == Status.FAILED:
        ctx.fail(state, ANY)
        return []
    if status == Status.CANCELLED:
        ctx.fail(state, CANCELLED_ERROR)
        return []
    if status in (Status.DONE, Status.FAILING):
        failed = effects.with_status(state, ref, Status.FAILED)
        if status == Status.FAILING and state.fault:  # it had failed before that struck
            return result_of(ctx, failed, ref, line)
        ctx.fault(state, line, (ANY,), failed)
        if status == Status.FAILING:
            return []
        return [(effects.with_status(state, ref, Status.OK), UNKNOWN)]
    ctx.fail(effects.not_ended(state, ref), Exc("InvalidStateError"))
    ends = effects.may_have_ended(state, ref)
    return [way for end in ends for way in result_of(ctx, end, ref, line)]


def _await_gather(ctx: Context, state: State, value: Ref, line: int) -> Results:
    gather = state.gather(value)
    refs = effects.joined(state, value)
    statuses = [state.task(ref).status for ref in refs]
    if gather.error is not None:
        ctx.fail(state, gather.error)
        return []
    unknown = _has_unknown(state, gather)
    waits = any(status not in ENDED for status in statuses) or unknown
    later = state.suspended() if waits else state
    if waits:
        ctx.fault(state, line, (CANCELLED_ERROR,), effects.end_all(later, value, Status.CANCELLED))
    if gather.quiet:
        ways = effects.ways_to_end(later, [value])
        return [end for way in ways for end in _gather_over(ctx, way, value)]
    if any(status in ASKED or status == Status.CANCELLED for status in statuses):
        ended = _with_asked(later, refs, Status.CANCELLED)
        ctx.fail(effects.broken_off(ended, value, CANCELLED_ERROR), CANCELLED_ERROR)
        if any(s == Status.CANCELLED or s in ASKED - MAYBE_ASKED for s in statuses):
            return []
        later = _with_asked(later, refs, Status.DONE)  # before they were asked
    if Status.FAILED in statuses or (state.fault and Status.FAILING in statuses):
        ctx.fail(effects.broken_off(later, value, ANY), ANY)
        return []
    ctx.machine.striking = fanout.CHILD if gather.site else ctx.machine.striking
    for failed in _where_a_child_fails(state, later, refs, unknown):
        ctx.fault(state, line, (ANY,), fanout.failing(ctx, failed, value))
    if Status.FAILING in statuses:
        return []
    return _gather_over(ctx, effects.end_all(later, value, Status.OK), value)


def _gather_over(ctx: Context, ended: State, value: Ref) -> Results:
    """All children of a gather have ended, also those that are not known, and the waits that some
    of them run."""
    whole = ended.put(value, ended.gather(value)._replace(open=False))
    return [(way, UNKNOWN) for way in all_concluded(ctx, whole, whole.gather(value).children)]


def _has_unknown(state: State, gather: Gather) -> bool:
    """Whether there may be unknown children. A gather of nothing at all is done at once."""
    inner = (state.get(child) for child in gather.children)
    nested = (one for one in inner if type(one) is Gather)
    return gather.open or any(_has_unknown(state, one) for one in nested)


def _with_asked(state: State, refs: list[Ref], status: Status) -> State:
    """The state in which the tasks that were asked to cancel have another status."""
    for ref in refs:
        if state.task(ref).status in ASKED:
            state = effects.with_status(state, ref, status)
    return state


def _where_a_child_fails(
    state: State, later: State, refs: list[Ref], unknown: bool
) -> Iterator[State]:
    """The ways in which one of the children of a gather fails, of which some are `unknown`."""
    for ref, _ in effects.choices(state, tuple(refs)):
        if state.task(ref).status != Status.OK and not state.task(ref).safe:
            yield effects.with_status(later, ref, Status.FAILED)
    if unknown and not (refs and all(state.task(ref).safe for ref in refs)):
        yield later


def _await_shielded(ctx: Context, state: State, shielded: Shielded, line: int) -> Results:
    """A cancellation of the await leaves what is shielded running."""
    inner = shielded.inner
    if shielded.timed and not effects.ended(state, inner):
        ctx.time_out(state.suspended(), line)
    refs = effects.tasks_of(state, inner)
    if not refs:
        return ctx.suspend(hand_over(ctx, state, inner), line, fanout.is_safe(ctx, inner))
    if effects.ended(state, inner):
        return _await_value(ctx, state, inner, line)
    ctx.fault(state, line, (CANCELLED_ERROR,), state.suspended())
    return _without_cancellation(ctx, state, inner, line)


def _without_cancellation(ctx: Context, state: State, inner: Value, line: int) -> Results:
    """Await `inner` where only its own failure, not a cancellation from outside, can strike."""
    flow = Flow()
    results = _await_value(ctx.into(flow), state, inner, line)
    for completion, states in flow:
        for end in states:
            if completion != raising(CANCELLED_ERROR) or end.fault == state.fault:
                ctx.out.add(completion, end)
    return results


def _await_limited(ctx: Context, state: State, inner: Value, line: int) -> Results:
    """`wait_for(inner, t)`: the time may run out, which cancels what is not shielded."""
    if isinstance(inner, Waiting):
        return run_wait(replace(ctx, limited=True), state, inner, line)
    if isinstance(inner, Param):
        state, inner = as_task(ctx, state, inner)
    target = inner.inner if isinstance(inner, Shielded) else inner
    ended = effects.ended(state, target)  # takes no time
    if fanout.is_timed(ctx) and not ended:
        late = effects.end_all(state.suspended(), inner, Status.CANCELLED)
        ctx.time_out(late, line)
    if effects.tasks_of(state, target) and not ended:
        late = state.suspended()
        if not isinstance(inner, Shielded):
            late = effects.end_all(late, target, Status.CANCELLED)
        ctx.fault(state, line, (TIMEOUT_ERROR,), late)
    return await_value(ctx, state, inner, line)


def _await_wait_task(ctx: Context, state: State, ref: Ref, line: int) -> Results:
    """A wait in a task of its own: what it waits for runs on, whatever ends that task."""
    task = state.wait_task(ref)
    status = state.task(task.task).status
    if status not in ENDED and status not in ASKED:
        return join_wait(ctx, state, ref, line)
    ways = _await_task(ctx, state, task.task, line)
    ends = [end for after, _ in ways for end in concluded(ctx, after, ref)]
    return [(end, end.wait_task(ref).result or UNKNOWN) for end in ends]


def yield_value(ctx: Context, state: State, value: Value, line: int) -> Results:
    """A yield hands its value over; the generator may be closed at it, or thrown into."""
    if ctx.frame.on_yield is not None:
        return [(after, UNKNOWN) for after in ctx.frame.on_yield(state, value, ctx)]
    state = hand_over(ctx, state, value)
    later = state.suspended()
    ctx.fault(state, line, (GENERATOR_EXIT, ANY), later)
    return [(later, UNKNOWN)]
