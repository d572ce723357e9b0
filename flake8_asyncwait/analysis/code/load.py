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
from flake8_asyncwait.sites.pieces import alone, cut_out
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
        self.lines = lines
        self.outline = outline
        self.names = names
        self.lowered = lowered
        self.first = first

    def load(self, cls: str | None, name: str) -> ir.Func | None:
        """A top-level function (`cls` is None), or a method of a class or one above it."""
        outline = self.outline
        entry = outline.functions.get(name) if cls is None else outline.method(cls, name)
        lowered = None if entry is None else self.lower(entry)
        return lowered if isinstance(lowered, ir.Func) else None

    def lower(self, entry: Entry) -> ir.Func | str:
        """A function lowered, or the reason if that cannot be done: it is too long or nested too
        deeply, or libcst does not read it as `ast` does."""
        text = cut_out(self.lines, entry)
        key = self.first + entry.start, entry.cls, text, self.names
        if key not in self.lowered:
            self.lowered[key] = _lowered(partial(self._function, entry, text))
        return self.lowered[key]

    def _function(self, entry: Entry, body: str) -> ir.Func | str:
        """Parse one function by libcst."""
        if is_longer(body, [entry.node], MAX_NODES):
            return TOO_LONG
        places = places_of([entry.node], self.names, self.lines, self.first)
        (node,) = parse_module(alone(body)).body
        if isinstance(node, cst.If):
            (node,) = node.body.body  # type: ignore[assignment]
        assert isinstance(node, cst.FunctionDef)
        return Lowerer(places, self.names).definition(node, entry.cls)


def program_of(
    slices: Slices, options: Options, settling: frozenset[str], path: str | None
) -> Program:
    """The program that the functions of `slices` are in; the others are as for `File`."""
    imports = imports_of(path) if path is not None and options.project else None
    lowered = slices.lowered  # not `slices`: what keeps itself alive would keep the whole tree

    def program(slices: Slices, path: str) -> Program:
        return Program(
            slices.outline,
            slices.load,
            modules,
            options,
            settling,
            path,
        )

    def neighbour(module: Module, first: int) -> Program:
        others = Slices(module.lines, module.outline, frozenset(), lowered, first)
        return program(others, module.path)

    modules = Modules(imports, neighbour)
    return program(slices, imports.path if imports is not None else "")


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
        self.kinds = selected(options.codes)
        self._names = candidates(text, options.wait_functions, words_of(options)).names
        lowered = {} if lowered is None else lowered
        self.slices = Slices(self.lines, self.outline, self._names, lowered)
        self.program = program_of(self.slices, options, settling, path)

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
            return self.slices.lower(entry)
        key, lowered = (0, None, self._text, self._names), self.slices.lowered
        if key not in lowered:
            lowered[key] = _lowered(self._module)
        return lowered[key]

    def _module(self) -> ir.Func | str:
        if self._is_cut or is_longer(self._text, self.tree.body, MAX_NODES):
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


def is_longer(text: str, statements: Sequence[ast.stmt], most: int) -> bool:
    """Whether `statements`, which stand in `text`, hold more than `most` statements, expressions
    and patterns."""
    if len(text) < most:
        return False  # each has a character of its own
    nodes = (node for statement in statements for node in ast.walk(statement))
    counted = (node for node in nodes if isinstance(node, (ast.stmt, ast.expr, ast.pattern)))
    return next(islice(counted, most, None), None) is not None
