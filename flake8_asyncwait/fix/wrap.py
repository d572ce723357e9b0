"""The ways to put a `try` around a site whose `finally`, or `except BaseException`, cancels.

What is made here is a proposal: whether it cures the site, and harms nothing, is for the analysis
to say. Its cancels carry `MARK` in the place of `cancel`, so that their lines can be told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, NamedTuple

import libcst as cst

from flake8_asyncwait.analysis.books import WAITED_AGAIN
from flake8_asyncwait.analysis.notes import Use
from flake8_asyncwait.fix import layout
from flake8_asyncwait.fix.cure import EXCEPT, FINALLY
from flake8_asyncwait.fix.loops import cancelled_by, is_loop_variable
from flake8_asyncwait.fix.names import (
    bindings,
    every_name,
    fresh,
    is_bound,
    parameters_of,
    reads,
    target_names,
)
from flake8_asyncwait.fix.place import Level, Place

MARK = "cancel__by_asyncwait_fix"
_MANY_NAMES = 4
# More lines than this are not moved for a `try`: nobody would read them again.
_MOST_MOVED = 25
_TASK = ("task", "waited_task", "pending_task")
_TASKS = ("tasks", "waited_tasks", "waited")
_COLLECTIONS = (cst.Set, cst.List, cst.Tuple, cst.SetComp, cst.ListComp)
_DECLARATIONS = (cst.Global, cst.Nonlocal)
_COPIES = frozenset({"set", "list", "tuple", "frozenset"})


@dataclass(frozen=True, slots=True)
class Aim:
    """What a `finally` is to cancel: the tasks that `names` are bound to, one by one, or all that
    `over` yields. `made` are pairs of a fresh name and the part of the call that it is bound to
    before the wait."""

    names: tuple[str, ...] = ()
    over: cst.BaseExpression | None = None
    made: tuple[tuple[str, cst.BaseExpression], ...] = ()

    @property
    def is_loop(self) -> bool:
        """Whether it cancels whatever a collection holds."""
        return self.over is not None


class Proposal(NamedTuple):
    """A way to cure a site: what cancels its tasks, `FINALLY` or `EXCEPT`, and the slice that it
    makes."""

    kind: str
    module: cst.Module


def proposals(
    place: Place,
    kinds: Collection[str],
    task_names: frozenset[str],
    uses: Collection[Use],
    loops: bool,
    width: int,
) -> Iterator[Proposal]:
    """Every proposal of some kinds for a site that is worth a try, the smallest regions first.

    `task_names` are the names that may hold its tasks, `uses` what is done to them after the wait
    while they run, `loops` whether all that is waited for may be cancelled.
    """
    aims = [aim for aim in _aims(place) if loops or not aim.is_loop]
    loops_around = [isinstance(level.statement, (cst.For, cst.While)) for level in place.levels]
    for depth, level in enumerate(place.levels):
        is_round = any(loops_around[: depth + 1]) or not any(loops_around)
        possible = [aim for aim in aims if _is_usable(place, aim, depth)]
        # A `finally` comes before what is done to the tasks later; an `except` ends the function.
        lasting = [aim for aim in possible if is_round or not _is_waited_again(place, aim, uses)]
        for aim in possible:
            if aim.made:
                continue
            if EXCEPT in kinds:
                yield from _handled(place, level, depth, aim)
            outside = _is_used_outside(place, aim, level, level.index, uses)
            if FINALLY in kinds and aim in lasting and not outside:
                yield from _attached(place, level, depth, aim)
        for end in _ends(level, task_names):
            if _moved(place, level, end) > _MOST_MOVED:
                break
            for aim in possible:
                if _is_whole_try(place, depth, end) and _is_usable(place, aim, depth + 1):
                    continue  # that `try` can have the cancels itself
                if not _stays_bound(aim, level, end):
                    continue
                if EXCEPT in kinds:
                    yield _tried(place, level, end, aim, EXCEPT, width)
                outside = _is_used_outside(place, aim, level, end, uses)
                if FINALLY in kinds and aim in lasting and not outside:
                    yield from _wrapped(place, level, end, aim, width)


def _moved(place: Place, level: Level, end: int) -> int:
    """How many lines a `try` moves that begins with the statement of a level."""
    return place.lines_of(level.block.body[end])[1] - place.lines_of(level.statement)[0] + 1


# What to cancel


def _aims(place: Place) -> Iterator[Aim]:
    """What a `finally` could cancel, the best first."""
    waited = waited_of(place.call)
    if waited is None:
        return
    taken = every_name(place.module)
    elements = _elements(waited)
    named = [each.value for each in elements or () if isinstance(each, cst.Name)]
    if elements is not None and len(named) == len(elements):
        yield from _subsets(Aim(tuple(dict.fromkeys(named))))
    elif elements is not None and _are_in_order(elements):
        yield from _mixed(elements, taken)
    if _is_lasting(waited):
        yield Aim(over=waited)
    elif _is_collection(waited) and not _is_named(elements, named):
        yield Aim(over=cst.Name(name := fresh(_TASKS, taken)), made=((name, waited),))
    elif isinstance(waited, cst.GeneratorExp):
        name = fresh(_TASKS, taken)
        yield Aim(over=cst.Name(name), made=((name, waited),))


def _is_named(elements: list[cst.BaseExpression] | None, named: list[str]) -> bool:
    """Whether the tasks of a collection have names, or its only one can have one."""
    if elements is None:
        return False
    return len(named) == len(elements) or (len(elements) == 1 and isinstance(elements[0], cst.Call))


def waited_of(call: cst.Call) -> cst.BaseExpression | None:
    """The expression for the waited tasks in a call of `asyncio.wait`."""
    for position, arg in enumerate(call.args):
        if arg.star:
            return None
        if (position == 0 and arg.keyword is None) or (arg.keyword and arg.keyword.value == "fs"):
            return arg.value
    return None


def _elements(waited: cst.BaseExpression) -> list[cst.BaseExpression] | None:
    if isinstance(waited, cst.Call) and len(waited.args) == 2 and _last(waited.func) == "cast":
        waited = waited.args[1].value
    if not isinstance(waited, (cst.Set, cst.List, cst.Tuple)):
        return None
    if any(isinstance(each, cst.StarredElement) for each in waited.elements):
        return None
    return [each.value for each in waited.elements]


def _subsets(aim: Aim) -> Iterator[Aim]:
    """All of the tasks, or only some of them: the others may be somebody else's."""
    count = len(aim.names)
    if count <= _MANY_NAMES:
        for size in range(count, 0, -1):
            for names in combinations(aim.names, size):
                made = tuple(pair for pair in aim.made if pair[0] in names)
                if len(made) == len(aim.made):
                    yield Aim(names, made=made)
    else:
        yield aim


