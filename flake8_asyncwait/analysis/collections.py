"""Operators, subscripts and methods of collections."""

from __future__ import annotations

from typing import Any

from flake8_asyncwait.analysis import effects, ir
from flake8_asyncwait.analysis.exceptions import Exc
from flake8_asyncwait.analysis.handover import hand_over
from flake8_asyncwait.analysis.machine import Args, Context, Machine, Results
from flake8_asyncwait.analysis.names import matters
from flake8_asyncwait.analysis.state import UNKNOWN, Box, Const, Ref, State, Unknown, Value
from flake8_asyncwait.analysis.values import as_items, collection, is_element, iterated

_FREE = object()


def _is_dict(thing: Any) -> bool:
    return type(thing) is Box and thing.kind == "dict"


def sliced(machine: Machine, state: State, value: Value, index: ir.Slice, ctx: Context) -> Results:
    state, items, source = iterated(machine, state, value)
    box = state.get(source)
    if items is None or type(box) is not Box:
        return [(state, UNKNOWN)]
    bounds = [_slice_bound(part) for part in (index.lower, index.upper, index.step)]
    if bounds[2] == 0:
        machine.fail(state, ctx, Exc("ValueError"))
        return []
    if any(bound is _FREE for bound in bounds):
        return [state.new(Box(box.kind, items, True))]
    return [state.new(Box(box.kind, items[slice(*bounds)], box.open))]


def _slice_bound(node: ir.Expr | None) -> Any:
    if node is None:
        return None
    known = isinstance(node, ir.Const) and type(node.value) is int
    return node.value if known else _FREE  # type: ignore[union-attr]


def looked_up(box: Box, index: Value) -> list[Value]:
    exact = [value for key, value in box.items if key == index and not isinstance(key, Unknown)]
    return exact[-1:] or [value for _, value in box.items] or [UNKNOWN]


def indexed(machine: Machine, state: State, box: Box, index: Value, ctx: Context) -> Results:
    if isinstance(index, Const) and type(index.value) is int and box.kind != "set":
        if -len(box.items) <= index.value < len(box.items):
            return [(state, box.items[index.value])]
        if not box.open:
            machine.fail(state, ctx, Exc("IndexError"))
            return []
        return [(state, UNKNOWN)]
    return [(state, item) for item, _ in effects.choices(state, box.items)] or [(state, UNKNOWN)]


def combine(
    machine: Machine, state: State, op: str, left: Value, right: Value
) -> tuple[State, Value]:
    """`left op right` of two collections; unknown if neither is one."""
    if op not in ("Add", "BitOr", "Subtract", "BitAnd", "BitXor"):
        return state, UNKNOWN
    if not any(collection(machine, state, side) for side in (left, right)):
        return state, UNKNOWN
    first, second = state.get(left), state.get(right)
    if op == "BitOr" and _is_dict(first) and _is_dict(second):
        opened = first.open or second.open
        return state.new(Box("dict", (*first.items, *second.items), opened))
    state, mine, left = as_items(machine, state, left)
    state, others, right = as_items(machine, state, right)
    box = state.get(left) if type(state.get(left)) is Box else state.get(right)
    opened = any(
        items is None or state.get(side).open for items, side in ((mine, left), (others, right))
    )
    mine, others = mine or (), others or ()
    if op == "Subtract":
        items = tuple(item for item in mine if item not in others)
        opened = state.get(left).open if type(state.get(left)) is Box else True
    elif op == "BitAnd":
        items = tuple(item for item in mine if item in others)
    elif op == "BitXor":
        items = tuple(i for i in (*mine, *others) if (i in mine) != (i in others))
    else:
        items = tuple(dict.fromkeys((*mine, *others)))
    if box.kind == "dict":
        return state, UNKNOWN
    return state.new(Box(box.kind, items, opened))


def with_pair(box: Box, pairs: tuple[Value, ...], key: Value, value: Value, state: State) -> Box:
    """A dict with one more pair than `pairs`, where that may matter to a wait."""
    if not any(is_element(part, state) for part in (key, value)):
        return box._replace(items=pairs, open=True)
    if (key, value) in pairs:
        return box
    return box._replace(items=(*pairs, (key, value)))


