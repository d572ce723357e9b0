"""A file whose syntax is newer than the Python that runs is read, checked and fixed like any other.

Of what libcst does not know either, one line says so.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any
from unittest.mock import patch

import libcst as cst
import pytest
from command import Asyncwait

from flake8_asyncwait.check import check
from flake8_asyncwait.fix.advise import Advice
from flake8_asyncwait.options import Options
from flake8_asyncwait.rules import rule_of
from flake8_asyncwait.sites import newer
from flake8_asyncwait.sites.convert import Converter, convert
from flake8_asyncwait.sites.newer import NEWEST
from flake8_asyncwait.sites.outline import outline
from flake8_asyncwait.sites.syntax import parse_newer
from flake8_asyncwait.source.text import decode

FIXTURES = Path(__file__).parent.parent / "fixtures"
TOO_NEW = f" (libcst {version('libcst')} cannot parse it, either)"
STARS = {"TypeVar": 0, "TypeVarTuple": 1, "ParamSpec": 2}  # before the name of a type parameter
HEAD = "import asyncio\n\n\n"
LEAK = "    é = {}; await asyncio.wait([asyncio.create_task(f())], timeout=1)\n"
# In every place where it may be, and beside what every Python reads.
EVERYWHERE = """\
@(lambda q=t'', *r: q)
class A(f(*x for x in y), metaclass=t'{m}'):
    x: t'{n}' = 1
    async def f(self, a, /, b=t'{a}', *c: t'', d, e=t'', **g) -> t'{r}':
        if t'{(y := 1)}': x = 1; y = t''
        elif x: pass
        else:
            x[t''], *y.z = [*x for x in y]
        for x[t''] in [*x for x, y in z]: x += t''
        else: pass
        while (x := t'{y}'): continue
        with t'' as (a, b), c: pass
        match t'':
            case A(x=1) | [*_, {"a": B.c, **d}] if t'{e}': pass
            case str(é): assert t''
        try: pass
        except A, B: raise
        except (A, t''): pass
        else: x
        finally: del x[t'']
        async with a as b:
            async for x in t'': pass
        if (
            t''
        ): x = f(*a, b=t'', **c)
