"""Rules for expressions, in evaluation order: the ways each may go, with a value."""

from __future__ import annotations

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.execute import (
    Ways,
    evaluate,
    evaluate_all,
    evaluates,
    in_turn,
)
from flake8_asyncwait.analysis.machine.handover import keep_defaults
from flake8_asyncwait.analysis.machine.machine import Context, Results
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.awaits import await_value, yield_value
from flake8_asyncwait.analysis.semantics.collections import subscript
from flake8_asyncwait.analysis.semantics.conditions import decide
from flake8_asyncwait.analysis.semantics.dicts import dict_of
from flake8_asyncwait.analysis.semantics.indexes import sought, stored
from flake8_asyncwait.analysis.semantics.items import (
    as_items,
    new_box,
    reaches_task,
    tells,
    used_up,
)
from flake8_asyncwait.analysis.semantics.names import assign, lookup, path_text
from flake8_asyncwait.analysis.semantics.operators import combine
from flake8_asyncwait.analysis.semantics.tasks import answers
from flake8_asyncwait.analysis.semantics.texts import text_of
from flake8_asyncwait.analysis.semantics.truth import truth
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    UNKNOWN,
    Box,
    Const,
    Foreign,
    Function,
    Instance,
    Method,
    Param,
    Primitive,
    Ref,
    Result,
    Slice,
    Task,
    Value,
)


@evaluates(ir.Const)
def _const(ctx: Context, node: ir.Const, state: State) -> Results:
    return [(state, Const(node.value))]


@evaluates(ir.Name)
def _name(ctx: Context, node: ir.Name, state: State) -> Results:
    qualified = ctx.machine.program.qualified(ctx.frame.func, node)
    if qualified in known.RETURN_WHEN:
        return [(state, Const(known.RETURN_WHEN[qualified]))]
    if ctx.frame.owner_of(node.id) is None and node.id not in state.env:
        text, alias = ctx.machine.program.of(ctx.frame.func).constant(node.id)
        text = known.RETURN_WHEN.get(alias, text) if alias is not None else text
        if text is not None:
            return [(state, Const(text))]
    return lookup(ctx, node.id, state)


@evaluates(ir.Attr)
def _attr(ctx: Context, node: ir.Attr, state: State) -> Results:
    qualified = ctx.machine.program.qualified(ctx.frame.func, node)
    if qualified in known.RETURN_WHEN:
        return [(state, Const(known.RETURN_WHEN[qualified]))]
    ways = evaluate(ctx, node.value, state)
    return [end for after, value in ways for end in _members(ctx, node, value, after)]


def _members(ctx: Context, node: ir.Attr, value: Value, state: State) -> Results:
    row = known.TASK_ATTRIBUTES.get(node.name)
    if row is None or row.rule is None or type(state.get(value)) is not Task:
        return [(state, _member(ctx, node, value, state))]
    assert isinstance(value, Ref)
    return row.rule(ctx, ir.Call(node, [], ctx.machine.line), value, state)


def _member(ctx: Context, node: ir.Attr, value: Value, state: State) -> Value:
    if isinstance(value, Ref):
        box = state.get(value)
        named = dir(box.kind) if type(box) is Box else known.TASK_METHODS
        return Method(value, node.name, node.name in named)
    if isinstance(value, (Primitive, Instance)):
        return Method(value, node.name)
    if isinstance(value, (Param, Result, Foreign)) and node.name in known.TASK_METHODS:
        return Method(value, node.name)
    if isinstance(value, Result) and value.cls is not None:
        made = value.cls.attribute(node.name)
        methods = made[0].outline.primitive(made[1]) if made is not None else ()
        if methods:
            ctx.machine.note_module(value.cls.program.path)
            return Primitive(methods)
    if node.path is not None:
        path = path_text(node.path, ctx)
        return state.env.get(path, Foreign(path))
    return UNKNOWN


@evaluates(ir.Other)
def _other(ctx: Context, node: ir.Other, state: State) -> Results:
    ways = evaluate_all(ctx, node.parts, state)
    if node.text is None:
        return [(after, UNKNOWN) for after, _ in ways]
    return [(after, text_of(node.text, values)) for after, values in ways]


@evaluates(ir.Lambda)
def _lambda(ctx: Context, node: ir.Lambda, state: State) -> Results:
    return [(keep_defaults(ctx, node.func, state), Function(node.func, False))]


@evaluates(ir.Walrus)
def _walrus(ctx: Context, node: ir.Walrus, state: State) -> Results:
    return [
        (assign(ctx, node.target.id, value, after), value)
        for after, value in evaluate(ctx, node.value, state)
    ]


