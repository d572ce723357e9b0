"""Too much of one thing: never a traceback, at most one line of error, the right exit status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from command import Asyncwait

from benchmarks.hostile_programs import FULL, PROGRAMS
from flake8_asyncwait.check import check


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("command", [("check",), ("fix", "--diff")], ids=["check", "fix"])
def test_less_of_it(
    asyncwait: Asyncwait, project: Path, name: str, command: tuple[str, ...]
) -> None:
    size = max(min(FULL[name] // 10, 300), 15)
    (project / "a.py").write_text(PROGRAMS[name](size))
    run = asyncwait(*command, "a.py")
    errors = [line for line in run.err if line.startswith("a.py") and ": AWT" not in line]
    assert run.status in (0, 1, 2)
    assert len(errors) == (run.status == 2)


# Where Python itself gives up: its parser, its own compiler of trees, its stack.
DEEP = ["parentheses", "minus", "sum", "nested ifs", "attributes", "elif", "lambda"]


@pytest.mark.parametrize("limit", [150, 100_000])
def test_whatever_depth_python_allows(tmp_path: Path, limit: int) -> None:
    """In a process of its own: a stack that overflows would end the tests."""
    for name in DEEP:
        for size in (90, 1000):
            (tmp_path / f"{name} {size}.py").write_text(PROGRAMS[name](size))
    program = (
        "import sys\n"
        "from flake8_asyncwait.cli import main\n"
        "import flake8_asyncwait.check, flake8_asyncwait.rules.decide, argparse, gettext\n"
        f"sys.setrecursionlimit({limit})\n"
        "sys.exit(main(sys.argv[1:]))\n"
    )
    for command in (["check"], ["fix", "--diff"]):
        ran = subprocess.run(
            [sys.executable, "-c", program, *command, str(tmp_path)],
            capture_output=True,
            text=True,
        )
        assert ran.returncode in (1, 2), ran.stderr
        assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("name", ["sum", "attributes", "subscripts", "methods", "conditions"])
def test_what_is_nested_too_deeply_is_not_parsed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time that libcst takes grows with the square of the depth."""
    monkeypatch.setattr("libcst.parse_module", pytest.fail)
    assert check(PROGRAMS[name](600)).undetermined == ((6, 0),)


def test_what_no_python_can_parse_is_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flake8_asyncwait.sites.newer.in_older_words", pytest.fail)
    monkeypatch.setattr("ast.parse", too_deep)
    with pytest.raises(SyntaxError, match="too deeply nested"):
        check(PROGRAMS["lambda"](1))


def too_deep(*_: object) -> None:
    raise MemoryError
