"""What the fixtures expect: the marks on their wait calls, and the options at their tops.

Every call that looks like `asyncio.wait` carries a mark on the line where it starts:

    await asyncio.wait(tasks)  # ok
    await asyncio.wait(tasks)  # ok: why it is silent
    await asyncio.wait(tasks, timeout=1)  # AWT102
    await asyncio.wait(tasks, timeout=1)  # AWT102: why it is flagged
    a(asyncio.wait(tasks), asyncio.wait(others, timeout=1))  # ok AWT101
    await odd.wait(tasks, timeout=1)  # AWT102@10

One mark a call, in the order of their columns. The finding is expected at the column of the call
unless the mark pins another one behind an `@`.

The leading comments of a file may hold its options:

    # codes: +AWT105 +AWT201
    # options: task-factories=spawn,pkg.make wait-functions=wait_all
"""

from __future__ import annotations

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flake8_asyncwait.check import check
from flake8_asyncwait.options import DEFAULT_ON, Options
from flake8_asyncwait.sites.fanout import words_of
from flake8_asyncwait.verdict.checked import Checked

FIXTURES = Path(__file__).parent.parent / "fixtures"
OK = "ok"

_MARK = r"(?:AWT\d{3}|ok)(?:@\d+)?"
_MARKS = re.compile(rf"#\s*({_MARK}(?:\s+{_MARK})*)(?::.*)?$")
_VERSION = re.compile(r"_py3(\d+)\.py$")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Site:
    """One call that looks like a wait, and the code (or `ok`) that its mark states."""

    line: int
    column: int
    code: str


@dataclass(frozen=True, slots=True)
class Fixture:
    """One fixture file: its sites by the function or method that holds them."""

    name: str
    text: str
    options: Options
    sites: dict[str, tuple[Site, ...]]


@cache
def read_all() -> tuple[Fixture, ...]:
    """The fixtures whose syntax the running Python knows."""
    paths = filter(_is_for_this_python, sorted(FIXTURES.glob("*.py")))
    return tuple(map(_read, paths))


@cache
def checked(name: str) -> Checked:
    """What the linter says of one fixture: the tests share it, as it takes most of their time."""
    fixture = _read(FIXTURES / name)
    return check(fixture.text, fixture.options)


def _is_for_this_python(path: Path) -> bool:
    version = _VERSION.search(path.name)
    return version is None or sys.version_info >= (3, int(version[1]))


@cache
def _read(path: Path) -> Fixture:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text, filename=str(path))
    options = _options(text)
    functions = _functions_by_line(tree)
    sites: dict[str, tuple[Site, ...]] = {}
    for site in _sites(path.name, text, tree, options):
        function = functions.get(site.line, "<module>")
        sites[function] = (*sites.get(function, ()), site)
    return Fixture(path.name, text, options, sites)


def _options(text: str) -> Options:
    header = [line for line in text.splitlines() if line.startswith(("# codes:", "# options:"))]
    words = [word for line in header for word in line.split()[2:]]
    codes = {word[1:] for word in words if word.startswith("+")}
    named = dict(word.split("=") for word in words if "=" in word)

    def names(option: str) -> frozenset[str]:
        return frozenset(named.get(option, "").split(",")) - {""}

    return Options(
        codes=DEFAULT_ON | codes,
        task_factories=names("task-factories"),
        cancellers=names("cancellers"),
        wait_functions=names("wait-functions"),
    )


def _sites(name: str, text: str, tree: ast.Module, options: Options) -> Iterator[Site]:
    """Join the calls of each line with the marks of that line."""
    calls = _calls(text, tree, options)
    marks = _marks(text)
    for line in sorted(calls.keys() | marks.keys()):
        columns, codes = calls.get(line, []), marks.get(line, [])
        if len(columns) != len(codes):
            raise ValueError(f"{name}:{line}: {len(columns)} calls, but {len(codes)} marks")
        for column, mark in zip(columns, codes, strict=True):
            code, _, pinned = mark.partition("@")
            yield Site(line, int(pinned or column), code)


def _marks(text: str) -> dict[int, list[str]]:
    found = {}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        marks = _MARKS.match(token.string) if token.type == tokenize.COMMENT else None
        if marks is not None:
            found[token.start[0]] = marks[1].split()
    return found


def _calls(text: str, tree: ast.Module, options: Options) -> dict[int, list[int]]:
    """The columns, in characters, of the calls of each line that look like a wait, or like another
    site where the fixture's codes ask for those."""
    lines = text.splitlines()
    names = set(words_of(options)) or _wait_names(tree, options)
    found: dict[int, list[int]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _looks_like_a_wait(node, names):
            before = lines[node.lineno - 1].encode()[: node.col_offset]
            found.setdefault(node.lineno, []).append(len(before.decode()))
    return {line: sorted(columns) for line, columns in found.items()}


def _wait_names(tree: ast.Module, options: Options) -> set[str]:
    """`wait`, the names it is imported as, and those that the options give it."""
    imported = {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == "wait" and alias.asname
    }
    return {"wait"} | imported | {name.rpartition(".")[2] for name in options.wait_functions}


def _looks_like_a_wait(call: ast.Call, names: set[str]) -> bool:
    """Tell `asyncio.wait(tasks)` from `event.wait()`, which takes no arguments."""
    name = getattr(call.func, "attr", getattr(call.func, "id", None))
    return name in names and bool(call.args or call.keywords)


def _functions_by_line(tree: ast.Module) -> dict[int, str]:
    """The function of the module, or the method of one of its classes, that holds each line."""
    names: dict[int, str] = {}
    for name, node in _functions(tree):
        if name in names.values():
            raise ValueError(f"{name} is defined twice")
        names |= dict.fromkeys(range(node.lineno, (node.end_lineno or node.lineno) + 1), name)
    return names


def _functions(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    for node in tree.body:
        if isinstance(node, _FUNCTIONS):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            methods = (child for child in node.body if isinstance(child, _FUNCTIONS))
            yield from ((f"{node.name}.{method.name}", method) for method in methods)
