"""Operators, subscripts and methods of collections, which are Python's own.

Where a collection holds unknown others too, what is known of it is run all the same, and it stays
open; what raises then is no matter. The rules of our own are for what is not known at all: which
item an unknown index means, or what an unknown collection adds.
"""

from __future__ import annotations

import operator
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from flake8_asyncwait.analysis.code.exceptions import Exc
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.handover import hand_over
from flake8_asyncwait.analysis.machine.machine import Args, Context, Machine, Results
from flake8_asyncwait.analysis.semantics.names import matters
from flake8_asyncwait.analysis.semantics.values import (
    as_items,
    collection,
    is_element,
    is_private,
    iterated,
    orders_of,
)
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.real import (
    ERRORS,
    UNORDERED,
    NotKnown,
    bounded,
    is_sure,
    read,
    read_items,
    real,
)
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    BORROWED,
    COLLECTION,
    UNKNOWN,
    Box,
    Const,
    Owner,
    Param,
    Ref,
    Slice,
    Task,
    Unknown,
    Value,
)

Operation = Callable[..., Any]

_OPERATORS: dict[str, tuple[Operation, Operation]] = {
    "Add": (operator.add, operator.iadd),
    "Multiply": (operator.mul, operator.imul),
    "BitOr": (operator.or_, operator.ior),
    "Subtract": (operator.sub, operator.isub),
    "BitAnd": (operator.and_, operator.iand),
    "BitXor": (operator.xor, operator.ixor),
}
# A list repeated to more items than this holds nobody knows what.
_MOST_ITEMS = 1_000


def run_real(
    machine: Machine,
    operation: Operation,
    ref: Ref,
    others: list[Value],
    state: State,
    ctx: Context,
    opened: bool = False,
    kind: type | None = None,
) -> Results:
    """Run an operation on a collection and the real things that other values stand for, and read
    back what it returns and what has become of the collection.

    What raises there raises in the execution, unless what it was done to may hold more, or be of
    another kind. `opened` says that what is added comes with unknown others. Raises `NotKnown`.
    """
    box = state.box(ref)
    try:  # a dict may have been given a key that Python would have refused
        things = [real(state, ref, kind), *(real(state, value) for value in others)]
        order = [item for thing in things if isinstance(thing, _ITERABLES) for item in thing]
        result = operation(*things)
    except ERRORS as error:
        guessed = box.escaped and isinstance(error, (TypeError, AttributeError))
        if box.open or opened or guessed:
            return [(state, UNKNOWN)]
        machine.fail(state, ctx, Exc(type(error).__name__))
        return []
    state, items = read_items(state, things[0], order)
    state = state.put(ref, bounded(box._replace(items=items, open=box.open or opened)))
    state, value = read(state, result, box.open or opened, order)
    unsure = isinstance(value, Const) and value.value is not None and (box.open or opened)
    return [(state, UNKNOWN if unsure else value)]


def _run_or_open(
    machine: Machine,
    operation: Operation,
    ref: Ref,
    others: list[Value],
    state: State,
    ctx: Context,
    opened: bool,
    kind: type | None = None,
) -> Results:
    """`run_real`; what asks for more than is known leaves a collection that may hold more."""
    try:
        return run_real(machine, operation, ref, others, state, ctx, opened, kind)
    except NotKnown:
        return [(_opened(state, ref), UNKNOWN)]


_ITERABLES = (list, tuple, set, frozenset, deque, dict)


# Subscripts


def subscript(machine: Machine, value: Value, index: Value, state: State, ctx: Context) -> Results:
    """`value[index]`: an item that is taken from a parameter is a task of its own then."""
    results = _subscript(machine, value, index, state, ctx)
    return [(_picked(after, item), item) for after, item in results]


def _picked(state: State, item: Value) -> State:
    task = state.get(item)
    if not isinstance(item, Ref) or type(task) is not Task:
        return state
    if task.waited or task.owner.kind != COLLECTION:
        return state
    return state.put(item, task._replace(owner=Owner(BORROWED, task.owner.param)))


def _subscript(machine: Machine, value: Value, index: Value, state: State, ctx: Context) -> Results:
    if isinstance(value, Param) or isinstance(index, Slice):
        state, _, value = iterated(machine, state, value)
    box = state.get(value)
    if not isinstance(value, Ref) or type(box) is not Box:
        return [(state, UNKNOWN)]
    if box.kind is dict and not _is_found(box, index):
        return [(state, item) for item in _values_of(box)]
    try:
        return run_real(machine, operator.getitem, value, [index], state, ctx)
    except NotKnown:
        if isinstance(index, Slice):
            return [state.new(Box(box.kind, box.items, True))]
        return [(state, item) for item in _any_of(state, box)]


