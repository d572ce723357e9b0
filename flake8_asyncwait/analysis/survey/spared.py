"""Waits that no rule can find anything of, whatever the executions are: they need not be run.

They are those without a limit for tasks that are all made in place. Of nothing else is so much
known by its text.
"""

from __future__ import annotations

from collections.abc import Sequence

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.program import Program
from flake8_asyncwait.analysis.code.walk import bound_names, every
from flake8_asyncwait.analysis.semantics import known


def waits_for_all(program: Program, func: ir.Func, call: ir.Call) -> bool:
    """Whether a call is an awaited `asyncio.wait(tasks)`, without a limit, for what can be nothing
    but tasks."""
    if program.qualified(func, call.func) != known.WAIT or len(call.args) != 1:
        return False
    given, nodes = call.args[0], every(func)
    is_awaited = any(isinstance(node, ir.Await) and node.value is call for node in nodes)
    if given.star or given.keyword is not None or not is_awaited:
        return False
    if any(isinstance(node, ir.Call) and _is_timeout(program, func, node) for node in nodes):
        return False
    return _are_tasks(program, func, _bound(func, call))


def _is_timeout(program: Program, func: ir.Func, call: ir.Call) -> bool:
    return known.is_timeout(call) or program.qualified(func, call.func) in known.TIMEOUTS


def _bound(func: ir.Func, call: ir.Call) -> ir.Expr:
    """What the name that a wait is given is bound to, if a function binds it once and does nothing
    to what it holds; else what the wait is given."""
    value = call.args[0].value
    if not isinstance(value, ir.Name) or _is_touched(func, call, value.id):
        return value
    binding = [node for node in every(func) if value.id in bound_names(node)]
    only = binding[0] if len(binding) == 1 else None
    if isinstance(only, ir.Assign) and [type(target) for target in only.targets] == [ir.Name]:
        return only.value
    return value


def _is_touched(func: ir.Func, call: ir.Call, name: str) -> bool:
    """Whether a function may change what a name of it holds, or others can: it does anything with
    it but to wait for it and to look at its items."""
    if name in func.params or any(name in nested.mentions for nested in func.nested):
        return True
    nodes = every(func)
    seen = [part for node in nodes for part in _looked_at(node, call)]
    named = (node for node in nodes if isinstance(node, ir.Name) and node.id == name)
    return any(all(node is not part for part in seen) for node in named)


def _looked_at(node: ir.Node, call: ir.Call) -> Sequence[ir.Node]:
    """What a node binds, or takes the items of and leaves as it is."""
    if isinstance(node, ir.Assign):
        return node.targets
    if isinstance(node, (ir.For, ir.Clause)):
        return [node.iter]
    if isinstance(node, ir.Call):
        return [arg.value for arg in node.args if arg.star or node is call]
    return []


def _are_tasks(program: Program, func: ir.Func, value: ir.Expr) -> bool:
    """Whether an expression is a collection of tasks that it makes."""
    if isinstance(value, ir.Comprehension):
        elements = [value.element] if value.key is None else []
    else:
        shown = value.elements if isinstance(value, ir.Display) else []
        elements = [element for element, is_starred in shown if not is_starred]
        elements *= len(elements) == len(shown)
    made = (isinstance(one, ir.Call) and _makes(program, func, one) for one in elements)
    return bool(elements) and all(made)


def _makes(program: Program, func: ir.Func, call: ir.Call) -> bool:
    row = known.FUNCTIONS.get(program.qualified(func, call.func) or "", known.UNKNOWN_CALL)
    return known.MAKES in row.traits
