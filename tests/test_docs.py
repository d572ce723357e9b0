"""Every code block of the README and of the pages is run, or read by the tool that it is for.

The blocks of a page are taken in their order, in a scratch directory of its own:

- `python` is checked, and a comment marks each finding (`# AWT102`). With a title it is that file
  from then on. Where a `text` block follows, that is what running it prints.
- `console` is a session: what is behind a `$` is run, and prints the lines below it. `...` stands
  for any text, and on a line of its own for any lines.
- `sh` is run line by line. Each line succeeds, or finds something.
- `toml`, `ini`, `yaml` and `json` are read by the tool that they are for, or at least parsed, as
  `starlark` is, and both sides of a `diff`.

A comment before a block says otherwise: `<!-- not run: REASON -->`, `<!-- in .ci/run -->`, or,
where a reader should see no marks, `<!-- finds AWT102 on line 7, AWT104 on line 18 -->`.
"""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from samples import FASTEST

from flake8_asyncwait.check import check

pytestmark = pytest.mark.portable

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]

# What examples take for granted, and what `mk()` stands for.
PRELUDE = "import asyncio\n\n\ndef mk():\n    return asyncio.create_task(work())\n\n\n"

FENCE = re.compile(
    r"(?:^ *<!-- (?P<marker>[^\n]*) -->\n+)?"
    r"^(?P<indent> *)```(?P<language>\S*)(?P<info>[^\n]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
SCHEMAS = {"jobs": "vendor.github-workflows", "stages": "vendor.gitlab-ci"}


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its title, and the comment before it."""

    language: str
    title: str
    marker: str
    text: str


def blocks(page: Path) -> Iterator[Block]:
    for fence in FENCE.finditer(page.read_text(encoding="utf-8")):
        title = re.search(r'title="([^"]*)"', fence["info"])
        text = textwrap.dedent(fence["text"])
        yield Block(fence["language"], title[1] if title else "", fence["marker"] or "", text)


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    """A directory with a leaky module, in a repository of its own."""
    (tmp_path / "fixtures").symlink_to(ROOT / "fixtures")
    for module in ("src/app.py", "tests/test_app.py"):
        (tmp_path / module).parent.mkdir()
        (tmp_path / module).write_text(FASTEST)
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    return tmp_path


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_the_blocks_do_what_the_page_says(page: Path, scratch: Path) -> None:
    found = list(blocks(page))
    assert page.read_text(encoding="utf-8").count("```") == 2 * len(found)
    for before, block in pairwise([Block("", "", "", ""), *found]):
        if block.marker == "in .ci/run":
            assert set(block.text.splitlines()) <= set(ci_run().splitlines())
        elif block.language == "text":
            assert before.language == "python"
            assert output(scratch, sys.executable, "-c", before.text) == block.text
        else:
            READERS[block.language](block, scratch)


def test_the_links_of_the_readme_lead_somewhere() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    links = set(re.findall(r"\]\(([^)#]+)[^)]*\)", readme))
    assert "docs/tutorial.md" in links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_the_tutorial_ends_clean(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "--quiet", str(tmp_path)], check=True)
    for block in blocks(ROOT / "docs" / "tutorial.md"):
        READERS[block.language](block, tmp_path)
    for command in (
        ["asyncwait", "check", "."],
        ["asyncwait", "fix", "--check", "."],
        ["flake8", "--isolated", "--exclude=.git", "."],
        ["ruff", "check", "--isolated", "."],
        ["ruff", "format", "--check", "--isolated", "."],
    ):
        done = run(tmp_path, *command)
        assert done.returncode == 0, f"$ {command}\n{done.stdout}"


def test_ruff_removes_our_noqa_comments_unless_it_is_told(tmp_path: Path) -> None:
    """What the README says of RUF102, and that its cure is one."""
    module = tmp_path / "module.py"
    module.write_text("x = 1  # noqa: AWT102\n")
    command = ["ruff", "check", "--select=RUF102", "--fix", "module.py"]
    (cure,) = (each for each in blocks(ROOT / "README.md") if "external" in each.text)
    (tmp_path / "pyproject.toml").write_text(cure.text)
    assert run(tmp_path, *command).returncode == 0
    assert module.read_text() == "x = 1  # noqa: AWT102\n"
    (tmp_path / "pyproject.toml").unlink()
    assert run(tmp_path, *command).returncode == 0
    assert module.read_text() == "x = 1\n"


def ci_run() -> str:
    return (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def python(block: Block, scratch: Path) -> None:
    if block.title:
        (scratch / block.title).parent.mkdir(parents=True, exist_ok=True)
        (scratch / block.title).write_text(block.text)
    before = PRELUDE.count("\n")
    found = [(each.line - before, each.code) for each in check(PRELUDE + block.text).findings]
    assert found == marks(block), block.text


def marks(block: Block) -> list[tuple[int, str]]:
    """The lines of a block that are said to have a finding, with its code."""
    if block.marker.startswith("finds "):
        told = re.findall(r"(AWT\d{3}) on line (\d+)", block.marker)
        return [(int(line), code) for code, line in told]
    return [
        (number, mark[1])
        for number, line in enumerate(block.text.splitlines(), 1)
        if (mark := re.search(r"# (AWT\d{3})", line))
    ]


def console(block: Block, scratch: Path) -> None:
    for command, shown in sessions(block.text):
        if not is_left_out(block, command):
            printed = output(scratch, "bash", "-c", command)
            assert re.fullmatch(pattern(shown), printed), f"$ {command}\n{printed}"


def sessions(text: str) -> Iterator[tuple[str, str]]:
    """The commands of a session, each with what it prints. `>` continues a command."""
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        lines = part.splitlines(keepends=True)
        command = [lines.pop(0)]
        while lines and lines[0].startswith("> "):
            command.append(lines.pop(0)[2:])
        yield "".join(command), "".join(lines)


def pattern(shown: str) -> str:
    """A regular expression for what is shown."""
    escaped = re.escape(shown)
    lines = re.sub(r"^\\\.\\\.\\\.\\?\n", "(?:.*\n)*", escaped, flags=re.MULTILINE)
    return lines.replace(r"\.\.\.", ".*")


def shell(block: Block, scratch: Path) -> None:
    for line in block.text.replace("\\\n", "").splitlines():
        if line and not is_left_out(block, line):
            done = run(scratch, "bash", "-c", line)
            assert done.returncode in (0, 1), f"$ {line}\n{done.stdout}"


def is_left_out(block: Block, command: str) -> bool:
    """Whether a command is not run. It still has to be one that bash can read."""
    subprocess.run(["bash", "-n", "-c", command], check=True)
    return block.marker.startswith("not run: ")


def toml(block: Block, scratch: Path) -> None:
    tables = tomllib.loads(block.text).get("tool", {})
    if "asyncwait" in tables:
        (scratch / "shown.toml").write_text(block.text)
        done = run(scratch, "asyncwait", "config", "--config", "shown.toml")
        assert done.returncode == 0, done.stdout


def ini(block: Block, scratch: Path) -> None:
    (scratch / "shown.cfg").write_text(block.text)
    done = run(scratch, "flake8", "--config=shown.cfg", "src")
    assert done.returncode in (0, 1), done.stdout
    assert "There was a critical error" not in done.stdout


def yaml_(block: Block, scratch: Path) -> None:
    content = yaml.safe_load(block.text)
    (scratch / "shown.yaml").write_text(block.text)
    if "repos" in content:
        command = ["pre_commit", "validate-config"]
    else:
        schema = "github-workflows" if "jobs" in content else "gitlab-ci"
        command = ["check_jsonschema", f"--builtin-schema=vendor.{schema}"]
    done = run(scratch, sys.executable, "-m", *command, "shown.yaml")
    assert done.returncode == 0, done.stdout


def starlark(block: Block, _: Path) -> None:
    ast.parse(block.text)  # its grammar is a part of Python's


def json_(block: Block, _: Path) -> None:
    json.loads(block.text)


def diff(block: Block, _: Path) -> None:
    for side in " -", " +":
        body = "".join(line[1:] for line in block.text.splitlines(keepends=True) if line[0] in side)
        ast.parse("async def side():\n" + textwrap.indent(textwrap.dedent(body), "    "))


def not_run(block: Block, _: Path) -> None:
    """What only a program that is not here could read."""
    assert block.marker.startswith("not run: ")


READERS: dict[str, Callable[[Block, Path], None]] = {
    "python": python,
    "console": console,
    "sh": shell,
    "toml": toml,
    "ini": ini,
    "yaml": yaml_,
    "json": json_,
    "starlark": starlark,
    "diff": diff,
    "elisp": not_run,
    "lua": not_run,
    "vim": not_run,
}


def run(directory: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user would, with our tools first on the path; errors go to its output."""
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("GIT_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "HOME": str(directory),
        "PYTHONUNBUFFERED": "1",  # in the order in which a terminal shows both streams
    }
    return subprocess.run(
        command,
        cwd=directory,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        check=False,
    )


def output(directory: Path, *command: str) -> str:
    """What a command prints, without blank lines at its end."""
    printed = run(directory, *command).stdout.rstrip("\n")
    return f"{printed}\n" if printed else ""
