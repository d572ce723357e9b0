"""What the rest of the file says about a function: its imports, functions, classes and constants.

Made from one `ast` of the file (the one flake8 has already, or our own parse). It knows extents
and names, and decides nothing about sites.
"""

from __future__ import annotations

import ast
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from flake8_asyncwait.named import NamedTuple

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef

# Things made by these calls have methods that are coroutines (AWT203).
PRIMITIVES = {
    "asyncio.Queue": ("get", "put", "join"),
    "asyncio.LifoQueue": ("get", "put", "join"),
    "asyncio.PriorityQueue": ("get", "put", "join"),
    "asyncio.Event": ("wait",),
}
# What swallows, as a context manager, the exceptions that it names.
SUPPRESS = "contextlib.suppress"
# By what a test says, as a context manager, what its block is to raise.
EXPECTING = frozenset({"raises", "assertRaises", "assertRaisesRegex"})
# The builtin that calls a function on each of the items that it is given.
MAP = "builtins.map"
UNTIL = {"builtins.any": True, "builtins.all": False}  # the answer with which each asks no further
# What is bound to nothing yet.
NONE = "None"
TYPE_PARAMETERS = "[]"  # the keyword that holds them in a class of a tree made from libcst's
_SUBMODULES = frozenset(
    {"tasks", "futures", "queues", "locks", "events", "exceptions", "timeouts", "runners"}
)


def canonical(qualified: str) -> str:
    """`asyncio.tasks.wait` is `asyncio.wait`: the public name of what asyncio defines inside."""
    parts = qualified.split(".")
    if len(parts) > 2 and parts[0] == "asyncio" and parts[1] in _SUBMODULES:
        return ".".join(["asyncio", *parts[2:]])
    return qualified


def dotted(node: ast.expr) -> str | None:
    """The dotted text of a chain of names, else None."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    if not isinstance(node, ast.Name):
        return None
    parts.append(node.id)
    return ".".join(reversed(parts))


def unsubscripted(node: ast.expr) -> ast.expr:
    """What a callee or a base class names: a generic alias is used as what it is an alias of,
    `Queue[int]()` as `Queue()`."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node


@dataclass(slots=True, eq=False)
class Entry:
    """A function of the file: where it stands, and of which class it is a method.

    `line` is that of its `def`, `start` that of its first decorator. `held` is its tree, or what
    reads it.
    """

    name: str
    line: int
    cls: str | None
    start: int
    end: int
    held: FunctionNode | Callable[[Entry], FunctionNode]

    @property
    def node(self) -> FunctionNode:
        """Its tree."""
        if not isinstance(self.held, ast.AST):
            self.held = self.held(self)
        return self.held

    @property
    def place(self) -> tuple[int, str]:
        """The line that it begins on, and its name, behind that of its class."""
        return self.line, f"{self.cls}.{self.name}" if self.cls else self.name


@dataclass(slots=True)
class Outline:
    """What a file binds at its top level and in its classes.

    `imports` maps a name to the qualified name it was imported as, with the dots of a relative one
    before it; `bound` are the names that the module binds otherwise, `assigned` those of them that
    neither a `def` nor a `class` binds, and `ambiguous` are names that stand for one thing or
    another. `constants` holds the module's names for strings and qualified names. `classes` have
    the last components of their bases' names, `bases` the whole names ("" for what is no name).
    `attributes` are what a class binds to the attributes of `self`, and the module to its names: by
    the name of the class, "" for the module, and of the attribute the dotted callee, or annotation,
    "" for anything else. `altered` are classes whose calls may make more than instances.
    `coroutine_methods` are dotted texts such as `self.queue.get` that make a
    coroutine. `named` are the functions and methods that go by a name.
    """

    imports: dict[str, str] = field(default_factory=dict)
    bound: set[str] = field(default_factory=set)
    assigned: set[str] = field(default_factory=set)
    ambiguous: set[str] = field(default_factory=set)
    star_asyncio: bool = False
    constants: dict[str, ast.expr] = field(default_factory=dict)
    functions: dict[str, Entry] = field(default_factory=dict)
    methods: dict[tuple[str, str], Entry] = field(default_factory=dict)
    classes: dict[str, list[str]] = field(default_factory=dict)
    bases: dict[str, list[str]] = field(default_factory=dict)
    attributes: dict[tuple[str, str], str] = field(default_factory=dict)
    altered: set[str] = field(default_factory=set)
    outermost: list[Entry] = field(default_factory=list)
    coroutine_methods: set[str] = field(default_factory=set)
    named: dict[str, list[Entry]] = field(default_factory=dict)

    def resolve(self, root: str) -> str | None:
        """The qualified name a module-level name stands for; None if it is not an import."""
        if root in self.bound and not self._rebound_import(root):
            return None
        if root in self.imports:
            return self.imports[root]
        if root not in self.bound and self.star_asyncio:
            return f"asyncio.{root}"
        return None

    def _rebound_import(self, root: str) -> bool:
        """An import and a fallback (`except ImportError: timeout = None`) share a name."""
        return root in self.imports and root not in self.functions and root not in self.classes

    def primitive(self, callee: str) -> tuple[str, ...]:
        """The methods that are coroutines of what a call of a dotted name makes."""
        root, _, rest = callee.partition(".")
        base = self.resolve(root)
        if base is None:
            return ()
        return PRIMITIVES.get(canonical(f"{base}.{rest}" if rest else base), ())

    def around(self, line: int) -> Entry | None:
        """The outermost function around a line; None at module level."""
        index = bisect_right(self.outermost, line, key=lambda entry: entry.start) - 1
        entry = self.outermost[index] if index >= 0 else None
        return entry if entry is not None and line <= entry.end else None

    def method(self, cls: str, name: str) -> Entry | None:
        """The method of a class of this file, looked up through its bases in this file."""
        seen: set[str] = set()
        queue = [cls]
        while queue:
            current = queue.pop(0)
            if current in seen:
                continue
            seen.add(current)
            if (current, name) in self.methods:
                return self.methods[current, name]
            queue.extend(self.classes.get(current, ()))
        return None


