"""What a fix does, or would do, about one finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from flake8_asyncwait.report.text import printable

WAIT_ANY = "wait_any"
FINALLY = "finally"
MANUAL = "manual"
UNTRIED = "untried"
UNWRITTEN = "not written"
CURED = (WAIT_ANY, FINALLY)
OUTCOMES = (WAIT_ANY, FINALLY, MANUAL)


@dataclass(frozen=True, slots=True, order=True)
class Cure:
    """The outcome for one finding: `WAIT_ANY`, `FINALLY` or `MANUAL`; in advice also `UNTRIED`,
    where to find out takes too long, and in a report of what was done `UNWRITTEN`, where the file
    could not be written.

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

    def unwritten(self, reason: str) -> Cure:
        """The same where the file could not be written, for a `reason`."""
        return self if self.is_left else replace(self, outcome=UNWRITTEN, reason=reason)

    def told(self, path: str, would: bool) -> str:
        """What was done, or `would` be done, as a line of a report about the file at `path`."""
        what = f"left: {self.reason}" if self.is_left else f"fixed: {self.outcome}"
        if would and not self.is_left:
            what = f"would fix: {self.outcome}"
        return printable(f"{path}:{self.line}:{self.column + 1}: {self.code} {what}")


def summary(cures: Sequence[Cure], would: bool, failed: bool = False) -> str:
    """The counts of the outcomes, as the last line of a report; `failed` says that there were files
    of which it is not known what is to be fixed."""
    if not cures:
        return "nothing fixed" if failed else "nothing to fix"
    done = sum(not cure.is_left for cure in cures)
    found = Counter(cure.outcome for cure in cures)
    counts = [f"{found[name]} {name}" for name in OUTCOMES]
    counts += [f"{found[name]} {name}" for name in (UNWRITTEN,) if found[name]]
    verb = "would be fixed" if would else "fixed"
    findings = "finding" if len(cures) == 1 else "findings"
    return f"{done} of {len(cures)} {findings} {verb}: {', '.join(counts)}"
