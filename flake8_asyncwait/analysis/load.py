"""From a file's text to the lowered functions that hold a candidate, and helpers on demand.

Only those functions are parsed by libcst, each as a slice of the file with its true lines.
"""

from __future__ import annotations

import ast

import libcst as cst

from flake8_asyncwait.analysis import ir
from flake8_asyncwait.analysis.lower import Lowerer, PlacesDiffer, places_from_ast
from flake8_asyncwait.analysis.run import Program
from flake8_asyncwait.options import Options
from flake8_asyncwait.sites.outline import Entry, Outline, outline


class File:
    """One file that holds a candidate: `text` with `\\n` newlines, and its `tree`."""

    def __init__(self, text: str, tree: ast.Module, options: Options) -> None:
        self._text = text
        self._lines = text.split("\n")
        self._tree = tree
        self._options = options
        self.outline: Outline = outline(tree)
        self._lowered: dict[int, ir.Func | None] = {}
        self.program = Program(
            self.outline,
            self._load,
            options.task_factories,
            options.cancellers,
            options.wait_functions,
        )
        self._names = self._site_names()

    def candidates(self, lines: list[int]) -> list[ir.Func]:
        """The outermost functions around the given lines, lowered; the module itself where a
        line is in no function."""
        entries = [e for e in self.outline.outermost if any(e.start <= n <= e.end for n in lines)]
        outside = [n for n in lines if not any(entry.start <= n <= entry.end for entry in entries)]
        found = [self._lower(entry) for entry in entries]
        if any(self._may_call(n) for n in outside):
            found.append(self._lower_module())
        return [func for func in found if func is not None]

    def _may_call(self, line: int) -> bool:
        """Whether a line outside all functions holds a call of a candidate name, not an import."""
        text = self._lines[line - 1]
        return any(name in text for name in self._names) and "(" in "".join(
            self._lines[line - 1 : line + 1]
        )

    def _site_names(self) -> frozenset[str]:
        """The last components that the callee of a site may have."""
        names = {"wait"}
        for node in ast.walk(self._tree) if "wait as" in self._text else ():
            if isinstance(node, ast.ImportFrom):
                names |= {a.asname for a in node.names if a.name == "wait" and a.asname}
        for dotted in self._options.wait_functions:
            names.add(dotted.rpartition(".")[2])
        return frozenset(names)

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
