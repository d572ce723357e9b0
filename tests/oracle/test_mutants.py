"""Mutants are programs, and the linter says of them what running them shows."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .compare import compare
from .mutants import FIXTURES, FUNCTIONS, MUTATIONS, Function, drawn_mutants, program_of
from .reduce import Edit

# Each mutation finds something to change here.
SAMPLE = """
import asyncio

async def first(tasks, log):
    pending = set()
    try:
        done, pending = await asyncio.wait(tasks, timeout=1)
        if done:
            await log(done)
    except ValueError:
        log(pending)
    finally:
        for task in pending:
            task.cancel()
"""


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutation_makes_other_programs(mutation: Callable[[Function], Iterator[Edit]]) -> None:
    programs = []
    for number in range(sum(1 for _ in mutation(sample()[1]))):
        tree, function = sample()
        list(mutation(function))[number]()
        programs.append(program_of(tree))
    others = {*programs} - {"", program_of(sample()[0])}
    assert others
    for program in others:
        compile(program, "<mutant>", "exec", dont_inherit=True)


def sample() -> tuple[ast.Module, Function]:
    tree = ast.parse(SAMPLE)
    function = tree.body[1]
    assert isinstance(function, FUNCTIONS)
    return tree, function


def test_no_mutant_reads_what_it_has_not_bound(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text(SAMPLE, encoding="utf-8")
    both = ("= await asyncio.wait", "log(done)")
    mutants = [
        text
        for text in drawn_mutants(tmp_path, False, 1, 100)
        if all(part in text for part in both)
    ]
    assert len(mutants) > 20
    for text in mutants:
        assert text.index(both[0]) < text.index(both[1]), text


def test_no_mutants_of_nothing(tmp_path: Path) -> None:
    (tmp_path / "module.py").write_text("import asyncio  # nobody may wait\n", encoding="utf-8")
    assert drawn_mutants(tmp_path, False, 1, 10) == []


@pytest.mark.portable
@pytest.mark.parametrize("number", range(12))
def test_the_linter_agrees_with_the_judge(number: int) -> None:
    mutants = drawn_mutants(FIXTURES / "section6.py", False, number, 3)
    assert len(mutants) == 3
    for text in mutants:
        comparison = compare(text)
        assert not comparison.disagreements, str(comparison.disagreements[0])
