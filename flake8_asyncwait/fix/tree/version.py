"""A file in which one function is written in another way, without reading the rest of it again."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.load import Slices
from flake8_asyncwait.analysis.code.places import characters
from flake8_asyncwait.options import Options
from flake8_asyncwait.sites.creations import creations
from flake8_asyncwait.sites.outline import Entry
from flake8_asyncwait.sites.pieces import alone, function_in
from flake8_asyncwait.sites.syntax import parse_newer


class Version(Slices):
    """The functions of a `file` where `text` stands in the place of one, that of `entry`.

    Raises `SyntaxError`.
    """

    def __init__(self, file: Slices, entry: Entry, text: str, options: Options) -> None:
        last = {name.rpartition(".")[2] for name in options.wait_functions}
        shared = file.outline, file.names | last, file.lowered
        whole = alone(text)
        start, lines = 1 + (len(whole) > len(text)), whole.split("\n")
        grown = text.count("\n") - (entry.end + 1 - entry.start)
        super().__init__(lines, *shared, entry.start - start)
        self._start = entry.start
        self._tree = parse_newer(whole)
        self._own = replace(
            entry, start=start, end=len(lines) - 1, held=function_in(self._tree.body)
        )
        self._above = Slices(file.lines, *shared)
        self._below = Slices(file.lines, *shared, grown)

    def creations(self, names: Collection[str]) -> frozenset[tuple[int, int]]:
        """Where the function that is written in another way has creations, by the names of what
        makes a task: lines of the file, and columns in characters."""
        made = creations(self._tree, names) if names else ()
        places = ((call.lineno, call.col_offset) for call in made)
        return frozenset(
            (self.first + line, characters(self.lines, line, offset)) for line, offset in places
        )

    def lower(self, entry: Entry) -> ir.Func | str:
        """As in any file: what stands below the function has moved with its end."""
        if entry.start == self._start:
            return super().lower(self._own)
        return (self._above if entry.start < self._start else self._below).lower(entry)
