"""Reports for the services that run checks: GitHub's workflow commands, GitLab's code quality."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from flake8_asyncwait.report.entry import Contents
from flake8_asyncwait.report.paths import readable, relative
from flake8_asyncwait.report.text import printable
from flake8_asyncwait.rules import rule_of


def github(contents: Contents) -> Iterator[str]:
    """A workflow command for each finding: GitHub shows them at their lines."""
    for entry in contents.entries:
        finding, path = entry.finding, readable(relative(entry.path))
        place = {"title": f"{finding.code} {rule_of(finding.code).name}", "file": path}
        place |= {"line": str(finding.line), "endLine": str(finding.end_line)}
        if finding.line == finding.end_line:  # else GitHub takes no columns
            place |= {"col": str(finding.column + 1), "endColumn": str(finding.end_column + 1)}
        properties = ",".join(f"{name}={_property(value)}" for name, value in place.items())
        yield f"{printable(f'::error {properties}::{_data(finding.message)}')}\n"


def gitlab(contents: Contents) -> Iterator[str]:
    """A code quality report: GitLab shows it in merge requests."""
    found = []
    for entry in contents.entries:
        finding, path = entry.finding, readable(relative(entry.path))
        rule = rule_of(finding.code)
        known_by = f"{path}\0{entry.fingerprint}"
        found.append(
            {
                "description": f"{finding.code} {finding.message}",
                "check_name": f"{finding.code} {rule.name}",
                "fingerprint": hashlib.sha256(known_by.encode()).hexdigest()[:32],
                "severity": "major" if rule.default else "minor",
                "location": {
                    "path": path,
                    "lines": {"begin": finding.line, "end": finding.end_line},
                },
            }
        )
    yield json.dumps(found, indent=2) + "\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