"""
# By the Python that knows it first.
NEWER = {
    "except*": (3, 11, "async def f():\n    try: f()\n    except* OSError: pass\n" + LEAK),
    "except *": (3, 11, "async def f():\n    try: f()\n    except  *(A, B) as e: pass\n" + LEAK),
    "unpacked types": (3, 11, "async def f(*args: *Ts):\n    x: tuple[int, *Ts]\n" + LEAK),
    "type parameters": (3, 12, "async def f[T: (int, str), *Ts, **P](x: T) -> T:\n" + LEAK),
    "broken type parameters": (3, 12, "async def f[\n    T,  # what\n    Ü,\n](x):\n" + LEAK),
    "a generic class": (3, 12, "class A[T]:\n  async def f(self):\n" + LEAK),
    "defaults": (3, 13, "async def f[T = int](x):\n" + LEAK),
    "type": (3, 12, "type X = int\nasync def f(): \n    type Y[T] = (\n        T\n    )\n" + LEAK),
    "a broken type": (3, 12, "type \\\n   LongName \\\n  = int\nasync def f():\n" + LEAK),
    "nested quotes": (3, 12, "async def f(d):\n" + LEAK.format('f"{d["ä"]} {d["b"]}" "c"')),
    "backslash": (3, 12, "async def f(d):\n" + LEAK.format("f\"{'\\n'.join(d)}\"")),
    "comment": (3, 12, "async def f(d):\n    f'''{\n  d # it's\n}'''; f'{\nd}'\n" + LEAK),
    "a template": (3, 14, "async def f(d):\n" + LEAK.format("t'{d!r:>{1}} é'")),
    "nested templates": (3, 14, "async def f(d):\n" + LEAK.format("rt'{t'{d['a']}'}', T''")),
    "except A, B": (3, 14, "async def f():\n    try: f()\n    except A, B.C: pass\n" + LEAK),
    "except* A, B": (3, 14, "async def f():\n    try: f()\n    except* A, B,: pass\n" + LEAK),
    "lazy import": (3, 15, "lazy import a.b as c, d\nasync def f():\n" + LEAK),
    "lazy from": (3, 15, "lazy from ..a import (\n  é, b as c,\n)\nasync def f():\n" + LEAK),
    "lazy asyncio": (3, 15, "lazy \\\n import asyncio; x = 1\nasync def f():\n" + LEAK),
    "unpacking": (3, 15, "async def f(d):\n" + LEAK.format("[*x for x in d if x]")),
    "unpacking sets": (3, 15, "async def f(d):\n" + LEAK.format("{*x for y in d for x in y}")),
    "unpacking dicts": (3, 15, "async def f(d):\n" + LEAK.format("{**x for x in d}")),
    "unpacking lazily": (3, 15, "async def f(d):\n" + LEAK.format("f(*x async for x in d)")),
    "nested f-strings": (3, 12, "async def f(d):\n" + LEAK.format("f'{f'{f'{d}'}':>{f'{1}'}}'")),
    "everywhere": (3, 15, EVERYWHERE + "    " + LEAK),
}
TEXTS = {name: HEAD + text.replace("{}", "1") for name, (_, _, text) in NEWER.items()}


def read_by_libcst(name: str) -> bool:
    try:
        cst.parse_module(TEXTS[name])
    except (cst.ParserSyntaxError, cst.CSTLogicError):
        return False
    return True


def known_here(name: str) -> bool:
    return sys.version_info >= NEWER[name][:2]


READABLE = [name for name in NEWER if read_by_libcst(name)]
# Each of the others costs a process in each run of a command, and shows no more.
FEW = [name for name in READABLE if name in ("except*", "type", "lazy asyncio", "everywhere")]
reads_everything = pytest.mark.skipif(
    "everywhere" not in READABLE, reason="this libcst does not read the newest syntax"
)


@pytest.mark.parametrize("name", NEWER)
def test_it_is_checked(name: str) -> None:
    text = TEXTS[name]
    if not (known_here(name) or name in READABLE):
        with pytest.raises(SyntaxError, match=re.escape(TOO_NEW)):
            check(text)
        return
    line = text.count("\n")
    column = text.split("\n")[line - 1].index("asyncio.wait")
    found = [(one.line, one.column, one.code) for one in check(text).findings]
    assert found == [(line, column, "AWT101")]


@pytest.mark.parametrize("name", READABLE)
def test_everything_is_where_it_is(name: str) -> None:
    text = TEXTS[name]
    tree = converted(text)
    (call,) = [node for node in calls(tree) if ast.unparse(node.func) == "asyncio.wait"]
    last = text.split("\n")[-2]
    assert call.lineno == text.count("\n")
    assert call.col_offset == len(last[: last.index("asyncio.wait")].encode())
    assert (call.end_lineno, call.end_col_offset) == (call.lineno, len(last.encode()))
    if known_here(name):
        assert told(tree) == told(ast.parse(text))


@pytest.mark.judged
@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.py")), ids=lambda path: path.name)
def test_the_tree_of_libcst_says_what_that_of_python_says(path: Path) -> None:
    """No file needs it, as Python reads them all: this is for each kind of node."""
    text = path.read_text("utf-8")
    try:
        expected = ast.parse(text)
    except SyntaxError:
        pytest.skip("this Python does not read it")
    tree = converted(text)
    assert told(tree) == told(expected)
    assert outlined(tree) == outlined(expected)


@pytest.mark.parametrize("name", READABLE)
def test_the_outline_is_the_same(name: str) -> None:
    if known_here(name):
        assert outlined(converted(TEXTS[name])) == outlined(ast.parse(TEXTS[name]))


def converted(text: str) -> ast.Module:
    """The tree of a file in which nothing but the smallest parts are read by Python."""
    with (
        patch("flake8_asyncwait.sites.convert.holds_newer", return_value=True),
        patch.object(Converter, "read", read_plain),
        patch.object(Converter, "read_expression", read_atom),
    ):
        return convert(text)


READ, READ_EXPRESSION = Converter.read, Converter.read_expression
# Python reads these, whichever it is.
PLAIN = ("Global", "Import", "ImportFrom", "LazyImport", "LazyImportFrom", "Nonlocal")


def read_plain(self: Converter, node: cst.CSTNode, hidden: str = "") -> list[ast.stmt]:
    if type(node).__name__ not in PLAIN:
        raise SyntaxError
    return READ(self, node, hidden)


def read_atom(self: Converter, node: cst.CSTNode) -> ast.expr:
    if not isinstance(node, (cst.Name, cst.BaseNumber, cst.SimpleString, cst.Ellipsis)):
        raise SyntaxError
    return READ_EXPRESSION(self, node)


def told(tree: ast.Module) -> dict[str, list[tuple[object, ...]]]:
    """What is asked of a tree: the places of statements, calls and imports, and the names."""
    nodes = list(without_strings(tree))
    return {
        "statements": sorted(place(node) for node in nodes if isinstance(node, ast.stmt)),
        "calls": sorted((*place(node), node.func.end_lineno) for node in calls(tree)),
        "imports": sorted(
            (*place(node), node.name) for node in nodes if isinstance(node, ast.alias)
        ),
        "names": sorted(filter(None, map(named, nodes))),
        "parameters": sorted(
            (node.lineno, node.col_offset, node.arg) for node in nodes if isinstance(node, ast.arg)
        ),
    }


def named(node: ast.AST) -> tuple[object, ...] | None:
    """The place of a name and what is done to it. A type parameter is another node, if the Python
    that runs knows it."""
    if isinstance(node, ast.Name):
        return node.lineno, node.col_offset, node.id, type(node.ctx).__name__
    if type(node).__name__ in STARS:
        known: Any = node
        return known.lineno, known.col_offset + STARS[type(node).__name__], known.name, "Store"
    return None


def calls(tree: ast.Module) -> list[ast.Call]:
    return [node for node in without_strings(tree) if isinstance(node, ast.Call)]


def place(node: ast.stmt | ast.expr | ast.alias) -> tuple[int, int, int, int]:
    assert node.end_lineno is not None
    assert node.end_col_offset is not None
    return node.lineno, node.col_offset, node.end_lineno, node.end_col_offset


def without_strings(node: ast.AST) -> Iterator[ast.AST]:
    """All nodes but those in f-strings and t-strings, whose places older Pythons do not know."""
    yield node
    for child in ast.iter_child_nodes(node):
        if type(child).__name__ not in ("JoinedStr", "TemplateStr"):
            yield from without_strings(child)


def outlined(tree: ast.Module) -> dict[str, object]:
    """The outline, with entries and constants as places."""
    found = outline(tree)
    fields = {name: getattr(found, name) for name in found.__slots__}
    fields["constants"] = {name: node.lineno for name, node in found.constants.items()}
    for name in ("functions", "methods"):
        entries = getattr(found, name).items()
        fields[name] = {key: (entry.cls, entry.start, entry.end) for key, entry in entries}
    fields["outermost"] = [(entry.start, entry.end) for entry in found.outermost]
    fields["named"] = {name: len(entries) for name, entries in found.named.items()}
    return fields


@pytest.mark.parametrize(
    "text",
    ["def", "x = = 1\n", "def f[T](:\n", "f'{'\n", "f'{}'\n", "def f(x=1, y): f'{x['a']}'\n"],
)
def test_what_is_no_python_at_all_is_the_error_that_python_gives(text: str) -> None:
    with pytest.raises(SyntaxError) as expected:
        ast.parse(text)
    with pytest.raises(SyntaxError) as caught:
        parse_newer(text)
    added = "" if sys.version_info >= NEWEST else TOO_NEW
    assert caught.value.lineno == expected.value.lineno
    assert caught.value.msg == f"{expected.value.msg}{added}"


@reads_everything
@pytest.mark.skipif(sys.version_info >= NEWEST, reason="no Python is newer")
@pytest.mark.parametrize("wrong", ["x = '\\x'", "x = b'é'"])
def test_what_is_wrong_beside_something_newer_is_an_error_on_its_line(wrong: str) -> None:
    """libcst reads each of these lines."""
    with pytest.raises(SyntaxError) as expected:
        ast.parse(wrong)
    newer = "def f(d):\n    return 1, [*x for x in d], t'{d}'\n"
    for text in (f"{newer}{wrong}\n", f"{newer}class A:\n    if x: y; {wrong}; z\n"):
        with pytest.raises(SyntaxError) as caught:
            parse_newer(text)
        assert caught.value.lineno == text.count("\n")
        assert caught.value.msg == expected.value.msg


@reads_everything
@pytest.mark.skipif(sys.version_info >= NEWEST, reason="no Python is newer")
@pytest.mark.skipif(os.name != "posix", reason="only POSIX bounds the time")
def test_what_takes_libcst_too_long_is_too_deep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flake8_asyncwait.sites.newer.SECONDS", 1)
    text = HEAD + "async def f(d):\n    x = t''" + " + d" * 10_000 + "\n" + LEAK.format(1)
    checked = check(text)
    assert checked.findings == ()
    assert [site.line for site in checked.undetermined] == [text.count("\n")]


@reads_everything
@pytest.mark.skipif(sys.version_info >= NEWEST, reason="no Python is newer")
def test_one_process_reads_all_files_and_another_those_after_one_that_ended_it() -> None:
    newer._reader.cache_clear()
    started = []
    with patch("subprocess.Popen", side_effect=subprocess.Popen) as popen:
        for number in range(3):
            parse_newer(f"x{number} = [*x for x in d]\n")
            started.append(popen.call_count)
        newer._reader(os.getpid()).kill()
        with pytest.raises(RecursionError):
            parse_newer("y = [*x for x in d]\n")
        parse_newer("z = [*x for x in d]\n")
        started.append(popen.call_count)
    assert started == [1, 1, 1, 2]


def test_what_is_never_rewritten_is_left_for_the_same_reason_in_any_python() -> None:
    text = HEAD + "async def f{}(tasks):\n    await asyncio.wait(tasks, timeout=1)\n"
    told = []
    for parameters in ("[T = int]", ""):
        data = text.replace("{}", parameters).encode()
        source = decode("a.py", data)
        (finding,) = check(source.text).findings
        cure = Advice(source, data, [finding], Options()).cures[finding]
        told.append((cure.code, cure.outcome, cure.reason))
    assert told[0] == told[1] == ("AWT104", "manual", rule_of("AWT104").by_hand)


class TestCommand:
    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        """A package, in which a fix may make a module for its helper."""
        package = tmp_path / "app"
        package.mkdir()
        (package / "__init__.py").touch()
        for name in FEW:
            (package / file_name(name)).write_text(TEXTS[name], "utf-8")
        return package

    def test_it_is_reported(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check", ".", "--output-format=full")
        assert (run.status, run.err) == (1, [])
        assert len([line for line in run.out if "AWT101" in line]) == len(FEW)

    def test_it_is_fixed(self, asyncwait: Asyncwait, project: Path) -> None:
        """All else in the file stays as it is."""
        first = "return_when=asyncio.FIRST_COMPLETED"
        for name in FEW:
            text = TEXTS[name].replace("timeout=1", first)
            (project / file_name(name)).write_text(text, "utf-8")
        run = asyncwait("fix", ".")
        assert run.status == 0
        for name in FEW:
            after = (project / file_name(name)).read_text("utf-8").splitlines()
            *before, leak = TEXTS[name].splitlines()
            assert kept(after[:-1]) == kept(before)
            fixed = leak.replace("asyncio.wait(", "wait_any(").replace(", timeout=1", "")
            assert after[-1] == fixed
        assert asyncwait("check", ".").status == 0

    def test_comments_suppress_it(self, asyncwait: Asyncwait, project: Path) -> None:
        for name in FEW:
            silent = TEXTS[name].rstrip("\n") + "  # noqa: AWT101\n"
            (project / file_name(name)).write_text(silent, "utf-8")
        run = asyncwait("check", ".")
        assert (run.status, run.places, run.err) == (0, [], [])

    def test_it_is_known_again(self, asyncwait: Asyncwait, project: Path) -> None:
        assert asyncwait("check", ".", "--write-baseline", "known.json").status == 0
        for name in FEW:
            path = project / file_name(name)
            path.write_text("# one\n\n" + path.read_text("utf-8"), "utf-8")
        run = asyncwait("check", ".", "--baseline", "known.json")
        assert (run.status, run.places, run.err) == (0, [], [])

    @pytest.mark.parametrize("name", FEW)
    def test_it_is_proved_where_it_can_run(self, asyncwait: Asyncwait, name: str) -> None:
        line = TEXTS[name].count("\n")
        run = asyncwait("prove", f"{file_name(name)}:{line}")
        verdict = next(line for line in reversed(run.out) if line)
        if known_here(name):
            assert "syntax" not in verdict
        else:
            major, minor, *_ = sys.version_info
            start = f"could not be lifted: Python {major}.{minor} does not know the syntax"
            assert verdict.startswith(start)
            assert run.status == 2

    @pytest.mark.skipif(sys.version_info >= NEWEST, reason="no Python is newer")
    def test_of_what_libcst_does_not_know_one_line_says_so(
        self, asyncwait: Asyncwait, project: Path
    ) -> None:
        (project / "a.py").write_text(HEAD + "async def f():\n    x = ?\n" + LEAK)
        run = asyncwait("check", "a.py")
        assert (run.status, run.places) == (2, [])
        (said,) = run.err
        assert said.startswith("a.py:5: syntax error: ")
        assert said.endswith(TOO_NEW)


def kept(lines: list[str]) -> list[str]:
    """The lines that a fix has no reason to change: no plain import of what it needs."""
    imports = ("import asyncio", "from ._wait_any", "from app._wait_any")
    return [line for line in lines if line and not line.startswith(imports)]


def file_name(name: str) -> str:
    return f"{name.replace('*', 'star').replace(' ', '_').replace(',', '')}.py"
