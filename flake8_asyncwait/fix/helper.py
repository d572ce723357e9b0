"""Where a fixed file gets `wait_any` from.

A linter is there for development only, so the code that it fixes gets a helper of its own: the
module that `--helper` names, or `_wait_any.py` in its top package, both made from our
`wait_any.py`. A script that is in no package gets the function itself.
"""

from __future__ import annotations

from typing import NamedTuple

from flake8_asyncwait.fix.imports import Import


class Helper(NamedTuple):
    """What `--helper module:name` says: both are checked, `module` is dotted."""

    module: str
    name: str


class HelperPlan(NamedTuple):
    """How a file comes by the function.

    `name` is what it is called in the file, where nothing else is called so. `add` is the import
    that the file needs, None where it has it already or where `function`, the source of the
    function itself, goes into the file. `create` is the path of the module that has to be made
    first, with the bytes of `template()`; None where there is no such need. `own` are the top
    packages of the project that are known, for the order of the imports.
    """

    name: str
    add: Import | None
    function: str | None
    create: str | None
    own: frozenset[str]


class HelperError(Exception):
    """There is no way for the file to come by the function: `str()` is the reason."""


def parse_helper(value: str) -> Helper:
    """What `--helper` was given. Raises `ValueError` with the reason where that is no helper."""
    raise NotImplementedError


def project_root(path: str) -> str:
    """The directory of the project that the file at `path` is in, as an absolute path.

    That is the nearest one upwards with a `pyproject.toml`, `setup.py`, `setup.cfg`, `.git` or
    `.hg`; else the one that holds the file's top package, or the file itself.
    """
    raise NotImplementedError


def plan_helper(path: str, text: str, helper: Helper | None = None) -> HelperPlan:
    """How the file at `path`, which has this `text`, comes by the function.

    `helper` is what the user named, or None. Reads the file system and changes nothing: whoever
    goes by the plan makes the module (`source.write.create`) before it writes the file, and may
    do so once for all files that need it. Raises `HelperError` when there is no safe way,
    `SyntaxError` when `text` cannot be parsed.
    """
    raise NotImplementedError


def apply_helper(text: str, plan: HelperPlan) -> str:
    """The text of the file with the import, or the function, that `plan` wants."""
    raise NotImplementedError


def template() -> str:
    """The text of a helper module: our `wait_any.py`, and where it comes from."""
    raise NotImplementedError
