"""Rules for `with`: timeouts, exit stacks, `suppress`, generators of the project."""

from __future__ import annotations

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import (
    CANCELLED_ERROR,
    TIMEOUT_ERROR,
    Exc,
    catches,
)
from flake8_asyncwait.analysis.code.verdicts import any_of
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.books import HELPER_WORK, Decided, Undetermined
from flake8_asyncwait.analysis.machine.execute import evaluate, executes_all, run_block
from flake8_asyncwait.analysis.machine.handover import cancel
from flake8_asyncwait.analysis.machine.loss import merge
from flake8_asyncwait.analysis.machine.machine import MAX_DEPTH, Args, Context, Machine
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
from flake8_asyncwait.analysis.semantics.names import class_names, lookup
from flake8_asyncwait.analysis.semantics.statements import manages
from flake8_asyncwait.analysis.states.completion import (
    BREAK,
    CONTINUE,
    RETURN,
    Completion,
    Flow,
    raising,
)
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import UNKNOWN, Box, Function, Ref, Value


@executes_all(ir.With)
def _with(machine: Machine, node: ir.With, states: list[State], ctx: Context) -> list[State]:
    qualified = None
    if isinstance(node.item, ir.Call):
        qualified = machine.program.qualified(ctx.frame.func, node.item.func)
    if qualified == known.SUPPRESS:
        return _with_suppress(machine, node, states, ctx)
    if qualified in known.TIMEOUTS and node.asynchronous:
        # One at a time: what a timeout turns into a TimeoutError struck inside of it.
        return [end for one in states for end in _with_timeout(machine, node, one, ctx)]
    ends: list[State] = []
    others: list[State] = []
    for state in states:
        managed = _manager(machine, node, state, ctx)
        if managed is not None:
            ends += managed
        else:
            others.append(state)
    return ends + _with_any(machine, node, others, ctx)


def _enter_with(
    machine: Machine, node: ir.With, value: Value, state: State, ctx: Context
) -> list[State]:
    if node.target is None:
        return [state]
    return bind(machine, node.target, value, state, ctx)


def _with_suppress(
    machine: Machine, node: ir.With, states: list[State], ctx: Context
) -> list[State]:
    assert isinstance(node.item, ir.Call)
    names = [n for arg in node.item.args for n in class_names(machine, arg.value, ctx)]
    classes = machine.program.of(ctx.frame.func).outline.classes
    flow = Flow()
    ends = run_block(machine, node.body, states, ctx.into(flow))
    for completion, ended in flow:
        exc = completion.exc
        caught = exc is not None and any_of(catches(name, exc, classes) for name in names)
        if caught is not False:
            ends += ended
        if caught is not True:
            ctx.out.add(completion, *ended)
    return ends


def _with_timeout(machine: Machine, node: ir.With, state: State, ctx: Context) -> list[State]:
    """`asyncio.timeout()`: entering and leaving never suspends; a cancellation inside may be
    its own, and is a TimeoutError outside then, unless it is given None."""
    assert isinstance(node.item, ir.Call)
    delays = [arg.value for arg in node.item.args]
    timed = not any(isinstance(delay, ir.Const) and delay.value is None for delay in delays)
    ends: list[State] = []
    for after, _ in evaluate(machine, node.item, state, ctx):
        for entered in _enter_with(machine, node, UNKNOWN, after, ctx):
            flow = Flow()
            inside = ctx.into(flow)
            inside.limited = timed and _alone(node.body)
            ends += run_block(machine, node.body, [entered], inside)
            for completion, states in flow:
                ctx.out.add(completion, *states)
                if timed and completion == raising(CANCELLED_ERROR):
                    struck = [one for one in states if one.fault and not entered.fault]
                    ctx.out.add(raising(TIMEOUT_ERROR), *struck)
                    if fanout.is_timed(machine, ctx.frame.func, node.line):
                        late = [one.without_fault() for one in struck]
                        ctx.out.add(raising(TIMEOUT_ERROR), *late)
    return ends


def _alone(body: list[ir.Stmt]) -> bool:
    return len(body) == 1 and isinstance(body[0], (ir.ExprStmt, ir.Assign, ir.Return))


def _with_any(machine: Machine, node: ir.With, states: list[State], ctx: Context) -> list[State]:
    """Any other context manager lets exceptions through; an async one may fail at both ends."""
    entered: list[State] = []
    for state, _ in (way for one in states for way in evaluate(machine, node.item, one, ctx)):
        if node.asynchronous:
            (state,) = machine.suspend_all([state], node.line, ctx)
        inside = _enter_with(machine, node, UNKNOWN, state, ctx)
        entered += [_enter_stack(machine, node, one, ctx) for one in inside]
    flow = Flow()
    ends = run_block(machine, node.body, merge(machine, entered, node.line), ctx.into(flow))
    for completion, ended in flow:
        ctx.out.add(completion, *_exits(machine, node, ended, ctx))
    return _exits(machine, node, ends, ctx)


