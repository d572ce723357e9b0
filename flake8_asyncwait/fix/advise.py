"""Tells the reports that ask for it what `asyncwait fix` would do about each finding."""

from __future__ import annotations

from collections.abc import Sequence

from flake8_asyncwait.fix.cure import AUTO, MANUAL, Cure
from flake8_asyncwait.fix.file import FileFix, Request, encoded, plan
from flake8_asyncwait.fix.fixer import FixedFunction
from flake8_asyncwait.fix.plan import BY_HAND
from flake8_asyncwait.fix.project.helper import Helper
from flake8_asyncwait.options import Options
from flake8_asyncwait.report.diff import diff
from flake8_asyncwait.report.edits import edits
from flake8_asyncwait.report.entry import Change
from flake8_asyncwait.source.text import BOM, Source, SourceError
from flake8_asyncwait.undetermined import InternalError
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
        self._source, self._data = source, data
        self._functions: dict[Cure, FixedFunction] = {}
        self._changes: dict[FixedFunction, Change | None] = {}
        self.internal: tuple[InternalError, ...] = ()
        try:
            request = Request(helper, findings, cure)
            self._plan = plan(source.name, source.text, options, request)
            whole = encoded(source, data, self._plan.whole())
        except SourceError as error:
            self.cures = {each: _left(each, error.reason) for each in findings}
            return
        self.cures = dict(zip(findings, whole.cures, strict=True))
        self.internal = whole.internal
        changed = [each for each in self._plan.fixed.functions if each.is_changed]
        for function in changed:
            self._functions |= dict.fromkeys(function.cures, function)
            # What is outside of functions has been fixed in the file with these fixed.
            if len(changed) == 1 or function.entry is None:
                self._changes[function] = self._change(whole)

    def change(self, finding: Finding) -> Change | None:
        """What a fix would change in the outermost function around a finding, for all findings in
        it: they are cured one by one, each in the code that the one before has left. Outside of
        functions it is what it would change in the whole file. None where it would not cure this
        one.
        """
        cure = self.cures[finding]
        if cure.is_left:
            return None
        function = self._functions[cure]
        if function not in self._changes:
            self._changes[function] = self._alone(function)
        return self._changes[function]

    def _alone(self, function: FixedFunction) -> Change | None:
        try:
            return self._change(encoded(self._source, self._data, self._plan.alone(function)))
        except SourceError:
            return None

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
