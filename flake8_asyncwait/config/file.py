"""The table `[tool.asyncwait]` of a `pyproject.toml`: where it is, and what it says."""

from __future__ import annotations

import os
import re
import sys

from flake8_asyncwait.config.settings import KEYS, Key, nearest
from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.source.text import SourceError, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME = "pyproject.toml"
_TABLE = rb"(?m)^[ \t]*\[tool\.asyncwait[\].]"
_FLAKE8_FILES = ("setup.cfg", "tox.ini", ".flake8")
_ROOTS = (".git", ".hg", ".svn")


class Found(NamedTuple):
    """The file with our table, or None, and where there is none the file that configures us for
    flake8, or None."""

    path: str | None = None
    for_flake8: str | None = None


def find(start: str) -> Found:
    """Look for our table in the directory `start` and those above it, as far as the project goes.

    That is up to the root of its repository. Outside of any repository it is up to the nearest
    `pyproject.toml`. Raises `SourceError` for a file that cannot be read.
    """
    for_flake8 = None
    directories = _upwards(start)
    in_repository = any(map(_is_root, directories))
    for directory in directories:
        path = _shown(os.path.join(directory, NAME))
        if os.path.isfile(path):
            if re.search(_TABLE, read(path)):
                return Found(path)
            if not in_repository:
                break
        for_flake8 = for_flake8 or _for_flake8(directory)
        if _is_root(directory):
            break
    return Found(None, for_flake8)


def values(path: str) -> dict[str, Any]:
    """What the table in the file at `path` says, by the attributes of `Settings`.

    Raises `SourceError` for a file that cannot be read or is not TOML, for a key that we do not
    know, and for a value that is not such as its key has.
    """
    data = read(path)
    try:
        text = data.decode()
        table = _loads(text).get("tool", {}).get("asyncwait")
    except ValueError as error:  # also where it is not UTF-8
        raise SourceError(path, f"not TOML: {error}") from error
    if not isinstance(table, dict):
        raise SourceError(path, "no table [tool.asyncwait]")
    directory = os.path.dirname(os.path.abspath(path))
    found = {}
    for name, value in table.items():
        if name not in KEYS:
            hint = nearest(name, list(KEYS))
            raise SourceError(
                path, f"tool.asyncwait: unknown key {name!r}; {hint}", _line(text, name)
            )
        found[KEYS[name].attribute] = _value(path, text, KEYS[name], value, directory)
    return found


def _value(path: str, text: str, key: Key, value: object, directory: str) -> Any:
    try:
        return key.kind.from_toml(value, directory)
    except TypeError:
        reason = f"not {key.kind.name}: {value!r}"
    except ValueError as error:
        reason = str(error)
    raise SourceError(path, f"tool.asyncwait.{key.name}: {reason}", _line(text, key.name))


def _loads(text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    return tomllib.loads(text)


def _line(text: str, name: str) -> int | None:
    """The line on which the table, or a table in it, mentions a key; None where it is not seen."""
    start = text.find("[tool.asyncwait")
    key = re.compile(rf"^[ \t\[]*(?:tool\.asyncwait\.)?[\"']?{re.escape(name)}\b", re.M)
    found = key.search(text, max(start, 0))
    return text.count("\n", 0, found.end()) + 1 if found else None


def _for_flake8(directory: str) -> str | None:
    """The file in a directory that configures us for flake8, if there is one."""
    for name in _FLAKE8_FILES:
        path = _shown(os.path.join(directory, name))
        if os.path.isfile(path) and _mentions_us(read(path)):
            return path
    return None


def _mentions_us(data: bytes) -> bool:
    """Whether a configuration file has a section for flake8 that names our options or codes."""
    text = data.decode("utf-8", "replace")
    sections = re.findall(r"^\[flake8[^\]\n]*\](.*?)(?=^\[|\Z)", text, re.M | re.S)
    return any(re.search(r"^asyncwait[-_]|^[^#;\n]*\bAWT", body, re.M) for body in sections)


def _upwards(start: str) -> list[str]:
    """The directory `start` and all above it, as absolute paths."""
    found = [os.path.abspath(start)]
    while os.path.dirname(found[-1]) != found[-1]:
        found.append(os.path.dirname(found[-1]))
    return found


def _is_root(directory: str) -> bool:
    return any(os.path.exists(os.path.join(directory, name)) for name in _ROOTS)


def _shown(path: str) -> str:
    """A path as a report names it: relative where it is below the working directory."""
    below = os.path.join(os.getcwd(), "")
    return path.removeprefix(below)
