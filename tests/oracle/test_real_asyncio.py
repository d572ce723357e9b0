"""Real tasks on a real event loop leak exactly when the judge says so."""

from __future__ import annotations

import sys

import pytest
from hypothesis import HealthCheck, Phase, given, settings

if sys.version_info < (3, 12):
    pytest.skip("gather and wait_for of the contract are those of 3.12", allow_module_level=True)

from .generate import programs
from .validate import Totals, differences


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(programs())
def test_the_judge_agrees_with_a_real_event_loop(text: str) -> None:
    found = differences(text, Totals())
    assert not found, f"{found[0]}\n{text}"