def _enter_stack(machine: Machine, node: ir.With, state: State, ctx: Context) -> State:
    """An exit stack keeps what is to be cancelled when it is left."""
    func = node.item.func if isinstance(node.item, ir.Call) else None
    if func is None or not isinstance(node.target, ir.Name):
        return state
    if machine.program.qualified(ctx.frame.func, func) not in known.STACKS:
        return state
    state, ref = state.new(Box(list, ()))
    return state.bind(stack_key(node.target.id, ctx), ref)


def _leave_stack(machine: Machine, node: ir.With, state: State, ctx: Context) -> State:
    key = stack_key(node.target.id, ctx) if isinstance(node.target, ir.Name) else ""
    stack = state.env.get(key)
    if not isinstance(stack, Ref):
        return state
    for task in state.box(stack).items:
        state = cancel(machine, state, task, node.line)
    return state.unbind(key)


def _exits(machine: Machine, node: ir.With, states: list[State], ctx: Context) -> list[State]:
    states = [_leave_stack(machine, node, state, ctx) for state in states]
    states = [fanout.leaving(machine, node, state) for state in states]
    if not node.asynchronous:
        return states
    return machine.suspend_all(states, node.line, ctx)


def _manager(machine: Machine, node: ir.With, state: State, ctx: Context) -> list[State] | None:
    """A generator of the project that is a context manager: its body runs around ours."""
    call = node.item
    if not isinstance(call, ir.Call) or ctx.frame.depth >= MAX_DEPTH:
        return None
    function = _manager_function(machine, call, state, ctx)
    if function is None:
        return None
    ways = arguments(machine, call, state, ctx)
    if any(_is_dear(machine, function, args, after, ctx) for after, args in ways):
        return None
    return [
        end for after, args in ways for end in _around(machine, node, function, args, after, ctx)
    ]


def _nothing_inside(state: State, _value: object, _manager: Context) -> list[State]:
    return [state]


def _is_dear(machine: Machine, function: Function, args: Args, state: State, ctx: Context) -> bool:
    """Whether a context manager takes more work than a helper may, around nothing: then it is an
    unknown one. The first state in which it is run decides."""
    func = function.func
    if func not in machine.dear and func not in machine.affordable:
        books = machine.books.apart(HELPER_WORK)
        apart = Machine(
            machine.program, machine.func, machine.facts, machine.site, books, machine.many
        )
        apart.level = machine.level + 1
        frame = frame_for(apart, func, ctx)
        frame.on_yield = _nothing_inside
        try:
            given = bind_params(func, bind_arguments(function, args), frame, state)
            run_body(apart, frame, given, ctx.into(Flow()))
        except (Undetermined, Decided):
            machine.dear.add(func)
        else:
            machine.affordable.add(func)
    return func in machine.dear


def _manager_function(
    machine: Machine, call: ir.Call, state: State, ctx: Context
) -> Function | None:
    if isinstance(call.func, ir.Name):
        found = lookup(machine, call.func.id, state, ctx.into(Flow()))
        value = found[0][1] if found else None
    else:
        value = function_of(machine, call, ctx)
    if isinstance(value, Function) and value.func.generator and manages(value.func):
        return value
    return None


def _around(
    machine: Machine, node: ir.With, function: Function, args: Args, state: State, ctx: Context
) -> list[State]:
    """Run a context manager's generator; at its yield, the body of the `with`."""

    def at_yield(inner: State, value: Value, manager: Context) -> list[State]:
        if passed in inner.env:  # contextlib wants one yield and no more
            machine.fail(without_frame(inner, frame), ctx, Exc("RuntimeError"))
            return []
        inner = inner.bind(passed, UNKNOWN)
        flow = Flow()
        going_on: list[State] = []
        for entered in _enter_with(machine, node, value, inner, ctx):
            going_on += run_block(machine, node.body, [entered], ctx.into(flow))
        for completion, states in flow:
            if completion.exc is not None:
                manager.out.add(completion, *(fanout.leaving(machine, node, s) for s in states))
            else:
                going_on += _deferred(completion, states)
        return going_on

    machine.level += 1
    frame = frame_for(machine, function.func, ctx)
    frame.on_yield = at_yield
    passed = f"{frame.prefix}$passed"
    state = bind_params(function.func, bind_arguments(function, args), frame, state)
    ends: list[State] = []
    for after, _ in run_body(machine, frame, state, ctx):
        ends += _resume(after, ctx)
    machine.level -= 1
    return ends


def _deferred(completion: Completion, states: list[State]) -> list[State]:
    """A `return`, `break` or `continue` out of the body waits until the manager has left."""
    return [state.bind(f"$left.{completion.kind}", UNKNOWN) for state in states]


def _resume(state: State, ctx: Context) -> list[State]:
    for completion in (RETURN, BREAK, CONTINUE):
        key = f"$left.{completion.kind}"
        if key in state.env:
            ctx.out.add(completion, state.unbind(key))
            return []
    return [state]
