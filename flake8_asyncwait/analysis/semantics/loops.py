"""Rules for loops: to a fixpoint of the states at their heads, or one turn for each item."""

from __future__ import annotations

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import CANCELLED_ERROR
from flake8_asyncwait.analysis.code.walk import TELLING, target_names, walk
from flake8_asyncwait.analysis.machine.books import AWAITED
from flake8_asyncwait.analysis.machine.execute import evaluate, executes_all, run_block
from flake8_asyncwait.analysis.machine.loss import collect, head, merge
from flake8_asyncwait.analysis.machine.machine import Context, Machine
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.binding import bind
from flake8_asyncwait.analysis.semantics.items import (
    completing,
    looped_over,
    split_on_turns,
    turns,
)
from flake8_asyncwait.analysis.semantics.statements import branch
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.completion import BREAK, CONTINUE, Flow, States
from flake8_asyncwait.analysis.states.real import UNORDERED
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    UNKNOWN,
    AsCompleted,
    Box,
    Const,
    Ref,
    Status,
    Value,
    parts_of,
)


@executes_all(ir.While)
def _while(machine: Machine, node: ir.While, states: list[State], ctx: Context) -> list[State]:
    heads = States()
    fresh = [collect(machine, state, node.line) for state in states]
    ends: list[State] = []
    flow = Flow()
    while fresh:
        entered, left = branch(machine, node, [one for one in fresh if heads.add(one)], ctx)
        ends += run_block(machine, node.orelse, merge(machine, left, node.line), ctx)
        ended = run_block(machine, node.body, merge(machine, entered, node.line), ctx.into(flow))
        ended += flow.take(CONTINUE)
        fresh = [head(machine, end, node.line) for end in ended]
    return ends + _leave_loop(flow, ctx)


def _leave_loop(flow: Flow, ctx: Context) -> list[State]:
    broken = flow.take(BREAK)
    for completion, states in flow:
        ctx.out.add(completion, *states)
    return broken


@executes_all(ir.For)
def _for(machine: Machine, node: ir.For, states: list[State], ctx: Context) -> list[State]:
    # Those whose items are not known, and whether there are some.
    unknown: list[tuple[State, bool]] = []
    # Those whose items are known, by whether their order is and whether there are others.
    known: dict[tuple[bool, bool], list[State]] = {}
    for after, value in (way for one in states for way in evaluate(machine, node.iter, one, ctx)):
        if isinstance(value, AsCompleted) and node.asynchronous:
            after, items, source = completing(machine, after, value)
            if value.timed:
                machine.time_out(after.suspended(), node.line, ctx)
            if items is not None:
                _start_loop(machine, node, after, items, source, ctx, known)
                continue
        if machine.is_none(value, after, ctx, "TypeError"):
            continue
        after, items, source, certain = looped_over(machine, after, value)
        if items is None:
            items = turns(node.iter) or _indexes(machine, node, after, ctx)
        if items is None or node.asynchronous:
            unknown.append((after, certain))
        else:
            _start_loop(machine, node, after, items, source, ctx, known)
    ends = _loop_unknown(machine, node, unknown, ctx)
    for (unordered, opened), started in known.items():
        ends += _loop_items(machine, node, started, unordered, opened, ctx)
    return ends


def _start_loop(
    machine: Machine,
    node: ir.For,
    state: State,
    items: tuple[Value, ...],
    source: Value,
    ctx: Context,
    known: dict[tuple[bool, bool], list[State]],
) -> None:
    """Bind the iterator of a loop over known items, and enter the state among the others."""
    box = state.get(source)
    unordered = type(box) is Box and box.kind in UNORDERED and _order_matters(machine, node, items)
    state, ref = state.new(Box(ir.ITERATOR, items))
    state = state.bind(_iterator(node, ctx), ref)
    known.setdefault((unordered, type(box) is Box and box.open), []).append(state)


def _iterator(node: ir.For, ctx: Context) -> str:
    """How states name what is left of a loop's items."""
    return f"{ctx.frame.prefix}$iter{id(node)}"


def _left(state: State, iterator: str) -> tuple[Value, ...]:
    ref = state.env[iterator]
    return state.box(ref).items if isinstance(ref, Ref) else ()


def _indexes(
    machine: Machine, node: ir.For, state: State, ctx: Context
) -> tuple[Value, ...] | None:
    """The items of a loop over a range of unknown length: one that indexes a collection is
    taken to reach its end (`settle_cancel.cancelled_by_position`)."""
    called = isinstance(node.iter, ir.Call) and known.has(node.iter, known.COUNTS)
    if not called or not isinstance(node.target, ir.Name):
        return None
    for inner in walk(node.body):
        if isinstance(inner, ir.Subscript) and _is_name(inner.index, node.target.id):
            ways = evaluate(machine, inner.value, state, ctx.into(Flow()))
            box = ways[0][0].get(ways[0][1]) if ways else None
            if type(box) is Box and box.kind is list and not box.open:
                return tuple(map(Const, range(len(box.items))))
    return None


