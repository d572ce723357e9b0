"""Rules for loops: to a fixpoint of the states at their heads, or one turn for each item."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import CANCELLED_ERROR, Exc
from flake8_asyncwait.analysis.code.walk import TELLING, bound_names, walk
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.books import AWAITED
from flake8_asyncwait.analysis.machine.execute import evaluate, executes_all, goes_round, run_block
from flake8_asyncwait.analysis.machine.loss import collect, head, merge
from flake8_asyncwait.analysis.machine.machine import Context
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.binding import bind
from flake8_asyncwait.analysis.semantics.indexes import looped_over
from flake8_asyncwait.analysis.semantics.items import (
    completing,
    is_single,
    split_on_turns,
    tells,
)
from flake8_asyncwait.analysis.semantics.statements import branch
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.completion import BREAK, CONTINUE, Flow, States
from flake8_asyncwait.analysis.states.keys import ITERATOR
from flake8_asyncwait.analysis.states.real import UNORDERED
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    UNKNOWN,
    AsCompleted,
    Box,
    Const,
    Ref,
    Value,
    parts_of,
)

# How many loops over known items there may be around one whose turns are run one by one: in each
# other, the turns multiply.
_AROUND = 4


class Order(Enum):
    """In what order a loop takes its items: as given, any, or as they are completed: those that
    have ended come first."""

    GIVEN = auto()
    ANY = auto()
    COMPLETION = auto()


@executes_all(ir.While)
def _while(ctx: Context, node: ir.While, states: list[State]) -> list[State]:
    heads = States()
    fresh = [collect(ctx, state, node.line) for state in states]
    ends: list[State] = []
    with _looping(ctx) as flow:
        while fresh:
            if ctx.is_own:
                ctx.machine.line = node.line
            entered, left = branch(ctx, node, [one for one in fresh if heads.add(one)])
            ends += run_block(ctx, node.orelse, merge(ctx, left, node.line))
            ended = run_block(ctx.into(flow), node.body, merge(ctx, entered, node.line))
            ended += flow.take(CONTINUE)
            fresh = [head(ctx, goes_round(ctx, end, node), node.line) for end in ended]
    return ends + flow.take(BREAK)


@contextmanager
def _looping(ctx: Context, iterator: str = "") -> Iterator[Flow]:
    """The flow of a loop's body. What leaves the function goes on to what is around the loop, also
    where the bound of work is hit: it has come to its end. What is left of the items is gone."""
    flow = Flow()
    try:
        yield flow
    finally:
        for completion, states in flow:
            if completion not in (BREAK, CONTINUE):
                ctx.out.add(completion, *(state.unbind(iterator) for state in states))


@executes_all(ir.For)
def _for(ctx: Context, node: ir.For, states: list[State]) -> list[State]:
    # Those whose items are not known, and whether there are some.
    unknown: list[tuple[State, bool]] = []
    # Those whose items are known, by the order of these and what stands for others, if any.
    started: dict[tuple[Order, Value | None], list[State]] = {}
    ways = (way for one in states for way in evaluate(ctx, node.iter, one))
    for after, value in (sized for way in ways for sized in fanout.sizes(ctx, *way)):
        if fanout.is_refused(ctx, after, value):
            ctx.fail(after, Exc("TypeError"))
            continue
        if isinstance(value, AsCompleted) and node.asynchronous:
            after, items, source = completing(ctx, after, value)
            ctx.machine.completing[id(node)] = value.timed
            if items is not None:
                _start_loop(ctx, node, after, items, source, started, Order.COMPLETION)
                continue
        if ctx.is_none(value, after, "TypeError"):
            continue
        after, items, source, certain = looped_over(ctx, node, node.body, after, value)
        if items is None and not node.asynchronous and is_single(ctx, node.iter, after):
            for turns in ((UNKNOWN,), ())[: 1 if certain else 2]:
                _start_loop(ctx, node, after, turns, source, started)
        elif items is None or node.asynchronous:
            unknown.append((after, certain))
        elif _is_deep(after, items):
            unknown.append((after, bool(items)))
        else:
            order = Order.COMPLETION if isinstance(value, AsCompleted) else Order.GIVEN
            _start_loop(ctx, node, after, items, source, started, order)
    ends = _loop_unknown(ctx, node, unknown)
    for (order, other), ones in started.items():
        ends += _loop_items(ctx, node, ones, order, other)
    return ends


def _start_loop(
    ctx: Context,
    node: ir.For,
    state: State,
    items: tuple[Value, ...],
    source: Value,
    started: dict[tuple[Order, Value | None], list[State]],
    order: Order = Order.GIVEN,
) -> None:
    """Bind the iterator of a loop over known items, and enter the state among the others."""
    box = state.get(source)
    if type(box) is Box and box.kind in UNORDERED and order is Order.GIVEN:
        order = Order.ANY
    if order is not Order.GIVEN and not _order_matters(ctx, node, items):
        order = Order.GIVEN
    state, ref = state.new(Box(ir.ITERATOR, items))
    state = state.bind(_iterator(node, ctx), ref)
    opened = type(box) is Box and box.open
    other = (items[-1] if fanout.none_fails(ctx, items) else UNKNOWN) if opened else None
    started.setdefault((order, other), []).append(state)


def _is_deep(state: State, items: tuple[Value, ...]) -> bool:
    """Whether a loop over what tells nothing is in too many others to run each turn by itself."""
    around = sum(ITERATOR in name for name in state.env)
    return around >= _AROUND and not any(tells(item, state) for item in items)


def _iterator(node: ir.For, ctx: Context) -> str:
    """How states name what is left of a loop's items."""
    return f"{ctx.frame.prefix}{ITERATOR}{node.line}"


