"""Calls that make tasks and futures, and the methods of these."""

from __future__ import annotations

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import CANCELLED_ERROR, Exc
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.books import AWAITED
from flake8_asyncwait.analysis.machine.handover import cancel, cancel_all, hand_over, unknown_call
from flake8_asyncwait.analysis.machine.machine import Args, Context, Machine, Results
from flake8_asyncwait.analysis.semantics.awaits import await_value, result_of
from flake8_asyncwait.analysis.semantics.items import as_items, as_task, new_task
from flake8_asyncwait.analysis.semantics.truth import truth
from flake8_asyncwait.analysis.semantics.waits import (
    concluded,
    describe,
    start_wait,
    waited_elements,
)
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.completion import Flow
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.trace import WAITING
from flake8_asyncwait.analysis.states.values import (
    ASKED,
    BORROWED,
    COLLECTION,
    ENDED,
    FUTURE,
    MAYBE_ASKED,
    OWNED,
    UNKNOWN,
    AsCompleted,
    Asked,
    Box,
    Const,
    Coroutine,
    Gather,
    Loop,
    Owner,
    Param,
    Primitive,
    Raised,
    Ref,
    Result,
    Shielded,
    Status,
    Task,
    TimeLimited,
    Value,
    Waiting,
    WaitTask,
)
from flake8_asyncwait.sites.fanout import AS_COMPLETED, WAIT


def make_task(
    machine: Machine,
    node: ir.Call,
    coroutine: Value,
    state: State,
    ctx: Context,
    owner: Owner = OWNED,
) -> Results:
    """A new task around a coroutine: what the coroutine was given, it can reach."""
    if isinstance(coroutine, Waiting):
        state, _, box = as_items(machine, state, coroutine.waited)
        coroutine = coroutine._replace(waited=box)
        if coroutine.site >= 0:
            state, elements, opened = waited_elements(machine, state, coroutine)
            state = start_wait(machine, state, coroutine.site, elements, opened)
            state = state.step(coroutine.line, "the wait starts", WAITING)
        made = new_task(machine, state, owner, node)
        return [
            after.new(WaitTask(coroutine, task)) for after, task in made if isinstance(task, Ref)
        ]
    is_safe = isinstance(coroutine, Coroutine) and fanout.is_safe(machine, coroutine)
    state = hand_over(machine, state, coroutine, ctx)
    made = new_task(machine, state, owner, node, is_safe)
    runs = _runs(node)
    if runs not in machine.facts.questioned:
        return made
    return [
        (end.put(ref, end.task(ref)._replace(runs=runs)), ref)
        for end, ref in made
        if isinstance(ref, Ref)
    ]


def _runs(node: ir.Call) -> str:
    """The dotted text of the method of which a task is made."""
    call = node.args[0].value if node.args else None
    path = call.func.path if isinstance(call, ir.Call) and isinstance(call.func, ir.Attr) else None
    return ".".join(path or ())


