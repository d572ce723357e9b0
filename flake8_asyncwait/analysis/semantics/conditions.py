"""Which way a condition goes, where what is known of tasks decides it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.verdicts import any_of
from flake8_asyncwait.analysis.code.walk import CONSTANT, MEMBERSHIP, Question, question
from flake8_asyncwait.analysis.machine.execute import (
    evaluate,
    evaluate_all,
    evaluates,
    in_turn,
)
from flake8_asyncwait.analysis.machine.machine import Context, Results
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.indexes import key_of, sought
from flake8_asyncwait.analysis.semantics.items import as_number, in_one_dict, is_private
from flake8_asyncwait.analysis.semantics.numbers import places
from flake8_asyncwait.analysis.semantics.tasks import answers
from flake8_asyncwait.analysis.semantics.truth import is_something, truth
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.keys import SINGLE, TESTED
from flake8_asyncwait.analysis.states.real import ERRORS, NotKnown, is_certain, is_sure, real
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    FOREIGN,
    MANY,
    OWNED,
    UNKNOWN,
    AtLeast,
    Box,
    Const,
    Foreign,
    Gather,
    Instance,
    Param,
    Ref,
    Result,
    Status,
    Task,
    Tested,
    Value,
    WaitTask,
)

_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {
    "LessThan": lambda a, b: a < b,
    "LessThanEqual": lambda a, b: a <= b,
    "GreaterThan": lambda a, b: a > b,
    "GreaterThanEqual": lambda a, b: a >= b,
    "Equal": lambda a, b: a == b,
    "NotEqual": lambda a, b: a != b,
}
# What says the same with the sides the other way round.
_TURNED = {
    "LessThan": "GreaterThan",
    "LessThanEqual": "GreaterThanEqual",
    "GreaterThan": "LessThan",
    "GreaterThanEqual": "LessThanEqual",
}
# The running task, and what an unknown call returns: neither is a task that nobody else has.
_NO_NEW_TASKS = (Instance, Result)


def decide(ctx: Context, node: ir.Expr, state: State) -> tuple[list[State], list[State]]:
    """The states in which a condition is true, and those in which it is false."""
    if isinstance(node, ir.Not):
        yes, no = decide(ctx, node.value, state)
        return no, yes
    if isinstance(node, ir.Bool):
        return _decide_bool(ctx, node, state)
    true: list[State] = []
    false: list[State] = []
    ways = evaluate(ctx, node, state)
    for after, value in [way for one in ways for way in answers(ctx, *one)]:
        holds = truth(value, after)
        # What an earlier test says of a parameter, or of anything else, is no outcome of the wait.
        ctx.machine.free_choices += holds is None or isinstance(value, Param)
        if holds is None:
            holds = _found_before(ctx, node, after)
        if holds is None:
            some, none = _split(ctx, node, value, after)
            true.append(some)
            false.append(none)
        else:
            (true if holds else false).append(after)
    return true, false


def _split(ctx: Context, node: ir.Expr, value: Value, state: State) -> tuple[State, State]:
    """The states in which a condition that nothing decides is true, and false."""
    if effects.is_unsized(value, state) and state.box(value).kind is not ir.ITERATOR:
        return effects.sized(state, value)
    falsy = state
    if isinstance(value, Param):
        falsy = effects.substitute(state, value, value._replace(falsy=True))
    return _chosen(ctx, node, state, True), _chosen(ctx, node, falsy, False)


def _asked(ctx: Context, node: ir.Expr, state: State) -> Question:
    """What a condition asks about a name, if that is asked about again."""
    names, vague = ctx.machine.agreeing
    if not names or not ctx.is_own:
        return Question("")
    found = question(node)
    kind, other = found.than
    if kind == "path" and str(other).partition(".")[0] in ctx.machine.func.locals:
        return Question("")
    if found.name in vague and state.env.get(found.name, UNKNOWN) != UNKNOWN:
        return Question("")
    return found if found.name in names else Question("")


def _found_before(ctx: Context, node: ir.Expr, state: State) -> bool | None:
    """What an earlier test says of a condition; None if nothing."""
    asked = _asked(ctx, node, state)
    tested = state.env.get(TESTED + asked.name)
    if not isinstance(tested, Tested):
        return None
    answer = _answer(asked, tested)
    return answer if answer is None else answer == asked.expected


def _answer(asked: Question, tested: Tested) -> bool | None:
    """The answer to a question by what is known."""
    kind, than = asked.than
    for (sign, other), holds in tested.told:
        if (sign, other) == (asked.asked, asked.than):
            return holds
        equals = sign == "==" and other[0] == CONSTANT and holds
        if asked.asked == "truth" and (equals or (sign == "none" and holds)):
            return equals and bool(other[1])
        if asked.asked == "none" and (equals or (sign == "truth" and holds)):
            return False
    if kind != CONSTANT or asked.asked not in ("==", "in"):
        return None
    constants = than if isinstance(than, tuple) else (than,)
    return any_of(_is_equal(one, tested) for one in constants)


def _is_equal(constant: Any, tested: Tested) -> bool | None:
    """Whether something equals a constant that is not None, if that is known of it."""
    for (asked, (kind, other)), holds in tested.told:
        if asked == "==" and kind == CONSTANT and (holds or other == constant):
            return bool(holds and other == constant)
        if isinstance(other, tuple) and not holds and constant in other:
            return False
        if (asked == "none" and holds) or (asked == "truth" and holds != bool(constant)):
            return False
    return None


def _decide_bool(ctx: Context, node: ir.Bool, state: State) -> tuple[list[State], list[State]]:
    yes, no = decide(ctx, node.left, state)
    going_on, stopped = (yes, no) if node.op == "and" else (no, yes)
    true: list[State] = []
    false: list[State] = []
    for after in going_on:
        more_true, more_false = decide(ctx, node.right, after)
        true += more_true
        false += more_false
    return (true, stopped + false) if node.op == "and" else (stopped + true, false)


def _chosen(ctx: Context, node: ir.Expr, state: State, truth: bool) -> State:
    """A condition that nothing decides goes either way; what it says of a name is kept."""
    state = _counted(ctx, node, state, truth)
    asked = _asked(ctx, node, state)
    if asked.name:
        before = state.env.get(TESTED + asked.name)
        before = before if isinstance(before, Tested) else Tested()
        told = before.told | {((asked.asked, asked.than), truth == asked.expected)}
        state = state.bind(TESTED + asked.name, Tested(told))
    asked = question(node)
    if asked.name and asked.asked == "none" and truth == asked.expected:
        state = _know_none(asked.name, state, ctx)
    return state


def _counted(ctx: Context, node: ir.Expr, state: State, truth: bool) -> State:
    """The state after `len(jobs) == 1` or the like, which may say that there is one at most."""
    if not isinstance(node, ir.Compare) or node.op not in _NUMBERS:
        return state
    counts = ctx.machine.facts.counts
    sides = [
        counts.get(one.id, one) if isinstance(one, ir.Name) else one
        for one in (node.left, node.right)
    ]
    name = next((arg.value for one in sides if known.is_size(one) for arg in one.args), None)
    numbers = [one.value for one in sides if isinstance(one, ir.Const) and type(one.value) is int]
    if not isinstance(name, ir.Name) or not numbers or not ctx.is_own:
        return state
    several = (2, max(2, numbers[0]), max(2, numbers[0]) + 1)
    pairs = ([n, numbers[0]] if known.is_size(sides[0]) else [numbers[0], n] for n in several)
    may_be_several = any(_NUMBERS[node.op](*pair) == truth for pair in pairs)
    if may_be_several or name.id not in ctx.frame.func.locals - ctx.frame.func.outer:
        return state
    return state.bind(SINGLE + name.id, Const(True))


def _know_none(name: str, state: State, ctx: Context) -> State:
    frame = ctx.frame.owner_of(name)
    if frame is None or frame.prefix + name not in state.env:
        return state
    return state.bind(frame.prefix + name, Const(None))


@evaluates(ir.Compare)
def _compare(ctx: Context, node: ir.Compare, state: State) -> Results:
    nodes = [node.left, node.right]
    results: Results = []
    ways = evaluate_all(ctx, nodes, state)
    for after, values in [end for way in ways for end in in_turn(*way, partial(answers, ctx))]:
        if any(isinstance(one, (Const, AtLeast)) for one in values):
            values = [as_number(one) for one in values]
        if node.op in MEMBERSHIP:
            if ctx.is_none(values[1], after, "TypeError"):
                continue
            is_dict = getattr(after.get(values[1]), "kind", None) is dict
            meant = sought if is_dict else key_of
            values[0] = meant(ctx, node.left, values[0], after)
        if node.op in MEMBERSHIP and _is_stranger(node.left, values, after, ctx):
            results.append((after, Const(node.op == "NotIn")))
            continue
        crowded = _may_count(node, values) and _is_crowded(ctx, after)
        sizes = [_is_counted(ctx, one) for one in nodes] if crowded else []
        holds = _compared(after, node.op, values, sizes)
        results.append((after, UNKNOWN if holds is None else Const(holds)))
    return results


def _is_stranger(node: ir.Expr, sides: list[Value], state: State, ctx: Context) -> bool:
    """Whether `name in tasks` asks for what came as a parameter among tasks that were made
    here: it is none of them (idiom `x not in {a, b}`)."""
    left, right = sides
    box = state.get(right)
    if type(box) is not Box or box.open or box.kind is dict:
        return False
    func, name = ctx.frame.func, node.id if isinstance(node, ir.Name) else ""
    is_given = isinstance(left, Param) or (name in func.params and name not in func.rebound)
    return is_given and all(map(_is_made_here, map(state.get, box.items)))


def _is_made_here(thing: object) -> bool:
    return isinstance(thing, (Gather, WaitTask)) or (type(thing) is Task and thing.owner == OWNED)


def _is_new_task(state: State, value: Value) -> bool:
    """Whether a value is a task that was made here and that nobody else has."""
    return type(state.get(value)) is Task and is_private(state, value)


def _may_count(node: ir.Compare, values: Sequence[Value]) -> bool:
    """Whether a comparison may be one with more than collections of unknown size stand for."""
    if node.op in MEMBERSHIP and isinstance(values[0], Const):
        return True
    numbers = (value.value for value in values if isinstance(value, Const))
    return any(type(number) is int and number > MANY for number in numbers)


def _is_crowded(ctx: Context, state: State) -> bool:
    """Whether a state may hold collections of unknown size. The children of gathers that a loop
    has built are in none."""
    boxes = (thing for thing in state.heap.values() if type(thing) is Box)
    held = {t.origin for box in boxes for t in map(state.get, box.items) if type(t) is Task}
    heap = state.heap.values()
    return ctx.machine.are_crowded(t for t in heap if type(t) is Task and t.origin in held)


def _is_counted(ctx: Context, node: ir.Expr) -> bool:
    """Whether a number is the size of a collection, or a place in one."""
    if isinstance(node, ir.Name):
        return node.id in ctx.machine.once(places, ctx.frame.func)
    return known.is_size(node)


def _compared(state: State, op: str, sides: list[Value], sizes: list[bool]) -> bool | None:
    """Whether `left op right`, if that is known; `sizes` tells which sides are sizes or places,
    where collections of unknown size are about."""
    left, right = sides
    if op in MEMBERSHIP:
        inside = _contains(state, left, right, sizes)
        return inside if inside is None else inside == (op == "In")
    if op in ("Is", "IsNot"):
        same = _same(state, left, right)
        return same if same is None else same == (op == "Is")
    if isinstance(left, Const) and isinstance(right, Const):
        return _numbers(op, [left.value, right.value], sizes)
    if op in _NUMBERS and all(_is_exact(state.get(side)) for side in sides):
        with suppress(NotKnown, *ERRORS):
            return bool(_NUMBERS[op](real(state, left), real(state, right)))
        return None
    if isinstance(left, AtLeast) and isinstance(right, Const):
        return _at_least(op, left.least, right.value)
    if isinstance(left, Const) and isinstance(right, AtLeast):
        return _at_least(_TURNED.get(op, op), right.least, left.value)
    if op in ("Equal", "NotEqual"):
        same = _same(state, left, right)
        return same if same is None else same == (op == "Equal")
    return None


def _at_least(op: str, least: int, number: object) -> bool | None:
    """Whether `size op number`, if that is known of a size that is `least` or more."""
    if type(number) is not int or op not in _NUMBERS:
        return None
    sizes = least, max(least, number), max(least, number) + 1
    verdicts = {_NUMBERS[op](size, number) for size in sizes}
    return verdicts.pop() if len(verdicts) == 1 else None


def _is_exact(box: object, items: Sequence[Value] | None = None) -> bool:
    """Whether it is known what a collection, or what of it counts as its items, is equal to."""
    if type(box) is not Box or box.open or box.escaped:
        return False
    return all(map(is_sure, box.items if items is None else items))


def _numbers(op: str, sides: list[object], sizes: list[bool]) -> bool | None:
    """Compare two constants. Where one is more than collections of unknown size stand for, it
    is not known how it compares, but for a size: so many there are, at least. Without this,
    nothing is said of a wait under `if len(tasks) > 5`, where there are who knows how many."""
    left, right = sides
    for side, is_size in zip(sides, sizes, strict=False):
        if type(side) is int and side > MANY and not is_size and left != right:
            return None
    if op in ("Equal", "NotEqual") or (type(left) is int and type(right) is int):
        return _NUMBERS[op](left, right)
    return None


def _same(state: State, left: Value, right: Value) -> bool | None:
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Const) and one.value is None:
            if isinstance(other, Const):
                return other.value is None
            return False if is_something(other) else None
        if isinstance(one, Foreign) and "." not in one.path:  # such as a sentinel of the module
            if one == other:
                return True
            if _is_new_task(state, other):
                return False
        if isinstance(one, _NO_NEW_TASKS) and _is_new_task(state, other):
            return False
    if isinstance(left, Ref) and isinstance(right, Ref):
        kinds = {type(state.get(left)), type(state.get(right))}
        if left == right:
            return True
        return None if Box in kinds else _both_tracked(state, left, right)
    if isinstance(left, Const) and isinstance(right, Const):
        return left.value is right.value or left.value == right.value
    return None


def _both_tracked(state: State, left: Ref, right: Ref) -> bool | None:
    """Two tasks of the heap differ, unless both are somebody else's."""
    owners = {getattr(state.get(side), "owner", "") for side in (left, right)}
    return None if owners == {FOREIGN} else False


