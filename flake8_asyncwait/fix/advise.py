"""Tells the reports that ask for it what `asyncwait fix` would do about each finding."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from flake8_asyncwait.fix.cure import AUTO, MANUAL, Cure
from flake8_asyncwait.fix.file import FileFix, fix_file
from flake8_asyncwait.fix.fixer import by_function, near
from flake8_asyncwait.fix.helper import Helper
from flake8_asyncwait.fix.plan import BY_HAND
from flake8_asyncwait.options import Options
from flake8_asyncwait.report.diff import diff
from flake8_asyncwait.report.edits import edits
from flake8_asyncwait.report.entry import Change
from flake8_asyncwait.source.text import BOM, Source, SourceError
from flake8_asyncwait.undetermined import FailedElsewhere, InternalError
from flake8_asyncwait.verdict.finding import Finding


class Advice:
    """What a fix would do about the `findings` of one file, whose bytes `data` are decoded in
    `source`.

    `helper` is where `wait_any` is to come from, `cure` one of `CHOICES`. `cures` has what would
    become of each finding; where it takes too much work to know, the outcome is `UNTRIED`.
    `internal` are our own errors over that.
    """

    def __init__(
        self,
        source: Source,
        data: bytes,
        findings: Sequence[Finding],
        options: Options,
        helper: Helper | None = None,
        cure: str = AUTO,
    ) -> None:
        findings = sorted(findings)
        self._source = source
        self._fix = partial(fix_file, source.name, source, data, options, helper, cure=cure)
        # The findings of the outermost function around each, and what their fix would change.
        self._together: dict[Finding, tuple[Finding, ...]] = {}
        self._changes: dict[tuple[Finding, ...], Change | None] = {}
        self.internal: tuple[InternalError, ...] = ()
        try:
            whole = self._fix(findings)
        except SourceError as error:
            self.cures = {each: _left(each, error.reason) for each in findings}
            return
        self.cures = dict(zip(findings, whole.cures, strict=True))
        self.internal = whole.internal
        for _, group in by_function(near(source.text, options), findings):
            self._together |= dict.fromkeys(group, tuple(group))
        if len(set(self._together.values())) == 1 and not whole.internal:
            self._changes[tuple(findings)] = self._change(whole)

    def change(self, finding: Finding) -> Change | None:
        """What a fix would change in the outermost function around a finding, for all findings in
        it: they are cured one by one, each in the code that the one before has left. None where it
        would not cure this one.

        Raises `FailedElsewhere` where an error of our own keeps it from being known.
        """
        if self.cures[finding].is_left:
            return None
        group = self._together[finding]
        if group not in self._changes:
            self._changes[group] = self._alone(group)
        return self._changes[group]

    def _alone(self, group: tuple[Finding, ...]) -> Change | None:
        try:
            done = self._fix(group)
        except SourceError:
            return None
        if done.internal:
            raise FailedElsewhere(done.internal[0].error)
        return self._change(done)

    def _change(self, done: FileFix) -> Change | None:
        if not done.is_changed:
            return None
        encoding = self._source.encoding
        texts = [str(each.removeprefix(BOM), encoding) for each in (done.before, done.after)]
        shown = str(diff(self._source.name, done.before, done.after), encoding, "replace")
        return Change(shown, edits(*texts), done.create)


def _left(finding: Finding, reason: str) -> Cure:
    """A finding in a file that is not fixed. What no fix touches has a reason of its own."""
    reason = BY_HAND.get(finding.code, reason)
    return Cure(finding.line, finding.column, finding.code, MANUAL, reason)
