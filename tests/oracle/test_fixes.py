"""The fix cures what it touches and changes nothing else, on generated programs."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings

from .fixes import attempt
from .generate import programs


@pytest.mark.generated
@settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(programs())
def test_what_is_fixed_is_cured_and_does_the_same(text: str) -> None:
    trial = attempt(text)
    assert not trial.problem, str(trial)
