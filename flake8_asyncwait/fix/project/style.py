"""How a project writes its code, as far as the configuration of its tools tells: what is made for
it is written likewise."""

from __future__ import annotations

import configparser
import os
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from flake8_asyncwait.source.text import SourceError, decode, read
from flake8_asyncwait.source.toml import parse

Version = tuple[int, int]
Table = dict[str, Any]

_RUFF_FILES = (".ruff.toml", "ruff.toml")
_FLAKE8_FILES = ("setup.cfg", "tox.ini", ".flake8")
_DEFAULT_WIDTH = 88  # black's and ruff's
# What settings of other tools may say: nobody means more, and what is made would be as large.
_WIDEST, _WIDEST_INDENT = 1000, 16
_NUMBER = r"\d{1,4}(?!\d)"


class Style(NamedTuple):
    """What is known of the style of a file.

    `width` is the line length that its formatter keeps to, else the one its linter allows. `oldest`
    is the oldest Python that the code has to run on. `quote` is what strings stand in, `indent`
    what one level of indentation is in new files.
    """

    width: int | None = None
    oldest: Version | None = None
    quote: str = '"'
    indent: str = "    "


PLAIN = Style()


def style_of(directory: str, root: str) -> Style:
    """The style of the files in a directory of the project at `root`, both absolute: of the
    settings that there are, the nearest counts. Nothing is raised for a file that nobody could
    read: its own tool will tell."""
    formatter: int | None = None
    linter: int | None = None
    versions: list[Version] = []
    quote = indent = None
    for folder in _upwards(directory, root):
        project = _toml(os.path.join(folder, "pyproject.toml"))
        tool = _table(project, "tool")
        alone = next(filter(None, (_toml(os.path.join(folder, name)) for name in _RUFF_FILES)), {})
        ruff, black = alone or _table(tool, "ruff"), _table(tool, "black")
        for table, key in ((ruff, "line-length"), (black, "line-length"), (black, "line_length")):
            formatter = _up_to(_WIDEST, table.get(key)) if formatter is None else formatter
        if formatter is None and (ruff or "black" in tool):
            formatter = _DEFAULT_WIDTH
        linter = _max_line_length(folder) if linter is None else linter
        versions += _versions(project, ruff, black)
        layout = _table(ruff, "format")
        if quote is None and layout.get("quote-style") in ("single", "double"):
            quote = {"single": "'", "double": '"'}[layout["quote-style"]]
        if indent is None and ruff:
            tabs = layout.get("indent-style") == "tab"
            wide = _up_to(_WIDEST_INDENT, ruff.get("indent-width"))
            indent = "\t" if tabs else " " * (wide or 4)
    return Style(
        linter if formatter is None else formatter,
        min(versions, default=None),
        quote or '"',
        indent or "    ",
    )


def _upwards(directory: str, root: str) -> Iterator[str]:
    """The directory and those above it, as far as the root of the project."""
    yield directory
    while directory != root and os.path.dirname(directory) != directory:
        directory = os.path.dirname(directory)
        yield directory


def _toml(path: str) -> Table:
    try:
        return parse(path, read(path))[1]
    except SourceError:
        return {}


def _up_to(most: int, found: object) -> int | None:
    """A number that is set, if it is one that somebody may mean."""
    if not isinstance(found, int) or isinstance(found, bool):
        return None
    return found if 1 <= found <= most else None


def _table(table: Table, key: str) -> Table:
    found = table.get(key)
    return found if isinstance(found, dict) else {}


def _max_line_length(folder: str) -> int | None:
    """What flake8 or pycodestyle are told in a folder."""
    for name in _FLAKE8_FILES:
        path = os.path.join(folder, name)
        parser = configparser.RawConfigParser(strict=False)
        try:
            parser.read_string(decode(path, read(path)).text)
        except (SourceError, configparser.Error):
            continue
        for section in ("flake8", "pycodestyle"):
            for key in ("max-line-length", "max_line_length"):
                value = parser.get(section, key, fallback="").strip()
                found = re.fullmatch(_NUMBER, value, re.ASCII)
                width = _up_to(_WIDEST, int(value)) if found else None
                if width is not None:
                    return width
    return None


def _versions(project: Table, ruff: Table, black: Table) -> Iterator[Version]:
    """The oldest Python that each of a project's settings admits."""
    targets = _strings([ruff.get("target-version")]) + _strings(black.get("target-version"))
    for target in targets:
        match = re.fullmatch(rf"py(\d)({_NUMBER})", target, re.ASCII)
        if match:
            yield int(match[1]), int(match[2])
    poetry = _table(_table(_table(project, "tool"), "poetry"), "dependencies")
    asks = _table(project, "project").get("requires-python"), poetry.get("python")
    for asked in _strings(list(asks)):
        pattern = rf"(?:>=?|~=?|==?|\^|^)\s*({_NUMBER})\.({_NUMBER})"
        found = re.findall(pattern, asked, re.ASCII)
        if found:
            yield min((int(major), int(minor)) for major, minor in found)


def _strings(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []
