"""What a cure makes redundant goes with it: cancels that find nothing to cancel any more, and what
is left empty then.

That a cancel finds nothing is what the analysis has seen, in every execution; here it is only told
whether a statement does nothing but cancel.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import takewhile
from typing import Any, TypeAlias, TypeVar

import libcst as cst

from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.names import bindings, every_name, reads, target_names, variables
from flake8_asyncwait.fix.tree.nodes import every, holds
from flake8_asyncwait.fix.tree.place import Place
from flake8_asyncwait.fix.ways import aims
from flake8_asyncwait.fix.ways.loops import (
    as_first,
    asked,
    is_about_cancels,
    leaves_a_name,
    set_off_as,
)
from flake8_asyncwait.fix.ways.proposal import MOST_MOVED

PURE_METHODS = frozenset({"done", "cancelled", "values", "keys", "items", "copy", "is_set"})
_PURE_FUNCTIONS = frozenset({"len", "list", "set", "tuple", "bool", "frozenset"})
# A string that says so, in a statement that is no cancel itself.
_SAYS = r"""(?i)["'].*(cancel|abort|kill|\bstop)"""
_OPPOSITES = ((cst.In, cst.NotIn), (cst.Is, cst.IsNot), (cst.Equal, cst.NotEqual))


def without_cancels(place: Place, idle: Collection[int], told: bool) -> cst.Module:
    """The slice without the statements that do nothing but cancel what `place` waits for, on lines
    of the file where there is nothing to cancel.

    `told` says that a cancel stays where what is around it tells of it, as a log does.
    """
    names = aims.waited_names(place) | _task_names(place)
    module = place.module.visit(_Without(place, idle, names, told))
    assert isinstance(module, cst.Module)
    return module


def _task_names(place: Place) -> frozenset[str]:
    waited = aims.waited_of(place.call)
    if waited is None:
        return frozenset()
    found, function = set(every_name(waited)), place.function
    for _, held in aims.puts(function, waited.value) if isinstance(waited, cst.Name) else ():
        found |= {name for name in variables(held) if not aims.may_be_none(function, name)}
    return frozenset(found)


# What may stand in the place of a statement.
Replacement: TypeAlias = (
    cst.BaseStatement | cst.FlattenSentinel[cst.BaseStatement] | cst.RemovalSentinel
)
N = TypeVar("N", bound=cst.CSTNode)


class _Without(cst.CSTTransformer):
    """Takes the cancels out, and what is empty without them."""

    def __init__(self, place: Place, idle: Collection[int], names: set[str], told: bool) -> None:
        super().__init__()
        self._place = place
        self._idle = idle
        self._names = names
        self._told = told
        self._over: list[set[str]] = []
        self._removed: set[cst.CSTNode] = set()

    def leave_IndentedBlock(
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        """The block without what is gone: what stands first now has no blank line before it, and
        the comment of a cancel goes to what else is done to its task."""
        gone = [each in self._removed for each in original_node.body]
        if not any(gone) or not updated_node.body:
            return updated_node
        if self._told and any(
            _tells_of_a_cancel(each, self._removed) for each in updated_node.body
        ):
            return original_node
        body: list[Any] = list(updated_node.body)
        if gone[0]:
            body[0] = as_first(body[0])
        for number, each in enumerate(original_node.body):
            if not gone[number] or self._may_go(each):
                continue
            position = number + 1 - sum(gone[: number + 1])
            following = original_node.body[number + 1 : number + 2]
            names = set(variables(each))
            if not following or gone[number + 1] or len(body) != gone.count(False):
                return original_node
            if body[position].leading_lines or not reads(following[0], names):
                return original_node
            body[position] = body[position].with_changes(
                leading_lines=getattr(each, "leading_lines", ())
            )
        for number, position in _behind(gone) if len(body) == gone.count(False) else ():
            row = takewhile(
                lambda each: each in self._removed, original_node.body[number - 1 :: -1]
            )
            body[position] = set_off_as(body[position], list(row))
        return updated_node.with_changes(body=body)

    def visit_For(self, node: cst.For) -> None:
        mine = self._names | set().union(*self._over)
        self._over.append(set(target_names(node.target)) if _holds_only(node.iter, mine) else set())

    def leave_For(self, original_node: cst.For, updated_node: cst.For) -> Replacement:
        self._over.pop()
        if not _is_empty(updated_node.body):
            return updated_node
        is_spare = (
            updated_node.orelse is None
            and updated_node.asynchronous is None
            and is_pure(updated_node.iter)
            and not leaves_a_name(original_node, self._place.function)
        )
        return self._gone(original_node) if is_spare else original_node

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> Replacement:
        first, last = self._place.lines_of(original_node)
        if not all(line in self._idle for line in (first, last)):
            return updated_node
        if not all(map(self._only_cancels, original_node.body)):
            return updated_node
        if self._may_go(original_node.with_changes(leading_lines=())):
            self._removed.add(original_node)
            return cst.RemoveFromParent()  # its block has a say in it yet
        return original_node

    def leave_SimpleStatementSuite(
        self, original_node: cst.SimpleStatementSuite, updated_node: cst.SimpleStatementSuite
    ) -> cst.SimpleStatementSuite:
        lines = {self._place.lines_of(small)[0] for small in original_node.body}
        spare = lines <= set(self._idle) and all(map(self._only_cancels, original_node.body))
        return updated_node.with_changes(body=()) if spare else updated_node

    def _only_cancels(self, small: cst.CSTNode) -> bool:
        value = small.value if isinstance(small, cst.Expr) else None
        names = self._names | set().union(*self._over)
        if isinstance(value, (cst.ListComp, cst.SetComp)):
            loop = value.for_in
            if loop.inner_for_in is not None or loop.asynchronous is not None:
                return False
            if not _holds_only(loop.iter, names) or not is_pure(loop.iter):
                return False
            if not all(is_pure(each.test) for each in loop.ifs):
                return False
            names, value = set(target_names(loop.target)), value.elt
        name = asked(value, "cancel")
        return name is not None and name in names

    def leave_If(self, original_node: cst.If, updated_node: cst.If) -> Replacement:
        if not _is_empty(updated_node.body):
            return updated_node
        if not is_pure(updated_node.test):
            return original_node
        if updated_node.orelse is not None:
            return self._turned(original_node, updated_node)
        return self._gone(original_node)

    def _turned(self, original_node: cst.If, updated_node: cst.If) -> cst.If:
        """What is left of an `if ... else` whose first half is gone: the other one."""
        test, other = _opposite(updated_node.test), updated_node.orelse
        if test is None or not isinstance(other, cst.Else) or not self._may_go(original_node.body):
            return original_node
        block = other.body
        if not isinstance(block, cst.IndentedBlock) or "#" in layout.code(block.header):
            return original_node
        if other.leading_lines:
            return original_node
        return updated_node.with_changes(test=test, body=block, orelse=None)

    def leave_Else(  # type: ignore[override]  # a branch may go as a statement may
        self, original_node: cst.Else, updated_node: cst.Else
    ) -> cst.Else | cst.RemovalSentinel:
        return self._gone(original_node) if _is_empty(updated_node.body) else updated_node

    def leave_Try(self, original_node: cst.Try, updated_node: cst.Try) -> Replacement:
        if _is_empty(updated_node.body):
            return original_node
        if self._guards_what_comes_first(original_node):
            return updated_node.with_changes(
                handlers=original_node.handlers, finalbody=original_node.finalbody
            )
        pairs = list(zip(original_node.handlers, updated_node.handlers, strict=True))
        handlers = [each for each in pairs if not self._only_raises(*each)]
        gone = len(handlers) < len(original_node.handlers)
        if gone and {"", "BaseException"} & {self._name_of(handler) for _, handler in handlers}:
            return original_node  # it would catch what the other one lets go on
        left = [old if _is_empty(new.body) else new for old, new in handlers]
        final = updated_node.finalbody
        if final is not None and _is_empty(final.body):
            final = original_node.finalbody
            assert final is not None
            final = None if self._may_go(final) else final
        if not left and final is None:
            return self._unwrapped(original_node, updated_node)
        if not left and updated_node.orelse is not None:
            return original_node
        return updated_node.with_changes(handlers=left, finalbody=final)

    def _guards_what_comes_first(self, node: cst.Try) -> bool:
        """Whether the cleanup of a `try` around the wait is also for a call before it that fails,
        when tasks run already."""
        before = list(takewhile(lambda each: each not in self._place.path, node.body.body))
        if len(before) == len(node.body.body):
            return False
        cleanup = [*node.handlers, *([node.finalbody] if node.finalbody is not None else [])]
        tasks = {name for each in cleanup for name in _cancelled(each)} & self._names
        if not tasks.isdisjoint(name for each in before[:1] for name, _ in bindings(each)):
            before = before[1:]
        return bool(tasks) and any(holds(each, cst.Call) for each in before)

    def leave_TryStar(self, original_node: cst.TryStar, updated_node: cst.TryStar) -> cst.TryStar:
        final = updated_node.finalbody
        bodies = [updated_node.body, *(handler.body for handler in updated_node.handlers)]
        bodies += [final.body] if final is not None else []
        return original_node if any(map(_is_empty, bodies)) else updated_node

    def _unwrapped(self, original_node: cst.Try, updated_node: cst.Try) -> Replacement:
        """What is in a `try` that has nothing to do any more."""
        first, last = self._place.lines_of(original_node.body)
        block, orelse = updated_node.body, updated_node.orelse
        if last - first >= MOST_MOVED or not isinstance(block, cst.IndentedBlock):
            return original_node
        if block.footer or orelse is not None or "#" in layout.code(block.header):
            return original_node
        head, *rest = block.body
        assert isinstance(head, (cst.SimpleStatementLine, cst.BaseCompoundStatement))
        leading = (*updated_node.leading_lines, *head.leading_lines)
        return cst.FlattenSentinel([head.with_changes(leading_lines=leading), *rest])

    def _only_raises(self, old: cst.ExceptHandler, new: cst.ExceptHandler) -> bool:
        """Whether a handler does nothing any more but let the error go on."""
        only, was = layout.code(new.body).strip(), layout.code(old.body).strip()
        return only == "raise" and was != only and self._may_go(old)

    def _name_of(self, handler: cst.ExceptHandler) -> str:
        return layout.code(handler.type).rpartition(".")[2] if handler.type is not None else ""

    def leave_With(self, original_node: cst.With, updated_node: cst.With) -> Replacement:
        if not _is_empty(updated_node.body):
            return updated_node
        only_suppresses = all(map(_suppresses, original_node.items))
        return self._gone(original_node) if only_suppresses else original_node

    def leave_While(self, original_node: cst.While, updated_node: cst.While) -> cst.While:
        return original_node if _is_empty(updated_node.body) else updated_node

    def leave_FunctionDef(
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        return original_node if _is_empty(updated_node.body) else updated_node

    def _gone(self, node: N) -> N | cst.RemovalSentinel:
        """What is in the place of a statement that goes: itself where a comment is about more
        than the cancel."""
        if not self._may_go(node):
            return node
        self._removed.add(node)
        return cst.RemoveFromParent()

    def _may_go(self, node: cst.CSTNode) -> bool:
        """Whether no comment of a node is about more than the cancel."""
        return is_about_cancels(layout.code(node))


def _behind(gone: Sequence[bool]) -> Iterator[tuple[int, int]]:
    """The statements of a block behind some that are gone, but for what stands first now: the
    number of each, and what it is now."""
    for number in range(1, len(gone)):
        position = number - sum(gone[:number])
        if position and gone[number - 1] and not gone[number]:
            yield number, position


def _tells_of_a_cancel(statement: cst.CSTNode, cancels: Iterable[cst.CSTNode]) -> bool:
    """Whether a statement, as a call of a logger, says that tasks of some cancels are cancelled."""
    if not isinstance(statement, cst.SimpleStatementLine):
        return False
    names = set().union(*map(variables, cancels))
    return reads(statement, names) and re.search(_SAYS, layout.code(statement)) is not None


def _cancelled(node: cst.CSTNode) -> Iterator[str]:
    """The names of what a tree cancels, by themselves or in a loop over what they hold."""
    loops = [each for each in every(node) if isinstance(each, (cst.For, cst.CompFor))]
    for each in every(node):
        name = asked(each, "cancel")
        if name is not None:
            yield name
            over = (loop.iter for loop in loops if name in target_names(loop.target))
            yield from (variable for one in over for variable in variables(one))


def _opposite(test: cst.BaseExpression) -> cst.BaseExpression | None:
    """A condition that is true where another is false, for those that have a plain one."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        return test.expression
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return None
    operator = test.comparisons[0].operator
    for one, other in (*_OPPOSITES, *((b, a) for a, b in _OPPOSITES)):
        if isinstance(operator, one):
            target = test.comparisons[0].with_changes(operator=other())
            return test.with_changes(comparisons=[target])
    return None


def _holds_only(node: cst.CSTNode, names: set[str]) -> bool:
    """Whether a collection holds nothing but what some names do: the analysis sees what is
    cancelled of these, and of others perhaps not."""
    found = set(variables(node)) - _PURE_FUNCTIONS
    return bool(found) and found <= names


def _suppresses(item: cst.WithItem) -> bool:
    """Whether a context manager does nothing but suppress what its block raises."""
    call = item.item
    return isinstance(call, cst.Call) and aims.last_name(call.func) == "suppress"


def _is_empty(suite: cst.BaseSuite) -> bool:
    return not suite.body


def is_pure(node: cst.CSTNode) -> bool:
    """Whether to evaluate an expression does nothing but ask."""
    if isinstance(node, cst.Call):
        if isinstance(node.func, cst.Attribute):
            asks = not node.args and node.func.attr.value in PURE_METHODS
            return asks and is_pure(node.func.value)
        name = node.func.value if isinstance(node.func, cst.Name) else ""
        return name in _PURE_FUNCTIONS and all(is_pure(arg.value) for arg in node.args)
    if isinstance(node, cst.Comparison):
        return is_pure(node.left) and all(is_pure(each.comparator) for each in node.comparisons)
    if isinstance(node, cst.UnaryOperation):
        return is_pure(node.expression)
    if isinstance(node, (cst.BooleanOperation, cst.BinaryOperation)):
        return is_pure(node.left) and is_pure(node.right)
    if isinstance(node, (cst.Set, cst.List, cst.Tuple)):
        return all(is_pure(element.value) for element in node.elements)
    if isinstance(node, cst.Attribute):
        return is_pure(node.value)
    return isinstance(node, (cst.Name, cst.Integer, cst.SimpleString))
