"""What every report is made from: a finding, and all that may be said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.report.colour import PLAIN, Paint

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flake8_asyncwait.source.text import SourceError
    from flake8_asyncwait.undetermined import UndeterminedSite
    from flake8_asyncwait.verdict.finding import Finding


class Edit(NamedTuple):
    """A text that takes the place of another one: that from a line and column up to an end.

    Lines and columns count from 1, columns in characters; what the end points at stays.
    """

    line: int
    column: int
    end_line: int
    end_column: int
    text: str


class NewModule(NamedTuple):
    """A module that has to be made: its absolute path and its text."""

    path: str
    text: str


class Change(NamedTuple):
    """What a fix would change for all findings of an outermost function: the file, and which module
    it would make."""

    diff: str
    edits: tuple[Edit, ...]
    new_module: NewModule | None


class Identity(NamedTuple):
    """What a finding of a file is known by in a later version of it.

    `function` is the dotted name of the function around it, "" outside of any. The `fingerprint`
    stays what it is when the lines move.
    """

    code: str
    function: str
    fingerprint: str


class Entry(NamedTuple):
    """A finding of the file at `path`, as reports call it, whose whole text is `text`.

    `function` and `fingerprint` are those of its `Identity`. `outcome` is what `asyncwait fix`
    would make of the finding: "wait_any", "finally" or, where it is not `is_fixable`, "manual" for
    a `reason`; "" where the report has no place for it. `change` is what that would change, None
    also where nobody asked. `proof` is the word for what running the finding has shown, "" where it
    was not run.
    """

    path: str
    finding: Finding
    text: str
    function: str
    fingerprint: str
    is_fixable: bool = False
    outcome: str = ""
    reason: str = ""
    change: Change | None = None
    proof: str = ""

    @property
    def advice(self) -> str:
        """What a fix would make of the finding, as a line; "" where that was not tried."""
        advice = f"{self.outcome}, {self.reason}" if self.reason else self.outcome
        return f"asyncwait fix: {advice}" if advice else ""


class Summary(NamedTuple):
    """What a report says of a whole run.

    `counts` are the numbers of findings by code, `files` in how many files they are, `fixable` how
    many of them `asyncwait fix` can cure, None where the report does not show cures. `undetermined`
    are the sites about which nothing is claimed, each with the path of its file. `errors` say what
    could not be checked. `checked` is how many files were, and `waits` how many sites are in them.
    """

    counts: dict[str, int]
    files: int
    fixable: int | None
    undetermined: tuple[tuple[str, UndeterminedSite], ...]
    errors: tuple[SourceError, ...]
    checked: int
    waits: int

    @property
    def findings(self) -> int:
        """How many findings there are."""
        return sum(self.counts.values())


class Contents(NamedTuple):
    """What goes into a report: `summary` can say how the run was once all `entries` are read."""

    entries: Iterable[Entry]
    summary: Callable[[], Summary]
    paint: Paint = PLAIN
