"""A baseline: the findings that a project had when it began to look, and does not want to hear of.

A finding is known by its file and its fingerprint, so it may move within the file. The files are
named relative to the directory of the baseline.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from typing import Any, NamedTuple

from flake8_asyncwait.report.entry import Identity
from flake8_asyncwait.report.paths import readable
from flake8_asyncwait.source.text import SourceError, read

VERSION = 1


class Known(NamedTuple):
    """A finding of a baseline: its code and its function are for who reads the file."""

    path: str
    code: str
    function: str
    fingerprint: str


class Baseline:
    """The findings in the baseline at `path`, and which of them were met again."""

    def __init__(self, path: str) -> None:
        """Raises `SourceError` where there is no baseline."""
        directory = _directory(path)
        self._known = {
            (os.path.normpath(os.path.join(directory, each.path)), each.fingerprint): each
            for each in _load(path)
        }
        self._met: set[tuple[str, str]] = set()

    @property
    def keys(self) -> frozenset[tuple[str, str]]:
        """What its findings are known by: `key` makes the same of a finding that is met."""
        return frozenset(self._known)

    def meet(self, path: str, identities: Iterable[Identity]) -> None:
        """Take note of findings in the file at `path`, known or not."""
        self._met.update(key(path, identity) for identity in identities)

    def unused(self, checked: Iterable[str], codes: Iterable[str]) -> list[Known]:
        """The findings that were not met, of files that were `checked` or are no more, and of
        `codes` that were looked for."""
        paths = {_absolute(path) for path in checked}
        wanted = frozenset(codes)
        return [
            each
            for (path, fingerprint), each in self._known.items()
            if (path, fingerprint) not in self._met
            and each.code in wanted
            and (path in paths or not os.path.exists(path))
        ]


def key(path: str, identity: Identity) -> tuple[str, str]:
    """What a finding in the file at `path` is known by, wherever the baseline is."""
    return _absolute(path), identity.fingerprint


def dump(found: Iterable[tuple[str, Identity]], path: str) -> bytes:
    """The contents of a baseline at `path` that holds all findings, given with their paths."""
    directory = _directory(path)
    known = sorted(
        Known(os.path.relpath(_absolute(each), directory).replace(os.sep, "/"), *identity)
        for each, identity in found
    )
    findings = [each._asdict() for each in known]
    return f"{json.dumps({'version': VERSION, 'findings': findings}, indent=1)}\n".encode()


def _directory(path: str) -> str:
    return os.path.dirname(_absolute(path))


def _absolute(path: str) -> str:
    return readable(os.path.abspath(path))


def _load(path: str) -> list[Known]:
    try:
        whole = json.loads(read(path))
        version = whole["version"]
        if type(version) is int and version != VERSION:
            raise SourceError(path, f"not a baseline of version {VERSION}")
        if type(version) is not int or not isinstance(whole["findings"], list):
            raise TypeError
        return [_known(each) for each in whole["findings"]]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise SourceError(path, "not a baseline written by asyncwait check") from error


def _known(value: dict[str, Any]) -> Known:
    known = Known(**value)
    if not all(isinstance(part, str) for part in known):
        raise TypeError
    return known
