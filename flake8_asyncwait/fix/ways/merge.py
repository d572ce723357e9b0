"""One `try` in the place of one that begins with another, as the cures of two sites of a function
may leave them."""

from __future__ import annotations

from typing import Any

import libcst as cst

from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.place import Place
from flake8_asyncwait.fix.ways.join import cleanup_of_all, cleanup_of_errors, frame
from flake8_asyncwait.fix.ways.laid import ends_siblings, laid
from flake8_asyncwait.fix.ways.loops import cancelled
from flake8_asyncwait.fix.ways.proposal import MARK


def merged(place: Place, before: str, width: int) -> str | None:
    """The text in which no `try` begins with another one that cancels where an error leaves it, but
    for those that were in the text `before`; None where there is none. The outer one cancels what
    both do: these cancels have marks, as they strike for more errors than they did."""
    merging = _Merging(before, place.unit)
    module = place.module.visit(merging)
    assert isinstance(module, cst.Module)
    if not merging.names or ends_siblings(module, merging.names):
        return None
    return laid(place, module, width)


class _Merging(cst.CSTTransformer):
    """Takes each `try` into the one that begins with it, where that is possible; `before` is the
    text before any cure, `unit` is what one level of indentation is, `names` are those of what is
    cancelled for more errors then."""

    def __init__(self, before: str, unit: str) -> None:
        super().__init__()
        self._before = layout.dedented_lines(before)
        self._unit = unit
        self.names: set[str] = set()

    def leave_Try(self, original_node: cst.Try, updated_node: cst.Try) -> cst.Try:
        block = updated_node.body
        inner: Any = block.body[0] if isinstance(block, cst.IndentedBlock) else None
        cancels = _cancels_of(inner) if isinstance(inner, cst.Try) else []
        if not cancels:
            return updated_node
        if not (cleanup_of_errors(updated_node) or cleanup_of_all(updated_node)):
            return updated_node
        if any(
            layout.stands_in(one, self._before) or "#" in frame(one)  # it was there before any cure
            for one in (inner, updated_node)
        ):
            return updated_node
        inside = inner.body
        if not isinstance(inside, cst.IndentedBlock) or inside.footer:
            return updated_node
        self.names.update(cancelled(each) or "" for each in cancels)
        head, *rest = (layout.moved_back(each, self._unit) for each in inside.body)
        head = head.with_changes(leading_lines=(*inner.leading_lines, *head.leading_lines))
        body = [head, *rest, *block.body[1:]]
        marked = [each.visit(_Marking()) for each in cancels]
        return _with_cleanup(updated_node.with_changes(body=block.with_changes(body=body)), marked)


def _cancels_of(node: cst.Try) -> list[Any]:
    """The cancels of a `try` where an error leaves it, in their order; none where it does anything
    else besides."""
    handlers, final = node.handlers, node.finalbody
    if handlers and not cleanup_of_errors(node.with_changes(finalbody=None)):
        return []
    if final is not None and not cleanup_of_all(node.with_changes(handlers=())):
        return []
    caught: Any = handlers[0].body.body[:-1] if handlers else ()
    cancels = [*caught, *(final.body.body if final is not None else ())]
    return cancels if all(map(cancelled, cancels)) else []


class _Marking(cst.CSTTransformer):
    """Marks the cancels in a statement."""

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.Attribute:
        if updated_node.attr.value != "cancel":
            return updated_node
        return updated_node.with_changes(attr=cst.Name(MARK))


def _with_cleanup(node: cst.Try, cancels: list[Any]) -> cst.Try:
    """A `try` that cleans up with some cancels before all else that it does then."""
    clause: Any = node.finalbody if node.finalbody is not None else node.handlers[0]
    block = clause.body
    clause = clause.with_changes(body=block.with_changes(body=[*cancels, *block.body]))
    if node.finalbody is not None:
        return node.with_changes(finalbody=clause)
    return node.with_changes(handlers=[clause])
