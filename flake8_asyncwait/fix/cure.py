"""What a fix does, or would do, about one finding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flake8_asyncwait.report.text import printable

WAIT_ANY = "wait_any"
FINALLY = "finally"
MANUAL = "manual"
UNTRIED = "untried"
CURED = (WAIT_ANY, FINALLY)
OUTCOMES = (WAIT_ANY, FINALLY, MANUAL)


@dataclass(frozen=True, slots=True, order=True)
class Cure:
    """The outcome for one finding: `WAIT_ANY`, `FINALLY` or `MANUAL`; in advice also `UNTRIED`,
    where to find out takes too long.

    `line`, `column` and `code` are those of the finding. `reason` is, in one line, the fact that
    forbids the rewrite, or why it was not tried.
    """

    line: int
    column: int
    code: str
    outcome: str
    reason: str = ""

    @property
    def is_left(self) -> bool:
        """Whether the finding stays."""
        return self.outcome not in CURED

    def told(self, path: str, would: bool) -> str:
        """What was done, or `would` be done, as a line of a report about the file at `path`."""
        what = f"left: {self.reason}" if self.is_left else f"fixed: {self.outcome}"
        if would and not self.is_left:
            what = f"would fix: {self.outcome}"
        return printable(f"{path}:{self.line}:{self.column + 1}: {self.code} {what}")


def summary(cures: Sequence[Cure], would: bool) -> str:
    """The counts of the three outcomes, as the last line of a report."""
    if not cures:
        return "nothing to fix"
    done = sum(not cure.is_left for cure in cures)
    counts = [f"{sum(c.outcome == name for c in cures)} {name}" for name in OUTCOMES]
    verb = "would be fixed" if would else "fixed"
    findings = "finding" if len(cures) == 1 else "findings"
    return f"{done} of {len(cures)} {findings} {verb}: {', '.join(counts)}"
