"""The libcst visitor that finds the calls that may be sites."""

from __future__ import annotations

from collections.abc import Collection

import libcst as cst


class CallFinder(cst.CSTVisitor):
    """Finds the calls of one `statement` whose callee has one of `names` for its last, in the order
    of the source.

    Statements inside it have their own. Calls inside an f-string have no trustworthy place before
    Python 3.12, so they are left out, and so are those inside a t-string.
    """

    def __init__(self, statement: cst.CSTNode, names: Collection[str]) -> None:
        super().__init__()
        self._statement = statement
        self._names = names
        self.calls: list[cst.Call] = []

    def on_visit(self, node: cst.CSTNode) -> bool:
        if isinstance(node, _STATEMENTS) and node is not self._statement:
            return False
        return super().on_visit(node)

    def visit_Call(self, node: cst.Call) -> None:
        if last_name(node.func) in self._names:
            self.calls.append(node)

    def visit_FormattedString(self, node: cst.FormattedString) -> bool:
        return False

    def visit_TemplatedString(self, node: cst.CSTNode) -> bool:
        return False


_STATEMENTS = (cst.BaseStatement, cst.BaseSmallStatement, cst.BaseSuite)


def find_calls(statement: cst.CSTNode, names: Collection[str]) -> list[cst.Call]:
    """The calls of a statement that `CallFinder` finds by `names`."""
    finder = CallFinder(statement, names)
    statement.visit(finder)
    return finder.calls


def last_name(callee: cst.BaseExpression) -> str | None:
    """The name of a callee, or of the attribute that it is."""
    name = callee.attr if isinstance(callee, cst.Attribute) else callee
    return name.value if isinstance(name, cst.Name) else None
