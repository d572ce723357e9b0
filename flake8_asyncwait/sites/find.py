"""Where the calls are that may be wait sites, by the tree of the file."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Collection, Sequence

from flake8_asyncwait.sites.gate import Candidates


def call_lines(
    tree: ast.Module,
    candidates: Candidates,
    creators: Collection[str] = (),
    made: Collection[ast.Call] = (),
) -> list[int]:
    """Those lines of `candidates` on which a callee ends: the others hold comments, strings, and
    imports. They ascend. Of the calls of `creators`, only those `made` for a site count."""
    found: set[int] = set()
    queue: list[ast.AST] = list(tree.body)
    while queue:
        node = queue.pop()
        if not is_near(node, candidates.lines):
            continue
        if isinstance(node, ast.Call) and last_name(node.func) in candidates.names:
            if last_name(node.func) not in creators or node in made:
                found.add(node.func.end_lineno or 0)
        queue.extend(ast.iter_child_nodes(node))
    return sorted(line for line in found if _reaches(candidates.lines, line, line))


def is_near(node: ast.AST, lines: Sequence[int]) -> bool:
    """Whether a node, with its decorators, may reach over one of the ascending `lines`."""
    first, last = getattr(node, "lineno", None), getattr(node, "end_lineno", None)
    if first is None or last is None:
        return True
    for decorator in getattr(node, "decorator_list", ()):
        first = min(first, decorator.lineno)
    return _reaches(lines, first, last)


def _reaches(lines: Sequence[int], first: int, last: int) -> bool:
    """Whether one of the ascending `lines` is from `first` to `last`."""
    index = bisect_left(lines, first)
    return index < len(lines) and lines[index] <= last


def last_name(callee: ast.expr) -> str | None:
    """The name of a callee, or of the attribute that it is."""
    if isinstance(callee, ast.Attribute):
        return callee.attr
    return callee.id if isinstance(callee, ast.Name) else None
