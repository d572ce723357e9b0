"""The modules of a project that a fix reads, and those that it may make."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterable, Iterator

from flake8_asyncwait.fix.project.imports import imports_of
from flake8_asyncwait.sites.syntax import parse_newer
from flake8_asyncwait.source.project import INIT, Project, is_package, module_below
from flake8_asyncwait.source.text import SourceError, decode, read

_MAX_MODULES = 300


def find_module(project: Project, dotted: str) -> str | None:
    """The path of a module of the project, by its dotted name; None where there is none."""
    return module_below(project.bases, dotted.split("."))


def place_for_module(project: Project, dotted: str) -> str | None:
    """The path that a new module of an existing package of the project would have."""
    *packages, name = dotted.split(".")
    for base in project.bases:
        directory = os.path.join(base, *packages)
        if packages and is_package(directory):
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
        seen.add(os.path.realpath(os.path.join(directory, INIT)))
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
            bases = list(project.bases)
            if each.level:
                bases = [os.path.normpath(os.path.join(path, *[os.pardir] * each.level))]
            parts = [*each.module.split("."), each.name or ""]
            for count in range(1, len(parts) + 1):
                found = module_below(bases, list(filter(None, parts[:count])))
                if found is not None:
                    yield found
