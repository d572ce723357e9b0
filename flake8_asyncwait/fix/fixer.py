"""All findings of one file: each gets its cure, the last first, so that the others keep theirs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from flake8_asyncwait.check import check
from flake8_asyncwait.fix import layout
from flake8_asyncwait.fix.cure import MANUAL, WAIT_ANY, Cure
from flake8_asyncwait.fix.examine import examine, outermost_functions
from flake8_asyncwait.fix.plan import rewrite
from flake8_asyncwait.options import Options
from flake8_asyncwait.verdict.finding import Finding


class Fixed(NamedTuple):
    """What a fix of one file comes to: its new text, in which `wait_any` is not yet imported, and
    what was done about each finding, in the order of the findings."""

    text: str
    cures: tuple[Cure, ...]

    @property
    def needs_helper(self) -> bool:
        """Whether the text calls `wait_any` where it did not."""
        return any(cure.outcome == WAIT_ANY for cure in self.cures)


def fix(
    text: str,
    options: Options,
    function: str = "wait_any",
    width: int | None = None,
    wanted: Callable[[Finding], bool] | None = None,
) -> Fixed:
    """Fix one file: `text` with `\\n` newlines.

    `function` is what `wait_any` is to be called in the file, `width` its line length (by default
    what its lines show). `wanted` says which findings to fix, by default all. Raises `SyntaxError`.
    """
    findings = [f for f in check(text, options).findings if wanted is None or wanted(f)]
    width = layout.line_length(text) if width is None else width
    settling = frozenset({"wait_any", function.rpartition(".")[2]})
    cures: list[Cure] = []
    for start, group in _by_function(text, findings):
        seen = examine(text, start, options, settling)
        places = [each.place for each in seen]
        for finding in reversed(group):
            index = places.index((finding.line, finding.column))
            place = finding.line, finding.column, finding.code
            if seen[index].finding is None:
                # The cure of a later site was this one's too: a `finally` around both.
                cures.append(Cure(*place, cures[-1].outcome))
                continue
            done = rewrite(text, seen, index, options, function, width)
            cures.append(Cure(*place, done.outcome, done.reason))
            if done.outcome != MANUAL:
                text = done.text
                seen = examine(text, start, options, settling)
    return Fixed(text, tuple(reversed(cures)))


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
