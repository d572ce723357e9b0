"""A document that an editor has open: its text, its positions, and what was found in it.

An editor counts lines and characters from 0, and characters in units of the encoding that was
agreed on. A `Finding` counts lines from 1, and characters of Python, without a BOM.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable
from functools import cached_property
from itertools import takewhile
from typing import Any, NamedTuple

from lsprotocol import types

from flake8_asyncwait.report.entry import Change, Edit
from flake8_asyncwait.server.work import Buffer, Offers
from flake8_asyncwait.verdict.finding import Finding, Step

_LINE_END = re.compile("\r\n|\r|\n")
_BOM = "\ufeff"
# The codec of each encoding, and how many bytes a unit has.
_UNITS = {
    types.PositionEncodingKind.Utf8: ("utf-8", 1),
    types.PositionEncodingKind.Utf16: ("utf-16-le", 2),
    types.PositionEncodingKind.Utf32: ("utf-32-le", 4),
}
# In characters: of a longer change as a whole the lines are told, and not the characters.
_SHORT = 10_000

Place = tuple[int, int]  # as in a `Finding`: a line from 1, and a column from 0


class Text:
    """A text, and where its lines are: they end as the protocol says, and as Python does."""

    def __init__(self, text: str, encoding: types.PositionEncodingKind) -> None:
        self.text = text
        self.encoding = encoding
        self._codec, self._width = _UNITS[encoding]
        self._shift = len(_BOM) if text.startswith(_BOM) else 0

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *(match.end() for match in _LINE_END.finditer(self.text))]

    def line(self, number: int) -> str:
        """A line by its number from 0, without its end; "" behind the last."""
        if number >= len(self._starts):
            return ""
        found = _LINE_END.search(self.text, self._starts[number])
        return self.text[self._starts[number] : found.start() if found else None]

    def position(self, place: Place) -> types.Position:
        """A place as the editor counts."""
        number, column = place[0] - 1, place[1] + (self._shift if place[0] == 1 else 0)
        before = self.line(number)[:column]
        return types.Position(number, self._length(before))

    def range(self, start: Place, end: Place) -> types.Range:
        """What lies between two places, as the editor counts."""
        return types.Range(self.position(start), self.position(end))

    def place(self, position: types.Position) -> Place:
        """A position as a finding counts. One behind the end of a line is that end."""
        number = min(position.line, len(self._starts) - 1)
        line = self.line(number)
        column = self._column(line, position.character) if position.line == number else len(line)
        return number + 1, column - (self._shift if number == 0 else 0)

    def offset(self, place: Place) -> int:
        """The number of characters before a place, with a BOM."""
        return self._starts[place[0] - 1] + place[1] + (self._shift if place[0] == 1 else 0)

    def place_of(self, offset: int) -> Place:
        """The place behind so many characters."""
        from bisect import bisect_right

        number = bisect_right(self._starts, offset) - 1
        return number + 1, offset - self._starts[number] - (self._shift if number == 0 else 0)

    def text_edit(self, edit: Edit) -> types.TextEdit:
        """An edit of a report as the editor wants it."""
        start, end = (edit.line, edit.column - 1), (edit.end_line, edit.end_column - 1)
        return types.TextEdit(self.range(start, end), edit.text)

    def _length(self, text: str) -> int:
        if text.isascii():
            return len(text)
        return len(text.encode(self._codec, "surrogatepass")) // self._width

    def _column(self, line: str, units: int) -> int:
        """How many characters of a line have so many units: one in the middle does not count."""
        if line.isascii():
            return min(units, len(line))
        data = line.encode(self._codec, "surrogatepass")[: units * self._width]
        return len(data.decode(self._codec, "ignore"))


class _Change(NamedTuple):
    """What was between two places is another text, which ends elsewhere."""

    start: Place
    end: Place
    new_end: Place

    def moved(self, place: Place) -> Place:
        """Where a place is after the change."""
        if place < self.start:
            return place
        if place < self.end:
            return self.start
        line, column = place[0] - self.end[0] + self.new_end[0], place[1]
        if place[0] == self.end[0]:
            column += self.new_end[1] - self.end[1]
        return line, column

    def removes(self, start: Place, end: Place) -> bool:
        """Whether all that is between two places goes."""
        return self.start <= start and end <= self.end


class Document:
    """One open document. `findings` are those of its text, or where that could not be checked,
    those of an earlier one, each where it is now."""

    def __init__(
        self,
        item: types.TextDocumentItem,
        buffer: Buffer,
        encoding: types.PositionEncodingKind,
        is_python: bool,
    ) -> None:
        """What is not `is_python` is not checked, but others may look into it."""
        self.uri = item.uri
        self.version = item.version
        self.text = Text(item.text, encoding)
        self.is_python = is_python
        self.findings: tuple[Finding, ...] = ()
        # Of this version: the cures of findings, what actions change, whether it is checked, its
        # check, and the requests that are about it.
        self.offers: dict[Finding, Offers] = {}
        self.changes: dict[tuple[Finding | None, str], Change | None] = {}
        self.is_checked = False
        self.check: asyncio.Task[None] | None = None
        self.requests: set[asyncio.Task[Any]] = set()
        # Whether other files have changed since the check began, and how long the last one took.
        self.is_outdated = False
        self.seconds = 0.0
        self._buffer = buffer

    @property
    def buffer(self) -> Buffer:
        """The document as a worker gets it."""
        return self._buffer._replace(text=self.text.text)

    @property
    def path(self) -> str | None:
        """The path of its file, if it has one."""
        return None if self._buffer.is_loose else self._buffer.name

    def within(self, where: types.Range) -> list[Finding]:
        """The findings whose call a range meets."""
        start, end = self.text.place(where.start), self.text.place(where.end)
        return [
            each
            for each in self.findings
            if start <= (each.end_line, each.end_column) and (each.line, each.column) <= end
        ]

    def change(self, version: int, changes: Iterable[types.TextDocumentContentChangeEvent]) -> None:
        """Change the text as an editor says, and move the findings along."""
        for one in changes:
            if isinstance(one, types.TextDocumentContentChangePartial):
                start, end = self.text.place(one.range.start), self.text.place(one.range.end)
                self._replace(self.text.offset(start), self.text.offset(end), one.text)
            else:
                self._replace(*_difference(self.text.text, one.text))
        self.version = version
        self._forget()
        self.is_checked = False

    def settle(self) -> None:
        """Note that the text is checked: what was worked out before may be in vain."""
        self._forget()
        self.is_checked = True

    def _forget(self) -> None:
        self.offers.clear()
        self.changes.clear()

    def _replace(self, start: int, end: int, new: str) -> None:
        before, end = self.text, max(start, end)
        text = before.text[:start] + new + before.text[end:]
        self.text = Text(text, before.encoding)
        change = _Change(
            before.place_of(start), before.place_of(end), self.text.place_of(start + len(new))
        )
        self.findings = tuple(
            _moved(each, change)
            for each in self.findings
            if not change.removes((each.line, each.column), (each.end_line, each.end_column))
        )


def _moved(finding: Finding, change: _Change) -> Finding:
    """A finding, and the steps that are in the same file, where they are after a change."""
    line, column = change.moved((finding.line, finding.column))
    end_line, end_column = change.moved((finding.end_line, finding.end_column))
    return finding._replace(
        line=line,
        column=column,
        end_line=end_line,
        end_column=end_column,
        witness=tuple(_moved_step(step, change) for step in finding.witness),
    )


def _moved_step(step: Step, change: _Change) -> Step:
    return step if step.path else step._replace(line=change.moved((step.line, 0))[0])


def _difference(old: str, new: str) -> tuple[int, int, str]:
    """What to replace in a text to get another one: from where to where, and by what."""
    first = _common(old.splitlines(True), new.splitlines(True))
    end, new_end = len(old), len(new)
    same = _common(old[first:].splitlines(True)[::-1], new[first:].splitlines(True)[::-1])
    end, new_end = end - same, new_end - same
    if max(end, new_end) - first <= _SHORT:
        start = first + _common(old[first:end], new[first:new_end])
        same = _common(old[start:end][::-1], new[start:new_end][::-1])
        return start, end - same, new[start : new_end - same]
    return first, end, new[first:new_end]


def _common(some: Iterable[str], others: Iterable[str]) -> int:
    """How many characters two texts have in common at their beginning: each in pieces."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(some, others, strict=False))
    return sum(len(piece) for piece, _ in same)
