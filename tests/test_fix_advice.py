"""What a report says that `asyncwait fix` would do, and that it does that."""

from __future__ import annotations

from pathlib import Path

import pytest
import samples

from flake8_asyncwait.analysis.interpret import Runs
from flake8_asyncwait.analysis.machine import books
from flake8_asyncwait.analysis.machine.machine import Machine
from flake8_asyncwait.check import check
from flake8_asyncwait.fix import file, fixer
from flake8_asyncwait.fix.advise import Advice
from flake8_asyncwait.fix.cure import FINALLY, MANUAL, UNTRIED, Cure
from flake8_asyncwait.fix.file import Request, fix_text
from flake8_asyncwait.options import Options
from flake8_asyncwait.report.entry import Change
from flake8_asyncwait.source.text import decode
from flake8_asyncwait.verdict.checked import Checked

pytestmark = pytest.mark.portable

FORGOTTEN = """\
import asyncio


async def f(work):
    task = asyncio.create_task(work())
    await asyncio.wait([task], timeout=5)


async def g(tasks):
    done, _ = await asyncio.wait(tasks, timeout=5)
    return done
"""
AROUND = f"""\
{samples.TWO_WAITS}

if __name__ == "__main__":
    main = asyncio.get_event_loop()
    tasks = [main.create_task(f(None))]
    main.run_until_complete(asyncio.wait(tasks, timeout=5))
"""
RACES = """\
import asyncio
from contextlib import suppress


async def first(works):
    tasks = [asyncio.create_task(work()) for work in works]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    with suppress(ValueError):
        return done.pop().result()


async def second(works):
    tasks = [asyncio.create_task(work()) for work in works]
    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    with suppress(ValueError):
        for task in pending:
            task.cancel()
    return done


async def third(work):
    task = asyncio.create_task(work())
    await asyncio.wait([task], timeout=5)
    return task.done()
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


def applied(text: str, change: Change | None) -> str:
    assert change is not None
    lines = text.splitlines(keepends=True)
    for edit in reversed(change.edits):
        lines[edit.line - 1 : edit.end_line - 1] = [edit.text]
    return "".join(lines)


def test_the_change_is_that_of_all_findings_of_the_function() -> None:
    first, second, other = check(SEVERAL).findings
    shown = advice(SEVERAL)
    change = shown.change(first)
    assert change == shown.change(second) != shown.change(other)
    for group in ([first, second], [other]):
        alone = fix_text("app.py", SEVERAL, Options(), Request(findings=group))
        assert applied(SEVERAL, shown.change(group[0])) == alone.text
        assert [shown.cures[each] for each in group] == list(alone.cures)


def test_a_change_imports_what_it_needs_and_no_more(tmp_path: Path) -> None:
    """Each is applied alone: an import that another function needs stays."""
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "__init__.py").touch()
    source = decode(str(tmp_path / "pkg" / "app.py"), RACES.encode())
    first, second, third = check(RACES).findings
    shown = Advice(source, RACES.encode(), [first, second, third], Options())
    assert "from pkg._wait_any import wait_any" in applied(RACES, shown.change(first))
    for finding in (first, second):
        alone = fix_text(source.name, RACES, Options(), Request(findings=[finding]))
        assert applied(RACES, shown.change(finding)) == alone.text
        assert "suppress\n" in alone.text
        change = shown.change(finding)
        assert change is not None
        assert change.new_module == alone.create is not None
    change = shown.change(third)
    assert change is not None
    assert change.new_module is None
    assert "wait_any" not in applied(RACES, change)


@pytest.mark.parametrize(("more", "proofs"), [("", 0), ("\nasync def h(f):\n    await f()\n", 1)])
def test_only_a_function_that_others_mention_is_proved_again(
    more: str, proofs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, seen = SEVERAL + more, list[str]()
    findings, shown = check(text).findings, advice(text)

    def proof(text: str, *_: object, **__: object) -> Checked:
        seen.append(text)
        return check(text)

    monkeypatch.setattr(file, "check", proof)
    assert all(shown.change(each) is not None for each in findings)
    assert len(seen) == proofs


def test_outside_of_functions_the_change_is_that_of_the_whole_file() -> None:
    first, *_, outside = check(AROUND).findings
    shown = advice(AROUND)
    whole = fix_text("app.py", AROUND, Options()).text
    assert applied(AROUND, shown.change(outside)) == whole != applied(AROUND, shown.change(first))


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


ENDED_AND_LEFT = """\
import asyncio


async def f(jobs, work):
    tasks = {asyncio.create_task(work(job)) for job in jobs}
    try:
        await asyncio.wait(tasks)
    finally:
        for task in tasks:
            task.cancel()
    others = {asyncio.create_task(work(job)) for job in jobs}
    done, _ = await asyncio.wait(others, timeout=1)
    for task in done:
        work(task)
    for task in others:
        task.cancel()
"""


def test_what_was_too_much_for_a_site_is_not_tried_in_a_proof(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(books, "FIRST_WORK", 1)
    monkeypatch.setattr(books, "NODE_WORK", 0)
    findings = check(ENDED_AND_LEFT).findings
    runs: list[tuple[int, int]] = []
    carry_out = Runs._carry_out

    def noted(self: Runs, run: Machine) -> None:
        runs.append((run.site.index, run.many))
        carry_out(self, run)

    monkeypatch.setattr(Runs, "_carry_out", noted)
    fixed = fixer.fix(ENDED_AND_LEFT, Options(), findings=findings)
    assert [cure.outcome for cure in fixed.cures] == [FINALLY]
    assert runs[:3] == [(1, 3), (1, 1), (1, 2)]
    assert {many for site, many in runs[3:] if site} == {2}


@pytest.mark.parametrize("over", ["many", "range(3)", "(work, work)"])
def test_loops_in_each_other_do_not_multiply(over: str) -> None:
    heads = [f"{' ' * 4 * n}for n{n} in {over}:\n" for n in range(1, 19)]
    body = "task = asyncio.create_task(work())\nawait asyncio.wait([task], timeout=1)\n"
    inner = "".join(f"{' ' * 76}{line}\n" for line in body.splitlines())
    text = "import asyncio\n\n\nasync def f(many, work):\n" + "".join(heads) + inner
    assert [cure.outcome for cure in fixer.fix(text, Options()).cures] == [FINALLY]
