"""Which statements of a function cannot touch what states remember: they are not run.

No verdict depends on it. It saves an eighth of the time on the labelled corpus. Where a function
waits for one thing after the other, each run begins where its own tasks do.
"""

from __future__ import annotations

from dataclasses import dataclass

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.facts import Facts
from flake8_asyncwait.analysis.code.walk import (
    TELLING,
    blocks,
    changed_by,
    last_name,
    never_suspends,
    own_nodes,
    paths,
    suspends,
    tested,
    walk,
)
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


def idle_statements(
    func: ir.Func, facts: Facts, tested_again: frozenset[str] = frozenset()
) -> frozenset[int]:
    """The ids of the idle statements of a function. `tested_again` are the names and dotted paths
    whose tests have to agree."""
    idle = _Idle(
        facts.relevant | {nested.name for nested in func.nested},
        facts.helpers,
        frozenset(id(site.call) for site in facts.sites),
        tested_again,
    )
    found: set[int] = set()
    idle.collect(func.body, found)
    return frozenset(found)


def passed_through(
    func: ir.Func, facts: Facts, tested_again: frozenset[str] = frozenset()
) -> Passed:
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


@dataclass(frozen=True, slots=True)
class _Idle:
    """What makes a node matter: the names that are watched, the helpers that are looked into."""

    watched: frozenset[str]
    helpers: frozenset[str]
    sites: frozenset[int]
    tested_again: frozenset[str]

    def collect(
        self, body: list[ir.Stmt], found: set[int], expected: bool = False
    ) -> tuple[bool, bool]:
        """Enter the idle statements of a block, and of the blocks in it. It may be `expected` of
        plain calls in it that they raise. Returns whether all its nodes are idle, and whether it
        holds such a call."""
        all_idle, any_plain = True, False
        for statement in body:
            nodes = list(own_nodes(statement))
            idle = all(map(self._is_idle, nodes))
            plain = any(isinstance(node, (ir.Call, ir.Subscript)) for node in nodes)
            for block in blocks(statement):
                inside = isinstance(statement, ir.Try) and block is statement.body
                looked = self.collect(block, found, expected or (inside and never_suspends(block)))
                idle, plain = idle and looked[0], plain or looked[1]
            if idle and not (expected and plain):
                found.add(id(statement))
            all_idle, any_plain = all_idle and idle, any_plain or plain
        return all_idle, any_plain

    def _is_idle(self, node: object) -> bool:
        if isinstance(node, TELLING):
            return False
        if suspends(node):
            return False
        if isinstance(node, ir.Assert):
            return self.tested_again.isdisjoint(tested(node.test))
        if isinstance(node, ir.Name):
            return node.id not in self.watched
        if isinstance(node, ir.Attr) and node.path is not None:
            return ".".join(node.path) not in self.watched
        if isinstance(node, ir.Call):
            if known.has(node, known.CANCELS) or id(node) in self.sites:
                return False
            return last_name(node.func) not in self.helpers and not changed_by(
                node, self.tested_again
            )
        if isinstance(node, ir.Case):
            return self.watched.isdisjoint(node.binds)
        if isinstance(node, ir.Handler) and node.name is not None:
            return node.name not in self.watched
        return True
