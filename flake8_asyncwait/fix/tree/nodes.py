"""The parts of a libcst node. libcst's own `children` visits the node, which takes ten times as
long, and a fix asks each node of a function many times."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import libcst as cst

_LAYOUT = (
    cst.BaseParenthesizableWhitespace,
    cst.TrailingWhitespace,
    cst.EmptyLine,
    cst.Comma,
    cst.LeftParen,
    cst.RightParen,
)


def parts(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """The nodes directly below a node, in the order of its fields, without whitespace, comments,
    commas and parentheses."""
    for name in _names(type(node)) or ():
        value: Any = getattr(node, name)
        if _names(type(value)) is not None:
            yield value
        elif isinstance(value, (tuple, list)):
            for each in value:
                if _names(type(each)) is not None:
                    yield each


def with_part(node: cst.CSTNode, old: cst.CSTNode, new: cst.CSTNode) -> cst.CSTNode:
    """A node with another one in the place of one of its parts."""
    for name in _names(type(node)) or ():
        value: Any = getattr(node, name)
        if value is old:
            return node.with_changes(**{name: new})
        if isinstance(value, (tuple, list)) and any(each is old for each in value):
            return node.with_changes(**{name: [new if each is old else each for each in value]})
    raise ValueError("not a part of the node")


def every(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """A node and all those below it, in the order of their fields."""
    yield node
    for part in parts(node):
        yield from every(part)


_APART = (cst.FunctionDef, cst.Lambda, cst.ClassDef)


def holds(node: cst.CSTNode, *kinds: type[cst.CSTNode]) -> bool:
    """Whether a node is, or holds, one of some kinds, not inside of a nested function or class."""
    if isinstance(node, kinds):
        return True
    return any(holds(child, *kinds) for child in parts(node) if not isinstance(child, _APART))


def may_leave(node: cst.CSTNode, in_a_loop: bool = False) -> bool:
    """Whether a statement may leave the block that it stands in, other than by an error."""
    if isinstance(node, (cst.Return, cst.Raise)):
        return True
    if isinstance(node, (cst.Break, cst.Continue)):
        return not in_a_loop
    inside = in_a_loop or isinstance(node, (cst.For, cst.While))
    return any(may_leave(part, inside) for part in parts(node) if not isinstance(part, _APART))


def raises_again(statement: cst.CSTNode) -> bool:
    """Whether a statement is a bare `raise`."""
    small = statement.body if isinstance(statement, cst.SimpleStatementLine) else ()
    return len(small) == 1 and isinstance(small[0], cst.Raise) and small[0].exc is None


def suspends(node: cst.CSTNode) -> bool:
    """Whether a function suspends at a node, or at something in it."""
    if isinstance(node, _APART):
        return False
    if isinstance(node, (cst.Await, cst.Yield)) or getattr(node, "asynchronous", None) is not None:
        return True
    return any(map(suspends, parts(node)))


_known: dict[type[Any], tuple[str, ...] | None] = {}


def _names(kind: type[Any]) -> tuple[str, ...] | None:
    """The fields of a kind of node; None for what is no node, or only layout."""
    if kind not in _known:
        is_part = issubclass(kind, cst.CSTNode) and not issubclass(kind, _LAYOUT)
        _known[kind] = tuple(field.name for field in fields(kind)) if is_part else None
    return _known[kind]