def _mixed(elements: list[cst.BaseExpression], taken: set[str]) -> Iterator[Aim]:
    """Tasks that are made in the call get names of their own."""
    taken = set(taken)
    names: list[str] = []
    made: list[tuple[str, cst.BaseExpression]] = []
    for element in elements:
        if isinstance(element, cst.Name):
            names.append(element.value)
        elif isinstance(element, cst.Call):
            name = fresh(_TASK, taken)
            taken.add(name)
            names.append(name)
            made.append((name, element))
    if len(made) < len(elements) or len(elements) == 1:
        yield from _subsets(Aim(tuple(names), made=tuple(made)))


def _are_in_order(elements: list[cst.BaseExpression]) -> bool:
    """Whether calls among the elements may be made before the others are looked at: these are
    names and attributes."""
    return all(isinstance(each, (cst.Name, cst.Attribute, cst.Call)) for each in elements)


def _is_lasting(waited: cst.BaseExpression) -> bool:
    """Whether an expression may be iterated over again, later, for the same tasks: a name, a
    method of a dict, or a sum of such."""
    if isinstance(waited, cst.Name):
        return True
    if isinstance(waited, cst.Call) and not waited.args and isinstance(waited.func, cst.Attribute):
        view = waited.func.attr.value in ("values", "keys")
        return view and isinstance(waited.func.value, cst.Name)
    if isinstance(waited, cst.BinaryOperation):
        joins = isinstance(waited.operator, (cst.Add, cst.BitOr))
        return joins and _is_lasting(waited.left) and _is_lasting(waited.right)
    if isinstance(waited, (cst.Set, cst.List, cst.Tuple)):
        return all(isinstance(each.value, cst.Name) for each in waited.elements) and any(
            isinstance(each, cst.StarredElement) for each in waited.elements
        )
    return False


