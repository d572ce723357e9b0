"""What names a piece of a libcst tree reads and binds: enough to choose names that collide with
nothing, and to know which are bound where a `finally` would stand.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any

import libcst as cst

from flake8_asyncwait.fix.tree.nodes import parts
from flake8_asyncwait.fix.tree.place import Level

# What may read each variable of the function that calls it.
_READ_ALL = frozenset({"locals", "vars", "dir", "eval", "exec"})


@lru_cache(maxsize=64)
def every_name(node: cst.CSTNode) -> frozenset[str]:
    """All names that a tree mentions in any role, attributes and keywords too."""
    found: set[str] = set()
    queue = [node]
    while queue:
        one = queue.pop()
        if isinstance(one, cst.Name):
            found.add(one.value)
        queue.extend(parts(one))
    return frozenset(found)


def fresh(preferred: Sequence[str], taken: Collection[str]) -> str:
    """The first of `preferred` that is not `taken`, or one of them with a number."""
    for name in preferred:
        if name not in taken:
            return name
    number = 2
    while f"{preferred[0]}_{number}" in taken:
        number += 1
    return f"{preferred[0]}_{number}"


def reads(node: cst.CSTNode, names: Iterable[str]) -> bool:
    """Whether a tree mentions one of some names as a variable."""
    wanted = set(names)
    return any(name in wanted for name in variables(node))


def may_read_all(node: cst.CSTNode) -> bool:
    """Whether a tree may read variables that it does not mention, as by `locals()`."""
    return not _READ_ALL.isdisjoint(variables(node))


def variables(node: cst.CSTNode) -> Iterator[str]:
    """The names that a tree mentions as variables."""
    if isinstance(node, cst.Name):
        yield node.value
    elif isinstance(node, (cst.Attribute, cst.Arg)):
        yield from variables(node.value)
    else:
        for child in parts(node):
            yield from variables(child)


@lru_cache(maxsize=64)
def bindings(node: cst.CSTNode) -> tuple[tuple[str, cst.CSTNode], ...]:
    """The names that a tree binds or deletes anywhere, each with the construct that does it."""
    return tuple(_bindings(node))


def binders(node: cst.CSTNode, name: str) -> list[cst.CSTNode]:
    """The constructs of a tree that bind or delete a name."""
    return [binder for bound, binder in bindings(node) if bound == name]


def _bindings(node: cst.CSTNode) -> Iterator[tuple[str, cst.CSTNode]]:
    for target in _targets(node):
        for name in target_names(target):
            yield name, node
    if isinstance(node, (cst.FunctionDef, cst.ClassDef)):
        yield node.name.value, node
    elif isinstance(node, (cst.Import, cst.ImportFrom)) and not isinstance(
        node.names, cst.ImportStar
    ):
        for alias in node.names:
            name = alias.evaluated_alias or alias.evaluated_name.partition(".")[0]
            yield name, node
    elif isinstance(node, (cst.MatchAs, cst.MatchStar)) and node.name is not None:
        yield node.name.value, node
    elif isinstance(node, (cst.Global, cst.Nonlocal)):
        for item in node.names:
            yield item.name.value, node
    for child in parts(node):
        yield from _bindings(child)


def _targets(node: cst.CSTNode) -> list[cst.CSTNode]:
    if isinstance(node, cst.Assign):
        return [target.target for target in node.targets]
    if isinstance(node, (cst.AnnAssign, cst.AugAssign, cst.For, cst.NamedExpr, cst.Del)):
        return [node.target]
    if isinstance(node, cst.CompFor):
        return []  # its names are the comprehension's own
    if isinstance(node, cst.WithItem) and node.asname is not None:
        return [node.asname.name]
    if isinstance(node, cst.ExceptHandler) and node.name is not None:
        return [node.name.name]
    return []


def target_names(target: cst.CSTNode) -> Iterator[str]:
    """The plain names that a target binds."""
    if isinstance(target, cst.Name):
        yield target.value
    elif isinstance(target, (cst.Tuple, cst.List)):
        for element in target.elements:
            yield from target_names(element.value)


def is_bound(name: str, levels: Sequence[Level], parameters: Iterable[str]) -> bool:
    """Whether a name is surely bound where the first of `levels` begins to run its statement."""
    if name in parameters:
        return True
    for number, level in enumerate(levels):
        if number and name in _header_names(level.statement):
            return True
        if any(name in _sure_names(before) for before in level.block.body[: level.index]):
            return True
    return False


def _header_names(statement: Any) -> set[str]:
    """What the head of a compound statement has bound where its body runs."""
    if isinstance(statement, cst.For):
        return set(target_names(statement.target))
    if isinstance(statement, cst.With):
        names = [item.asname.name for item in statement.items if item.asname is not None]
        return {name for target in names for name in target_names(target)}
    return set()


def _sure_names(statement: Any) -> set[str]:
    """The names that are bound once a statement has run to its end."""
    if isinstance(statement, cst.SimpleStatementLine):
        found: set[str] = set()
        for small in statement.body:
            if isinstance(small, cst.AnnAssign) and small.value is None:
                continue
            if isinstance(small, (cst.Assign, cst.AnnAssign)):
                found |= {name for target in _targets(small) for name in target_names(target)}
            elif isinstance(small, cst.Del):
                found -= set(target_names(small.target))
        return found
    if isinstance(statement, cst.If) and isinstance(statement.orelse, (cst.If, cst.Else)):
        return _block_names(statement.body) & (
            _sure_names(statement.orelse)
            if isinstance(statement.orelse, cst.If)
            else _block_names(statement.orelse.body)
        )
    return set()


def _block_names(suite: cst.BaseSuite) -> set[str]:
    if not isinstance(suite, cst.IndentedBlock):
        return set()
    return {name for statement in suite.body for name in _sure_names(statement)}


def parameters_of(function: cst.CSTNode) -> set[str]:
    """The parameters of a function; none of a module."""
    if not isinstance(function, cst.FunctionDef):
        return set()
    params = function.params
    found = {p.name.value for p in (*params.posonly_params, *params.params, *params.kwonly_params)}
    if isinstance(params.star_arg, cst.Param):
        found.add(params.star_arg.name.value)
    if params.star_kwarg is not None:
        found.add(params.star_kwarg.name.value)
    return found
