"""Rules for comprehensions: one turn for each item, as a loop has."""

from __future__ import annotations

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import ANY, CANCELLED_ERROR
from flake8_asyncwait.analysis.code.walk import target_names, walk
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.execute import evaluate, evaluate_all, evaluates
from flake8_asyncwait.analysis.machine.machine import Context, Results
from flake8_asyncwait.analysis.semantics.binding import bind
from flake8_asyncwait.analysis.semantics.conditions import decide
from flake8_asyncwait.analysis.semantics.dicts import dict_of
from flake8_asyncwait.analysis.semantics.indexes import looped_over, stored
from flake8_asyncwait.analysis.semantics.items import (
    is_single,
    new_box,
    split_on_turns,
)
from flake8_asyncwait.analysis.semantics.tasks import answers
from flake8_asyncwait.analysis.semantics.truth import truth
from flake8_asyncwait.analysis.states.real import UNORDERED
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import UNKNOWN, Box, Ref, Value, rows_of
from flake8_asyncwait.sites.outline import UNTIL

# A way in which the clauses may go: what it yields, and whether there may be more.
Way = tuple[State, list[Value], bool]


@evaluates(ir.Comprehension)
def _comprehension(ctx: Context, node: ir.Comprehension, state: State) -> Results:
    outer, ctx.machine.batch = ctx.machine.batch, ctx.machine.many
    ways = _clauses(ctx, node, 0, [(state, [], False)])
    ctx.machine.batch = outer
    ctx.machine.books.tick(len(ways))  # in each other, they are many more than were evaluated
    names = {name for clause in node.clauses for name in target_names(clause.target)}
    bound = [ctx.frame.prefix + name for name in names]
    results: Results = []
    is_measured = id(node) in ctx.machine.facts.measuring
    for after, items, opened in ways:
        after = after.unbind(*bound)
        if node.kind is dict:
            after, made = dict_of(after, rows_of(items), opened)
            results.append(after.new(made))
        else:
            is_counted = fanout.counts(ctx, items)
            results.append(new_box(after, node.kind, items, opened, is_counted, is_measured))
    return results


def _clauses(ctx: Context, node: ir.Comprehension, depth: int, ways: list[Way]) -> list[Way]:
    if depth == len(node.clauses):
        return [end for way in ways for end in _element(ctx, node, way)]
    clause = node.clauses[depth]
    ends: list[Way] = []
    for before, items, opened in ways:
        given = evaluate(ctx, clause.iter, before)
        for state, value in (sized for way in given for sized in fanout.sizes(ctx, *way)):
            if clause.asynchronous:
                ctx.fault(state, node.line, (CANCELLED_ERROR, ANY), state.suspended())
                state = state.suspended()
            if ctx.is_none(value, state, "TypeError"):
                continue
            body = [*clause.tests, *node.clauses[depth + 1 :], node.element]
            state, known, source, certain = looped_over(ctx, clause, body, state, value)
            if known is None:
                ends += _unknown_clause(ctx, node, depth, (state, items, opened), certain)
                continue
            box = state.get(source)
            current = []
            for order in _orders(node, tuple(known), box):
                way = [(state, items, opened)]
                for item in order:
                    way = _item(ctx, node, depth, item, way)
                current += way
            if type(box) is Box and box.open:
                current = [end for way in current for end in _unknown_clause(ctx, node, depth, way)]
            ends += current
    return ends


def _orders(
    node: ir.Comprehension, items: tuple[Value, ...], box: object
) -> list[tuple[Value, ...]]:
    """The orders in which items may come: any of a set may be first, where that may fail."""
    unordered = isinstance(box, Box) and box.kind in UNORDERED and len(items) > 1
    if not unordered or not any(isinstance(one, ir.Await) for one in walk([node.element])):
        return [items]
    return [items[first:] + items[:first] for first in range(len(items))]


def _item(
    ctx: Context, node: ir.Comprehension, depth: int, item: Value, ways: list[Way]
) -> list[Way]:
    """One turn of a clause: bind its target, decide its tests, go on inside."""
    clause = node.clauses[depth]
    ends: list[Way] = []
    until = _until(ctx, node)
    for way in ways:
        state, items, opened = way
        if _is_content(until, way):
            ends.append(way)
            continue
        for bound in bind(ctx, clause.target, item, state):
            passed = [bound]
            for test in clause.tests:
                split = [decide(ctx, test, one) for one in passed]
                ends += [(one, items, opened) for _, no in split for one in no]
                passed = [one for yes, _ in split for one in yes]
            inner = [(one, items, opened) for one in passed]
            ends += _clauses(ctx, node, depth + 1, inner)
    return ends


def _unknown_clause(
    ctx: Context, node: ir.Comprehension, depth: int, way: Way, certain: bool = False
) -> list[Way]:
    """A clause over something unknown: its elements count only if they are tasks, then as
    many as a collection of unknown size stands for. Its tests only change how many. There is
    something if that is `certain`."""
    certain = certain and not node.clauses[depth].tests
    before, items, opened = way
    opened = opened or not is_single(ctx, node.clauses[depth].iter, before)
    ends: list[Way] = []
    for bound in bind(ctx, node.clauses[depth].target, UNKNOWN, before):
        for state, after, others in _clauses(ctx, node, depth + 1, [(bound, items, False)]):
            fresh = after[len(items) :]
            if not any(_is_made(state, item, before) for item in fresh):
                if fanout.starts(ctx, fresh) and not certain:
                    some, none = split_on_turns(ctx, node.clauses[depth].iter, state, before)
                    ends += [(one, after, opened or others) for one in some]
                    ends += [(one, items, False) for one in none]
                    continue
                ends.append((state, after, opened or others))
                if any(isinstance(item, Ref) for item in fresh) and not certain:
                    ends.append((before, items, False))
                continue
            some, none = split_on_turns(ctx, node.clauses[depth].iter, state, before)
            ends += [] if certain else [(one, items, False) for one in none]
            more = [(one, after, False) for one in some]
            for number in range(1, ctx.machine.count() if opened else 1):
                ends += more if number in ctx.machine.facts.sizes else []
                more = _clauses(ctx, node, depth + 1, more)
            ends += [end for end in more if len(end[1]) <= len(items) + 2 * ctx.machine.many]
    return ends


def _until(ctx: Context, node: ir.Comprehension) -> bool | None:
    """The answer with which what a generator expression is given to asks no further: `any()` and
    `all()` do, if they are the builtins."""
    root = ctx.machine.program.root(ctx.frame.func, node.given_to) if node.given_to else None
    return UNTIL.get(root or "")


def _is_content(until: bool | None, way: Way) -> bool:
    """Whether `any()` or `all()` asks for no more elements than a way has yielded."""
    state, items, _ = way
    return until is not None and bool(items) and truth(items[-1], state) is until


def _is_made(state: State, item: Value, before: State) -> bool:
    """Whether evaluating the element made a task that was not there before."""
    return any(number not in before.heap for number in state.refs(item))


def _element(ctx: Context, node: ir.Comprehension, way: Way) -> list[Way]:
    state, items, opened = way
    if node.key is None:
        ways = evaluate(ctx, node.element, state)
        if _until(ctx, node) is not None:
            ways = [known for one in ways for known in answers(ctx, *one)]
        return [(after, [*items, value], opened) for after, value in ways]
    return [
        (after, [*items, (stored(ctx, node.key, key, after), value)], opened)
        for after, (key, value) in evaluate_all(ctx, [node.key, node.element], state)
    ]
