"""The imports of a file: add one, remove what nothing uses any more.

All of it is text to text, with "\\n" at the ends of lines, and touches whole statements at the top
level only: what stands in an `if`, a `try` or a function has its reasons. It finds statements by
`ast` and edits lines, so that all other lines stay as they are.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Sequence
from itertools import pairwise
from typing import NamedTuple

from flake8_asyncwait.sites.syntax import parse, tree_of

_STANDARD, _OTHER, _OWN, _RELATIVE = range(4)
# Those of every Python that we run on: where an import goes must not hang on which one that is.
_STANDARD_LIBRARY = sys.stdlib_module_names | {
    *("aifc", "annotationlib", "asynchat", "asyncore", "audioop", "binhex", "cgi", "cgitb"),
    *("chunk", "compression", "crypt", "distutils", "imghdr", "imp", "lib2to3", "mailcap"),
    *("msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd", "sunau"),
    *("telnetlib", "tomllib", "uu", "xdrlib"),
}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_MAX_WIDTH = 79
_COOKIE = re.compile(r"^[ \t\f]*#.*?coding[:=]")


class Import(NamedTuple):
    """`import module`, or with a `name` `from module import name`.

    `level` counts the dots before the module. `asname` is the name behind `as`.
    """

    module: str
    name: str | None = None
    asname: str | None = None
    level: int = 0

    def __str__(self) -> str:
        if self.name is None:
            return f"import {_aliased(self.module, self.asname)}"
        return f"from {'.' * self.level}{self.module} import {_aliased(self.name, self.asname)}"

    @property
    def bound(self) -> str:
        """The name that the import binds."""
        return self.asname or self.name or self.module.partition(".")[0]


class _Row(NamedTuple):
    """The statements that stand on the lines from `first` to `last`, which count from 1."""

    first: int
    last: int
    nodes: tuple[ast.stmt, ...]

    @property
    def imports(self) -> list[Import]:
        """What the row imports, where it does nothing else."""
        if not all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in self.nodes):
            return []
        return [each for node in self.nodes for each in imports_of(node)]

    @property
    def is_future(self) -> bool:
        return any(each.module == "__future__" for each in self.imports)


def add_import(text: str, wanted: Import, own: Collection[str] = ()) -> str:
    """The text of a file with one more import.

    It goes where isort would have it in the last block of imports at the top of the file: behind
    the docstring and `from __future__`, before the first function or class and before the name is
    used. `own` are the top packages of the project itself. Nothing changes where the import stands
    at the top level already. Raises `SyntaxError` when `text` is not Python.
    """
    lines = text.split("\n")
    rows = _rows(tree_of(text).body, lines)
    if any(wanted in imports_of(node) for row in rows for node in row.nodes):
        return text
    head = _head(rows, wanted.bound)
    block = _last_block(head)
    if not block:
        after, above = _below_docstring(head, lines)
        below = 1 if any(row.first > after for row in head) else 2
        return _inserted(lines, after, [str(wanted)], above, below)
    for row in block:
        if _can_take(row, wanted, lines):
            return _with_alias(lines, row, wanted)
    return _in_block(lines, block, wanted, own)


def remove_unused(text: str, names: Collection[str]) -> str:
    """The text of a file without those of its imports that bind one of `names` in vain.

    An import stays where it might be meant for others (`__all__`, `import x as x`), where it has a
    comment, and where anything in the file mentions its name: code, strings that might be
    annotations, type comments. Not for an `__init__.py`: what it imports is there for others.
    Raises `SyntaxError` when `text` is not Python.
    """
    shorter: str | None = text
    while shorter is not None:
        text, shorter = shorter, _without_one(shorter, names)
    return text


def imports_of(node: ast.AST) -> list[Import]:
    """What a statement imports; nothing where it is no import."""
    if isinstance(node, ast.Import):
        return [Import(alias.name, None, alias.asname) for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        module = node.module or ""
        return [Import(module, alias.name, alias.asname, node.level) for alias in node.names]
    return []


def _aliased(name: str, asname: str | None) -> str:
    return f"{name} as {asname}" if asname else name


def _rows(body: Sequence[ast.stmt], lines: Sequence[str]) -> list[_Row]:
    rows: list[_Row] = []
    for node in body:
        first, last = node.lineno, node.end_lineno or node.lineno
        if rows and (first <= rows[-1].last or lines[rows[-1].last - 1].endswith("\\")):
            row = rows.pop()
            rows.append(_Row(row.first, last, (*row.nodes, node)))
        else:
            rows.append(_Row(first, last, (node,)))
    return rows


def _head(rows: Sequence[_Row], name: str) -> list[_Row]:
    """The rows before the first function or class, and before `name` is used."""
    head: list[_Row] = []
    for row in rows:
        for node in row.nodes:
            if isinstance(node, _DEFINITIONS):
                return head
            if any(isinstance(each, ast.Name) and each.id == name for each in ast.walk(node)):
                return head
        head.append(row)
    return head


def _last_block(head: Sequence[_Row]) -> list[_Row]:
    """The last imports with nothing but imports, plain or guarded, between them."""
    block: list[_Row] = []
    is_over = False
    for row in head:
        if row.imports and not row.is_future:
            block = [row] if is_over else [*block, row]
            is_over = False
        elif not _guards_imports(row):
            is_over = True
    return block


def _guards_imports(row: _Row) -> bool:
    """Whether a row is an `if` or `try` that is there for imports."""
    return all(
        isinstance(node, (ast.If, ast.Try)) and any(map(imports_of, node.body))
        for node in row.nodes
    )


def _in_block(
    lines: Sequence[str], block: Sequence[_Row], wanted: Import, own: Collection[str]
) -> str:
    """The text with an import in its place in a block."""
    key = _sort_key(wanted, own)
    keyed = [(row, _sort_key(row.imports[0], own)) for row in block]
    same = [row for row, each in keyed if each[0] == key[0]]
    smaller = [row for row, each in keyed if each[0] == key[0] and each <= key]
    lower = [row for row, each in keyed if each[0] < key[0]]
    blank = int(_is_sectioned(keyed))
    if smaller:
        return _inserted(lines, smaller[-1].last, [str(wanted)])
    if same:
        above = same[0].first - 1
        is_free = not lines[above - 1].startswith("#") or _is_prose(lines[:above])
        return _inserted(lines, above if is_free else same[-1].last, [str(wanted)])
    if lower:
        return _inserted(lines, lower[-1].last, [str(wanted)], before=blank)
    return _inserted(lines, block[0].first - 1, [str(wanted)], after=blank)


_Key = tuple[int, bool, int, str, str]


def _sort_key(each: Import, own: Collection[str]) -> _Key:
    """The order of isort and ruff: by section, `import` before `from`, most dots first."""
    top = each.module.partition(".")[0]
    if each.level:
        section = _RELATIVE
    elif top in own:
        section = _OWN
    else:
        section = _STANDARD if top in _STANDARD_LIBRARY else _OTHER
    return section, each.name is not None, -each.level, each.module.lower(), each.module


def _is_sectioned(keyed: Sequence[tuple[_Row, _Key]]) -> bool:
    """Whether a blank line stands between imports of different sections, as is usual."""
    return all(
        upper[0] == lower[0] or above.last + 1 < below.first
        for (above, upper), (below, lower) in pairwise(keyed)
    )


def _can_take(row: _Row, wanted: Import, lines: Sequence[str]) -> bool:
    """Whether `wanted` is one more name for a row `from module import name` of one line."""
    line = lines[row.first - 1]
    return (
        wanted.name is not None
        and isinstance(row.nodes[0], ast.ImportFrom)
        and len(row.nodes) == 1
        and row.first == row.last
        and not any(character in line for character in "(#\\*;")
        and (row.imports[0].module, row.imports[0].level) == (wanted.module, wanted.level)
        and len(line) + len(", ") + len(_aliased(wanted.name, wanted.asname)) <= _MAX_WIDTH
    )


def _with_alias(lines: Sequence[str], row: _Row, wanted: Import) -> str:
    assert isinstance(row.nodes[0], ast.ImportFrom)
    assert wanted.name is not None
    new = _aliased(wanted.name, wanted.asname)
    line = lines[row.first - 1]
    for alias in row.nodes[0].names:
        if alias.name > wanted.name:
            column = _column(line, alias.col_offset)
            line = f"{line[:column]}{new}, {line[column:]}"
            break
    else:
        column = _column(line, row.nodes[0].end_col_offset or 0)
        line = f"{line[:column]}, {new}{line[column:]}"
    return "\n".join([*lines[: row.first - 1], line, *lines[row.last :]])


def _below_docstring(head: Sequence[_Row], lines: Sequence[str]) -> tuple[int, int]:
    """Behind which line, from 1, the first import may stand, and after how many blank ones."""
    after = 0
    for number, row in enumerate(head):
        if not (row.is_future or (number == 0 and _is_docstring(row.nodes[0]))):
            break
        after = row.last
    if after:
        return after, 1
    comments = next((n for n, line in enumerate(lines) if not line.startswith("#")), len(lines))
    if comments == len(lines) or not lines[comments].strip():  # they are on the file
        return comments, min(comments, 1)
    after = int(lines[0].startswith("#!"))
    return after + (_COOKIE.match(lines[after]) is not None), 1


def _is_docstring(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_prose(lines: Sequence[str]) -> bool:
    """Whether lines are the head of a file: comments and blank lines."""
    return all(not line.strip() or line.startswith("#") for line in lines)


def _inserted(
    lines: Sequence[str], position: int, new: Sequence[str], before: int = 0, after: int = 0
) -> str:
    """The text with `new` lines behind the line `position`, which counts from 1.

    At least `before` and `after` blank lines part them from what there is above and below.
    """
    above, below = lines[:position], lines[position:]
    gap = _blank_lines(below)
    missing = max(after - gap, 0) if gap < len(below) else 0
    lead = before if any(map(str.strip, above)) else 0
    return "\n".join([*above, *[""] * lead, *new, *[""] * missing, *below])


def _without_one(text: str, names: Collection[str]) -> str | None:
    """The text without one import that binds one of `names` in vain, None where there is none."""
    tree = tree_of(text)
    lines = text.split("\n")
    for row in _rows(tree.body, lines):
        node = row.nodes[0]
        if len(row.nodes) > 1 or not isinstance(node, (ast.Import, ast.ImportFrom)):
            continue
        if any("#" in line for line in lines[row.first - 1 : row.last]):
            continue
        for number, each in enumerate(row.imports):
            is_plain = each.asname != (each.name or each.module) and (
                each.name is not None or each.asname is not None or "." not in each.module
            )
            if is_plain and each.bound in names and not _is_used(tree, text, each.bound):
                if len(node.names) == 1:
                    return _without_row(lines, row)
                return _without_alias(text, lines, node.names, number)
    return None


def _without_row(lines: Sequence[str], row: _Row) -> str:
    """The text without a row; of the blank lines around it the larger gap stays."""
    above, below = lines[: row.first - 1], lines[row.last :]
    gap_below = _blank_lines(below[:-1])  # behind the last line end there is no line
    is_first = not any(map(str.strip, above))
    gap = gap_below if is_first else min(_blank_lines(above[::-1]), gap_below)
    return "\n".join([*above, *below[gap:]])


def _blank_lines(lines: Sequence[str]) -> int:
    """How many lines at the beginning are blank."""
    return next((n for n, line in enumerate(lines) if line.strip()), len(lines))


def _without_alias(
    text: str, lines: Sequence[str], aliases: Sequence[ast.alias], number: int
) -> str:
    """The text without one alias and the comma that it needs no more."""
    if number + 1 < len(aliases):
        start = _offset(lines, aliases[number].lineno, aliases[number].col_offset)
        end = _offset(lines, aliases[number + 1].lineno, aliases[number + 1].col_offset)
    else:
        start = _end_offset(lines, aliases[number - 1])
        end = _end_offset(lines, aliases[number])
    return text[:start] + text[end:]


def _offset(lines: Sequence[str], line: int, column: int) -> int:
    """Where in the text a place of `ast` is: a line from 1, and a column in bytes of UTF-8."""
    return sum(len(each) + 1 for each in lines[: line - 1]) + _column(lines[line - 1], column)


def _end_offset(lines: Sequence[str], node: ast.alias) -> int:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return _offset(lines, node.end_lineno, node.end_col_offset)


def _column(line: str, column: int) -> int:
    return len(line.encode()[:column].decode())


def _is_used(tree: ast.Module, text: str, name: str) -> bool:
    """Whether anything but imports mentions a name, or might."""
    word = re.compile(rf"\b{re.escape(name)}\b")
    if re.search(rf"#\s*type:.*{word.pattern}", text):
        return True
    prose = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == name:
            return True
        if isinstance(node, (ast.Global, ast.Nonlocal)) and name in node.names:
            return True
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if id(node) not in prose and word.search(node.value) and _mentions(node.value, name):
                return True
    return False


def _mentions(string: str, name: str) -> bool:
    """Whether a string, taken for an annotation, mentions a name."""
    try:
        tree = parse(string.strip())
    except (SyntaxError, RecursionError):
        return False
    return any(isinstance(node, ast.Name) and node.id == name for node in ast.walk(tree))
