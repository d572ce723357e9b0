"""A fixed file is laid out as it was before: its own formatter and linters say the same of it."""

from __future__ import annotations

import ast
import re
import subprocess
from pathlib import Path

import pycodestyle  # type: ignore[import-untyped]
import pytest
from command import tool
from layouts import Layout, make, run_formatter

from flake8_asyncwait.fix.file import FileFix, fix_file
from flake8_asyncwait.fix.tree.layout import line_length
from flake8_asyncwait.fix.tree.relay import relaid
from flake8_asyncwait.options import Options
from flake8_asyncwait.source.text import decode

# To run twice as many shows no more, and takes minutes.
COUNT, PARTS = 260, 26


def fixed(path: Path, data: bytes) -> FileFix:
    path.write_bytes(data)
    return fix_file(str(path), decode(str(path), data), data, Options())


def complaints(path: Path, width: int) -> set[str]:
    """What pycodestyle says of a file, without the places, and without what it leaves out by
    default (which it does not where it is told what to select)."""
    style = pycodestyle.StyleGuide(select=["E1", "E2", "E5", "W"], max_line_length=width, quiet=2)
    codes = style.check_files([str(path)]).counters
    left_out = tuple(pycodestyle.DEFAULT_IGNORE.split(","))
    return {
        code for code in codes if re.fullmatch(r"[EW]\d+", code) and not code.startswith(left_out)
    }


def problem(layout: Layout, directory: Path) -> str:
    """What is wrong with the fix of a file; "" where nothing."""
    package = directory / "pkg"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").touch()
    path = package / "file.py"
    done = fixed(path, layout.data)
    if not done.is_changed:
        return ""
    before = complaints(path, layout.width)
    text = done.after.decode()
    if layout.data.count(b"\r\n") and text.count("\r\n") != text.count("\n"):
        return "mixed line ends"
    again = fixed(path, done.after)
    if again.is_changed:
        return "a second run changes something"
    new = complaints(path, layout.width) - before
    if new:
        return f"pycodestyle: {sorted(new)}"
    if layout.formatter != "by hand":
        plain = text.replace("\r\n", "\n")
        if run_formatter(layout.formatter, layout.width, plain, directory) != plain:
            return "not formatted any more"
    return ""


LONG = {
    "first_of(several_names, and_me)": """\
first_of(
    several_names, and_me
)
""",
    "found = {name: value for name in names if name is not None and known(name)}": """\
found = {
    name: value
    for name in names
    if name is not None
    and known(name)
}
""",
    "found = [value for value in values if known(value, others)]": """\
found = [
    value
    for value in values
    if known(
        value, others
    )
]
""",
    "tasks = [one(a), two(b), c]": """\
tasks = [
    one(a),
    two(b),
    c,
]
""",
    'x = one.sub(a).replace(b, ")").strip(d)': """\
x = (
    one.sub(a)
    .replace(b, ")")
    .strip(d)
)
""",
    "longer_name = one(a).two(bc).it(d)": """\
longer_name = (
    one(a).two(bc).it(d)
)
""",
    "return await one.sub(a).replace(b, c).strip(d)": """\
return (
    await one.sub(a)
    .replace(b, c)
    .strip(d)
)
""",
    "use(one, key=several_names)": """\
use(
    one, key=several_names
)
""",
}
# One formatter breaks these so, another otherwise.
NOT_CERTAIN = (
    "found = [value for value in values if value.size < known(others)]",
    "if one_of_them(a) and another(b) and more(c):\n    pass",
    "use(known(one_of_them) + another_one(of_them))",
    "use(several_names)  # see issue 12 of the tracker",
    "one.sub(a).replace(b, c).strip(d)",
)


@pytest.mark.parametrize("text", LONG)
def test_what_is_too_long_is_broken_as_formatters_do(text: str) -> None:
    assert relaid("", f"{text}\n", "    ", 26) == LONG[text]
    ruff = tool("ruff")
    if ruff is not None:
        command = [ruff, "format", "--isolated", "--config", "line-length=26", "-"]
        ran = subprocess.run(command, input=text, capture_output=True, check=True, text=True)
        assert ran.stdout == LONG[text]


@pytest.mark.parametrize(
    ("text", "width"),
    [
        (f"x = {'a' * 74}\n", 79),
        (f"x = {'a' * 75}\n", 79),
        (f"x = {'a' * 76}\n", 88),
        (f'x = {"a" * 74}\n"""Text.\n\n{"a " * 50}\n"""\n', 79),
        (f"x = call_{'a' * 90}(\n    1\n)\n", 79),
        (f"x = 1  # {'a ' * 50}\n", 79),
        (f"x = '{'a' * 30}', '{'a' * 60}'\n", 79),
        (f"x = 'a', {'b, ' * 30} 'c'\n", 120),
        (f"x = {'b, ' * 60}\n", 120),
    ],
)
def test_the_line_length_of_a_file_is_what_its_code_shows(text: str, width: int) -> None:
    assert line_length(text) == width


@pytest.mark.parametrize("text", NOT_CERTAIN)
def test_what_formatters_break_in_ways_of_their_own_is_left(text: str) -> None:
    assert relaid("", f"{text}\n", "    ", 26) is None


def test_the_commas_of_a_lambda_part_no_elements() -> None:
    assert relaid("", "tasks = [lambda a, b: one, c]\n", "    ", 26) is None


@pytest.mark.portable
@pytest.mark.parametrize("part", range(PARTS))
def test_the_tools_of_the_file_say_the_same(part: int, tmp_path: Path) -> None:
    for seed in range(part, COUNT, PARTS):
        directory = tmp_path / str(seed)
        directory.mkdir()
        layout = make(seed, directory)
        if layout is not None:
            ast.parse(layout.data)
            found = problem(layout, directory)
            assert not found, f"{seed}: {found}\n{layout.data.decode()}"
