"""The places of statements and calls, as `ast` gives them: libcst's own would take a walk over all
that it prints."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.sites.find import last_name
from flake8_asyncwait.sites.outline import blocks

# An expression in so many others is not lowered: that would exceed Python's own limit of recursion,
# and libcst takes a time to parse it that grows with the square of its depth.
MAX_NESTING = 500
# Nor are patterns that have too many brackets around them: with each tuple or mapping around one,
# libcst takes four times as long. This is what those of a function may weigh: six pairs of
# brackets, and so much for each character that no file takes more than seconds for its length.
MAX_PATTERNS = 4**6
MAX_PATTERNS_PER_CHARACTER = 32
_NO_BRACKET = re.compile(r"""#[^\n]*|('{3}|"{3}|'|")(?:\\.|(?!\1).)*\1|[^][(){}]""", re.DOTALL)
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

    Raises `RecursionError` where an expression or a pattern is nested too deeply, at once: so that
    nobody parses it again.
    """
    heads = list(_heads(nodes, lines))
    most = MAX_PATTERNS + MAX_PATTERNS_PER_CHARACTER * sum(map(len, heads))
    if sum(map(_weight, heads)) > most:
        raise RecursionError
    return iter(list(_places(nodes, names, lines, first)))


def _places(
    nodes: Sequence[ast.stmt], names: frozenset[str], lines: list[str], first: int
) -> Iterator[Place]:
    for node in nodes:
        calls = sorted(_calls(node, names), key=_position)
        yield Place(first + node.lineno, [_span(call, lines, first) for call in calls])
        for block in blocks(node):
            yield from _places(block, names, lines, first)


def _position(call: ast.Call) -> tuple[int, int, int, int]:
    """Outer calls come before inner ones that begin with them."""
    end = call.end_lineno or 0, call.end_col_offset or 0
    return call.lineno, call.col_offset, -end[0], -end[1]


def _calls(statement: ast.stmt, names: frozenset[str]) -> Iterator[ast.Call]:
    """The candidates of a statement, without those of statements inside it and of f-strings."""
    level: list[ast.AST] = [statement]
    for _ in range(MAX_NESTING):
        parts = [child for node in level for child in ast.iter_child_nodes(node)]
        level = [part for part in parts if not isinstance(part, _APART)]
        if not level:
            return
        if any(map(_is_long_chain, level)):
            break
        for part in level:
            if isinstance(part, ast.Call) and last_name(part.func) in names:
                yield part
    raise RecursionError


def _is_long_chain(node: ast.AST) -> bool:
    """Whether a node is an `and` or `or` of too many terms: libcst puts them in each other, and its
    parser runs out of stack at last."""
    return isinstance(node, ast.BoolOp) and len(node.values) > MAX_NESTING


def _heads(nodes: Sequence[ast.stmt], lines: list[str]) -> Iterator[str]:
    """The text of each `case`, from what stands before it: its brackets are in no tree."""
    for node in nodes:
        if isinstance(node, ast.Match):
            above: ast.expr | ast.stmt = node.subject
            for case in node.cases:
                yield _text(lines, above, case.pattern)
                above = case.body[-1]
        for block in blocks(node):
            yield from _heads(block, lines)


def _text(lines: list[str], start: ast.expr | ast.stmt, end: ast.pattern) -> str:
    """What stands behind `start`, up to the end of `end`."""
    line = start.end_lineno or 0
    text = lines[line - 1 : end.end_lineno]
    text[-1] = text[-1][: characters(lines, end.end_lineno, end.end_col_offset)]
    text[0] = text[0][characters(lines, line, start.end_col_offset or 0) :]
    return "\n".join(text)


def _weight(head: str) -> int:
    """What a `case` takes libcst, in units of a pattern without brackets."""
    depth = deepest = 0
    for bracket in _NO_BRACKET.sub("", head):
        depth = depth + 1 if bracket in "([{" else max(depth - 1, 0)  # it may close the subject
        deepest = max(deepest, depth)
    return int(4**deepest)


def _span(call: ast.Call, lines: list[str], first: int) -> Span:
    end = call.end_lineno or call.lineno
    column = characters(lines, call.lineno, call.col_offset)
    behind = characters(lines, end, call.end_col_offset or 0)
    return Span(first + call.lineno, column, (first + end, behind))


def characters(lines: list[str], line: int, offset: int) -> int:
    """The column in characters of an offset in UTF-8 bytes, as ast gives it."""
    text = lines[line - 1]
    return offset if text.isascii() else len(text.encode()[:offset].decode(errors="replace"))
