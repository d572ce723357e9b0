"""Colours, for terminals."""

from __future__ import annotations

import os

from flake8_asyncwait.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

_CODES = {"bold": "1", "red": "31", "green": "32", "cyan": "36", "bold red": "1;31"}


class Paint(NamedTuple):
    """Colours text where it `is_on`."""

    is_on: bool

    def __call__(self, colour: str, text: str) -> str:
        """`text`, in a colour."""
        return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if self.is_on and text else text


PLAIN = Paint(False)


def paint_for(stream: TextIO) -> Paint:
    """Colours for what is written to a stream: on a terminal, unless the user says otherwise.

    `FORCE_COLOR` and `NO_COLOR` in the environment say so, the latter wins: https://no-color.org.
    """
    if os.environ.get("NO_COLOR"):
        return PLAIN
    if os.environ.get("FORCE_COLOR"):
        return Paint(True)
    return Paint(stream.isatty() and os.environ.get("TERM") != "dumb")
