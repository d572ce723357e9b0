"""The cure for a cleanup that reads a result which a cancellation leaves unbound: bind it first."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import libcst as cst

from flake8_asyncwait.fix.tree.names import bindings, is_bound, parameters_of, reads
from flake8_asyncwait.fix.tree.place import Level, Place
from flake8_asyncwait.fix.ways import aims
from flake8_asyncwait.fix.ways.proposal import MARK


class Prebinding(NamedTuple):
    """A proposal, and what was there before with the same marks: those of the cancels in the
    cleanup, which will now find something to cancel."""

    after: cst.Module
    before: cst.Module


def prebindings(place: Place) -> Iterator[Prebinding]:
    """The proposals: before a `try` whose cleanup reads the pending half, the name of that half is
    bound to the waited tasks."""
    name = aims.pending_name(place)
    waited = aims.waited_of(place.call)
    if name is None or not isinstance(waited, cst.Name) or waited.value == name:
        return
    if any(not _is_spare(node, place) for each, node in bindings(place.function) if each == name):
        return
    for depth, level in enumerate(place.levels):
        statement = level.statement
        if not depth or not isinstance(statement, (cst.Try, cst.TryStar)):
            continue
        cleanups = [*statement.handlers, statement.finalbody]
        if not any(part is not None and reads(part, {name}) for part in cleanups):
            continue
        if is_bound(waited.value, place.levels[depth:], parameters_of(place.function)):
            yield _bound_before(place, level, name, waited)


def _is_spare(node: cst.CSTNode, place: Place) -> bool:
    """Whether what binds the name is the wait itself, or binds it to nothing in particular."""
    if any(node is each for each in place.path):
        return True
    if not isinstance(node, (cst.Assign, cst.AnnAssign)):
        return False
    value = node.value
    if isinstance(value, (cst.Set, cst.List, cst.Tuple, cst.Dict)):
        return not value.elements
    if isinstance(value, cst.Call):
        return not value.args and isinstance(value.func, cst.Name)
    return value is None or (isinstance(value, cst.Name) and value.value == "None")


class _Marks(cst.CSTTransformer):
    """Marks the cancels in a cleanup."""

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        if isinstance(updated_node, cst.Attribute) and updated_node.attr.value == "cancel":
            return updated_node.with_changes(attr=cst.Name(MARK))
        return updated_node


def _marked(tried: Any) -> Any:
    handlers = [handler.visit(_Marks()) for handler in tried.handlers]
    final = tried.finalbody.visit(_Marks()) if tried.finalbody is not None else None
    return tried.with_changes(handlers=handlers, finalbody=final)


def _bound_before(place: Place, level: Level, name: str, waited: cst.Name) -> Prebinding:
    body = list(level.block.body)
    body[level.index] = tried = _marked(body[level.index])
    before = place.with_body(level, body)
    value = _as_set(place, waited)
    binding = cst.SimpleStatementLine([cst.Assign([cst.AssignTarget(cst.Name(name))], value)])
    position = _older(level, name, waited.value)
    if position is not None:
        old: Any = body[position]
        body[position] = old.with_changes(body=[old.body[0].with_changes(value=value)])
    else:
        body[level.index : level.index + 1] = [
            binding.with_changes(leading_lines=tried.leading_lines),
            tried.with_changes(leading_lines=()),
        ]
    return Prebinding(place.with_body(level, body), before)


def _older(level: Level, name: str, waited: str) -> int | None:
    """The statement before the `try` that binds the name to something empty, once what is waited
    for is bound: it can bind the right thing instead."""
    found = None
    for number, statement in enumerate(level.block.body[: level.index]):
        bound = {each for each, _ in bindings(statement)}
        if waited in bound:
            found = None
        if bound == {name} and isinstance(statement, cst.SimpleStatementLine):
            only = statement.body[0] if len(statement.body) == 1 else None
            if isinstance(only, (cst.Assign, cst.AnnAssign)):
                found = number
        elif found is not None and reads(statement, {name}):
            found = None
    return found


def _as_set(place: Place, waited: cst.Name) -> cst.BaseExpression:
    """The waited tasks as a set, which is what the wait gives: the name itself where it is bound
    to sets only."""
    values = [
        node.value
        for name, node in bindings(place.function)
        if name == waited.value and isinstance(node, (cst.Assign, cst.AnnAssign))
    ]
    if values and all(_is_set(value) for value in values):
        return waited
    return cst.Set([cst.StarredElement(waited)])  # the file may have a `set` of its own


def _is_set(value: cst.BaseExpression | None) -> bool:
    if isinstance(value, cst.Call):
        return isinstance(value.func, cst.Name) and value.func.value == "set"
    return isinstance(value, (cst.Set, cst.SetComp))
