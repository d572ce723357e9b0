"""Which names of a function can matter: those through which a waited task may pass.

A flow-insensitive over-approximation: names are connected by the assignments, loops and mutations
that may carry a task from one to the other. States hold nothing for any other name, and that is
what keeps them few.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any

from flake8_asyncwait.analysis import ir

# Calls whose result holds what their arguments or their receiver hold.
CARRIERS = frozenset(
    "list set tuple frozenset sorted reversed dict map filter chain from_iterable cast zip "
    "enumerate iter next min max ensure_future gather shield wait wait_for as_completed copy "
    "union difference intersection symmetric_difference keys values items pop popleft popitem get "
    "wrap_future partial deque islice repeat create_task Task".split()
)
_MUTATORS = frozenset("append add extend update insert appendleft setdefault extendleft".split())


def children(node: Any) -> Iterator[Any]:
    """The ir nodes directly inside a node, nested functions excepted."""
    for slot in fields(node):
        value = getattr(node, slot.name)
        if isinstance(value, ir.Func):
            continue
        yield from _nodes(value)


def _nodes(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for item in value:
            yield from _nodes(item)
    elif is_dataclass(value) and not isinstance(value, ir.Func):
        yield value


def walk(statements: list[ir.Stmt]) -> Iterator[Any]:
    """All nodes of a block, outer ones first, nested functions excepted."""
    queue: list[Any] = list(statements)
    while queue:
        node = queue.pop()
        yield node
        queue.extend(children(node))


def last_name(func: ir.Expr) -> str | None:
    """The last component of a callee's name."""
    if isinstance(func, ir.Attr):
        return func.name
    return func.id if isinstance(func, ir.Name) else None


def carried(node: Any, follows: Callable[[ir.Call], bool]) -> set[str]:
    """The names and dotted paths whose value the value of an expression may hold.

    `follows` says of a call that is no carrier whether its arguments may come back all the same.
    """
    if isinstance(node, ir.Name):
        return {node.id}
    if isinstance(node, ir.Attr):
        return {".".join(node.path)} if node.path is not None else carried(node.value, follows)
    if isinstance(node, ir.Lambda):
        return set(node.func.mentions)
    if isinstance(node, ir.Call):
        return _carried_by_call(node, follows)
    if isinstance(node, (ir.Compare, ir.Const, ir.Not)) or node is None:
        return set()
    found: set[str] = set()
    for child in children(node):
        found |= carried(child, follows)
    return found


def _carried_by_call(node: ir.Call, follows: Callable[[ir.Call], bool]) -> set[str]:
    if last_name(node.func) not in CARRIERS and not follows(node):
        return set()
    found: set[str] = set()
    for arg in node.args:
        found |= carried(arg.value, follows)
    if isinstance(node.func, ir.Attr):
        found |= carried(node.func.value, follows)
    return found


def relevant_names(
    func: ir.Func, sites: list[ir.Call], follows: Callable[[ir.Call], bool]
) -> frozenset[str]:
    """The names of `func` that may hold a waited task or part of a result of one of `sites`,
    and those bound to a constant that a condition tests."""
    groups = list(_groups(func, follows))
    names: set[str] = set()
    for site in sites:
        for arg in site.args:
            names |= carried(arg.value, follows)
    site_set = {id(site) for site in sites}
    for owner in _functions(func):
        for node in walk(owner.body):
            if isinstance(node, (ir.Assign, ir.Walrus)) and _holds(node.value, site_set):
                names |= _targets(node)
    changed = True
    while changed:
        changed = False
        for group in groups:
            if group & names and not group <= names:
                names |= group
                changed = True
    return frozenset(names | tested_constants(func) | _asked(func))


def _functions(func: ir.Func) -> Iterator[ir.Func]:
    yield func
    for nested in func.nested:
        yield from _functions(nested)


def _holds(node: Any, sites: set[int]) -> bool:
    return id(node) in sites or any(_holds(child, sites) for child in children(node))


def _targets(node: ir.Assign | ir.Walrus) -> set[str]:
    targets = node.targets if isinstance(node, ir.Assign) else [node.target]
    return {name for target in targets for name in target_names(target)}


def target_names(target: Any) -> Iterator[str]:
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


def _groups(func: ir.Func, follows: Callable[[ir.Call], bool]) -> Iterator[set[str]]:
    """Sets of names that one construct ties together."""
    for owner in _functions(func):
        for node in walk(owner.body):
            if isinstance(node, ir.Assign):
                names = carried(node.value, follows)
                for target in node.targets:
                    names |= set(target_names(target)) | _key_names(target, follows)
                yield names
            elif isinstance(node, ir.AugAssign):
                yield set(target_names(node.target)) | carried(node.value, follows)
            elif isinstance(node, ir.Walrus):
                yield {node.target.id} | carried(node.value, follows)
            elif isinstance(node, (ir.For, ir.Clause)):
                yield set(target_names(node.target)) | carried(node.iter, follows)
            elif isinstance(node, ir.With) and node.target is not None:
                yield set(target_names(node.target)) | carried(node.item, follows)
            elif isinstance(node, ir.Match):
                binds = {name for case in node.cases for name in case.binds}
                yield binds | carried(node.subject, follows)
            elif isinstance(node, ir.Call):
                yield _call_group(node, follows)
        if owner is not func:
            yield {owner.name} | (owner.mentions & func.locals)


def _key_names(target: ir.Target, follows: Callable[[ir.Call], bool]) -> set[str]:
    return carried(target.index, follows) if isinstance(target, ir.Subscript) else set()


def _call_group(node: ir.Call, follows: Callable[[ir.Call], bool]) -> set[str]:
    if not isinstance(node.func, ir.Attr) or node.func.name not in _MUTATORS:
        return set()
    names = carried(node.func.value, follows)
    for arg in node.args:
        names |= carried(arg.value, follows)
    return names


def _asked(func: ir.Func) -> set[str]:
    """The names of tasks, waited for or not, that a function asks for a result or to cancel: asking
    a task that is not done raises, and so does awaiting one that was asked to cancel."""
    made: set[str] = set()
    asked: set[str] = set()
    cancelled: set[str] = set()
    for node in walk(func.body):
        if isinstance(node, ir.Assign) and isinstance(node.value, ir.Call):
            if last_name(node.value.func) in ("create_task", "ensure_future", "Task"):
                made |= {name for target in node.targets for name in target_names(target)}
        elif isinstance(node, ir.Call) and isinstance(node.func, ir.Attr):
            if isinstance(node.func.value, ir.Name):
                if node.func.name in ("result", "exception"):
                    asked.add(node.func.value.id)
                elif node.func.name == "cancel":
                    cancelled.add(node.func.value.id)
    return (made & asked) | cancelled


def tested_constants(func: ir.Func) -> set[str]:
    """The names that a function binds to a constant somewhere and tests somewhere."""
    constants: set[str] = set()
    tested: set[str] = set()
    for owner in _functions(func):
        for node in walk(owner.body):
            if isinstance(node, ir.Assign) and isinstance(node.value, ir.Const):
                constants |= {name for target in node.targets for name in target_names(target)}
            elif isinstance(node, (ir.If, ir.While, ir.IfExp, ir.Assert)):
                tested |= _mentioned(node.test)
            elif isinstance(node, ir.Match):
                tested |= _mentioned(node.subject)
    return constants & tested


def _mentioned(node: Any) -> set[str]:
    found = {node.id} if isinstance(node, ir.Name) else set()
    for child in children(node):
        found |= _mentioned(child)
    return found
