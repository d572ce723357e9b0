"""Rules for `with`: timeouts, exit stacks, `suppress`, generators of the project."""

from __future__ import annotations

from dataclasses import replace

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import CANCELLED_ERROR, TIMEOUT_ERROR, Exc
from flake8_asyncwait.analysis.code.walk import last_name
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.books import HELPER_WORK, Decided, Undetermined
from flake8_asyncwait.analysis.machine.execute import evaluate, executes_all, run_block
from flake8_asyncwait.analysis.machine.handover import cancel
from flake8_asyncwait.analysis.machine.loss import merge
from flake8_asyncwait.analysis.machine.machine import MAX_DEPTH, Args, Context
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.binding import bind
from flake8_asyncwait.analysis.semantics.calls import arguments, stack_key
from flake8_asyncwait.analysis.semantics.helpers import (
    bind_arguments,
    bind_params,
    frame_for,
    function_of,
    run_body,
    without_frame,
)
from flake8_asyncwait.analysis.semantics.names import lookup
from flake8_asyncwait.analysis.semantics.statements import handle_all, manages
from flake8_asyncwait.analysis.states.completion import (
    BREAK,
    CONTINUE,
    RETURN,
    Completion,
    Flow,
    raising,
)
from flake8_asyncwait.analysis.states.keys import LEFT, YIELDED
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import UNKNOWN, Box, Function, Ref, Value
from flake8_asyncwait.sites.outline import EXPECTING, SUPPRESS


@executes_all(ir.With)
def _with(ctx: Context, node: ir.With, states: list[State]) -> list[State]:
    qualified = None
    if isinstance(node.item, ir.Call):
        qualified = ctx.machine.program.qualified(ctx.frame.func, node.item.func)
    if qualified == SUPPRESS or _expects_an_error(ctx, node):
        return _with_suppress(ctx, node, states)
    if qualified in known.TIMEOUTS and node.asynchronous:
        # One at a time: what a timeout turns into a TimeoutError struck inside of it.
        return [end for one in states for end in _with_timeout(ctx, node, one)]
    ends: list[State] = []
    others: list[State] = []
    for state in states:
        managed = _manager(ctx, node, state)
        if managed is not None:
            ends += managed
        else:
            others.append(state)
    return ends + _with_any(ctx, node, others)


def _enter_with(ctx: Context, node: ir.With, value: Value, state: State) -> list[State]:
    if node.target is None:
        return [state]
    return bind(ctx, node.target, value, state)


def _expects_an_error(ctx: Context, node: ir.With) -> bool:
    """Whether a block of a test is to raise something: that goes no further."""
    call = node.item
    if not isinstance(call, ir.Call) or last_name(call.func) not in EXPECTING:
        return False
    return not node.asynchronous and function_of(ctx, call) is None


def _with_suppress(ctx: Context, node: ir.With, states: list[State]) -> list[State]:
    """`with suppress(...): ...` is `try: ... except (...): pass`."""
    assert isinstance(node.item, ir.Call)
    given = [arg.value for arg in node.item.args if arg.keyword is None]
    if last_name(node.item.func) in EXPECTING:
        given = given[:1]  # behind the class is what the message is to match, or what is called
    kinds = ir.Display(tuple, [(kind, False) for kind in given])
    flow = Flow()
    ends = run_block(ctx.into(flow), node.body, states)
    passing = ir.Handler(kinds, None, [], node.line)
    return ends + handle_all(ctx, [passing], flow, ctx.out, node.line)


def _with_timeout(ctx: Context, node: ir.With, state: State) -> list[State]:
    """`asyncio.timeout()`: entering and leaving never suspends; a cancellation inside may be
    its own, and is a TimeoutError outside then, unless it is given None."""
    assert isinstance(node.item, ir.Call)
    delays = [arg.value for arg in node.item.args]
    timed = not any(isinstance(delay, ir.Const) and delay.value is None for delay in delays)
    ends: list[State] = []
    for after, _ in evaluate(ctx, node.item, state):
        for entered in _enter_with(ctx, node, UNKNOWN, after):
            flow = Flow()
            inside = ctx.into(flow)
            inside.limited = timed and _alone(node.body)
            ends += run_block(inside, node.body, [entered])
            for completion, states in flow:
                if completion.exc is not None:
                    states = [fanout.leaving(ctx, node, one) for one in states]
                ctx.out.add(completion, *states)
                if timed and completion == raising(CANCELLED_ERROR):
                    struck = [one for one in states if one.fault and not entered.fault]
                    ctx.out.add(raising(TIMEOUT_ERROR), *map(ctx.machine.timed_out, struck))
                    if fanout.is_timed(ctx):
                        late = [one.with_fault(None) for one in struck]
                        ctx.out.add(raising(TIMEOUT_ERROR), *late)
    return ends


def _alone(body: list[ir.Stmt]) -> bool:
    return len(body) == 1 and isinstance(body[0], (ir.ExprStmt, ir.Assign, ir.Return))


