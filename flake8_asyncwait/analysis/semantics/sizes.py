"""What asks how many things a function has put into a collection."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from typing import Any

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.walk import (
    bindings,
    bound_names,
    close,
    every,
    mentioned,
    walk,
)
from flake8_asyncwait.analysis.semantics import known


def measured(func: ir.Func) -> frozenset[str]:
    """The names of which a test of a function compares the size: what a list of such a name is
    filled with counts, even if nothing else is known of it (`while len(results) < len(tasks)`)."""
    sized = (one for node in every(func) for one in _sized(node))
    return frozenset({one.id for one in sized if isinstance(one, ir.Name)} - set(func.params))


def _sized(test: ir.Node) -> list[ir.Expr]:
    """What a comparison asks the size of."""
    sides = (test.left, test.right) if isinstance(test, ir.Compare) else ()
    return [arg.value for side in sides if known.is_size(side) for arg in side.args]


def measuring(func: ir.Func) -> frozenset[int]:
    """The ids of the comprehensions that fill what is `measured`."""
    names = measured(func)
    given: list[ir.Expr] = []
    for node in every(func) if names else ():
        if isinstance(node, (ir.Assign, ir.AugAssign)) and bound_names(node) & names:
            given.append(node.value)
        elif isinstance(node, ir.Call) and known.has(node, known.ADDS | known.COPIES):
            owner = node.func.value if isinstance(node.func, ir.Attr) else None
            if isinstance(owner, ir.Name) and owner.id in names:
                given += [arg.value for arg in node.args]
    return frozenset(id(each) for each in given if isinstance(each, ir.Comprehension))


def countable(func: ir.Func) -> frozenset[str]:
    """The names that a function binds once, of which it asks the size or which it loops over, more
    than once, and with which it does nothing else: they hold as many things each time."""
    nodes = every(func)
    named = Counter(node.id for node in nodes if isinstance(node, ir.Name))
    targets = Counter(name for node in nodes for name in bound_names(node))
    numbers = {name for node in nodes for name in _ranged(node)}
    counts = [name for node in nodes for name in (*_counting(node), *_compared(node, numbers))]
    tests = [name for node in nodes for name in _testing(node)]
    found, whole = Counter(counts), Counter(counts + tests)
    bound = targets + Counter(func.params)
    once = {name for name, number in bound.items() if number == 1} - func.captured
    only = {name for name in once if whole[name] == named[name] - targets[name]}
    return frozenset(name for name in only if found[name] > 1)


def _counting(node: ir.Node) -> Iterator[str]:
    """The names of which a node asks how much there is of them, or takes each item."""
    mapped = node.mapped.clauses if isinstance(node, ir.Call) and node.mapped else ()
    for loop in (node, *mapped):
        if isinstance(loop, (ir.For, ir.Clause)) and isinstance(loop.iter, ir.Name):
            yield from () if loop.asynchronous else (loop.iter.id,)
    if isinstance(node, ir.Call) and known.has(node, known.SIZES | known.COUNTS | known.PAIRS):
        yield from (arg.value.id for arg in node.args if isinstance(arg.value, ir.Name))


def _ranged(node: ir.Node) -> Iterator[str]:
    """The names of numbers up to which a node counts: `range(count)`."""
    if isinstance(node, ir.Call) and known.has(node, known.COUNTS) and len(node.args) == 1:
        yield from _named([arg.value for arg in node.args])


def _compared(node: ir.Node, numbers: Collection[str]) -> Iterator[str]:
    """Those of some names that a node compares with anything."""
    sides = [node.left, node.right] if isinstance(node, ir.Compare) else []
    return (name for name in _named(sides) if name in numbers)


def _testing(node: ir.Node) -> Iterator[str]:
    """The names of which a node asks whether they hold anything."""
    if isinstance(node, (ir.If, ir.While, ir.IfExp, ir.Assert)):
        yield from _named([node.test])
    elif isinstance(node, ir.Not):
        yield from _named([node.value])
    elif isinstance(node, ir.Bool):
        yield from _named([node.left, node.right])


def _named(nodes: list[ir.Expr]) -> Iterator[str]:
    return (node.id for node in nodes if isinstance(node, ir.Name))


def asks_how_many(test: ir.Expr, func: ir.Func, once: Callable[..., Any]) -> bool:
    """Whether a test compares the size of a collection that a function has filled itself, before
    it waits for anything: no outcome decides that."""
    sized = _sized(test)
    own = func.assigned.difference(func.params)
    if not sized or not all(isinstance(one, ir.Name) and one.id in own for one in sized):
        return False
    return mentioned(test).isdisjoint(once(_awaited_names, func))


def _awaited_names(func: ir.Func) -> set[str]:
    """The names that hold what was awaited, or what was made of that."""
    names: set[str] = set()
    made: list[tuple[str, str]] = []
    for node in every(func):
        bound = bound_names(node)
        for _, value in bindings(node):
            if any(isinstance(one, ir.Await) for one in walk([value])):
                names |= bound
            made += [(part, name) for part in mentioned(value) for name in bound]
    close(names, made)
    return names
