"""What a proposal for a `try` is made of: its cancels, its handler, the statements around them.

The cancels carry `MARK` in the place of `cancel`, so that their lines can be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import libcst as cst

from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.names import every_name, fresh
from flake8_asyncwait.fix.tree.place import Level, Place
from flake8_asyncwait.fix.ways.aims import TASK, Aim
from flake8_asyncwait.fix.ways.loops import is_loop_variable

MARK = "cancel__by_asyncwait_fix"
# More lines than this are not moved for a `try`: nobody would read them again.
MOST_MOVED = 25


class Proposal(NamedTuple):
    """A way to cure a site: what cancels its tasks, `FINALLY` or `EXCEPT`, the names of those that
    it cancels, or of what holds them, the slice that it makes, how many lines it moves, and whether
    the cancels are those that the function had."""

    kind: str
    names: frozenset[str]
    module: cst.Module
    moved: int = 0
    has_own: bool = False


def moved(place: Place, level: Level, end: int) -> int:
    """How many lines a `try` moves that begins with the statement of a level; it leaves blank ones
    as they are."""
    first, last = place.lines_of(level.statement)[0], place.lines_of(level.block.body[end])[1]
    lines = place.code.split("\n")[first - place.above - 1 : last - place.above]
    return sum(1 for line in lines if line.strip())


def cancels_of(place: Place, aim: Aim) -> list[Any]:
    """The statements that cancel what an aim names."""
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


def handler_of(place: Place, cancels: Sequence[Any]) -> cst.ExceptHandler:
    """A handler that cancels, whatever has been raised, and lets it go on."""
    again = cst.SimpleStatementLine([cst.Raise()])
    return cst.ExceptHandler(place.block([*cancels, again]), cst.Name("BaseException"))


def replaced(place: Place, level: Level, statement: Any, kind: str, aim: Aim) -> Proposal:
    """The proposal of a kind for an aim with another statement in the place of one."""
    return Proposal(kind, aim.mentioned, with_statements(place, level, level.index, [statement]))


def with_statements(place: Place, level: Level, end: int, new: Sequence[Any]) -> cst.Module:
    """The slice with others in the place of the statements of a block up to `end`."""
    body = level.block.body
    return place.with_body(level, [*body[: level.index], *new, *body[end + 1 :]])
