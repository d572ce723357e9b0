"""What the patterns of a `match` match, and what literals say."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import Any

import libcst as cst

from flake8_asyncwait.analysis.code import ir


class _Anything:
    """Stands in a tuple of pattern values for a part that matches everything."""


ANYTHING = _Anything()
SINGLETONS: dict[str, object] = {"None": None, "True": True, "False": False}
# Alternatives inside a sequence pattern multiply: of one with more rows nothing is known.
_MOST_ROWS = 1_000


def pattern(node: Any, binds: list[str]) -> tuple[list[object] | None, bool]:
    """What a pattern is known to match, and whether it matches everything."""
    if isinstance(node, cst.MatchAs):
        if node.name is not None:
            binds.append(node.name.value)
        if node.pattern is None:
            return None, True
        return pattern(node.pattern, binds)
    if isinstance(node, cst.MatchOr):
        parts = [pattern(part.pattern, binds) for part in node.patterns]
        irrefutable = any(part[1] for part in parts)
        known = [value for values, _ in parts if values is not None for value in values]
        return (known if all(part[0] is not None for part in parts) else None), irrefutable
    if isinstance(node, cst.MatchSingleton):
        return [SINGLETONS[node.value.value]], False
    if isinstance(node, cst.MatchValue):
        value = literal(node.value)
        return (None if value is None else [value.value]), False
    if isinstance(node, (cst.MatchTuple, cst.MatchList)):
        return _sequence_pattern(node, binds), False
    _collect_captures(node, binds)
    return None, False


def _sequence_pattern(
    node: cst.MatchTuple | cst.MatchList, binds: list[str]
) -> list[object] | None:
    row: list[list[object]] = []
    simple = True
    for element in node.patterns:
        if isinstance(element, cst.MatchStar):
            _collect_captures(element, binds)
            simple = False
            continue
        values, irrefutable = pattern(element.value, binds)
        simple = simple and (irrefutable or values is not None)
        row.append([ANYTHING] if irrefutable else list(values or ()))
    if not simple:
        return None
    if prod(map(len, row)) > _MOST_ROWS:
        return None
    return list(product(*row))


def _collect_captures(node: cst.CSTNode, binds: list[str]) -> None:
    if isinstance(node, (cst.MatchAs, cst.MatchStar)) and node.name is not None:
        binds.append(node.name.value)
    for child in node.children:
        _collect_captures(child, binds)


def literal(node: Any) -> ir.Const | None:
    if isinstance(node, cst.Integer):
        return ir.Const(int(node.value.replace("_", ""), 0)) if node.value.isalnum() else None
    if isinstance(node, cst.SimpleString):
        # To evaluate an escape sequence may warn, and no condition depends on such a string.
        value = None if "\\" in node.value else node.evaluated_value
        return ir.Const(value) if isinstance(value, str) else None
    return None
