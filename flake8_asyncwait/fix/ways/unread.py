"""What nobody reads any more once a cure is in: the halves of a wait's result become `_`, or go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import libcst as cst

from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.aligned import realigned
from flake8_asyncwait.fix.tree.names import may_read_all, target_names
from flake8_asyncwait.fix.tree.nodes import parts
from flake8_asyncwait.fix.tree.place import Place

_IGNORED = "_"
_BINDING = (cst.AssignTarget, cst.For, cst.CompFor)


def without_unread(place: Place, always: bool, before: cst.CSTNode) -> cst.Module:
    """The slice in which the names that the wait binds and nobody reads are `_`: all of them, or
    those that were read in the function as it was `before`."""
    function = place.function
    assignment = next((n for n in place.path if isinstance(n, cst.Assign)), None)
    if assignment is None or not isinstance(function, cst.FunctionDef):
        return place.module
    if may_read_all(before):
        return place.module
    if len(assignment.targets) != 1 or _is_read(function, _IGNORED):
        return place.module
    target = assignment.targets[0].target
    if not isinstance(target, cst.Tuple) or len(target.elements) != 2:
        return place.module
    if not isinstance(assignment.value, cst.Await):
        return place.module
    elements = list(target.elements)
    empty: list[cst.CSTNode] = []
    for number, element in enumerate(elements):
        name = element.value
        if not isinstance(name, cst.Name) or name.value == _IGNORED:
            continue
        if not always and not _is_read(before, name.value):
            continue
        bound = list(_empty_bindings(function, name.value))
        if _mentions(function, name.value) > 1 + len(bound):
            continue
        empty += bound
        elements[number] = element.with_changes(value=name.with_changes(value=_IGNORED))
    if all(layout.code(element.value) == _IGNORED for element in elements):
        plain: cst.CSTNode = cst.Expr(assignment.value)
    elif elements == list(target.elements):
        return place.module
    else:
        bound_to = assignment.targets[0].with_changes(target=target.with_changes(elements=elements))
        renamed = realigned(assignment, assignment.with_changes(targets=[bound_to]))
        plain = _on_one_line(assignment, renamed, before, place.unit)
    if not empty:
        return place.with_node(assignment, plain)
    changes: dict[cst.CSTNode, Any] = dict.fromkeys(empty, cst.RemoveFromParent())
    module = place.module.visit(_Changes({**changes, assignment: plain}))
    assert isinstance(module, cst.Module)
    return module


def _on_one_line(old: cst.Assign, new: cst.Assign, before: cst.CSTNode, unit: str) -> cst.Assign:
    """A statement with shorter names, on one line if it was on one before, and is no longer now
    where it begins one level further in."""
    if "\n" not in layout.code(new) or not layout.is_breakable(new):
        return new
    line, was = layout.flat(new), layout.code(layout.flat(old))
    is_shorter = layout.columns(unit + layout.code(line)) <= layout.columns(was)
    lines = map(str.strip, layout.code(before).split("\n"))
    return line if is_shorter and was in lines else new


class _Changes(cst.CSTTransformer):
    """Puts others in the place of some nodes."""

    def __init__(self, changes: dict[cst.CSTNode, Any]) -> None:
        super().__init__()
        self._changes = changes

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        return self._changes.get(original_node, updated_node)


def _mentions(node: cst.CSTNode, name: str) -> int:
    """How often a tree mentions a variable."""
    if isinstance(node, cst.Name):
        return int(node.value == name)
    if isinstance(node, (cst.Attribute, cst.Arg)):
        return _mentions(node.value, name)
    return sum(_mentions(child, name) for child in parts(node))


def _is_read(node: cst.CSTNode, name: str) -> bool:
    """Whether a tree mentions a variable but to bind it."""
    if isinstance(node, cst.Name):
        return node.value == name
    if isinstance(node, (cst.Attribute, cst.Arg)):
        return _is_read(node.value, name)
    bound = getattr(node, "target", None) if isinstance(node, _BINDING) else None
    if isinstance(bound, (cst.Name, cst.Tuple)) and set(target_names(bound)) >= {name}:
        children = [child for child in parts(node) if child is not bound]
    else:
        children = list(parts(node))
    return any(_is_read(child, name) for child in children)


def _empty_bindings(node: cst.CSTNode, name: str) -> Iterator[cst.SimpleStatementLine]:
    """The statements that bind a variable to something empty, and do nothing else."""
    if isinstance(node, cst.SimpleStatementLine) and len(node.body) == 1:
        small = node.body[0]
        targets: Sequence[cst.CSTNode] = ()
        if isinstance(small, cst.Assign):
            targets = [each.target for each in small.targets]
        elif isinstance(small, cst.AnnAssign):
            targets = [small.target]
        else:
            return
        is_it = len(targets) == 1 and isinstance(targets[0], cst.Name) and targets[0].value == name
        if is_it and "#" not in layout.code(node):
            value = small.value
            empty = value is None or layout.code(value) in ("None", "[]", "()", "set()", "list()")
            if empty and not (value is not None and _mentions(value, name)):
                yield node
        return
    for child in parts(node):
        yield from _empty_bindings(child, name)