def _is_collection(waited: cst.BaseExpression) -> bool:
    """Whether an expression makes a collection that a name can hold."""
    if isinstance(waited, cst.Call):
        name = _last(waited.func)
        if name == "cast":
            return len(waited.args) == 2 and _is_collection(waited.args[1].value)
        return isinstance(waited.func, cst.Name) and name in _COPIES
    if isinstance(waited, cst.BinaryOperation):
        return _is_collection(waited.left) or _is_collection(waited.right)
    return isinstance(waited, _COLLECTIONS)


def _last(func: cst.CSTNode) -> str:
    """The last component of a callee's name."""
    name = func.attr if isinstance(func, cst.Attribute) else func
    return name.value if isinstance(name, cst.Name) else ""


# Where


def _is_usable(place: Place, aim: Aim, depth: int) -> bool:
    """Whether what an aim names is bound where a `try` at a level would begin."""
    if aim.made:
        return depth == 0 and _can_precede(place)
    function = place.function
    parameters = parameters_of(function)
    names = _names_of(aim)
    shared = {name for name, node in bindings(function) if isinstance(node, _DECLARATIONS)}
    deleted = {name for name, node in bindings(function) if isinstance(node, cst.Del)}
    waited = waited_of(place.call)
    at_the_wait = _names_of(Aim(over=waited)) if waited is not None else set()
    for name in names - at_the_wait if depth == 0 else names:
        if name in deleted or not is_bound(name, place.levels[depth:], parameters):
            return False
    return not names & shared


def _can_precede(place: Place) -> bool:
    """Whether the waited tasks may be made in a statement before the one of the site: nothing that
    this one does comes before them, and it is evaluated once."""
    statement = place.levels[0].statement
    if not isinstance(statement, cst.SimpleStatementLine) or len(statement.body) != 1:
        return False
    inside = place.path[place.path.index(statement) + 2 :]
    return all(isinstance(node, (cst.Await, cst.Call, cst.Arg)) for node in inside) and all(
        _is_first(outer, inner) for outer, inner in pairwise(inside) if isinstance(outer, cst.Call)
    )


def _is_first(call: cst.Call, inner: cst.CSTNode) -> bool:
    """Whether nothing in a call is evaluated before one of its arguments, but names."""
    for arg in call.args:
        if arg is inner:
            return True
        if not isinstance(arg.value, (cst.Name, cst.Attribute, cst.Subscript)):
            return False
    return False


def _names_of(aim: Aim) -> set[str]:
    return set(aim.names) | (every_name(aim.over) if aim.over is not None else set()) - {
        "values",
        "keys",
    }


def _ends(level: Level, task_names: frozenset[str]) -> list[int]:
    """The statements of a block behind which a `finally` may stand: that of the site, those that
    mention its tasks, the last."""
    block, first = level.block.body, level.index
    telling = [n for n in range(first, len(block)) if n == first or reads(block[n], task_names)]
    if len(telling) > 4:
        telling = [*telling[:2], *telling[-2:]]
    return sorted({*telling, len(block) - 1})


def _is_used_outside(place: Place, aim: Aim, level: Level, end: int, uses: Collection[Use]) -> bool:
    """Whether something is done to running tasks of an aim elsewhere in the function: a cancel at
    the end of the region would come before it."""
    first = place.lines_of(level.statement)[0]
    last = place.lines_of(level.block.body[end])[1]
    function = range(*place.lines_of(place.function))
    names = {f"'{name}'" for name in aim.names}
    return any(
        use.line in function and not first <= use.line <= last
        for use in uses
        if aim.is_loop or use.task in names
    )


def _is_waited_again(place: Place, aim: Aim, uses: Collection[Use]) -> bool:
    """Whether the call itself waits for running tasks of an aim again: a cancel in the loop that
    goes there would come before it."""
    line = place.lines_of(place.call)[0]
    names = {f"'{name}'" for name in aim.names}
    return any(
        use.line == line and use.what == WAITED_AGAIN
        for use in uses
        if aim.is_loop or use.task in names
    )


def _is_whole_try(place: Place, depth: int, end: int) -> bool:
    """Whether a region is all that a `try` has between its `try` and its handlers."""
    level = place.levels[depth]
    if level.index or end + 1 < len(level.block.body) or depth + 1 == len(place.levels):
        return False
    around = place.levels[depth + 1].statement
    return isinstance(around, (cst.Try, cst.TryStar)) and around.body is level.block


