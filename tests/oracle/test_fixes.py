"""The fix cures what it touches and changes nothing else, on generated programs."""

from __future__ import annotations

import pytest

from .fixes import attempt
from .programs import PROGRAMS


@pytest.mark.generated
@pytest.mark.parametrize("number", range(0, len(PROGRAMS), 8))
def test_what_is_fixed_is_cured_and_does_the_same(number: int) -> None:
    trial = attempt(PROGRAMS[number])
    assert not trial.problem, str(trial)
