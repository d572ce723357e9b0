"""Tasks and items: what a value yields, what is worth remembering of it, a new task."""

from __future__ import annotations

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.machine import Context, Results
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.keys import FILLED, SINGLE
from flake8_asyncwait.analysis.states.real import UNORDERED, bounded, is_key
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    BORROWED,
    COLLECTION,
    FOREIGN,
    MANY,
    NEVER_LOST,
    OWNED,
    UNKNOWN,
    AsCompleted,
    Box,
    Const,
    Foreign,
    Gather,
    Owner,
    Param,
    Ref,
    Result,
    Shielded,
    Status,
    Task,
    Unknown,
    Value,
    Waiting,
    WaitTask,
)


def as_task(
    ctx: Context, state: State, value: Value, *, even_of_others: bool = False
) -> tuple[State, Value]:
    """Make an element of a wait, or the receiver of a task's method, a task of the heap. A value
    that cannot be told from others (an unknown one) stays as it is."""
    handed = False
    if isinstance(value, Param):
        origin, owner = ctx.machine.origin(value.name), Owner(BORROWED, value.name)
        handed = value.handed
    elif not (even_of_others or ctx.machine.something_to_lose(state)):
        return state, value
    elif isinstance(value, Result):
        origin, owner = value.origin, FOREIGN
    elif isinstance(value, Foreign):
        origin, owner = ctx.machine.origin(value.path), FOREIGN
    else:
        return state, value
    if effects.live(state, origin) >= MANY or (isinstance(value, Param) and value.plain):
        return state, value
    return effects.become(state, value, Task(Status.MAYBE, owner, origin, handed=handed))


def as_items(
    ctx: Context, state: State, value: Value
) -> tuple[State, tuple[Value, ...] | None, Value]:
    """What iterating over a value yields: its items, or None where they are unknown. Returns the
    value too, for what is iterated over becomes a collection here."""
    if isinstance(value, Param):
        return _items_of_parameter(ctx, state, value)
    if isinstance(value, Foreign) and ctx.machine.something_to_lose(state):
        origin = ctx.machine.origin(value.path)
        if effects.live(state, origin) >= MANY:
            return state, None, value
        state, task = state.new(Task(Status.MAYBE, FOREIGN, origin))
        state, box = effects.become(state, value, Box(list, (task,), open=True, escaped=True))
        return state, (task,), box
    thing = state.get(value)
    if type(thing) is not Box:
        return state, None, value
    items = tuple(key for key, _ in thing.rows) if thing.kind is dict else thing.items
    return state, items, value


def _items_of_parameter(
    ctx: Context, state: State, value: Param
) -> tuple[State, tuple[Value, ...], Value]:
    many = value.size or ctx.machine.count()
    many = 0 if value.falsy else many
    if value.plain:
        return state, (UNKNOWN,) * many, value
    owner = Owner(COLLECTION, value.name)
    tasks: list[Ref] = []
    for _ in range(many):
        origin = ctx.machine.origin(value.name)
        state, task = state.new(Task(Status.MAYBE, owner, origin, handed=value.handed))
        tasks.append(task)
    state, box = effects.become(state, value, Box(list, tuple(tasks), escaped=True))
    return state, tuple(tasks), box


def new_box(
    state: State,
    kind: type,
    items: list[Value],
    opened: bool,
    counted: bool = False,
    is_measured: bool = False,
) -> tuple[State, Value]:
    """A new collection, or an unknown value where it holds nothing to remember, unless it
    `is_measured`. Where it is not `counted`, equal results of one call stand for any number of
    them."""
    if kind is not tuple:
        telling = [item for item in items if item != UNKNOWN]
        # Equal results of one call stand for as many things as the call was made.
        distinct: list[Value] = list(dict.fromkeys(telling))
        several = any(isinstance(i, Result) and telling.count(i) > 1 for i in distinct)
        several = several and not (counted and kind is list)
        if several or kind in UNORDERED:
            opened = opened or several or len(telling) < len(items)
            items = distinct
    whole = kind is tuple or not opened
    constants = whole and all(isinstance(item, Const) for item in items)
    is_told = constants or is_measured or any(tells(item, state) for item in items)
    if (items or opened) and not is_told:
        return state.new(Box(kind, (), True)) if opened else (state, UNKNOWN)
    return state.new(bounded(state, Box(kind, tuple(items), opened)))


def tells(value: Value, state: State) -> bool:
    """Whether a value is worth remembering in a collection: it may be a task or make one, or it
    is None, which to wait for raises, or the key of one."""
    if is_key(value):
        return True
    thing = state.get(value)
    if type(thing) is Box:
        if not thing.items:
            return not thing.open  # a collection to come
        return any(tells(part, state) for part in thing.held)
    return value == Const(None) or not isinstance(value, (Const, Unknown))


def split_on_turns(
    ctx: Context, node: ir.Expr, some: State, none: State
) -> tuple[list[State], list[State]]:
    """Of the states of a loop over something unknown, `some` with and `none` without a turn,
    those that may be: what the function loops over again is as empty as it was
    (`flow_branches.as_many_turns_as_before`)."""
    if turns(node):
        return [some], []
    if not ctx.is_own or not isinstance(node, ir.Name):
        return [some], [none]
    if node.id not in ctx.machine.facts.repeated:
        return [some], [none]
    key = FILLED + node.id
    known = none.env.get(key)
    return (
        [some.bind(key, Const(True))] if known != Const(False) else [],
        [none.bind(key, Const(False))] if known != Const(True) else [],
    )


