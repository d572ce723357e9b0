"""Which calls that make a task are sites, by the tree of the file: those whose task a coroutine
binds to a local name, or puts in a local collection, and that has to wait for something, too."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Sequence

from flake8_asyncwait.sites.find import is_near, last_name

_STATEMENTS = (ast.stmt, ast.excepthandler, ast.match_case)
_LOOKED_AT = (ast.ImportFrom, ast.AsyncFunctionDef)
_SUSPENDING = (ast.Await, ast.AsyncFor, ast.AsyncWith, ast.Yield, ast.YieldFrom)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)
_DISPLAYS = (ast.List, ast.Set, ast.Tuple)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.GeneratorExp)
# Collections that a call makes of what it is given, and methods that put something in one.
_COLLECTED = frozenset({"list", "set", "tuple", "frozenset", "sorted", "dict", "deque"})
_ADDING = frozenset({"append", "add", "insert", "appendleft", "extend", "update", "setdefault"})


def creations(
    tree: ast.Module, names: Collection[str], lines: Sequence[int] | None = None
) -> set[ast.Call]:
    """The calls whose callee has one of `names` for its last, and that are sites. Where there are
    ascending `lines`, only what reaches over one of them is looked at."""
    near = [node for node in _walk(tree, lines) if isinstance(node, _LOOKED_AT)]
    names = _with_aliases(near, names)
    found: set[ast.Call] = set()
    for node in near:
        if isinstance(node, ast.AsyncFunctionDef):
            own = list(_own(node))
            if any(isinstance(part, _SUSPENDING) for part in own):
                kept = (call for part in own for value in _kept(part) for call in _calls(value))
                found |= {call for call in kept if last_name(call.func) in names}
    return found


def creators_in(tree: ast.Module, names: Collection[str]) -> frozenset[str]:
    """Some names, with those under which a file imports what has one of them."""
    return _with_aliases(_walk(tree, None), names) if names else frozenset()


def _with_aliases(nodes: Iterable[ast.AST], names: Collection[str]) -> frozenset[str]:
    aliases = (a for node in nodes if isinstance(node, ast.ImportFrom) for a in node.names)
    return frozenset({*names, *(a.asname for a in aliases if a.name in names and a.asname)})


def _walk(tree: ast.Module, lines: Sequence[int] | None) -> Iterator[ast.AST]:
    """All statements of a file, or those near some lines."""
    queue: list[ast.AST] = list(tree.body)
    while queue:
        node = queue.pop()
        if lines is None or is_near(node, lines):
            yield node
            queue.extend(
                child for child in ast.iter_child_nodes(node) if isinstance(child, _STATEMENTS)
            )


def _own(function: ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function's body, those of functions and classes inside it excepted."""
    queue: list[ast.AST] = list(function.body)
    while queue:
        node = queue.pop()
        yield node
        if not isinstance(node, _SCOPES):
            queue.extend(ast.iter_child_nodes(node))


def _kept(node: ast.AST) -> Iterator[ast.expr]:
    """What a node binds to a local name, or puts in a collection with one."""
    if isinstance(node, ast.Assign):
        if any(_is_local(target) for target in node.targets):
            yield node.value
    elif isinstance(node, (ast.AnnAssign, ast.AugAssign)):
        if node.value is not None and _is_local(node.target):
            yield node.value
    elif isinstance(node, ast.NamedExpr):
        yield node.value
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in _ADDING and isinstance(node.func.value, ast.Name):
            yield from node.args


def _is_local(target: ast.expr) -> bool:
    if isinstance(target, (ast.Tuple, ast.List)):
        return any(map(_is_local, target.elts))
    if isinstance(target, (ast.Subscript, ast.Starred)):
        return _is_local(target.value)
    return isinstance(target, ast.Name) and target.id != "_"


def _calls(value: ast.expr | None) -> Iterator[ast.Call]:
    """The calls whose result a value is, or holds."""
    if isinstance(value, ast.Call):
        yield value
        if isinstance(value.func, ast.Name) and value.func.id in _COLLECTED:
            for argument in value.args:
                yield from _calls(argument)
    elif isinstance(value, _DISPLAYS):
        for element in value.elts:
            yield from _calls(element)
    elif isinstance(value, ast.Dict):
        for part in (*value.keys, *value.values):
            yield from _calls(part)
    elif isinstance(value, _COMPREHENSIONS):
        yield from _calls(value.elt)
    elif isinstance(value, ast.DictComp):
        yield from _calls(value.key)
        yield from _calls(value.value)
    elif isinstance(value, (ast.Starred, ast.NamedExpr)):
        yield from _calls(value.value)
    elif isinstance(value, ast.IfExp):
        yield from _calls(value.body)
        yield from _calls(value.orelse)
    elif isinstance(value, ast.BoolOp):
        for operand in value.values:
            yield from _calls(operand)
