"""The fix cures what it touches and changes nothing else, on generated programs."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from .__main__ import drawn_family
from .fixes import FAMILY, attempt
from .programs import PROGRAMS

PAIR = Path(__file__).parents[2] / "fixtures" / "fixes" / "family.before.py"


def functions_of(path: Path) -> list[str]:
    """Each function of a module as a module of its own."""
    text = path.read_text(encoding="utf-8")
    found = [node for node in ast.parse(text).body if isinstance(node, ast.AsyncFunctionDef)]
    return [f"import asyncio\n\n\n{ast.get_source_segment(text, node)}\n" for node in found]


@pytest.mark.portable
@pytest.mark.parametrize("number", range(0, len(PROGRAMS), 8))
def test_what_is_fixed_is_cured_and_does_the_same(number: int) -> None:
    trial = attempt(PROGRAMS[number])
    assert not trial.problem, str(trial)


@pytest.mark.portable
@pytest.mark.parametrize(
    "text", functions_of(PAIR), ids=lambda text: text.split("(")[0].split()[-1]
)
def test_the_pair_of_the_family_is_cured_and_does_the_same(text: str) -> None:
    trial = attempt(text, FAMILY)
    assert not trial.problem, str(trial)


@pytest.mark.portable
@pytest.mark.parametrize("number", range(12))
def test_what_is_fixed_of_the_family_is_cured_and_does_the_same(number: int) -> None:
    trial = attempt(drawn_family(number, 1)[0], FAMILY)
    assert not trial.problem, str(trial)
