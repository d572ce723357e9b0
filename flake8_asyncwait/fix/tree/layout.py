"""How rewritten code is laid out: as black and ruff format would, within the file's line length."""

from __future__ import annotations

import ast
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, TypeVar

import libcst as cst

from flake8_asyncwait.sites.syntax import tree_of

Node = TypeVar("Node", bound=cst.CSTNode)

# The line lengths that people choose.
_WIDTHS = (79, 88, 100, 120)
_UNBREAKABLE = re.compile(r"#|[(\[{]\s*$")
_STRINGS = (ast.Constant, ast.JoinedStr)
_LONG_STRING = 30
QUOTE = r"""('''|\"\"\"|['"])"""
STRING = rf"{QUOTE}(?:\\.|(?!\1).)*\1"
_INNERMOST = re.compile(r"[(\[{][^()\[\]{}]*[)\]}]")
_BRACKETED = (cst.Tuple, cst.List, cst.Set, cst.Dict, cst.Call, cst.Subscript)


def line_length(text: str) -> int:
    """The line length that a file keeps to: the least usual one that holds its code.

    Lines that no formatter breaks do not count: those with comments or long strings, and those
    broken behind a bracket already. A tab is one character, as pycodestyle has it. Raises
    `SyntaxError` when `text` is not Python.
    """
    strings = _lines_of_long_strings(text)
    widths = [
        len(line.rstrip("\r"))
        for number, line in enumerate(text.split("\n"), 1)
        if number not in strings and not _UNBREAKABLE.search(line)
    ]
    longest = max(widths, default=0)
    return next((width for width in _WIDTHS if longest <= width), _WIDTHS[-1])


def _lines_of_long_strings(text: str) -> set[int]:
    """The lines, from 1, of the strings in a file that are long or stand on more than one."""
    found: set[int] = set()
    for node in ast.walk(tree_of(text)):
        if isinstance(node, _STRINGS):
            last, end = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
            if node.lineno < last or end - node.col_offset > _LONG_STRING:
                found.update(range(node.lineno, last + 1))
    return found


def is_breakable(node: cst.CSTNode) -> bool:
    """Whether a formatter would be free to lay out a node: it holds no comment, no trailing comma
    that asks to keep one item a line, and no string of several lines."""
    if isinstance(node, (cst.Comment, cst.FormattedString)) and "\n" in code(node):
        return False
    if isinstance(node, cst.Comment):
        return False
    if isinstance(node, cst.SimpleString) and "\n" in node.value:
        return False
    if has_magic_comma(node):
        return False
    return all(is_breakable(child) for child in node.children)


def has_magic_comma(node: cst.CSTNode) -> bool:
    """Whether a trailing comma asks a formatter to keep one item of a node a line."""
    items: Sequence[Any] = ()
    if isinstance(node, (cst.Tuple, cst.List, cst.Set, cst.Dict)):
        items = node.elements
        if isinstance(node, cst.Tuple) and len(items) == 1:
            return False
    elif isinstance(node, cst.Call):
        items = node.args
    elif isinstance(node, cst.Subscript):
        items = node.slice
    return bool(items) and isinstance(items[-1].comma, cst.Comma)


def without_magic_comma(node: Any) -> Any:
    """A node that a formatter is free to put on one line: without the trailing comma of its own."""
    if not has_magic_comma(node):
        return node
    name = "args" if isinstance(node, cst.Call) else "elements"
    *items, last = getattr(node, name)
    return node.with_changes(**{name: [*items, last.with_changes(comma=cst.MaybeSentinel.DEFAULT)]})


