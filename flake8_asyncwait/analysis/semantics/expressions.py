"""Rules for expressions, in evaluation order: the ways each may go, with a value."""

from __future__ import annotations

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.machine.execute import evaluate, evaluate_all, evaluates
from flake8_asyncwait.analysis.machine.machine import Context, Machine, Results
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.awaits import await_value, yield_value
from flake8_asyncwait.analysis.semantics.collections import subscript
from flake8_asyncwait.analysis.semantics.conditions import decide
from flake8_asyncwait.analysis.semantics.dicts import dict_of
from flake8_asyncwait.analysis.semantics.items import as_items, new_box, reaches_task, tells
from flake8_asyncwait.analysis.semantics.names import assign, lookup, path_text
from flake8_asyncwait.analysis.semantics.operators import combine
from flake8_asyncwait.analysis.semantics.truth import answers, truth
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    UNKNOWN,
    Box,
    Const,
    Foreign,
    Function,
    Loop,
    Method,
    Param,
    Primitive,
    Ref,
    Result,
    Slice,
    Value,
)


@evaluates(ir.Const)
def _const(machine: Machine, node: ir.Const, state: State, ctx: Context) -> Results:
    return [(state, Const(node.value))]


@evaluates(ir.Name)
def _name(machine: Machine, node: ir.Name, state: State, ctx: Context) -> Results:
    qualified = machine.program.qualified(ctx.frame.func, node)
    if qualified in known.RETURN_WHEN:
        return [(state, Const(known.RETURN_WHEN[qualified]))]
    if ctx.frame.owner_of(node.id) is None and node.id not in state.env:
        text, alias = machine.program.of(ctx.frame.func).constant(node.id)
        text = known.RETURN_WHEN.get(alias, text) if alias is not None else text
        if text is not None:
            return [(state, Const(text))]
    return lookup(machine, node.id, state, ctx)


@evaluates(ir.Attr)
def _attr(machine: Machine, node: ir.Attr, state: State, ctx: Context) -> Results:
    qualified = machine.program.qualified(ctx.frame.func, node)
    if qualified in known.RETURN_WHEN:
        return [(state, Const(known.RETURN_WHEN[qualified]))]
    results: Results = []
    for after, value in evaluate(machine, node.value, state, ctx):
        results.append((after, _member(machine, node, value, after, ctx)))
    return results


def _member(machine: Machine, node: ir.Attr, value: Value, state: State, ctx: Context) -> Value:
    if isinstance(value, (Ref, Primitive, Loop)):
        return Method(value, node.name)
    if isinstance(value, (Param, Result, Foreign)) and node.name in known.TASK_METHODS:
        return Method(value, node.name)
    if isinstance(value, Result) and value.cls is not None:
        made = value.cls.attribute(node.name)
        methods = made[0].outline.primitive(made[1]) if made is not None else ()
        if methods:
            machine.note_module(value.cls.program.path)
            return Primitive(methods)
    if node.path is not None:
        path = path_text(node.path, ctx)
        return state.env.get(path, Foreign(path))
    return UNKNOWN


@evaluates(ir.Other)
def _other(machine: Machine, node: ir.Other, state: State, ctx: Context) -> Results:
    return [(after, UNKNOWN) for after, _ in evaluate_all(machine, node.parts, state, ctx)]


@evaluates(ir.Lambda)
def _lambda(machine: Machine, node: ir.Lambda, state: State, ctx: Context) -> Results:
    return [(state, Function(node.func, False))]


@evaluates(ir.Walrus)
def _walrus(machine: Machine, node: ir.Walrus, state: State, ctx: Context) -> Results:
    return [
        (assign(machine, node.target.id, value, after, ctx), value)
        for after, value in evaluate(machine, node.value, state, ctx)
    ]


@evaluates(ir.Await)
def _await(machine: Machine, node: ir.Await, state: State, ctx: Context) -> Results:
    results: Results = []
    for after, value in evaluate(machine, node.value, state, ctx):
        results += await_value(machine, after, value, node.line, ctx)
    return results