def set_item(
    machine: Machine, owner: Ref, index: Value, value: Value, state: State, ctx: Context
) -> list[State]:
    """`owner[index] = value`, in a collection of the function's own."""
    box = state.box(owner)
    if box.kind is dict:
        return [_set_key(machine, owner, index, value, state)]
    if isinstance(value, Unknown) and not isinstance(index, Slice):
        ends = delete_item(machine, owner, index, state, ctx)
        return [_opened(after, owner) for after in ends]
    try:
        results = run_real(machine, operator.setitem, owner, [index, value], state, ctx)
    except NotKnown:
        results = [(state, UNKNOWN)]
    if UNKNOWN in (value for _, value in results):  # it is somewhere
        several = isinstance(index, Slice)
        return [_with_items(state, owner, [] if several else [value], several)]
    return [after for after, _ in results]


def delete_item(
    machine: Machine, owner: Ref, index: Value, state: State, ctx: Context
) -> list[State]:
    """`del owner[index]`"""
    box = state.box(owner)
    if box.kind is dict and not _is_found(box, index):
        gone = _ended_pair(box, state)
        return [_without(state, owner, gone)]
    try:
        ends = run_real(machine, operator.delitem, owner, [index], state, ctx)
        return [after for after, _ in ends]
    except NotKnown:
        return [state]


def _any_of(state: State, box: Box) -> list[Value]:
    """Whichever item an unknown index means; of those that nothing tells apart, one."""
    return [item for item, _ in effects.choices(state, box.items)] or [UNKNOWN]


def _with_items(state: State, ref: Ref, items: list[Value], opened: bool) -> State:
    """The state in which a collection holds some more items, in whatever place."""
    box = state.box(ref)
    more = tuple(item for item in items if item not in box.items or box.kind not in UNORDERED)
    return state.put(ref, bounded(box._replace(items=box.items + more, open=box.open or opened)))


def _is_box(state: State, value: Value) -> bool:
    return type(state.get(value)) is Box


def _opened(state: State, ref: Ref) -> State:
    return state.put(ref, state.box(ref)._replace(open=True))


# Dicts. A key that is not known is a key of its own: any of the others may be equal to it, and to
# lose a task that runs would be a guess.


def _is_found(box: Box, key: Value) -> bool:
    """Whether it is known what a dict holds under a key, if only that it holds nothing. A task may
    be any of those under an unknown index, and a test before may have been of another."""
    keys = [one for one, _ in box.rows]
    if is_sure(key) and key in keys:
        return True
    return isinstance(key, Const) and not box.open and all(map(is_sure, keys))


def _values_of(box: Box) -> list[Value]:
    return [value for _, value in box.rows] or [UNKNOWN]


def _ended_pair(box: Box, state: State) -> tuple[Value, Value] | None:
    """The pair that an unknown key takes out: one with a task that has ended, if there is one."""
    return next((p for p in box.rows if any(effects.ended(state, part) for part in p)), None)


def _without(state: State, ref: Ref, pair: tuple[Value, Value] | None) -> State:
    box = state.box(ref)
    return state.put(ref, box._replace(items=tuple(one for one in box.items if one != pair)))


def _set_key(machine: Machine, ref: Ref, key: Value, value: Value, state: State) -> State:
    """A pair is remembered where it may matter to a wait. A key of which it is not known what it is
    equal to is taken to be new: what goes by the same name, as an attribute of whatever a loop is
    at, may be something else by now."""
    box = state.box(ref)
    if not is_sure(key) and any(key == each for each, _ in box.rows):
        key = UNKNOWN
    pairs = tuple(p for p in box.rows if p[0] != key or isinstance(key, Unknown))
    if not any(is_element(part, state) for part in (key, value)):
        return state.put(ref, box._replace(items=pairs, open=True))
    if (key, value) in box.items:
        return state
    if len(pairs) < len(box.items):  # it stays in its place
        pairs = tuple((key, value) if p[0] == key else p for p in box.rows)
        return state.put(ref, box._replace(items=pairs))
    return state.put(ref, box._replace(items=(*pairs, (key, value))))


def dict_of(pairs: Iterable[tuple[Value, Value]], opened: bool) -> Box:
    """A dict of pairs, of which later ones replace those with the same key."""
    kept: dict[object, tuple[Value, Value]] = {}
    for number, (key, value) in enumerate(pairs):
        place = key if is_sure(key) else number
        kept[place] = (kept.get(place, (key,))[0], value)
    return Box(dict, tuple(kept.values()), opened)