def _with_any(ctx: Context, node: ir.With, states: list[State]) -> list[State]:
    """Any other context manager lets exceptions through; an async one may fail at both ends."""
    entered: list[State] = []
    for state, _ in (way for one in states for way in evaluate(ctx, node.item, one)):
        if node.asynchronous:
            (state,) = ctx.suspend_all([state], node.line)
        inside = _enter_with(ctx, node, UNKNOWN, state)
        entered += [_enter_stack(ctx, node, one) for one in inside]
    flow = Flow()
    ends = run_block(ctx.into(flow), node.body, merge(ctx, entered, node.line))
    for completion, ended in flow:
        if completion.exc is not None:
            ended = [fanout.leaving(ctx, node, state) for state in ended]
        ctx.out.add(completion, *_exits(ctx, node, ended))
    return _exits(ctx, node, ends)


def _enter_stack(ctx: Context, node: ir.With, state: State) -> State:
    """An exit stack keeps what is to be cancelled when it is left."""
    func = node.item.func if isinstance(node.item, ir.Call) else None
    if func is None or not isinstance(node.target, ir.Name):
        return state
    if ctx.machine.program.qualified(ctx.frame.func, func) not in known.STACKS:
        return state
    state, ref = state.new(Box(list, ()))
    return state.bind(stack_key(node.target.id, ctx), ref)


def _leave_stack(ctx: Context, node: ir.With, state: State) -> State:
    key = stack_key(node.target.id, ctx) if isinstance(node.target, ir.Name) else ""
    stack = state.env.get(key)
    if not isinstance(stack, Ref):
        return state
    for task in state.box(stack).items:
        state = cancel(ctx, state, task, node.line)
    return state.unbind(key)


def _exits(ctx: Context, node: ir.With, states: list[State]) -> list[State]:
    states = [_leave_stack(ctx, node, state) for state in states]
    if not node.asynchronous:
        return states
    return ctx.suspend_all(states, node.line)


def _manager(ctx: Context, node: ir.With, state: State) -> list[State] | None:
    """A generator of the project that is a context manager: its body runs around ours."""
    call = node.item
    if not isinstance(call, ir.Call) or ctx.frame.depth >= MAX_DEPTH:
        return None
    function = _manager_function(ctx, call, state)
    if function is None:
        return None
    ways = arguments(ctx, call, state)
    if any(_is_dear(ctx, function, args, after) for after, args in ways):
        return None
    return [end for after, args in ways for end in _around(ctx, node, function, args, after)]


def _nothing_inside(state: State, _value: object, _manager: Context) -> list[State]:
    return [state]


def _is_dear(ctx: Context, function: Function, args: Args, state: State) -> bool:
    """Whether a context manager takes more work than a helper may, around nothing: then it is an
    unknown one. The first state in which it is run decides."""
    func, machine = function.func, ctx.machine
    if func not in machine.dear:
        apart = machine.apart(machine.facts, machine.books.apart(HELPER_WORK), machine.count())
        apart.level = machine.level + 1
        inside = replace(ctx, machine=apart, out=Flow())
        frame = frame_for(inside, func)
        frame.on_yield = _nothing_inside
        try:
            given = bind_params(func, bind_arguments(function, args), frame, state)
            run_body(inside, frame, given)
            machine.dear[func] = False
        except (Undetermined, Decided):
            machine.dear[func] = True
    return machine.dear[func]


def _manager_function(ctx: Context, call: ir.Call, state: State) -> Function | None:
    if isinstance(call.func, ir.Name):
        found = lookup(ctx.into(Flow()), call.func.id, state)
        value = found[0][1] if found else None
    else:
        value = function_of(ctx, call)
    if isinstance(value, Function) and value.func.generator and manages(value.func):
        return value
    return None


def _around(
    ctx: Context, node: ir.With, function: Function, args: Args, state: State
) -> list[State]:
    """Run a context manager's generator; at its yield, the body of the `with`."""

    def at_yield(inner: State, value: Value, manager: Context) -> list[State]:
        if yielded in inner.env:  # contextlib wants one yield and no more
            ctx.fail(without_frame(inner, frame), Exc("RuntimeError"))
            return []
        inner = inner.bind(yielded, UNKNOWN)
        flow = Flow()
        going_on: list[State] = []
        for entered in _enter_with(ctx, node, value, inner):
            going_on += run_block(ctx.into(flow), node.body, [entered])
        for completion, states in flow:
            if completion.exc is not None:
                manager.out.add(completion, *(fanout.leaving(ctx, node, s) for s in states))
            else:
                going_on += _deferred(completion, states)
        return going_on

    ctx.machine.level += 1
    frame = frame_for(ctx, function.func)
    frame.on_yield = at_yield
    yielded = frame.prefix + YIELDED
    state = bind_params(function.func, bind_arguments(function, args), frame, state)
    ends: list[State] = []
    for after, _ in run_body(ctx, frame, state):
        ends += _resume(after, ctx)
    ctx.machine.level -= 1
    return ends


def _deferred(completion: Completion, states: list[State]) -> list[State]:
    """A `return`, `break` or `continue` out of the body waits until the manager has left."""
    return [state.bind(LEFT + completion.kind, UNKNOWN) for state in states]


def _resume(state: State, ctx: Context) -> list[State]:
    for completion in (RETURN, BREAK, CONTINUE):
        key = LEFT + completion.kind
        if key in state.env:
            ctx.out.add(completion, state.unbind(key))
            return []
    return [state]
