"""The ways to put a `try` around a site whose `finally`, or `except BaseException`, cancels.

What is made here is a proposal: whether it cures the site, and harms nothing, is for the analysis
to say. Its cancels carry `MARK` in the place of `cancel`, so that their lines can be told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from typing import Any, NamedTuple

import libcst as cst

from flake8_asyncwait.analysis.machine.books import WAITED_AGAIN
from flake8_asyncwait.analysis.notes import Use
from flake8_asyncwait.fix import layout
from flake8_asyncwait.fix.aims import (
    TASK,
    Aim,
    aims,
    as_tasks,
    left_to_cancel,
    only_cancels,
    stays_bound,
    waited_of,
)
from flake8_asyncwait.fix.cure import EXCEPT, FINALLY
from flake8_asyncwait.fix.loops import (
    cancelled_by,
    cancelled_name,
    is_about_cancels,
    is_loop_variable,
    leaves_a_name,
)
from flake8_asyncwait.fix.names import (
    bindings,
    every_name,
    fresh,
    is_bound,
    parameters_of,
    reads,
)
from flake8_asyncwait.fix.nodes import suspends
from flake8_asyncwait.fix.place import Level, Place

MARK = "cancel__by_asyncwait_fix"
# More lines than this are not moved for a `try`: nobody would read them again.
MOST_MOVED = 25
_DECLARATIONS = (cst.Global, cst.Nonlocal)


class Proposal(NamedTuple):
    """A way to cure a site: what cancels its tasks, `FINALLY` or `EXCEPT`, the names of those that
    it cancels, or of what holds them, the slice that it makes, and how many lines it moves."""

    kind: str
    names: frozenset[str]
    module: cst.Module
    moved: int = 0


def proposals(
    place: Place,
    kinds: Collection[str],
    task_names: frozenset[str],
    uses: Collection[Use],
    loops: bool,
    width: int,
    make: str = "",
    most: int = MOST_MOVED,
) -> Iterator[Proposal]:
    """Every proposal of some kinds for a site that is worth a try, the smallest regions first; none
    moves more than `most` lines.

    `task_names` are the names that may hold its tasks, `uses` what is done to them after the wait
    while they run, `loops` whether all that is waited for may be cancelled. `make` is what makes a
    task of an awaitable where the site does that by itself.
    """
    found = [aim for aim in aims(place, make) if loops or aim.is_part or not aim.is_loop]
    loops_around = [isinstance(level.statement, (cst.For, cst.While)) for level in place.levels]
    for depth, level in enumerate(place.levels):
        is_round = any(loops_around[: depth + 1]) or not any(loops_around)
        possible = [aim for aim in found if is_usable(place, aim, depth)]
        if not depth:  # what is waited for is not None
            possible = [aim for aim in possible if aim.is_part or not aim.maybe]
        # A `finally` comes before what is done to the tasks later; an `except` ends the function.
        lasting = [aim for aim in possible if is_round or not _is_waited_again(place, aim, uses)]
        for aim in possible:
            if aim.made:
                continue
            if EXCEPT in kinds:
                yield from _handled_around(place, level, depth, aim)
            outside = is_used_outside(place, aim, level, level.index, uses)
            if FINALLY in kinds and aim in lasting and not outside:
                yield from _attached_around(place, level, depth, aim)
        for end in ends(level, task_names):
            if moved(place, level, end) > most:
                break
            for aim in possible:
                if _is_whole_try(place, depth, end) and is_usable(place, aim, depth + 1):
                    continue  # that `try` can have the cancels itself
                if not stays_bound(aim, level, end):
                    continue
                if EXCEPT in kinds:
                    yield tried(place, level, end, aim, EXCEPT, width)
                outside = is_used_outside(place, aim, level, end, uses)
                if FINALLY in kinds and aim in lasting and not outside:
                    yield from wrapped(place, level, end, aim, width)


def moved(place: Place, level: Level, end: int) -> int:
    """How many lines a `try` moves that begins with the statement of a level; it leaves blank ones
    as they are."""
    first, last = place.lines_of(level.statement)[0], place.lines_of(level.block.body[end])[1]
    lines = place.code.split("\n")[first - place.above - 1 : last - place.above]
    return sum(1 for line in lines if line.strip())


# Where


def is_usable(place: Place, aim: Aim, depth: int) -> bool:
    """Whether what an aim names is bound where a `try` at a level would begin."""
    if aim.made:
        return depth == 0 and _can_precede(place)
    function = place.function
    parameters = parameters_of(function)
    names = aim.mentioned
    shared = {name for name, node in bindings(function) if isinstance(node, _DECLARATIONS)}
    deleted = {name for name, node in bindings(function) if isinstance(node, cst.Del)}
    waited = waited_of(place.call)
    at_the_wait = Aim(over=waited).mentioned if waited is not None else set()
    for name in names - at_the_wait if depth == 0 else names:
        if name in deleted or not is_bound(name, place.levels[depth:], parameters):
            return False
    return not names & shared


def _can_precede(place: Place) -> bool:
    """Whether the waited tasks may be made in a statement before the one of the site: nothing that
    this one does comes before them, and it is evaluated once."""
    statement = place.levels[0].statement
    inside = place.path[place.path.index(statement) + 1 :]
    if isinstance(statement, cst.For):
        if inside[0] is not statement.iter:
            return False
    elif isinstance(statement, cst.SimpleStatementLine) and len(statement.body) == 1:
        inside = inside[1:]
    else:
        return False
    return all(_comes_first(outer, inner) for outer, inner in pairwise(inside))


def _comes_first(outer: cst.CSTNode, inner: cst.CSTNode) -> bool:
    """Whether an expression evaluates a part of it once, and before all others but names."""
    if isinstance(outer, cst.Call):
        return _is_first(outer, inner)
    if isinstance(outer, (cst.ListComp, cst.SetComp, cst.GeneratorExp, cst.DictComp)):
        return inner is outer.for_in
    if isinstance(outer, cst.CompFor):
        return inner is outer.iter
    return isinstance(outer, (cst.Await, cst.Arg))


def _is_first(call: cst.Call, inner: cst.CSTNode) -> bool:
    """Whether nothing in a call is evaluated before one of its arguments, but names."""
    for arg in call.args:
        if arg is inner:
            return True
        if not isinstance(arg.value, (cst.Name, cst.Attribute, cst.Subscript)):
            return False
    return False


def ends(level: Level, task_names: frozenset[str]) -> list[int]:
    """The statements of a block behind which a `finally` may stand: that of the site, those that
    mention its tasks, the last that suspends, the last."""
    block, first = level.block.body, level.index
    waiting = [n for n in range(first, len(block)) if suspends(block[n])]
    telling = [n for n in range(first, len(block)) if n == first or reads(block[n], task_names)]
    if len(telling) > 4:
        telling = [*telling[:2], *telling[-2:]]
    return sorted({*telling, *waiting[-1:], len(block) - 1})


def is_used_outside(place: Place, aim: Aim, level: Level, end: int, uses: Collection[Use]) -> bool:
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


# How


def _attached_around(place: Place, level: Level, depth: int, aim: Aim) -> Iterator[Proposal]:
    """The cancels in the `finally` of a `try` around the site, or as its `finally`."""
    statement = level.statement
    if depth == 0 or not isinstance(statement, (cst.Try, cst.TryStar)):
        return
    inside = place.path[place.path.index(statement) + 1]
    if inside is not statement.finalbody and stays_bound(aim, level, level.index):
        yield from attached(place, level, aim)


def attached(place: Place, level: Level, aim: Aim) -> Iterator[Proposal]:
    """The cancels in the `finally` of a `try` that is there already, or as its `finally`."""
    statement = level.statement
    final = statement.finalbody
    cancels = _cancels(place, aim)
    handlers = _others(statement, aim)
    if final is None:
        changed = statement.with_changes(
            handlers=handlers, finalbody=cst.Finally(place.block(cancels))
        )
        yield _replaced(place, level, changed, FINALLY, aim)
    elif isinstance(final.body, cst.IndentedBlock):
        block = final.body
        # What waits before the cancels might wait for what a handler has cancelled so far.
        early = statement.handlers if suspends(block) else handlers
        for kept, body in (
            (handlers, _ahead(cancels, block)),
            (early, [*block.body, *cancels]),
        ):
            each = final.with_changes(body=block.with_changes(body=body))
            changed = statement.with_changes(handlers=kept, finalbody=each)
            yield _replaced(place, level, changed, FINALLY, aim)


def _others(statement: Any, aim: Aim) -> list[Any]:
    """The handlers of a `try` without the last ones that only cancel what an aim does, and raise
    again, and without the cancels in the others that do not suspend: a `finally` does that, too."""
    handlers = list(statement.handlers)
    while handlers and isinstance(statement, cst.Try) and only_cancels(handlers[-1], aim):
        handlers.pop()
    if handlers or not statement.orelse:
        return [left_to_cancel(each, aim) for each in handlers]
    return list(statement.handlers)


def _ahead(cancels: Sequence[Any], block: cst.IndentedBlock) -> list[Any]:
    """The statements of a block behind some cancels, which take the comment that stands first if it
    is about them."""
    first, *rest = block.body
    lines = first.leading_lines if hasattr(first, "leading_lines") else ()
    about = "".join((line.comment.value if line.comment else "") + "\n" for line in lines)
    if "#" not in about or not is_about_cancels(about):
        return [*cancels, *block.body]
    head, *others = cancels
    head = head.with_changes(leading_lines=lines)
    return [head, *others, first.with_changes(leading_lines=()), *rest]


def _handled_around(place: Place, level: Level, depth: int, aim: Aim) -> Iterator[Proposal]:
    """The cancels in a handler of a `try` around the site, or in one more."""
    statement = level.statement
    if depth == 0 or not isinstance(statement, cst.Try):
        return
    inside = place.path[place.path.index(statement) + 1]
    if inside is statement.body and stays_bound(aim, level, level.index):
        yield from handled(place, level, aim)


def handled(place: Place, level: Level, aim: Aim) -> Iterator[Proposal]:
    """The cancels in a handler of a `try` that is there already, or in one more."""
    statement = level.statement
    cancels = _cancels(place, aim)
    handlers = list(statement.handlers)
    for number, handler in enumerate(handlers):
        if _catches_cancellation(handler) and isinstance(handler.body, cst.IndentedBlock):
            block = handler.body.with_changes(body=_ahead(cancels, handler.body))
            handler = handler.with_changes(body=block)
            changed = [*handlers[:number], handler, *handlers[number + 1 :]]
            yield _replaced(place, level, statement.with_changes(handlers=changed), EXCEPT, aim)
    raising = [_with_cancels(each, aim, cancels) for each in handlers]
    ways = [handlers, raising] if raising != handlers else [handlers]
    if any(each.type is None or "BaseException" in every_name(each.type) for each in handlers):
        ways = ways[1:]  # nothing would come to one more
    else:
        more = _set_off_as(handlers, _handler(place, cancels))
        ways = [[*changed, more] for changed in ways]
    for changed in ways:
        yield _replaced(place, level, statement.with_changes(handlers=changed), EXCEPT, aim)


def _with_cancels(handler: cst.ExceptHandler, aim: Aim, cancels: list[Any]) -> cst.ExceptHandler:
    """A handler that cancels before it raises something; itself where it does not raise, or
    cancels already."""
    if not isinstance(handler.body, cst.IndentedBlock) or not isinstance(
        _last_small(handler.body), cst.Raise
    ):
        return handler
    body = handler.body.body
    if any(cancelled_name(each) in aim.names or cancelled_by(each) for each in body):
        return handler
    return handler.with_changes(body=handler.body.with_changes(body=_ahead(cancels, handler.body)))


def _set_off_as(
    handlers: Sequence[cst.ExceptHandler], handler: cst.ExceptHandler
) -> cst.ExceptHandler:
    """A handler with a blank line before it where all of some others have one."""
    blank = [each.leading_lines[:1] for each in handlers]
    if not blank or not all(lines and lines[0].comment is None for lines in blank):
        return handler
    return handler.with_changes(leading_lines=blank[0])


def _last_small(block: cst.IndentedBlock) -> cst.CSTNode | None:
    """The last statement of a block, where it is a simple one."""
    last = block.body[-1]
    return last.body[-1] if isinstance(last, cst.SimpleStatementLine) else None


def _catches_cancellation(handler: cst.ExceptHandler) -> bool:
    names = {"CancelledError", "BaseException"}
    return handler.type is None or bool(names & every_name(handler.type))


def _handler(place: Place, cancels: Sequence[Any]) -> cst.ExceptHandler:
    """A handler that cancels, whatever has been raised, and lets it go on."""
    again = cst.SimpleStatementLine([cst.Raise()])
    return cst.ExceptHandler(place.block([*cancels, again]), cst.Name("BaseException"))


def _replaced(place: Place, level: Level, statement: Any, kind: str, aim: Aim) -> Proposal:
    return Proposal(kind, aim.mentioned, _with_statements(place, level, level.index, [statement]))


def wrapped(place: Place, level: Level, end: int, aim: Aim, width: int) -> Iterator[Proposal]:
    """The statements of a block up to `end` in a `try`, the cancels in its `finally`: they take the
    place of a loop at the end that only cancels."""
    last = level.block.body[end]
    is_spare = cancelled_by(last) is not None and not leaves_a_name(last, place.function)
    if end > level.index and is_spare:
        yield tried(place, level, end, aim, FINALLY, width, 1)
    absorbed = _absorbed(level.statement, aim)
    if absorbed:
        yield tried(place, level, end, aim, FINALLY, width, first=absorbed)
    yield tried(place, level, end, aim, FINALLY, width)


def _absorbed(statement: Any, aim: Aim) -> list[Any]:
    """What is in a `try` whose handlers only cancel what an aim does, and raise again: a `finally`
    behind it does that, too."""
    if not isinstance(statement, cst.Try) or statement.orelse or statement.finalbody:
        return []
    if not all(only_cancels(handler, aim) for handler in statement.handlers):
        return []
    block = statement.body
    if not isinstance(block, cst.IndentedBlock) or block.footer or statement.leading_lines:
        return []
    return list(block.body)


def tried(
    place: Place,
    level: Level,
    end: int,
    aim: Aim,
    kind: str,
    width: int,
    replaced: int = 0,
    first: Sequence[Any] = (),
) -> Proposal:
    """The statements of a block up to `end` in a `try`, without the last that are `replaced`, and
    with others in the place of the `first`."""
    statements: list[Any] = list(level.block.body[level.index : end + 1 - replaced])
    statements[:1] = first or statements[:1]
    leading = statements[0].leading_lines
    statements[0] = statements[0].with_changes(leading_lines=())
    before: list[Any] = []
    if aim.made:
        before = [_assignment(place, name, made, aim.make) for name, made in aim.made]
        statements[0] = _with_names(place, statements[0], aim, width)
    indentation = place.indentation_at(level) + place.unit
    statements = [layout.refitted(each, indentation, place.unit, width) for each in statements]
    cancels = _cancels(place, aim)
    tried = cst.Try(
        body=place.block(statements),
        handlers=[_handler(place, cancels)] if kind == EXCEPT else (),
        finalbody=cst.Finally(place.block(cancels)) if kind == FINALLY else None,
    )
    head, *rest = [*before, tried]
    new = [head.with_changes(leading_lines=leading), *rest]
    count = moved(place, level, end)
    return Proposal(kind, aim.mentioned, _with_statements(place, level, end, new), count)


def _with_names(place: Place, statement: Any, aim: Aim, width: int) -> Any:
    """The statement of the site with names in the place of what is made before it: on one line if
    it fits, or with the collection on one."""
    waited: Any = waited_of(place.call)
    named = waited
    for name, made in aim.made:
        named = cst.Name(name) if made is waited else named.deep_replace(made, cst.Name(name))
    shorter = layout.without_magic_comma(named)
    if layout.is_breakable(shorter):
        named = layout.flat(shorter)
    call = place.call.deep_replace(waited, named)
    kept = statement.deep_replace(place.call, call)
    if not isinstance(kept, cst.SimpleStatementLine):
        return kept
    line = statement.deep_replace(place.call, layout.without_magic_comma(call))
    if all(map(layout.is_breakable, line.body)):
        line = line.with_changes(body=[layout.flat(small) for small in line.body])
        if layout.fits(line, place.indentation + place.unit, width):
            return line
    return kept


def _with_statements(place: Place, level: Level, end: int, new: Sequence[Any]) -> cst.Module:
    body = level.block.body
    return place.with_body(level, [*body[: level.index], *new, *body[end + 1 :]])


def _cancels(place: Place, aim: Aim) -> list[Any]:
    if aim.over is None and (len(aim.names) <= 2 or aim.maybe):
        return [
            _unless(place, name, "None", _cancel(name)) if name in aim.maybe else _cancel(name)
            for name in aim.names
        ]
    over = aim.over
    if over is None:
        elements = [cst.Element(cst.Name(name)) for name in aim.names]
        over = cst.Tuple(elements)
    taken = every_name(place.module)
    if is_loop_variable(TASK[0], place.function, place.path):
        taken -= {TASK[0]}
    variable = fresh(TASK, taken | aim.mentioned)
    over = layout.flat(over) if layout.is_breakable(over) else over
    cancel: Any = _cancel(variable)
    for other in aim.but:
        cancel = _unless(place, variable, other, cancel)
    return [cst.For(cst.Name(variable), over, place.block([cancel]))]


def _unless(place: Place, name: str, other: str, statement: Any) -> cst.If:
    """A statement that is left out where a name is bound to the same as another."""
    target = cst.ComparisonTarget(cst.IsNot(), cst.Name(other))
    return cst.If(cst.Comparison(cst.Name(name), [target]), place.block([statement]))


def _cancel(name: str) -> cst.SimpleStatementLine:
    call = cst.Call(cst.Attribute(cst.Name(name), cst.Name(MARK)))
    return cst.SimpleStatementLine([cst.Expr(call)])


def _assignment(
    place: Place, name: str, made: cst.BaseExpression, make: str
) -> cst.SimpleStatementLine:
    """The statement that gives what the call made a name of its own, or the tasks that `make` makes
    of that."""
    extra = place.extra_indentation(made)
    made = as_tasks(made, make, place) if make else made
    if isinstance(made, cst.GeneratorExp):
        made = cst.ListComp(made.elt, made.for_in)
    target = [cst.AssignTarget(cst.Name(name))]
    if layout.is_breakable(made):  # where it is too long it is broken later
        return cst.SimpleStatementLine([cst.Assign(target, layout.flat(made))])
    return cst.SimpleStatementLine([cst.Assign(target, layout.dedented(made, extra))])
