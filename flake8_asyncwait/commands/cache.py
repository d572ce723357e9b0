"""What a check has found, kept for the next one: a file is not looked at twice if nothing changes.

What is kept holds for the bytes of the file, for what its verdict rests on in other modules, for
the options, for our own version and for the Python that runs. Whatever cannot be read or written
here costs time only: then the file is checked as if nothing were kept.
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b

from flake8_asyncwait.commands.result import Result
from flake8_asyncwait.options import ALL_CODES
from flake8_asyncwait.report.entry import Identity
from flake8_asyncwait.sites.modules import digest_of
from flake8_asyncwait.source.project import Evidence, Place, imports_of
from flake8_asyncwait.undetermined import UndeterminedSite
from flake8_asyncwait.verdict.checked import Checked
from flake8_asyncwait.verdict.finding import Finding, Step

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from flake8_asyncwait.options import Options

_OURS = {
    ".gitignore": "# Made by asyncwait.\n*\n",
    "CACHEDIR.TAG": "Signature: 8a477f597d28d172789f06886806bc55\n# Made by asyncwait.\n",
}
# The items of a finding that are no others in themselves.
_FIELDS = {
    "line": int,
    "column": int,
    "code": str,
    "message": str,
    "end_line": int,
    "end_column": int,
    "hint": str,
}
_LONGEST = 5_000_000  # bytes of a file that is read


class Cache:
    """What is kept in one directory for checks with the same `options`, but for the codes that a
    file does not report, `silenced`."""

    def __init__(self, directory: str, options: Options, silenced: tuple[str, ...]) -> None:
        self._directory = directory
        self._below = os.path.join(directory, "{}.{}".format(*sys.version_info))
        parts = (sys.version, _own_state(), *map(_sorted, options), silenced)
        self._key = blake2b(repr(parts).encode()).digest()

    def get(self, path: str, data: bytes) -> Result | None:
        """What is kept of the file at `path` with the bytes `data`; None where that is nothing."""
        try:
            kept = json.loads(self._read(self._place(path)))
            if kept["key"] != self._digest(data):
                return None
            result = _result(kept)
            is_sound = all(_is_in(each, data) for each in result.checked.findings)
            return result if is_sound and _holds(result.checked.evidence, path) else None
        except (OSError, ValueError, TypeError, KeyError, IndexError, RecursionError):
            return None

    def put(self, path: str, data: bytes, result: Result) -> None:
        """Keep what was found in a file. What an error of our own has left open is not kept."""
        if result.checked.internal:
            return
        text = json.dumps({"key": self._digest(data), **_json(result)}, ensure_ascii=True)
        place = self._place(path)
        temporary = f"{place}.{os.getpid()}.tmp"
        try:
            self._prepare()
            with open(temporary, "x", encoding="ascii") as file:
                file.write(text)
            os.replace(temporary, place)
        except OSError:
            return

    def _place(self, path: str) -> str:
        name = blake2b(os.fsencode(os.path.abspath(path)), digest_size=16).hexdigest()
        return os.path.join(self._below, f"{name}.json")

    def _digest(self, data: bytes) -> str:
        return blake2b(data, key=self._key, digest_size=16).hexdigest()

    def _read(self, place: str) -> bytes:
        self._check_is_no_link()
        with open(place, "rb", opener=_open_no_link) as file:
            return file.read(_LONGEST)

    def _prepare(self) -> None:
        """Make the directory. Raises `OSError` where a link would lead out of it, and where it
        holds something else: git would ignore that as well."""
        self._check_is_no_link()
        with suppress(FileNotFoundError):
            names = os.listdir(self._directory)
            if names and "CACHEDIR.TAG" not in names:
                raise OSError(f"{self._directory}: it is no directory of ours")
        os.makedirs(self._below, exist_ok=True)
        for name, text in _OURS.items():
            path = os.path.join(self._directory, name)
            with suppress(FileExistsError), open(path, "x", encoding="ascii") as file:
                file.write(text)

    def _check_is_no_link(self) -> None:
        if os.path.islink(self._directory) or os.path.islink(self._below):
            raise OSError(f"{self._below}: a link is not followed")


def _open_no_link(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


@lru_cache(maxsize=1)
def _own_state() -> tuple[tuple[str, int, int], ...]:
    """What tells one version of this package from another, while somebody works on it, too."""
    found = []
    for directory, _, names in os.walk(os.path.dirname(os.path.dirname(__file__))):
        for path in (os.path.join(directory, name) for name in names if name.endswith(".py")):
            state = os.stat(path)
            found.append((path, state.st_size, state.st_mtime_ns))
    return tuple(sorted(found))


def _sorted(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else value


def _is_in(finding: Finding, data: bytes) -> bool:
    """Whether a finding is one that a file with these bytes may have."""
    lines = data.count(b"\n") + data.count(b"\r") + 1
    is_ordered = 0 < finding.line <= finding.end_line <= lines
    columns = (finding.column, finding.end_column)
    return finding.code in ALL_CODES and is_ordered and all(0 <= n <= len(data) for n in columns)


def _holds(evidence: Evidence, path: str) -> bool:
    """Whether the other modules are still what they were."""
    if any(digest_of(each) != digest for each, digest in evidence.read):
        return False
    if not evidence.asked:
        return True
    imports = imports_of(path)
    if imports is None:
        return False
    return all(imports.find(module, name) == place for module, name, place in evidence.asked)


@lru_cache(maxsize=8)
def cache_in(directory: str, options: Options, silenced: tuple[str, ...]) -> Cache:
    """The `Cache` of these, made once for all files that have them in common."""
    return Cache(directory, options, silenced)


def _json(result: Result) -> dict[str, Any]:
    checked = result.checked
    return {
        "findings": [
            {
                **{name: getattr(each, name) for name in _FIELDS},
                "witness": [[s.line, s.what, s.choice, s.path] for s in each.witness],
                "elsewhere": each.elsewhere,
            }
            for each in checked.findings
        ],
        "undetermined": checked.undetermined,
        "waits": checked.waits,
        "asked": checked.evidence.asked,
        "read": checked.evidence.read,
        "identities": result.identities,
    }


def _result(kept: dict[str, Any]) -> Result:
    """The result that `_json` has made this of. Raises `TypeError`, `ValueError` or `KeyError` for
    what it cannot have made."""
    (waits,) = _row([kept["waits"]], int)
    asked = tuple((*_row(each[:2], str, str), _place(each[2])) for each in kept["asked"])
    read = tuple(_row(each, str, str) for each in kept["read"])
    checked = Checked(
        tuple(map(_finding, kept["findings"])),
        tuple(UndeterminedSite(*_row(each, int, int, str)) for each in kept["undetermined"]),
        waits,
        evidence=Evidence(asked, read),
    )
    identities = tuple(Identity(*_row(each, str, str, str)) for each in kept["identities"])
    if len(identities) != len(checked.findings):
        raise ValueError("each finding has its identity")
    return Result(checked, identities)


def _finding(kept: dict[str, Any]) -> Finding:
    values = _row([kept[name] for name in _FIELDS], *_FIELDS.values())
    return Finding(
        **dict(zip(_FIELDS, values, strict=True)),
        witness=tuple(Step(*_row(step, int, str, str, str)) for step in kept["witness"]),
        elsewhere=_strings(kept["elsewhere"]),
    )


def _place(kept: Any) -> Place | None:
    if kept is None:
        return None
    path, names = kept
    return Place(_strings([path])[0], _strings(names))


def _strings(values: list[Any]) -> tuple[str, ...]:
    return _row(values, *[str] * len(values))


def _row(values: list[Any], *types: type) -> tuple[Any, ...]:
    """The values, each of its type. Raises `ValueError` where one is not."""
    if [type(value) for value in values] != list(types):
        raise ValueError(f"{values} are not of {types}")
    return tuple(values)
