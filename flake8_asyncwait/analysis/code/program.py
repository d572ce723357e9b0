"""What names mean in the file, and in the modules of the project that it imports from: imports in
sight, functions, classes, constants.
"""

from __future__ import annotations

import ast
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.once import Once
from flake8_asyncwait.analysis.code.walk import every, functions_in, last_name, unsubscripted
from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.options import Options
from flake8_asyncwait.sites import find
from flake8_asyncwait.sites.modules import Module, digest_of, module_at
from flake8_asyncwait.sites.outline import Entry, Outline, canonical, dotted
from flake8_asyncwait.source.project import Evidence, Imports, Place

# Classes that have no methods of their own that anybody calls by name.
_PLAIN_BASES = frozenset(
    {
        "builtins.object",
        "abc.ABC",
        "typing.Generic",
        "typing.Protocol",
        "typing_extensions.Protocol",
    }
)
# A class with more classes above it is not followed.
_MOST_BASES = 50


class Definition(NamedTuple):
    """A function, a class or a method: its name, and that of its class, in the module of
    `program`."""

    program: Program
    name: str
    cls: str | None = None

    @property
    def entry(self) -> Entry | None:
        """The function; None for a class."""
        outline = self.program.outline
        if self.cls is not None:
            return outline.methods.get((self.cls, self.name))
        return outline.functions.get(self.name)

    @property
    def is_class(self) -> bool:
        """Whether it is a class."""
        return self.cls is None and self.name in self.program.outline.classes

    @property
    def makes_instances(self) -> bool:
        """Whether a call of it surely makes an instance of it: a class, as far as it is known."""
        return self.is_class and not any(
            each.name in each.program.outline.altered
            or (each.name, "__new__") in each.program.outline.methods
            for each in self.program.lineage(self.name)
            if each is not None
        )

    def has_coroutine(self, method: str) -> bool | None:
        """Whether a method of an instance of the class is a coroutine function; None where that is
        not sure."""
        for each in self.program.lineage(self.name):
            if each is None or (each.name, method) in each.program.outline.attributes:
                return None
            entry = each.program.outline.methods.get((each.name, method))
            if entry is not None:
                node = entry.node
                yields = any(isinstance(one, ast.Yield) for one in ast.walk(node))
                is_plain = not node.decorator_list and not yields
                return isinstance(node, ast.AsyncFunctionDef) if is_plain else None
        return None

    def attribute(self, name: str) -> tuple[Program, str] | None:
        """What makes an attribute of an instance of the class: a dotted name in a module."""
        for each in self.program.lineage(self.name):
            if each is None:
                return None
            callee = each.program.outline.attributes.get((each.name, name))
            if callee is not None:
                return each.program, callee
        return None

    def load(self) -> ir.Func | None:
        """The function lowered; None where it is none, or cannot be lowered."""
        return self.program.function(self.cls, self.name)