def create_task(machine: Machine, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
    return make_task(machine, node, args.first(), state, ctx)


def ensure_future(
    machine: Machine, node: ir.Call, args: Args, state: State, ctx: Context
) -> Results:
    value = args.first()
    func = machine.func
    if isinstance(value, Param) and value.name in func.coroutines - {func.star}:
        return make_task(machine, node, value, state, ctx)
    if func.star in func.coroutines and _is_of(state, value, func.star):
        return make_task(machine, node, value, state, ctx)
    return _ensured(machine, node, value, state, ctx)


def _is_of(state: State, value: Value, parameter: str | None) -> bool:
    """Whether a value is one of the things that a parameter holds."""
    task = state.get(value)
    return type(task) is Task and task.owner in (
        Owner(COLLECTION, parameter or ""),
        Owner(BORROWED, parameter or ""),
    )


def _ensured(machine: Machine, node: ir.Call, value: Value, state: State, ctx: Context) -> Results:
    """A coroutine call becomes a task of this function, a constant raises, and anything else
    stays what it is."""
    if type(state.get(value)) is WaitTask:  # what takes it knows nothing of what it waits for
        machine.books.used(state, value, AWAITED, node.line)
    if isinstance(value, Const):
        machine.fail(state, ctx, Exc("TypeError"))
        return []
    if isinstance(value, (Coroutine, Waiting, TimeLimited)):
        return make_task(machine, node, value, state, ctx)
    if isinstance(value, Result) and not fanout.is_task(machine, value):
        return make_task(machine, node, value, state, ctx)
    return [(state, value)]


def make_future(machine: Machine, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
    for value in args.every():
        state = hand_over(machine, state, value, ctx)
    return new_task(machine, state, FUTURE, node)


def gather_all(machine: Machine, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
    quiet = truth(args.keywords.get("return_exceptions", Const(False)), state)
    outer, machine.batch = machine.batch, max(machine.batch, len(args.positional))
    ways: list[tuple[State, list[Value]]] = [(state, [])]
    awaitables, is_open = fanout.awaitables(machine, node, args)
    for value in awaitables:
        after: list[tuple[State, list[Value]]] = []
        for before, children in ways:
            for later, child in _ensured(machine, node, value, before, ctx):
                if isinstance(child, Param):
                    later, child = as_task(machine, later, child)
                kept = isinstance(child, Ref) and type(later.get(child)) in (Task, Gather, WaitTask)
                after.append((later, [*children, child] if kept else children))
        ways = after
    machine.batch = outer
    made = [
        later.new(
            Gather(
                tuple(dict.fromkeys(children)),
                quiet is not False,
                is_open or len(children) < len(awaitables),
            )
        )
        for later, children in ways
    ]
    return [(fanout.gathered(machine, node, after, ref, state), ref) for after, ref in made]


def shielded(machine: Machine, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
    return [
        (after, Shielded(inner))
        for after, inner in _ensured(machine, node, args.first(), state, ctx)
    ]


def time_limited(
    machine: Machine, node: ir.Call, args: Args, state: State, ctx: Context
) -> Results:
    value = args.positional[0] if args.positional else args.keywords.get("fut", UNKNOWN)
    timeout = args.positional[1] if len(args.positional) > 1 else args.keywords.get("timeout")
    return [(state, value if timeout == Const(None) else TimeLimited(value))]


def as_completed(
    machine: Machine, node: ir.Call, args: Args, state: State, ctx: Context
) -> Results:
    if machine.site.kind is WAIT:
        return [(state, AsCompleted(args.first()))]
    is_timed = args.keywords.get("timeout", Const(None)) != Const(None)
    if node is not machine.site.call:
        return [(state, AsCompleted(args.first(), is_timed))]
    return [
        (after.step(node.line, fanout.STARTS[AS_COMPLETED]), AsCompleted(waited, is_timed, True))
        for after, waited in _tasks_in(machine, node, args.first(), state, ctx)
    ]


def _tasks_in(machine: Machine, node: ir.Call, value: Value, state: State, ctx: Context) -> Results:
    """A collection of awaitables, with the tasks that `as_completed` makes of coroutines."""
    state, items, source = as_items(machine, state, value)
    box = state.get(source)
    if items is None or type(box) is not Box:
        return [(state, value)]
    ways: list[tuple[State, list[Value]]] = [(state, [])]
    items = fanout.repeated(machine, items) if box.open else items
    kept, is_open = fanout.telling(machine, items, box.open)
    for item in kept:
        ways = [
            (later, [*children, child])
            for before, children in ways
            for later, child in _ensured(machine, node, item, before, ctx)
        ]
    return [after.new(Box(list, tuple(children), is_open)) for after, children in ways]


def run_main(machine: Machine, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
    """`asyncio.run(...)`: what is left running when it ends, it cancels."""
    value = args.first()
    if isinstance(value, Waiting):
        return [(hand_over(machine, state, value, ctx), UNKNOWN)]
    return unknown_call(machine, node, args, state, ctx)


def event_loop(machine: Machine, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
    return [(state, Loop())]


def sleep(machine: Machine, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
    return [(state, Result(machine.origin(node), "asyncio.sleep()"))]


def primitive(
    methods: tuple[str, ...],
    machine: Machine,
    node: ir.Call,
    args: Args,
    state: State,
    ctx: Context,
) -> Results:
    """A queue or an event: these of its methods are coroutines."""
    return [(state, Primitive(methods))]


def factory(machine: Machine, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
    for value in args.every():
        state = hand_over(machine, state, value, ctx)
    return new_task(machine, state, OWNED, node)


def canceller(machine: Machine, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
    for value in args.every():
        state = cancel_all(machine, state, value, node.line)
    return unknown_call(machine, node, args, state, ctx)


def run_until_complete(
    machine: Machine, node: ir.Call, args: Args, state: State, ctx: Context
) -> Results:
    """Runs a wait from a function that is no coroutine: nothing can cancel it there."""
    value = args.first()
    if not isinstance(value, (Waiting, TimeLimited)):
        return unknown_call(machine, node, args, state, ctx)
    flow = Flow()
    results = await_value(machine, state, value, node.line, ctx.into(flow))
    for completion, states in flow:
        ctx.out.add(completion, *(end for end in states if end.fault == state.fault))
    return results


def task_cancel(machine: Machine, node: ir.Call, ref: Ref, state: State, ctx: Context) -> Results:
    thing = state.heap[ref.id]
    if type(thing) is Gather and thing.failed:
        return [(state.step(node.line, fanout.VAIN_CANCEL), Const(False))]
    if not effects.ended(state, ref):
        state = state.step(node.line, f"{describe(machine, state, ref)} is asked to cancel")
    statuses = {state.task(r).status for r in effects.tasks_of(state, ref)}
    known: Value = UNKNOWN
    if statuses and statuses <= ENDED:
        known = Const(False)
    elif statuses and Status.MAYBE not in statuses and not statuses & (ENDED | ASKED):
        known = Const(True)
    elif type(state.heap[ref.id]) is Task and statuses == {Status.MAYBE}:
        known = Asked(ref)
    return [(cancel(machine, state, ref, node.line), known)]


def task_done(machine: Machine, node: ir.Call, ref: Ref, state: State, ctx: Context) -> Results:
    """`.done()`: what was running when time last passed may have ended since."""
    thing = state.heap[ref.id]
    if type(thing) is WaitTask:
        return _wait_done(machine, ref, state)
    if type(thing) is Gather:
        if thing.failed:
            return [(state, Const(True))]
        return _gather_done(machine, ref, state)
    return _one_done(machine, ref, state)


def _wait_done(machine: Machine, ref: Ref, state: State) -> Results:
    results: Results = []
    for after, known in _one_done(machine, state.wait_task(ref).task, state):
        results += [(end, known) for end in concluded(machine, after, ref)]
    return results


def _wait_result(machine: Machine, ref: Ref, state: State, ctx: Context) -> Results:
    """`.result()` of a task that runs a wait, which does not fail."""
    results: Results = []
    for after, known in _wait_done(machine, ref, state):
        task = after.wait_task(ref)
        if known != Const(True):
            machine.fail(after, ctx, Exc("InvalidStateError"))
        elif task.result is None:
            machine.fail(after, ctx, CANCELLED_ERROR)
        else:
            results.append((after, task.result))
    return results


def _one_done(machine: Machine, ref: Ref, state: State) -> Results:
    status = state.task(ref).status
    if status in ENDED:
        return [(state, Const(True))]
    if status in (Status.RUNNING, Status.CANCELLING):
        return [(state, Const(False))]
    machine.free_choices += not state.task(ref).waited
    ends = {Status.CANCELLED} if status in ASKED else {Status.DONE}
    if status in MAYBE_ASKED:  # it had ended before, or it may have ended since
        ends = (
            {Status.DONE} if status == Status.MAYBE_CANCELLING else {Status.DONE, Status.CANCELLED}
        )
    return [
        *((effects.with_status(state, ref, end), Const(True)) for end in sorted(ends)),
        (effects.not_ended(state, ref), Const(False)),
    ]


def _gather_done(machine: Machine, ref: Ref, state: State) -> Results:
    results: Results = []
    ways = [state]
    for child in effects.tasks_of(state, ref):
        ends = [end for way in ways for end in _one_done(machine, child, way)]
        results += [(end, known) for end, known in ends if known == Const(False)]
        ways = [end for end, known in ends if known == Const(True)]
    return results + [(way, Const(True)) for way in ways]


def task_cancelled(
    machine: Machine, node: ir.Call, ref: Ref, state: State, ctx: Context
) -> Results:
    thing = state.heap[ref.id]
    if type(thing) is not Task:
        return [(state, UNKNOWN)]
    if thing.status == Status.CANCELLED:
        return [(state, Const(True))]
    if thing.status in (Status.OK, Status.FAILED, Status.RUNNING, Status.CANCELLING):
        return [(state, Const(False))]
    return [(effects.with_status(state, ref, Status.CANCELLED), Const(True)), (state, Const(False))]


def task_result(machine: Machine, node: ir.Call, ref: Ref, state: State, ctx: Context) -> Results:
    thing = state.heap[ref.id]
    if type(thing) is WaitTask:
        return _wait_result(machine, ref, state, ctx)
    if type(thing) is Gather:
        if effects.ended(state, ref):
            return await_value(machine, state, ref, node.line, ctx)
        machine.fail(state, ctx, Exc("InvalidStateError"))
        statuses = {state.task(child).status for child in effects.tasks_of(state, ref)}
        if not statuses <= ENDED | {Status.MAYBE}:
            return []
        done = effects.end_all(state, ref, Status.DONE)
        return await_value(machine, done, ref, node.line, ctx) if statuses else [(done, UNKNOWN)]
    return result_of(machine, state, ref, node.line, ctx)


def task_exception(
    machine: Machine, node: ir.Call, ref: Ref, state: State, ctx: Context
) -> Results:
    """`.exception()`: a free branch on a done task; None means that it does not fail later."""
    if type(state.heap[ref.id]) is WaitTask:
        return [(end, Const(None)) for end, _ in _wait_result(machine, ref, state, ctx)]
    if type(state.heap[ref.id]) is not Task:
        return [(state, UNKNOWN)]
    status = state.task(ref).status
    if status == Status.OK:
        return [(state, Const(None))]
    if status == Status.FAILED:
        return [(state, Raised(Exc("")))]
    if status == Status.CANCELLED:
        machine.fail(state, ctx, Exc("CancelledError"))
        return []
    if status != Status.DONE:
        machine.fail(effects.not_ended(state, ref), ctx, Exc("InvalidStateError"))
        if status != Status.MAYBE:
            return []
    return [
        (effects.with_status(state, ref, Status.OK), Const(None)),
        (effects.with_status(state, ref, Status.FAILED), Raised(Exc(""))),
    ]