def _stays_bound(aim: Aim, level: Level, end: int) -> bool:
    """Whether what an aim names still is what it was where the `finally` begins."""
    for statement in level.block.body[level.index : end + 1]:
        for name, node in bindings(statement):
            if name not in _names_of(aim):
                continue
            if not aim.is_loop or not _rebinds_to_tasks(node):
                return False
    return True


def _rebinds_to_tasks(node: cst.CSTNode) -> bool:
    """Whether a statement binds a name to a collection again: to a half of a wait's result, or to
    one that is made in place."""
    if isinstance(node, cst.AugAssign):
        return True
    if not isinstance(node, (cst.Assign, cst.AnnAssign)) or node.value is None:
        return False
    targets = [t.target for t in node.targets] if isinstance(node, cst.Assign) else [node.target]
    if any(isinstance(target, cst.Tuple) for target in targets):
        return _awaits_wait(node.value)
    return _is_collection(node.value)


def _awaits_wait(value: cst.CSTNode) -> bool:
    if isinstance(value, cst.Call) and _last(value.func) == "wait":
        return True
    return any(_awaits_wait(child) for child in value.children)


# How


def _attached(place: Place, level: Level, depth: int, aim: Aim) -> Iterator[Proposal]:
    """The cancels in the `finally` of a `try` that is there already, or as its `finally`."""
    statement = level.statement
    if depth == 0 or not isinstance(statement, (cst.Try, cst.TryStar)):
        return
    inside = place.path[place.path.index(statement) + 1]
    if inside is statement.finalbody or not _stays_bound(aim, level, level.index):
        return
    cancels = _cancels(place, aim)
    if statement.finalbody is None:
        final = cst.Finally(place.block(cancels))
        yield _replaced(place, level, statement.with_changes(finalbody=final), FINALLY)
    elif isinstance(statement.finalbody.body, cst.IndentedBlock):
        block = statement.finalbody.body
        for body in ([*cancels, *block.body], [*block.body, *cancels]):
            final = statement.finalbody.with_changes(body=block.with_changes(body=body))
            yield _replaced(place, level, statement.with_changes(finalbody=final), FINALLY)


def _handled(place: Place, level: Level, depth: int, aim: Aim) -> Iterator[Proposal]:
    """The cancels in a handler of a `try` that is there already, or in one more."""
    statement = level.statement
    if depth == 0 or not isinstance(statement, cst.Try):
        return
    inside = place.path[place.path.index(statement) + 1]
    if inside is not statement.body or not _stays_bound(aim, level, level.index):
        return
    cancels = _cancels(place, aim)
    handlers = list(statement.handlers)
    for number, handler in enumerate(handlers):
        if _catches_cancellation(handler) and isinstance(handler.body, cst.IndentedBlock):
            block = handler.body.with_changes(body=[*cancels, *handler.body.body])
            handler = handler.with_changes(body=block)
            changed = [*handlers[:number], handler, *handlers[number + 1 :]]
            yield _replaced(place, level, statement.with_changes(handlers=changed), EXCEPT)
    if all(handler.type is not None for handler in handlers):
        changed = [*handlers, _handler(place, cancels)]
        yield _replaced(place, level, statement.with_changes(handlers=changed), EXCEPT)


def _catches_cancellation(handler: cst.ExceptHandler) -> bool:
    names = {"CancelledError", "BaseException"}
    return handler.type is None or bool(names & every_name(handler.type))


def _handler(place: Place, cancels: Sequence[Any]) -> cst.ExceptHandler:
    """A handler that cancels, whatever has been raised, and lets it go on."""
    again = cst.SimpleStatementLine([cst.Raise()])
    return cst.ExceptHandler(place.block([*cancels, again]), cst.Name("BaseException"))


def _replaced(place: Place, level: Level, statement: Any, kind: str) -> Proposal:
    return Proposal(kind, _with_statements(place, level, level.index, [statement]))


def _wrapped(place: Place, level: Level, end: int, aim: Aim, width: int) -> Iterator[Proposal]:
    """The statements of a block up to `end` in a `try`, the cancels in its `finally`: they take the
    place of a loop at the end that only cancels."""
    if end > level.index and cancelled_by(level.block.body[end]) is not None:
        yield _tried(place, level, end, aim, FINALLY, width, 1)
    yield _tried(place, level, end, aim, FINALLY, width)


