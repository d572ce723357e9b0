"""The linter says what running the code shows, on generated programs."""

from __future__ import annotations

import pytest

from .compare import compare
from .programs import PROGRAMS


def test_there_are_programs() -> None:
    assert len(PROGRAMS) == 300


@pytest.mark.portable
@pytest.mark.parametrize("number", range(len(PROGRAMS)))
def test_the_linter_agrees_with_the_judge(number: int) -> None:
    comparison = compare(PROGRAMS[number])
    assert not comparison.disagreements, str(comparison.disagreements[0])
