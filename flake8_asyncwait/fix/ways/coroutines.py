"""Coroutines become tasks (AWT203)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import libcst as cst

from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.names import bindings
from flake8_asyncwait.fix.tree.nodes import parts
from flake8_asyncwait.fix.tree.place import Place
from flake8_asyncwait.fix.ways import aims

_COLLECTIONS = (cst.Set, cst.List, cst.Tuple)
_COMPREHENSIONS = (cst.SetComp, cst.ListComp, cst.GeneratorExp)
_ADDING = frozenset({"append", "add"})
_RUNNING = frozenset({"run_until_complete"})


def with_tasks(place: Place, coroutine: str, make: str, width: int) -> cst.Module | None:
    """The slice in which calls of a coroutine function, as `work()` or `queue.get()`, that the wait
    waits for are tasks that `make` makes; None where there are none."""
    waited = aims.waited_of(place.call)
    if waited is None:
        return None
    name = coroutine.removesuffix("()").rpartition(".")[2]
    func = cst.parse_expression(make)
    changes = {
        node: cst.Call(func, [cst.Arg(node)])
        for source in _sources(place, waited)
        for node in _made_in(source)
        if _is_call_of(node, name)
    }
    return _changed(place, changes, width) if changes else None


def create_task(place: Place) -> str | None:
    """What makes tasks for a wait that is run where it stands, as code; "" where it is not, or no
    loop runs yet: its tasks would start before it does, or never be waited for. None where the file
    has no name for asyncio."""
    module = asyncio_of(place)
    if module is None:
        return None
    for outer, inner in pairwise(reversed(place.path)):
        if isinstance(inner, (cst.Await, cst.From)):
            return f"{module}.create_task"
        if isinstance(inner, cst.Call) and inner.func is not outer:
            name = aims.last_name(inner.func)
            if name in aims.STARTING:
                return f"{module}.create_task" if _is_async(place.function) else ""
            if name in _RUNNING and isinstance(inner.func, cst.Attribute):
                loop = inner.func.value
                return f"{layout.code(loop)}.create_task" if _is_name(loop) else ""
        elif not isinstance(inner, cst.Arg):
            return ""
    return ""


def _is_async(function: cst.CSTNode) -> bool:
    return isinstance(function, cst.FunctionDef) and function.asynchronous is not None


def _is_name(node: cst.CSTNode) -> bool:
    """Whether an expression is a name, or an attribute of one."""
    if isinstance(node, cst.Attribute):
        return _is_name(node.value)
    return isinstance(node, cst.Name)


def ensure_future(place: Place) -> str:
    """What makes a task of an awaitable, as code; "" where the file has no name for asyncio."""
    module = asyncio_of(place)
    return f"{module}.ensure_future" if module is not None else ""


def asyncio_of(place: Place) -> str | None:
    """What the call of the wait calls asyncio, as code."""
    func = place.call.func
    return layout.code(func.value) if isinstance(func, cst.Attribute) else None


def _sources(place: Place, waited: cst.BaseExpression) -> Iterator[cst.CSTNode]:
    """The expressions that may make what is waited for."""
    yield waited
    if not isinstance(waited, cst.Name):
        return
    for name, node in bindings(place.function):
        if name == waited.value and isinstance(node, (cst.Assign, cst.AnnAssign)) and node.value:
            yield node.value
    yield from _added_to(place.function, waited.value)


def _added_to(node: cst.CSTNode, name: str) -> Iterator[cst.CSTNode]:
    """What is put into a collection, one by one."""
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and len(node.args) == 1:
        owner = node.func.value
        if isinstance(owner, cst.Name) and owner.value == name and node.func.attr.value in _ADDING:
            yield node.args[0]
    for child in parts(node):
        yield from _added_to(child, name)


def _made_in(source: cst.CSTNode) -> list[cst.BaseExpression]:
    if isinstance(source, _COLLECTIONS):
        return [each.value for each in source.elements]
    if isinstance(source, cst.Arg):
        return [source.value]
    return [source.elt] if isinstance(source, _COMPREHENSIONS) else []


def _is_call_of(node: cst.CSTNode, name: str) -> bool:
    if not isinstance(node, cst.Call):
        return False
    func = node.func.attr if isinstance(node.func, cst.Attribute) else node.func
    return isinstance(func, cst.Name) and func.value == name


class _Changes(cst.CSTTransformer):
    """Puts others in the place of some nodes, and lays out anew what has become too long."""

    def __init__(self, place: Place, changes: dict[Any, Any], width: int) -> None:
        super().__init__()
        self._changes = changes
        self._unit = place.unit
        self._width = width
        self._indentation: list[str] = []
        self._default = place.module.default_indent
        self._touched = 0

    def visit_IndentedBlock(self, node: cst.IndentedBlock) -> None:
        self._indentation.append(self._default if node.indent is None else node.indent)

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        self._indentation.pop()
        return updated_node

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        updated_node = super().on_leave(original_node, updated_node)
        if original_node in self._changes:
            self._touched += 1
            return self._changes[original_node]
        if self._touched and isinstance(updated_node, cst.SimpleStatementLine):
            self._touched = 0
            indentation = "".join(self._indentation)
            return layout.fitted(updated_node, indentation, self._unit, self._width)
        return updated_node


def _changed(place: Place, changes: dict[Any, Any], width: int) -> cst.Module:
    module = place.module.visit(_Changes(place, changes, width))
    assert isinstance(module, cst.Module)
    return module