def given_pairs(args: Args, state: State) -> tuple[list[tuple[Value, Value]], bool]:
    """What `dict(...)` and `update(...)` are given: a dict or a list of pairs, and keywords; and
    whether there may be others."""
    pairs: list[tuple[Value, Value]] = [
        (Const(name), value) for name, value in args.keywords.items()
    ]
    if not args.positional:
        return pairs, args.splat
    box = state.get(args.first())
    if type(box) is not Box:
        return pairs, True
    if box.kind is dict:
        return [*box.rows, *pairs], box.open
    rows = [state.get(item) for item in box.items]
    known = [
        (row.items[0], row.items[1]) for row in rows if type(row) is Box and len(row.items) == 2
    ]
    return [*known, *pairs], box.open or len(known) < len(rows)


def update_dict(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    """`update` of a dict, whose keywords and pairs of unknown keys are no matter of Python's."""
    box = state.box(ref)
    pairs, opened = given_pairs(args, state)
    if box.escaped:
        state = hand_over(machine, state, tuple(pairs), ctx)
    after = dict_of([*box.rows, *pairs], box.open or opened)
    return [(state.put(ref, box._replace(items=after.items, open=after.open)), Const(None))]


def get_by_key(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    """`get(key, default)` of a dict: under an unknown key may be any of its values."""
    box = state.box(ref)
    if not _asks_for_unknown(box, args):
        return call_method(machine, ref, name, args, state, ctx)
    default = args.positional[1] if len(args.positional) > 1 else Const(None)
    return [(state, value) for value in (*_values_of(box), default)]


def set_default(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    """`setdefault(key, default)` of a dict: an unknown key is taken to be new."""
    box = state.box(ref)
    if not _asks_for_unknown(box, args) or len(args.positional) < 2:
        return get_by_key(machine, ref, name, args, state, ctx)
    key, value = args.positional
    return [(_set_key(machine, ref, key, value, state), value)]


def _pop_key(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    """`pop(key, default)` of a dict."""
    box = state.box(ref)
    if not _asks_for_unknown(box, args):
        return call_method(machine, ref, name, args, state, ctx)
    pair = _ended_pair(box, state) if not isinstance(args.first(), Ref) else None
    if pair:
        return [(_without(state, ref, pair), pair[1])]
    return [(state, args.positional[1] if len(args.positional) > 1 else UNKNOWN)]


def _asks_for_unknown(box: Box, args: Args) -> bool:
    """Whether it is not known what a dict holds under the key that it is asked for."""
    return box.kind is dict and bool(args.positional) and not _is_found(box, args.first())


# Operators


def combine(
    machine: Machine, op: str, left: Value, right: Value, state: State, ctx: Context
) -> Results:
    """`left op right` of two values; unknown if neither is a collection."""
    if op not in _OPERATORS or not any(collection(machine, state, v) for v in (left, right)):
        return [(state, UNKNOWN)]
    if op == "Multiply":
        return _repeated(machine, 0, left, right, state, ctx)
    state, mine, left = as_items(machine, state, left)
    state, others, right = as_items(machine, state, right)
    less = _less(state, left, right) if op == "Subtract" else []
    if not (_is_box(state, left) and _is_box(state, right)):
        known = state.get(left) if _is_box(state, left) else state.get(right)
        return less + _with_unknown(op, mine, others, known, state)
    assert isinstance(left, Ref)
    assert isinstance(right, Ref)
    opened = state.is_open(left) or (state.is_open(right) and op != "Subtract")
    return less + _combined(machine, 0, op, left, right, opened, state, ctx)


def _less(state: State, left: Value, *others: Value) -> Results:
    """What is left of a collection if others hold all of it that they may hold: what somebody
    else has made may be the same as what comes from elsewhere."""
    box = state.get(left)
    if type(box) is not Box or box.kind is dict:
        return []
    boxes = [state.get(other) for other in others]
    kept = tuple(i for i in box.items if not any(_may_hold(state, other, i) for other in boxes))
    return [state.new(Box(set, kept, box.open))] if len(kept) < len(box.items) else []


def _may_hold(state: State, box: object, item: Value) -> bool:
    """Whether a collection, or something unknown, may hold an item that came another way."""
    task = state.get(item)
    if type(task) is not Task or task.waited or is_private(task):
        return False
    if type(box) is not Box or box.open:
        return True
    inside = [state.get(each) for each in box.items]
    tasks = [each for each in inside if type(each) is Task and not is_private(each)]
    return None in inside or any(each.owner != task.owner for each in tasks)


def _combined(
    machine: Machine,
    place: int,
    op: str,
    left: Ref,
    right: Ref,
    opened: bool,
    state: State,
    ctx: Context,
) -> Results:
    """Run an operator, or (`place` is 1) its twin that works in place, on two collections. Where
    the kind of one is but a guess, both are sets if they have to be."""
    boxes = state.box(left), state.box(right)
    operation = _OPERATORS[op][place]
    guessed = boxes[0].escaped or (boxes[1].escaped and (op == "Add" or boxes[0].kind in UNORDERED))
    if guessed and dict not in (boxes[0].kind, boxes[1].kind):
        own = boxes[1] if boxes[0].escaped else boxes[0]
        kind = own.kind if op == "Add" else set

        def as_guessed(one: Any, other: Any) -> Any:
            result = operation(kind(one), kind(other))
            if place:
                one.clear()
                one.extend(result)
                return one
            return result

        return _run_or_open(machine, as_guessed, left, [right], state, ctx, opened, list)
    return _run_or_open(machine, operation, left, [right], state, ctx, opened)


def _with_unknown(
    op: str,
    mine: tuple[Value, ...] | None,
    others: tuple[Value, ...] | None,
    known: object,
    state: State,
) -> Results:
    """`left op right`, where one side at most is `known`."""
    if type(known) is not Box or known.kind is dict:
        return [(state, UNKNOWN)]
    if op == "Subtract" and mine is not None:
        return [state.new(Box(known.kind, mine, known.open))]
    items = () if op in ("BitAnd", "Subtract") else (*(mine or ()), *(others or ()))
    return [state.new(Box(known.kind, items, True))]


def _repeated(
    machine: Machine, place: int, left: Value, right: Value, state: State, ctx: Context
) -> Results:
    """`items * count`, the other way round, or in place."""
    items, count = (left, right) if type(state.get(left)) is Box else (right, left)
    box = state.get(items)
    if not isinstance(items, Ref) or type(box) is not Box:
        return [(state, UNKNOWN)]
    times = count.value if isinstance(count, Const) and isinstance(count.value, int) else None
    if isinstance(count, Const) and times is None:
        machine.fail(state, ctx, Exc("TypeError"))
        return []
    if times is None or len(box.items) * times > _MOST_ITEMS:
        opened = box._replace(open=True, escaped=False)
        return [(_opened(state, items), items)] if place else [state.new(opened)]
    return run_real(machine, _OPERATORS["Multiply"][place], items, [count], state, ctx)


def update(
    machine: Machine, op: str, ref: Ref, value: Value, state: State, ctx: Context
) -> Results:
    """`ref op= value`: the value that the target is bound to then, most often `ref` itself."""
    if op not in _OPERATORS:
        return [(state, UNKNOWN)]
    if op == "Multiply":
        return _repeated(machine, 1, ref, value, state, ctx)
    box = state.box(ref)
    if box.escaped and op in ("Add", "BitOr"):
        state = hand_over(machine, state, value, ctx)
    if box.kind is dict:
        return [
            (after, ref)
            for after, _ in update_dict(machine, ref, op, Args([value], {}), state, ctx)
        ]
    state, items, right = iterated(machine, state, value)
    other = state.get(right)
    if items is None or not isinstance(right, Ref) or type(other) is not Box:
        return [(_opened(state, ref) if op in ("Add", "BitOr", "BitXor") else state, ref)]
    if op == "Add" and box.kind is list:
        return [
            (after, ref)
            for after, _ in add_items(
                machine, ref, list.extend.__name__, Args([value], {}), state, ctx
            )
        ]
    opened = other.open and op not in ("Subtract", "BitAnd")
    return _combined(machine, 1, op, ref, right, opened, state, ctx)


# Methods


def call_method(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    """A method that is Python's own."""
    box = state.box(ref)
    kind = box.kind if not box.escaped else _kind_with(name, box.kind)
    try:
        return run_real(machine, _method(name), ref, args.positional, state, ctx, kind=kind)
    except NotKnown:
        return [(state, UNKNOWN)]


def _method(name: str) -> Operation:
    return lambda thing, *args: getattr(thing, name)(*args)


def _kind_with(name: str, kind: type) -> type:
    """A kind of collection that has a method, where its own is but a guess."""
    kinds = (kind, list, set, deque, dict)
    return next((one for one in kinds if hasattr(one, name)), kind)


def add_item(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    """`append`, `add`, `insert`, `appendleft`: one more item, where it is worth remembering."""
    value = args.positional[-1] if args.positional else UNKNOWN
    if state.box(ref).escaped:
        state = hand_over(machine, state, value, ctx)
    if fanout.is_one_more(machine, state, ref, value):
        return [(_opened(state, ref), Const(None))]
    if not _remembered(machine, value, state, ctx):
        return [(_opened(state, ref), Const(None))]
    if not is_sure(args.first()) and len(args.positional) > 1:
        return [(_with_items(state, ref, [value], False), Const(None))]
    return call_method(machine, ref, name, args, state, ctx)


def add_items(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    """`extend`, `update`, `extendleft`: what is known of all items of other collections."""
    box = state.box(ref)
    if box.kind is dict:
        return update_dict(machine, ref, name, args, state, ctx)
    ends: Results = [(state, Const(None))]
    for value in args.positional:
        ends = [
            end for before, _ in ends for end in _add_each(machine, ref, name, value, before, ctx)
        ]
    return ends


def _add_each(
    machine: Machine, ref: Ref, name: str, value: Value, state: State, ctx: Context
) -> Results:
    state, items, source = iterated(machine, state, value)
    if state.box(ref).escaped:
        state = hand_over(machine, state, items or (), ctx)
    kept = tuple(item for item in items or () if _remembered(machine, item, state, ctx))
    opened = items is None or state.is_open(source) or len(kept) < len(items)
    state, given = state.new(Box(tuple, kept))
    box = state.box(ref)
    kind = box.kind if not box.escaped else _kind_with(name, box.kind)
    return _run_or_open(machine, _method(name), ref, [given], state, ctx, opened, kind)


def combine_all(
    adds: bool, machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    """`union` and the like, and their twins that work in place: of any others that can be
    iterated over; of what is not known, nothing is taken out."""
    box = state.box(ref)
    given: list[Value] = []
    less: Results = []
    opened = False
    for value in args.positional:
        state, items, source = iterated(machine, state, value)
        less += _less(state, ref, source) if not adds and hasattr(frozenset, name) else []
        opened = opened or items is None or (adds and state.is_open(source))
        if items is not None:
            state, others = state.new(Box(tuple, items))
            given.append(others)
    kind = box.kind if not box.escaped else _kind_with(name, box.kind)
    method = _method(name)
    return less + _run_or_open(machine, method, ref, given, state, ctx, opened and adds, kind)


def _remembered(machine: Machine, value: Value, state: State, ctx: Context) -> bool:
    """Whether a collection remembers an item."""
    if ctx.frame.func is not machine.func:
        return matters(value, state)
    thing = state.get(value)
    if type(thing) is Box and thing.kind is tuple:
        return any(_remembered(machine, item, state, ctx) for item in thing.items)
    return not isinstance(value, (Unknown, Const))


def pop_any(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    """`pop` of a set takes any of its items, which nothing orders."""
    box = state.box(ref)
    if box.kind is not dict and args.positional and not is_sure(args.first()):
        return [(state, item) for item in _any_of(state, box)]
    if box.kind not in UNORDERED or args.positional:
        return _pop_key(machine, ref, name, args, state, ctx)
    ends: Results = [
        (state.put(ref, box._replace(items=rest)), item)
        for item, rest in effects.choices(state, box.items)
    ]
    if box.open or (not ends and box.escaped):
        ends.append((state, UNKNOWN))
    elif not ends:
        machine.fail(state, ctx, Exc("KeyError"))
    return ends


def view(machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
    """`.keys()`, `.values()` and `.items()` of a dict; of a parameter, all its tasks."""
    box = state.box(ref)
    if box.kind is not dict and box.escaped:
        return [state.new(Box(list, box.items, box.open))]
    return call_method(machine, ref, name, args, state, ctx)


def sort(machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
    """`sort()`; by a key, into an order that nobody knows."""
    if not args.keywords:
        return call_method(machine, ref, name, args, state, ctx)
    box = state.box(ref)
    orders = orders_of(state, box.items)
    return [(state.put(ref, box._replace(items=order)), Const(None)) for order in orders]


def clear(machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
    """`clear()` takes out the unknown others, too."""
    box = state.box(ref)
    return [(state.put(ref, box._replace(items=(), open=False)), Const(None))]


def remove_item(
    machine: Machine, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    """`remove` and `discard`: one that is not known may be none of the items."""
    if not is_sure(args.first()):
        return [(state, Const(None))]
    return call_method(machine, ref, name, args, state, ctx)