def set_item(state: State, owner: Ref, box: Box, index: Value, value: Value) -> State:
    if isinstance(index, Const) and type(index.value) is int:
        if -len(box.items) <= index.value < len(box.items):
            items = list(box.items)
            items[index.value] = value
            return state.put(owner, box._replace(items=tuple(items)))
    return state.put(owner, box._replace(items=(*box.items, value)))


def given_pairs(args: Args, state: State) -> list[Value]:
    """What `dict(...)` and `update(...)` are given: a dict or a list of pairs, and keywords."""
    box = state.get(args.first())
    pairs: list[Value] = []
    if type(box) is Box and box.kind == "dict":
        pairs += box.items
    elif type(box) is Box:
        rows = [state.get(item) for item in box.items]
        pairs += [row.items for row in rows if type(row) is Box and len(row.items) == 2]
    return [*pairs, *((Const(name), value) for name, value in args.keywords.items())]


def put_in(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    """`append`, `add`, `insert`: one more item."""
    value = args.positional[-1] if args.positional else UNKNOWN
    return [(_with_items(machine, state, ref, [value], False, ctx), Const(None))]


def extend(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    box = state.heap[ref.id]
    if box.kind == "dict":
        pairs = given_pairs(args, state)
        if _is_theirs(ref, state, ctx):
            state = hand_over(machine, state, tuple(pairs), ctx)
        more = box._replace(items=(*box.items, *pairs), open=box.open or not pairs)
        return [(state.put(ref, more), Const(None))]
    for value in args.positional:
        state, items, source = iterated(machine, state, value)
        opened = items is None or state.get(source).open
        state = _with_items(machine, state, ref, list(items or ()), opened, ctx)
    return [(state, Const(None))]


def _with_items(
    machine: Machine, state: State, ref: Ref, values: list[Value], opened: bool, ctx: Context
) -> State:
    """Add values to a collection; what goes into somebody else's is handed over."""
    box = state.heap[ref.id]
    theirs = _is_theirs(ref, state, ctx)
    items = list(box.items)
    for value in values:
        if theirs:
            state = hand_over(machine, state, value, ctx)
        if not _remembered(machine, value, state, ctx):
            opened = True
        elif value not in items:
            items.append(value)
    return state.put(ref, box._replace(items=tuple(items), open=box.open or opened))


def _is_theirs(ref: Ref, state: State, ctx: Context) -> bool:
    """Whether somebody else can reach a collection, or a nested function of the function
    reaches into the function's own names."""
    if state.heap[ref.id].escaped:
        return True
    if ctx.frame.parent is None:
        return False
    names = [key for key, value in state.env.items() if value == ref]
    return any(not key.startswith(ctx.frame.prefix) for key in names)


def _remembered(machine: Machine, value: Value, state: State, ctx: Context) -> bool:
    """Whether a collection remembers an item."""
    if ctx.frame.func is not machine.func:
        return matters(value, state)
    thing = state.get(value)
    if type(thing) is Box and thing.kind == "tuple":
        return any(_remembered(machine, item, state, ctx) for item in thing.items)
    return not isinstance(value, (Unknown, Const))


def pop_item(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    """Take an item out: a given one of a list or dict, any of a set."""
    box = state.heap[ref.id]
    if box.kind == "dict" and name == "pop" and not args.positional:
        machine.fail(state, ctx, Exc("TypeError"))
        return []
    if box.kind == "dict":
        return _pop_key(ref, box, name, args, state)
    results: Results = []
    if not box.items:
        if not box.open:
            machine.fail(state, ctx, Exc("KeyError" if box.kind == "set" else "IndexError"))
            return []
        return [(state, UNKNOWN)]
    if box.kind == "set":
        for item, rest in effects.choices(state, box.items):
            results.append((state.put(ref, box._replace(items=rest)), item))
        if box.open:
            results.append((state, UNKNOWN))
        return results
    index: Any = 0 if name == "popleft" else -1
    if args.positional:
        index = getattr(args.positional[0], "value", None)
    if type(index) is not int or not -len(box.items) <= index < len(box.items):
        return [(state, item) for item, _ in effects.choices(state, box.items)]
    left = list(box.items)
    item = left.pop(index)
    return [(state.put(ref, box._replace(items=tuple(left))), item)]


def _pop_key(ref: Ref, box: Box, name: str, args: Args, state: State) -> Results:
    if name == "popitem":
        results: Results = []
        for position, pair in enumerate(box.items):
            rest = box.items[:position] + box.items[position + 1 :]
            after = state.put(ref, box._replace(items=rest))
            results.append(after.new(Box("tuple", tuple(pair))))
        return results or [(state, UNKNOWN)]
    default = args.positional[1] if len(args.positional) > 1 else UNKNOWN
    gone = pairs_under(args.first(), box, state)
    if not gone:
        return [(state, default)]
    rest = tuple(pair for pair in box.items if pair not in gone)
    return [(state.put(ref, box._replace(items=rest)), gone[-1][1])]


def pairs_under(key: Value, box: Box, state: State) -> list[Value]:
    """The items of a dict that a key takes out. One that is not known takes out a task that
    has ended, if any: to lose one that runs would be a guess."""
    if isinstance(key, (Ref, Const)):
        exact = [pair for pair in box.items if pair[0] == key]
        if exact or isinstance(key, Ref):
            return exact
    return [pair for pair in box.items if any(effects.ended(state, part) for part in pair)][:1]


def remove_item(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    box = state.heap[ref.id]
    value = args.first()
    items = tuple(item for item in box.items if item != value)
    return [(state.put(ref, box._replace(items=items)), Const(None))]


def remove_all(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    """`difference_update` and `intersection_update`."""
    for value in args.positional:
        box = state.heap[ref.id]
        state, others, _ = iterated(machine, state, value)
        if others is None:
            continue
        inside = name == "intersection_update"
        items = tuple(item for item in box.items if (item in others) == inside)
        state = state.put(ref, box._replace(items=items))
    return [(state, Const(None))]


def clear(machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
    box = state.heap[ref.id]
    return [(state.put(ref, box._replace(items=(), open=False)), Const(None))]


def combine_all(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    ops = {"union": "BitOr", "difference": "Subtract", "intersection": "BitAnd"}
    result: Value = ref
    for value in args.positional:
        state, result = combine(machine, state, ops.get(name, "BitXor"), result, value)
    if result == ref:
        return copy_of(machine, ref, name, args, state, ctx)
    return [(state, result)]


def copy_of(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    return [state.new(state.heap[ref.id]._replace(escaped=False))]


def view(machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
    """`.keys()`, `.values()` and `.items()` of a dict; of a parameter, all its tasks."""
    box = state.heap[ref.id]
    if box.kind != "dict":
        return [state.new(Box("list", box.items, box.open))]
    if name == "items":
        rows: list[Value] = []
        for pair in box.items:
            state, row = state.new(Box("tuple", tuple(pair)))
            rows.append(row)
        return [state.new(Box("list", tuple(rows), box.open))]
    column = 0 if name == "keys" else 1
    return [state.new(Box("list", tuple(pair[column] for pair in box.items), box.open))]


def get_item(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    box = state.heap[ref.id]
    if box.kind != "dict":
        return [(state, UNKNOWN)]
    key = args.first()
    exact = any(pair[0] == key for pair in box.items) and isinstance(key, (Ref, Const))
    if name == "setdefault" and len(args.positional) > 1 and not exact:
        value = args.positional[1]
        after = with_pair(box, box.items, key, value, state)
        return [(state.put(ref, after), value)]
    default = args.positional[1] if len(args.positional) > 1 else Const(None)
    found = [(state, value) for value in looked_up(box, key)]
    return found if exact else [*found, (state, default)]
