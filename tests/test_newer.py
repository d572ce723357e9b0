"""A file whose syntax is newer than the Python that runs is checked like any other."""

from __future__ import annotations

import ast
import sys
from pathlib import Path
from unittest.mock import patch

import pytest
from command import Asyncwait

from flake8_asyncwait.check import check, parse, parse_newer
from flake8_asyncwait.fix.advise import cures_for
from flake8_asyncwait.options import Options
from flake8_asyncwait.sites.older import older

HEAD = "import asyncio\n\n\n"
LEAK = "    é = {}; await asyncio.wait([asyncio.create_task(f())], timeout=1)\n"
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
    "nested f-strings": (3, 12, "async def f(d):\n" + LEAK.format("f'{f'{f'{d}'}':>{f'{1}'}}'")),
}
TEXTS = {name: HEAD + text.replace("{}", "1") for name, (_, _, text) in NEWER.items()}


def known_here(name: str) -> bool:
    return sys.version_info >= NEWER[name][:2]


@pytest.mark.parametrize("name", NEWER)
def test_it_is_checked(name: str) -> None:
    text = TEXTS[name]
    line = text.count("\n")
    column = text.split("\n")[line - 1].index("asyncio.wait")
    found = [(one.line, one.column, one.code) for one in check(text).findings]
    assert found == [(line, column, "AWT101")]


@pytest.mark.parametrize("name", NEWER)
def test_in_older_words_everything_is_where_it_was(name: str) -> None:
    text = TEXTS[name]
    with patch("flake8_asyncwait.sites.older.version_info", (3, 10)):
        rewritten = older(text)
    assert rewritten.count("\n") == text.count("\n")
    tree = ast.parse(rewritten, feature_version=(3, 10))
    last = text.split("\n")[-2]
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    waits = [call.col_offset for call in calls if ast.unparse(call.func) == "asyncio.wait"]
    assert waits == [len(last[: last.index("asyncio.wait")].encode())]
    if known_here(name):
        assert extents(tree) == extents(parse(text))


def extents(tree: ast.Module) -> list[tuple[int, int, int | None]]:
    """Where the statements are."""
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    return sorted((node.lineno, node.col_offset, node.end_lineno) for node in nodes)


def test_nothing_is_rewritten_that_this_python_knows() -> None:
    text = HEAD + "def f(x):\n    return f'{x}' if x else [*x]\n"
    with patch("flake8_asyncwait.sites.older.version_info", (3, 99)):
        assert older(text) == text


@pytest.mark.parametrize(
    "text",
    ["def", "x = = 1\n", "def f[T](:\n", "f'{'\n", "f'{}'\n", "def f(x=1, y): f'{x['a']}'\n"],
)
def test_what_is_no_python_at_all_is_the_error_that_python_gives(text: str) -> None:
    with pytest.raises(SyntaxError) as expected:
        ast.parse(text)
    with pytest.raises(SyntaxError) as caught:
        parse_newer(text)
    assert (caught.value.lineno, caught.value.msg) == (expected.value.lineno, expected.value.msg)


def test_what_is_never_rewritten_is_left_for_the_same_reason_in_any_python() -> None:
    text = HEAD + "async def f{}(tasks):\n    await asyncio.wait(tasks, timeout=1)\n"
    new, old = (text.replace("{}", parameters) for parameters in ("[T = int]", ""))
    (finding,) = check(new).findings
    assert finding.code == "AWT104"
    told = cures_for("a.py", new, [finding], Options())
    assert told == cures_for("a.py", old, [finding], Options())


class TestCommand:
    @pytest.fixture
    def project(self, tmp_path: Path) -> Path:
        for name in NEWER:
            text = TEXTS[name]
            (tmp_path / f"{name.replace('*', 'star')}.py").write_text(text, "utf-8")
        return tmp_path

    def test_it_is_reported(self, asyncwait: Asyncwait) -> None:
        run = asyncwait("check", ".", "--output-format=full")
        assert (run.status, run.err) == (1, [])
        assert len([line for line in run.out if "AWT101" in line]) == len(NEWER)

    @pytest.mark.skipif(sys.version_info >= (3, 13), reason="this Python knows all of it")
    def test_it_is_not_fixed_and_not_proved(self, asyncwait: Asyncwait, project: Path) -> None:
        path = project / "defaults.py"
        before = path.read_bytes()
        line = before.count(b"\n")
        assert asyncwait("fix", str(path)).status == 2
        assert asyncwait("prove", f"{path}:{line}").status == 2
        assert path.read_bytes() == before