class _Flatten(cst.CSTTransformer):
    """Puts a breakable node on one line."""

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        nothing = cst.SimpleWhitespace("")
        if isinstance(updated_node, cst.ParenthesizedWhitespace):
            return cst.SimpleWhitespace(" ")
        if isinstance(updated_node, cst.SimpleWhitespace) and "\\" in updated_node.value:
            return cst.SimpleWhitespace(" ")
        if isinstance(updated_node, (cst.LeftParen, cst.LeftSquareBracket, cst.LeftCurlyBrace)):
            return updated_node.with_changes(whitespace_after=nothing)
        if isinstance(updated_node, (cst.RightParen, cst.RightSquareBracket, cst.RightCurlyBrace)):
            return updated_node.with_changes(whitespace_before=nothing)
        if isinstance(updated_node, cst.Call):
            args = updated_node.args
            if args:
                last = args[-1].with_changes(
                    whitespace_after_arg=nothing, comma=cst.MaybeSentinel.DEFAULT
                )
                args = (*args[:-1], last)
            return updated_node.with_changes(whitespace_before_args=nothing, args=args)
        return updated_node


def flat(node: Node) -> Node:
    """A breakable node on one line."""
    result = node.visit(_Flatten())
    assert isinstance(result, type(node))
    return result


class _Shift(cst.CSTTransformer):
    """Takes some indentation out of the continuation lines of an expression."""

    def __init__(self, extra: str) -> None:
        super().__init__()
        self._extra = extra

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        if isinstance(updated_node, cst.ParenthesizedWhitespace):
            return updated_node.with_changes(last_line=self._shifted(updated_node.last_line))
        if isinstance(updated_node, cst.EmptyLine):
            return updated_node.with_changes(whitespace=self._shifted(updated_node.whitespace))
        return updated_node

    def _shifted(self, space: cst.SimpleWhitespace) -> cst.SimpleWhitespace:
        return cst.SimpleWhitespace(space.value.removeprefix(self._extra))


def dedented(node: Node, extra: str) -> Node:
    """An expression whose continuation lines have `extra` less in front."""
    result = node.visit(_Shift(extra))
    assert isinstance(result, type(node))
    return result


def joined(
    display: cst.BaseExpression, indentation: str, extra: str, width: int
) -> cst.BaseExpression:
    """A display with its items, on lines of their own, each on one line where that fits and did not
    before: their lines began with `extra` more than the `indentation` that they have now."""
    if not isinstance(display, (cst.List, cst.Tuple, cst.Set)):
        return display
    elements: list[Any] = list(display.elements)
    for number, element in enumerate(elements):
        is_broken = "\n" in code(element.value) and "#" not in code(element)
        if is_broken and is_breakable(element.value):
            item = flat(element.value)
            length = columns(f"{indentation}{code(item)},")
            if length <= width < length + columns(extra):
                elements[number] = element.with_changes(value=item)
    return display.with_changes(elements=elements)


def hugged(call: cst.Call, unit: str, one_each: bool) -> cst.Call:
    """A call with its arguments between the lines of its parentheses: all on one line, or one a
    line with a trailing comma."""
    inner = _line_break(unit)
    args = list(flat(call).args)
    for position, arg in enumerate(args[:-1]):
        after = inner if one_each else cst.SimpleWhitespace(" ")
        args[position] = arg.with_changes(comma=cst.Comma(whitespace_after=after))
    if one_each:
        comma: Any = cst.Comma(whitespace_after=_line_break(""))
        args[-1] = args[-1].with_changes(comma=comma)
    else:
        args[-1] = args[-1].with_changes(whitespace_after_arg=_line_break(""))
    return call.with_changes(whitespace_before_args=inner, args=args)


def _line_break(indent: str) -> cst.ParenthesizedWhitespace:
    return cst.ParenthesizedWhitespace(
        first_line=cst.TrailingWhitespace(),
        empty_lines=(),
        indent=True,
        last_line=cst.SimpleWhitespace(indent),
    )


class _Continued(cst.CSTTransformer):
    """Moves the lines behind backslashes: to libcst they are whitespace. They have the indentation
    `new` where they had `old`."""

    def __init__(self, old: str, new: str) -> None:
        super().__init__()
        self._old, self._new = f"\\\n{old}", f"\\\n{new}"

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        if isinstance(updated_node, cst.SimpleWhitespace) and self._old in updated_node.value:
            value = updated_node.value.replace(self._old, self._new)
            return updated_node.with_changes(value=value)
        return updated_node


def moved_back(statement: Any, unit: str) -> Any:
    """A statement that is to stand one level further to the left."""
    return statement.visit(_Continued(unit, ""))