def outline(tree: ast.Module) -> Outline:
    """The outline of a parsed file."""
    outliner = Outliner()
    outliner.add(tree.body)
    return outliner.finish()


class Outliner:
    """Makes the outline of a file that is read piece by piece."""

    def __init__(self) -> None:
        self._outline = Outline()
        self._made: list[_Made] = []

    def add(
        self, body: list[ast.stmt], read: Callable[[Entry], FunctionNode] | None = None
    ) -> None:
        """Enter the next statements of the top level. Where there is `read`, it will read the trees
        of functions, and those of `body` are not kept."""
        _module_statements(body, self._outline)
        _functions(body, None, self._outline, read)
        self._made += _made_things(body, toplevel=True)

    def finish(self) -> Outline:
        """The outline, when all statements are in it."""
        self._outline.outermost.sort(key=lambda entry: entry.start)
        for entry in (*self._outline.functions.values(), *self._outline.methods.values()):
            self._outline.named.setdefault(entry.name, []).append(entry)
        for made in self._made:
            _note(made, self._outline)
        return self._outline


def _module_statements(body: list[ast.stmt], result: Outline) -> None:
    for statement in body:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            _import(statement, result)
            result.star_asyncio = result.star_asyncio or _is_star_asyncio(statement)
        elif isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            if statement.name in result.bound:
                result.ambiguous.add(statement.name)
            if not any(map(_is_overload, statement.decorator_list)):
                result.bound.add(statement.name)
        else:
            _bind(statement, result)
            for block in blocks(statement):
                _module_statements(block, result)


def _is_overload(decorator: ast.expr) -> bool:
    return (dotted(decorator) or "").rpartition(".")[2] == "overload"


def _import(statement: ast.Import | ast.ImportFrom, result: Outline) -> None:
    imports: dict[str, str] = {}
    add_import(statement, imports)
    known = result.imports
    result.ambiguous |= {
        name for name in imports if known.get(name, imports[name]) != imports[name]
    }
    known.update(imports)


def _is_star_asyncio(statement: ast.Import | ast.ImportFrom) -> bool:
    return (
        isinstance(statement, ast.ImportFrom)
        and statement.module in ("asyncio", "asyncio.tasks")
        and any(alias.name == "*" for alias in statement.names)
    )


def add_import(statement: ast.Import | ast.ImportFrom, imports: dict[str, str]) -> None:
    """Enter what an import statement binds, name by name, into `imports`."""
    if isinstance(statement, ast.Import):
        for alias in statement.names:
            bound = alias.asname or alias.name.partition(".")[0]
            imports[bound] = alias.name if alias.asname else bound
    else:
        module = "." * statement.level + (f"{statement.module}." if statement.module else "")
        for alias in statement.names:
            imports[alias.asname or alias.name] = canonical(f"{module}{alias.name}")


# What binds names to something that it takes out of, or makes of, something else.
_TAKING = (ast.AugAssign, ast.For, ast.AsyncFor, ast.With, ast.AsyncWith)


def _bind(statement: ast.stmt, result: Outline) -> None:
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, (ast.AnnAssign, ast.AugAssign, ast.For, ast.AsyncFor)):
        targets = [statement.target]
    elif type(statement).__name__ == "TypeAlias":  # from Python 3.12 on
        targets = [getattr(statement, "name")]  # noqa: B009 - the types know it only there
    elif isinstance(statement, (ast.With, ast.AsyncWith)):
        targets = [item.optional_vars for item in statement.items if item.optional_vars]
    for target in targets:
        names = set(_names(target))
        result.bound |= names
        result.assigned |= names
        if not isinstance(target, ast.Name) or isinstance(statement, _TAKING):
            result.attributes.update({("", name): "" for name in names})
    if isinstance(statement, (ast.Assign, ast.AnnAssign)) and statement.value is not None:
        for target in targets:
            if isinstance(target, ast.Name):
                _bind_constant(target.id, statement.value, result)


