"""The table `[tool.asyncwait]` of a `pyproject.toml`: where it is, and what it says."""

from __future__ import annotations

import os
import re

from flake8_asyncwait.config.settings import KEYS, Key, nearest
from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.source.text import SourceError, read
from flake8_asyncwait.source.toml import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

NAME = "pyproject.toml"
_FLAKE8_FILES = ("setup.cfg", "tox.ini", ".flake8")
_ROOTS = (".git", ".hg", ".svn")
# What every file with our table holds: its name, or an escape that may be a letter of it.
_MAY_HAVE_TABLE = rb"asyncwait|\\[uUx]"
# What is meant to be our table, in a file of which nobody can say for sure: `[tool.asyncwait`,
# `tool.asyncwait`, or `asyncwait` below `[tool]`.
_TOOL, _US = r"""["']?tool["']?[ \t]*""", r"""["']?asyncwait\b"""
_TABLE = (
    rf"(?ms)^[ \t]*\[{{0,2}}[ \t]*{_TOOL}\.[ \t]*{_US}"
    rf"|^[ \t]*\[[ \t]*{_TOOL}\](?:(?!\n[ \t]*\[).)*?\n[ \t]*{_US}[\"']?[ \t]*[.=]"
)
# Other names of ours, by which a table may be written in vain.
_NOT_OURS = ("flake8-asyncwait", "flake8_asyncwait")
_MOST_SHOWN = 60  # characters of a value, in a message


class Table(NamedTuple):
    """Our table in the file at `path`, whose whole text is `text`. `items` are its keys and values,
    as TOML has them."""

    path: str
    text: str
    items: dict[str, Any]


class Found(NamedTuple):
    """Our table, or None, and where there is none the file that configures us for flake8, or
    None."""

    table: Table | None = None
    for_flake8: str | None = None


def find(start: str) -> Found:
    """Look for our table in the directory `start` and those above it, as far as the project goes.

    That is up to the root of its repository. Outside of any repository it is up to the nearest
    `pyproject.toml`. Raises `SourceError` for a file that cannot be read, and for one that is not
    TOML where that seems meant to have our table.
    """
    for_flake8 = None
    directories = _upwards(start)
    in_repository = any(map(_is_root, directories))
    for directory in directories:
        path = _shown(os.path.join(directory, NAME))
        if os.path.isfile(path):
            table = _table_if_any(path)
            if table is not None:
                return Found(table)
            if not in_repository:
                break
        for_flake8 = for_flake8 or _for_flake8(directory)
        if _is_root(directory):
            break
    return Found(None, for_flake8)


def table_in(path: str) -> Table:
    """Our table in the file at `path`.

    Raises `SourceError` for a file that cannot be read, is not TOML, or has no such table.
    """
    table = _table(path, *parse(path, read(path)))
    if table is None:
        raise SourceError(path, "no table [tool.asyncwait]")
    return table


def values(table: Table) -> dict[str, Any]:
    """What the table says, by the attributes of `Settings`.

    Raises `SourceError` for a key that we do not know, and for a value that is not such as its key
    has.
    """
    directory = os.path.dirname(os.path.abspath(table.path))
    found = {}
    for name, value in table.items.items():
        if name not in KEYS:
            hint = nearest(name, list(KEYS))
            raise _error(table, name, f"tool.asyncwait: unknown key {name!r}; {hint}")
        found[KEYS[name].attribute] = _value(table, KEYS[name], value, directory)
    return found


def _table_if_any(path: str) -> Table | None:
    """Our table in the file at `path`; None where it has none.

    A file that is no TOML, and does not seem to be about us, is for others to complain of.
    """
    data = read(path)
    if not re.search(_MAY_HAVE_TABLE, data):
        return None
    try:
        text, document = parse(path, data)
    except SourceError:
        if re.search(_TABLE, str(data, "utf-8", "replace")):
            raise
        return None
    return _table(path, text, document)


def _table(path: str, text: str, document: dict[str, Any]) -> Table | None:
    tool = document.get("tool")
    if not isinstance(tool, dict):
        return None
    for name in tool:
        if name in _NOT_OURS:
            reason = f"unknown table [tool.{name}]; did you mean [tool.asyncwait]?"
            raise _error(Table(path, text, {}), name, reason)
    if "asyncwait" not in tool:
        return None
    table = Table(path, text, tool["asyncwait"])
    if not isinstance(table.items, dict):
        raise _error(table, "asyncwait", f"tool.asyncwait: not a table: {_written(table.items)}")
    return table


def _value(table: Table, key: Key, value: object, directory: str) -> Any:
    try:
        return key.kind.from_toml(value, directory)
    except TypeError:
        reason = f"not {key.kind.name}: {_written(value)}"
    except ValueError as error:
        reason = str(error)
    raise _error(table, key.name, f"tool.asyncwait.{key.name}: {reason}")


def _written(value: object) -> str:
    """A value as a message shows it."""
    try:
        shown = repr(value)
    except ValueError:  # a number of more digits than Python is ready to write
        return "a very large number"
    return shown if len(shown) <= _MOST_SHOWN else f"{shown[:_MOST_SHOWN]}..."


def _error(table: Table, name: str, reason: str) -> SourceError:
    """What is wrong with a key, on the line that mentions it."""
    return SourceError(table.path, reason, _line(table.text, name))


def _line(text: str, name: str) -> int | None:
    """The line on which our table mentions a key; None where it is not seen."""
    table = re.search(_TABLE, text)
    word = rf"(?<![\w-]){re.escape(name)}(?![\w-])"
    key = rf"^[ \t\[]*(?:{_TOOL}\.[ \t]*)?(?:{_US}[\"']?[ \t]*\.[ \t]*)?[\"']?{word}"
    for pattern in (key, word):  # at the start of a line, or in a table that stands on one
        found = re.compile(pattern, re.MULTILINE).search(text, table.start() if table else 0)
        if found:
            return text.count("\n", 0, found.end()) + 1
    return None


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
