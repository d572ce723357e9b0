"""Reports as SARIF 2.1.0, the format of code scanning services."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from flake8_asyncwait import __version__
from flake8_asyncwait.report.entry import Change, Contents, Edit, Entry
from flake8_asyncwait.report.paths import below, relative, uri
from flake8_asyncwait.rules import RULES, Rule
from flake8_asyncwait.rules.explain import markdown, plain
from flake8_asyncwait.source.text import SourceError
from flake8_asyncwait.undetermined import UndeterminedSite

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
FINGERPRINT = "asyncwait/v1"
_INDEX = {rule.code: index for index, rule in enumerate(RULES)}

Json = dict[str, Any]


def log(contents: Contents) -> Iterator[str]:
    """The report as a SARIF log of one run."""
    results = [_result(entry) for entry in contents.entries]
    summary = contents.summary()
    notifications = [_error(error) for error in summary.errors]
    notifications += [_undetermined(path, site) for path, site in summary.undetermined]
    run = {
        "tool": {
            "driver": {
                "name": "asyncwait",
                "version": __version__,
                "rules": [_rule(rule) for rule in RULES],
            }
        },
        "columnKind": "unicodeCodePoints",
        "invocations": [
            {
                "executionSuccessful": not summary.errors,
                "toolExecutionNotifications": notifications,
            }
        ],
        "results": results,
    }
    yield json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule) -> Json:
    return {
        "id": rule.code,
        "name": rule.name,
        "shortDescription": {"text": f"{rule.summary}."},
        "fullDescription": {"text": rule.rationale},
        "help": {"text": plain(rule), "markdown": markdown(rule)},
        "defaultConfiguration": {"enabled": rule.default, "level": _level(rule)},
    }


def _level(rule: Rule) -> str:
    return "warning" if rule.default else "note"


def _result(entry: Entry) -> Json:
    finding = entry.finding
    index = _INDEX[finding.code]
    region = {
        "startLine": finding.line,
        "startColumn": finding.column + 1,
        "endLine": finding.end_line,
        "endColumn": finding.end_column + 1,
    }
    location: Json = _location(entry.path, region)
    if entry.function:
        logical = {"fullyQualifiedName": entry.function, "kind": "function"}
        location["logicalLocations"] = [logical]
    result = {
        "ruleId": finding.code,
        "ruleIndex": index,
        "level": _level(RULES[index]),
        "message": {"text": finding.message},
        "locations": [location],
        "partialFingerprints": {FINGERPRINT: entry.fingerprint},
    }
    if finding.witness:
        result["codeFlows"] = [_code_flow(entry)]
    if entry.change is not None:
        result["fixes"] = [_fix(entry, entry.change)]
    if entry.proof:
        result["properties"] = {"proof": entry.proof}
    return result


def _code_flow(entry: Entry) -> Json:
    steps = [
        {
            "location": {
                **_location(step.path or entry.path, {"startLine": step.line}),
                "message": {"text": step.what},
            }
        }
        for step in entry.finding.witness
    ]
    return {"message": {"text": "How it leaks"}, "threadFlows": [{"locations": steps}]}


def _fix(entry: Entry, change: Change) -> Json:
    """The change of the file, after that of the module which it then imports."""
    changes = [_artifact_change(entry.path, change.edits)]
    if change.new_module is not None:
        whole = Edit(1, 1, 1, 1, change.new_module.text)
        changes.insert(0, _artifact_change(change.new_module.path, [whole]))
    return {"description": {"text": f"asyncwait fix: {entry.outcome}"}, "artifactChanges": changes}


def _artifact_change(path: str, edits: Iterable[Edit]) -> Json:
    return {
        "artifactLocation": _artifact(path),
        "replacements": [
            {
                "deletedRegion": {
                    "startLine": edit.line,
                    "startColumn": edit.column,
                    "endLine": edit.end_line,
                    "endColumn": edit.end_column,
                },
                "insertedContent": {"text": edit.text},
            }
            for edit in edits
        ],
    }


def _error(error: SourceError) -> Json:
    return _notification("error", error.reason, error.name, error.line)


def _undetermined(path: str, site: UndeterminedSite) -> Json:
    return _notification("warning", f"not decided: {site.reason}", path, site.line)


def _notification(level: str, text: str, path: str, line: int | None) -> Json:
    region = {"startLine": line} if line is not None else None
    return {"level": level, "message": {"text": text}, "locations": [_location(path, region)]}


def _location(path: str, region: Json | None) -> Json:
    place: Json = {"artifactLocation": _artifact(path)}
    if region is not None:
        place["region"] = region
    return {"physicalLocation": place}


def _artifact(path: str) -> Json:
    """Where a file is: below the root of the source, which is the working directory, or not."""
    base = {"uriBaseId": "%SRCROOT%"} if below(relative(path)) else {}
    return {"uri": uri(path), **base}
