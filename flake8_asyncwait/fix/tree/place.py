"""Where a site stands: the part of the file that a fix may touch, as a libcst tree, and the way
from its top to the call.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from flake8_asyncwait.analysis.code.parse import parse_module
from flake8_asyncwait.fix.tree.nodes import parts, with_part
from flake8_asyncwait.sites.pieces import UNDER

_FUNCTIONS = (cst.FunctionDef, cst.Lambda, cst.ClassDef)


@dataclass(frozen=True, slots=True)
class Level:
    """One block around the site: `block.body[index]` is, or holds, the statement of the site."""

    block: cst.IndentedBlock | cst.Module
    index: int

    @property
    def statement(self) -> Any:
        """The statement in the block."""
        return self.block.body[self.index]


@dataclass(frozen=True, slots=True)
class Place:
    """A site in its slice of the file.

    The slice is the outermost function around the site, or the whole file. `module` is the slice
    parsed, under an `if` where it is indented, and `code` its text; the lines of that count on from
    `above`. `path` leads from `module` to the call. `levels` are the blocks of the innermost
    function around it, the innermost first. `positions` are those of all nodes in the slice.
    """

    above: int
    module: cst.Module
    code: str = field(repr=False)
    path: tuple[cst.CSTNode, ...]
    levels: tuple[Level, ...]
    positions: Mapping[cst.CSTNode, CodeRange] = field(repr=False)
    is_indented: bool = False

    @property
    def call(self) -> cst.Call:
        """The call of the site."""
        call = self.path[-1]
        assert isinstance(call, cst.Call)
        return call

    @property
    def function(self) -> cst.CSTNode:
        """The innermost function around the site, or the module."""
        functions = [node for node in self.path[:-1] if isinstance(node, _FUNCTIONS)]
        return functions[-1] if functions else self.module

    @property
    def unit(self) -> str:
        """What one level of indentation is."""
        block = self.levels[-1].block
        if isinstance(block, cst.IndentedBlock) and block.indent is not None:
            return block.indent
        return self.module.default_indent

    @property
    def indentation(self) -> str:
        """What the lines of the site's statement begin with."""
        return self._indentation(len(self.path))

    def indentation_at(self, level: Level) -> str:
        """What the lines of a statement in one of the blocks around the site begin with."""
        blocks = [n for n, node in enumerate(self.path) if node is level.block]
        return self._indentation(blocks[0] + 1)

    def _indentation(self, depth: int) -> str:
        blocks = [node for node in self.path[:depth] if isinstance(node, cst.IndentedBlock)]
        default = self.module.default_indent
        return "".join(default if b.indent is None else b.indent for b in blocks)

    def lines_of(self, node: cst.CSTNode) -> tuple[int, int]:
        """The first and last line of a node in the file."""
        span = self.positions[node]
        return self.above + span.start.line, self.above + span.end.line

    def extra_indentation(self, node: cst.CSTNode) -> str:
        """What stands before a node that begins a line, beyond the indentation of its statement;
        nothing where it does not begin one."""
        start = self.positions[node].start
        before = self.code.split("\n")[start.line - 1][: start.column]
        return "" if before.strip() else before.removeprefix(self.indentation)

    def block(self, body: list[Any]) -> cst.IndentedBlock:
        """A new block, indented as the function around the site is."""
        unit = self.unit
        return cst.IndentedBlock(body, indent=None if unit == self.module.default_indent else unit)

    def with_body(self, level: Level, body: list[Any]) -> cst.Module:
        """The slice with other statements in one of the blocks around the site."""
        if level.block is self.module:
            return self.module.with_changes(body=list(body))
        return self.with_node(level.block, level.block.with_changes(body=list(body)))

    def with_node(self, node: cst.CSTNode, new: cst.CSTNode) -> cst.Module:
        """The slice with another node in the place of one on the path."""
        depth = next(n for n, each in enumerate(self.path) if each is node)
        for inner, outer in pairwise(reversed(self.path[: depth + 1])):
            new = with_part(outer, inner, new)
        assert isinstance(new, cst.Module)
        return new

    def with_module(self, module: cst.Module) -> str:
        """The text of the slice with another module in the place of this one."""
        return self.with_code(module.code)

    def with_code(self, code: str) -> str:
        """The text of the slice with another code in the place of its module's."""
        return code.removeprefix(UNDER) if self.is_indented else code


def locate(
    text: str, begin: tuple[int, int], end: tuple[int, int], start: int | None
) -> Place | None:
    """The place of the call from a line (from 1) and a column (from 0) of a file to others.

    `text` has `\\n` newlines: it is that of the outermost function around the call, which begins on
    line `start`, or of the whole file, where that is None. Returns None where libcst cannot tell.
    Raises `RecursionError` for what is nested too deeply.
    """
    is_indented = start is not None and text[:1].isspace()
    above = (start or 1) - 1 - is_indented
    code = UNDER + text if is_indented else text
    try:
        module, positions = _read(code)
    except cst.ParserSyntaxError:
        return None
    wanted = tuple((line - above, column) for line, column in (begin, end))
    path = _path_to(module, wanted, positions)
    if path is None:
        return None
    return Place(above, module, code, path, tuple(_levels(path)), positions, is_indented)


@lru_cache(maxsize=2)
def _read(code: str) -> tuple[cst.Module, Mapping[cst.CSTNode, CodeRange]]:
    """A module and the places of its nodes: a fix comes back to the text that it started from, and
    to the one that it ended with."""
    module = parse_module(code)
    try:
        return module, MetadataWrapper(module, unsafe_skip_copy=True).resolve(PositionProvider)
    except KeyError as error:
        # Where the stack ends inside libcst, it asks for places that it did not come to note.
        raise RecursionError from error


def _path_to(
    module: cst.Module,
    wanted: tuple[tuple[int, int], ...],
    positions: Mapping[cst.CSTNode, CodeRange],
) -> tuple[cst.CSTNode, ...] | None:
    """The path to the call with the `wanted` begin and end: where one call is made on the result of
    another, both begin in one place."""
    line = wanted[0][0]

    def search(node: cst.CSTNode) -> tuple[cst.CSTNode, ...] | None:
        found = positions.get(node)
        if found is None or not found.start.line <= line <= found.end.line:
            # Whitespace and punctuation have no place; what is elsewhere does not hold the call.
            if found is not None or not isinstance(node, cst.BaseSuite):
                return None
        if isinstance(node, cst.Call) and found is not None:
            if tuple((each.line, each.column) for each in (found.start, found.end)) == wanted:
                return (node,)
        inner = (search(child) for child in parts(node))
        return next(((node, *path) for path in inner if path is not None), None)

    return search(module)


def _levels(path: tuple[cst.CSTNode, ...]) -> Iterator[Level]:
    """The blocks of the innermost function on a path, the innermost first."""
    inside = [n for n, node in enumerate(path[:-1]) if isinstance(node, _FUNCTIONS)]
    start = inside[-1] if inside else 0
    for number in range(len(path) - 2, start - 1, -1):
        block, child = path[number], path[number + 1]
        if isinstance(block, (cst.IndentedBlock, cst.Module)):
            index = next((i for i, each in enumerate(block.body) if each is child), None)
            if index is not None:
                yield Level(block, index)