def _loop_unknown(
    machine: Machine, node: ir.For, states: list[tuple[State, bool]], ctx: Context
) -> list[State]:
    """A loop that may turn any number of times, over things that hold no task; at least once in
    states that are marked so."""
    heads = States()
    flow = Flow()
    fresh: list[State] = []
    turning: list[State] = []
    left: list[State] = []
    for state, certain in states:
        some, none = split_on_turns(machine, node.iter, state, state, ctx)
        if certain:
            turning.append(state)
        elif some == none:
            fresh.append(collect(machine, state, node.line))
        else:
            turning += some
            left += none
    ends = run_block(machine, node.orelse, merge(machine, left, node.line), ctx)
    fresh += _turn(machine, node, turning, ctx, flow)
    while fresh:
        going_on = [head for head in fresh if heads.add(head)]
        if node.asynchronous:
            going_on = machine.suspend_all(going_on, node.line, ctx)
        ends += run_block(machine, node.orelse, merge(machine, going_on, node.line), ctx)
        fresh = _turn(machine, node, going_on, ctx, flow)
    return ends + _leave_loop(flow, ctx)


def _turn(
    machine: Machine, node: ir.For, states: list[State], ctx: Context, flow: Flow
) -> list[State]:
    """A turn for an item that is not known: the states at the head of the next."""
    ended = _turn_unknown(machine, node, states, ctx, flow)
    return [head(machine, end, node.line) for end in ended]


def _loop_items(
    machine: Machine,
    node: ir.For,
    states: list[State],
    unordered: bool,
    opened: bool,
    ctx: Context,
) -> list[State]:
    """A loop over known items, one turn each; what is left stands in the state, as the
    iterator does. An unordered collection may yield any of them next; an open one holds others
    too."""
    key = _iterator(node, ctx)
    flow = Flow()
    current = merge(machine, states, node.line)
    ends: list[State] = []
    while current:
        entered: list[State] = []
        for before in current:
            left = _left(before, key)
            if not left:
                ends.append(before.unbind(key))
                continue
            entered += _next_item(machine, node, key, left, unordered, before, ctx)
        ended = run_block(machine, node.body, merge(machine, entered, node.line), ctx.into(flow))
        current = merge(machine, ended + flow.take(CONTINUE), node.line)
    if opened:
        ends += _turn_unknown(machine, node, ends, ctx, flow)
    ends = run_block(machine, node.orelse, merge(machine, ends, node.line), ctx)
    return ends + [end.unbind(key) for end in _leave_loop(flow, ctx)]


def _order_matters(machine: Machine, node: ir.For, items: tuple[Value, ...]) -> bool:
    """Whether a loop's body may stop half way, as it may for None, or do different things to
    its items (`conditions_tasks.none_comes_first_out_of_a_set`)."""
    if Const(None) in items:
        return True
    if id(node) not in machine.ordered:
        machine.ordered[id(node)] = any(
            _tells_apart(machine, inner) for inner in walk([*node.body])
        )
    return machine.ordered[id(node)]


def _tells_apart(machine: Machine, node: object) -> bool:
    """Whether part of a loop's body may end the loop, take time, or mark a turn."""
    if isinstance(node, ir.Jump):
        return node.kind == "break"
    if isinstance(node, ir.Call):
        return known.has(node, known.STOPS)
    if isinstance(node, ir.Assign) and isinstance(node.value, ir.Const):
        return any(n in machine.relevant for target in node.targets for n in target_names(target))
    return isinstance(node, TELLING)


def _next_item(
    machine: Machine,
    node: ir.For,
    key: str,
    left: tuple[Value, ...],
    unordered: bool,
    state: State,
    ctx: Context,
) -> list[State]:
    options = effects.choices(state, left) if unordered else [(left[0], left[1:])]
    entered: list[State] = []
    for item, rest in options:
        if node.asynchronous:
            state = _completed(machine, node, item, state, ctx)
        after, ref = state.new(Box(ir.ITERATOR, rest))
        after = after.bind(key, ref)
        entered += bind(machine, node.target, parts_of(item)[0], after, ctx)
    return entered


def _completed(machine: Machine, node: ir.For, item: Value, state: State, ctx: Context) -> State:
    """`async for task in as_completed(tasks)` waits for the next task to be done; a
    cancellation there leaves the tasks running."""
    machine.books.used(state, item, AWAITED, node.line)
    if effects.ended(state, item):
        return state
    later = state.suspended()
    machine.fault(state, ctx, node.line, (CANCELLED_ERROR,), later)
    return effects.end_all(later, item, Status.DONE)


def _turn_unknown(
    machine: Machine, node: ir.For, states: list[State], ctx: Context, flow: Flow
) -> list[State]:
    """A turn for an item that is not known."""
    entered = [end for one in states for end in bind(machine, node.target, UNKNOWN, one, ctx)]
    ended = run_block(machine, node.body, merge(machine, entered, node.line), ctx.into(flow))
    return ended + flow.take(CONTINUE)


def _is_name(node: ir.Node, name: str) -> bool:
    return isinstance(node, ir.Name) and node.id == name
