"""The places of statements and calls, as `ast` gives them: libcst's own would take a walk over all
that it prints."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from flake8_asyncwait.sites.find import last_name

# An expression in so many others is not lowered: that would exceed Python's own limit of recursion,
# and libcst takes a time to parse it that grows with the square of its depth.
MAX_NESTING = 500
# Nor is a pattern in so many others: for each tuple or mapping around a pattern libcst takes four
# times as long to parse it.
MAX_PATTERNS = 8
# The parts of a statement that hold no candidates of its own.
_APART = (ast.stmt, ast.JoinedStr, getattr(ast, "TemplateStr", ast.JoinedStr))


class PlacesDiffer(Exception):
    """The two trees do not hold the same statements: the places cannot be trusted."""


class Span(NamedTuple):
    """Where a call stands: its line and column, and the place behind it."""

    line: int
    column: int
    end: tuple[int, int]


class Place(NamedTuple):
    """The line of a statement, and the spans of its calls that may be wait sites, in the order of
    the source. Statements inside it have their own."""

    line: int
    calls: list[Span]


def places_of(
    nodes: Sequence[ast.stmt], names: frozenset[str], lines: list[str], first: int = 0
) -> Iterator[Place]:
    """The places of statements, and of all inside them; `lines` are those of the text that they are
    in, and `first` is what these count on from.

    Raises `RecursionError` where an expression is nested too deeply, at once: so that nobody parses
    it again.
    """
    return iter(list(_places(nodes, names, lines, first)))


def _places(
    nodes: Sequence[ast.stmt], names: frozenset[str], lines: list[str], first: int
) -> Iterator[Place]:
    for node in nodes:
        calls = sorted(_calls(node, names), key=_position)
        yield Place(first + node.lineno, [_span(call, lines, first) for call in calls])
        for block in _blocks(node):
            yield from _places(block, names, lines, first)


def _position(call: ast.Call) -> tuple[int, int, int, int]:
    """Outer calls come before inner ones that begin with them."""
    end = call.end_lineno or 0, call.end_col_offset or 0
    return call.lineno, call.col_offset, -end[0], -end[1]


def _blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    yield getattr(statement, "body", [])
    for handler in getattr(statement, "handlers", []):
        yield handler.body
    for case in getattr(statement, "cases", []):
        yield case.body
    yield getattr(statement, "orelse", [])
    yield getattr(statement, "finalbody", [])


def _calls(statement: ast.stmt, names: frozenset[str]) -> Iterator[ast.Call]:
    """The candidates of a statement, without those of statements inside it and of f-strings."""
    level: list[ast.AST] = [statement]
    patterns = 0
    for _ in range(MAX_NESTING):
        parts = [child for node in level for child in ast.iter_child_nodes(node)]
        level = [part for part in parts if not isinstance(part, _APART)]
        if not level:
            return
        patterns += any(isinstance(part, ast.pattern) for part in level)
        if patterns > MAX_PATTERNS or any(map(_is_long_chain, level)):
            break
        for part in level:
            if isinstance(part, ast.Call) and last_name(part.func) in names:
                yield part
    raise RecursionError


def _is_long_chain(node: ast.AST) -> bool:
    """Whether a node is an `and` or `or` of too many terms: libcst puts them in each other, and its
    parser runs out of stack at last."""
    return isinstance(node, ast.BoolOp) and len(node.values) > MAX_NESTING


def _span(call: ast.Call, lines: list[str], first: int) -> Span:
    end = call.end_lineno or call.lineno
    column = characters(lines, call.lineno, call.col_offset)
    behind = characters(lines, end, call.end_col_offset or 0)
    return Span(first + call.lineno, column, (first + end, behind))


def characters(lines: list[str], line: int, offset: int) -> int:
    """The column in characters of an offset in UTF-8 bytes, as ast gives it."""
    text = lines[line - 1]
    return offset if text.isascii() else len(text.encode()[:offset].decode(errors="replace"))
