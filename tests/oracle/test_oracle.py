"""The linter says what running the code shows, on generated programs.

`programs.txt` holds 300 of them, drawn by `generate.programs`: the same ones on every Python and
with every version of Hypothesis. `python -m tests.oracle` draws new ones.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from .compare import compare

PROGRAMS = Path(__file__).with_name("programs.txt").read_text(encoding="utf-8").split("# ---\n")


def test_there_are_programs() -> None:
    assert len(PROGRAMS) == 300


@pytest.mark.generated
@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_the_linter_agrees_with_the_judge(number: int) -> None:
    comparison = compare(PROGRAMS[number])
    assert not comparison.disagreements, str(comparison.disagreements[0])
