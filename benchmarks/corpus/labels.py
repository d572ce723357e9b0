"""The hand-made labels: what a reader of the contract said of real calls.

`labels.json` has calls of `asyncio.wait`; `family.json` calls of `gather` and `as_completed` and
creations of tasks, which the codes AWT3xx are about.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

SILENT = "silent"
LABELS = Path(__file__).with_name("labels.json")
FAMILY = Path(__file__).with_name("family.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """One labelled call. `code` is `silent` where nothing is to be said; README.md tells the rest.

    `col` counts from 0 in UTF-8 bytes, as `ast` does. `alt` is the code under another reading of a
    debatable case, `min_python` the lowest version that parses the file ("" where any does).
    """

    package: str
    version: str
    archive: str
    sha256: str
    file: str
    line: int
    col: int
    code: str
    cure: str | None
    confidence: str
    note: str
    alt: str = ""
    min_python: str = ""

    @property
    def place(self) -> Path:
        """The labelled file, below the `src` folder of a download."""
        return Path(f"{self.package}-{self.version}") / self.file

    @property
    def sure(self) -> bool:
        """Whether the reader had no doubt."""
        return self.confidence == "sure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Label(Site):
    """A labelled call of `asyncio.wait`."""

    early: bool
    owner: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FamilyLabel(Site):
    """A labelled `gather`, `as_completed` or creation of a task, as its `kind` says. `draw` is the
    sample that it comes from."""

    kind: str
    draw: str


def load(path: Path = LABELS) -> list[Label]:
    """The labels of a JSON file, in its order. Raises OSError, ValueError or TypeError."""
    return [Label(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def load_family(path: Path = FAMILY) -> list[FamilyLabel]:
    """The family's labels of a JSON file, in its order. Raises as `load` does."""
    return [FamilyLabel(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