@evaluates(ir.Await)
def _await(ctx: Context, node: ir.Await, state: State) -> Results:
    ways = evaluate(ctx, node.value, state)
    return [end for after, value in ways for end in await_value(ctx, after, value, node.line)]


@evaluates(ir.Yield)
def _yield(ctx: Context, node: ir.Yield, state: State) -> Results:
    ways = evaluate(ctx, node.value or ir.Const(None), state)
    return [end for after, value in ways for end in yield_value(ctx, after, value, node.line)]


@evaluates(ir.Display)
def _display(ctx: Context, node: ir.Display, state: State) -> Results:
    results: Results = []
    stars = [starred for _, starred in node.elements]
    for after, values in _elements(ctx, [e for e, _ in node.elements], stars, state):
        items: list[Value] = []
        opened = False
        for starred, value in zip(stars, values, strict=False):
            if starred:
                after, more, source = as_items(ctx, after, value)
                opened = opened or more is None or after.is_open(source)
                items.extend(more or ())
                after = used_up(after, source)
            else:
                items.append(value)
        results.append(new_box(after, node.kind, items, opened, fanout.counts(ctx, items)))
    return results


def _elements(ctx: Context, nodes: list[ir.Expr], stars: list[bool], state: State) -> Ways:
    """The values of a display's elements; a collection of the caller's with a star may be empty."""

    def sized(before: State, part: tuple[Value, bool]) -> Results:
        value, starred = part
        return list(fanout.sizes(ctx, before, value)) if starred else [(before, value)]

    ways = evaluate_all(ctx, nodes, state)
    return [
        end
        for after, values in ways
        for end in in_turn(after, zip(values, stars, strict=True), sized)
    ]


@evaluates(ir.DictDisplay)
def _dict(ctx: Context, node: ir.DictDisplay, state: State) -> Results:
    flat = [part for key, value in node.items for part in (key, value) if part is not None]
    results: Results = []
    for after, values in evaluate_all(ctx, flat, state):
        feed = iter(values)
        pairs: list[tuple[Value, Value]] = []
        opened = False
        for key, _ in node.items:
            if key is None:
                merged = after.get(next(feed))
                is_dict = type(merged) is Box and merged.kind is dict
                pairs.extend(merged.rows if type(merged) is Box and is_dict else ())
                opened = opened or not is_dict or (type(merged) is Box and merged.open)
            else:
                pairs.append((stored(ctx, key, next(feed), after), next(feed)))
        if pairs and not any(tells(part, after) for pair in pairs for part in pair):
            results.append((after, UNKNOWN))
        else:
            after, made = dict_of(after, pairs, opened)
            results.append(after.new(made))
    return results


@evaluates(ir.Subscript)
def _subscript(ctx: Context, node: ir.Subscript, state: State) -> Results:
    results: Results = []
    for after, (value, index) in evaluate_all(ctx, [node.value, node.index], state):
        index = sought(ctx, node.index, index, after)
        for way in subscript(ctx, value, index, after):
            exact = reaches_task(way[1], way[0])
            results += [way] if exact else ctx.may_raise([way], ctx.machine.line)
    return results


@evaluates(ir.Slice)
def _slice(ctx: Context, node: ir.Slice, state: State) -> Results:
    parts = [part or ir.Const(None) for part in (node.lower, node.upper, node.step)]
    return [(after, Slice(*values)) for after, values in evaluate_all(ctx, parts, state)]


@evaluates(ir.Binary)
def _binary(ctx: Context, node: ir.Binary, state: State) -> Results:
    ways = evaluate_all(ctx, [node.left, node.right], state)
    return [end for after, (a, b) in ways for end in combine(ctx, node.op, a, b, after)]


@evaluates(ir.Not)
def _not(ctx: Context, node: ir.Not, state: State) -> Results:
    yes, no = decide(ctx, node.value, state)
    return [(s, Const(False)) for s in yes] + [(s, Const(True)) for s in no]


@evaluates(ir.Bool)
def _bool(ctx: Context, node: ir.Bool, state: State) -> Results:
    results: Results = []
    ways = evaluate(ctx, node.left, state)
    for after, value in [way for one in ways for way in answers(ctx, *one)]:
        holds = truth(value, after)
        stops = node.op == "or"
        if holds is None or holds is stops:
            results.append((after, value))
        if holds is None or holds is not stops:
            results += evaluate(ctx, node.right, after)
    return results


@evaluates(ir.IfExp)
def _if_exp(ctx: Context, node: ir.IfExp, state: State) -> Results:
    yes, no = decide(ctx, node.test, state)
    ways = [(node.body, one) for one in yes] + [(node.orelse, one) for one in no]
    return [end for branch, one in ways for end in evaluate(ctx, branch, one)]