def _left(state: State, iterator: str) -> tuple[Value, ...]:
    ref = state.env[iterator]
    return state.box(ref).items if isinstance(ref, Ref) else ()


def _loop_unknown(ctx: Context, node: ir.For, states: list[tuple[State, bool]]) -> list[State]:
    """A loop that may turn any number of times, over things that hold no task; at least once in
    states that are marked so."""
    heads, turned = States(), States()
    fresh: list[State] = []
    turning: list[State] = []
    left: list[State] = []
    for state, certain in states:
        some, none = split_on_turns(ctx, node.iter, state, state)
        if certain:
            turning.append(state)
        elif some == none:
            fresh.append(collect(ctx, state, node.line))
        else:
            turning += some
            left += none
    ends = run_block(ctx, node.orelse, merge(ctx, left, node.line))
    _may_time_out(ctx, node, turning)
    with _looping(ctx) as flow:
        fresh += _turn(ctx, node, [one for one in turning if turned.add(one)], flow)
        while fresh:
            going_on = [head for head in fresh if heads.add(head)]
            if node.asynchronous:
                _may_time_out(ctx, node, going_on)
                going_on = ctx.suspend_all(going_on, node.line, id(node) in ctx.machine.completing)
            ends += run_block(ctx, node.orelse, merge(ctx, going_on, node.line))
            fresh = _turn(ctx, node, [one for one in going_on if turned.add(one)], flow)
    return ends + flow.take(BREAK)


def _may_time_out(ctx: Context, node: ir.For, states: list[State]) -> None:
    """The time of `async for task in as_completed(tasks, timeout=...)` may be up before a turn."""
    if ctx.machine.completing.get(id(node)):
        for state in states:
            ctx.time_out(state.suspended(), node.line)


def _turn(ctx: Context, node: ir.For, states: list[State], flow: Flow) -> list[State]:
    """A turn for an item that is not known: the states at the head of the next."""
    ended = _turn_unknown(ctx, node, states, flow)
    return [head(ctx, goes_round(ctx, end, node), node.line) for end in ended]


def _loop_items(
    ctx: Context, node: ir.For, states: list[State], order: Order, other: Value | None
) -> list[State]:
    """A loop over known items, one turn each; what is left stands in the state, as the
    iterator does. An open collection holds others too, for which `other` stands."""
    key = _iterator(node, ctx)
    current = merge(ctx, states, node.line)
    ends: list[State] = []
    with _looping(ctx, key) as flow:
        while current:
            entered: list[State] = []
            for before in current:
                left = _left(before, key)
                if not left:
                    ends.append(before.unbind(key))
                    continue
                entered += _next_item(ctx, node, key, left, order, before)
            ended = run_block(ctx.into(flow), node.body, merge(ctx, entered, node.line))
            ended = [goes_round(ctx, end, node) for end in ended + flow.take(CONTINUE)]
            ended = [collect(ctx, end, node.line) for end in ended]
            current = merge(ctx, ended, node.line)
        if other is not None:
            ends += _turn_unknown(ctx, node, ends, flow, other)
    ends = run_block(ctx, node.orelse, merge(ctx, ends, node.line))
    return ends + [state.unbind(key) for state in flow.take(BREAK)]


def _order_matters(ctx: Context, node: ir.For, items: tuple[Value, ...]) -> bool:
    """Whether a loop's body may stop half way, as it may for None, or do different things to
    its items (`conditions_tasks.none_comes_first_out_of_a_set`)."""
    return Const(None) in items or ctx.machine.once(_tells_turns_apart, node, ctx.machine.relevant)


def _tells_turns_apart(loop: ir.For, relevant: frozenset[str]) -> bool:
    return any(_tells_apart(node, relevant) for node in walk(loop.body))


def _tells_apart(node: ir.Node, relevant: frozenset[str]) -> bool:
    """Whether part of a loop's body may end the loop, take time, or mark a turn."""
    if isinstance(node, ir.Jump):
        return node.kind == "break"
    if isinstance(node, ir.Call):
        return known.has(node, known.STOPS)
    if isinstance(node, ir.Assign) and isinstance(node.value, ir.Const):
        return not relevant.isdisjoint(bound_names(node))
    return isinstance(node, TELLING)


def _next_item(
    ctx: Context, node: ir.For, key: str, left: tuple[Value, ...], order: Order, state: State
) -> list[State]:
    """A loop takes its next item, in every way that there is."""
    options = [(left[0], left[1:])] if order is Order.GIVEN else list(effects.choices(state, left))
    if order is Order.COMPLETION:
        options = [way for way in options if effects.is_over(state, way[0])] or options
    entered: list[State] = []
    for item, rest in options:
        for ended in _completed(ctx, node, item, state) if node.asynchronous else [state]:
            after, ref = ended.new(Box(ir.ITERATOR, rest))
            after = after.bind(key, ref)
            entered += bind(ctx, node.target, parts_of(item)[0], after)
    return entered


def _completed(ctx: Context, node: ir.For, item: Value, state: State) -> list[State]:
    """`async for task in as_completed(tasks)` waits for the next task to be done; a
    cancellation there leaves the tasks running."""
    ctx.machine.books.used(state, item, AWAITED, node.line)
    if effects.ended(state, item):
        return [state]
    _may_time_out(ctx, node, [state])
    later = state.suspended()
    ctx.fault(state, node.line, (CANCELLED_ERROR,), later)
    return effects.ways_to_end(later, [item])


def _turn_unknown(
    ctx: Context, node: ir.For, states: list[State], flow: Flow, item: Value = UNKNOWN
) -> list[State]:
    """A turn for an item that is not known."""
    entered = [end for one in states for end in bind(ctx, node.target, item, one)]
    ended = run_block(ctx.into(flow), node.body, merge(ctx, entered, node.line))
    return ended + flow.take(CONTINUE)
