"""What a function may want to run on: who cancels that may break the program, so it is the user's
to decide."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

import libcst as cst

from flake8_asyncwait.analysis.code.walk import close
from flake8_asyncwait.analysis.semantics.known import LOG_METHODS
from flake8_asyncwait.fix.proof.examine import Seen
from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.names import (
    bindings,
    every_name,
    parameters_of,
    reads,
    target_names,
    variables,
)
from flake8_asyncwait.fix.tree.nodes import every, holds, parts
from flake8_asyncwait.fix.tree.place import Place
from flake8_asyncwait.fix.ways import aims
from flake8_asyncwait.fix.ways.handshake import started
from flake8_asyncwait.fix.ways.loops import asked, cancelled
from flake8_asyncwait.fix.ways.reasons import WITHOUT_FAULT

_GOES_ON = frozenset({"the function returns", "the function ends"})


def why_not_stopped(own: Seen, place: Place) -> str | None:
    """The fact that forbids to cancel what runs on after a site, or None: the function cancels it
    only where its caller wants that, or never and may want just this."""
    waited = aims.waited_of(place.call)
    if own.code in WITHOUT_FAULT:
        test = next(_choices(place, _names_of(place, waited)), None)
        if test is not None:
            told = " ".join(layout.code(test).split())
            names = parameters_of(place.function)
            is_wish = any(name in names for name in _operands(test))
            wanted = "where the caller wants that" if is_wish else "on a condition"
            return f"it cancels only {wanted}: if {told}"
    if own.code != "AWT101" or waited is None or not _goes_on(own):
        return None
    kept = {own.notes.label(origin) for origin, lines in own.notes.cancelled_on.items() if lines}
    for name, sign in started(place, waited):
        if f"'{name}'" not in kept:
            what = f"{name} may run on once {sign} is done"
            return f"only you know whether {what}: cancel it then, or keep it"
    return None if kept else _why_not_timed_out(place, waited)


def _cancels(node: cst.CSTNode) -> bool:
    return "cancel" in every_name(node)


def _goes_on(own: Seen) -> bool:
    """Whether the function comes to its end without a fault, and leaves a task behind."""
    lost = ((leak, trace.what) for leak, trace in own.notes.leaks.items() if leak.kind == "lost")
    return any(what in _GOES_ON and not leak.fault for leak, what in lost)


def _names_of(place: Place, waited: cst.BaseExpression | None) -> set[str]:
    """The names by which a function has the tasks that a site waits for, or makes."""
    function = place.function
    given = aims.puts(function, waited.value) if isinstance(waited, cst.Name) else ()
    held = {each.value for _, each in given if isinstance(each, cst.Name)}
    names = {*(variables(waited) if waited is not None else ()), *aims.waited_names(place)}
    names = (names | held | _bound(place)) - parameters_of(function)
    loops = [node for node in every(function) if isinstance(node, (cst.For, cst.CompFor))]
    return names.union(*(target_names(each.target) for each in loops if reads(each.iter, names)))


def _bound(place: Place) -> set[str]:
    """The names that the result of a site is bound to at once."""
    assignments = (node for node in place.path if isinstance(node, cst.Assign))
    return {name for node in assignments for name, _ in bindings(node)}


class _Choice(NamedTuple):
    """A place where a function goes one way or another: the test, and the ways."""

    test: cst.BaseExpression
    ways: tuple[cst.CSTNode, ...]


def _choices(place: Place, tasks: set[str]) -> Iterator[cst.BaseExpression]:
    """The tests of a function by which its caller, or its object, says whether it cancels some
    tasks: there, or by going on."""
    function = place.function
    parameters, switches = parameters_of(function), _switches(function)
    wishes = _parts_of(function, parameters) - tasks
    for node in every(function):
        choice = _choice(node)
        if choice is None or node in place.path:
            continue
        operands = {*_operands(choice.test)}
        wanted = {each for each in operands if re.split(r"\W", each)[0] in wishes}
        cancelling = [each for each in choice.ways if _cancels(each) and reads(each, tasks)]
        only_cancels = any(_only_cancels(each, parameters) for each in cancelling)
        is_behind = place.lines_of(node)[0] > place.lines_of(place.call)[1]
        leaves = is_behind and isinstance(node, cst.If) and holds(node.body, cst.Return)
        leaves = leaves and _cancels(function)
        if wanted and (only_cancels or (wanted & switches and (cancelling or leaves))):
            yield choice.test


def _parts_of(function: cst.CSTNode, names: set[str]) -> set[str]:
    """Some names, and those that a function binds to parts of what has them, such as
    `kill = self.kill`."""
    binders = (cst.Assign, cst.AnnAssign, cst.NamedExpr)
    assigned = [node for node in every(function) if isinstance(node, binders)]
    edges = [
        (root, n) for each in assigned for root in _roots(each.value) for n, _ in bindings(each)
    ]
    found = {*names}
    close(found, edges)
    return found


def _roots(node: cst.CSTNode | None) -> set[str]:
    """The names that an expression, or each item of a tuple, begins with."""
    if isinstance(node, cst.Tuple):
        return {_root_of(element.value) for element in node.elements}
    return {_root_of(node)}


def _root_of(node: cst.CSTNode | None) -> str:
    """The name that an expression such as `opts.get("kill")` begins with, or ""."""
    while isinstance(node, (cst.Attribute, cst.Subscript, cst.Call)):
        node = node.func if isinstance(node, cst.Call) else node.value
    return node.value if isinstance(node, cst.Name) else ""


def _choice(node: cst.CSTNode) -> _Choice | None:
    """What a statement or an expression chooses between, if that is what it does."""
    if isinstance(node, cst.If):
        orelse = (node.orelse,) if node.orelse is not None else ()
        return _Choice(node.test, (node.body, *orelse))
    if isinstance(node, cst.IfExp):
        return _Choice(node.test, (node.body, node.orelse))
    if isinstance(node, cst.BooleanOperation):
        return _Choice(node.left, (node.right,))
    if isinstance(node, cst.Match):
        return _Choice(node.subject, tuple(case.body for case in node.cases))
    return None


def _only_cancels(way: cst.CSTNode, parameters: set[str]) -> bool:
    """Whether a way does nothing but cancel tasks, none of them a parameter."""
    if isinstance(way, cst.IndentedBlock):
        names = set(map(cancelled, way.body))
    elif isinstance(way, cst.SimpleStatementSuite):
        names = {asked(getattr(each, "value", None), "cancel") for each in way.body}
    else:
        names = {asked(way, "cancel")}
    return None not in names and not names & parameters


def _switches(function: cst.CSTNode) -> set[str]:
    """The parameters of a function that it only tests, or tells of."""
    uses = Counter(_uses(function.body)) if isinstance(function, cst.FunctionDef) else Counter()
    tested = Counter(name for node in _ifs(function) for name in _operands(node.test))
    return {name for name in parameters_of(function) if uses[name] == tested[name] > 0}


def _uses(node: cst.CSTNode) -> Iterator[str]:
    """The names that a tree mentions, but for what it writes."""
    if isinstance(node, cst.FormattedString):
        return
    if isinstance(node, cst.Call) and aims.last_name(node.func) in LOG_METHODS:
        return
    if isinstance(node, cst.Name):
        yield node.value
    for part in [node.value] if isinstance(node, (cst.Attribute, cst.Arg)) else parts(node):
        yield from _uses(part)


def _ifs(node: cst.CSTNode) -> Iterator[cst.If]:
    return (each for each in every(node) if isinstance(each, cst.If))


def _operands(test: cst.BaseExpression) -> Iterator[str]:
    """The names, and parts of what has one, whose truth a test asks, that it compares, or of which
    it calls something."""
    if isinstance(test, (cst.Name, cst.Attribute, cst.Subscript, cst.Call)):
        yield layout.code(test)
        for argument in test.args if isinstance(test, cst.Call) else ():
            yield from _operands(argument.value)
    elif isinstance(test, (cst.UnaryOperation, cst.Await)):
        yield from _operands(test.expression)
    elif isinstance(test, cst.BooleanOperation):
        yield from _operands(test.left)
        yield from _operands(test.right)
    elif isinstance(test, cst.Comparison):
        yield from _operands(test.left)


def _why_not_timed_out(place: Place, waited: cst.BaseExpression) -> str | None:
    """The fact that forbids to cancel the one task that a time limit has let run on, or None: who
    asks whether it has ended, goes on either way, as a `wait_for` would end it."""
    elements = aims.elements_of(waited)
    if elements is None or len(elements) != 1:
        return None
    if not _is_tested(place.function, _bound(place) | every_name(elements[0])):
        return None
    name = layout.code(elements[0])
    return f"only you know whether {name} may run on after the timeout: cancel it then, or keep it"


def _is_tested(node: cst.CSTNode, names: frozenset[str] | set[str]) -> bool:
    """Whether an `if` or a `while` asks something of some names."""
    tests = (each.test for each in every(node) if isinstance(each, (cst.If, cst.While)))
    return any(reads(test, names) for test in tests)
