"""Dicts that are keyed by tasks: what is kept in them beside the tasks comes to no wait.

`inflight[task] = job, slot` and `asyncio.wait(inflight)`. Without this, nothing is known of a wait
for the keys of a dict that holds what many conditions are about (a worker of trl).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.walk import bindings, bound_names, every
from flake8_asyncwait.analysis.semantics import known

# How the values of a dict are named, behind its name.
VALUES = "[]"


def keyed(func: ir.Func, sites: Collection[ir.Call]) -> frozenset[str]:
    """The names of a function's dicts of which nothing but keys is taken, but for one value at a
    time."""
    captured = {name for nested in func.nested for name in nested.mentions}
    uses: Counter[str] = Counter()
    plain: Counter[str] = Counter()
    made: set[str] = set()
    for node in every(func):
        if isinstance(node, ir.Name):
            uses[node.id] += 1
        plain.update(one.id for one in _of_keys(node, sites) if isinstance(one, ir.Name))
        if isinstance(node, ir.Assign) and _is_empty_dict(node.value):
            names = [target.id for target in node.targets if isinstance(target, ir.Name)]
            made.update(names)
            plain.update(names)
    found = made & func.locals - captured - func.outer
    return frozenset(name for name in found if uses[name] == plain[name])


def values_taken(node: object, dicts: Collection[str]) -> str:
    """The name of the dict of which a node binds a value; "" where it does not."""
    value = node.value if isinstance(node, (ir.Assign, ir.Walrus)) else None
    if isinstance(value, ir.Call) and isinstance(value.func, ir.Attr):
        value = value.func
    owner = value.value if isinstance(value, (ir.Attr, ir.Subscript)) else None
    return owner.id if isinstance(owner, ir.Name) and owner.id in dicts else ""


def entered(node: object, dicts: Collection[str]) -> Iterator[tuple[str, ir.Expr, ir.Expr]]:
    """The names of the dicts that a node enters a value in, each with the key and the value."""
    for target, value in bindings(node) if isinstance(node, ir.Assign) else ():
        if isinstance(target, ir.Subscript) and bound_names(node) & {*dicts}:
            if isinstance(target.value, ir.Name):
                yield target.value.id, target.index, value


def with_owners(names: Collection[str]) -> frozenset[str]:
    """Some names, in which the dicts themselves stand for their values."""
    return frozenset(name.removesuffix(VALUES) for name in names)


def _is_empty_dict(value: ir.Expr) -> bool:
    return isinstance(value, ir.DictDisplay) and not value.items


def _of_keys(node: object, sites: Collection[ir.Call]) -> Iterator[ir.Expr]:
    """What a node takes keys of, or a single value."""
    if isinstance(node, ir.Subscript):
        yield node.value
    elif isinstance(node, ir.Call):
        if isinstance(node.func, ir.Attr) and known.has(node, known.LOOKS_UP):
            yield node.func.value
        of_keys = node in sites or known.has(node, known.SIZES)
        yield from (arg.value for arg in node.args if of_keys or arg.star == 1)
    elif isinstance(node, (ir.For, ir.Clause)):
        yield node.iter
    elif isinstance(node, (ir.If, ir.While)):
        yield node.test
    elif isinstance(node, ir.Not):
        yield node.value
    elif isinstance(node, ir.Compare) and node.op in ("In", "NotIn"):
        yield node.right
