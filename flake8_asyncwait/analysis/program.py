"""What names mean in a file: imports in sight, functions of the same file, constants."""

from __future__ import annotations

import ast
from collections.abc import Callable

from flake8_asyncwait.analysis import ir
from flake8_asyncwait.analysis.walk import unsubscripted
from flake8_asyncwait.sites.outline import Entry, Outline, canonical, dotted


def _last(node: ast.Name | ast.Attribute) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr


class Program:
    """The file around the function: resolves names and finds functions of the same file.

    `function_names` are the names of all its functions and methods. `load` parses and lowers a
    function of the file on demand; it returns None for one that it cannot lower. `settling` are
    the last components of the names that `wait_any` goes by, where a fix has to see through it.
    """

    def __init__(
        self,
        outline: Outline,
        load: Callable[[str | None, str], ir.Func | None],
        task_factories: frozenset[str] = frozenset(),
        cancellers: frozenset[str] = frozenset(),
        wait_functions: frozenset[str] = frozenset(),
        settling: frozenset[str] = frozenset(),
    ) -> None:
        self.outline = outline
        self.task_factories = task_factories
        self.cancellers = cancellers
        self.wait_functions = wait_functions
        self.settling = settling
        self._load = load
        self._named: dict[str, list[Entry]] = {}
        for name, entry in outline.functions.items():
            self._named.setdefault(name, []).append(entry)
        for (_, name), entry in outline.methods.items():
            self._named.setdefault(name, []).append(entry)
        self.function_names = frozenset(self._named)
        self._mentions: dict[str, frozenset[str]] = {}
        self._qualified: dict[tuple[ir.Func, ir.Expr], str | None] = {}
        self._loaded: dict[tuple[str | None, str], ir.Func | None] = {}

    def mentions(self, name: str) -> frozenset[str]:
        """The last components of all names in the functions and methods of the file with a name."""
        if name not in self._mentions:
            self._mentions[name] = frozenset(
                _last(node)
                for entry in self._named.get(name, ())
                for node in ast.walk(entry.node)
                if isinstance(node, (ast.Name, ast.Attribute))
            )
        return self._mentions[name]

    def function(self, cls: str | None, name: str) -> ir.Func | None:
        """A top-level function (`cls` is None) or a method of a class of this file."""
        key = (cls, name)
        if key not in self._loaded:
            self._loaded[key] = self._load(cls, name)
        return self._loaded[key]

    def qualified(self, func: ir.Func, node: ir.Expr) -> str | None:
        """The qualified name that a name or dotted path stands for, through the imports in sight;
        of a generic alias, that of what it is an alias of.

        A builtin is `builtins.NAME`; None where the root is bound by anything but an import.
        """
        key = func, node
        if key not in self._qualified:
            self._qualified[key] = self._qualify(func, node)
        return self._qualified[key]

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
        imported = self.outline.resolve(name)
        if imported is not None:
            return imported
        if name in self.outline.bound or name in self.outline.imports:
            return None
        return f"builtins.{name}"

    def imported(self, func: ir.Func, name: str) -> bool:
        """Whether a name is bound by an import in sight."""
        root = self.root(func, name)
        return root is not None and not root.startswith("builtins.")

    def named(self, options: frozenset[str], func: ir.Func, node: ir.Expr) -> bool:
        """Whether a callee is one that the user named: by its dotted text, its qualified name or
        its last component."""
        if not options:
            return False
        names = {self.qualified(func, node)}
        node = unsubscripted(node)
        if isinstance(node, ir.Name):
            names |= {node.id}
        elif isinstance(node, ir.Attr):
            names |= {node.name, ".".join(node.path) if node.path else None}
        return bool(names & options)

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
