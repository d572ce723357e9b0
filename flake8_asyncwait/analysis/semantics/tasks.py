"""Calls that make tasks and futures, and the methods of these."""

from __future__ import annotations

from collections.abc import Callable

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import CANCELLED_ERROR, Exc
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.books import AWAITED, TOLD_WHY
from flake8_asyncwait.analysis.machine.execute import in_turn
from flake8_asyncwait.analysis.machine.handover import (
    cancel,
    hand_over,
    hand_over_args,
    unknown_call,
)
from flake8_asyncwait.analysis.machine.machine import Args, Context, Results
from flake8_asyncwait.analysis.semantics.awaits import await_value, result_of
from flake8_asyncwait.analysis.semantics.items import as_items, as_task, is_surely_task, new_task
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
    LATE,
    MAYBE_ASKED,
    OWNED,
    PROMPT,
    UNKNOWN,
    AsCompleted,
    Asked,
    Box,
    Const,
    Coroutine,
    Gather,
    Instance,
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
from flake8_asyncwait.sites.fanout import AS_COMPLETED

TaskRule = Callable[[Context, ir.Call, Ref, State], Results]
_NOT_CANCELLED = frozenset(
    {Status.OK, Status.FAILING, Status.FAILED, Status.RUNNING, Status.CANCELLING}
)


def make_task(ctx: Context, node: ir.Call, coroutine: Value, state: State) -> Results:
    """A new task around a coroutine: what the coroutine was given, it can reach."""
    if isinstance(coroutine, Waiting):
        state, items, box = as_items(ctx, state, coroutine.waited)
        if items == () and not state.is_open(box):
            return _failed(new_task(ctx, state, OWNED, node))
        coroutine = coroutine._replace(waited=box)
        if coroutine.site >= 0:
            state, elements, opened = waited_elements(ctx, state, coroutine)
            state = start_wait(ctx, state, coroutine.site, elements, opened)
            state = state.step(coroutine.line, "the wait starts", WAITING)
        made = new_task(ctx, state, OWNED, node, is_safe=True)
        return [
            after.new(WaitTask(coroutine, task)) for after, task in made if isinstance(task, Ref)
        ]
    state = hand_over(ctx, state, coroutine)
    owner = PROMPT if fanout.is_over_at_once(ctx, coroutine) else OWNED
    made = new_task(ctx, state, owner, node, fanout.is_safe(ctx, coroutine))
    runs = ctx.machine.books.method_of(coroutine.origin) if isinstance(coroutine, Result) else ""
    if runs not in ctx.machine.facts.questioned:
        return made
    return [
        (end.put(ref, end.task(ref)._replace(runs=runs)), ref)
        for end, ref in made
        if isinstance(ref, Ref)
    ]


def _failed(made: Results) -> Results:
    """A wait for nothing raises as soon as it runs: its task fails, and that is no fault."""
    return [
        (effects.with_status(after, task, Status.FAILED), task)
        for after, task in made
        if isinstance(task, Ref)
    ]


