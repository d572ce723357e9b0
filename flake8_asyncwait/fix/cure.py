"""What a fix does, or would do, about one finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flake8_asyncwait.report.text import printable
from flake8_asyncwait.undetermined import INTERNAL_ERROR

WAIT_ANY = "wait_any"
FINALLY = "finally"
EXCEPT = "except"
CREATE_TASK = "create_task"
DRAIN = "drain"
MANUAL = "manual"
UNTRIED = "untried"
UNWRITTEN = "not written"
CURED = (WAIT_ANY, FINALLY, EXCEPT, CREATE_TASK, DRAIN)
OUTCOMES = (*CURED, MANUAL)
# Which of the first three a user asks for.
AUTO = "auto"
CHOICES = (AUTO, WAIT_ANY, FINALLY, EXCEPT)
_SHOWN = 3  # of those that are left, in the summary: all of them have a line before it


@dataclass(frozen=True, slots=True, order=True)
class Cure:
    """The outcome for one finding: one of `OUTCOMES`; in advice also `UNTRIED`, where to find out
    takes too long, and in a report of what was done `UNWRITTEN`, where the file could not be
    written.

    `line`, `column` and `code` are those of the finding. `reason` is, in one line, the fact that
    forbids the rewrite, or why it was not tried.
    """

    line: int
    column: int
    code: str
    outcome: str
    reason: str = ""

    @property
    def is_broken(self) -> bool:
        """Whether an error of our own is the reason."""
        return self.reason == INTERNAL_ERROR

    @property
    def is_left(self) -> bool:
        """Whether the finding stays."""
        return self.outcome not in CURED

    def unwritten(self, reason: str) -> Cure:
        """The same where the file could not be written, for a `reason`."""
        return self.instead(UNWRITTEN, reason)

    def instead(self, outcome: str, reason: str) -> Cure:
        """The same where the finding stays after all: how, and for what `reason`."""
        return self if self.is_left else replace(self, outcome=outcome, reason=reason)

    def told(self, path: str, would: bool) -> str:
        """What was done, or `would` be done, as a line of a report about the file at `path`."""
        what = f"left: {self.reason}" if self.is_left else f"fixed: {self.outcome}"
        if would and not self.is_left:
            what = f"would fix: {self.outcome}"
        return printable(f"{path}:{self.line}:{self.column + 1}: {self.code} {what}")


def summary(told: Sequence[tuple[str, Cure]], would: bool, failed: bool = False) -> str:
    """What has become of all findings, as the last line of a report: of paths, each with a cure.

    `failed` says that some files could not be looked at.
    """
    if not told:
        return "nothing fixed" if failed else "nothing to fix"
    found = Counter(cure.outcome for _, cure in told)
    counts = ", ".join(f"{found[name]} {name}" for name in CURED if found[name])
    left = [f"{path}:{cure.line}: {cure.reason}" for path, cure in told if cure.is_left]
    line = f"{'Would fix' if would else 'Fixed'} {len(told) - len(left)} of {len(told)}"
    line += f" ({counts})" if counts else ""
    if left:
        line += f"; {len(left)} {'needs' if len(left) == 1 else 'need'} you: "
        line += "; ".join(left[:_SHOWN])
        line += f"; and {len(left) - _SHOWN} more" if len(left) > _SHOWN else ""
    return printable(line)
