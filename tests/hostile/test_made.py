"""Programs that a grammar makes: whatever Python can parse is checked and fixed without a crash."""

from __future__ import annotations

import warnings

import pytest

from benchmarks.hostile import made, tried
from flake8_asyncwait.options import Options

pytest.importorskip("hypothesmith", reason="it makes the programs")

pytestmark = pytest.mark.portable


def test_programs_of_a_grammar() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python has to say of them
        results = [tried(name, data, Options()) for name, data in made(50)]
    assert len(results) > 75
    assert [one.crash for one in results if one.crash] == []
    assert sum(one.findings for one in results) > 25