def _bind_constant(name: str, value: ast.expr, result: Outline) -> None:
    """Keep what a name of the module stands for, if it is of a kind that is asked for."""
    is_text = isinstance(value, ast.Constant) and isinstance(value.value, str)
    is_tuple = isinstance(value, ast.Tuple) and bool(value.elts)
    if is_text or is_tuple or isinstance(value, (ast.Name, ast.Attribute)):
        result.constants[name] = value
    else:
        result.constants.pop(name, None)


def _names(target: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Name):
        yield target.id
    elif isinstance(target, (ast.Tuple, ast.List)):
        for element in target.elts:
            yield from _names(element)
    elif isinstance(target, ast.Starred):
        yield from _names(target.value)


def blocks(statement: ast.stmt) -> Iterator[list[ast.stmt]]:
    """The blocks of a statement, in the order of the source."""
    yield getattr(statement, "body", [])
    for handler in getattr(statement, "handlers", []):
        yield handler.body
    for case in getattr(statement, "cases", []):
        yield case.body
    yield getattr(statement, "orelse", [])
    yield getattr(statement, "finalbody", [])


def _functions(
    body: list[ast.stmt],
    cls: str | None,
    result: Outline,
    read: Callable[[Entry], FunctionNode] | None,
) -> None:
    for statement in body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            first = statement.decorator_list[0] if statement.decorator_list else statement
            start, end = first.lineno, statement.end_lineno or first.lineno
            held = read or statement
            entry = Entry(statement.name, statement.lineno, cls, start, end, held)
            if cls is None:
                result.functions[statement.name] = entry
            else:
                result.methods[cls, statement.name] = entry
            result.outermost.append(entry)
        elif isinstance(statement, ast.ClassDef):
            bases = [dotted(unsubscripted(base)) or "" for base in statement.bases]
            result.bases[statement.name] = bases
            keywords = [each for each in statement.keywords if each.arg != TYPE_PARAMETERS]
            if keywords or not all(map(_leaves_alone, statement.decorator_list)):
                result.altered.add(statement.name)
            result.classes[statement.name] = [base.rpartition(".")[2] for base in bases if base]
            _functions(statement.body, statement.name, result, read)
        else:
            for block in blocks(statement):
                _functions(block, cls, result, read)


def _leaves_alone(decorator: ast.expr) -> bool:
    """Whether a decorator gives back the class that it is given."""
    name = dotted(decorator.func if isinstance(decorator, ast.Call) else decorator) or ""
    return name.rpartition(".")[2] in ("dataclass", "final", "runtime_checkable", "total_ordering")


class _Made(NamedTuple):
    """What a statement binds dotted texts to: a call of `callee`, "" for anything else. `cls` is
    the class that it stands in."""

    callee: str
    targets: tuple[str, ...]
    cls: str | None


def _made_things(body: list[ast.stmt], toplevel: bool, cls: str | None = None) -> Iterator[_Made]:
    """Every `self.x = asyncio.Queue()` of a block, and `x = ...` of the top level.

    The interpreter sees for itself what a function binds to a name of its own.
    """
    for statement in body:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            made = _made(statement, toplevel, cls)
            if made.targets:
                yield made
        elif isinstance(statement, ast.Global):  # a function may bind it to anything
            yield _Made("", tuple(statement.names), None)
        inside = isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        around = statement.name if isinstance(statement, ast.ClassDef) else cls
        for block in blocks(statement):
            yield from _made_things(block, toplevel and not inside, around)
            if isinstance(statement, ast.ClassDef):
                yield from filter(None, map(partial(_declared, statement.name), block))


def _made(statement: ast.Assign | ast.AnnAssign, toplevel: bool, cls: str | None) -> _Made:
    value = statement.value
    callee = dotted(unsubscripted(value.func)) if isinstance(value, ast.Call) else None
    if value is None or (isinstance(value, ast.Constant) and value.value is None):
        callee = NONE
    targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    texts = (text for text in map(dotted, targets) if text is not None)
    return _Made(callee or "", tuple(t for t in texts if toplevel or "." in t), cls)


def _declared(cls: str, statement: ast.stmt) -> _Made | None:
    """What a class says that its instances have: `event: asyncio.Event`."""
    if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
        return None
    kind = dotted(unsubscripted(statement.annotation)) or ""
    return _Made(kind, (f"self.{statement.target.id}",), cls)


def _note(made: _Made, result: Outline) -> None:
    for text in made.targets:
        owner, _, name = text.partition(".")
        of_class = made.cls is not None and owner == "self"
        if (of_class or text == owner) and made.callee != NONE:
            key = (made.cls or "", name or text)
            if result.attributes.setdefault(key, made.callee) != made.callee:
                result.attributes[key] = ""
    for method in result.primitive(made.callee):
        for text in made.targets:
            result.coroutine_methods.add(f"{text}.{method}")
