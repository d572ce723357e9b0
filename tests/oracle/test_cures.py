"""Each row of `cures.txt` gets its cures, which cure it and change nothing else."""

from __future__ import annotations

import pytest

from .fixes import attempt
from .tables import Row, read_rows

pytestmark = pytest.mark.portable

ROWS = read_rows("cures.txt")


@pytest.mark.parametrize("row", ROWS, ids=map(str, ROWS))
def test_cures(row: Row) -> None:
    trial = attempt(row.module)
    assert not trial.problem, str(trial)
    assert ",".join(cure.outcome for cure in trial.fixed.cures) == row.result
