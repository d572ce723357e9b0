"""The arithmetic: verdicts of the linter against labels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.corpus.labels import SILENT, Site


@dataclass(frozen=True, slots=True)
class Judged:
    """A label beside what the linter said at its call: a code with its message, or `silent`."""

    label: Site
    got: str = SILENT
    message: str = ""
    undetermined: bool = False

    @property
    def agrees(self) -> bool:
        """Whether the linter said exactly what the label says."""
        return self.got == self.label.code


@dataclass(frozen=True, slots=True)
class Score:
    """Counts over some sites, and the ratios made of them (None where there is nothing to count).

    `expected` sites are flagged by their label, `flagged` ones by the linter, `both` by both.
    `same_flagged` of `both` have the same code, and `same` of all `sites` the same verdict.
    """

    sites: int
    expected: int
    flagged: int
    both: int
    same_flagged: int
    same: int

    @property
    def precision(self) -> float | None:
        """The share of what the linter flags that the labels flag too."""
        return _ratio(self.both, self.flagged)

    @property
    def recall(self) -> float | None:
        """The share of what the labels flag that the linter flags too."""
        return _ratio(self.both, self.expected)

    @property
    def exact_flagged(self) -> float | None:
        """The share of the sites flagged by both that have the same code."""
        return _ratio(self.same_flagged, self.both)

    @property
    def exact(self) -> float | None:
        """The share of all sites where the verdict is the same, silence included."""
        return _ratio(self.same, self.sites)


@dataclass(frozen=True, slots=True)
class CodeScore:
    """How the linter did with one code. `right` are its findings whose label has that code, as what
    is sure or as what else it could be; `leaks` those whose label has any code; `found` are the
    labels with that code at which the linter has it, too."""

    code: str
    findings: int
    right: int
    leaks: int
    labelled: int
    found: int


def by_code(judged: Iterable[Judged]) -> list[CodeScore]:
    """Count how the linter did with each code."""
    sites = list(judged)
    codes = {one.got for one in sites} | {one.label.code for one in sites}
    scores = []
    for code in sorted(codes - {SILENT}):
        got = [one for one in sites if one.got == code]
        labelled = [one for one in sites if one.label.code == code]
        scores.append(
            CodeScore(
                code,
                len(got),
                sum(code in (one.label.code, one.label.alt) for one in got),
                sum(one.label.code != SILENT for one in got),
                len(labelled),
                sum(one.got == code for one in labelled),
            )
        )
    return scores


def score(judged: Iterable[Judged]) -> Score:
    """Count how the linter did. An undetermined site counts as the silence that it is."""
    sites = list(judged)
    both = [one for one in sites if one.got != SILENT and one.label.code != SILENT]
    return Score(
        sites=len(sites),
        expected=sum(one.label.code != SILENT for one in sites),
        flagged=sum(one.got != SILENT for one in sites),
        both=len(both),
        same_flagged=sum(one.agrees for one in both),
        same=sum(one.agrees for one in sites),
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
