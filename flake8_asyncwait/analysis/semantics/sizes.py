"""What asks how many things a function has put into a collection."""

from __future__ import annotations

from collections.abc import Callable
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
from flake8_asyncwait.analysis.semantics.known import is_size


def asks_how_many(test: ir.Expr, func: ir.Func, once: Callable[..., Any]) -> bool:
    """Whether a test compares the size of a collection that a function has filled itself, before
    it waits for anything: no outcome decides that."""
    if not isinstance(test, ir.Compare):
        return False
    sized = [arg.value for side in (test.left, test.right) if is_size(side) for arg in side.args]
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
