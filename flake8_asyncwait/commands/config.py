"""`asyncwait config`."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Iterable, Iterator
from typing import Any

from flake8_asyncwait.commands.status import CLEAN, FAILED
from flake8_asyncwait.commands.streams import say
from flake8_asyncwait.config.load import Config, load
from flake8_asyncwait.config.settings import KEYS, Key
from flake8_asyncwait.options import DEFAULT_ON
from flake8_asyncwait.report.text import beginning, printable
from flake8_asyncwait.source.text import SourceError, os_error


def run(args: argparse.Namespace) -> int:
    """Print the settings in force as the table of a `pyproject.toml` that would say the same."""
    errors = list(_missing(args.paths))
    for error in errors:
        say(beginning(str(error)))
    if errors:
        return FAILED
    config = load(args)
    print("[tool.asyncwait]")
    for key in KEYS.values():
        print(printable(_line(key, config)))
    return CLEAN


def _missing(paths: Iterable[str]) -> Iterator[SourceError]:
    """What is wrong with each path that does not exist."""
    for path in paths:
        try:
            if path != "-":
                os.stat(path)
        except OSError as error:
            yield os_error(path, error)


def _line(key: Key, config: Config) -> str:
    value = getattr(config.settings, key.attribute)
    origin = config.origins[key.attribute]
    if value is None and key.name == "select":
        value = sorted(DEFAULT_ON)
    if value is None:
        return f"# {key.name} is not set"
    return f"{key.name} = {_toml(key, value)}  # {origin}"


def _toml(key: Key, value: Any) -> str:
    """A value as TOML, in one line: but for a table, JSON says the same."""
    if key.name == "per-file-ignores":
        pairs = (f"{json.dumps(glob)} = {json.dumps(codes)}" for glob, codes in value)
        return f"{{{', '.join(pairs)}}}"
    return json.dumps(value)
