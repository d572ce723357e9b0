"""What the annotations of parameters say."""

from __future__ import annotations

from contextlib import suppress

import libcst as cst

# The types of what `ensure_future` makes a task of.
_COROUTINES = frozenset({"Coroutine", "CoroutineType", "Awaitable"})


def is_coroutine(annotation: cst.BaseExpression) -> bool:
    """Whether an annotation is one of a coroutine or an awaitable, which may also be None."""
    if isinstance(annotation, cst.SimpleString):
        with suppress(cst.ParserSyntaxError):
            return is_coroutine(cst.parse_expression(str(annotation.evaluated_value)))
    elif isinstance(annotation, cst.BinaryOperation):
        return _are_coroutines([annotation.left, annotation.right])
    elif isinstance(annotation, cst.Subscript):
        named = _last_of(annotation.value)
        if named not in ("Optional", "Union", "Annotated"):
            return named in _COROUTINES
        inside = [e.slice.value for e in annotation.slice if isinstance(e.slice, cst.Index)]
        return _are_coroutines(inside[:1] if named == "Annotated" else inside)
    return _last_of(annotation) in _COROUTINES


def _are_coroutines(annotations: list[cst.BaseExpression]) -> bool:
    return all(is_coroutine(one) for one in annotations if _last_of(one) != "None")


def _last_of(node: cst.BaseExpression) -> str:
    """The last component of a name, or ""."""
    name = node.attr if isinstance(node, cst.Attribute) else node
    return name.value if isinstance(name, cst.Name) else ""
