"""A baseline: the findings that a project had when it began to look, and does not want to hear of.

A finding is known by its file and its fingerprint, so it may move within the file. The files are
named relative to the directory of the baseline.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from flake8_asyncwait.report.entry import Entry
from flake8_asyncwait.report.paths import readable
from flake8_asyncwait.source.text import SourceError, read

VERSION = 1


class Known(NamedTuple):
    """A finding of a baseline: all but `path` and `fingerprint` is for who reads the file."""

    path: str
    code: str
    function: str
    fingerprint: str

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by."""
        return self.path, self.fingerprint


class Baseline:
    """The findings in the baseline at `path`, and which of them were met again."""

    def __init__(self, path: str) -> None:
        """Raises `SourceError` where there is no baseline."""
        self._directory = os.path.dirname(os.path.abspath(path))
        self._known = {each.key: each for each in _load(path)}
        self._met: set[tuple[str, str]] = set()

    def knows(self, entry: Entry) -> bool:
        """Whether a finding is in it, which counts as met then."""
        key = (_named(entry.path, self._directory), entry.fingerprint)
        if key in self._known:
            self._met.add(key)
        return key in self._known

    def unused(self, checked: Iterable[str], codes: Iterable[str]) -> list[Known]:
        """The findings that were not met, of files that were `checked` or are no more, and of
        `codes` that were looked for."""
        names = {_named(path, self._directory) for path in checked}
        wanted = frozenset(codes)
        return [
            each
            for key, each in self._known.items()
            if key not in self._met
            and each.code in wanted
            and (each.path in names or not os.path.exists(os.path.join(self._directory, each.path)))
        ]


def dump(entries: Iterable[Entry], path: str) -> bytes:
    """The contents of a baseline at `path` that holds all of `entries`."""
    directory = os.path.dirname(os.path.abspath(path))
    findings = [
        Known(
            _named(entry.path, directory), entry.finding.code, entry.function, entry.fingerprint
        )._asdict()
        for entry in entries
    ]
    findings.sort(key=lambda each: (each["path"], each["code"], each["function"]))
    return f"{json.dumps({'version': VERSION, 'findings': findings}, indent=1)}\n".encode()


def _load(path: str) -> Iterator[Known]:
    try:
        whole = json.loads(read(path))
        if whole["version"] != VERSION:
            raise SourceError(path, f"not a baseline of version {VERSION}")
        for each in whole["findings"]:
            yield _known(each)
    except (ValueError, TypeError, KeyError) as error:
        raise SourceError(path, "not a baseline that asyncwait check has written") from error


def _known(value: dict[str, Any]) -> Known:
    known = Known(**value)
    if not all(isinstance(part, str) for part in known):
        raise TypeError
    return known


def _named(path: str, directory: str) -> str:
    return readable(os.path.relpath(os.path.abspath(path), directory).replace(os.sep, "/"))
