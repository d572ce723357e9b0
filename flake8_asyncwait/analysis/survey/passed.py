"""Which statements of a function are over before anything that a site depends on: a run for it
begins behind them.

No verdict depends on it, but that a bound is hit: of 200 waits of a function, each for tasks of its
own, 115 would be decided.
"""

from __future__ import annotations

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.facts import Facts
from flake8_asyncwait.analysis.code.walk import last_name, paths, tested, walk
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.states.keys import is_attribute

# For each site, the ids of statements.
Passed = dict[ir.Call, frozenset[int]]
# What may end a function without an exception, or keep it, or what gives a name to later code.
_DECISIVE = (
    ir.Return,
    ir.Raise,
    ir.Jump,
    ir.Assert,
    ir.Yield,
    ir.While,
    ir.Try,
    ir.With,
    ir.Match,
    ir.Define,
    ir.DefineClass,
    ir.Lambda,
)


def passed_through(func: ir.Func, facts: Facts, tested_again: frozenset[str]) -> Passed:
    """For each site of a function the ids of the first statements of its body, as many as are over
    before all that the site depends on.

    They leave the function by an exception only, which loses no task of the site, and nothing that
    they mention and that states remember is read behind them.
    """
    passed: Passed = {}
    sites = {site.call for site in facts.sites}
    mentions: set[str] = set()
    before: frozenset[int] = frozenset()
    cancels = False
    for index, statement in enumerate(func.body):
        nodes = list(walk([statement]))
        calls = [node for node in nodes if isinstance(node, ir.Call)]
        passed.update((call, before) for call in calls if call in sites)
        if not all(_is_plain(node, facts, tested_again) for node in nodes):
            break
        cancels = cancels or any(known.has(call, known.CANCELS) for call in calls)
        if cancels and any(isinstance(node, ir.Await) for node in nodes):
            break  # to await what was asked to cancel raises: what follows may never be reached
        called = {id(call.func) for call in calls}
        names = {n.id for n in nodes if isinstance(n, ir.Name) and id(n) not in called}
        mentions |= facts.relevant & (names | paths(statement))
        if not any(_is_read_after(facts, name, statement) for name in mentions):
            before = frozenset(map(id, func.body[: index + 1]))
            mentions.clear()  # what is not read is bound anew before it is read again
            cancels = False
    return {call: passed.get(call, before) for call in sites}


def _is_plain(node: ir.Node, facts: Facts, tested_again: frozenset[str]) -> bool:
    """Whether a node does not end what it is in, and decides nothing for what follows."""
    if isinstance(node, ir.Call):
        return last_name(node.func) not in facts.helpers
    if isinstance(node, (ir.If, ir.IfExp)):
        return tested_again.isdisjoint(tested(node.test))
    return not isinstance(node, _DECISIVE)


def _is_read_after(facts: Facts, name: str, statement: ir.Stmt) -> bool:
    return is_attribute(name) or facts.liveness.is_read_after(name, statement)
