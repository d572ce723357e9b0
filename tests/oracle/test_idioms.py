"""The linter gives each row of `idioms.txt` its code, and running it shows just that."""

from __future__ import annotations

import pytest

from flake8_asyncwait.check import check

from .judge import judge
from .tables import Row, read_rows

pytestmark = pytest.mark.portable

OK = "ok"
ROWS = read_rows("idioms.txt")

each_row = pytest.mark.parametrize("row", ROWS, ids=map(str, ROWS))


@each_row
def test_the_linter_gives_the_code(row: Row) -> None:
    checked = check(row.module)
    assert not checked.undetermined
    assert ([finding.code for finding in checked.findings] or [OK]) == [row.result]


@each_row
def test_running_it_shows_the_code(row: Row) -> None:
    ruling = judge(row.module)
    assert not ruling.given_up
    assert (ruling.code or OK) == row.result


def test_no_row_is_there_twice() -> None:
    assert len({row.module for row in ROWS}) == len(ROWS)
