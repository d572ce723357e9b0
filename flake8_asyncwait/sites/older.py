"""Puts what is newer than the Python that runs into older words of the same extent.

All else stays where it is. What the older words mean is another thing, but it is the places and the
names of the rest that a tree of them is needed for.

As a program it reads the text of a file, and prints it in older words (`newer`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from sys import stdin, stdout, version_info
from typing import NamedTuple

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

_EXCEPT_STAR = _UNPACKED_TYPES = (3, 11)
_TYPE_ALIAS = _NESTED_QUOTES = (3, 12)
_TYPE_PARAMETERS = (3, 13)  # these with defaults
_TEMPLATES = (3, 14)


class _Edit(NamedTuple):
    """What to do with the text between two offsets."""

    start: int
    end: int
    rewrite: Callable[[str], str]


def main() -> None:
    """Rewrite standard input."""
    stdout.buffer.write(older(stdin.buffer.read().decode()).encode())


def older(text: str) -> str:
    """The text of a file as the Python that runs may read it.

    `text` has lines that end in `\\n`. Every line has as many bytes as before, up to the last thing
    on it that is not replaced. Raises `ParserSyntaxError` for what libcst cannot read.
    """
    wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    finder = _Finder(text, wrapper.resolve(PositionProvider))
    wrapper.module.visit(finder)
    pieces, last = [], 0
    for edit in sorted(finder.edits):
        pieces += [text[last : edit.start], edit.rewrite(text[edit.start : edit.end])]
        last = edit.end
    return "".join([*pieces, text[last:]])


class _Finder(cst.CSTVisitor):
    """Collects what is newer than the Python that runs."""

    def __init__(self, text: str, ranges: Mapping[cst.CSTNode, CodeRange]) -> None:
        super().__init__()
        self.edits: list[_Edit] = []
        self._text = text
        self._ranges = ranges
        self._lines = [0]
        for line in text.split("\n"):
            self._lines.append(self._lines[-1] + len(line) + 1)

    def visit_ExceptStarHandler(self, node: cst.ExceptStarHandler) -> None:
        self._drop_star(node, _EXCEPT_STAR)

    def visit_Index(self, node: cst.Index) -> None:
        if node.star is not None:
            self._drop_star(node, _UNPACKED_TYPES)

    def visit_Annotation(self, node: cst.Annotation) -> None:
        if isinstance(node.annotation, cst.StarredElement):
            self._drop_star(node.annotation, _UNPACKED_TYPES)

    def _drop_star(self, node: cst.CSTNode, since: tuple[int, int]) -> None:
        if version_info < since:
            start = self._text.index("*", self._extent(node)[0])
            self.edits.append(_Edit(start, start + 1, _blank))

    def visit_TypeParameters(self, node: cst.TypeParameters) -> None:
        if version_info < _TYPE_PARAMETERS:
            self.edits.append(_Edit(*self._extent(node), _blank))

    def visit_TypeAlias(self, node: cst.TypeAlias) -> bool:
        """`type X[T] = ...` becomes `X = ...`."""
        if version_info >= _TYPE_ALIAS:
            return True
        start, _ = self._extent(node)
        _, end = self._extent(node.type_parameters or node.name)
        self.edits.append(_Edit(start, end, partial(_named, node.name.value)))
        node.value.visit(self)
        return False

    def visit_FormattedString(self, node: cst.FormattedString) -> bool:
        return self._replace_string(node, _NESTED_QUOTES)

    def visit_TemplatedString(self, node: cst.CSTNode) -> bool:
        return self._replace_string(node, _TEMPLATES)

    def _replace_string(self, node: cst.CSTNode, since: tuple[int, int]) -> bool:
        """Replace a string with expressions by a plain one. Returns whether to look inside."""
        if version_info >= since:
            return True
        self.edits.append(_Edit(*self._extent(node), _plain))
        return False

    def _extent(self, node: cst.CSTNode) -> tuple[int, int]:
        """The offsets of a node in the text."""
        found = self._ranges[node]
        return (
            self._lines[found.start.line - 1] + found.start.column,
            self._lines[found.end.line - 1] + found.end.column,
        )


def _blank(old: str) -> str:
    """White space of the same extent, that ends no line."""
    return "\\\n".join(" " * len(line.encode()) for line in old.split("\n"))


def _named(name: str, old: str) -> str:
    """A name and white space, together of the same extent."""
    first, end, rest = _blank(old).partition("\\\n")
    return f"{name}{first[len(name.encode()) :]}{end}{rest}"


def _plain(old: str) -> str:
    """A string without expressions, of the same extent."""
    return f"'{_blank(old[1:-1])}'"
