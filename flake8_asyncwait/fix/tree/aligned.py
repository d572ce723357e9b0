"""Statements whose lines are aligned by hand with a bracket, once that is further to the left."""

from __future__ import annotations

import re
from typing import TypeVar

import libcst as cst

from flake8_asyncwait.fix.tree import layout

Statement = TypeVar("Statement", bound=cst.CSTNode)

_OPENING, _CLOSING = "([{", ")]}"


def realigned(old: cst.CSTNode, new: Statement) -> Statement:
    """A statement that was `old` and has a shorter first line now, with its other lines as far to
    the left of where they were as the bracket is that the first one opens, if they were aligned
    with what is in it."""
    first, *others = layout.code(new).strip("\n").split("\n")
    was, now = _column(layout.code(old).strip("\n").split("\n")[0]), _column(first)
    indents = [len(line) - len(line.lstrip(" ")) for line in others if line]
    if not indents or not 0 < now < was or min(indents) != was:
        return new
    return layout.dedented(new, " " * (was - now))


def _column(line: str) -> int:
    """Where it goes on behind the first bracket that a line opens and does not close; 0 where the
    line ends there."""
    without = re.sub(layout.STRING, lambda found: "_" * len(found.group()), line)
    plain = without.partition("#")[0].rstrip()
    opened: list[int] = []
    for column, character in enumerate(plain, 1):
        if character in _OPENING:
            opened.append(column)
        elif character in _CLOSING and opened:
            opened.pop()
    return opened[0] if opened and opened[0] < len(plain) else 0
