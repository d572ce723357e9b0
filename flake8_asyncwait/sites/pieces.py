"""A long file, read piece by piece: its tree as a whole would take more memory than all else.

A piece begins with a statement of the top level. What Python reads of the text up to there is whole
statements, so the pieces together hold the statements of the file, on the same lines.
"""

from __future__ import annotations

import ast
import gc
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache

from flake8_asyncwait.sites.find import call_lines
from flake8_asyncwait.sites.gate import Candidates
from flake8_asyncwait.sites.outline import Entry, FunctionNode, Outline, Outliner

# In characters. A tree takes about 300 times as many bytes.
LONG_FILE = 400_000
_PIECE = 200_000
# A statement of the top level that is longer, such as a class, is not looked at.
MAX_STATEMENT = 1_200_000

UNDER = "if 1:\n"
_BEGINNING = re.compile(r"^(?!(?:elif|else|except|finally)\b)[^\s#)\]}]", re.MULTILINE)


Parse = Callable[[str], ast.Module]


class TooLong(Exception):
    """A statement of the top level is longer than `MAX_STATEMENT`."""


class Pieces:
    """What is kept of a long file, whose `text` has lines that end in `\\n`.

    `tree` has those statements of the top level that hold one of the calls among `candidates`, and
    `outline` is that of the whole file, `lines` are its own. Raises `SyntaxError` where a piece is
    not Python, and `TooLong`.
    """

    def __init__(self, text: str, candidates: Candidates, parse: Parse) -> None:
        self._parse = parse
        self.lines = text.split("\n")
        self.tree = ast.Module([], [])
        outliner = Outliner()
        with uncollected():
            for body in _bodies(text, parse):
                near = [
                    statement
                    for statement in body
                    if call_lines(ast.Module([statement], []), candidates)
                ]
                self.tree.body += near
                outliner.add(body, None if near else self._function)
        self.outline: Outline = outliner.finish()

    def _function(self, entry: Entry) -> FunctionNode:
        """The tree of a function whose own was not kept."""
        body = cut_out(self.lines, entry)
        text = alone(body)
        above = entry.start - 1 - (len(text) > len(body))
        return function_in(_below(above, text, self._parse))


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is collected meanwhile: to look for cycles among so many things that stay, such as
    nodes, takes half as long as to make them."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def cut_out(lines: list[str], entry: Entry) -> str:
    """The text of a function in a file that has these lines."""
    return "\n".join(lines[entry.start - 1 : entry.end]) + "\n"


def alone(body: str) -> str:
    """The text of a function as that of a module: under an `if`, so that it may stay indented."""
    return UNDER + body if body[:1].isspace() else body


def function_in(statements: list[ast.stmt]) -> FunctionNode:
    """The function in the tree of such a module."""
    (node,) = statements
    if isinstance(node, ast.If):
        (node,) = node.body
    assert isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    return node


@lru_cache(maxsize=1)
def pieces_of(text: str, candidates: Candidates, parse: Parse) -> Pieces:
    """The pieces of a file: those of the last one are asked for again when there are findings."""
    return Pieces(text, candidates, parse)


def _bodies(text: str, parse: Parse) -> Iterator[list[ast.stmt]]:
    """The statements of the top level, some at a time."""
    start, above, size = 0, 0, _PIECE
    while start < len(text):
        found = _BEGINNING.search(text, start + size) if start + size < len(text) else None
        end = found.start() if found is not None else len(text)
        if end - start > MAX_STATEMENT:
            raise TooLong
        try:
            body = _below(above, text[start:end], parse)
        except SyntaxError:
            if end == len(text):
                raise
            size *= 2  # it ends in the midst of a string, or behind a decorator
            continue
        yield body
        above += text.count("\n", start, end)
        start, size = end, _PIECE


def _below(above: int, text: str, parse: Parse) -> list[ast.stmt]:
    """The statements of a text that has so many lines above it."""
    return parse("\n" * above + text).body
