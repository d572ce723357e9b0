"""Walks over the trees of `ir`, and what their nodes mention."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.named import NamedTuple

# Statements and expressions that may end a block or suspend it, or that capture names.
TELLING = (
    ir.Await,
    ir.Yield,
    ir.Return,
    ir.Raise,
    ir.Jump,
    ir.Define,
    ir.DefineClass,
    ir.Lambda,
)
_STATEMENTS = ir.Stmt.__args__
# Expressions whose value is a condition.
CONDITIONS = (ir.Not, ir.Compare, ir.Bool, ir.IfExp)
# The fields of each kind of node; looked up once, for every node is visited several times.
_FIELDS = {
    kind: tuple(slot.name for slot in fields(kind))
    for kind in vars(ir).values()
    if isinstance(kind, type) and is_dataclass(kind) and kind is not ir.Func
}


def suspends(node: object) -> bool:
    """Whether a function may suspend at a node itself."""
    asynchronous = isinstance(node, (ir.For, ir.With, ir.Clause)) and node.asynchronous
    return asynchronous or isinstance(node, (ir.Await, ir.Yield))


def children(node: ir.Node) -> Iterator[ir.Node]:
    """The ir nodes directly inside a node, nested functions excepted."""
    for name in _FIELDS[type(node)]:
        value = getattr(node, name)
        if type(value) in _FIELDS:
            yield value
        elif type(value) is list:
            yield from _nodes(value)


def _nodes(values: Iterable[Any]) -> Iterator[ir.Node]:
    for value in values:
        if type(value) in _FIELDS:
            yield value
        elif type(value) in (list, tuple):
            yield from _nodes(value)


def every(func: ir.Func) -> list[ir.Node]:
    """All nodes of a function's body, outer ones first, nested functions excepted."""
    if not func.nodes:
        func.nodes = list(walk(func.body))
    return func.nodes


def never_suspends(body: list[ir.Stmt]) -> bool:
    """Whether a block holds no suspension point."""
    return not any(map(suspends, walk(body)))


def walk(statements: Iterable[ir.Node]) -> Iterator[ir.Node]:
    """All nodes of a block, outer ones first, nested functions excepted."""
    queue: list[ir.Node] = list(statements)
    while queue:
        node = queue.pop()
        yield node
        queue.extend(children(node))


def own_nodes(statement: ir.Node) -> Iterator[ir.Node]:
    """A statement and the nodes inside it that are in no other statement."""
    queue: list[ir.Node] = [statement]
    while queue:
        node = queue.pop()
        yield node
        queue.extend(child for child in children(node) if not isinstance(child, _STATEMENTS))


def displayed(value: ir.Expr) -> list[ir.Expr]:
    """The elements of a display; of another expression that one."""
    return [part for part, _ in value.elements] if isinstance(value, ir.Display) else [value]


def unsubscripted(func: ir.Expr) -> ir.Expr:
    """What a callee names: a generic alias is called as what it is an alias of, `set[Task]()` as
    `set()`."""
    while isinstance(func, ir.Subscript):
        func = func.value
    return func


def last_name(func: ir.Expr) -> str | None:
    """The last component of a callee's name."""
    func = unsubscripted(func)
    if isinstance(func, ir.Attr):
        return func.name
    return func.id if isinstance(func, ir.Name) else None


def target_names(target: ir.Expr | ir.Target) -> Iterator[str]:
    """The names that a target binds; of `d[k] = x`, the `d` that holds it then."""
    if isinstance(target, ir.Name):
        yield target.id
    elif isinstance(target, ir.Unpack):
        for part, _ in target.parts:
            yield from target_names(part)
    elif isinstance(target, ir.Subscript):
        yield from target_names(target.value)
    elif isinstance(target, ir.Attr) and target.path is not None:
        yield ".".join(target.path)


def bindings(node: object) -> Iterator[tuple[ir.Target, ir.Expr]]:
    """The targets that a node binds, each with the expression that its value comes from."""
    if isinstance(node, ir.Assign):
        yield from ((target, node.value) for target in node.targets)
    elif isinstance(node, (ir.AugAssign, ir.Walrus)):
        yield node.target, node.value
    elif isinstance(node, (ir.For, ir.Clause)):
        yield node.target, node.iter
    elif isinstance(node, ir.With) and node.target is not None:
        yield node.target, node.item


def bound_names(node: object) -> set[str]:
    """The names and dotted paths that a node binds."""
    return {name for target, _ in bindings(node) for name in target_names(target)}


def functions_in(func: ir.Func) -> Iterator[ir.Func]:
    yield func
    for nested in func.nested:
        yield from functions_in(nested)


def scoped(names: Iterable[str], owner: ir.Func, func: ir.Func) -> list[str]:
    """Names, or dotted paths, of `owner`, which is `func` or nested in it; those that are local to
    a nested one are marked: two functions may give one name to different things."""
    return [_scoped(name, owner, func) for name in names] if owner is not func else [*names]


def _scoped(name: str, owner: ir.Func, func: ir.Func) -> str:
    root = name.partition(".")[0]
    scope: ir.Func | None = owner
    while scope is not None and scope is not func:
        if root in scope.locals and root not in scope.outer:
            return f"{id(scope)}:{name}"
        scope = scope.parent
    return name


def unscoped(names: Iterable[str]) -> set[str]:
    """Those of some names that are not marked by `scoped`."""
    return {name for name in names if ":" not in name}