class Modules:
    """The modules of the project around a file, as far as somebody has asked for them.

    `imports` says where names lead, None where the file looks into itself only. `make` makes the
    program of a module, whose lines count on from the given number.
    """

    def __init__(self, imports: Imports | None, make: Callable[[Module, int], Program]) -> None:
        self.imports = imports
        self.make = make
        self._programs: dict[str, Program | None] = {}
        self._in_order: list[Program] = []
        self._asked: dict[tuple[str, str], Place | None] = {}
        self._digests: dict[str, str] = {}

    @property
    def evidence(self) -> Evidence:
        """What was asked so far, and what was read."""
        asked = tuple((*question, place) for question, place in self._asked.items())
        return Evidence(asked, tuple(self._digests.items()))

    def find(self, path: str, dotted: str) -> tuple[Program, tuple[str, ...]] | None:
        """The module that a name leads to that the one at `path` imports, and the rest of it."""
        if self.imports is None:
            return None
        place = self._asked[path, dotted] = self.imports.find(path, dotted)
        if place is None or not place.names:
            return None
        if place.path not in self._programs:
            self._programs[place.path] = self._read(place.path)
        found = self._programs[place.path]
        return None if found is None else (found, place.names)

    def _read(self, path: str) -> Program | None:
        assert self.imports is not None
        if path == self.imports.path:
            return None  # what the file says of itself may be newer
        module = module_at(path)
        self._digests[path] = digest_of(path)
        if module is None:
            return None
        program = self.make(module, (len(self._in_order) + 1) * ir.SPAN)
        self._in_order.append(program)
        return program

    def at(self, line: int) -> Program | None:
        """The module that a line stands in; None for the file."""
        return self._in_order[line // ir.SPAN - 1] if line >= ir.SPAN else None


@dataclass(slots=True)
class Helpers:
    """The functions that a function may call, by the last components of their names."""

    entries: dict[str, list[Entry]] = field(default_factory=dict)
    _mentions: dict[str, frozenset[str]] = field(default_factory=dict)

    def add(self, name: str, entry: Entry | None) -> None:
        """Enter one function."""
        if entry is not None:
            self.entries.setdefault(name, []).append(entry)

    def has_coroutine(self, name: str) -> bool:
        """Whether a coroutine function has a name."""
        return any(isinstance(e.node, ast.AsyncFunctionDef) for e in self.entries.get(name, ()))

    def mentions(self, name: str) -> frozenset[str]:
        """The last components of all names in the functions with a name."""
        if name not in self._mentions:
            nodes = (node for entry in self.entries.get(name, ()) for node in ast.walk(entry.node))
            names = (find.last_name(node) for node in nodes if isinstance(node, ast.expr))
            self._mentions[name] = frozenset(filter(None, names))
        return self._mentions[name]


class Program:
    """A module: resolves names, and finds functions of it and of those that it imports from.

    `load` parses and lowers a function of the module on demand; it returns None for one that it
    cannot lower. `settling` are the last components of the names that `wait_any` goes by, where a
    fix has to see through it. `path` is that of the module, "" where it has none.
    """

    def __init__(
        self,
        outline: Outline,
        load: Callable[[str | None, str], ir.Func | None],
        modules: Modules,
        options: Options,
        settling: frozenset[str],
        path: str = "",
    ) -> None:
        self.outline = outline
        self.modules = modules
        self.path = path
        self.options = options
        self.settling = settling
        self._load = load
        self._once = Once()

    def alone(self) -> Program:
        """The same file, looking into itself only."""
        modules = Modules(None, self.modules.make)
        return Program(self.outline, self._load, modules, self.options, self.settling)

    def of(self, func: ir.Func) -> Program:
        """The module that a function is defined in."""
        return self.modules.at(func.line) or self

    def path_of(self, line: int) -> str:
        """The path of the module that a line stands in; "" for the file itself."""
        program = self.modules.at(line)
        return "" if program is None else program.path

    def around(self, line: int) -> Entry | None:
        """The outermost function around a line, of whatever module; None outside of any."""
        return (self.modules.at(line) or self).outline.around(line % ir.SPAN)

    def shown(self, line: int) -> str:
        """How a sentence names a line."""
        path = self.path_of(line)
        return f"line {line % ir.SPAN} of {os.path.basename(path)}" if path else f"line {line}"

    # Functions and classes

    def function(self, cls: str | None, name: str) -> ir.Func | None:
        """A top-level function (`cls` is None) or a method of a class of this module."""
        return self._once(self._load, cls, name)

    def helpers(self, func: ir.Func) -> Helpers:
        """The functions that a function of the file may call, but itself: those of the file that
        have the last component of a callee for a name, and those of the project that one is."""
        found = Helpers()
        for owner in functions_in(func):
            for node in every(owner):
                if isinstance(node, ir.Call):
                    name = last_name(node.func) or ""
                    if name not in found.entries and name in self.outline.named:
                        named = self.outline.named[name]
                        found.entries[name] = [one for one in named if one.line != func.line]
                    for each in self._callees(owner, node.func):
                        if each.program is not self:
                            found.add(each.name, each.entry)
        return found

    def _callees(self, func: ir.Func, callee: ir.Expr) -> Iterator[Definition]:
        """What a call may call, or make callable: a function, or the methods of a class."""
        found = self.definition(func, callee)
        if found is None or not found.is_class:
            if found is not None:
                yield found
            return
        for each in found.program.lineage(found.name):
            if each is not None:
                for cls, name in each.program.outline.methods:
                    if cls == each.name:
                        yield Definition(each.program, name, cls)

    def definition(
        self, func: ir.Func, callee: ir.Expr, elsewhere: bool = True
    ) -> Definition | None:
        """The function or class of the project that a callee in a function names; `elsewhere` says
        that it may be one of another module than that of the function."""
        callee = unsubscripted(callee)
        named = callee.id if isinstance(callee, ir.Name) else callee
        return self._once(self._define, func, named, elsewhere)

    def _define(self, func: ir.Func, callee: str | ir.Expr, elsewhere: bool) -> Definition | None:
        home = self.of(func)
        if isinstance(callee, str):
            path: tuple[str, ...] = (callee,)
        elif not isinstance(callee, ir.Attr):
            return None
        elif callee.path is not None:
            path = callee.path
        elif elsewhere and func.cls is not None and _is_super(callee.value):
            return home.method(func.cls, callee.name, above=True)
        else:
            return None
        if len(path) == 2:
            cls = func.cls if path[0] in ("self", "cls") else path[0]
            if cls is not None and cls in home.outline.classes:
                return home.method(cls, path[1], elsewhere=elsewhere)
        root = self.root(func, path[0])
        if root is None:
            return home.own(path[0]) if len(path) == 1 and not _is_local(path[0], func) else None
        if not elsewhere or root.startswith("builtins.") or path[0] in home.outline.ambiguous:
            return None
        return home.imported(".".join((root, *path[1:])))

    def own(self, name: str) -> Definition | None:
        """The function or class of this module that has a name."""
        found = Definition(self, name)
        return found if found.is_class or found.entry is not None else None

    def imported(self, qualified: str) -> Definition | None:
        """What a qualified name is that this module imports from another one of the project."""
        home = self._once(self._home_of, qualified)
        if home is None:
            return None
        program, name, rest = home
        outline = program.outline
        if name in {*outline.ambiguous, *outline.assigned, *outline.imports} or len(rest) > 1:
            return None
        if rest:
            return program.method(name, rest[0]) if name in outline.classes else None
        return program.own(name)

    def is_member(self, qualified: str) -> bool:
        """Whether a qualified name that this module imports is that of a method, or of another
        attribute of what is no module of the project."""
        home = self._once(self._home_of, qualified)
        if home is None:
            return False
        program, name, rest = home
        return bool(rest) and (name in program.outline.bound or name in program.outline.classes)

    def _home_of(
        self, qualified: str, is_there: bool = False
    ) -> tuple[Program, str, list[str]] | None:
        """Where the first part of a qualified name stands that this module imports: it is defined
        in that module, or imported into it from there, unless that `is_there` already. With it,
        that part and the others."""
        found = self.modules.find(self.path, qualified)
        if found is None:
            return None
        program, (name, *rest) = found
        outline = program.outline
        if name not in outline.imports or name in outline.bound or name in outline.ambiguous:
            return program, name, rest
        source = ".".join((outline.imports[name], *rest))
        return None if is_there else program._home_of(source, True)

    def method(
        self, cls: str, name: str, above: bool = False, elsewhere: bool = True
    ) -> Definition | None:
        """The method that an instance of a class of this module has by a name; with `above`, what
        `super()` has. The classes of other modules are looked at where it may stand `elsewhere`."""
        for each in self.lineage(cls)[above:] if elsewhere else ():
            if each is None:
                break
            found = Definition(each.program, name, each.name)
            if found.entry is not None:
                return found
        entry = None if above else self.outline.method(cls, name)
        return None if entry is None else Definition(self, name, entry.cls)

    def lineage(self, cls: str) -> list[Definition | None]:
        """A class of this module and all above it, in the order in which methods are looked up;
        None for one that nobody knows."""
        return self._once(_lineage, Definition(self, cls))

    def bases(self, cls: str) -> Iterator[Definition | None]:
        """The bases of a class of this module, but for those that tell nothing about methods."""
        for text in self.outline.bases.get(cls, ()):
            root, dot, rest = text.partition(".")
            source = self.outline.resolve(root) or "builtins." + root
            if source + dot + rest not in _PLAIN_BASES or root in self.outline.bound:
                yield self.class_named(text)

    def class_named(self, text: str) -> Definition | None:
        """The class of the project that a dotted name is in this module."""
        root, dot, rest = text.partition(".")
        source = self.outline.resolve(root)
        if root in self.outline.ambiguous:
            found = None
        elif source is not None:
            found = self.imported(source + dot + rest)
        else:
            found = None if dot else self.own(root)
        return found if found is not None and found.is_class else None

    def class_of(self, func: ir.Func, callee: ir.Expr) -> Definition | None:
        """The class of the project whose instance a call in a function makes."""
        found = self.definition(func, callee)
        return found if found is not None and found.makes_instances else None

    def instance(self, func: ir.Func, text: str) -> Definition | None:
        """The class of the project whose instance `self.name`, or a name of this module, surely is
        in a function of it."""
        owner, _, name = text.rpartition(".")
        cls = func.cls if owner == "self" else None
        if not owner and not _is_local(name, func) and self._is_only_assigned(name):
            cls = ""
        made = None if cls is None else Definition(self, cls).attribute(name)
        found = None if made is None else made[0].class_named(made[1])
        return found if found is not None and found.makes_instances else None

    def _is_only_assigned(self, name: str) -> bool:
        """Whether no import, function or class of the module may be what a name stands for."""
        outline = self.outline
        return name not in outline.imports and name not in outline.ambiguous and not self.own(name)

    # Names

    def qualified(self, func: ir.Func, node: ir.Expr) -> str | None:
        """The qualified name that a name or dotted path stands for, through the imports in sight;
        of a generic alias, that of what it is an alias of.

        A builtin is `builtins.NAME`; None where the root is bound by anything but an import.
        """
        return self._once(self._qualify, func, node)

    def _qualify(self, func: ir.Func, node: ir.Expr) -> str | None:
        node = unsubscripted(node)
        if isinstance(node, ir.Name):
            path: tuple[str, ...] = (node.id,)
        elif isinstance(node, ir.Attr) and node.path is not None:
            path = node.path
        else:
            return None
        root = self.root(func, path[0])
        return None if root is None else canonical(".".join((root, *path[1:])))

    def root(self, func: ir.Func, name: str) -> str | None:
        scope: ir.Func | None = func
        while scope is not None:
            if name in scope.imports and name not in scope.assigned:
                return scope.imports[name]
            if name in scope.locals and name not in scope.outer and not scope.module:
                return None
            scope = scope.parent
        outline = self.of(func).outline
        imported = outline.resolve(name)
        if imported is not None:
            return imported
        if name in outline.bound or name in outline.imports:
            return None
        return f"builtins.{name}"

    def is_imported(self, func: ir.Func, name: str) -> bool:
        """Whether a name is bound by an import in sight."""
        root = self.root(func, name)
        return root is not None and not root.startswith("builtins.")

    def named(self, given: frozenset[str], func: ir.Func, node: ir.Expr) -> bool:
        """Whether a callee is one that the user named: by its dotted text, its qualified name or
        its last component."""
        if not given:
            return False
        names = {self.qualified(func, node)}
        node = unsubscripted(node)
        if isinstance(node, ir.Name):
            names |= {node.id}
        elif isinstance(node, ir.Attr):
            names |= {node.name, ".".join(node.path) if node.path else None}
        return bool(names & given)

    def constant(self, name: str, depth: int = 3) -> tuple[str | None, str | None]:
        """What a module-level constant is bound to: the string, or the qualified name; None for
        what it is not."""
        node = self.outline.constants.get(name)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value, None
        text = dotted(node) if node is not None else None
        if text is None or depth == 0:
            return None, None
        root, _, rest = text.partition(".")
        base = self.outline.resolve(root)
        if base is None:
            return self.constant(root, depth - 1) if not rest else (None, None)
        return None, canonical(f"{base}.{rest}" if rest else base)

    def exception_names(self, name: str) -> list[str] | None:
        """The classes that a module-level tuple of exceptions holds."""
        node = self.outline.constants.get(name)
        if not isinstance(node, ast.Tuple):
            return None
        texts = [dotted(element) for element in node.elts]
        return [text.rpartition(".")[2] for text in texts if text is not None]


def _lineage(cls: Definition) -> list[Definition | None]:
    order: list[Definition | None] = []
    queue: list[Definition | None] = [cls]
    while queue and len(order) < _MOST_BASES:
        each = queue.pop(0)
        order.append(each)
        if each is not None:
            queue[:0] = each.program.bases(each.name)
    if queue:
        order.append(None)
    return [each for n, each in enumerate(order) if each is None or each not in order[n + 1 :]]


def _is_super(node: ir.Expr) -> bool:
    return isinstance(node, ir.Call) and isinstance(node.func, ir.Name) and node.func.id == "super"


def _is_local(name: str, func: ir.Func) -> bool:
    """Whether a name is one of a function, or of one around it."""
    around: ir.Func | None = func
    while around is not None:
        if name in around.locals and not around.module:
            return True
        around = around.parent
    return False