def _tried(
    place: Place, level: Level, end: int, aim: Aim, kind: str, width: int, replaced: int = 0
) -> Proposal:
    """The statements of a block up to `end` in a `try`, without the last that are `replaced`."""
    statements: list[Any] = list(level.block.body[level.index : end + 1 - replaced])
    leading = statements[0].leading_lines
    statements[0] = statements[0].with_changes(leading_lines=())
    before: list[Any] = []
    if aim.made:
        before = [_assignment(place, name, made) for name, made in aim.made]
        statements[0] = _tidied(place, _with_names(place, statements[0], aim), width)
    indentation = place.indentation_at(level) + place.unit
    statements = [layout.refitted(each, indentation, place.unit, width) for each in statements]
    cancels = _cancels(place, aim)
    tried = cst.Try(
        body=place.block(statements),
        handlers=[_handler(place, cancels)] if kind == EXCEPT else (),
        finalbody=cst.Finally(place.block(cancels)) if kind == FINALLY else None,
    )
    first, *rest = [*before, tried]
    new = [first.with_changes(leading_lines=leading), *rest]
    return Proposal(kind, _with_statements(place, level, end, new))


def waited_names(place: Place) -> set[str]:
    """The names that hold what is waited for, or the pending half of it."""
    pending, waited = pending_name(place), waited_of(place.call)
    return {name for name in (pending, getattr(waited, "value", None)) if isinstance(name, str)}


def _with_names(place: Place, statement: Any, aim: Aim) -> Any:
    """The statement of the site with names in the place of what is made before it."""
    waited: Any = waited_of(place.call)
    named = waited
    for name, made in aim.made:
        named = cst.Name(name) if made is waited else named.deep_replace(made, cst.Name(name))
    named = layout.flat(named) if layout.is_breakable(named) else named
    return statement.deep_replace(waited, named)


def _with_statements(place: Place, level: Level, end: int, new: Sequence[Any]) -> cst.Module:
    body = level.block.body
    return place.with_body(level, [*body[: level.index], *new, *body[end + 1 :]])


def _cancels(place: Place, aim: Aim) -> list[Any]:
    if aim.over is None and len(aim.names) <= 2:
        return [_cancel(name) for name in aim.names]
    over = aim.over
    if over is None:
        elements = [cst.Element(cst.Name(name)) for name in aim.names]
        over = cst.Tuple(elements)
    taken = every_name(place.module)
    if is_loop_variable(_TASK[0], place.function, place.path):
        taken.discard(_TASK[0])
    variable = fresh(_TASK, taken | _names_of(aim))
    over = layout.flat(over) if layout.is_breakable(over) else over
    return [cst.For(cst.Name(variable), over, place.block([_cancel(variable)]))]


def _cancel(name: str) -> cst.SimpleStatementLine:
    call = cst.Call(cst.Attribute(cst.Name(name), cst.Name(MARK)))
    return cst.SimpleStatementLine([cst.Expr(call)])


def _assignment(place: Place, name: str, made: cst.BaseExpression) -> cst.SimpleStatementLine:
    """The statement that gives what the call made a name of its own."""
    extra = place.extra_indentation(made)
    if isinstance(made, cst.GeneratorExp):
        made = cst.ListComp(made.elt, made.for_in)
    target = [cst.AssignTarget(cst.Name(name))]
    if layout.is_breakable(made):  # where it is too long it is broken later
        return cst.SimpleStatementLine([cst.Assign(target, layout.flat(made))])
    return cst.SimpleStatementLine([cst.Assign(target, layout.dedented(made, extra))])


def _tidied(place: Place, statement: Any, width: int) -> Any:
    """The statement of the site, whose call has become shorter, on one line if it fits."""
    if not isinstance(statement, cst.SimpleStatementLine) or not layout.is_breakable(statement):
        return statement
    line = layout.flat(statement)
    return line if layout.fits(line, place.indentation + place.unit, width) else statement


def pending_name(place: Place) -> str | None:
    """The name that the pending half of the site's result is bound to at once, if one is."""
    for node in place.path:
        if isinstance(node, cst.Assign) and len(node.targets) == 1:
            target = node.targets[0].target
            if isinstance(target, (cst.Tuple, cst.List)) and len(target.elements) == 2:
                names = list(target_names(target.elements[1].value))
                return names[0] if len(names) == 1 else None
    return None
