"""The hand-made labels: what a reader of the contract said of real `asyncio.wait` calls."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

SILENT = "silent"
LABELS = Path(__file__).with_name("labels.json")


@dataclass(frozen=True, slots=True)
class Label:
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
    early: bool
    code: str
    owner: str
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


def load(path: Path = LABELS) -> list[Label]:
    """The labels of a JSON file, in its order. Raises OSError, ValueError or TypeError."""
    return [Label(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]
