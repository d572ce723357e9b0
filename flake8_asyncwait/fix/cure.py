"""What a fix does, or would do, about one finding."""

from __future__ import annotations

from dataclasses import dataclass

WAIT_ANY = "wait_any"
FINALLY = "finally"
MANUAL = "manual"
OUTCOMES = (WAIT_ANY, FINALLY, MANUAL)


@dataclass(frozen=True, slots=True)
class Cure:
    """The outcome for one finding: `WAIT_ANY`, `FINALLY` or `MANUAL`.

    `line`, `column` and `code` are those of the finding. `reason` is the fact that forbids the
    rewrite where the outcome is `MANUAL`, in one line.
    """

    line: int
    column: int
    code: str
    outcome: str
    reason: str = ""
