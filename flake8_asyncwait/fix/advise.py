"""Tells, with each finding, what `asyncwait fix` would do about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from flake8_asyncwait.fix.cure import MANUAL
from flake8_asyncwait.fix.file import fix_file, fix_text
from flake8_asyncwait.options import Options
from flake8_asyncwait.report.diff import diff
from flake8_asyncwait.source.text import Source, SourceError, with_newlines
from flake8_asyncwait.verdict.finding import Finding


def advised(
    path: str, text: str, findings: Sequence[Finding], options: Options
) -> tuple[Finding, ...]:
    """The findings of the file at `path`, each message with what a fix would do at its end.

    `text` is that of the file, with any line ends.
    """
    if not findings:
        return ()
    try:
        cures = fix_text(path, with_newlines(text), options, findings=findings).cures
    except SourceError as error:
        return tuple(_with_advice(finding, MANUAL, error.reason) for finding in findings)
    return tuple(
        _with_advice(finding, cure.outcome, cure.reason)
        for finding, cure in zip(sorted(findings), cures, strict=True)
    )


def _with_advice(finding: Finding, outcome: str, reason: str) -> Finding:
    advice = f"{outcome}, {reason}" if reason else outcome
    return replace(finding, message=f"{finding.message} (asyncwait fix: {advice})")


def change_for(path: str, source: Source, data: bytes, finding: Finding, options: Options) -> str:
    """What a fix of one finding alone would change in its file, as a diff; "" where nothing.

    `data` are the bytes that `source` was decoded from.
    """
    try:
        done = fix_file(path, source, data, options, findings=[finding])
    except SourceError:
        return ""
    return str(diff(path, data, done.after), source.encoding, "replace") if done.is_changed else ""
