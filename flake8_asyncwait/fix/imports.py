"""The imports of a file: add one, add a function below them, remove what nothing uses any more.

All of it is text to text, with "\\n" at the ends of lines, and touches whole statements at the top
level only: what stands in an `if`, a `try` or a function has its reasons.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterator, Sequence
from typing import NamedTuple

_ImportNode = ast.Import | ast.ImportFrom
_FOREIGN, _OWN = 1, 2


class Import(NamedTuple):
    """`import module`, or with a `name` `from module import name`.

    `level` counts the dots before the module. `asname` is the name behind `as`.
    """

    module: str
    name: str | None = None
    asname: str | None = None
    level: int = 0

    def __str__(self) -> str:
        as_ = f" as {self.asname}" if self.asname else ""
        if self.name is None:
            return f"import {self.module}{as_}"
        return f"from {'.' * self.level}{self.module} import {self.name}{as_}"


def add_import(text: str, wanted: Import, own: Collection[str] = ()) -> str:
    """The text of a file with one more import.

    It goes where isort would have it in the last block of imports at the top of the file: behind
    the docstring and `from __future__`, before the first function or class. `own` are the top
    packages of the project itself. Nothing changes where the import stands at the top level
    already. Raises `SyntaxError` when `text` cannot be parsed.
    """
    raise NotImplementedError


def add_function(text: str, source: str) -> str:
    """The text of a file with one more function, whose `source` is given, below its imports.

    Raises `SyntaxError` when `text` cannot be parsed.
    """
    raise NotImplementedError


def remove_unused(text: str, names: Collection[str]) -> str:
    """The text of a file without those of its imports that bind one of `names` in vain.

    An import stays where it might be meant for others (`__all__`, `import x as x`), where it has a
    comment, and where anything in the file mentions its name: code, strings that might be
    annotations, type comments. Not for an `__init__.py`: what it imports is there for others.
    Raises `SyntaxError` when `text` cannot be parsed.
    """
    raise NotImplementedError
