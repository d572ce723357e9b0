"""All findings of one file: each gets its cure, the last first, so that the others keep theirs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

from flake8_asyncwait.check import check
from flake8_asyncwait.fix import layout
from flake8_asyncwait.fix.cure import MANUAL, WAIT_ANY, Cure
from flake8_asyncwait.fix.examine import examine, outermost_functions
from flake8_asyncwait.fix.plan import rewrite
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
        seen = examine(text, start, options, settling)
        places = [each.place for each in seen]
        for finding in reversed(group):
            index = places.index((finding.line, finding.column))
            place = finding.line, finding.column, finding.code
            if seen[index].finding is None:
                # The cure of a later site was this one's too: a `finally` around both.
                outcome = next((c.outcome for c in reversed(cures) if not c.is_left), MANUAL)
                reason = "a closer look does not confirm it" if outcome == MANUAL else ""
                cures.append(Cure(*place, outcome, reason))
                continue
            done = rewrite(text, seen, index, options, function, width, why_not)
            cures.append(Cure(*place, done.outcome, done.reason))
            if done.outcome != MANUAL:
                text = done.text
                freed |= done.freed
                seen = examine(text, start, options, settling)
    return Fixed(text, tuple(sorted(cures)), frozenset(freed))


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
