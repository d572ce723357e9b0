"""Which names hold numbers that say where something is, or how many there are."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.walk import (
    bound_names,
    displayed,
    every,
    mentioned,
    target_names,
)
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.indexes import lookups


def places(func: ir.Func) -> frozenset[str]:
    """The names of places in a collection, and of counts of what it holds: a loop binds them, they
    are constants, counted up or down, or made of its size. Those of other counts, such as of
    attempts, are not among them: to follow these would take many states. What keys are made of is.
    """
    nodes = every(func)
    bound: set[str] = set()
    sizes: set[str] = set()
    for node in nodes:
        if isinstance(node, (ir.For, ir.Clause, ir.AugAssign)) or _is_number(node):
            bound |= bound_names(node)
        if isinstance(node, ir.Assign) and known.is_size(node.value):
            sizes |= bound_names(node)
    asked = {name for _, index in lookups(nodes) for name in mentioned(index)}
    chosen = {name for node in nodes for name in _constants(node)} & asked
    parts = {name for node in nodes for key in _keys(node) for name in mentioned(key)}
    asked |= parts
    asked.update(name for node in nodes for name in _counted(node, sizes))
    for loop in nodes:  # such as `range(n)`
        if isinstance(loop, (ir.For, ir.Clause)) and bound_names(loop) & asked:
            asked |= mentioned(loop.iter)
    return frozenset((bound & asked) | chosen | (parts & set(func.params)))


def _keys(node: ir.Node) -> Iterator[ir.Expr]:
    """The keys under which a node puts something into a dict, where they are made of something."""
    keys: list[ir.Expr | None] = []
    if isinstance(node, ir.Comprehension):
        keys.append(node.key)
    elif isinstance(node, ir.DictDisplay):
        keys += [key for key, _ in node.items]
    elif isinstance(node, ir.Assign):
        keys += [target.index for target in node.targets if isinstance(target, ir.Subscript)]
    yield from (key for key in keys if key is not None and not isinstance(key, (ir.Name, ir.Attr)))


def _is_number(node: ir.Node) -> bool:
    """Whether a node may bind a sum, the size of a collection, or a range."""
    if not isinstance(node, ir.Assign):
        return False
    if isinstance(node.value, ir.Call):
        return known.has(node.value, known.SIZES | known.COUNTS)
    return isinstance(node.value, ir.Binary)


def _constants(node: ir.Node) -> Iterator[str]:
    """The names that a node binds to constants, one or the other."""
    if isinstance(node, ir.Assign) and all(map(_is_constant, displayed(node.value))):
        yield from (name for target in node.targets for name in target_names(target))


def _is_constant(value: ir.Expr) -> bool:
    if isinstance(value, ir.IfExp):
        return _is_constant(value.body) and _is_constant(value.orelse)
    return isinstance(value, ir.Const)


def _counted(node: ir.Node, sizes: Collection[str]) -> Iterator[str]:
    """The names of what a node says that it counts what a collection holds: it compares them with
    the size of one, adds such a size, makes a number of them, or counts each of its items."""
    if isinstance(node, ir.Compare):
        sides = (node.left, node.right)
        if any(known.is_size(side) or _is_one_of(side, sizes) for side in sides):
            yield from mentioned(node)
    elif isinstance(node, ir.AugAssign):
        if isinstance(node.value, ir.Call) and known.has(node.value, known.DECIDES):
            yield from bound_names(node)
    elif isinstance(node, ir.Assign) and isinstance(node.value, ir.Binary):
        yield from mentioned(node.value)
    elif isinstance(node, ir.For) and isinstance(node.iter, ir.Name):
        for statement in node.body:
            if isinstance(statement, ir.AugAssign) and isinstance(statement.value, ir.Const):
                yield from bound_names(statement)


def _is_one_of(node: ir.Expr, names: Collection[str]) -> bool:
    return isinstance(node, ir.Name) and node.id in names
