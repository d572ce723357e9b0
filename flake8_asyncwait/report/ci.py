"""Reports for the services that run checks: GitHub's workflow commands, GitLab's code quality."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

from flake8_asyncwait.report.entry import Contents
from flake8_asyncwait.report.paths import readable, relative
from flake8_asyncwait.report.text import printable
from flake8_asyncwait.rules import rule_of


def github(contents: Contents) -> Iterator[str]:
    """A workflow command for each finding, and for what is not decided: GitHub shows them at their
    lines."""
    for entry in contents.entries:
        finding, path = entry.finding, readable(relative(entry.path))
        place = {"title": f"{finding.code} {rule_of(finding.code).name}", "file": path}
        place |= {"line": str(finding.line), "endLine": str(finding.end_line)}
        if finding.line == finding.end_line:  # else GitHub takes no columns
            place |= {"col": str(finding.column + 1), "endColumn": str(finding.end_column + 1)}
        yield _command("error", place, finding.message)
    for path, site in contents.summary().undetermined:
        place = {"title": "asyncwait", "file": readable(relative(path)), "line": str(site.line)}
        yield _command("warning", place, f"not decided: {site.reason}")


def gitlab(contents: Contents) -> Iterator[str]:
    """A code quality report: GitLab shows it in merge requests."""
    found = []
    for entry in contents.entries:
        finding, rule = entry.finding, rule_of(entry.finding.code)
        issue = _issue(
            f"{finding.code} {finding.message}",
            f"{finding.code} {rule.name}",
            "major" if rule.default else "minor",
            entry.path,
            (finding.line, finding.end_line),
            entry.fingerprint,
        )
        found.append(issue)
    before: Counter[tuple[str, str]] = Counter()
    for path, site in contents.summary().undetermined:
        # Nothing else tells two of them apart that stays when lines move.
        before[path, site.reason] += 1
        known_by = f"{site.reason}\0{before[path, site.reason]}"
        text, lines = f"not decided: {site.reason}", (site.line, site.line)
        found.append(_issue(text, "undetermined", "info", path, lines, known_by))
    yield json.dumps(found, indent=2) + "\n"


def _issue(
    text: str, name: str, severity: str, path: str, lines: tuple[int, int], known_by: str
) -> dict[str, Any]:
    place = readable(relative(path))
    return {
        "description": text,
        "check_name": name,
        "fingerprint": hashlib.sha256(f"{place}\0{known_by}".encode()).hexdigest()[:32],
        "severity": severity,
        "location": {"path": place, "lines": {"begin": lines[0], "end": lines[1]}},
    }


def _command(name: str, properties: dict[str, str], message: str) -> str:
    told = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return printable(f"::{name} {told}::{_data(message)}") + "\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
