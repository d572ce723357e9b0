"""Everyday code around waits, made at random: it is checked and fixed without an internal error."""

from __future__ import annotations

import warnings

import pytest
import samples

from benchmarks.everyday import module
from benchmarks.hostile import everyday, tried
from flake8_asyncwait.options import Options

pytestmark = pytest.mark.portable


def test_modules_of_everyday_code() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python has to say of them
        results = [tried(name, data, Options()) for name, data in everyday(50)]
    assert [one.crash for one in results if one.crash] == []
    assert [one.told for one in results if one.told] == []  # each of them is Python
    assert sum(one.findings for one in results) > 15
    assert sum(one.fixed for one in results) > 2


def test_a_seed_always_makes_the_same_module() -> None:
    assert module(1) == module(1) != module(2)


def test_an_internal_error_that_was_caught_is_a_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise KeyError("")

    monkeypatch.delenv("ASYNCWAIT_RAISE")
    monkeypatch.setattr("flake8_asyncwait.rules.decide.Runs", fails)
    result = tried("a.py", samples.FORGOTTEN.encode(), Options())
    assert "internal error" in result.crash


def test_a_generator_with_a_comment_in_it_gets_a_name() -> None:
    text = """\
import asyncio


async def f(jobs):
    done, pending = await asyncio.wait(
        (
            asyncio.create_task(work(job))  # one each
            for job in jobs
        ),
        timeout=1,
    )
    print(done, pending)
"""
    result = tried("a.py", text.encode(), Options())
    assert (result.crash, result.fixed) == ("", True)
