"""The arithmetic of `benchmarks.packages`: which tests a fix breaks, and what it changes."""

from __future__ import annotations

from benchmarks.packages import PACKAGES, Result, change, worse

BEFORE = """\
import asyncio


async def f(tasks):
    while tasks:
        done, tasks = await asyncio.wait(tasks)
    else:
        print(done)
"""
AFTER = """\
import asyncio


async def f(tasks):
    try:
        while tasks:
            done, tasks = await asyncio.wait(tasks)
        else:
            print(done)
    finally:
        cancel(tasks)
"""


def broken(before: dict[str, str], after: dict[str, str]) -> list[str]:
    return Result(PACKAGES[0], before, after, "", (), 0.0).broken


def test_a_test_that_does_not_pass_any_more_is_broken() -> None:
    before = {"a": "passed", "b": "passed", "c": "failed", "d": "skipped", "e": "passed"}
    after = {"a": "passed", "b": "failed", "c": "failed", "d": "failed", "f": "failed"}
    assert broken(before, after) == ["b", "e"]


def test_a_test_that_passed_once_only_is_not_counted() -> None:
    assert worse("passed", "failed") == "failed"
    assert worse("failed", "passed") == "failed"
    assert worse("passed", None) == "failed"
    assert worse("passed", "passed") == "passed"


def test_a_statement_that_moves_is_neither_gone_nor_new() -> None:
    changed = change("a.py", BEFORE, AFTER)
    assert changed.gone == ()
    assert changed.new == ("try: ... finally: ...", "cancel(tasks)")


def test_lines_count_when_their_indentation_changes() -> None:
    changed = change("a.py", BEFORE, AFTER)
    assert (changed.lines, changed.total) == (11, 8)


def test_a_statement_that_differs_is_both_gone_and_new() -> None:
    changed = change("a.py", "x = 1\ny = 2\n", "x = 1\ny = 3\n")
    assert (changed.gone, changed.new) == (("y = 2",), ("y = 3",))
    assert (changed.lines, changed.total) == (2, 2)
