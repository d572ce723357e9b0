"""What a report says that `asyncwait fix` would do, and that it does that."""

from __future__ import annotations

from pathlib import Path

import pytest
import samples

from flake8_asyncwait.check import check
from flake8_asyncwait.fix import fixer
from flake8_asyncwait.fix.advise import Advice
from flake8_asyncwait.fix.cure import MANUAL, UNTRIED, Cure
from flake8_asyncwait.fix.file import fix_text
from flake8_asyncwait.options import Options
from flake8_asyncwait.source.text import decode

pytestmark = pytest.mark.thorough

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


SEVERAL = f"""\
{samples.TWO_WAITS}

async def g(work):
    task = asyncio.create_task(work())
    await asyncio.wait([task], timeout=5)
"""


def advice(text: str) -> Advice:
    data = text.encode()
    found = Advice(decode("app.py", data), data, check(text).findings, Options())
    assert found.internal == ()
    return found


def cures(text: str) -> tuple[Cure, ...]:
    return tuple(advice(text).cures.values())


@pytest.mark.parametrize("path", BEFORE, ids=lambda path: path.name)
def test_what_is_said_is_what_a_fix_does(path: Path) -> None:
    text = path.read_text("utf-8")
    assert cures(text) == fix_text("app.py", text, Options()).cures


def test_the_change_is_that_of_all_findings_of_the_function() -> None:
    first, second, other = check(SEVERAL).findings
    shown = advice(SEVERAL)
    change = shown.change(first)
    assert change is not None
    assert change == shown.change(second) != shown.change(other)
    lines = SEVERAL.splitlines(keepends=True)
    for edit in reversed(change.edits):
        lines[edit.line - 1 : edit.end_line - 1] = [edit.text]
    assert "".join(lines) == fix_text("app.py", SEVERAL, Options(), None, [first, second]).text


def test_what_takes_too_much_work_is_not_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixer, "WORK", 0)
    first = cures(FORGOTTEN)[0]
    assert (first.outcome, first.reason) == (UNTRIED, "the function takes long to follow")
    assert first.is_left
    assert fix_text("app.py", FORGOTTEN, Options()).cures[0] == first


def test_what_is_never_rewritten_takes_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fixer, "WORK", 0)
    assert [cure.outcome for cure in cures(FORGOTTEN)] == [UNTRIED, MANUAL]


def test_no_function_takes_the_work_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """What suffices for one suffices for any number of them."""
    head, _, function = FORGOTTEN.partition("async def f(work):")
    function = f"async def f{{}}(work):{function.partition('async def g')[0]}"
    many = head + "".join(function.format(number) for number in range(8))
    alone = head + function.format(0)
    for work in range(1_000, 100_000, 1_000):
        monkeypatch.setattr(fixer, "WORK", work)
        if cures(alone)[0].outcome != UNTRIED:
            break
    assert {cure.outcome for cure in cures(many)} == {cures(alone)[0].outcome}
    assert cures(alone)[0].outcome != UNTRIED
