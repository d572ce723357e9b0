"""Subscripts and methods of collections, which are Python's own.

The rules of our own are for what is not known at all: which item an unknown index means, or what an
unknown collection adds.
"""

from __future__ import annotations

import operator

from flake8_asyncwait.analysis.code.exceptions import Exc
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.handover import hand_over
from flake8_asyncwait.analysis.machine.machine import Args, Context, Results
from flake8_asyncwait.analysis.semantics.dicts import (
    ended_pair,
    is_found,
    pop_key,
    set_key,
    update_dict,
    values_of,
    without,
)
from flake8_asyncwait.analysis.semantics.items import (
    in_one_dict,
    is_private,
    iterated,
    may_be_no_task,
    orders_of,
)
from flake8_asyncwait.analysis.semantics.names import matters
from flake8_asyncwait.analysis.semantics.running import (
    any_item,
    call_method,
    kind_with,
    method_of,
    open_up,
    run_or_open,
    run_real,
    tend,
    with_item,
    with_something,
)
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.real import UNORDERED, NotKnown, is_sure
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
    Result,
    Slice,
    Task,
    Unknown,
    Value,
)


def subscript(ctx: Context, value: Value, index: Value, state: State) -> Results:
    """`value[index]`: an item that is taken from a parameter is a task of its own then."""
    results = _subscript(ctx, value, index, state)
    return [(_picked(after, item), item) for after, item in results]


def item_of(ctx: Context, ref: Ref, name: str, args: Args, state: State) -> Results:
    """`map(tasks.__getitem__, keys)`"""
    return subscript(ctx, ref, args.first(), state)


def _picked(state: State, item: Value) -> State:
    task = state.get(item)
    if not isinstance(item, Ref) or type(task) is not Task:
        return state
    if task.waited or task.owner.kind != COLLECTION:
        return state
    return state.put(item, task._replace(owner=Owner(BORROWED, task.owner.param)))


def _subscript(ctx: Context, value: Value, index: Value, state: State) -> Results:
    if isinstance(value, Param) or isinstance(index, Slice):
        state, _, value = iterated(ctx, state, value)
    state = _as_mapping(state, value, index)
    box = state.get(value)
    if not isinstance(value, Ref) or type(box) is not Box:
        return [(state, UNKNOWN)]
    if box.kind is dict and not is_found(box, index):
        return [(state, item) for item in values_of(box, index)]
    if _is_behind(ctx, box, index, state):
        return [(state, UNKNOWN)]
    try:
        return run_real(ctx, operator.getitem, value, [index], state)
    except NotKnown:
        if isinstance(index, Slice):
            return [state.new(Box(box.kind, box.items, True))]
        return [(state, item) for item in any_item(state, box)]


def _is_behind(ctx: Context, box: Box, index: Value, state: State) -> bool:
    """Whether a place is behind all that is known of a collection that may be larger: a loop that
    counts need not have gone too far there."""
    place = index.value if isinstance(index, Const) else None
    if not isinstance(place, int) or not 0 < len(box.items) <= place:
        return False
    return ctx.machine.are_crowded(map(state.get, box.items))


def _as_mapping(state: State, value: Value, key: Value) -> State:
    """The state in which a parameter that is asked for the item of a key, and not of a place, is a
    dict: one of its tasks that have no key yet has this one."""
    box = state.get(value)
    if not isinstance(value, Ref) or type(box) is not Box or not box.escaped:
        return state
    if box.kind is list and isinstance(key, Const) and not isinstance(key.value, int):
        pairs: list[tuple[Value, Value]] = [(UNKNOWN, item) for item in box.items]
    elif box.kind is dict and isinstance(key, Const) and not is_found(box, key):
        pairs = list(box.rows)
    else:
        return state
    fresh = next((n for n, pair in enumerate(pairs) if _is_unnamed(state, pair)), None)
    if fresh is None:
        return state
    pairs[fresh] = (key, pairs[fresh][1])
    return state.put(value, box._replace(kind=dict, items=tuple(pairs)))


def _is_unnamed(state: State, pair: tuple[Value, Value]) -> bool:
    """Whether a pair is a task of a parameter of which no key is known."""
    task = state.get(pair[1])
    return isinstance(pair[0], Unknown) and type(task) is Task and task.owner.kind == COLLECTION


def set_item(ctx: Context, owner: Ref, index: Value, value: Value, state: State) -> list[State]:
    """`owner[index] = value`, in a collection of the function's own."""
    box = state.box(owner)
    if box.kind is dict:
        return [set_key(owner, index, value, state)]
    try:
        results = run_real(ctx, operator.setitem, owner, [index, value], state)
    except NotKnown:
        results = [(state, UNKNOWN)]
    if UNKNOWN in (value for _, value in results):  # it is somewhere
        if isinstance(index, Slice):
            return [open_up(state, owner)]
        return [with_item(state, owner, value)]
    return [after for after, _ in results]


def delete_item(ctx: Context, owner: Ref, index: Value, state: State) -> list[State]:
    """`del owner[index]`"""
    box = state.box(owner)
    if box.kind is dict and not is_found(box, index):
        gone = ended_pair(box, state)
        return [without(state, owner, gone)]
    try:
        if _is_key(box, index):
            raise NotKnown
        ends = run_real(ctx, operator.delitem, owner, [index], state)
        return [after for after, _ in ends]
    except NotKnown:
        tend(ctx, state, box)
        return [state]


def _is_key(box: Box, index: Value) -> bool:
    """Whether an index is a task: what is taken for a list is a dict that has tasks as its keys."""
    return box.kind is list and box.escaped and isinstance(index, Ref)


