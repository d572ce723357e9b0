"""Make a disagreement's program as small as it can be: drop statements, unwrap blocks, simplify."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator

BODIES = ("body", "orelse", "finalbody", "handlers")
Edit = Callable[[], None]


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
    read, bound = set(), set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else bound).add(node.id)
        elif isinstance(node, ast.arg):
            bound.add(node.arg)
        elif isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
        elif isinstance(node, ast.alias):
            bound.add(node.asname or node.name.partition(".")[0])
    return read - bound


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
        nested = [
            inner
            for part in BODIES
            for inner in (getattr(child, part, None) or [])
            if isinstance(inner, ast.stmt)
        ]
        if not isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield lambda index=index: _put(node, name, index, [])
            if nested:
                yield lambda index=index, nested=nested: _put(node, name, index, nested)
                body = list(child.body)  # type: ignore[attr-defined]
                yield lambda index=index, body=body: _put(node, name, index, body)
        else:
            yield lambda index=index: _put(node, name, index, [])


def _put(node: ast.AST, name: str, index: int, statements: list[ast.stmt]) -> None:
    children = getattr(node, name)
    children[index : index + 1] = copy.deepcopy(statements)
    if name == "body" and not children:
        children.append(ast.Pass())


def _expression_edits(node: ast.AST) -> Iterator[Edit]:
    if isinstance(node, ast.Call) and node.keywords:
        for index in range(len(node.keywords)):
            yield lambda index=index: node.keywords.pop(index)  # type: ignore[misc]
    if isinstance(node, (ast.List, ast.Set, ast.Tuple)) and len(node.elts) > 1:
        for index in range(len(node.elts)):
            yield lambda index=index: node.elts.pop(index)  # type: ignore[misc]
    if isinstance(node, ast.arguments) and node.args:
        for index in range(len(node.args)):
            yield lambda index=index: node.args.pop(index)  # type: ignore[misc]
    for field, value in ast.iter_fields(node):
        if isinstance(value, ast.BoolOp):
            for part in value.values:
                yield lambda field=field, part=part: setattr(node, field, part)
        if isinstance(value, ast.BinOp):
            for part in (value.left, value.right):
                yield lambda field=field, part=part: setattr(node, field, part)
        if isinstance(value, ast.Call) and value.args and isinstance(node, ast.Await):
            argument = value.args[0]
            yield lambda field=field, part=argument: setattr(node, field, part)
    if isinstance(node, (ast.Import, ast.ImportFrom)) and len(node.names) > 1:
        for index in range(len(node.names)):
            yield lambda index=index: node.names.pop(index)  # type: ignore[misc]
