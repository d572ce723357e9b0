"""Dicts that are keyed by tasks: what is kept in them beside the tasks comes to no wait.

`inflight[task] = job, slot`, `asyncio.wait(inflight)` and `job, slot = inflight.pop(task)`. Without
this, nothing is known of a wait for the keys of a dict whose values many conditions are about (a
worker of trl).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.walk import MEMBERSHIP, every
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.indexes import lookups
from flake8_asyncwait.named import NamedTuple

# The suffix of the name that stands for a dict's values.
VALUES = "[]"


class Entry(NamedTuple):
    """`name[key] = value`, the value being a tuple display."""

    name: str
    key: ir.Expr
    value: ir.Display


def keyed(func: ir.Func, sites: Collection[ir.Call]) -> frozenset[str]:
    """The names of a function's dicts that hold tuples, of which nothing but keys is taken, and
    tuples one by one that are taken apart."""
    plain = Counter(name for node in every(func) for name in _made(node))
    if not plain:
        return frozenset()
    made = {*plain}
    captured = func.captured
    uses: Counter[str] = Counter()
    for node in every(func):
        if isinstance(node, ir.Name):
            uses[node.id] += 1
        elif isinstance(node, ir.DefineClass):
            captured |= node.mentions
        plain.update(one.id for one in _of_keys(node, sites) if isinstance(one, ir.Name))
    found = made & func.locals - captured - func.outer
    return frozenset(name for name in found if uses[name] == plain[name])


def _made(node: object) -> Iterator[str]:
    """The names that a node binds to an empty dict."""
    if isinstance(node, ir.Assign) and isinstance(node.value, ir.DictDisplay):
        if not node.value.items:
            yield from (target.id for target in node.targets if isinstance(target, ir.Name))


def entry(node: object) -> Entry | None:
    """What a node enters in a dict, if it does and does nothing else."""
    if isinstance(node, ir.Assign) and len(node.targets) == 1:
        (target,), value = node.targets, node.value
        if isinstance(target, ir.Subscript) and isinstance(target.value, ir.Name):
            if isinstance(value, ir.Display) and value.kind is tuple:
                return Entry(target.value.id, target.index, value)
    return None


def taken_apart(node: object) -> str:
    """The name of the dict of which a node takes a value apart; "" where it does not."""
    if not isinstance(node, ir.Assign) or not all(isinstance(t, ir.Unpack) for t in node.targets):
        return ""
    owner = _looked_up(node.value)
    return owner.id if isinstance(owner, ir.Name) else ""


def with_owners(names: Collection[str]) -> frozenset[str]:
    """Some names, in which the dicts themselves stand for their values."""
    return frozenset(name.removesuffix(VALUES) for name in names)


def _looked_up(value: ir.Expr) -> ir.Expr | None:
    """What an expression takes one value of, by its key."""
    return next((owner for owner, _ in lookups([value])), None)


def _of_keys(node: object, sites: Collection[ir.Call]) -> Iterator[ir.Expr | None]:
    """What a node takes nothing but keys of, or a value that it takes apart or drops."""
    if (entered := entry(node)) is not None:
        yield ir.Name(entered.name)
    elif name := taken_apart(node):
        yield ir.Name(name)
    elif isinstance(node, ir.ExprStmt):
        yield _looked_up(node.value)
    elif isinstance(node, ir.Delete):
        yield from (each.value for each in node.targets if isinstance(each, ir.Subscript))
    elif isinstance(node, ir.Call):
        of_keys = node in sites or known.has(node, known.SIZES)
        yield from (arg.value for arg in node.args if of_keys or arg.star == 1)
    elif isinstance(node, (ir.For, ir.Clause)):
        yield node.iter
    elif isinstance(node, (ir.If, ir.While)):
        yield node.test
    elif isinstance(node, ir.Not):
        yield node.value
    elif isinstance(node, ir.Compare) and node.op in MEMBERSHIP:
        yield node.right
