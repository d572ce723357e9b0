"""From a file's text to the lowered functions that hold a candidate, and helpers on demand.

Only those functions are parsed by libcst, each as a slice of the file with its true lines.
"""

from __future__ import annotations

import ast
from collections.abc import Collection

import libcst as cst

from flake8_asyncwait.analysis import ir
from flake8_asyncwait.analysis.lower import Lowerer, PlacesDiffer, places_from_ast
from flake8_asyncwait.analysis.run import Program
from flake8_asyncwait.options import Options
from flake8_asyncwait.sites.gate import candidates
from flake8_asyncwait.sites.outline import Entry, Outline, outline

# Functions that are lowered, by all that goes into it.
Lowered = dict[tuple[int, str | None, str, frozenset[str]], ir.Func | None]


class File:
    """One file that holds a candidate: `text` with `\\n` newlines, and its `tree`.

    `lowered` is shared by files that are versions of each other: what stays as it is, on the same
    lines, is lowered once.
    """

    def __init__(
        self, text: str, tree: ast.Module, options: Options, lowered: Lowered | None = None
    ) -> None:
        self._text = text
        self._lines = text.split("\n")
        self._tree = tree
        self.outline: Outline = outline(tree)
        self.lowered: Lowered = {} if lowered is None else lowered
        self.program = Program(
            self.outline,
            self._load,
            options.task_factories,
            options.cancellers,
            options.wait_functions,
        )
        self._names = candidates(text, options.wait_functions).names

    def candidates(self, lines: Collection[int]) -> list[ir.Func]:
        """The outermost functions around the given lines, lowered; the module itself where a
        line is in no function."""
        around = dict.fromkeys(map(self.outline.around, lines))
        found = [self._lower(entry) for entry in around if entry is not None]
        if None in around:
            found.append(self._lower_module())
        return [func for func in found if func is not None]

    def _load(self, cls: str | None, name: str) -> ir.Func | None:
        entry = self.outline.functions.get(name) if cls is None else self.outline.method(cls, name)
        return None if entry is None else self._lower(entry)

    def _lower(self, entry: Entry) -> ir.Func | None:
        body = "\n".join(self._lines[entry.start - 1 : entry.end]) + "\n"
        key = entry.start, entry.cls, body, self._names
        if key not in self.lowered:
            self.lowered[key] = self._parse(entry, body)
        return self.lowered[key]

    def _parse(self, entry: Entry, body: str) -> ir.Func | None:
        """Parse one function by libcst: under an `if`, so that it may stay indented."""
        indented = body[:1].isspace()
        try:
            tree = cst.parse_module("if 1:\n" + body if indented else body)
        except cst.ParserSyntaxError:
            return None
        node = tree.body[0].body.body[0] if indented else tree.body[0]  # type: ignore[union-attr]
        places = places_from_ast([entry.node], self._names, self._lines)
        try:
            return Lowerer(places, self._names).definition(node, entry.cls)  # type: ignore[arg-type]
        except PlacesDiffer:
            return None

    def _lower_module(self) -> ir.Func | None:
        try:
            tree = cst.parse_module(self._text)
        except cst.ParserSyntaxError:
            return None
        places = places_from_ast(self._tree.body, self._names, self._lines)
        try:
            return Lowerer(places, self._names).module(tree)
        except PlacesDiffer:
            return None
