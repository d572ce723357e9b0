"""The result of checking one file, apart from the findings in it: it is cheap to import."""

from __future__ import annotations

from flake8_asyncwait.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flake8_asyncwait.verdict.finding import Finding


class Checked(NamedTuple):
    """The result of checking one file.

    `findings` are sorted by line, column and code. `undetermined` are the sites (line, column)
    whose analysis hit its bound of states: nothing is claimed about them.
    """

    findings: tuple[Finding, ...] = ()
    undetermined: tuple[tuple[int, int], ...] = ()
