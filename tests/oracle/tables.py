"""Tables of small pieces of code, each where what it does to a task decides.

A file of tables holds, for each, `=== NAME`, a module with the place `HERE` (and `THERE`), `---`,
and rows of what is put there: `TEXT  # RESULT`, or `HERE -> THERE  # RESULT`. So each row has a
twin that tells why it is the way it is: one task more or less, another operator, another order.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

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
    """What is put into a module, and what comes of it."""

    table: str
    text: str
    result: str
    module: str

    def __str__(self) -> str:
        return f"{self.table}: {self.text}"


def read_rows(name: str) -> list[Row]:
    """The rows of all tables of a file in this folder."""
    rows = []
    for table in Path(__file__).with_name(name).read_text("utf-8").split("=== ")[1:]:
        title, _, rest = table.partition("\n")
        module, _, lines = rest.partition("\n---\n")
        for line in filter(None, lines.split("\n")):
            text, _, result = line.rpartition("  # ")
            here, _, there = text.partition(" -> ")
            filled = module.replace("THERE", there).replace("HERE", here)
            rows.append(Row(title, text, result, HEAD + filled))
    return rows
