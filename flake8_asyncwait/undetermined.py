"""What is not decided, and why. Every stage and every door tell it with these values."""

from __future__ import annotations

from flake8_asyncwait.named import NamedTuple

TOO_MANY_PATHS = "too many paths"
TOO_DEEP = "nested too deeply"
TOO_LONG = "too long"
UNREADABLE = "libcst does not read it as Python does"
INTERNAL_ERROR = "internal error"


class UndeterminedSite(NamedTuple):
    """A site about which nothing is claimed: its line (from 1) and column (from 0, in characters;
    0 where only the line is known), and the reason, in a few words."""

    line: int
    column: int
    reason: str

    @property
    def place(self) -> tuple[int, int]:
        """The line and the column."""
        return self.line, self.column