def is_single(ctx: Context, node: ir.Expr, state: State) -> bool:
    """Whether a condition has found that a name holds one thing at most."""
    return ctx.is_own and isinstance(node, ir.Name) and SINGLE + node.id in state.env


def as_number(value: Value) -> Value:
    """The number that a counted parameter is, or that of the things in it, once it is chosen; any
    other value itself."""
    if not isinstance(value, Param) or not (value.falsy or value.size):
        return value
    return Const(value.size)


def turns(node: ir.Expr) -> tuple[Value, ...] | None:
    """The items of a loop over a few things that are displayed (`[mk() for _ in (x, x)]`)."""
    if not isinstance(node, ir.Display) or any(starred for _, starred in node.elements):
        return None
    count = len(node.elements)
    return (UNKNOWN,) * count if 0 < count <= MANY else None


def iterated(
    ctx: Context, state: State, value: Value
) -> tuple[State, tuple[Value, ...] | None, Value]:
    """What a loop over a value yields; `as_completed` yields what stands for each task."""
    if isinstance(value, AsCompleted):
        state, items, source = completing(ctx, state, value)
        shielded = None if items is None else tuple(Shielded(one, value.timed) for one in items)
        return state, shielded, source
    if isinstance(value, Foreign) and value.path not in ctx.machine.relevant:
        return state, None, value
    return as_items(ctx, state, value)


def used_up(state: State, value: Value) -> State:
    """Take all out of an iterator: what goes through it later finds nothing."""
    box = state.get(value)
    if not isinstance(value, Ref) or type(box) is not Box or box.kind is not ir.ITERATOR:
        return state
    return state.put(value, box._replace(items=(), open=False))


def completing(
    ctx: Context, state: State, value: AsCompleted
) -> tuple[State, tuple[Value, ...] | None, Value]:
    """The tasks that a loop over `as_completed` waits for."""
    state, items, source = as_items(ctx, state, value.waited)
    return fanout.iterating(ctx, state, value), items, source


def collection(ctx: Context, state: State, value: Value) -> bool:
    if isinstance(value, Foreign):
        return value.path in ctx.machine.relevant and ctx.machine.something_to_lose(state)
    return isinstance(value, Param) or type(state.get(value)) is Box


def in_one_dict(state: State, *keys: Value) -> bool:
    """Whether a dict has tasks under some keys: these differ from each other."""
    boxes = (thing for thing in state.heap.values() if type(thing) is Box and thing.kind is dict)
    return any(
        all(key in held and is_element(held[key], state) for key in keys)
        for held in (dict(box.rows) for box in boxes)
    )


def reaches_task(value: Value, state: State) -> bool:
    """Whether a value is, or holds, a task or a wait."""
    if isinstance(value, Waiting):
        return True
    return any(type(state.heap[n]) in (Task, Gather, WaitTask) for n in state.refs(value))


def is_private(state: State, value: Value) -> bool:
    """Whether nobody else can reach a task or a gather, and so put it anywhere."""
    thing = state.get(value)
    if type(thing) is WaitTask:
        thing = state.task(thing.task)
    if type(thing) is Gather:
        return not thing.handed
    return type(thing) is Task and thing.owner == OWNED and not thing.handed


def is_element(value: Value, state: State) -> bool:
    """Whether a value is, or holds, what may be an element of a wait."""
    thing = state.get(value)
    if type(thing) is Box:
        return any(is_element(part, state) for part in thing.held)
    return thing is not None or isinstance(value, (Param, Foreign))


def orders_of(state: State, items: tuple[Value, ...]) -> list[tuple[Value, ...]]:
    """The orders in which a small set may yield its items."""
    if len(items) < 2 or len(items) > MANY:
        return [items]
    return [
        (first, *rest)
        for first, others in effects.choices(state, items)
        for rest in orders_of(state, others)
    ]


def is_surely_task(thing: object) -> bool:
    """Whether a thing of the heap is no guess: somebody else's is one until it is waited for."""
    if type(thing) is Task:
        return thing.owner in (OWNED, *NEVER_LOST) or thing.waited
    return isinstance(thing, (Gather, WaitTask))


def may_be_no_task(state: State, item: Value) -> bool:
    """Whether an item is taken for a task, but is somebody else's and may be anything."""
    thing = state.get(item)
    return type(thing) is Task and not is_surely_task(thing)


def new_task(
    ctx: Context, state: State, owner: Owner, node: object, is_safe: bool = False
) -> Results:
    """A task made here; none where a state remembers as many of this origin as count.

    Leaving executions out can hide a leak, but never make one up.
    """
    origin = ctx.machine.made_at(node)
    if ctx.machine.are_many(effects.live(state, origin), 2 * ctx.machine.batch):
        return []
    return [state.new(Task(Status.RUNNING, owner, origin, safe=is_safe))]
