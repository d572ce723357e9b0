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


class File:
    """One file that holds a candidate: `text` with `\\n` newlines, and its `tree`."""

    def __init__(self, text: str, tree: ast.Module, options: Options) -> None:
        self._text = text
        self._lines = text.split("\n")
        self._tree = tree
        self.outline: Outline = outline(tree)
        self._lowered: dict[int, ir.Func | None] = {}
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
        key = entry.start
        if key not in self._lowered:
            self._lowered[key] = self._parse(entry)
        return self._lowered[key]

    def _parse(self, entry: Entry) -> ir.Func | None:
        """Parse one function by libcst: under an `if`, so that it may stay indented."""
        body = "\n".join(self._lines[entry.start - 1 : entry.end]) + "\n"
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
