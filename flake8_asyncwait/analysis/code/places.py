"""The places of statements and calls, as `ast` gives them: libcst's own would take a walk."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from flake8_asyncwait.analysis.code import ir

# An expression in so many others is not lowered: that would exceed Python's own limit of recursion,
# and libcst takes a time to parse it that grows with the square of its depth.
MAX_NESTING = 500
# The parts of a statement that hold no candidates of its own.
_APART = (ast.stmt, ast.JoinedStr, getattr(ast, "TemplateStr", ast.JoinedStr))


class PlacesDiffer(Exception):
    """The two trees do not hold the same statements: the places cannot be trusted."""


class Places:
    """The lines of the statements and the spans of the candidate calls of one slice, in order."""

    def __init__(self, lines: list[int], spans: list[list[ir.Call]]) -> None:
        self._lines = iter(lines)
        self._spans = iter(spans)
        self._current: Iterator[ir.Call] = iter(())

    def statement(self) -> int:
        """The line of the next statement; its candidate calls are handed out from now on."""
        line = next(self._lines, None)
        if line is None:
            raise PlacesDiffer
        self._current = iter(next(self._spans))
        return line

    def call(self) -> ir.Call:
        """The span of the next candidate call of the current statement, as an empty call."""
        span = next(self._current, None)
        if span is None:
            raise PlacesDiffer
        return span

    def resume(self) -> Iterator[ir.Call]:
        """The candidates left of the current statement, to be given back with `restore`."""
        return self._current

    def restore(self, current: Iterator[ir.Call]) -> None:
        self._current = current

    def finish(self) -> None:
        """Raise `PlacesDiffer` unless every statement has been handed out."""
        if next(self._lines, None) is not None:
            raise PlacesDiffer


def places_from_ast(
    nodes: Sequence[ast.stmt], names: frozenset[str], lines: list[str], first: int = 0
) -> Places:
    """The places of `nodes` and of all statements inside them; `lines` is the file's text, and
    `first` what they count on from, where that holds no candidates."""
    found_lines: list[int] = []
    found_spans: list[list[ir.Call]] = []

    def visit(statement: ast.stmt) -> None:
        found_lines.append(first + statement.lineno)
        found_spans.append(_spans(statement, names, lines))
        for block in _ast_blocks(statement):
            for child in block:
                visit(child)

    for node in nodes:
        visit(node)
    return Places(found_lines, found_spans)


def _ast_blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    yield getattr(statement, "body", [])
    for handler in getattr(statement, "handlers", []):
        yield handler.body
    for case in getattr(statement, "cases", []):
        yield case.body
    yield getattr(statement, "orelse", [])
    yield getattr(statement, "finalbody", [])


def _spans(statement: ast.stmt, names: frozenset[str], lines: list[str]) -> list[ir.Call]:
    """The candidates of a statement, without those of statements inside it and of f-strings.

    Raises `RecursionError` where an expression is nested too deeply.
    """
    calls: list[ast.Call] = []
    level: list[ast.AST] = [statement]
    for _ in range(MAX_NESTING):
        parts = [child for node in level for child in ast.iter_child_nodes(node)]
        level = [part for part in parts if not isinstance(part, _APART)]
        if not level:
            break
        calls += (p for p in level if isinstance(p, ast.Call) and _last_of_ast(p.func) in names)
    else:
        raise RecursionError
    calls.sort(
        key=lambda c: (c.lineno, c.col_offset, -(c.end_lineno or 0), -(c.end_col_offset or 0))
    )
    return [_span(call, lines) for call in calls]


def _last_of_ast(func: ast.expr) -> str | None:
    if isinstance(func, ast.Attribute):
        return func.attr
    return func.id if isinstance(func, ast.Name) else None


def _span(call: ast.Call, lines: list[str]) -> ir.Call:
    end_line = call.end_lineno or call.lineno
    return ir.Call(
        ir.Other([]),
        [],
        call.lineno,
        characters(lines, call.lineno, call.col_offset),
        (end_line, characters(lines, end_line, call.end_col_offset or 0)),
    )


def characters(lines: list[str], line: int, offset: int) -> int:
    """The column in characters of an offset in UTF-8 bytes, as ast gives it."""
    text = lines[line - 1]
    return offset if text.isascii() else len(text.encode()[:offset].decode(errors="replace"))
