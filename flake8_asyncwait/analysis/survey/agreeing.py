"""Of which names the tests of a function agree with each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.walk import (
    bound_names,
    every,
    functions_in,
    question,
    target_names,
    tested,
    walk,
)
from flake8_asyncwait.analysis.states.trace import NO, YES, Trace


def tested_again(func: ir.Func) -> frozenset[str]:
    """The names and dotted paths that a function tests more than once, for truth or for None: what
    one test has found the next one finds too, unless an assignment binds the name in between.

    What others may bind anew while time passes is not among them: globals, and names of enclosing
    functions but for parameters that stay as they were; attributes are while no time passes.
    """
    loops = (node for node in every(func) if isinstance(node, (ir.While, ir.For)))
    looped = {id(node) for loop in loops for node in walk([loop])}
    tests: Counter[str] = Counter()
    bound: Counter[str] = Counter(func.params)
    otherwise: set[str] = set()
    for node in every(func):
        times = 2 if id(node) in looped else 1
        if isinstance(node, (ir.If, ir.While, ir.IfExp, ir.Assert)):
            for name in tested(node.test):
                tests[name] += times
        for name in _rebound(node):
            bound[name] += times
            if not isinstance(node, (ir.Assign, ir.AugAssign, ir.Walrus, ir.For)):
                otherwise.add(name)
    for nested in func.nested:
        bound.update(dict.fromkeys(nested.outer, 2))
        otherwise |= nested.outer
    seen = func.locals - func.outer - {name for name in otherwise if bound[name] > 1}
    seen |= _fixed_around(func) - func.locals
    return frozenset(n for n, count in tests.items() if count > 1 and _stays(n, bound, seen))


def _fixed_around(func: ir.Func) -> set[str]:
    """The parameters of the functions around a function that nothing binds anew."""
    outer = func.parent
    if outer is None:
        return set()
    changed = outer.rebound.union(*(each.outer for each in functions_in(outer)))
    return (_fixed_around(outer) - outer.locals) | (set(outer.params) - changed)


def _stays(name: str, bound: Counter[str], seen: Collection[str]) -> bool:
    """Whether a run sees where a name of the function is bound, or a dotted path is not bound at
    all, nor its first name more than once."""
    root = name.partition(".")[0]
    return name in seen if name == root else bound[root] < 2 and not bound[name]


def contradicts(func: ir.Func, names: Collection[str], history: Trace) -> bool:
    """Whether an execution answers a question about one of some names in two ways. It may have
    bound the name anew in between."""
    tests = {node.line: node.test for node in every(func) if isinstance(node, (ir.If, ir.While))}
    answers: dict[tuple[object, ...], bool] = {}
    for step in history.steps():
        test, holds = tests.get(step.line), step.choice == YES
        if test is None or step.choice not in (YES, NO):
            continue
        while isinstance(test, ir.Not):
            test, holds = test.value, not holds
        name, asked, than, expected = question(test)
        answer = holds == expected
        if name in names and answers.setdefault((name, asked, than), answer) != answer:
            return True
    return False


def constants(func: ir.Func) -> tuple[set[str], set[str]]:
    """The names that a function binds to a constant somewhere: those that are flags, which are
    bound to True or False, and the others."""
    flags: set[str] = set()
    others: set[str] = set()
    for node in every(func):
        if isinstance(node, ir.Assign) and isinstance(node.value, ir.Const):
            names = flags if isinstance(node.value.value, bool) else others
            names |= bound_names(node)
    return flags, others - flags


def _rebound(node: ir.Node) -> Iterator[str]:
    """The names and dotted paths that a node binds or deletes."""
    yield from bound_names(node)
    if isinstance(node, ir.Delete):
        for target in node.targets:
            yield from target_names(target)
    elif isinstance(node, ir.Handler) and node.name is not None:
        yield node.name
    elif isinstance(node, ir.Case):
        yield from node.binds
    elif isinstance(node, ir.Define):
        yield node.func.name
