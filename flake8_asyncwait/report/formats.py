"""The forms that a report may have."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module

from flake8_asyncwait.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flake8_asyncwait.report.entry import Contents


class Format(NamedTuple):
    """One form: the function `name` of a module of this folder, imported when it is needed.

    `shows_changes` says whether the report has the change that would cure a finding, and
    `is_for_people` whether it ends with lines that are not findings.
    """

    module: str
    name: str
    shows_changes: bool = False
    is_for_people: bool = False

    def render(self, contents: Contents) -> Iterator[str]:
        """The report, piece by piece, while its entries are read."""
        module = import_module(f"flake8_asyncwait.report.{self.module}")
        pieces: Iterator[str] = getattr(module, self.name)(contents)
        return pieces


FORMATS = {
    "text": Format("text", "lines", is_for_people=True),
    "full": Format("text", "paragraphs", shows_changes=True, is_for_people=True),
    "json": Format("data", "document", shows_changes=True),
    "jsonl": Format("data", "records", shows_changes=True),
    "sarif": Format("sarif", "log", shows_changes=True),
    "github": Format("ci", "github"),
    "gitlab": Format("ci", "gitlab"),
}
