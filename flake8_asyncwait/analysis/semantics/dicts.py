"""Dicts: what is known of the pairs under keys that may not be known.

A key that is not known is a key of its own: any of the others may be equal to it, and to lose a
task that runs would be a guess.
"""

from __future__ import annotations

from collections.abc import Iterable

from flake8_asyncwait.analysis.machine.handover import hand_over
from flake8_asyncwait.analysis.machine.machine import Args, Context, Results
from flake8_asyncwait.analysis.semantics.items import is_element
from flake8_asyncwait.analysis.semantics.running import call_method, with_something
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.real import is_certain, is_key, is_sure
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    UNKNOWN,
    Box,
    Const,
    Foreign,
    Ref,
    Result,
    Value,
)


def is_found(box: Box, key: Value) -> bool:
    """Whether it is known what a dict holds under a key, if only that it holds nothing. A task may
    be any of those under an unknown index, and a test before may have been of another."""
    keys = [one for one, _ in box.rows]
    if key in keys and is_certain(key):
        return True
    return isinstance(key, Const) and not box.open and all(map(is_sure, keys))


def values_of(box: Box, key: Value) -> list[Value]:
    """What may be under a key that is not known. Numbers are other keys than each other: of unknown
    ones, each is taken to be the next."""
    values = [value for _, value in box.rows]
    if isinstance(key, Const) and type(key.value) is int and 0 <= key.value < len(values):
        if all(is_key(one) for one, _ in box.rows):
            return [values[key.value]]
    return [value for value in values if value != UNKNOWN] or [UNKNOWN]


def ended_pair(box: Box, state: State) -> tuple[Value, Value] | None:
    """The pair that an unknown key takes out: one with a task that has ended, if there is one."""
    return next((p for p in box.rows if any(effects.ended(state, part) for part in p)), None)


def without(state: State, ref: Ref, pair: tuple[Value, Value] | None) -> State:
    box = state.box(ref)
    return state.put(ref, box._replace(items=tuple(one for one in box.items if one != pair)))


def set_key(ref: Ref, key: Value, value: Value, state: State) -> State:
    """A pair is remembered where it may matter to a wait. A key of which it is not known what it is
    equal to is taken to be new: what goes by the same name, as an attribute of whatever a loop is
    at, may be something else by now."""
    box = state.box(ref)
    if not is_certain(key) and any(key == each for each, _ in box.rows):
        key = UNKNOWN
    state, key = _as_key(state, key, value)
    pairs = tuple(p for p in box.rows if p[0] != key)
    if not any(is_element(part, state) for part in (key, value)):
        return with_something(state.put(ref, box._replace(items=pairs)), ref)
    if len(pairs) < len(box.items):  # it stays in its place
        pairs = tuple((key, value) if p[0] == key else p for p in box.rows)
        return state.put(ref, box._replace(items=pairs))
    return state.put(ref, box._replace(items=(*pairs, (key, value))))


def _as_key(state: State, key: Value, value: Value) -> tuple[State, Value]:
    """The key under which a dict holds a value: a new one where it is not known what it is, or will
    be."""
    named = isinstance(key, (Foreign, Result)) and is_element(value, state)
    return state.new_key() if key == UNKNOWN or named else (state, key)


def dict_of(state: State, pairs: Iterable[tuple[Value, Value]], opened: bool) -> tuple[State, Box]:
    """A dict of pairs, of which later ones replace those with the same key."""
    kept: dict[object, tuple[Value, Value]] = {}
    for number, (key, value) in enumerate(pairs):
        state, key = _as_key(state, key, value)
        place = key if is_certain(key) else number
        kept[place] = (kept.get(place, (key,))[0], value)
    return state, Box(dict, tuple(kept.values()), opened)


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


def update_dict(ctx: Context, ref: Ref, name: str, args: Args, state: State) -> Results:
    """`update` of a dict, whose keywords and pairs of unknown keys are no matter of Python's."""
    box = state.box(ref)
    pairs, opened = given_pairs(args, state)
    if box.escaped:
        state = hand_over(ctx, state, tuple(pairs))
    state, after = dict_of(state, [*box.rows, *pairs], box.open or opened)
    return [(state.put(ref, box._replace(items=after.items, open=after.open)), Const(None))]


def get_by_key(ctx: Context, ref: Ref, name: str, args: Args, state: State) -> Results:
    """`get(key, default)` of a dict: under an unknown key may be any of its values."""
    box = state.box(ref)
    if not _asks_for_unknown(box, args):
        return call_method(ctx, ref, name, args, state)
    default = args.positional[1] if len(args.positional) > 1 else Const(None)
    return [(state, value) for value in (*values_of(box, args.first()), default)]


def set_default(ctx: Context, ref: Ref, name: str, args: Args, state: State) -> Results:
    """`setdefault(key, default)` of a dict: an unknown key is taken to be new."""
    box = state.box(ref)
    if not _asks_for_unknown(box, args) or len(args.positional) < 2:
        return get_by_key(ctx, ref, name, args, state)
    key, value = args.positional
    return [(set_key(ref, key, value, state), value)]


def pop_key(ctx: Context, ref: Ref, name: str, args: Args, state: State) -> Results:
    """`pop(key, default)` of a dict."""
    box = state.box(ref)
    if not _asks_for_unknown(box, args):
        return call_method(ctx, ref, name, args, state)
    return [(state, args.positional[1] if len(args.positional) > 1 else UNKNOWN)]


def _asks_for_unknown(box: Box, args: Args) -> bool:
    """Whether it is not known what a dict holds under the key that it is asked for."""
    return box.kind is dict and bool(args.positional) and not is_found(box, args.first())


def view(ctx: Context, ref: Ref, name: str, args: Args, state: State) -> Results:
    """`.keys()`, `.values()` and `.items()` of a dict; of a parameter, all its tasks."""
    box = state.box(ref)
    if box.kind is not dict and box.escaped:
        return [state.new(Box(list, box.items, box.open))]
    return call_method(ctx, ref, name, args, state)
