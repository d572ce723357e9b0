"""The call of `asyncio.wait` as one of `wait_any`, laid out anew where that is a formatter's."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

import libcst as cst

from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.aligned import realigned
from flake8_asyncwait.fix.tree.place import Place

_FOR_TOOLS = re.compile(r"# ?(noqa|type:|pyright:|pylint:|ty:|flake8:|ruff:|isort:|nosec)")


def renamed(place: Place, function: str, drop: frozenset[str], width: int) -> cst.Module | None:
    """The slice with the call of the site as a call of `function`, an expression; None where
    formatters would lay it out differently.

    The arguments named in `drop` go, unless a comment would go with them. `width` is the line
    length to keep to where there is a choice.
    """
    call = place.call
    args = _kept(call.args, drop)
    args = [arg if i else _positional(arg) for i, arg in enumerate(args)]
    changed = call.with_changes(func=cst.parse_expression(function), args=args)
    ways = list(_layouts(call, changed))
    best = next((way for way in ways[:-1] if _fits(place, way, width)), None)
    if best is None and any(_fits(place, way, width, True) for way in ways[:-1]):
        return None  # to ruff, a comment for a tool takes no place; to black it does
    statement = place.levels[0].statement
    if best is not None or not isinstance(statement, cst.SimpleStatementLine):
        return place.with_node(call, best or ways[-1])
    old = statement.with_changes(leading_lines=())
    new = realigned(old, old.deep_replace(call, ways[-1]))
    return place.with_node(statement, new.with_changes(leading_lines=statement.leading_lines))


def _layouts(old: cst.Call, new: cst.Call) -> Iterator[cst.Call]:
    """The ways to lay out the new call, the best first; the last is to do as little as can be."""
    shorter = layout.without_magic_comma(new)
    if "\n" not in layout.code(old):
        yield new
    elif len(new.args) == 1 < len(old.args) and layout.is_breakable(shorter):
        yield layout.flat(shorter)  # nobody gives a single argument a line of its own
    elif layout.is_breakable(old):
        yield layout.flat(new)
    yield new


def _fits(place: Place, call: cst.Call, width: int, but_for_tools: bool = False) -> bool:
    """Whether the statement of the site keeps to a line length with another call in it, perhaps
    but for a comment behind it that a tool reads."""
    statement = place.levels[0].statement
    if not isinstance(statement, cst.SimpleStatementLine):
        return False
    comment = statement.trailing_whitespace.comment
    if but_for_tools and comment is not None and _FOR_TOOLS.match(comment.value):
        statement = statement.with_changes(trailing_whitespace=cst.TrailingWhitespace())
    return layout.fits(statement.deep_replace(place.call, call), place.indentation, width)


def _positional(arg: cst.Arg) -> cst.Arg:
    """The waited tasks by position: the parameter has another name in `wait_any`."""
    if arg.keyword is None or arg.keyword.value != "fs":
        return arg
    return arg.with_changes(keyword=None, equal=cst.MaybeSentinel.DEFAULT)


def _kept(args: Sequence[cst.Arg], drop: frozenset[str]) -> list[cst.Arg]:
    """The arguments that stay. What stands behind the last one is what stood there before."""
    kept = [arg for arg in args if not _goes(arg, drop)]
    if kept[-1] is args[-1]:
        return kept
    last, comma = args[-1], kept[-1].comma
    if "#" not in layout.code(kept[-1]):
        comma = last.comma
    elif isinstance(comma, cst.Comma) and isinstance(last.comma, cst.Comma):
        comment, end = comma.whitespace_after, last.comma.whitespace_after
        if not isinstance(comment, cst.ParenthesizedWhitespace):
            return list(args)
        if not isinstance(end, cst.ParenthesizedWhitespace):
            return list(args)
        comma = comma.with_changes(whitespace_after=comment.with_changes(last_line=end.last_line))
    else:
        return list(args)
    after = last.whitespace_after_arg
    return [*kept[:-1], kept[-1].with_changes(comma=comma, whitespace_after_arg=after)]


def _goes(arg: cst.Arg, drop: frozenset[str]) -> bool:
    return arg.keyword is not None and arg.keyword.value in drop and "#" not in layout.code(arg)