@evaluates(ir.Yield)
def _yield(machine: Machine, node: ir.Yield, state: State, ctx: Context) -> Results:
    if node.value is None:
        return yield_value(machine, state, UNKNOWN, node.line, ctx)
    results: Results = []
    for after, value in evaluate(machine, node.value, state, ctx):
        results += yield_value(machine, after, value, node.line, ctx)
    return results


@evaluates(ir.Display)
def _display(machine: Machine, node: ir.Display, state: State, ctx: Context) -> Results:
    results: Results = []
    for after, values in evaluate_all(machine, [e for e, _ in node.elements], state, ctx):
        items: list[Value] = []
        opened = False
        for (_, starred), value in zip(node.elements, values, strict=False):
            if starred:
                after, more, source = as_items(machine, after, value)
                opened = opened or more is None or after.is_open(source)
                items.extend(more or ())
            else:
                items.append(value)
        results.append(new_box(after, node.kind, items, opened))
    return results


@evaluates(ir.DictDisplay)
def _dict(machine: Machine, node: ir.DictDisplay, state: State, ctx: Context) -> Results:
    flat = [part for key, value in node.items for part in (key, value) if part is not None]
    results: Results = []
    for after, values in evaluate_all(machine, flat, state, ctx):
        feed = iter(values)
        pairs: list[tuple[Value, Value]] = []
        opened = False
        for key, _ in node.items:
            if key is None:
                merged = after.get(next(feed))
                known = type(merged) is Box and merged.kind is dict
                pairs.extend(merged.rows if type(merged) is Box and known else ())
                opened = opened or not known or (type(merged) is Box and merged.open)
            else:
                pairs.append((next(feed), next(feed)))
        if pairs and not any(tells(part, after) for pair in pairs for part in pair):
            results.append((after, UNKNOWN))
        else:
            results.append(after.new(dict_of(pairs, opened)))
    return results


@evaluates(ir.Subscript)
def _subscript(machine: Machine, node: ir.Subscript, state: State, ctx: Context) -> Results:
    results: Results = []
    for after, (value, index) in evaluate_all(machine, [node.value, node.index], state, ctx):
        for way in subscript(machine, value, index, after, ctx):
            exact = reaches_task(way[1], way[0])
            results += [way] if exact else machine.may_raise([way], machine.line, ctx)
    return results


@evaluates(ir.Slice)
def _slice(machine: Machine, node: ir.Slice, state: State, ctx: Context) -> Results:
    parts = [part or ir.Const(None) for part in (node.lower, node.upper, node.step)]
    return [(after, Slice(*values)) for after, values in evaluate_all(machine, parts, state, ctx)]


@evaluates(ir.Binary)
def _binary(machine: Machine, node: ir.Binary, state: State, ctx: Context) -> Results:
    results: Results = []
    for after, (left, right) in evaluate_all(machine, [node.left, node.right], state, ctx):
        results += combine(machine, node.op, left, right, after, ctx)
    return results


@evaluates(ir.Not)
def _not(machine: Machine, node: ir.Not, state: State, ctx: Context) -> Results:
    yes, no = decide(machine, node.value, state, ctx)
    return [(s, Const(False)) for s in yes] + [(s, Const(True)) for s in no]


@evaluates(ir.Bool)
def _bool(machine: Machine, node: ir.Bool, state: State, ctx: Context) -> Results:
    results: Results = []
    ways = evaluate(machine, node.left, state, ctx)
    for after, value in [way for one, kept in ways for way in answers(machine, kept, one)]:
        known = truth(value, after)
        stops = node.op == "or"
        if known is None or known is stops:
            results.append((after, value))
        if known is None or known is not stops:
            results += evaluate(machine, node.right, after, ctx)
    return results


@evaluates(ir.IfExp)
def _if_exp(machine: Machine, node: ir.IfExp, state: State, ctx: Context) -> Results:
    yes, no = decide(machine, node.test, state, ctx)
    results: Results = []
    for branch, states in ((node.body, yes), (node.orelse, no)):
        for one in states:
            results += evaluate(machine, branch, one, ctx)
    return results
