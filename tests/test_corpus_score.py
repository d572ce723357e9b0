"""The arithmetic of the labelled corpus, on labels made up here."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks.corpus.labels import LABELS, SILENT, Label, load
from benchmarks.corpus.run import compare, parses_here
from benchmarks.corpus.score import Judged, Score, score
from flake8_asyncwait.options import ALL_CODES
from flake8_asyncwait.undetermined import UndeterminedSite
from flake8_asyncwait.verdict.checked import Checked
from flake8_asyncwait.verdict.finding import Finding


def label(code: str = SILENT, line: int = 1, col: int = 0, min_python: str = "") -> Label:
    return Label(
        package="tiny",
        version="1.0",
        archive="tiny-1.0-py3-none-any.whl",
        sha256="",
        file="tiny/loop.py",
        line=line,
        col=col,
        early=True,
        code=code,
        owner="owned",
        cure=None,
        confidence="sure",
        note="",
        min_python=min_python,
    )


def test_every_ratio_counts_what_its_name_says() -> None:
    judged = [
        Judged(label("AWT101"), "AWT101"),
        Judged(label("AWT101"), "AWT102"),
        Judged(label("AWT102"), "AWT102"),
        Judged(label("AWT102"), SILENT),
        Judged(label(SILENT), "AWT104"),
        Judged(label(SILENT), SILENT),
    ]
    result = score(judged)
    assert result == Score(sites=6, expected=4, flagged=4, both=3, same_flagged=2, same=3)
    assert result.precision == 3 / 4
    assert result.recall == 3 / 4
    assert result.exact_flagged == 2 / 3
    assert result.exact == 3 / 6


def test_nothing_to_count_is_no_ratio() -> None:
    result = score([])
    assert (result.precision, result.recall, result.exact_flagged, result.exact) == (None,) * 4


def test_an_undetermined_site_counts_as_missed() -> None:
    result = score([Judged(label("AWT101"), undetermined=True)])
    assert result.recall == 0.0
    assert result.precision is None


def test_a_finding_belongs_to_the_label_at_its_line_and_column() -> None:
    text = "x = 1\nä = await asyncio.wait(x)\nawait asyncio.wait(y)\n"
    hit = Finding(2, 10, "AWT101", "is forgotten")
    stray = Finding(3, 6, "AWT102", "outlives")
    labels = [label("AWT101", line=2, col=11), label(line=3, col=0)]
    undetermined = (UndeterminedSite(3, 0, "too many paths"),)
    result = compare(Path("loop.py"), text, labels, Checked((hit, stray), undetermined))
    assert result.judged == (
        Judged(labels[0], "AWT101", "is forgotten"),
        Judged(labels[1], undetermined=True),
    )
    assert result.unlabelled == (stray,)


def test_a_file_for_a_newer_python_is_left_out() -> None:
    assert parses_here(label())
    assert parses_here(label(min_python="3.10"))
    assert not parses_here(label(min_python="4.0"))


def test_the_kept_labels_are_sound() -> None:
    labels = load()
    places = [(one.archive, one.file, one.line, one.col) for one in labels]
    assert len(places) == len(set(places))
    assert {one.code for one in labels} <= ALL_CODES | {SILENT}
    assert all(one.code in (SILENT, "AWT201") for one in labels if not one.early)


def test_what_is_turned_is_a_label_and_something_turns() -> None:
    labels = {(one.package, one.file, one.line): one for one in load()}
    turned = json.loads(LABELS.with_name("turned.json").read_text(encoding="utf-8"))
    places = [(one["package"], one["file"], one["line"]) for one in turned]
    assert places == sorted(set(places))
    for place, one in zip(places, turned, strict=True):
        label = labels[place]
        assert label.code == one["old"]
        assert (one["new"], one["confidence"]) != (label.code, label.confidence)
        assert {one["new"], one.get("alt", SILENT)} <= ALL_CODES | {SILENT}
        assert (one["confidence"] == "debatable") == ("alt" in one)
        assert one["note"]
