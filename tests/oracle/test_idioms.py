"""Small pieces of code, each where what it does to a task decides the verdict.

`idioms.txt` holds tables: a module with the place `HERE` (and `THERE`), and rows of what is put
there, each with the code that the linter has to give, and that running it has to show. So each row
has a twin that tells why it is the way it is: one task more or less, the other operator, the other
order.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from flake8_asyncwait.check import check
from flake8_asyncwait.replay.judge import judge

OK = "ok"

HEAD = """\
import asyncio
import itertools
from collections import deque
from contextlib import suppress

from elsewhere import use, work


def mk():
    return asyncio.create_task(work())


"""


class Row(NamedTuple):
    """What is put into a module, and the code it makes of it."""

    table: str
    text: str
    code: str
    module: str


def read_rows() -> list[Row]:
    """The rows of all tables; each table is `=== NAME`, its module, `---`, and `TEXT  # CODE`
    lines, with `HERE -> THERE` for a text where there are two places."""
    rows = []
    for table in Path(__file__).with_name("idioms.txt").read_text("utf-8").split("=== ")[1:]:
        name, _, rest = table.partition("\n")
        module, _, lines = rest.partition("\n---\n")
        for line in lines.split("\n"):
            if line:
                text, _, code = line.rpartition("  # ")
                here, _, there = text.partition(" -> ")
                filled = module.replace("THERE", there).replace("HERE", here)
                rows.append(Row(name, text, code, HEAD + filled))
    return rows


ROWS = read_rows()


@pytest.mark.parametrize("row", ROWS, ids=[f"{row.table}: {row.text}" for row in ROWS])
def test_row(row: Row) -> None:
    ruling = judge(row.module)
    assert not ruling.cut
    assert (ruling.code or OK) == row.code
    checked = check(row.module)
    assert not checked.undetermined
    assert ([finding.code for finding in checked.findings] or [OK]) == [row.code]


def test_no_row_is_there_twice() -> None:
    assert len({row.module for row in ROWS}) == len(ROWS)
