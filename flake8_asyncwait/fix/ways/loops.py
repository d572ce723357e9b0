"""Loops that only cancel what they loop over, and comments about that."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import dropwhile
from typing import Any

import libcst as cst

from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.names import may_read_all, reads, target_names
from flake8_asyncwait.fix.tree.nodes import parts

# What comments say that are about a cancel, and go with it.
_ABOUT = r"cancel|clean|pending|abort|kill|\bstop"
# Comments on lines of their own, one below the other, are one; behind code each is one.
_COMMENT = re.compile(r"^([ \t]*)#.*(?:\n\1#.*)*|#.*", re.MULTILINE)
# What tools read behind code, and no word more: what a reader is told there stays.
_DIRECTIVES = (
    r"noqa(?::\s*[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*)?",
    r"(?:type|pyright):\s*ignore(?:\[[\w\-, ]*\])?",
    r"pragma:\s*no\s?(?:cover|branch)",
    r"pylint:\s*disable=[\w\-]+(?:,\s*[\w\-]+)*",
)
_DIRECTIVE = re.compile(rf"(?:#\s*(?:{'|'.join(_DIRECTIVES)})\s*)+")
_SENTENCE_ENDS = re.compile(r"(?<=[.!?])\s+(?=[A-Z])")
# How a sentence begins that goes on about what the one before it says.
_POINTS_BACK = re.compile(r"(Otherwise|These|They|This|That|It|So)\b")


def bare(statement: cst.CSTNode) -> Any:
    """A statement without the comments and blank lines before it."""
    return statement.with_changes(leading_lines=())


def as_first(statement: Any) -> Any:
    """A statement as it stands first in a block: without the blank lines before it."""
    lines = dropwhile(lambda line: line.comment is None, statement.leading_lines)
    return statement.with_changes(leading_lines=tuple(lines))


def set_off_as(statement: Any, gone: Sequence[Any]) -> Any:
    """A statement with a blank line before it where those before it, which are gone, had one."""
    blank = [line for each in gone for line in each.leading_lines if line.comment is None]
    if statement.leading_lines or not blank:
        return statement
    return statement.with_changes(leading_lines=blank[:1])


def leaves_a_name(statement: cst.CSTNode, function: cst.CSTNode) -> bool:
    """Whether a statement is a loop, perhaps under an `if`, of which a variable may be read outside
    of it, and of other loops over it."""
    loop = _only(statement.body) if isinstance(statement, cst.If) else statement
    if not isinstance(loop, cst.For):
        return False
    names = target_names(loop.target)
    return may_read_all(function) or any(_reads_outside(function, each) for each in names)


def is_loop_variable(name: str, function: cst.CSTNode, path: Sequence[cst.CSTNode]) -> bool:
    """Whether a name of a function is nothing but the variable of loops, none of them on `path`:
    one more loop may have it then."""
    around = any(isinstance(node, cst.For) and reads(node.target, {name}) for node in path)
    return not (around or _reads_outside(function, name) or is_captured(function, name))


def is_captured(function: cst.CSTNode, name: str) -> bool:
    """Whether a function inside of another mentions a name."""
    queue = list(parts(function))
    while queue:
        node = queue.pop()
        if isinstance(node, (cst.FunctionDef, cst.Lambda, cst.ClassDef)):
            if reads(node, {name}):
                return True
        else:
            queue.extend(parts(node))
    return False


def _reads_outside(node: cst.CSTNode, variable: str) -> bool:
    if isinstance(node, (cst.For, cst.CompFor)) and variable in target_names(node.target):
        rest: list[cst.CSTNode] = [node.iter]
        if isinstance(node, cst.For) and node.orelse is not None:
            rest.append(node.orelse)
        return any(_reads_outside(part, variable) for part in rest)
    if isinstance(node, cst.BaseComp) and variable in target_names(node.for_in.target):
        return _reads_outside(node.for_in, variable)
    if isinstance(node, cst.Attribute):
        return _reads_outside(node.value, variable)
    if isinstance(node, cst.Arg):
        return _reads_outside(node.value, variable)
    if isinstance(node, cst.Name):
        return node.value == variable
    return any(_reads_outside(child, variable) for child in parts(node))


def cancelled_by(statement: cst.CSTNode) -> str | None:
    """The name of the collection whose tasks a statement cancels and does nothing else with:

        for task in NAME: task.cancel()
        [task.cancel() for task in NAME]

    each perhaps under `if not task.done()`, the loop perhaps under `if NAME`. None for any other
    statement, and for one that holds or follows a comment.
    """
    if "#" in layout.code(statement):
        return None
    if isinstance(statement, cst.If):
        body = _only(statement.body)
        name = _name(statement.test)
        if statement.orelse is None and name and body and _loops_over(body) == name:
            return name
        return None
    return _loops_over(statement)


def cancelled_name(statement: cst.CSTNode) -> str | None:
    """The name of the one task that a statement cancels and does nothing else with, perhaps under
    `if not task.done()`."""
    if isinstance(statement, cst.If):
        return None if "#" in layout.code(statement) else _cancelled_if_it_runs(statement)
    small = _only(statement) if isinstance(statement, cst.SimpleStatementLine) else None
    return asked(small.value, "cancel") if isinstance(small, cst.Expr) else None


def _cancelled_if_it_runs(node: cst.CSTNode | None) -> str | None:
    """The name of the one task that the only statement of a block cancels, perhaps under
    `if not task.done()`."""
    guard, body = None, node
    if isinstance(node, cst.If) and node.orelse is None:
        guard, body = node.test, _only(node.body)
    name = asked(body.value, "cancel") if isinstance(body, cst.Expr) else None
    return name if guard is None or _asks_not_done(guard, name) else None


def cancelled(statement: Any) -> str | None:
    """The name of the task, or the collection of tasks, that a statement cancels and does nothing
    else with, whatever comment is before it."""
    alone = bare(statement)
    return cancelled_name(alone) or cancelled_by(alone)


def asked(node: cst.CSTNode | None, method: str) -> str | None:
    """The name of which a node calls a method, without arguments: a message would be one."""
    if not isinstance(node, cst.Call) or node.args or not isinstance(node.func, cst.Attribute):
        return None
    return _name(node.func.value) if node.func.attr.value == method else None


def _loops_over(statement: cst.CSTNode) -> str | None:
    if isinstance(statement, cst.For):
        if statement.asynchronous is not None or statement.orelse is not None:
            return None
        variable = _name(statement.target)
        if variable and _cancelled_if_it_runs(_only(statement.body)) == variable:
            return _name(statement.iter)
    small = _only(statement) if isinstance(statement, cst.SimpleStatementLine) else statement
    if isinstance(small, cst.Expr) and isinstance(small.value, (cst.ListComp, cst.SetComp)):
        return _comprehends(small.value)
    return None


def _comprehends(node: cst.ListComp | cst.SetComp) -> str | None:
    clause = node.for_in
    variable = _name(clause.target)
    if clause.asynchronous is not None or clause.inner_for_in is not None:
        return None
    if not all(_asks_not_done(test.test, variable) for test in clause.ifs):
        return None
    return _name(clause.iter) if variable and asked(node.elt, "cancel") == variable else None


def _only(suite: cst.BaseSuite | cst.SimpleStatementLine) -> cst.CSTNode | None:
    """The one statement of a suite, without the line around it."""
    if len(suite.body) != 1:
        return None
    statement = suite.body[0]
    return _only(statement) if isinstance(statement, cst.SimpleStatementLine) else statement


def _name(node: cst.CSTNode) -> str | None:
    return node.value if isinstance(node, cst.Name) else None


def _asks_not_done(node: cst.CSTNode, variable: str | None) -> bool:
    if not isinstance(node, cst.UnaryOperation) or not isinstance(node.operator, cst.Not):
        return False
    return variable is not None and asked(node.expression, "done") == variable


def is_about_cancels(code: str) -> bool:
    """Whether all comments in some code are about nothing but cancels, or for tools."""
    return all(
        _tells_of_cancels(each.group()) or (each[1] is None and _DIRECTIVE.fullmatch(each.group()))
        for each in _COMMENT.finditer(code)
    )


def _tells_of_cancels(comment: str) -> bool:
    """Whether each line of a comment is about cancels or, in prose, each sentence, which may point
    back to the one before it."""
    if all(_names_a_cancel(line) for line in comment.split("\n")):
        return True
    first, *others = _SENTENCE_ENDS.split(re.sub(r"\s*\n[ \t]*#\s*", " ", comment))
    is_prose = comment.rstrip().endswith(".")
    further = all(_names_a_cancel(each) or _POINTS_BACK.match(each) for each in others)
    return is_prose and _names_a_cancel(first) and further


def _names_a_cancel(text: str) -> bool:
    return re.search(_ABOUT, text, re.IGNORECASE) is not None
