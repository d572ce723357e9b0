"""Comparing two reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.agreement import Reported, choose, compare, is_odd, parse_report

FINDING = Reported("a.py", 3, 5, "AWT101", "'t' is forgotten")
BROKEN = Reported("bad.py", 1, 1, "E999", "SyntaxError: invalid syntax")


def test_a_report_is_read_line_by_line() -> None:
    assert parse_report(f"{FINDING}\nnot a finding\n{BROKEN}\n") == {FINDING, BROKEN}


def test_equal_reports_do_not_differ() -> None:
    result = compare({FINDING, BROKEN}, {FINDING}, ["bad.py:1: invalid syntax"])
    assert result.agreed == 1
    assert result.unparsed == {"bad.py"}
    assert not result.differs


def test_every_kind_of_difference_is_told() -> None:
    moved = Reported("a.py", 3, 6, "AWT101", "'t' is forgotten")
    result = compare({FINDING}, {moved}, ["b.py: cannot be read"])
    assert result.only_flake8 == (FINDING,)
    assert result.only_asyncwait == (moved,)
    assert result.complaints == ("b.py: cannot be read",)
    assert result.differs


def test_likely_and_odd_files_are_all_chosen_and_others_sampled(tmp_path: Path) -> None:
    likely = tmp_path / "waits.py"
    likely.write_text("import asyncio\nasyncio.wait\n")
    (tmp_path / "site-packages").mkdir()
    (tmp_path / "site-packages" / "other.py").write_text("import asyncio\nasyncio.wait\n")
    odd = tmp_path / "bad.py"
    odd.write_text("def\n")
    for number in range(10):
        (tmp_path / f"plain{number}.py").write_text("")
    chosen = choose(tmp_path, 5)
    assert chosen.likely == [likely]
    assert chosen.odd == [odd]
    assert [path.name for path in chosen.plain] == [
        f"plain{number}.py" for number in range(0, 10, 2)
    ]
    assert choose(tmp_path, 0).plain == []


@pytest.mark.parametrize(
    "data",
    [b"def", b"x = '\xff'", b"\0", b"# coding: nope", b"# coding: latin-1\n", b"\xef\xbb\xbfx = 1"],
)
def test_odd_files(data: bytes) -> None:
    assert is_odd(data)


@pytest.mark.parametrize("data", [b"", b"x = 1\n", "# coding: utf-8\nx = 'ä'\n".encode()])
def test_plain_files(data: bytes) -> None:
    assert not is_odd(data)
