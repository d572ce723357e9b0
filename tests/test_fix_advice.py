"""What a report says that `asyncwait fix` would do, and that it does that."""

from __future__ import annotations

from pathlib import Path

import pytest

from flake8_asyncwait.check import check
from flake8_asyncwait.fix import advise
from flake8_asyncwait.fix.cure import FINALLY, MANUAL, UNTRIED, Cure
from flake8_asyncwait.fix.file import fix_text
from flake8_asyncwait.options import Options

FIXTURES = Path(__file__).parent.parent / "fixtures" / "fixes"
BEFORE = sorted(FIXTURES.glob("*.before.py"))
FORGOTTEN = """\
import asyncio


async def f(work):
    task = asyncio.create_task(work())
    await asyncio.wait([task], timeout=5)


async def g(tasks):
    done, _ = await asyncio.wait(tasks, timeout=5)
    return done
"""


def cures(text: str) -> tuple[Cure, ...]:
    return advise.cures_for("app.py", text, check(text).findings, Options())


@pytest.mark.parametrize("work", [4_000, advise.WORK])
@pytest.mark.parametrize("path", BEFORE, ids=lambda path: path.name)
def test_nothing_is_said_that_a_fix_would_not_do(
    path: Path, work: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advise, "WORK", work)
    text = path.read_text("utf-8")
    done = fix_text("app.py", text, Options()).cures
    said = cures(text)
    assert [cure for cure in said if cure.outcome != UNTRIED] == [
        cure for cure, advice in zip(done, said, strict=True) if advice.outcome != UNTRIED
    ]


def test_what_takes_too_much_work_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advise, "WORK", 0)
    first = cures(FORGOTTEN)[0]
    assert (first.outcome, first.reason) == (UNTRIED, "the function takes long to follow")


def test_what_is_never_rewritten_takes_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advise, "WORK", 0)
    assert [cure.outcome for cure in cures(FORGOTTEN)] == [UNTRIED, MANUAL]


def test_what_is_untried_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advise, "WORK", 0)
    assert cures(FORGOTTEN)[0].is_left


def test_a_fix_itself_takes_all_the_work_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(advise, "WORK", 0)
    outcomes = [cure.outcome for cure in fix_text("app.py", FORGOTTEN, Options()).cures]
    assert outcomes == [FINALLY, MANUAL]
