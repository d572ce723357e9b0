"""Tells the reports that ask for it what `asyncwait fix` would do about each finding."""

from __future__ import annotations

from collections.abc import Sequence

from flake8_asyncwait.fix.cure import MANUAL, Cure
from flake8_asyncwait.fix.file import fix_file, fix_text
from flake8_asyncwait.fix.helper import Helper
from flake8_asyncwait.fix.plan import BY_HAND
from flake8_asyncwait.options import Options
from flake8_asyncwait.report.diff import diff
from flake8_asyncwait.report.edits import edits
from flake8_asyncwait.report.entry import Change
from flake8_asyncwait.source.text import BOM, Source, SourceError
from flake8_asyncwait.undetermined import FailedElsewhere, InternalError
from flake8_asyncwait.verdict.finding import Finding


def cures_for(
    path: str,
    text: str,
    findings: Sequence[Finding],
    options: Options,
    helper: Helper | None = None,
) -> tuple[tuple[Cure, ...], tuple[InternalError, ...]]:
    """What a fix of the file at `path` would do about each of its findings, which are sorted, and
    our own errors over that.

    `text` is that of the file; its lines end in `\\n`. `helper` is where `wait_any` is to come
    from. Where it takes too much work to know, the outcome is `UNTRIED`.
    """
    if not findings:
        return (), ()
    try:
        done = fix_text(path, text, options, helper, findings)
    except SourceError as error:
        return tuple(_left(each, error.reason) for each in sorted(findings)), ()
    return done.cures, done.internal


def _left(finding: Finding, reason: str) -> Cure:
    """A finding in a file that is not fixed. What no fix touches has a reason of its own."""
    reason = BY_HAND.get(finding.code, reason)
    return Cure(finding.line, finding.column, finding.code, MANUAL, reason)


def change_for(
    source: Source, data: bytes, finding: Finding, options: Options, helper: Helper | None = None
) -> Change | None:
    """What a fix of one finding alone would change; None where nothing.

    `data` are the bytes that `source` was decoded from. Raises `FailedElsewhere` where an error of
    our own keeps it from being known.
    """
    try:
        done = fix_file(source.name, source, data, options, helper, [finding])
    except SourceError:
        return None
    if done.internal:
        raise FailedElsewhere(done.internal[0].error)
    if not done.is_changed:
        return None
    before, after = (str(each.removeprefix(BOM), source.encoding) for each in (data, done.after))
    shown = str(diff(source.name, data, done.after), source.encoding, "replace")
    return Change(shown, edits(before, after), done.create)
