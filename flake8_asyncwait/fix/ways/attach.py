"""The ways to put cancels into a `try` that is there already: into its `finally`, or a handler."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any, NamedTuple

import libcst as cst

from flake8_asyncwait.fix.cure import EXCEPT, FINALLY
from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.names import every_name
from flake8_asyncwait.fix.tree.nodes import may_leave, suspends
from flake8_asyncwait.fix.tree.place import Level, Place
from flake8_asyncwait.fix.ways.aims import (
    Aim,
    is_cleanup,
    is_own_task,
    left_to_cancel,
    only_cancels,
    stays_bound,
)
from flake8_asyncwait.fix.ways.loops import (
    as_first,
    bare,
    cancelled,
    cancelled_by,
    cancelled_name,
    is_about_cancels,
)
from flake8_asyncwait.fix.ways.proposal import (
    MOST_MOVED,
    Proposal,
    cancels_of,
    handler_of,
    moved,
    replaced,
)

# How the names begin, or go on, of what ends a task.
_ENDING = re.compile(r"cancel|clean|abort|kill|stop|clos|shut|finish|terminat|(^|_)end", re.I)


def attached_around(
    place: Place, level: Level, depth: int, aim: Aim, width: int
) -> Iterator[Proposal]:
    """The cancels in the `finally` of a `try` around the site, or as its `finally`."""
    statement = level.statement
    if depth == 0 or not isinstance(statement, (cst.Try, cst.TryStar)):
        return
    inside = place.path[place.path.index(statement) + 1]
    if inside is not statement.finalbody and stays_bound(aim, level, level.index):
        yield from attached(place, level, aim)
        yield from in_turn(place, level, aim)
        yield from cleaned_up(place, level, aim, width)


def in_turn(place: Place, level: Level, aim: Aim) -> Iterator[Proposal]:
    """The last of two statements of a `finally` that end two tasks alike, `await stop(a)` and
    `await stop(b)`, in a `finally` of its own: the first may fail."""
    final = level.statement.finalbody
    if final is None or not isinstance(final.body, cst.IndentedBlock) or len(final.body.body) < 2:
        return
    body: Sequence[Any] = final.body.body
    *before, first, last = body
    one, other = _stopped(first), _stopped(last)
    if one is None or other is None or one.how != other.how or "#" in layout.code(last):
        return
    if other.task not in aim.names or not _ENDING.search(other.how.rpartition(".")[2]):
        return
    inner = cst.Try(
        place.block([bare(first)]),
        finalbody=cst.Finally(place.block([bare(last)])),
        leading_lines=first.leading_lines,
    )
    yield _in_finally(place, level, aim, [*before, inner])


def _in_finally(place: Place, level: Level, aim: Aim, body: Sequence[Any]) -> Proposal:
    """The `try` of a level, in whose `finally` now stand other statements."""
    final = level.statement.finalbody
    block = final.body.with_changes(body=body)
    changed = level.statement.with_changes(finalbody=final.with_changes(body=block))
    return replaced(place, level, changed, FINALLY, aim)


class _Stop(NamedTuple):
    """What ends a task: what is called, and awaited, and the name of the task."""

    how: str
    task: str


def _stopped(statement: cst.CSTNode) -> _Stop | None:
    """How a statement ends a task with a call that it awaits, if that is all it does."""
    small = statement.body if isinstance(statement, cst.SimpleStatementLine) else ()
    value = small[0].value if len(small) == 1 and isinstance(small[0], cst.Expr) else None
    call = value.expression if isinstance(value, cst.Await) else None
    if not isinstance(call, cst.Call) or len(call.args) != 1 or call.args[0].star:
        return None
    given = call.args[0].value
    return _Stop(layout.code(call.func), given.value) if isinstance(given, cst.Name) else None


def attached(place: Place, level: Level, aim: Aim) -> Iterator[Proposal]:
    """The cancels in the `finally` of a `try` that is there already, or as its `finally`."""
    statement = level.statement
    final = statement.finalbody
    cancels = cancels_of(place, aim)
    handlers = _others(statement, aim)
    if final is None:
        changed = statement.with_changes(
            handlers=handlers, finalbody=cst.Finally(place.block(cancels))
        )
        yield replaced(place, level, changed, FINALLY, aim)
    elif isinstance(final.body, cst.IndentedBlock):
        block = final.body
        # What waits before the cancels might wait for what a handler has cancelled so far.
        early = statement.handlers if suspends(block) else handlers
        for kept, body in (
            (handlers, _ahead(place, level, cancels, block)),
            (early, [*block.body, *cancels]),
        ):
            each = final.with_changes(body=block.with_changes(body=body))
            changed = statement.with_changes(handlers=kept, finalbody=each)
            yield replaced(place, level, changed, FINALLY, aim)


def _others(statement: Any, aim: Aim) -> list[Any]:
    """The handlers of a `try` without the last ones that only cancel what an aim does, and raise
    again, and without the cancels in the others that do not suspend: a `finally` does that, too."""
    handlers = list(statement.handlers)
    while handlers and isinstance(statement, cst.Try) and only_cancels(handlers[-1], aim):
        handlers.pop()
    if handlers or not statement.orelse:
        return [left_to_cancel(each, aim) for each in handlers]
    return list(statement.handlers)


def _ahead(
    place: Place, level: Level, cancels: Sequence[Any], block: cst.IndentedBlock
) -> list[Any]:
    """The statements of a block with some more cancels behind those of the function's tasks that it
    begins with; where it begins with none, they take the comment that stands first if it is about
    them."""
    own = list(takewhile(lambda s: is_own_task(place, level, cancelled(s) or ""), block.body))
    if own:
        return [*own, *cancels, *block.body[len(own) :]]
    first, *rest = block.body
    lines = first.leading_lines if hasattr(first, "leading_lines") else ()
    about = "".join((line.comment.value if line.comment else "") + "\n" for line in lines)
    if "#" not in about or not is_about_cancels(about):
        return [*cancels, *block.body]
    head, *others = cancels
    head = head.with_changes(leading_lines=lines)
    return [head, *others, first.with_changes(leading_lines=()), *rest]


def cleaned_up(place: Place, level: Level, aim: Aim, width: int) -> Iterator[Proposal]:
    """What the `finally` of a `try` that is there already does, in a `try` whose `finally` has the
    cancels: it may fail before it has ended the tasks. Where it cancels one of them itself, only
    what it does before that."""
    final = level.statement.finalbody
    if final is None or not isinstance(final.body, cst.IndentedBlock) or not suspends(final.body):
        return
    body: Sequence[Any] = final.body.body
    ends_there = len(body) == 1 and isinstance(body[0], cst.Try)
    if ends_there or moved(place, Level(final.body, 0), len(body) - 1) > MOST_MOVED:
        return

    def around(inside: Sequence[Any], cancels: Sequence[Any], rest: Sequence[Any]) -> Proposal:
        indentation = place.indentation_at(level) + place.unit * 2
        inside = [layout.refitted(each, indentation, place.unit, width) for each in inside]
        inner = cst.Try(place.block(inside), finalbody=cst.Finally(place.block([*cancels])))
        return _in_finally(place, level, aim, [inner, *rest])

    own = next((n for n, each in enumerate(body) if (_cancelled_if_any(each),) == aim.names), 0)
    if own and not any(map(may_leave, body[:own])):
        yield around(body[:own], [as_first(body[own])], body[own + 1 :])
    yield around(body, cancels_of(place, aim), [])


def _cancelled_if_any(statement: Any) -> str | None:
    """As `cancelled`, also under `if task:` or `if task is not None:`."""
    if isinstance(statement, cst.If) and statement.orelse is None and len(statement.body.body) == 1:
        name = cancelled_name(statement.body.body[0])
        told = layout.code(statement.test)
        return name if name is not None and told in (name, f"{name} is not None") else None
    return cancelled(statement)


def handled_around(place: Place, level: Level, depth: int, aim: Aim) -> Iterator[Proposal]:
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
    cancels = cancels_of(place, aim)
    handlers = list(statement.handlers)
    for number, handler in enumerate(handlers):
        if _catches_cancellation(handler) and isinstance(handler.body, cst.IndentedBlock):
            block = handler.body.with_changes(body=_ahead(place, level, cancels, handler.body))
            handler = handler.with_changes(body=block)
            changed = [*handlers[:number], handler, *handlers[number + 1 :]]
            yield replaced(place, level, statement.with_changes(handlers=changed), EXCEPT, aim)
    if handlers and _is_too_narrow(handlers[-1], aim):
        wider = handlers[-1].with_changes(type=cst.Name("BaseException"))
        changed = [*handlers[:-1], wider]
        yield replaced(place, level, statement.with_changes(handlers=changed), EXCEPT, aim)
    raising = [_with_cancels(place, level, each, aim, cancels) for each in handlers]
    ways = [handlers, raising] if raising != handlers else [handlers]
    if any(each.type is None or "BaseException" in every_name(each.type) for each in handlers):
        ways = ways[1:]  # nothing would come to one more
    else:
        more = _set_off_as(handlers, handler_of(place, cancels))
        ways = [[*changed, more] for changed in ways]
    for changed in ways:
        yield replaced(place, level, statement.with_changes(handlers=changed), EXCEPT, aim)


def _is_too_narrow(handler: cst.ExceptHandler, aim: Aim) -> bool:
    """Whether a handler would be the cleanup if it caught all exceptions."""
    is_exception = isinstance(handler.type, cst.Name) and handler.type.value == "Exception"
    return is_exception and is_cleanup(handler, aim)


def _with_cancels(
    place: Place, level: Level, handler: cst.ExceptHandler, aim: Aim, cancels: list[Any]
) -> cst.ExceptHandler:
    """A handler that cancels before it raises something; itself where it does not raise, or
    cancels already."""
    if not isinstance(handler.body, cst.IndentedBlock) or not isinstance(
        _last_small(handler.body), cst.Raise
    ):
        return handler
    body = handler.body.body
    if any(cancelled_name(each) in aim.names or cancelled_by(each) for each in body):
        return handler
    block = handler.body.with_changes(body=_ahead(place, level, cancels, handler.body))
    return handler.with_changes(body=block)


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
