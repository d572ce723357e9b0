"""The ways to put a `try` around a site whose `finally`, or `except BaseException`, cancels.

What is made here is a proposal: whether it cures the site, and harms nothing, is for the analysis
to say.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain, pairwise, takewhile
from typing import Any

import libcst as cst

from flake8_asyncwait.analysis.machine.books import WAITED_AGAIN
from flake8_asyncwait.fix.cure import EXCEPT, FINALLY
from flake8_asyncwait.fix.proof.notes import Use
from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.names import (
    bindings,
    is_bound,
    parameters_of,
    reads,
)
from flake8_asyncwait.fix.tree.nodes import may_leave, suspends
from flake8_asyncwait.fix.tree.place import Level, Place
from flake8_asyncwait.fix.ways.aims import (
    Aim,
    aims,
    as_tasks,
    is_map,
    is_own_task,
    only_cancels,
    rebinds_to_a_task,
    stays_bound,
    waited_of,
)
from flake8_asyncwait.fix.ways.attach import attached_around, handled_around
from flake8_asyncwait.fix.ways.loops import (
    bare,
    cancelled,
    cancelled_by,
    leaves_a_name,
)
from flake8_asyncwait.fix.ways.proposal import (
    MOST_MOVED,
    Proposal,
    cancels_of,
    handler_of,
    moved,
    with_statements,
)

_DECLARATIONS = (cst.Global, cst.Nonlocal)


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
                yield from handled_around(place, level, depth, aim)
            outside = is_used_outside(place, aim, level, level.index, uses)
            if FINALLY in kinds and aim in lasting and not outside:
                yield from attached_around(place, level, depth, aim, width)
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
                if FINALLY in kinds and aim in lasting:
                    yield from wrapped(place, level, end, aim, uses, width)


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
    mention its tasks, the last that suspend before these, the last that suspends, the last."""
    block, first = level.block.body, level.index
    waiting = [n for n in range(first, len(block)) if suspends(block[n])]
    telling = [n for n in range(first, len(block)) if n == first or reads(block[n], task_names)]
    if len(telling) > 4:
        telling = [*telling[:2], *telling[-2:]]
    before = {max((w for w in waiting if w < n), default=first) for n in telling}
    whole = [n for n in before if not _parts_a_task(block[first : n + 1], block[n + 1 :])]
    return sorted({*telling, *whole, *waiting[-1:], len(block) - 1})


def _parts_a_task(inside: Sequence[cst.CSTNode], behind: Sequence[cst.CSTNode]) -> bool:
    """Whether some statements make a task that others read, which no `try` could hold then."""
    bound = chain.from_iterable(map(bindings, inside))
    made = {name for name, node in bound if rebinds_to_a_task(node)}
    return any(reads(each, made) for each in behind)


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


def wrapped(
    place: Place, level: Level, end: int, aim: Aim, uses: Collection[Use], width: int
) -> Iterator[Proposal]:
    """The statements of a block up to `end` in a `try`, the cancels in its `finally`: those at the
    end, or others in the place of a loop there that only cancels."""
    same = _cancels_around(place, level, end, aim)
    if same:
        behind = next(n for n, each in enumerate(level.block.body) if each is same[-1])
        yield tried(place, level, behind, aim, FINALLY, width, len(same), same)
    if is_used_outside(place, aim, level, end, uses):
        return
    last = level.block.body[end]
    is_spare = cancelled_by(last) is not None and not leaves_a_name(last, place.function)
    if end > level.index and is_spare and not same:
        yield tried(place, level, end, aim, FINALLY, width, 1)
    absorbed = _absorbed(level.statement, aim)
    if absorbed:
        yield tried(place, level, end, aim, FINALLY, width, first=absorbed)
    yield tried(place, level, end, aim, FINALLY, width)


