"""The difference of two texts, as edits."""

from __future__ import annotations

import re

from flake8_asyncwait.report.entry import Edit
from flake8_asyncwait.source.differences import differences

_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")


def edits(before: str, after: str) -> tuple[Edit, ...]:
    """The edits that turn one text into the other, whole lines each, from the top.

    Line ends are those of the texts, which an edit therefore may hold too.
    """
    old, new = _LINE.findall(before), _LINE.findall(after)
    found = []
    for kind, first, last, start, end in differences(old, new):
        if kind != "equal":
            found.append(Edit(*_place(old, first), *_place(old, last), "".join(new[start:end])))
    return tuple(found)


def _place(lines: list[str], index: int) -> tuple[int, int]:
    """The line and column at which a line begins, or the last one ends without a line end."""
    if index and index == len(lines) and lines[-1][-1] not in "\r\n":
        return index, len(lines[-1]) + 1
    return index + 1, 1