def create_task(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    made = make_task(ctx, node, args.first("coro"), state)
    return [
        (effects.named(end, task, args.keywords.get("name", UNKNOWN)), task) for end, task in made
    ]


def ensure_future(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    value = args.first("coro_or_future")
    func = ctx.machine.func
    if isinstance(value, Param) and value.name in func.coroutines - {func.star}:
        return make_task(ctx, node, value, state)
    if func.star in func.coroutines and _is_of(state, value, func.star):
        return make_task(ctx, node, value, state)
    return _ensured(ctx, node, value, state)


def _is_of(state: State, value: Value, parameter: str | None) -> bool:
    """Whether a value is one of the things that a parameter holds."""
    task = state.get(value)
    return type(task) is Task and task.owner in (
        Owner(COLLECTION, parameter or ""),
        Owner(BORROWED, parameter or ""),
    )


def _ensured(ctx: Context, node: ir.Call, value: Value, state: State) -> Results:
    """A coroutine call becomes a task of this function, a constant raises, and anything else
    stays what it is."""
    if type(state.get(value)) is WaitTask:  # what takes it knows nothing of what it waits for
        ctx.machine.books.used(state, value, AWAITED, node.line)
    if isinstance(value, Const):
        ctx.fail(state, Exc("TypeError"))
        return []
    if isinstance(value, (Coroutine, Waiting, TimeLimited)):
        return make_task(ctx, node, value, state)
    if isinstance(value, Result) and not fanout.is_task(ctx, value):
        made = make_task(ctx, node, value, state)
        if not value.coroutine:
            for after, task in made:
                ctx.machine.books.ensured(after, task, _calls_a_variable(ctx, node))
        return made
    return [(state, value)]


def _calls_a_variable(ctx: Context, node: ir.Call) -> bool:
    """Whether what is given to a call is what a variable of the function returns, which may be
    bound to whatever makes, or has, something to await."""
    given = node.args[0].value if node.args else None
    func = given.func if isinstance(given, ir.Call) else None
    return isinstance(func, ir.Name) and func.id in ctx.frame.func.assigned


def make_future(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    return new_task(ctx, hand_over_args(ctx, args, state), FUTURE, node)


def gather_all(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    given = any(arg.star == 2 for arg in node.args)  # perhaps `return_exceptions`
    quiet = truth(args.keywords.get("return_exceptions", UNKNOWN if given else Const(False)), state)
    outer, ctx.machine.batch = ctx.machine.batch, max(ctx.machine.batch, len(args.positional))
    awaitables, is_open = fanout.awaitables(ctx, node, args)
    ways = in_turn(state, awaitables, lambda before, one: _child(ctx, node, one, before))
    ctx.machine.batch = outer
    results: Results = []
    for after, values in ways:
        children = [v for v in values if _is_joined(after, v)]
        shielded = [v.inner for v in values if type(v) is Shielded and _is_joined(after, v.inner)]
        opened = is_open or len(children) + len(shielded) < len(values)
        kept = tuple(dict.fromkeys(shielded))
        gather = Gather(tuple(dict.fromkeys(children)), quiet is not False, kept, opened)
        later, ref = after.new(gather)
        results.append((fanout.gathered(ctx, node, later, ref, state), ref))
    return results


def _is_joined(state: State, value: Value) -> bool:
    return type(state.get(value)) in (Task, Gather, WaitTask)


def _child(ctx: Context, node: ir.Call, value: Value, state: State) -> Results:
    """A child of a gather: what a parameter holds is taken for a task."""
    ways = _ensured(ctx, node, value, state)
    return [as_task(ctx, *way) if isinstance(way[1], Param) else way for way in ways]


def shielded(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    ways = _ensured(ctx, node, args.first("arg"), state)
    return [(after, Shielded(inner)) for after, inner in ways]


def time_limited(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    value = args.first("fut")
    timeout = args.positional[1] if len(args.positional) > 1 else args.keywords.get("timeout")
    return [(state, value if timeout == Const(None) else TimeLimited(value))]


def as_completed(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    given = args.first("fs")
    if not ctx.machine.is_family:
        return [(state, AsCompleted(given))]
    is_timed = args.keywords.get("timeout", Const(None)) != Const(None)
    if node is not ctx.machine.site.call:
        return [(state, AsCompleted(given, is_timed))]
    return [
        (after.step(node.line, fanout.STARTS[AS_COMPLETED]), AsCompleted(waited, is_timed, True))
        for after, waited in _tasks_in(ctx, node, given, state)
    ]


def _tasks_in(ctx: Context, node: ir.Call, value: Value, state: State) -> Results:
    """A collection of awaitables, with the tasks that `as_completed` makes of coroutines."""
    state, items, source = as_items(ctx, state, value)
    box = state.get(source)
    if items is None or type(box) is not Box:
        return [(state, value)]
    items = fanout.as_many(ctx, items) if box.open else items
    kept, is_open = fanout.telling(ctx, items, box.open)
    if any(isinstance(item, Result) and not item.coroutine for item in kept):
        ctx.machine.books.guesses()
    ways = in_turn(state, kept, lambda before, item: _ensured(ctx, node, item, before))
    return [after.new(Box(list, tuple(children), is_open)) for after, children in ways]


def instance(kind: str, ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """An object whose methods are a table of `known.INSTANCES`."""
    return [(state, Instance(kind))]


def every_task(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """`all_tasks()` has all that still run: nobody knows which of them are picked out."""
    running = (Ref(number) for number, thing in state.heap.items() if type(thing) is Task)
    for task in tuple(running):
        state = hand_over(ctx, state, task)
    return [(state, Result(ctx.machine.origin(node)))]


def cancelling(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """How often the task that runs the function is asked to cancel: a fault alone does that."""
    if ctx.machine.facts.recounts:
        return [(state, UNKNOWN)]
    if state.fault is None:
        return [(state, Const(0))]
    return [(state, Const(int(state.fault.exc == CANCELLED_ERROR.name)))]


def sleep(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    return [(state, Result(ctx.machine.origin(node), "asyncio.sleep()"))]


def primitive(
    methods: tuple[str, ...], ctx: Context, node: ir.Call, args: Args, state: State
) -> Results:
    """A queue or an event: these of its methods are coroutines."""
    return [(state, Primitive(methods))]


def factory(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    return new_task(ctx, hand_over_args(ctx, args, state), OWNED, node)


def canceller(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """A function that the user says cancels every task that it is given."""
    for ref in effects.reached(state, tuple(args.every())):
        state = cancel(ctx, state, ref, node.line)
    return unknown_call(ctx, node, args, state)


def run_until_complete(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """Runs a wait from a function that is no coroutine: nothing can cancel it there."""
    value = args.first()
    if not isinstance(value, (Waiting, TimeLimited)):
        return unknown_call(ctx, node, args, state)
    flow = Flow()
    results = await_value(ctx.into(flow), state, value, node.line)
    for completion, states in flow:
        ctx.out.add(completion, *(end for end in states if end.fault == state.fault))
    return results


def task_cancel(ctx: Context, node: ir.Call, ref: Ref, state: State) -> Results:
    thing = state.heap[ref.id]
    if type(thing) is Gather and thing.error:
        return [(fanout.cancelled_in_vain(state, node.line), Const(False))]
    if node.args:
        ctx.machine.books.used(state, ref, TOLD_WHY, node.line)
    if not effects.ended(state, ref):
        state = state.step(node.line, f"{describe(ctx, state, ref)} is asked to cancel")
    statuses = {state.task(r).status for r in effects.tasks_of(state, ref)}
    known: Value = UNKNOWN
    if statuses and statuses <= ENDED:
        known = Const(False)
    elif effects.surely_runs(state, ref):
        known = Const(True)
    elif type(thing) is not Gather:
        known = Asked(ref, again=Status.MAYBE not in statuses)
    elif statuses == {Status.MAYBE}:
        ways = task_done(ctx, node, ref, state)
        return [
            (cancel(ctx, end, ref, node.line), Const(done != Const(True))) for end, done in ways
        ]
    return [(cancel(ctx, state, ref, node.line), known)]


def answers(ctx: Context, state: State, value: Value) -> Results:
    """The ways in which a value that is asked for can be known: a cancel has struck, or the task
    had ended."""
    if not isinstance(value, Asked):
        return [(state, value)]
    (ref,) = effects.tasks_of(state, value.task)
    task = state.task(ref)
    if value.again and task.status in ENDED:  # by then, or since
        return [(state, UNKNOWN)]
    if not value.again and task.status not in MAYBE_ASKED:
        return [(state, Const(task.status not in ENDED or task.status == Status.CANCELLED))]
    ctx.machine.free_choices += not task.waited
    late = task.status in LATE  # it ran then, and may have ended since
    struck = Status.LATE_CANCELLING if late else Status.CANCELLING
    done = [effects.with_status(state, ref, Status.DONE)]
    ended = effects.may_have_ended(state, ref) if value.again else done
    ended = [end for way in ended for end in concluded(ctx, way, value.task)]
    return [
        (effects.with_status(state, ref, struck), Const(True)),
        *((end, Const(False)) for end in ended),
    ]


def of_class(rule: TaskRule, ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """A method of a task by its class: `asyncio.Task.cancel(task)`."""
    state, value = as_task(ctx, state, args.first())
    if isinstance(value, Ref) and effects.tasks_of(state, value):
        return rule(ctx, node, value, state)
    return unknown_call(ctx, node, args, state)


def task_done(ctx: Context, node: ir.Call, ref: Ref, state: State) -> Results:
    """`.done()`: what was running when time last passed may have ended since."""
    thing = state.heap[ref.id]
    if type(thing) is WaitTask:
        return _wait_done(ctx, ref, state)
    if type(thing) is Gather:
        return _gather_done(ctx, ref, state)
    return _one_done(ctx, ref, state)


def _wait_done(ctx: Context, ref: Ref, state: State) -> Results:
    ways = _one_done(ctx, state.wait_task(ref).task, state)
    return [(end, known) for after, known in ways for end in concluded(ctx, after, ref)]


def _wait_result(ctx: Context, ref: Ref, state: State) -> Results:
    """`.result()` of a task that runs a wait, which does not fail."""
    results: Results = []
    for after, known in _wait_done(ctx, ref, state):
        task = after.wait_task(ref)
        if known != Const(True):
            ctx.fail(after, Exc("InvalidStateError"))
        elif task.result is None:
            ctx.fail(after, CANCELLED_ERROR)
        else:
            results.append((after, task.result))
    return results


def _one_done(ctx: Context, ref: Ref, state: State) -> Results:
    task = state.task(ref)
    if task.owner == FUTURE and task.status in ASKED:  # it has no cleanup that would take time
        return [(way, Const(True)) for way in effects.ways_to_end(state, [ref])]
    status, is_known = task.status, task.status in ENDED | {Status.RUNNING, Status.CANCELLING}
    ctx.machine.free_choices += not (task.waited or (is_known and task.owner == OWNED))
    if is_known:
        return [(state, Const(status in ENDED))]
    return [
        *((end, Const(True)) for end in effects.may_have_ended(state, ref)),
        (effects.not_ended(state, ref), Const(False)),
    ]


def _gather_done(ctx: Context, ref: Ref, state: State) -> Results:
    if state.gather(ref).error:
        return [(state, Const(True))]
    if effects.surely_runs(state, ref):
        return [(state, Const(False))]
    results: Results = []
    ways = [state]
    for child in effects.joined(state, ref):
        ends = [end for way in ways for end in _one_done(ctx, child, way)]
        results += [(end, known) for end, known in ends if known == Const(False)]
        ways = [end for end, known in ends if known == Const(True)]
    return results + [(way, Const(True)) for way in ways]


def task_cancelled(ctx: Context, node: ir.Call, ref: Ref, state: State) -> Results:
    thing = state.heap[ref.id]
    if type(thing) is WaitTask:
        task = state.task(thing.task)
        if task.handed and task.status == Status.MAYBE and not task.waited:
            return task_cancelled(ctx, node, thing.task, state)  # it may have ended, or not
        if task.status not in ASKED | {Status.CANCELLED}:  # nobody else cancels it
            return [(state, Const(False))]
        return [
            (end, Const(end.task(thing.task).status == Status.CANCELLED))
            for end, _ in _wait_done(ctx, ref, state)
        ]
    if type(thing) is Gather:  # one whose child was cancelled holds that error
        return [(state, Const(False))]
    status = state.task(ref).status
    if status == Status.CANCELLED:
        return [(state, Const(True))]
    if status in _NOT_CANCELLED:
        return [(state, Const(False))]
    others = [effects.not_ended(state, ref) if status in ASKED else state]
    if status in MAYBE_ASKED:  # it may have ended before
        others.append(effects.with_status(state, ref, Status.DONE))
    struck = effects.with_status(state, ref, Status.CANCELLED)
    return [(struck, Const(True)), *((other, Const(False)) for other in others)]


def task_result(ctx: Context, node: ir.Call, ref: Ref, state: State) -> Results:
    thing = state.heap[ref.id]
    if type(thing) is WaitTask:
        return _wait_result(ctx, ref, state)
    if type(thing) is Gather:
        ends = _where_ended(ctx, ref, state)
        if not (thing.error or effects.joined(state, ref)):
            return [(end, UNKNOWN) for end in ends]
        return [way for end in ends for way in await_value(ctx, end, ref, node.line)]
    if not is_surely_task(thing) and state.task(ref).status == Status.MAYBE:
        return [(state, UNKNOWN)]  # it may be anything that has one
    return result_of(ctx, state, ref, node.line)


def _where_ended(ctx: Context, ref: Ref, state: State) -> list[State]:
    """The states where a gather has ended, once it is asked for its outcome; where it has not, that
    raises."""
    if effects.ended(state, ref):
        return [state]
    if state.gather(ref).open:  # what is not known may run
        ctx.fail(state, Exc("InvalidStateError"))
    ended: list[State] = []
    for way, known in _gather_done(ctx, ref, state):
        if known == Const(True):
            ended.append(way)
        else:
            ctx.fail(way, Exc("InvalidStateError"))
    return ended


def task_exception(ctx: Context, node: ir.Call, ref: Ref, state: State) -> Results:
    """`.exception()`: a free branch on a done task; None means that it does not fail later."""
    if type(state.heap[ref.id]) is WaitTask:
        return [(end, Const(None)) for end, _ in _wait_result(ctx, ref, state)]
    thing = state.heap[ref.id]
    if type(thing) is Gather:
        if thing.error:
            return [(state, Raised(thing.error))]
        ends = _where_ended(ctx, ref, state)
        return [way for end in ends for way in _gather_exception(end, ref)]
    status = state.task(ref).status
    if not is_surely_task(state.task(ref)) and status == Status.MAYBE:
        return [(state, UNKNOWN)]  # it may be anything that has one
    if status == Status.OK:
        return [(state, Const(None))]
    if status == Status.FAILED:
        return [(state, Raised(Exc("")))]
    if status == Status.CANCELLED:
        ctx.fail(state, Exc("CancelledError"))
        return []
    if status not in ENDED:
        ctx.fail(effects.not_ended(state, ref), Exc("InvalidStateError"))
        ends = effects.may_have_ended(state, ref)
        return [way for end in ends for way in task_exception(ctx, node, ref, end)]
    bad: Results = [(effects.with_status(state, ref, Status.FAILED), Raised(Exc("")))]
    if status == Status.FAILING:
        return bad
    good: Results = [(effects.with_status(state, ref, Status.OK), Const(None))]
    return good if state.task(ref).safe else [*good, *bad]


def _gather_exception(state: State, ref: Ref) -> Results:
    """`.exception()` of a gather that has ended: its first child's that failed."""
    gather = state.gather(ref)
    if gather.open or gather.quiet:
        return [(state, UNKNOWN)]
    ways = effects.where_one_fails(state, (ref,))
    failed: Results = [(effects.told(way, ref), Raised(Exc(""))) for way in ways]
    statuses = {state.task(child).status for child in effects.tasks_of(state, ref)}
    if not statuses <= {Status.DONE, Status.OK}:
        return failed or [(state, UNKNOWN)]
    return [(effects.end_all(state, ref, Status.OK), Const(None)), *failed]