def _cancels_around(place: Place, level: Level, end: int, aim: Aim) -> list[Any]:
    """The statements of a block in a row, the one at `end` among them, that cancel what an aim does
    and perhaps other tasks of the function, behind those that a `try` is to hold. Empty where the
    function may leave before them, or where they cancel anything else."""
    body: Sequence[Any] = level.block.body
    wanted = {*aim.names} if aim.over is None else {layout.code(aim.over)}
    before = list(takewhile(cancelled, reversed(body[level.index + 1 : end + 1])))[::-1]
    row = [*before, *takewhile(cancelled, body[end + 1 :])] if before else []
    if any("#" in layout.code(bare(each)) or leaves_a_name(each, place.function) for each in row):
        return []
    others = {cancelled(each) or "" for each in row} - wanted
    if not all(is_own_task(place, level, name) for name in others):
        return []
    if any(map(may_leave, body[level.index : end + 1 - len(before)])):
        return []
    commented = [n for n, each in enumerate(row) if any(x.comment for x in each.leading_lines)]
    row = row[commented[-1] :] if commented else row  # a comment has a place before the first only
    covers = wanted <= set(map(cancelled, row))
    return row if covers and not (aim.maybe or aim.but or aim.made) else []


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
    own_cancels: Sequence[Any] = (),
    first: Sequence[Any] = (),
) -> Proposal:
    """The statements of a block up to `end` in a `try`, without the last that are `replaced`, and
    with others in the place of the `first`. `own_cancels` are statements of the function that take
    the place of new cancels."""
    statements: list[Any] = list(level.block.body[level.index : end + 1 - replaced])
    statements[:1] = first or statements[:1]
    leading = statements[0].leading_lines
    # As black and ruff have it, there is a blank line before a nested function or class.
    is_apart = isinstance(statements[0], (cst.FunctionDef, cst.ClassDef)) and leading
    blank = (cst.EmptyLine(indent=False),) if is_apart else ()
    statements[0] = statements[0].with_changes(leading_lines=blank)
    before: list[Any] = []
    if aim.made:
        before = [_assignment(place, level, name, made, aim.make, width) for name, made in aim.made]
        statements[0] = _with_names(place, statements[0], aim, width)
    indentation = place.indentation_at(level) + place.unit
    still = len(first)  # these were in a `try` before
    statements[still:] = [
        layout.refitted(each, indentation, place.unit, width) for each in statements[still:]
    ]
    cancels = list(own_cancels) or cancels_of(place, aim)
    if own_cancels:
        comments = [line for line in cancels[0].leading_lines if line.comment]
        cancels[0] = cancels[0].with_changes(leading_lines=comments)
        cancels = [layout.refitted(each, indentation, place.unit, width) for each in cancels]
    tried = cst.Try(
        body=place.block(statements),
        handlers=[handler_of(place, cancels)] if kind == EXCEPT else (),
        finalbody=cst.Finally(place.block(cancels)) if kind == FINALLY else None,
    )
    head, *rest = [*before, tried]
    new = [head.with_changes(leading_lines=leading), *rest]
    count = moved(place, level, end)
    module = with_statements(place, level, end, new)
    return Proposal(kind, aim.mentioned, module, count, bool(own_cancels))


def _with_names(place: Place, statement: Any, aim: Aim, width: int) -> Any:
    """The statement of the site with names in the place of what is made before it: on one line if
    it fits, or with the call or the collection on one."""
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
    plain = layout.without_magic_comma(call)
    line = statement.deep_replace(place.call, plain)
    ways = []
    if all(map(layout.is_breakable, line.body)):
        ways.append(line.with_changes(body=[layout.flat(small) for small in line.body]))
    if layout.is_breakable(plain):
        ways.append(statement.deep_replace(place.call, layout.flat(plain)))
    indentation = place.indentation + place.unit
    return next((way for way in ways if layout.fits(way, indentation, width)), kept)


def _assignment(
    place: Place, level: Level, name: str, made: cst.BaseExpression, make: str, width: int
) -> cst.SimpleStatementLine:
    """The statement that gives what the call made a name of its own, or the tasks that `make` makes
    of that."""
    extra = place.extra_indentation(made)
    made = as_tasks(made, make, place) if make else made
    if isinstance(made, cst.GeneratorExp):
        made = cst.ListComp(made.elt, made.for_in)
    elif is_map(made):  # the file may have a `list` of its own
        made = cst.List([cst.StarredElement(made)])
    target = [cst.AssignTarget(cst.Name(name))]
    if layout.is_breakable(made):  # where it is too long it is broken later
        return cst.SimpleStatementLine([cst.Assign(target, layout.flat(made))])
    indentation = place.indentation_at(level) + place.unit
    made = layout.joined(layout.dedented(made, extra), indentation, extra, width)
    return cst.SimpleStatementLine([cst.Assign(target, made)])
