"""Runs expressions and blocks: each node by the rule that is registered for its type.

`run_block` returns the states that go on; abrupt ends go to the context's flow.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.machine.loss import (
    collect,
    holds_losable,
    is_open,
    merge,
    settle_ended,
)
from flake8_asyncwait.analysis.machine.machine import Context, Machine, Results
from flake8_asyncwait.analysis.states.state import SOME, TESTED, State
from flake8_asyncwait.analysis.states.values import Value

Rule = Callable[[Machine, Any, State, Context], Results]
SimpleRule = Callable[[Machine, Any, State, Context], list[State]]
BlockRule = Callable[[Machine, Any, list[State], Context], list[State]]
R = TypeVar("R")

_EXPRESSIONS: dict[type, Rule] = {}
_SIMPLE: dict[type, SimpleRule] = {}
_COMPOUND: dict[type, BlockRule] = {}


def evaluates(kind: type) -> Callable[[Rule], Rule]:
    """Register the rule for a kind of expression."""
    return partial(_register, _EXPRESSIONS, kind)


def executes(kind: type) -> Callable[[SimpleRule], SimpleRule]:
    """Register the rule for a kind of simple statement, which runs in one state at a time."""
    return partial(_register, _SIMPLE, kind)


def executes_all(kind: type) -> Callable[[BlockRule], BlockRule]:
    """Register the rule for a kind of compound statement, which runs in all states at once, so
    that what they come to share is run once."""
    return partial(_register, _COMPOUND, kind)


def _register(rules: dict[type, R], kind: type, rule: R) -> R:
    rules[kind] = rule
    return rule


def evaluate(machine: Machine, node: ir.Expr, state: State, ctx: Context) -> Results:
    """All ways in which an expression may be evaluated."""
    machine.books.tick(state.weight)
    return _EXPRESSIONS[type(node)](machine, node, state, ctx)


def evaluate_all(
    machine: Machine, nodes: list[ir.Expr], state: State, ctx: Context
) -> list[tuple[State, list[Value]]]:
    """Evaluate several expressions one after the other."""
    ways: list[tuple[State, list[Value]]] = [(state, [])]
    for node in nodes:
        ways = [
            (after, [*values, value])
            for before, values in ways
            for after, value in evaluate(machine, node, before, ctx)
        ]
    return ways


def run_block(
    machine: Machine, body: list[ir.Stmt], states: list[State], ctx: Context
) -> list[State]:
    """Run statements one after the other; returns the states that reach the end."""
    for statement in body:
        if not states:
            return states
        if ctx.frame.func is machine.func:
            machine.line = statement.line
            if id(statement) in machine.idle:
                continue
        machine.books.tick(len(states))
        compound = _COMPOUND.get(type(statement))
        if compound is not None:
            ends = compound(machine, statement, states, ctx)
        else:
            simple = _SIMPLE[type(statement)]
            ends = [end for state in states for end in simple(machine, statement, state, ctx)]
        passed = _is_passed(machine, statement, ctx)
        if len(ends) > 1 or passed:
            ends = [forget(machine, end, statement, ctx) for end in ends]
        states = merge(machine, ends, statement.line)
        if passed:  # only what still holds a task of the site tells anything
            states = [collect(machine, one, statement.line) for one in states]
            states = [one for one in states if is_open(machine, one)]
    return states


def _is_passed(machine: Machine, statement: ir.Stmt, ctx: Context) -> bool:
    """Whether no execution comes to the site any more behind a statement of the function.

    No verdict depends on it. It saves a fifth of the time on the labelled corpus.
    """
    if ctx.frame.func is not machine.func or machine.books.is_thorough:
        return False
    return not machine.facts.liveness.is_reached_after(machine.site.call, statement)


def forget(machine: Machine, state: State, statement: ir.Stmt, ctx: Context) -> State:
    """Forget what nothing after a statement of the function reads or asks."""
    if ctx.frame.func is not machine.func:
        return state
    if not machine.facts.liveness.asked_after(statement):
        state = settle_ended(state)
    dead = [name for name in state.env if _is_dead(machine, name, statement)]
    if not dead:
        return state
    return state.unbind(*(n for n in dead if not _is_kept(machine, n, state, statement)))


def _is_dead(machine: Machine, name: str, statement: ir.Stmt) -> bool:
    """Whether a name is not read any more."""
    if name.startswith((SOME, TESTED)):
        name = name.partition(":")[2].partition(".")[0]
    elif not name.isidentifier():
        return False
    return not machine.facts.liveness.is_read_after(name, statement)


def _is_kept(machine: Machine, name: str, state: State, statement: ir.Stmt) -> bool:
    """Whether a name that is not read any more still holds a task that may be lost: then it is
    remembered until it is bound again, and its task is lost there, or when the function
    ends. While a result is not bound yet, a cleanup may still come to read it (AWT103)."""
    if not holds_losable(state, state.env[name]):
        return False
    return bool(state.stale) or not machine.facts.liveness.is_bound_after(name, statement)