def _contains(state: State, item: Value, box: Value, sizes: list[bool]) -> bool | None:
    thing = state.get(box)
    if type(thing) is not Box or thing.kind is ir.ITERATOR:
        return None
    items = [key for key, _ in thing.rows] if thing.kind is dict else [*thing.items]
    if is_certain(item) and not isinstance(item, Const) and item in items:
        return True
    if isinstance(item, Const) and items and _is_exact(thing, items):
        return any_of(_compared(state, "Equal", [item, one], sizes[:1]) for one in items)
    if isinstance(item, _NO_NEW_TASKS) and not (thing.open or thing.escaped):
        return any_of(_same(state, item, one) for one in items)
    if is_certain(item) and not (thing.open or thing.escaped) and in_one_dict(state, item, *items):
        return False
    if not isinstance(item, Ref):
        return False if not items and not thing.open and not thing.escaped else None
    if thing.escaped and not is_private(state, item):
        return None
    if (thing.open or UNKNOWN in items) and getattr(state.get(item), "owner", "") == FOREIGN:
        return None
    return None if _is_untouched(state, item) and _holds_given(state, items) else False


def _is_untouched(state: State, item: Ref) -> bool:
    """Whether nothing has been done with a task that came from elsewhere: it may be any such."""
    task = state.get(item)
    untouched = type(task) is Task and task.status == Status.MAYBE and not task.waited
    return untouched and not is_private(state, item)


def _holds_given(state: State, items: Sequence[Value]) -> bool:
    """Whether a collection holds tasks that came from elsewhere."""
    tasks = (state.get(each) for each in items)
    return any(type(task) is Task and task.owner != OWNED for task in tasks)
