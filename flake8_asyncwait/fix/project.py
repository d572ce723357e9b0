"""The packages around a file, as far as the file system tells: nothing of them is imported."""

from __future__ import annotations

import ast
import keyword
import os
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from flake8_asyncwait.check import parse_newer
from flake8_asyncwait.fix.imports import imports_of
from flake8_asyncwait.source.text import SourceError, decode, read

_INIT = "__init__.py"
_MARKS = ("pyproject.toml", "setup.py", "setup.cfg", ".git", ".hg")
_MAX_MODULES = 300


class Project(NamedTuple):
    """Where a file stands: all paths are absolute.

    `root` is the nearest directory upwards that looks like the root of a project, else `base`.
    `packages` are the names of the packages around the file, the outermost first, each a directory
    with an `__init__.py`; none for a script. `base` is the directory that holds the outermost one,
    or the script.
    """

    root: str
    base: str
    packages: tuple[str, ...]

    @property
    def is_rooted(self) -> bool:
        """Whether `base` is surely a directory that modules are imported from.

        Else it may be a namespace package: a directory without an `__init__.py`.
        """
        return self.base == self.root or os.path.basename(self.base) == "src"


def project_of(path: str) -> Project:
    """The packages around the file at `path`."""
    base = os.path.dirname(os.path.abspath(path))
    root = _root(base)
    packages: list[str] = []
    while _is_package(base) and is_name(os.path.basename(base)) and not (packages and base == root):
        packages.insert(0, os.path.basename(base))
        base = os.path.dirname(base)
    return Project(root or base, base, tuple(packages))


def find_module(project: Project, dotted: str) -> str | None:
    """The path of a module of the project, by its dotted name; None where there is none."""
    return _module_below(_bases(project), dotted.split("."))


def place_for_module(project: Project, dotted: str) -> str | None:
    """The path that a new module of an existing package of the project would have."""
    *packages, name = dotted.split(".")
    for base in _bases(project):
        directory = os.path.join(base, *packages)
        if packages and _is_package(directory):
            return os.path.join(directory, f"{name}.py")
    return None


def why_not_make(project: Project, path: str) -> str | None:
    """Why a module must not be made at `path`; None where it may be."""
    directory = os.path.realpath(os.path.dirname(path))
    root = os.path.realpath(project.root)
    if directory != root and not directory.startswith(os.path.join(root, "")):
        return f"{directory} is outside the project"
    for taken in (path, path.removesuffix(".py")):
        if os.path.lexists(taken):
            return f"{taken} is in the way"
    return None


def parts_below(base: str, path: str) -> list[str]:
    """The parts of the dotted name of the module at `path`, seen from the directory `base`."""
    parts = os.path.relpath(path, base).removesuffix(".py").split(os.sep)
    return parts[:-1] if parts[-1] == "__init__" else parts


def parse_module(path: str) -> ast.Module:
    """The ast of the file at `path`. Raises `SourceError` when it cannot be read or parsed."""
    source = decode(path, read(path))
    try:
        return parse_newer(source.text)
    except (SyntaxError, RecursionError) as error:
        raise SourceError(path, "syntax error") from error


def top_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements of a module that run when it is imported, without classes' own."""
    for node in body:
        yield node
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            for child in ast.iter_child_nodes(node):
                if isinstance(child, ast.stmt):
                    yield from top_level([child])
                elif isinstance(child, (ast.ExceptHandler, ast.match_case)):
                    yield from top_level(child.body)


def leads_to(project: Project, start: str, goal: str) -> bool:
    """Whether to import the module at `start` is to import the one at `goal`, as far as it shows.

    What is too large to follow counts as leading there.
    """
    goal = os.path.realpath(goal)
    directory = project.base
    seen: set[str] = set()
    for package in project.packages:  # they have been imported before the file in them is
        directory = os.path.join(directory, package)
        seen.add(os.path.realpath(os.path.join(directory, _INIT)))
    queue = [start]
    while queue:
        path = os.path.realpath(queue.pop())
        if path == goal or len(seen) > _MAX_MODULES:
            return True
        if path not in seen:
            seen.add(path)
            queue += _imported_files(project, path)
    return False


def _imported_files(project: Project, path: str) -> Iterator[str]:
    """The files of the project that the module at `path` imports when it is imported."""
    try:
        tree = parse_module(path)
    except SourceError:
        return
    for node in top_level(tree.body):
        for each in imports_of(node):
            bases = list(_bases(project))
            if each.level:
                bases = [os.path.normpath(os.path.join(path, *[os.pardir] * each.level))]
            parts = [*each.module.split("."), each.name or ""]
            for count in range(1, len(parts) + 1):
                found = _module_below(bases, list(filter(None, parts[:count])))
                if found is not None:
                    yield found


def _bases(project: Project) -> Iterator[str]:
    """The directories that modules of the project may be imported from."""
    yield project.base
    yield project.root
    yield os.path.join(project.root, "src")


def _module_below(bases: Iterable[str], parts: Sequence[str]) -> str | None:
    for base in bases:
        whole = os.path.join(base, *parts)
        for path in (os.path.join(whole, _INIT), f"{whole}.py"):
            if os.path.isfile(path):
                return path
    return None


def is_name(word: str) -> bool:
    """Whether a word can be a name in Python."""
    return word.isidentifier() and not keyword.iskeyword(word)


def _is_package(directory: str) -> bool:
    return os.path.isfile(os.path.join(directory, _INIT))


def _root(directory: str) -> str | None:
    while not any(os.path.exists(os.path.join(directory, mark)) for mark in _MARKS):
        directory, below = os.path.dirname(directory), directory
        if directory == below:
            return None
    return directory