def refitted(statement: Any, indentation: str, unit: str, width: int) -> Any:
    """A statement that has been moved one level to the right, laid out anew where a call in it has
    become too long for its line. `indentation` is what its lines begin with now.
    """
    if "\\\n" in code(statement):
        statement = statement.visit(_Continued("", unit))
    return _refitted(statement, indentation, unit, width)


def _refitted(statement: Any, indentation: str, unit: str, width: int) -> Any:
    if isinstance(statement, cst.SimpleStatementLine):
        return _refitted_line(statement, indentation, unit, width)
    inner = indentation + unit
    changes: dict[str, Any] = {}
    for name in ("body", "orelse", "finalbody"):
        part = getattr(statement, name, None)
        if isinstance(part, cst.IndentedBlock):
            body = [_refitted(each, inner, unit, width) for each in part.body]
            changes[name] = part.with_changes(body=body)
        elif isinstance(part, (cst.Else, cst.Finally, cst.If)):
            changes[name] = _refitted(part, indentation, unit, width)
    for name in ("handlers", "cases"):
        parts = getattr(statement, name, None)
        if parts:
            inside = indentation if name == "handlers" else inner
            changes[name] = [_refitted(part, inside, unit, width) for part in parts]
    return statement.with_changes(**changes) if changes else statement


def _refitted_line(
    line: cst.SimpleStatementLine, indentation: str, unit: str, width: int
) -> cst.SimpleStatementLine:
    if not fits(line, indentation.removesuffix(unit), width):
        return line
    return fitted(line, indentation, unit, width)


def fitted(
    line: cst.SimpleStatementLine, indentation: str, unit: str, width: int
) -> cst.SimpleStatementLine:
    """A statement with its last call laid out anew, where it is too long for its line."""
    if fits(line, indentation, width):
        return line
    call = _last_call(line)
    if call is None or not call.args or not is_breakable(line) or is_chain(code(line)):
        return line
    for one_each in (False, True):
        changed: Any = line.deep_replace(call, hugged(call, unit, one_each))
        if fits(changed, indentation, width):
            assert isinstance(changed, cst.SimpleStatementLine)
            return changed
    return line


def surface(line: str) -> str:
    """A line with `@` in the place of each pair of brackets and what is in it, without strings."""
    count, line = 1, re.sub(STRING, "", line)
    while count:
        line, count = _INNERMOST.subn("@", line)
    return line


def is_chain(line: str) -> bool:
    """Whether a line asks something of the results of several calls or subscripts in a row: where
    it is too long, each has a line of its own."""
    return len(re.findall(r"@\s*\.", surface(line))) > 1


def _last_call(line: cst.SimpleStatementLine) -> cst.Call | None:
    """The call that a statement with one expression ends with."""
    value = getattr(line.body[0], "value", None) if len(line.body) == 1 else None
    if getattr(value, "lpar", ()):
        return None  # it has lines of its own, which are broken by themselves
    if isinstance(value, cst.Await):
        value = value.expression
    return value if isinstance(value, cst.Call) else None


def fits(statement: Any, indentation: str, width: int) -> bool:
    """Whether a statement keeps to a line length where its lines begin with `indentation`."""
    lines = code(statement.with_changes(leading_lines=())).splitlines()
    return all(columns((indentation + line).rstrip()) <= width for line in lines)


def columns(line: str) -> int:
    """How wide a line is, as black and ruff have it: wide characters, as emoji, are two columns."""
    line = line.expandtabs(4)
    return len(line) if line.isascii() else sum(map(_columns_of, line))


def _columns_of(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def dedented_lines(text: str) -> str:
    """The lines of a text without their indentation, to look for a piece of code in it."""
    return "\n".join(map(str.strip, text.strip().split("\n")))


def stands_in(node: cst.CSTNode, lines: str) -> bool:
    """Whether a node is a part of some `dedented_lines`, at whatever indentation."""
    return dedented_lines(code(node)) in lines


def code(node: cst.CSTNode) -> str:
    """The code of a piece of a tree, without the indentation of the blocks around it."""
    return cst.Module([]).code_for_node(node)
