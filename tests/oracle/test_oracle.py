"""The linter says what running the code shows, on generated programs."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings

from .compare import compare
from .generate import programs


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(programs())
def test_the_linter_agrees_with_the_judge(text: str) -> None:
    comparison = compare(text)
    assert not comparison.disagreements, str(comparison.disagreements[0])