def add_item(ctx: Context, ref: Ref, name: str, args: Args, state: State) -> Results:
    """`append`, `add`, `insert`, `appendleft`: one more item, where it is worth remembering."""
    value = args.positional[-1] if args.positional else UNKNOWN
    if state.box(ref).escaped:
        state = hand_over(ctx, state, value)
    if fanout.is_one_more(ctx, state, ref, value):
        return [(open_up(state, ref), Const(None))]
    if not _remembered(ctx, value, state):
        if not _is_measured(ctx, ref, state):
            return [(with_something(state, ref), Const(None))]
        args = args._replace(positional=[*args.positional[:-1], UNKNOWN])
    if not is_sure(args.first()) and len(args.positional) > 1:  # in whatever place
        return [(with_item(state, ref, value), Const(None))]
    return call_method(ctx, ref, name, args, state)


def add_items(ctx: Context, ref: Ref, name: str, args: Args, state: State) -> Results:
    """`extend`, `update`, `extendleft`: what is known of all items of other collections."""
    box = state.box(ref)
    if box.kind is dict:
        return update_dict(ctx, ref, name, args, state)
    ends: Results = [(state, Const(None))]
    for value in args.positional:
        ends = [end for before, _ in ends for end in _add_each(ctx, ref, name, value, before)]
    return ends


def _add_each(ctx: Context, ref: Ref, name: str, value: Value, state: State) -> Results:
    state, items, source = iterated(ctx, state, value)
    if state.box(ref).escaped:
        state = hand_over(ctx, state, items or ())
    if _is_measured(ctx, ref, state):
        kept = tuple(i if _remembered(ctx, i, state) else UNKNOWN for i in items or ())
    else:
        kept = tuple(item for item in items or () if _remembered(ctx, item, state))
    opened = items is None or state.is_open(source) or len(kept) < len(items)
    state, given = state.new(Box(tuple, kept))
    kind = kind_with(name, state.box(ref))
    return run_or_open(ctx, method_of(name), ref, [given], state, opened, kind)


def combine_all(adds: bool, ctx: Context, ref: Ref, name: str, args: Args, state: State) -> Results:
    """`union` and the like, and their twins that work in place: of any others that can be
    iterated over; of what is not known, nothing is taken out."""
    given: list[Value] = []
    less: Results = []
    opened = False
    for value in args.positional:
        state, items, source = iterated(ctx, state, value)
        less += less_others(state, ref, source) if not adds and hasattr(frozenset, name) else []
        opened = opened or items is None or (adds and state.is_open(source))
        if items is not None:
            state, others = state.new(Box(tuple, items))
            given.append(others)
    kind = kind_with(name, state.box(ref))
    method = method_of(name)
    return less + run_or_open(ctx, method, ref, given, state, opened and adds, kind)


def _is_measured(ctx: Context, ref: Ref, state: State) -> bool:
    """Whether a test compares the size of a list, so that all of its items count."""
    if not ctx.is_own or state.box(ref).kind is not list or state.is_open(ref):
        return False
    return any(state.env.get(name) == ref for name in ctx.machine.facts.measured)


def _remembered(ctx: Context, value: Value, state: State) -> bool:
    """Whether a collection remembers an item."""
    if not ctx.is_own:
        return isinstance(value, Result) or matters(value, state)
    thing = state.get(value)
    if type(thing) is Box and thing.kind is tuple:
        return any(_remembered(ctx, item, state) for item in thing.items)
    if isinstance(value, Const):
        return in_one_dict(state, value)
    return value != UNKNOWN


def pop_any(ctx: Context, ref: Ref, name: str, args: Args, state: State) -> Results:
    """`pop` of a set takes any of its items, which nothing orders."""
    box = state.box(ref)
    is_any = not is_sure(args.first()) or _is_key(box, args.first())
    if box.kind is not dict and args.positional and is_any:
        tend(ctx, state, box)
        return [(state, item) for item in any_item(state, box)]
    if box.kind not in UNORDERED or args.positional:
        return pop_key(ctx, ref, name, args, state)
    ends: Results = [
        (state.put(ref, box._replace(items=rest)), item)
        for item, rest in effects.choices(state, box.items)
    ]
    if box.open or (not ends and box.escaped):
        ends.append((state, UNKNOWN))
    elif not ends:
        ctx.fail(state, Exc("KeyError"))
    return ends


def sort(ctx: Context, ref: Ref, name: str, args: Args, state: State) -> Results:
    """`sort()`; by a key, or of what may be no tasks, into an order that nobody knows."""
    box = state.box(ref)
    if not args.keywords and not any(may_be_no_task(state, item) for item in box.items):
        return call_method(ctx, ref, name, args, state)
    orders = orders_of(state, box.items)
    return [(state.put(ref, box._replace(items=order)), Const(None)) for order in orders]


def clear(ctx: Context, ref: Ref, name: str, args: Args, state: State) -> Results:
    """`clear()` takes out the unknown others, too; who else reaches the collection may fill it."""
    box = state.box(ref)
    return [(state.put(ref, box._replace(items=(), open=box.escaped)), Const(None))]


def remove_item(ctx: Context, ref: Ref, name: str, args: Args, state: State) -> Results:
    """`remove` and `discard`: one that is not known may be none of the items."""
    if not is_sure(args.first()):
        tend(ctx, state, state.box(ref))
        return [(state, Const(None))]
    return call_method(ctx, ref, name, args, state)


def less_others(state: State, left: Value, *others: Value) -> Results:
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
    if type(task) is not Task or task.waited or is_private(state, item):
        return False
    if type(box) is not Box or box.open:
        return True
    others = [state.get(each) for each in box.items if not is_private(state, each)]
    owners = {each.owner for each in others if type(each) is Task}
    return None in others or not owners <= {task.owner}
