"""What a finding is known by in a later version of its file."""

from __future__ import annotations

import ast
import hashlib
import re
from collections import Counter
from collections.abc import Sequence

from flake8_asyncwait.report.entry import Identity
from flake8_asyncwait.verdict.finding import Finding

# What a formatter may change in a call.
_BLANK = re.compile(r"#[^\n]*|\s+")
_TRAILING_COMMA = re.compile(r",(?=[)\]}])")


def identify(text: str, tree: ast.Module, findings: Sequence[Finding]) -> list[Identity]:
    """The identities of findings of the file with this `text` and `tree`.

    A fingerprint is made of the function, the code, and the call but for its layout: no line number
    is in it, and no path. Where all of these are the same, the findings are numbered from the top.
    """
    lines = text.split("\n")
    seen: Counter[tuple[str, ...]] = Counter()
    found = []
    for finding in findings:
        function = _function(tree, finding.line)
        parts = (finding.code, function, _call(lines, finding))
        digest = hashlib.sha256("\0".join([*parts, str(seen[parts])]).encode("utf-8", "replace"))
        seen[parts] += 1
        found.append(Identity(finding.code, function, digest.hexdigest()[:32]))
    return found


def _call(lines: list[str], finding: Finding) -> str:
    """The call that a finding is about, but for its layout."""
    part = lines[finding.line - 1 : finding.end_line]
    part[-1] = part[-1][: finding.end_column]
    part[0] = part[0][finding.column :]
    return _TRAILING_COMMA.sub("", _BLANK.sub("", "\n".join(part)))


def _function(tree: ast.Module, line: int) -> str:
    """The dotted name of the innermost function or class around a line."""
    names: list[str] = []
    nodes: list[ast.AST] = [tree]
    while nodes:
        node = nodes.pop()
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, (ast.stmt, ast.ExceptHandler, ast.match_case)):
                continue
            first = getattr(child, "lineno", line)
            if first <= line <= (getattr(child, "end_lineno", None) or line):
                nodes.append(child)
                if isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
                    names.append(child.name)
    return ".".join(names)
