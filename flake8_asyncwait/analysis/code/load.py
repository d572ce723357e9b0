"""From a file's text to the lowered functions that hold a candidate, and helpers on demand.

Only those functions are parsed by libcst, each as a slice of the file with its true lines.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Sequence
from functools import cached_property, partial
from itertools import islice

import libcst as cst

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.lower import Lowerer
from flake8_asyncwait.analysis.code.parse import parse_module
from flake8_asyncwait.analysis.code.places import PlacesDiffer, characters, places_of
from flake8_asyncwait.analysis.code.program import Modules, Program
from flake8_asyncwait.options import Options
from flake8_asyncwait.sites.fanout import selected, words_of
from flake8_asyncwait.sites.gate import candidates
from flake8_asyncwait.sites.modules import Module
from flake8_asyncwait.sites.outline import Entry, Outline, outline
from flake8_asyncwait.source.project import imports_of
from flake8_asyncwait.undetermined import TOO_DEEP, TOO_LONG, UNREADABLE

# Functions that are lowered, or the reason why one is not, by all that goes into it.
Lowered = dict[tuple[int, str | None, str, frozenset[str]], ir.Func | str]
# A function (or a module, where a wait stands outside of all functions) of more statements and
# expressions than this is not looked at: it would take too long to parse.
MAX_NODES = 50_000


class Slices:
    """Functions of one module, each cut out of its `lines` and lowered.

    `names` are the last components a site's callee may have, `first` is what its lines count on
    from. `lowered` is as for `File`.
    """

    def __init__(
        self,
        lines: list[str],
        outline: Outline,
        names: frozenset[str],
        lowered: Lowered,
        first: int = 0,
    ) -> None:
        self._lines = lines
        self._outline = outline
        self._names = names
        self._lowered = lowered
        self._first = first

    def load(self, cls: str | None, name: str) -> ir.Func | None:
        """A top-level function (`cls` is None), or a method of a class or one above it."""
        outline = self._outline
        entry = outline.functions.get(name) if cls is None else outline.method(cls, name)
        lowered = None if entry is None else self.lower(entry)
        return lowered if isinstance(lowered, ir.Func) else None

    def lower(self, entry: Entry) -> ir.Func | str:
        """A function lowered, or the reason if that cannot be done: it is too long or nested too
        deeply, or libcst does not read it as `ast` does."""
        text = "\n".join(self._lines[entry.start - 1 : entry.end]) + "\n"
        key = self._first + entry.start, entry.cls, text, self._names
        if key not in self._lowered:
            self._lowered[key] = _lowered(partial(self._function, entry, text))
        return self._lowered[key]

    def _function(self, entry: Entry, body: str) -> ir.Func | str:
        """Parse one function by libcst: under an `if`, so that it may stay indented."""
        if _is_too_long(body, [entry.node]):
            return TOO_LONG
        indented = body[:1].isspace()
        places = places_of([entry.node], self._names, self._lines, self._first)
        tree = parse_module("if 1:\n" + body if indented else body)
        node = tree.body[0].body.body[0] if indented else tree.body[0]  # type: ignore[union-attr]
        return Lowerer(places, self._names).definition(node, entry.cls)  # type: ignore[arg-type]


class File:
    """One file that holds a candidate: `text` with `\\n` newlines, its `lines` and its `tree`.

    `lowered` is shared by files that are versions of each other: what stays as it is, on the same
    lines, is lowered once. `settling` are the names that `wait_any` goes by. `whole` is the outline
    of a long file, of which `tree` has only the statements around its candidates. `path` is where
    the file stands: None where it looks into itself only, as `options` may have it, too.
    """

    def __init__(
        self,
        text: str,
        tree: ast.Module,
        options: Options,
        lowered: Lowered | None = None,
        settling: frozenset[str] = frozenset(),
        whole: Outline | None = None,
        path: str | None = None,
        made: Collection[ast.Call] = (),
    ) -> None:
        self._text = text
        self._made = made
        self.path = path
        self.lines = text.split("\n")
        self.tree = tree
        self._is_cut = whole is not None
        self.outline: Outline = outline(tree) if whole is None else whole
        self.lowered: Lowered = {} if lowered is None else lowered
        self.kinds = selected(options.codes)
        self._names = candidates(text, options.wait_functions, words_of(options)).names
        self._slices = Slices(self.lines, self.outline, self._names, self.lowered)
        self._options = options
        self._settling = settling
        imports = imports_of(path) if path is not None and options.project else None
        self._modules = Modules(imports, self._neighbour)
        own = imports.path if imports is not None else ""
        self.program = self._program(self.outline, self._slices, own)

    def _program(self, outline: Outline, slices: Slices, path: str) -> Program:
        options = self._options
        return Program(
            outline,
            slices.load,
            self._modules,
            options.task_factories,
            options.cancellers,
            options.wait_functions,
            self._settling,
            path,
        )

    def _neighbour(self, module: Module, first: int) -> Program:
        """The program of another module of the project."""
        slices = Slices(module.lines, module.outline, frozenset(), self.lowered, first)
        return self._program(module.outline, slices, module.path)

    @cached_property
    def creations(self) -> frozenset[tuple[int, int]]:
        """Where the creations are that are sites: their lines, and columns in characters."""
        places = ((c.lineno, c.col_offset) for c in self._made)
        return frozenset((line, characters(self.lines, line, offset)) for line, offset in places)

    def around(self, lines: Collection[int]) -> dict[Entry | None, list[int]]:
        """The given lines by the outermost function around them; None for those in no function."""
        around: dict[Entry | None, list[int]] = {}
        for line in lines:
            around.setdefault(self.outline.around(line), []).append(line)
        return around

    def lower(self, entry: Entry | None) -> ir.Func | str:
        """A function lowered, or the module where `entry` is None; the reason if that cannot be
        done."""
        if entry is not None:
            return self._slices.lower(entry)
        key = 0, None, self._text, self._names
        if key not in self.lowered:
            self.lowered[key] = _lowered(self._module)
        return self.lowered[key]

    def _module(self) -> ir.Func | str:
        if self._is_cut or _is_too_long(self._text, self.tree.body):
            return TOO_LONG
        places = places_of(self.tree.body, self._names, self.lines)
        tree = parse_module(self._text)
        return Lowerer(places, self._names).module(tree)


def _lowered(lower: Callable[[], ir.Func | str]) -> ir.Func | str:
    try:
        return lower()
    except RecursionError:
        return TOO_DEEP
    except (cst.ParserSyntaxError, PlacesDiffer):
        return UNREADABLE


def _is_too_long(text: str, statements: Sequence[ast.stmt]) -> bool:
    """Whether a function holds more statements and expressions than are looked at."""
    if len(text) < MAX_NODES:
        return False  # each has a character of its own
    nodes = (node for statement in statements for node in ast.walk(statement))
    counted = (node for node in nodes if isinstance(node, (ast.stmt, ast.expr)))
    return next(islice(counted, MAX_NODES, None), None) is not None
