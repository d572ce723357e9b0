"""From a file's text to the lowered functions that hold a candidate, and helpers on demand.

Only those functions are parsed by libcst, each as a slice of the file with its true lines.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence
from itertools import islice

import libcst as cst

from flake8_asyncwait.analysis import ir
from flake8_asyncwait.analysis.lower import Lowerer
from flake8_asyncwait.analysis.parse import parse_module
from flake8_asyncwait.analysis.places import PlacesDiffer, places_from_ast
from flake8_asyncwait.analysis.program import Program
from flake8_asyncwait.options import Options
from flake8_asyncwait.sites.gate import candidates
from flake8_asyncwait.sites.outline import Entry, Outline, outline
from flake8_asyncwait.undetermined import TOO_DEEP, TOO_LONG, UNREADABLE

# Functions that are lowered, or the reason why one is not, by all that goes into it.
Lowered = dict[tuple[int, str | None, str, frozenset[str]], ir.Func | str]
# A function (or a module, where a wait stands outside of all functions) of more statements and
# expressions than this is not looked at: it would take too long to parse.
MAX_NODES = 50_000


class File:
    """One file that holds a candidate: `text` with `\\n` newlines, its `lines` and its `tree`.

    `lowered` is shared by files that are versions of each other: what stays as it is, on the same
    lines, is lowered once. `settling` are the names that `wait_any` goes by. `whole` is the outline
    of a long file, of which `tree` has only the statements around its candidates.
    """

    def __init__(
        self,
        text: str,
        tree: ast.Module,
        options: Options,
        lowered: Lowered | None = None,
        settling: frozenset[str] = frozenset(),
        whole: Outline | None = None,
    ) -> None:
        self._text = text
        self.lines = text.split("\n")
        self.tree = tree
        self._is_cut = whole is not None
        self.outline: Outline = outline(tree) if whole is None else whole
        self.lowered: Lowered = {} if lowered is None else lowered
        self.program = Program(
            self.outline,
            self._load,
            options.task_factories,
            options.cancellers,
            options.wait_functions,
            settling,
        )
        self._names = candidates(text, options.wait_functions).names

    def around(self, lines: Collection[int]) -> dict[Entry | None, list[int]]:
        """The given lines by the outermost function around them; None for those in no function."""
        around: dict[Entry | None, list[int]] = {}
        for line in lines:
            around.setdefault(self.outline.around(line), []).append(line)
        return around

    def _load(self, cls: str | None, name: str) -> ir.Func | None:
        entry = self.outline.functions.get(name) if cls is None else self.outline.method(cls, name)
        lowered = None if entry is None else self.lower(entry)
        return lowered if isinstance(lowered, ir.Func) else None

    def lower(self, entry: Entry | None) -> ir.Func | str:
        """A function lowered, or the module where `entry` is None; the reason if that cannot be
        done: it is too long or nested too deeply, or libcst does not read it as `ast` does."""
        start, end, cls = (entry.start, entry.end, entry.cls) if entry else (1, None, None)
        text = "\n".join(self.lines[start - 1 : end]) + "\n"
        key = start if entry else 0, cls, text, self._names
        if key not in self.lowered:
            try:
                self.lowered[key] = self._function(entry, text) if entry else self._module()
            except RecursionError:
                self.lowered[key] = TOO_DEEP
            except (cst.ParserSyntaxError, PlacesDiffer):
                self.lowered[key] = UNREADABLE
        return self.lowered[key]

    def _function(self, entry: Entry, body: str) -> ir.Func | str:
        """Parse one function by libcst: under an `if`, so that it may stay indented."""
        if _is_too_long(body, [entry.node]):
            return TOO_LONG
        indented = body[:1].isspace()
        places = places_from_ast([entry.node], self._names, self.lines)
        tree = parse_module("if 1:\n" + body if indented else body)
        node = tree.body[0].body.body[0] if indented else tree.body[0]  # type: ignore[union-attr]
        return Lowerer(places, self._names).definition(node, entry.cls)  # type: ignore[arg-type]

    def _module(self) -> ir.Func | str:
        if self._is_cut or _is_too_long(self._text, self.tree.body):
            return TOO_LONG
        places = places_from_ast(self.tree.body, self._names, self.lines)
        return Lowerer(places, self._names).module(parse_module(self._text))


def _is_too_long(text: str, statements: Sequence[ast.stmt]) -> bool:
    """Whether a function holds more statements and expressions than are looked at."""
    if len(text) < MAX_NODES:
        return False  # each has a character of its own
    nodes = (node for statement in statements for node in ast.walk(statement))
    counted = (node for node in nodes if isinstance(node, (ast.stmt, ast.expr)))
    return next(islice(counted, MAX_NODES, None), None) is not None
