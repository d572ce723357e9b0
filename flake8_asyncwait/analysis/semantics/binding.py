"""Binds targets: names, attributes, subscripts, and what takes a collection apart."""

from __future__ import annotations

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import Exc
from flake8_asyncwait.analysis.machine.execute import evaluate, evaluate_all
from flake8_asyncwait.analysis.machine.handover import hand_over
from flake8_asyncwait.analysis.machine.machine import Context
from flake8_asyncwait.analysis.semantics.collections import set_item
from flake8_asyncwait.analysis.semantics.indexes import stored
from flake8_asyncwait.analysis.semantics.items import iterated, orders_of
from flake8_asyncwait.analysis.semantics.names import assign, path_text
from flake8_asyncwait.analysis.states.real import UNORDERED
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import UNKNOWN, Asked, Box, Const, Ref, Value


def bind(ctx: Context, target: ir.Target, value: Value, state: State) -> list[State]:
    """Bind a target; taking apart a collection of another size raises ValueError."""
    if isinstance(target, ir.Name):
        return [assign(ctx, target.id, value, state)]
    if isinstance(target, ir.Attr):
        return _bind_attr(ctx, target, value, state)
    if isinstance(target, ir.Subscript):
        return _bind_subscript(ctx, target, value, state)
    if isinstance(target, ir.Unpack):
        return _bind_unpack(ctx, target, value, state)
    state = hand_over(ctx, state, value)
    return [after for after, _ in evaluate(ctx, target, state)]


def _bind_attr(ctx: Context, target: ir.Attr, value: Value, state: State) -> list[State]:
    states = []
    for after, _ in evaluate(ctx, target.value, state):
        after = hand_over(ctx, after, value)
        if target.path is not None:
            path = path_text(target.path, ctx)
            known = isinstance(value, (Ref, Const, Asked)) and path in ctx.machine.relevant
            after = after.bind(path, value) if known else after.unbind(path)
        states.append(after)
    return states


def _bind_subscript(ctx: Context, target: ir.Subscript, value: Value, state: State) -> list[State]:
    states: list[State] = []
    for after, (owner, index) in evaluate_all(ctx, [target.value, target.index], state):
        ctx.may_raise([(after, UNKNOWN)], ctx.machine.line)
        box = after.get(owner)
        index = stored(ctx, target.index, index, after)
        if not isinstance(owner, Ref) or type(box) is not Box or box.escaped:
            states.append(hand_over(ctx, hand_over(ctx, after, value), index))
        else:
            states += set_item(ctx, owner, index, value, after)
    return states


def _bind_unpack(ctx: Context, target: ir.Unpack, value: Value, state: State) -> list[State]:
    state, items, source = iterated(ctx, state, value)
    box = state.get(source)
    if items is None or (type(box) is Box and box.open):
        ends = [state]
        for part, _ in target.parts:
            ends = [after for one in ends for after in bind(ctx, part, UNKNOWN, one)]
        return ends if items is None else [hand_over(ctx, one, source) for one in ends]
    orders = [(state, items)]
    if type(box) is Box and box.kind in UNORDERED:
        orders = [(state, order) for order in orders_of(state, items)]
    states: list[State] = []
    for before, order in orders:
        states += _bind_parts(ctx, target, order, before)
    return states


def _bind_parts(
    ctx: Context, target: ir.Unpack, items: tuple[Value, ...], state: State
) -> list[State]:
    starred = [position for position, (_, star) in enumerate(target.parts) if star]
    count = len(target.parts)
    if len(items) < count - len(starred) or (not starred and len(items) != count):
        ctx.fail(state, Exc("ValueError"))
        return []
    values: list[Value] = list(items)
    if starred:
        first = starred[0]
        extra = len(items) - (count - 1)
        state, rest = state.new(Box(list, tuple(items[first : first + extra])))
        values[first : first + extra] = [rest]
    states = [state]
    for (part, _), value in zip(target.parts, values, strict=False):
        states = [after for before in states for after in bind(ctx, part, value, before)]
    return states
