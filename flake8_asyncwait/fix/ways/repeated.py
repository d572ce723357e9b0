"""Cancels at the end of a `try` that its `finally` does at the same moment go."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from typing import Any

import libcst as cst

from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.names import binders, reads
from flake8_asyncwait.fix.tree.nodes import every
from flake8_asyncwait.fix.tree.place import Place
from flake8_asyncwait.fix.ways import aims
from flake8_asyncwait.fix.ways.loops import (
    as_first,
    bare,
    cancelled,
    is_about_cancels,
    leaves_a_name,
    set_off_as,
)
from flake8_asyncwait.fix.ways.redundant import PURE_METHODS, is_pure

_APART = (cst.FunctionDef, cst.ClassDef, cst.Lambda, cst.Try, cst.TryStar)


def without_repeated(place: Place, before: cst.CSTNode) -> cst.Module:
    """The slice in which no `try` ends with cancels that its `finally` begins with, but for what
    was so in the function `before`."""
    text = layout.dedented_lines(layout.code(before))
    module = place.module.visit(_Unrepeated(place.function, text, _half(place)))
    assert isinstance(module, cst.Module)
    return module


def _half(place: Place) -> tuple[str | None, str | None]:
    """The name of what is waited for, and of the pending half of it; None where there is none, or
    where what the name holds may change."""
    waited, pending = aims.waited_of(place.call), aims.pending_name(place)
    name = waited.value if isinstance(waited, cst.Name) else None
    return _lasting(place.function, name), _lasting(place.function, pending)


def _lasting(function: cst.CSTNode, name: str | None) -> str | None:
    """The name of a collection if it is bound once, and no method or `del` changes it."""
    if name is None or len(binders(function, name)) != 1:
        return None
    return None if any(_changes(node, name) for node in every(function)) else name


def _changes(node: cst.CSTNode, name: str) -> bool:
    if isinstance(node, cst.Attribute):
        is_read = node.attr.value in PURE_METHODS
        return not is_read and isinstance(node.value, cst.Name) and node.value.value == name
    return isinstance(node, cst.Del) and reads(node, {name})


class _Unrepeated(cst.CSTTransformer):
    """Takes the cancels at the end of a `try` out that its `finally` does at the same moment.
    `half` is a collection, and what holds a part of it."""

    def __init__(
        self, function: cst.CSTNode, before: str, half: tuple[str | None, str | None]
    ) -> None:
        super().__init__()
        self._function = function
        self._before = before
        self._half = half

    def leave_Try(self, original_node: cst.Try, updated_node: cst.Try) -> cst.Try:
        final = updated_node.finalbody
        if final is None or layout.stands_in(original_node, self._before):
            return updated_node
        if not isinstance(final.body, cst.IndentedBlock):
            return updated_node
        first = takewhile(cancelled, final.body.body)  # what comes later may be too late
        names = {each for each in map(cancelled, first) if each}
        whole, part = self._half
        names |= {part} if whole in names and part else set()
        body = updated_node.body.visit(_BeforeReturns(self._function, names))
        node = self._without_last(updated_node.with_changes(body=body), final.body, names)
        is_caught = bool(node.handlers) and node.orelse is None
        ended = _Ends(self._function, self._before, names, is_caught)
        if node.orelse is not None:
            return node.with_changes(orelse=ended.of_branch(node.orelse))
        node = node.with_changes(body=ended.of_block(node.body))
        return _with_comments(node, ended)

    def _without_last(self, node: cst.Try, final: cst.IndentedBlock, names: set[str]) -> cst.Try:
        """A `try` without the cancels of some names at its end."""
        block = node.body
        if node.orelse is not None or not isinstance(block, cst.IndentedBlock):
            return node
        gone = list(takewhile(lambda s: cancelled(s) in names, reversed(block.body)))[::-1]
        if not gone or len(gone) == len(block.body) or not self._may_go(gone):
            return node
        first: Any = final.body[0]
        rest = final.body[1:]
        head: Any = gone[0]
        about = [line for line in head.leading_lines if line.comment]
        body = [first.with_changes(leading_lines=(*about, *first.leading_lines)), *rest]
        return node.with_changes(
            body=block.with_changes(body=block.body[: -len(gone)]),
            finalbody=cst.ensure_type(node.finalbody, cst.Finally).with_changes(
                body=final.with_changes(body=body)
            ),
        )

    def _may_go(self, cancels: Sequence[cst.CSTNode]) -> bool:
        """Whether nothing is lost with some cancels: comments have a place only before the first,
        and nobody reads the variable of a loop."""
        if any(leaves_a_name(each, self._function) for each in cancels):
            return False
        head, *rest = cancels
        inside = "".join(map(layout.code, (bare(head), *rest)))
        return "#" not in inside and is_about_cancels(layout.code(head))


class _Ends:
    """Takes cancels of some names out of the statement that a block ends with, behind which a
    `finally` does the same at once. `is_caught` says that an error in the block goes through
    handlers first: they run where a `finally` in the block has cancelled. `comments` are what stood
    above the cancel `of` a name in a `finally` that is gone."""

    def __init__(
        self, function: cst.CSTNode, before: str, names: set[str], is_caught: bool
    ) -> None:
        self._function = function
        self._before = before
        self._names = names
        self._is_caught = is_caught
        self.comments: list[cst.EmptyLine] = []
        self.of = ""

    def of_block(self, block: cst.BaseSuite) -> cst.BaseSuite:
        """A block whose last statement does not end with such cancels; itself where that is all
        that it holds."""
        if not isinstance(block, cst.IndentedBlock):
            return block
        body = [*block.body[:-1], *self._of_statement(block.body[-1])]
        return block.with_changes(body=body) if body else block

    def of_branch(self, branch: cst.Else) -> cst.Else:
        return branch.with_changes(body=self.of_block(branch.body))

    def _of_statement(self, statement: Any) -> Sequence[Any]:
        """What is left of a statement, in the place of it."""
        if isinstance(statement, cst.If):
            return self._of_if(statement)
        if isinstance(statement, cst.Try) and statement.finalbody is not None:
            return [statement] if self._is_caught else self._of_try(statement, statement.finalbody)
        return [statement]

    def _of_if(self, node: cst.If) -> Sequence[Any]:
        left = self._left_of(node.body)
        if left:
            return [node.with_changes(body=node.body.with_changes(body=left))]
        is_spare = node.orelse is None and is_pure(node.test) and "#" not in layout.code(node)
        return [] if is_spare else [node]

    def _of_try(self, node: cst.Try, final: cst.Finally) -> Sequence[Any]:
        if not isinstance(final.body, cst.IndentedBlock):
            return [node]
        head: Any = final.body.body[0]
        rest = final.body.body[1:]
        if not _without_end([bare(head), *rest], self._names, self._function):
            return self._of_spare(node, final, head)
        body = final.body.with_changes(body=self._left_of(final.body))
        return [node.with_changes(finalbody=final.with_changes(body=body))]

    def _of_spare(self, node: cst.Try, final: cst.Finally, head: Any) -> Sequence[Any]:
        """What is left of a `try` whose `finally`, which begins with some cancel, is to go."""
        block = cst.ensure_type(final.body, cst.IndentedBlock)
        others = block.with_changes(body=[bare(head), *block.body[1:]])
        if "#" in layout.code(final.with_changes(body=others)):
            return [node]
        left = [node.with_changes(finalbody=None)] if node.handlers else self._unwrapped(node)
        if left != [node]:
            self.comments = [line for line in head.leading_lines if line.comment]
            self.of = cancelled(head) or ""
        return left

    def _left_of(self, block: cst.BaseSuite) -> Sequence[Any]:
        """The statements of a block without the cancels at its end, if these have no comment; all
        of one on the line of its statement."""
        body: Sequence[Any] = block.body
        if not isinstance(block, cst.IndentedBlock):
            return body
        return _without_end(body, self._names, self._function)

    def _unwrapped(self, node: cst.Try) -> Sequence[Any]:
        """What is in a `try` that has no cleanup any more, where its lines are laid out as they
        were: they stand where they stood."""
        block: Any = node.body
        if block.footer or not layout.stands_in(block, self._before):
            return [node]
        if "#" in layout.code(block.header) or "\\\n" in layout.code(block):
            return [node]
        head, *rest = block.body
        leading = (*node.leading_lines, *head.leading_lines)
        return [head.with_changes(leading_lines=leading), *rest]


class _BeforeReturns(cst.CSTTransformer):
    """Takes cancels of some names out that a `return` follows, behind which a `finally` does the
    same at once."""

    def __init__(self, function: cst.CSTNode, names: set[str]) -> None:
        super().__init__()
        self._function = function
        self._names = names

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, cst.With) and node.asynchronous is not None:
            return False  # it may suspend where it is left
        return not isinstance(node, _APART) and super().on_visit(node)

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        *before, last = updated_node.body
        left = _without_end(before, self._names, self._function)
        if len(left) == len(before) or not _returns_at_once(last):
            return updated_node
        last = set_off_as(last, before[len(left) :]) if left else as_first(last)
        return updated_node.with_changes(body=[*left, last])


def _without_end(body: Sequence[Any], names: set[str], function: cst.CSTNode) -> Sequence[Any]:
    """Some statements without the cancels of some names at their end; all of them where a comment
    there is about anything else, or where they bind what is read elsewhere."""
    gone = list(takewhile(lambda s: cancelled(s) in names, reversed(body)))
    told = "".join(map(layout.code, gone))
    if any(leaves_a_name(each, function) for each in gone) or not is_about_cancels(told):
        return body
    return body[: len(body) - len(gone)]


def _returns_at_once(statement: cst.CSTNode) -> bool:
    """Whether a statement returns a name or a constant, or nothing."""
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    (only,) = statement.body
    plain = (cst.Name, cst.Integer, cst.SimpleString, type(None))
    return isinstance(only, cst.Return) and isinstance(only.value, plain)


def _with_comments(node: cst.Try, ended: _Ends) -> cst.Try:
    """A `try` with the comments that have lost their cancels above the same ones in its
    `finally`."""
    final = cst.ensure_type(node.finalbody, cst.Finally)
    block = cst.ensure_type(final.body, cst.IndentedBlock)
    body: list[Any] = list(block.body)
    place = next((n for n, each in enumerate(body) if cancelled(each) == ended.of), 0)
    lines = (*ended.comments, *body[place].leading_lines)
    body[place] = body[place].with_changes(leading_lines=lines)
    return node.with_changes(finalbody=final.with_changes(body=block.with_changes(body=body)))
