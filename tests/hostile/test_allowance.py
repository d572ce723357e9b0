"""What a file takes is bounded, however many functions it has: the last ones may take less."""

from __future__ import annotations

import ast
import time
from typing import Any

import pytest

from flake8_asyncwait.analysis.machine import books, execute
from flake8_asyncwait.analysis.machine.books import (
    FIRST_WORK,
    LATE_WORK,
    MAX_WORK,
    NODE_WORK,
    SOME,
    Allowance,
)
from flake8_asyncwait.analysis.states.values import MANY
from flake8_asyncwait.check import check
from flake8_asyncwait.rules import decide
from flake8_asyncwait.undetermined import TOO_DEEP, TOO_MANY_PATHS
from flake8_asyncwait.verdict.checked import Checked

pytestmark = pytest.mark.portable

IMPORTS = "import asyncio\nfrom asyncio import create_task as c\n"
LEAK = "async def leaks{n}(a):\n t = c(a())\n await asyncio.wait({{t}}, timeout=1)\n"
CLEAN = """\
async def clean{n}(a):
 t = c(a())
 try:
  await asyncio.wait({{t}}, timeout=1)
 finally:
  t.cancel()
"""


def heavy(number: int, tasks: int = 16) -> str:
    """A function that loses nothing, and of which no bound is enough to see all executions."""
    names = [f"t{n}" for n in range(tasks)]
    return "\n".join(
        [
            f"async def f{number}(g):",
            *(f" {name} = c(w())" for name in names),
            " try:",
            f"  await asyncio.wait({{{', '.join(names)}}}, timeout=1)",
            *(f"  d{n} = t{n}.done()\n  if not d{n}: await g({n})" for n in range(tasks)),
            "  await asyncio.wait({t0}, timeout=2)",
            *(f"  if not d{n}: await g({n})" for n in range(tasks)),
            " finally:",
            *(f"  t{n}.cancel()" for n in range(tasks)),
            "",
        ]
    )


def small(count: int) -> str:
    """Functions as everybody writes them."""
    return "".join((LEAK + CLEAN).format(n=n) for n in range(count))


def undecided(checked: Checked) -> list[int]:
    return [site.line for site in checked.undetermined if site.reason == TOO_MANY_PATHS]


@pytest.fixture
def spent(monkeypatch: pytest.MonkeyPatch) -> list[Allowance]:
    """The allowances of all files that are checked, which are small ones, as a second try is."""
    monkeypatch.setattr(books, "MAX_WORK", MAX_WORK // 5)
    made: list[Allowance] = []

    def make() -> Allowance:
        made.append(Allowance(50_000))
        return made[-1]

    monkeypatch.setattr(decide, "Allowance", make)
    return made


def test_what_comes_late_takes_no_more_than_its_length_gives_it(spent: list[Allowance]) -> None:
    first, later = IMPORTS + heavy(0, 8), [heavy(n) for n in range(1, 8)]
    check(first)
    checked = check(first + "".join(later))
    assert not checked.findings
    assert len(undecided(checked)) == 2 * len(later)
    alone, together = (-one.left for one in spent)
    assert 0 < together - alone < len(later) * 2 * (LATE_WORK + NODE_WORK * 500)


def test_what_is_simple_is_decided_all_the_same(spent: list[Allowance]) -> None:
    checked = check(IMPORTS + heavy(0, 8) + small(50))
    assert spent[0].left < 0
    assert len(checked.findings) == 50
    assert checked.undetermined == ()


@pytest.mark.usefixtures("spent")
def test_it_depends_on_nothing_but_the_file() -> None:
    """A file is checked from its beginning, and not with what another one has left."""
    text = IMPORTS + heavy(0, 8) + small(3) + heavy(1)
    checked = check(text)
    assert len(undecided(checked)) == 2
    assert check(text) == checked
    assert check(text, tree=ast.parse(text)) == checked


def test_there_is_enough_for_any_number_of_functions_as_everybody_writes_them() -> None:
    checked = check(IMPORTS + small(200))
    assert len(checked.findings) == 200
    assert checked.undetermined == ()


def test_without_a_file_only_the_function_is_bounded() -> None:
    plenty, nothing = Allowance(float("inf")).work_for(10), Allowance(0).work_for(10)
    assert plenty == {MANY: FIRST_WORK + 80, 2: MAX_WORK, 1: MAX_WORK, SOME: FIRST_WORK + 80}
    assert nothing == {MANY: LATE_WORK + 80, 2: 0, 1: 0, SOME: 0}


NESTED = """\
async def f{n}(x):
    match x:
        case {pattern}:
            await asyncio.wait({{c(w())}}, timeout=1)
"""


def nested(depth: int) -> str:
    return "{1: " * depth + "y" + "}" * depth


@pytest.mark.parametrize(("depth", "is_decided"), [(6, True), (7, False), (9, False)])
def test_patterns_in_each_other_cost_no_more_than_seconds(depth: int, is_decided: bool) -> None:
    functions = (NESTED.format(n=n, pattern=nested(depth)) for n in range(100))
    began = time.process_time()
    checked = check(IMPORTS + "".join(functions))
    assert time.process_time() - began < 10
    assert len(checked.findings) == (100 if is_decided else 0)
    assert {site.reason for site in checked.undetermined} == (set() if is_decided else {TOO_DEEP})


def test_patterns_as_everybody_writes_them_are_few_enough() -> None:
    deep = (
        '{"type": "message", "data": [{"author": {"name": str(name), "roles": [*roles]}}, *rest]}'
    )
    cases = "".join(
        f"        case {('ok', n, [n]) if n % 20 else deep}:\n            pass\n"
        for n in range(1_000)
    )
    text = f"{IMPORTS}async def f(x, a):\n    match x:\n{cases}"
    checked = check(text + "    t = c(a())\n    await asyncio.wait({t}, timeout=1)\n")
    assert len(checked.findings) == 1


def test_a_state_that_holds_many_tasks_counts_for_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """A short function with many tasks took long, and 750 MB: each of its states is large."""
    states = 0
    forget = execute.forget

    def counted(*args: Any) -> Any:
        nonlocal states
        states += 1
        return forget(*args)

    monkeypatch.setattr(execute, "forget", counted)
    monkeypatch.setattr(books, "MAX_WORK", MAX_WORK // 5)
    tasks = ", ".join(f"asyncio.create_task(work({number}))" for number in range(40))
    check(
        "import asyncio\n\n\nasync def f(work):\n"
        f"    tasks = {{{tasks}}}\n"
        "    done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)\n"
        + "    pending.pop().cancel()\n"
        * 60
    )
    assert 0 < states < 8_000