def close(names: set[str], edges: list[tuple[str, str]]) -> None:
    """Add every name that an edge leads to from one of `names`."""
    following: dict[str, set[str]] = {}
    for source, target in edges:
        following.setdefault(source, set()).add(target)
    queue = list(names)
    while queue:
        for target in following.get(queue.pop(), ()):
            if target not in names:
                names.add(target)
                queue.append(target)


def tested_constants(func: ir.Func, given: Iterable[str]) -> set[str]:
    """The names that a function binds to a constant somewhere, or names and dotted paths that are
    `given`, and that it tests somewhere."""
    constants = set(given)
    tested: set[str] = set()
    made: list[tuple[str, str]] = []  # conditions, and what they are made of
    for owner in functions_in(func):
        for node in every(owner):
            if isinstance(node, ir.Assign) and isinstance(node.value, (ir.Const, *CONDITIONS)):
                names = scoped(bound_names(node), owner, func)
                if isinstance(node.value, ir.Const):
                    constants.update(name for name in names if "." not in name)
                else:
                    parts = scoped(mentioned(node.value), owner, func)
                    made += [(name, part) for name in names for part in parts]
            elif isinstance(node, (ir.If, ir.While, ir.IfExp, ir.Assert)):
                tested.update(scoped(mentioned(node.test) | paths(node.test), owner, func))
            elif isinstance(node, ir.Match):
                tested.update(scoped(mentioned(node.subject) | paths(node.subject), owner, func))
    close(tested, made)
    # What a nested function binds, it may bind whenever time passes.
    elsewhere = {name for owner in functions_in(func) if owner is not func for name in owner.outer}
    return unscoped(constants & tested) - elsewhere


def tested(test: ir.Expr) -> Iterator[str]:
    """The names and dotted paths that a condition asks about."""
    if isinstance(test, ir.Not):
        yield from tested(test.value)
    elif isinstance(test, ir.Bool):
        yield from tested(test.left)
        yield from tested(test.right)
    else:
        name = question(test).name
        if name:
            yield name


class Question(NamedTuple):
    """What a condition asks about a name or a dotted path: `truth`, whether it is `none`, or how it
    compares (`==`, `in`, `<`, `<=`) with `than`: a constant, or the path of something that the
    function does not bind. The condition is true if the answer is `expected`."""

    name: str
    asked: str = "truth"
    than: tuple[str, object] = ("", None)
    expected: bool = True


# The comparisons that ask whether something is in a collection.
MEMBERSHIP = ("In", "NotIn")
# What a comparison asks, and which answer makes it true.
_ASKED = {
    "Is": ("==", True),
    "IsNot": ("==", False),
    "Equal": ("==", True),
    "NotEqual": ("==", False),
    "In": ("in", True),
    "NotIn": ("in", False),
    "LessThan": ("<", True),
    "GreaterThanEqual": ("<", False),
    "LessThanEqual": ("<=", True),
    "GreaterThan": ("<=", False),
}
CONSTANT = "constant"


def question(test: ir.Expr) -> Question:
    """What a condition asks. An item is asked for as an attribute is, as `name.[key]`. The name is
    empty for a condition that asks for anything else."""
    if not isinstance(test, ir.Compare):
        return Question(_path(test))
    asked, expected = _ASKED[test.op]
    one, other = test.left, test.right
    if asked == "==" and isinstance(one, ir.Const):
        one, other = other, one
    if asked == "==" and isinstance(other, ir.Const) and other.value is None:
        return Question(_path(one), "none", expected=expected)
    than = _compared_with(other, asked)
    return Question(_path(one) if than is not None else "", asked, than or ("", None), expected)


def _compared_with(node: ir.Expr, asked: str) -> tuple[str, object] | None:
    """What something is compared with: a constant, several of them, or a path."""
    if asked == "in":
        parts = [part for part, _ in node.elements] if isinstance(node, ir.Display) else [None]
        values = tuple(part.value for part in parts if isinstance(part, ir.Const))
        return (CONSTANT, values) if len(values) == len(parts) else None
    if isinstance(node, ir.Const):
        return CONSTANT, node.value
    path = _path(node) if asked == "==" else ""
    return ("path", path) if path else None


def _path(node: ir.Expr) -> str:
    if isinstance(node, ir.Name):
        return node.id
    if isinstance(node, ir.Attr) and node.path is not None:
        return ".".join(node.path)
    if isinstance(node, ir.Subscript) and isinstance(node.value, ir.Name):
        if isinstance(node.index, ir.Const):
            return f"{node.value.id}.[{node.index.value!r}]"
    return ""


def mentioned(node: ir.Node) -> set[str]:
    """The names that a node mentions, also those in a lambda."""
    found: set[str] = set()
    for part in walk([node]):
        if isinstance(part, ir.Name):
            found.add(part.id)
        elif isinstance(part, ir.Lambda):
            found |= part.func.mentions
    return found


def paths(node: ir.Node) -> set[str]:
    """The dotted paths that a node mentions, and their beginnings."""
    attributes = (part for part in walk([node]) if isinstance(part, ir.Attr))
    return {".".join(part.path) for part in attributes if part.path is not None}


def changed_by(node: ir.Call, names: Collection[str]) -> set[str]:
    """The attributes among `names` that a call may change: those of what has the method."""
    path = node.func.path if isinstance(node.func, ir.Attr) else None
    owner = ".".join(path[:-1]) + "." if path is not None else ""
    return {name for name in names if owner and name.startswith(owner)}
