"""What the annotations of parameters say."""

from __future__ import annotations

from collections import OrderedDict, abc, defaultdict, deque
from collections.abc import Callable
from contextlib import suppress

import libcst as cst

# The types of what `ensure_future` makes a task of.
_COROUTINES = frozenset({"Coroutine", "CoroutineType", "Awaitable"})
# Types of which no value is a task, or holds one.
_PLAIN = frozenset(
    {"None", *(kind.__name__ for kind in (str, int, float, complex, bool, bytes, bytearray))}
)
# Generic types whose values hold nothing but values of their arguments, in small letters, for
# `typing` has names of its own for them.
_HOLDING = frozenset(
    kind.__name__.lower()
    for kind in (
        *(list, set, frozenset, tuple, dict, deque, defaultdict, OrderedDict),
        *(abc.Iterable, abc.Iterator, abc.Collection, abc.Container, abc.Reversible),
        *(abc.Sequence, abc.MutableSequence, abc.Set, abc.MutableSet),
        *(abc.Mapping, abc.MutableMapping),
    )
) | {"abstractset"}
_UNIONS = frozenset({"Optional", "Union"})


def is_coroutine(annotation: cst.BaseExpression) -> bool:
    """Whether an annotation is one of a coroutine or an awaitable, which may also be None."""
    return _holds(annotation, _is_coroutine)


def is_plain(annotation: cst.BaseExpression) -> bool:
    """Whether an annotation says that there is no task in a value: it is a text or a number, or a
    collection of nothing else."""
    return _holds(annotation, _is_plain)


def _holds(annotation: cst.BaseExpression, test: Callable[[cst.BaseExpression], bool]) -> bool:
    """Whether a test holds for all that an annotation allows but None."""
    if isinstance(annotation, cst.SimpleString):
        with suppress(cst.ParserSyntaxError):
            return _holds(cst.parse_expression(str(annotation.evaluated_value)), test)
        return False
    if isinstance(annotation, cst.BinaryOperation):
        return _all_hold([annotation.left, annotation.right], test)
    named = _last_of(annotation.value) if isinstance(annotation, cst.Subscript) else ""
    if isinstance(annotation, cst.Subscript) and named in (*_UNIONS, "Annotated"):
        inside = _arguments(annotation)
        return _all_hold(inside[:1] if named == "Annotated" else inside, test)
    return test(annotation)


def _all_hold(
    annotations: list[cst.BaseExpression], test: Callable[[cst.BaseExpression], bool]
) -> bool:
    return all(_holds(one, test) for one in annotations if _last_of(one) != "None")


def _is_coroutine(annotation: cst.BaseExpression) -> bool:
    named = annotation.value if isinstance(annotation, cst.Subscript) else annotation
    return _last_of(named) in _COROUTINES


def _is_plain(annotation: cst.BaseExpression) -> bool:
    if isinstance(annotation, cst.Ellipsis):
        return True  # of `tuple[str, ...]`
    if not isinstance(annotation, cst.Subscript):
        return _last_of(annotation) in _PLAIN
    named = _last_of(annotation.value)
    return named == "Literal" or (
        named.lower() in _HOLDING and all(map(is_plain, _arguments(annotation)))
    )


def _arguments(annotation: cst.Subscript) -> list[cst.BaseExpression]:
    return [e.slice.value for e in annotation.slice if isinstance(e.slice, cst.Index)]


def _last_of(node: cst.BaseExpression) -> str:
    """The last component of a name, or ""."""
    name = node.attr if isinstance(node, cst.Attribute) else node
    return name.value if isinstance(name, cst.Name) else ""
