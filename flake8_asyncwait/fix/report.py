"""What a fix has done, as JSON: `docs/schema/fix-1.json` is the schema, `VERSION` its version."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from flake8_asyncwait.fix.cure import Cure
from flake8_asyncwait.report.data import TOOL, error, undetermined
from flake8_asyncwait.report.paths import readable, relative
from flake8_asyncwait.source.text import SourceError
from flake8_asyncwait.undetermined import UndeterminedSite

VERSION = 1


class Done(NamedTuple):
    """What a run has done, or would do where it `is_dry`.

    `cures`, and the `undetermined` sites, have the paths of their files. `changed` are the files
    that were written, `created` the modules that were made for `wait_any`, and `untracked` those of
    them that are under no version control, where that was asked for. `checked` is how many files
    were looked at, and `errors` say what could not be done.
    """

    is_dry: bool
    cures: Sequence[tuple[str, Cure]]
    changed: Sequence[str]
    created: Sequence[str]
    untracked: Sequence[str]
    undetermined: Sequence[tuple[str, UndeterminedSite]]
    errors: Sequence[SourceError]
    checked: int


def document(done: Done) -> str:
    """The report as one JSON object, without a line end behind it."""
    left = sum(cure.is_left for _, cure in done.cures)
    whole = {
        "version": VERSION,
        "tool": TOOL,
        "dry_run": done.is_dry,
        "findings": [_finding(path, cure) for path, cure in done.cures],
        "changed": [readable(path) for path in done.changed],
        "created": [readable(relative(path)) for path in done.created],
        "untracked": [readable(relative(path)) for path in done.untracked],
        "undetermined": [undetermined(path, site) for path, site in done.undetermined],
        "errors": [error(each) for each in done.errors],
        "summary": {
            "checked": done.checked,
            "findings": len(done.cures),
            "fixed": len(done.cures) - left,
            "left": left,
            "outcomes": dict(sorted(Counter(cure.outcome for _, cure in done.cures).items())),
            "undetermined": len(done.undetermined),
            "errors": len(done.errors),
        },
    }
    return json.dumps(whole, indent=2)


def _finding(path: str, cure: Cure) -> dict[str, Any]:
    return {
        "path": readable(path),
        "line": cure.line,
        "column": cure.column + 1,
        "code": cure.code,
        "outcome": cure.outcome,
        "reason": cure.reason or None,
    }
