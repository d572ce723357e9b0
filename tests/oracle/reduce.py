"""Make a disagreement's program as small as it can be: drop statements, unwrap blocks, simplify."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Protocol, TypeVar

BODIES = ("body", "orelse", "finalbody", "handlers")
Edit = Callable[[], object]


class Shown(Protocol):
    """What is wrong with a program."""

    @property
    def text(self) -> str: ...


Problem = TypeVar("Problem", bound=Shown)


def smallest_of(problem: Problem, again: Callable[[str], Problem | None]) -> Problem:
    """Return the same problem with a program as small as can be: `again` looks for it in another
    one."""
    smallest = problem

    def still(text: str) -> bool:
        nonlocal smallest
        candidate = again(text)
        smallest = candidate or smallest
        return candidate is not None

    reduce(problem.text, still)
    return smallest


def reduce(text: str, still: Callable[[str], bool]) -> str:
    """Return the smallest text found for which `still` holds; it must hold for `text`."""
    text = ast.unparse(ast.parse(text))
    undefined = _undefined(text)
    smaller = True
    while smaller:
        smaller = False
        for candidate in _candidates(text):
            if len(candidate) >= len(text) or _undefined(candidate) - undefined:
                continue
            if still(candidate):
                text, smaller = candidate, True
                break
    return text


def _undefined(text: str) -> set[str]:
    """Return the names that a module reads and never binds: a reduction adds none."""
    read: set[str] = set()
    bound: set[str] = set()
    for node in ast.walk(ast.parse(text)):
        bound.update(bound_by(node))
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            read.add(node.id)
    return read - bound


def bound_by(node: ast.AST) -> list[str]:
    """Return the name that a node itself binds, or deletes, if it does."""
    if isinstance(node, ast.Name):
        return [] if isinstance(node.ctx, ast.Load) else [node.id]
    if isinstance(node, ast.arg):
        return [node.arg]
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.ExceptHandler)):
        return [node.name] if node.name else []
    if isinstance(node, ast.alias):
        return [node.asname or node.name.partition(".")[0]]
    return []


def _candidates(text: str) -> Iterator[str]:
    """Yield smaller modules, one edit away from this one; the greatest edits first."""
    number = 0
    while True:
        tree = ast.parse(text)
        edits = list(_edits(tree))
        if number >= len(edits):
            return
        edits[number]()
        number += 1
        try:
            candidate = ast.unparse(ast.fix_missing_locations(tree))
            compile(candidate, "<candidate>", "exec")
        except (SyntaxError, ValueError, TypeError):
            continue
        yield candidate


def _edits(tree: ast.Module) -> Iterator[Edit]:
    for node in ast.walk(tree):
        for name in BODIES:
            children = getattr(node, name, None)
            if isinstance(children, list):
                yield from _block_edits(node, name, children)
    for node in ast.walk(tree):
        yield from _expression_edits(node)


def _block_edits(node: ast.AST, name: str, children: list[ast.AST]) -> Iterator[Edit]:
    for index, child in enumerate(children):
        yield partial(put, node, name, index, [])
        if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        parts = [getattr(child, part, None) or [] for part in BODIES]
        nested = [inner for part in parts for inner in part if isinstance(inner, ast.stmt)]
        if nested:
            yield partial(put, node, name, index, nested)
            yield partial(put, node, name, index, list(parts[0]))


def put(node: ast.AST, name: str, index: int, statements: list[ast.stmt]) -> None:
    children = getattr(node, name)
    children[index : index + 1] = copy.deepcopy(statements)
    if name == "body" and not children:
        children.append(ast.Pass())


def _expression_edits(node: ast.AST) -> Iterator[Edit]:
    for parts, least in _lists(node):
        if len(parts) > least:
            for index in range(len(parts)):
                yield partial(parts.pop, index)
    for field, value in ast.iter_fields(node):
        for part in _parts(node, value):
            yield partial(setattr, node, field, part)


def _lists(node: ast.AST) -> Iterator[tuple[list[Any], int]]:
    """Yield the lists in an expression whose elements can go, and how many have to stay."""
    if isinstance(node, ast.Call):
        yield node.keywords, 0
    elif isinstance(node, ast.Set) or (
        isinstance(node, (ast.List, ast.Tuple)) and isinstance(node.ctx, ast.Load)
    ):
        yield node.elts, 1
    elif isinstance(node, ast.arguments):
        yield node.args, 0
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        yield node.names, 1


def _parts(node: ast.AST, value: object) -> list[ast.expr]:
    """Return the parts of an expression that may stand in its place."""
    if isinstance(value, ast.BoolOp):
        return value.values
    if isinstance(value, ast.BinOp):
        return [value.left, value.right]
    if isinstance(value, ast.Call) and value.args and isinstance(node, ast.Await):
        return value.args[:1]
    return []
