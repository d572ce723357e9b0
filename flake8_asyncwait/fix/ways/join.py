"""One `try` in the place of two in a row that have the same cleanup, as the cures of two sites of a
function may leave them."""

from __future__ import annotations

from typing import Any

import libcst as cst

from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.nodes import holds, raises_again
from flake8_asyncwait.fix.tree.place import Place
from flake8_asyncwait.fix.ways.laid import laid
from flake8_asyncwait.fix.ways.loops import bare
from flake8_asyncwait.fix.ways.proposal import MOST_MOVED


def joined(place: Place, before: str, width: int) -> str | None:
    """The text in which no `try` follows another one whose cleanup is the same, but for those that
    were in the text `before`; None where there is nothing to join, or lines would be longer than
    `width`."""
    joining = _Joining(before)
    module = place.module.visit(joining)
    assert isinstance(module, cst.Module)
    return laid(place, module, width) if joining.has_joined else None


# By what a body may be left, besides an error and its end.
_EXITS = (cst.Return, cst.Break, cst.Continue, cst.Yield)


class _Joining(cst.CSTTransformer):
    """Joins each `try` with the one before, where that is possible; `before` is the text before any
    cure."""

    def __init__(self, before: str) -> None:
        super().__init__()
        self._before = layout.dedented_lines(before)
        self.has_joined = False

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        body: list[Any] = []
        for statement in updated_node.body:
            one = self._joined(body[-1], statement) if body else None
            body[-1:] = [*body[-1:], statement] if one is None else [one]
        return updated_node.with_changes(body=body)

    def _joined(self, first: Any, second: Any) -> cst.Try | None:
        """One `try` that does what two do, one of them new; None where there is none."""
        if not (isinstance(first, cst.Try) and isinstance(second, cst.Try)):
            return None
        cleanup = sorted(cleanup_of_errors(first))  # one of them has cancels only, in any order
        if not cleanup or "#" in frame(first):
            return None
        if cleanup != sorted(cleanup_of_errors(second)) and (
            cleanup != sorted(cleanup_of_all(second)) or holds(first.body, *_EXITS)
        ):
            return None  # a `finally` would also cancel where the first one is left
        if all(layout.stands_in(one, self._before) for one in (first, second)):
            return None
        bodies = [first.body, second.body]
        if not all(isinstance(each, cst.IndentedBlock) and not each.footer for each in bodies):
            return None
        head: Any = second.body.body[0]
        rest = second.body.body[1:]
        leading = (*second.leading_lines, *head.leading_lines)
        body = [*first.body.body, head.with_changes(leading_lines=leading), *rest]
        block = first.body.with_changes(body=body)
        if sum(1 for line in layout.code(block).split("\n") if line.strip()) > MOST_MOVED:
            return None
        self.has_joined = True
        return second.with_changes(body=block, leading_lines=first.leading_lines)


def frame(node: cst.Try) -> str:
    """The code of a `try` but for its body, and what is above it."""
    return layout.code(bare(node).with_changes(body=cst.SimpleStatementSuite([cst.Pass()])))


def ends_with_finally(place: Place) -> bool:
    """Whether the `try` right around a site cleans up however it is left."""
    around = (node for node in reversed(place.path) if isinstance(node, (cst.Try, cst.TryStar)))
    inner = next(around, None)
    return inner is not None and inner.finalbody is not None and not inner.handlers


def cleanup_of_errors(node: cst.Try) -> list[str]:
    """What a `try` does, and nothing else, before an error of any kind goes on; nothing where it is
    not so."""
    if len(node.handlers) != 1 or node.orelse is not None or node.finalbody is not None:
        return []
    (handler,) = node.handlers
    is_of_all = isinstance(handler.type, cst.Name) and handler.type.value == "BaseException"
    if not is_of_all or handler.name or not isinstance(handler.body, cst.IndentedBlock):
        return []
    *cleanup, last = handler.body.body
    return list(map(_text, cleanup)) if raises_again(last) else []


def cleanup_of_all(node: cst.Try) -> list[str]:
    """What a `try` does, and nothing else, however it is left; nothing where it is not so."""
    final = node.finalbody
    if node.handlers or final is None or not isinstance(final.body, cst.IndentedBlock):
        return []
    return list(map(_text, final.body.body))


def _text(statement: Any) -> str:
    """The code of a statement, whatever the variable of a loop is called, and without what is said
    above it."""
    statement = bare(statement)
    if isinstance(statement, cst.For) and isinstance(statement.target, cst.Name):
        name = statement.target.value
        body = layout.code(statement.body).replace(f"{name}.", "_.")
        return f"{layout.code(statement.iter)}:{body}"
    return layout.code(statement)
