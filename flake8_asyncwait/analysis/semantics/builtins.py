"""Builtins, and what itertools and typing have, where they pass tasks on or say how many."""

from __future__ import annotations

import builtins
import collections
import collections.abc
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from operator import index
from typing import Any

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import Exc, catches
from flake8_asyncwait.analysis.code.verdicts import any_of
from flake8_asyncwait.analysis.code.walk import displayed
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.execute import in_turn
from flake8_asyncwait.analysis.machine.handover import hand_over, unknown_call
from flake8_asyncwait.analysis.machine.machine import MAX_DEPTH, Args, Context, Results
from flake8_asyncwait.analysis.semantics.dicts import dict_of, given_pairs
from flake8_asyncwait.analysis.semantics.helpers import enter
from flake8_asyncwait.analysis.semantics.items import (
    as_number,
    is_surely_task,
    iterated,
    may_be_no_task,
    new_box,
    orders_of,
    used_up,
)
from flake8_asyncwait.analysis.semantics.names import class_names
from flake8_asyncwait.analysis.semantics.running import Operation, run_real
from flake8_asyncwait.analysis.semantics.texts import text_of
from flake8_asyncwait.analysis.semantics.truth import truth
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.real import UNORDERED, NotKnown, is_key
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    FUTURE,
    MANY,
    UNKNOWN,
    AsCompleted,
    AtLeast,
    Box,
    Const,
    Function,
    Gather,
    Param,
    Raised,
    Ref,
    Shielded,
    Value,
    is_coroutine,
)


