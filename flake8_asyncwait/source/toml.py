"""Files of TOML, and what can be wrong with one: a line each."""

from __future__ import annotations

import re
import sys

from flake8_asyncwait.source.text import SourceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

# The reader takes time of n * n for a key of n parts: a minute for 50,000 of them.
_MOST_PARTS = 100
_LONG_KEY = rf"""(?<![\w-])(?:(?:"[^"\n]*"|'[^'\n]*'|[\w-]+)[ \t]*\.[ \t]*){{{_MOST_PARTS}}}"""
_MESSAGE = r"(?s)(.*?)(?: \(at (?:line (\d+), column \d+|end of document)\))?"


def parse(path: str, data: bytes) -> tuple[str, dict[str, Any]]:
    """The text of the file at `path`, whose bytes are `data`, and what it says.

    Raises `SourceError`, with the line where there is one, for what is not TOML, or takes too
    much to be read.
    """
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise SourceError(path, f"not TOML: not utf-8: {error.reason}", line) from error
    long_key = re.search(_LONG_KEY, text)
    if long_key is not None:
        line = text.count("\n", 0, long_key.start()) + 1
        raise SourceError(path, f"a key has more than {_MOST_PARTS} parts", line)
    return text, _loads(path, text)


def _loads(path: str, text: str) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise SourceError(path, "nested too deeply") from error
    except ValueError as error:
        message = re.fullmatch(_MESSAGE, str(error))
        assert message is not None
        line = int(message[2]) if message[2] else text.rstrip().count("\n") + 1
        raise SourceError(path, f"not TOML: {message[1]}", line) from error
