"""Reports as JSON: `docs/schema/report-1.json` is the schema, `VERSION` its version."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from flake8_asyncwait import __version__
from flake8_asyncwait.report.entry import Change, Contents, Entry
from flake8_asyncwait.report.paths import readable, relative
from flake8_asyncwait.rules import rule_of
from flake8_asyncwait.source.text import SourceError
from flake8_asyncwait.undetermined import UndeterminedSite
from flake8_asyncwait.verdict.finding import Step

VERSION = 1
TOOL = {"name": "asyncwait", "version": __version__}


def document(contents: Contents) -> Iterator[str]:
    """The report as one JSON object."""
    findings = [finding(entry) for entry in contents.entries]
    told = contents.summary()
    whole = {
        "version": VERSION,
        "tool": TOOL,
        "findings": findings,
        "undetermined": [undetermined(path, site) for path, site in told.undetermined],
        "errors": [error(each) for each in told.errors],
        "summary": {
            "checked": told.checked,
            "waits": told.waits,
            "undetermined": len(told.undetermined),
            "errors": len(told.errors),
            "findings": told.findings,
            "files": told.files,
            "fixable": told.fixable,
            "codes": dict(sorted(told.counts.items())),
        },
    }
    yield json.dumps(whole, indent=2) + "\n"


def records(contents: Contents) -> Iterator[str]:
    """The report as one JSON object a line: the findings, then what is not decided."""
    for entry in contents.entries:
        yield json.dumps(finding(entry)) + "\n"
    for path, site in contents.summary().undetermined:
        yield json.dumps({"undetermined": undetermined(path, site)}) + "\n"


def finding(entry: Entry) -> dict[str, Any]:
    """A finding as JSON. Lines and columns count from 1, columns in characters."""
    found = entry.finding
    return {
        "path": readable(entry.path),
        "line": found.line,
        "column": found.column + 1,
        "end_line": found.end_line,
        "end_column": found.end_column + 1,
        "code": found.code,
        "name": rule_of(found.code).name,
        "message": found.message,
        "function": entry.function or None,
        "witness": [_step(step) for step in found.witness],
        "fix": {
            "outcome": entry.outcome,
            "reason": entry.reason or None,
            **_change(entry.change),
        },
        "proof": entry.proof or None,
        "fingerprint": entry.fingerprint,
    }


def _step(step: Step) -> dict[str, Any]:
    """A step of a witness; it has a path where that is another one than the finding's."""
    told: dict[str, Any] = {"line": step.line, "what": step.what}
    return {**told, "path": readable(relative(step.path))} if step.path else told


def error(error: SourceError) -> dict[str, Any]:
    """What could not be done, as JSON."""
    return {"path": readable(error.name), "line": error.line, "reason": error.reason}


def undetermined(path: str, site: UndeterminedSite) -> dict[str, Any]:
    """A site in the file at `path` about which nothing is claimed, as JSON."""
    return {
        "path": readable(path),
        "line": site.line,
        "column": site.column + 1,
        "reason": site.reason,
    }


def _change(change: Change | None) -> dict[str, Any]:
    edits = change.edits if change is not None else ()
    module = change.new_module if change is not None else None
    return {
        "edits": [edit._asdict() for edit in edits],
        "new_module": module and {"path": readable(module.path), "text": module.text},
    }
