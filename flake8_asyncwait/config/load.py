"""From the command line and the nearest file to what is in force."""

from __future__ import annotations

import argparse
import os

from flake8_asyncwait.config.file import Found, find, table_in, values
from flake8_asyncwait.config.settings import CACHE, KEYS, Settings
from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.source.text import SourceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

COMMAND_LINE, DEFAULT = "command line", "default"


class Config(NamedTuple):
    """What is in force. `origins` say where each value came from: the path of a file,
    `COMMAND_LINE` or `DEFAULT`. `found` says which files there are."""

    settings: Settings
    origins: dict[str, str]
    found: Found

    @property
    def cache(self) -> str | None:
        """The directory that keeps results, None where none are to be kept. Raises `SourceError`
        where a file names one outside of its project: whoever wrote that is not who runs this."""
        if not self.settings.cache:
            return None
        table = self.found.table
        beside = os.path.dirname(table.path) if table is not None else ""
        found = os.path.abspath(self.settings.cache_dir or os.path.join(beside, CACHE))
        if table is not None and self.origins["cache_dir"] == table.path:
            if not _is_in_project(found, os.path.abspath(beside)):
                raise SourceError(table.path, f"cache-dir: {found} is outside of the project")
        return found


def _is_in_project(path: str, directory: str) -> bool:
    """Whether a path leads to below a directory, or the repository that this is in."""
    from flake8_asyncwait.source.ignore import repository

    root = os.path.realpath(repository(directory) or directory)
    return os.path.join(os.path.realpath(path), "").startswith(os.path.join(root, ""))


def load(args: argparse.Namespace) -> Config:
    """What is in force for a run with the arguments `args`.

    The nearest file is that of their first path. Of a key that a command does not take as an
    argument, the file's value is in force. Raises `SourceError` for a file that cannot be used.
    """
    found = _found(args)
    given: dict[str, Any] = {}
    origins = {key.attribute: DEFAULT for key in KEYS.values()}
    if found.table is not None:
        given = values(found.table)
        origins |= dict.fromkeys(given, found.table.path)
    for key in KEYS.values():
        value = getattr(args, key.attribute, None)
        if value is not None:
            given[key.attribute] = value
            origins[key.attribute] = COMMAND_LINE
    return Config(Settings(**given), origins, found)


def _found(args: argparse.Namespace) -> Found:
    if args.config is not None:
        return Found(table_in(args.config))
    if args.isolated:
        return Found()
    first = args.paths[0]
    if first == "-":
        first = args.stdin_filename
    return find(first if os.path.isdir(first) else os.path.dirname(first))
