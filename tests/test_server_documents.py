"""The documents of the language server: positions, and findings that move with their code."""

from __future__ import annotations

import random

import pytest

pytest.importorskip("pygls", reason="needs the extra `server`")

from lsprotocol import types

from flake8_asyncwait.server.document import Document, Text
from flake8_asyncwait.server.work import Buffer
from flake8_asyncwait.verdict.finding import Finding, Step

UTF8, UTF16, UTF32 = types.PositionEncodingKind


@pytest.mark.parametrize("encoding", list(types.PositionEncodingKind))
def test_places_and_positions(encoding: types.PositionEncodingKind) -> None:
    text = Text("\ufeffa😀b\r\n\té\n\f\u2028x", encoding)
    assert text.position((1, 2)).character == {UTF8: 8, UTF16: 4, UTF32: 3}[encoding]
    assert text.position((2, 2)).character == {UTF8: 3, UTF16: 2, UTF32: 2}[encoding]
    assert text.position((3, 2)).character == {UTF8: 4, UTF16: 2, UTF32: 2}[encoding]
    for place in [(1, -1), (1, 0), (1, 1), (1, 2), (1, 3), (2, 0), (2, 2), (3, 0), (3, 3)]:
        assert text.place(text.position(place)) == place
        assert text.place_of(text.offset(place)) == place
    assert text.place(types.Position(0, 99)) == (1, 3)
    assert text.place(types.Position(99, 0)) == (3, 3)


def _document(text: str, *findings: Finding) -> Document:
    item = types.TextDocumentItem("file:///a.py", "python", 1, text)
    document = Document(item, Buffer("/a.py", "", "/"), UTF16, is_python=True)
    document.findings = findings
    return document


def test_whole_texts_and_parts_make_the_same_text_and_move_findings_alike() -> None:
    chance = random.Random(2111)
    letters = ["a", "😀", "é", "\n", "\r\n", "\t", "\f", "b = 1"]
    for _ in range(200):
        before = "".join(chance.choices(letters, k=12))
        start, end = sorted(chance.choices(range(len(before) + 1), k=2))
        new = "".join(chance.choices(letters, k=chance.randrange(3)))
        after = before[:start] + new + before[end:]
        text = Text(before, UTF16)
        where = types.Range(text.position(text.place_of(start)), text.position(text.place_of(end)))
        part, whole = _document(before), _document(before)
        part.change(2, [types.TextDocumentContentChangePartial(where, new)])
        whole.change(2, [types.TextDocumentContentChangeWholeDocument(after)])
        assert whole.text.text == after
        if "\r\n" not in before[max(start - 1, 0) : start + 1] + before[end - 1 : end + 1]:
            assert part.text.text == after


@pytest.mark.parametrize(
    ("start", "end", "new", "place"),
    [
        ((1, 0), (1, 0), "x\n", (4, 4, 4, 10)),  # lines above it
        ((3, 0), (3, 2), "", (3, 2, 3, 8)),  # its own line
        ((3, 4), (3, 4), "xy", (3, 6, 3, 12)),  # at its beginning
        ((3, 6), (3, 7), "xyz", (3, 4, 3, 12)),  # within
        ((3, 2), (3, 6), "", (3, 2, 3, 6)),  # its beginning goes
        ((3, 10), (3, 10), "\n", (3, 4, 4, 0)),  # right behind it
        ((4, 0), (4, 1), "", (3, 4, 3, 10)),  # below it
        ((3, 4), (3, 10), "pass", None),  # all of it goes
        ((1, 0), (5, 0), "", None),
    ],
)
def test_a_finding_moves_with_its_code(
    start: tuple[int, int],
    end: tuple[int, int],
    new: str,
    place: tuple[int, int, int, int] | None,
) -> None:
    steps = (Step(3, "here"), Step(3, "there", path="/b.py"))
    finding = Finding(3, 4, "AWT101", "", steps, 3, 10)
    document = _document("one\ntwo\n    found()\nfour\n", finding)
    where = types.Range(types.Position(start[0] - 1, start[1]), types.Position(end[0] - 1, end[1]))
    document.change(2, [types.TextDocumentContentChangePartial(where, new)])
    assert [(f.line, f.column, f.end_line, f.end_column) for f in document.findings] == (
        [place] if place else []
    )
    for each in document.findings:
        assert [step.line for step in each.witness] == [each.line, 3]
