"""The result of checking one file, apart from the findings in it: it is cheap to import."""

from __future__ import annotations

from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.source.project import Evidence

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flake8_asyncwait.undetermined import InternalError, UndeterminedSite
    from flake8_asyncwait.verdict.finding import Finding

# In characters: the findings of a longer file are neither proved nor fixed, as that reads it again.
LONGEST = 2_000_000


class Checked(NamedTuple):
    """The result of checking one file.

    `findings` are sorted by line, column and code. Nothing is claimed about the sites that are
    `undetermined`, which are sorted by line and column. `waits` is how many sites there are.
    `internal` are errors of our own, each for a function whose sites are undetermined. All that
    rests on the `evidence`.
    """

    findings: tuple[Finding, ...] = ()
    undetermined: tuple[UndeterminedSite, ...] = ()
    waits: int = 0
    internal: tuple[InternalError, ...] = ()
    evidence: Evidence = Evidence()
