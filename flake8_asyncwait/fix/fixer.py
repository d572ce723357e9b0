"""All findings of one file: each gets its cure, the last first, so that the others keep theirs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import partial
from typing import NamedTuple

from flake8_asyncwait.check import check
from flake8_asyncwait.fix import layout
from flake8_asyncwait.fix.cure import MANUAL, WAIT_ANY, Cure
from flake8_asyncwait.fix.examine import examine, outermost_functions
from flake8_asyncwait.fix.plan import Rewrite, rewrite
from flake8_asyncwait.options import Options
from flake8_asyncwait.verdict.finding import Finding


class Fixed(NamedTuple):
    """What a fix of one file comes to.

    `text` is its new text, in which `wait_any` is not yet imported. `cures` say what was done about
    each finding, in the order of the findings. `freed` are names that calls mentioned which are no
    more: what imports them may have become useless.
    """

    text: str
    cures: tuple[Cure, ...]
    freed: frozenset[str] = frozenset()

    @property
    def needs_helper(self) -> bool:
        """Whether the text calls `wait_any` where it did not."""
        return any(cure.outcome == WAIT_ANY for cure in self.cures)


def fix(
    text: str,
    options: Options,
    function: str | None = WAIT_ANY,
    width: int | None = None,
    findings: Collection[Finding] | None = None,
    why_not: str = "",
) -> Fixed:
    """Fix one file: `text` with `\\n` newlines.

    `function` is what `wait_any` is to be called in the file, None where it cannot be had. `width`
    is the file's line length, by default what its lines show. `findings` are those to fix, by
    default all. `why_not` says why `wait_any` cannot be had. Raises `SyntaxError`.
    """
    if findings is None:
        findings = check(text, options).findings
    width = layout.line_length(text) if width is None else width
    settling = frozenset({WAIT_ANY, function or WAIT_ANY})
    cures: list[Cure] = []
    freed: set[str] = set()
    for start, group in _by_function(text, sorted(findings)):
        work = _Function(text, start, options, settling)
        for finding in reversed(group):
            work.fix(finding, function, width, why_not)
        text = work.text
        cures += work.cures()
        freed |= work.freed
    return Fixed(text, tuple(sorted(cures)), frozenset(freed))


class _Function:
    """The sites of one outermost function, while they are fixed from the last to the first."""

    def __init__(
        self, text: str, start: int | None, options: Options, settling: frozenset[str]
    ) -> None:
        self.text = text
        self.freed: set[str] = set()
        self._examine = partial(examine, start=start, options=options, settling=settling)
        self._options = options
        self._seen = self._examine(text)
        # What is left of the sites, by where they stood at first.
        self._places = [each.place for each in self._seen]
        self._done: dict[Finding, Rewrite] = {}

    def fix(self, finding: Finding, function: str | None, width: int, why_not: str) -> None:
        """Cure one finding."""
        index = self._places.index((finding.line, finding.column))
        if self._seen[index].finding is None:
            self._done[finding] = Rewrite(MANUAL, self.text, "a closer look does not confirm it")
            return
        done = rewrite(self.text, self._seen, index, self._options, function, width, why_not)
        self._done[finding] = done
        if done.outcome == MANUAL:
            return
        if done.outcome == WAIT_ANY:
            del self._places[index]
        self.text = done.text
        self.freed |= done.freed
        self._seen = self._examine(done.text)

    def cures(self) -> list[Cure]:
        """What was done about each finding. The cure of one may be another one's too: a `finally`
        around both."""
        outcomes = [done.outcome for done in self._done.values() if done.outcome != MANUAL]
        cures = []
        for finding, done in self._done.items():
            place = finding.line, finding.column
            outcome, reason = done.outcome, done.reason
            if outcome == MANUAL and outcomes:
                if self._seen[self._places.index(place)].finding is None:
                    outcome, reason = outcomes[-1], ""
            cures.append(Cure(*place, finding.code, outcome, reason))
        return cures


def _by_function(
    text: str, findings: Sequence[Finding]
) -> Iterator[tuple[int | None, list[Finding]]]:
    """The findings of each outermost function, with its first line, and of the code outside all
    functions, with None. What stands further down in the file comes first."""
    starts = outermost_functions(text)
    groups: dict[tuple[int, int] | None, list[Finding]] = {}
    for finding in findings:
        around = next((e for e in starts if e[0] <= finding.line <= e[1]), None)
        groups.setdefault(around, []).append(finding)
    for around in sorted(groups, key=lambda e: e or (0, 0), reverse=True):
        yield around[0] if around else None, groups[around]
