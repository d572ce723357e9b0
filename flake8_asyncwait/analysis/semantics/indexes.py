"""Loops over what is not known that index a collection: they are taken to reach all of it.

What somebody loops over to fill a dict, he may loop over again to empty it, and nothing says that
it is the same by then. To take it for something else would be a guess.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.walk import (
    bound_names,
    close,
    every,
    mentioned,
    target_names,
    walk,
)
from flake8_asyncwait.analysis.machine.execute import evaluate
from flake8_asyncwait.analysis.machine.machine import Context
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.items import iterated, reaches_task, turns
from flake8_asyncwait.analysis.semantics.texts import written_out
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.completion import Flow
from flake8_asyncwait.analysis.states.real import is_certain, is_key
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    UNKNOWN,
    Box,
    Const,
    Foreign,
    Param,
    Result,
    Unknown,
    Value,
)


def looped_over(
    ctx: Context, node: ir.For | ir.Clause, body: Iterable[ir.Node], state: State, value: Value
) -> tuple[State, tuple[Value, ...] | None, Value, bool]:
    """What a loop over a value goes through, and whether there surely is an item. Where nothing is
    known of the items but that there are some, they are not known."""
    state, items, source = iterated(ctx, state, value)
    certain, box = bool(items), state.get(source)
    if type(box) is Box and box.open and all(isinstance(item, Unknown) for item in items or ()):
        items = None
    return (*_indexed(ctx, node, body, state, items, source), certain)


def _indexed(
    ctx: Context,
    node: ir.For | ir.Clause,
    body: Iterable[ir.Node],
    state: State,
    items: tuple[Value, ...] | None,
    source: Value,
) -> tuple[State, tuple[Value, ...] | None, Value]:
    """The items of a loop over what is not known, or not all of it: those by which its body asks
    for what a collection holds (`settle_cancel.cancelled_by_position`), or else those given."""
    sure = not items or any(map(is_certain, items))
    if node.asynchronous or (items is not None and sure and not state.is_open(source)):
        return state, items, source
    displayed = turns(node.iter) if items is None else None
    if displayed is not None:
        return state, displayed, source
    counts = isinstance(node.iter, ir.Call) and known.has(node.iter, known.COUNTS)
    names = bound_names(node)
    columns: dict[str, list[Value]] = {}
    for owner, index in lookups(list(walk(body))):
        asked = names & _made_of(ctx, index)
        places = _places(ctx, owner, counts, state) if asked else []
        if places:
            column = columns.setdefault(min(asked), [])
            for one in [key for key in column if is_key(key) and key not in places]:
                same = next((key for key in places if is_key(key) and key not in column), one)
                state = effects.substitute(state, same, one)  # two dicts may have the same keys
                places = [one if key == same else key for key in places]
            column += [place for place in places if place not in column]
    count = max(map(len, columns.values()), default=0)
    if not count:
        return state, items, source
    rows: list[Value] = []
    for number in range(count):
        given = {name: column[number] for name, column in columns.items() if number < len(column)}
        state, row = _row(node.target, given, state)
        rows.append(row)
    return state, tuple(rows), UNKNOWN


def _places(ctx: Context, owner: ir.Expr, counts: bool, state: State) -> list[Value]:
    """By what a loop can ask for all that a collection of tasks holds; by places if it `counts`."""
    if not isinstance(owner, (ir.Name, ir.Attr)):
        return []
    for after, value in evaluate(ctx.into(Flow()), owner, state)[:1]:
        box = after.get(value)
        if type(box) is not Box or not reaches_task(value, after):
            continue
        if box.kind is dict:
            return [key for key, _ in box.rows]
        if box.kind is list and counts and not box.open:
            return [Const(place) for place in range(len(box.items))]
    return []


def lookups(nodes: Sequence[ir.Node]) -> Iterator[tuple[ir.Expr, ir.Expr]]:
    """What is asked for an item, and by what. What a loop takes out and drops need not be all."""
    dropped = {id(node.value) for node in nodes if isinstance(node, ir.ExprStmt)}
    stored = {id(part) for node in nodes if isinstance(node, ir.Assign) for part in node.targets}
    for node in nodes:
        if isinstance(node, ir.Subscript) and id(node) not in stored:
            yield node.value, node.index
        elif isinstance(node, ir.Call) and isinstance(node.func, ir.Attr) and node.args:
            if known.has(node, known.LOOKS_UP) and id(node) not in dropped:
                yield node.func.value, node.args[0].value


def _row(
    target: ir.Expr | ir.Target, places: dict[str, Value], state: State
) -> tuple[State, Value]:
    """An item of which a loop binds what is given to some names, and the rest is not known."""
    if not isinstance(target, ir.Unpack):
        return state, places.get(next(target_names(target), ""), UNKNOWN)
    parts: list[Value] = []
    for part, _ in target.parts:
        state, value = _row(part, places, state)
        parts.append(value)
    return state.new(Box(tuple, tuple(parts)))


def key_of(ctx: Context, node: ir.Expr, value: Value, state: State) -> Value:
    """The value of an expression that says which item is meant: what is made of a key, such as an
    attribute of it, goes by that key."""
    if not isinstance(value, (Unknown, Foreign, Result)) or is_key(value):
        return value
    keys = {name: held for name, held in state.env.items() if is_key(held)}
    names = keys.keys() & {ctx.frame.prefix + name for name in mentioned(node)} if keys else None
    return keys[min(names)] if names else value


def sought(ctx: Context, node: ir.Expr, value: Value, state: State) -> Value:
    """The value of an expression by which a dict is asked for an item."""
    plain = UNKNOWN if _is_plain_tuple(state, value) else value
    key = key_of(ctx, node, plain, state)
    return made_key(ctx, node, value, state) if key == plain else key


def stored(ctx: Context, node: ir.Expr, value: Value, state: State) -> Value:
    """The value of an expression under which a dict is given an item. A text of what may have
    changed is another one than that which is there."""
    key = made_key(ctx, node, value, state)
    boxes = (thing for thing in state.heap.values() if type(thing) is Box and thing.kind is dict)
    if _may_change(ctx, node) and any(key == there for box in boxes for there, _ in box.rows):
        return UNKNOWN
    return key


def _may_change(ctx: Context, node: ir.Expr) -> bool:
    """Whether an expression makes a text of what the function may change."""
    altered = ctx.machine.once(_altered, ctx.frame.func)
    texts = (part for part in walk([node]) if isinstance(part, (ir.Binary, ir.Call, ir.Other)))
    return bool(altered) and any(mentioned(text) & altered for text in texts)


def made_key(ctx: Context, node: ir.Expr, value: Value, state: State) -> Value:
    """The value of an expression that is a key of a dict: what is made of parameters and constants
    alone is the same each time (`tasks[host, port]`). Any other tuple is not known."""
    is_tuple = _is_plain_tuple(state, value)
    if not is_tuple and (not isinstance(value, (Unknown, Result)) or is_key(value)):
        return value
    made = _made(ctx, node, state)
    if made is None:
        return UNKNOWN if is_tuple else value
    numbers = ctx.machine.made_keys
    return Unknown(number=numbers.setdefault(made, len(numbers) + 1))


def _made(ctx: Context, node: ir.Expr, state: State) -> object:
    """What an expression is made of, if that is constants, parameters, and what says the same of
    them each time; None for any other. Two that are made of the same are equal."""
    if isinstance(node, ir.Const):
        return Const(node.value)
    if isinstance(node, ir.Name):
        held = [one for _, one in evaluate(ctx.into(Flow()), node, state)]
        one = held[0] if len(held) == 1 else UNKNOWN
        return one.name if isinstance(one, Param) else one if isinstance(one, Const) else None
    kind: str = ""
    parts: list[ir.Expr] = []
    if isinstance(node, ir.Display) and node.kind is tuple:
        is_plain = not any(is_starred for _, is_starred in node.elements)
        parts = [item for item, _ in node.elements if is_plain]
    elif isinstance(node, ir.Binary):
        kind, parts = node.op, [node.left, node.right]
    elif isinstance(node, ir.Call) and isinstance(node.func, ir.Name):
        telling = known.named(known.TELLS) - ctx.frame.func.locals
        kind, parts = node.func.id, [arg.value for arg in node.args if node.func.id in telling]
    elif isinstance(node, ir.Other):
        kind, parts = node.text or "", node.parts if node.text else []
    made = [_made(ctx, part, state) for part in parts]
    if None in made or not made:
        return None
    if isinstance(node, ir.Other):
        kind, made = written_out(kind, made)
    return (type(node), kind, *made)


def _altered(func: ir.Func) -> set[str]:
    """The names of what says something else of itself later: a function calls a method of it and
    drops the answer, or binds an attribute of it."""
    names: set[str] = set()
    for node in every(func):
        value = node.value if isinstance(node, ir.ExprStmt) else None
        call = value.value if isinstance(value, ir.Await) else value
        callee = call.func if isinstance(call, ir.Call) else None
        paths = [callee.path] if isinstance(callee, ir.Attr) and callee.path else []
        paths += [tuple(name.split(".")) for name in bound_names(node)]
        names |= {path[0] for path in paths if len(path) > 1}
    return names


def _is_plain_tuple(state: State, value: Value) -> bool:
    """Whether a value is a tuple that holds no task: a key like any other."""
    box = state.get(value)
    return type(box) is Box and box.kind is tuple and not reaches_task(value, state)


def _made_of(ctx: Context, node: ir.Expr) -> set[str]:
    """The names that an expression mentions, and those from which these are assigned."""
    names = mentioned(node)
    close(names, ctx.machine.once(_assigned, ctx.frame.func))
    return names


def _assigned(func: ir.Func) -> list[tuple[str, str]]:
    """Each name that a function assigns a value, and not a part of one, with each of those from
    which it does."""
    assigns = (node for node in every(func) if isinstance(node, ir.Assign))
    return [
        (target.id, source)
        for node in assigns
        for target in node.targets
        if isinstance(target, ir.Name)
        for source in mentioned(node.value)
    ]