def cast_to(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    return [(state, args.positional[1] if len(args.positional) > 1 else UNKNOWN)]


def set_attribute(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """On the task itself `setattr` hands nothing over; on anything else it stores."""
    for value in args.positional[1:]:
        state = hand_over(ctx, state, value)
    return [(state, UNKNOWN)]


def nothing(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    return [(state, UNKNOWN)]


def text(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    return [(state, text_of("{}", args.every()))]


def length(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    value = args.first()
    if ctx.is_none(value, state, "TypeError"):
        return []
    if effects.is_unsized(value, state):
        some, none = effects.sized(state, value)
        return [(some, AtLeast(1)), (none, Const(0))]
    if isinstance(value, Param):
        ways = [(after, as_number(one)) for after, one in fanout.counted(ctx, state, value)]
        return [(after, one if isinstance(one, Const) else UNKNOWN) for after, one in ways]
    box = state.get(value)
    if type(box) is not Box:
        return [(state, UNKNOWN)]
    count = len(box.items)
    if box.open:
        return [(state, AtLeast(min(count, 1) if box.kind in UNORDERED else count))]
    return [(state, Const(count))]


def range_of(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """`range(len(tasks))`, and `range(3)`; of a longer one it is known that it is not empty."""
    ways = in_turn(state, args.positional, partial(fanout.counted, ctx))
    return [end for way in ways for end in _range_of(ctx, node, args, *way)]


def _range_of(ctx: Context, node: ir.Call, args: Args, state: State, given: list[Value]) -> Results:
    bounds = [number.value for number in map(as_number, given) if isinstance(number, Const)]
    whole = all(type(bound) is int for bound in bounds)
    if args.splat or not (whole and len(bounds) == len(node.args) in (1, 2, 3)):
        return [(state, UNKNOWN)]
    if bounds[2:] == [0]:
        ctx.fail(state, Exc("ValueError"))
        return []
    numbers = range(*bounds)
    # As many as a collection holds, or fewer.
    counted = any(isinstance(arg.value, (ir.Call, ir.Binary)) for arg in node.args)
    if len(numbers) > (len(state.heap) if counted else MANY):
        return [state.new(Box(range, (UNKNOWN,), open=True))]
    return [state.new(Box(range, tuple(map(Const, numbers))))]


def truth_of(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    known = truth(args.first(), state)
    return [(state, UNKNOWN if known is None else Const(known))]


def any_all(
    whether: Callable[[Iterable[bool | None]], bool | None],
    ctx: Context,
    node: ir.Call,
    args: Args,
    state: State,
) -> Results:
    """`any` and `all`: `whether` one item of a collection is true, or all are."""
    box = state.get(args.first())
    if type(box) is not Box or box.kind is dict:
        return [(state, UNKNOWN)]
    verdicts = [truth(item, state) for item in box.items]
    known = whether([*verdicts, None] if box.open else verdicts)
    return [(state, UNKNOWN if known is None else Const(known))]


def reduced(
    reduce: Callable[[Sequence[int]], int], ctx: Context, node: ir.Call, args: Args, state: State
) -> Results:
    """`sum`, `max` and `min` of numbers that are known, such as answers: how many are true
    (`sum(not task.done() for task in tasks)`), whether one is, or all are."""
    box, default = state.get(args.first()), args.keywords.get("default")
    numbers = _numbers_in(box) if len(args.positional) == 1 and not args.splat else None
    if type(box) is not Box or numbers is None or args.keywords.keys() - {"default"}:
        return unknown_call(ctx, node, args, state)
    if box.open:
        some = reduce is not min and any(number > 0 for number in numbers)
        return [(state, AtLeast(1) if some and min(numbers) >= 0 else UNKNOWN)]
    if numbers or reduce is sum:
        return [(state, Const(reduce(numbers)))]
    if default is None:
        ctx.fail(state, Exc("ValueError"))
        return []
    return [(state, default)]


def _numbers_in(box: object) -> list[int] | None:
    """What a collection of nothing but numbers holds."""
    if type(box) is not Box or box.kind is dict:
        return None
    items = [item.value if isinstance(item, Const) else None for item in box.items]
    numbers = [item for item in items if isinstance(item, int)]
    return numbers if len(numbers) == len(items) else None


def is_instance(
    futures: frozenset[str],
    tasks: frozenset[str],
    ctx: Context,
    node: ir.Call,
    args: Args,
    state: State,
) -> Results:
    """Whether an exception, future, task or coroutine is of a class; `futures` and `tasks` are
    the classes of those."""
    if len(node.args) < 2:
        return [(state, UNKNOWN)]
    value = args.first()
    thing = state.get(value)
    if isinstance(value, Raised):
        names = class_names(ctx, node.args[1].value)
        classes = ctx.machine.program.of(ctx.frame.func).outline.classes
        verdicts = [catches(name, value.exc, classes) for name in names or [None]]
        known = any_of(verdicts)
        if known is not None:
            return [(state, Const(known))]
        return _asked_of_caught(ctx, node.args[0].value, value.exc, names, state)
    runs = is_surely_task(thing)
    if runs or is_coroutine(value):
        kinds = displayed(node.args[1].value)
        asked = {ctx.machine.program.qualified(ctx.frame.func, kind) for kind in kinds}
        is_future = type(thing) is Gather or getattr(thing, "owner", None) == FUTURE
        own = futures if is_future else tasks
        if runs and asked & own:
            return [(state, Const(True))]
        others = asked - tasks
        if others.isdisjoint({None, "builtins.object"}) and all(map(_is_builtin, others)):
            return [(state, Const(False))]
    if type(thing) is Box and not (thing.escaped or thing.kind is ir.ITERATOR):
        kinds = displayed(node.args[1].value)
        known_kinds = [_class_named(ctx, kind) for kind in kinds]
        verdicts = [None if one is None else issubclass(thing.kind, one) for one in known_kinds]
        known = any_of(verdicts)
        return [(state, UNKNOWN if known is None else Const(known))]
    return [(state, UNKNOWN)]


def _class_named(ctx: Context, node: ir.Expr) -> type | None:
    """The class of Python's own collections, or an abstract one, that a name stands for."""
    qualified = ctx.machine.program.qualified(ctx.frame.func, node) or ""
    module, _, name = qualified.rpartition(".")
    found = getattr(_COLLECTIONS.get(module), name, None)
    return found if isinstance(found, type) else None


_COLLECTIONS = {each.__name__: each for each in (builtins, collections, collections.abc)}


def _asked_of_caught(
    ctx: Context, node: ir.Expr, exc: Exc, names: Sequence[str | None], state: State
) -> Results:
    """Either answer, and what it says of an exception that has a name."""
    frame = ctx.frame.owner_of(node.id) if isinstance(node, ir.Name) else None
    ways = [(exc.after([name], True), True) for name in names] + [(exc.after(names, False), False)]
    if frame is None or not isinstance(node, ir.Name) or ways[-1][0] == exc:
        return [(state, UNKNOWN)]
    ctx.machine.free_choices += 1
    key = frame.prefix + node.id
    return [(state.bind(key, Raised(told)), Const(answer)) for told, answer in ways]


def _is_builtin(qualified: str | None) -> bool:
    return (qualified or "").startswith("builtins.")


def is_future(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """`asyncio.isfuture()`: true of a task and of a handle on tasks, false of a coroutine."""
    value = args.first()
    known = is_surely_task(state.get(value))
    return [(state, Const(known) if known or is_coroutine(value) else UNKNOWN)]


def collected(kind: type, ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """A collection made of what another one yields, of an iterator all that is left."""
    if kind is ir.ITERATOR and len(args.positional) > 1:  # `iter(tasks.pop, None)`
        return unknown_call(ctx, node, args, state)
    made = _made_of(kind, ctx, args, state)
    if kind is ir.ITERATOR:
        return made  # `iter()` takes nothing out
    return [(used_up(after, args.first()), value) for after, value in made]


def _made_of(kind: type, ctx: Context, args: Args, state: State) -> Results:
    if not args.positional:
        return [state.new(Box(kind, ()))]
    if ctx.is_none(args.first(), state, "TypeError"):
        return []
    ways = fanout.sizes(ctx, state, args.first())
    return [end for after, value in ways for end in _collected(ctx, kind, after, value)]


def _collected(ctx: Context, kind: type, state: State, value: Value) -> Results:
    state, items, source = iterated(ctx, state, value)
    box = state.get(source)
    if items is None or type(box) is not Box:
        return [state.new(Box(kind, (), open=True))]
    if kind in UNORDERED:
        return [state.new(Box(kind, tuple(dict.fromkeys(items)), box.open))]
    orders = orders_of(state, items) if box.kind in UNORDERED else [items]
    return [state.new(Box(kind, order, box.open)) for order in orders]


def sorted_items(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """`sorted(items)`, which tasks refuse; by a key, or of unknown keys of a dict or what may be no
    tasks, in an order that nobody knows."""
    results: Results = []
    for after, value in collected(list, ctx, node, args, state):
        box = after.get(value)
        items = box.items if type(box) is Box else ()
        others = any(is_key(item) or may_be_no_task(after, item) for item in items)
        if type(box) is Box and (args.keywords or others):
            results += [after.new(box._replace(items=o)) for o in orders_of(after, box.items)]
        else:
            results += _run(ctx, sorted, value, [], after)
    return results


def reversed_items(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """`reversed(items)`, which sets refuse."""
    state, items, source = iterated(ctx, state, args.first())
    if items is None or not isinstance(source, Ref):
        return [(state, UNKNOWN)]
    return _run(ctx, reversed, source, [], state)


def sliced_items(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """`itertools.islice(items, ...)`"""
    bounds = args.positional[1:]
    ways = _made_of(list, ctx, args, state)
    return [end for after, value in ways for end in _run(ctx, _sliced, value, bounds, after)]


def _sliced(items: Iterable[Any], *bounds: Any) -> Iterator[Any]:
    """`islice()`, which takes a bound of which nothing is known for a mistake."""
    return islice(items, *(bound if bound is None else index(bound) for bound in bounds))


def _run(
    ctx: Context, operation: Operation, value: Value, others: list[Value], state: State
) -> Results:
    """Run a function of Python's on a collection; where it asks for what is not known, its value
    holds as much."""
    box = state.get(value)
    if not isinstance(value, Ref) or type(box) is not Box:
        return [(state, value)]
    try:
        return run_real(ctx, operation, value, others, state)
    except NotKnown:
        return [state.new(box._replace(open=True, escaped=False))]


def filtered(
    tests: Mapping[str, Callable[[Context, ir.Call, Args, State], Results]],
    ctx: Context,
    node: ir.Call,
    args: Args,
    state: State,
) -> Results:
    """`filter(test, items)`: a test that nobody knows may keep or drop each item. `tests` are the
    rules of functions that are known."""
    if not args.positional:
        ctx.fail(state, Exc("TypeError"))
        return []
    state, items, source = iterated(ctx, state, args.positional[-1])
    if items is None:
        return [(state, UNKNOWN)]
    opened = state.is_open(source)
    test = args.positional[0]
    if test == Const(None):
        true = tuple(item for item in items if truth(item, state) is not False)
        return [state.new(Box(ir.ITERATOR, true, opened))]
    rule = tests.get(ctx.machine.program.qualified(ctx.frame.func, node.args[0].value) or "")
    ways: list[tuple[State, tuple[Value, ...]]] = [(state, ())]
    for item in items:
        after: list[tuple[State, tuple[Value, ...]]] = []
        for before, kept in ways:
            ctx.machine.books.tick(before.weight)
            given = Args([item], {})
            asked = rule(ctx, node, given, before) if rule else _apply(ctx, test, given, before)
            for later, value in asked:
                known = truth(value, later)
                if known is not False:
                    after.append((later, (*kept, item)))
                if known is not True:
                    after.append((later, kept))
        ways = after
    return [later.new(Box(ir.ITERATOR, kept, opened)) for later, kept in ways]


def _apply(ctx: Context, func: Value, given: Args, state: State) -> Results:
    if isinstance(func, Function) and ctx.frame.depth < MAX_DEPTH:
        return enter(ctx, func, given, state)
    return [(hand_over(ctx, state, given.positional[0]), UNKNOWN)]


def chained(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    state, items, opened = _flat(ctx, args.positional, args.splat, state)
    return [new_box(state, ir.ITERATOR, items, opened)]


def chained_items(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """`chain.from_iterable(...)`"""
    state, outer, opened = _flat(ctx, args.positional, args.splat, state)
    state, items, opened = _flat(ctx, outer, opened, state)
    return [new_box(state, ir.ITERATOR, items, opened)]


def _flat(
    ctx: Context, values: list[Value], opened: bool, state: State
) -> tuple[State, list[Value], bool]:
    """What several values yield one after the other, and whether there may be more."""
    items: list[Value] = []
    for value in values:
        state, more, source = iterated(ctx, state, value)
        opened = opened or more is None or state.is_open(source)
        items.extend(more or ())
    return state, items, opened


def zipped(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    ways = in_turn(state, args.positional, partial(fanout.counted, ctx))
    return [end for way in ways for end in _zipped(ctx, *way)]


def _zipped(ctx: Context, state: State, values: list[Value]) -> Results:
    columns: list[Column] = []
    for value in values:
        state, items, source = iterated(ctx, state, value)
        columns.append((items or (), items is None or state.is_open(source)))
    return _rows(columns, state)


def enumerated(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    ways = fanout.counted(ctx, state, args.first())
    return [end for after, value in ways for end in _enumerated(ctx, args, after, value)]


def _enumerated(ctx: Context, args: Args, state: State, value: Value) -> Results:
    state, items, source = iterated(ctx, state, value)
    start = args.positional[1] if len(args.positional) > 1 else args.keywords.get("start")
    first = start.value if isinstance(start, Const) else 0 if start is None else None
    opened = items is None or state.is_open(source)
    numbers: Column = (), True
    if items is not None and type(first) is int:
        numbers = tuple(map(Const, range(first, first + len(items)))), opened
    return _rows([numbers, (items or (), opened)], state)


# The items of a column, and whether there may be others.
Column = tuple[tuple[Value, ...], bool]


def _rows(columns: list[Column], state: State) -> Results:
    """The rows of columns. One that may go on is as long as the others."""
    whole = [len(items) for items, opened in columns if not opened]
    count = min(whole) if whole else max((len(items) for items, _ in columns), default=0)
    if not count and not whole:
        return [(state, UNKNOWN)]
    rows: list[Value] = []
    for position in range(count):
        row = tuple(i[position] if position < len(i) else UNKNOWN for i, _ in columns)
        state, ref = state.new(Box(tuple, row))
        rows.append(ref)
    return [state.new(Box(ir.ITERATOR, tuple(rows), not whole))]


def made_dict(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    if not args.positional and not args.keywords:
        return [state.new(Box(dict, ()))]
    box = state.get(args.first())
    if type(box) is Box and box.kind is dict and not args.keywords:
        return [state.new(box._replace(escaped=False))]
    state, made = dict_of(state, *given_pairs(args, state))
    return [state.new(made)]


def next_of(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """`next(it)`: the next of the items, which it takes out, or the default."""
    state, value = _iterator(ctx, args.first(), state)
    box = state.get(value)
    if not isinstance(value, Ref) or type(box) is not Box or box.kind is dict:
        return [(state, UNKNOWN), *((state, value) for value in args.positional[1:2])]
    found: Results = []
    for item, others in _next_items(node, box, state):
        is_iterator = box.kind is ir.ITERATOR
        left = state.put(value, box._replace(items=others)) if is_iterator else state
        found.append((left, item))
    if box.open:
        found.append((state, UNKNOWN))
    if not box.items:
        if len(args.positional) > 1:
            found.append((state, args.positional[1]))
        elif not box.open:
            ctx.fail(state, Exc("StopIteration"))
    return found


def _iterator(ctx: Context, value: Value, state: State) -> tuple[State, Value]:
    """What stands for an iterator: that of `as_completed` is one of what waits for each task."""
    if not isinstance(value, AsCompleted):
        return state, value
    state, items, source = iterated(ctx, state, value)
    if items is None:
        return hand_over(ctx, state, value), UNKNOWN
    return effects.become(state, value, Box(ir.ITERATOR, items, state.is_open(source)))


def _next_items(node: ir.Call, box: Box, state: State) -> list[tuple[Value, tuple[Value, ...]]]:
    """Each item that may be the next, with the others: any that a generator expression may have
    taken from a set, and those first that `as_completed` finds done."""
    is_completing = all(type(item) is Shielded for item in box.items)
    if box.kind is ir.ITERATOR and not is_completing:
        if not isinstance(node.args[0].value, ir.Comprehension):
            return [(item, box.items[1:]) for item in box.items[:1]]
    ways = list(effects.choices(state, box.items))
    return [way for way in ways if is_completing and effects.is_over(state, way[0])] or ways
