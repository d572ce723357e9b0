"""Too much of one thing: never a traceback, at most one line of error, the right exit status."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from command import Asyncwait

from benchmarks.hostile_programs import FULL, PROGRAMS
from flake8_asyncwait.check import check
from flake8_asyncwait.undetermined import TOO_DEEP, TOO_LONG
from flake8_asyncwait.verdict.checked import Checked

pytestmark = pytest.mark.portable


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return tmp_path


@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("command", [("check",), ("fix", "--diff")], ids=["check", "fix"])
def test_less_of_it(
    asyncwait: Asyncwait, project: Path, name: str, command: tuple[str, ...]
) -> None:
    size = max(min(FULL[name] // 80, 50), 6)
    (project / "a.py").write_text(PROGRAMS[name](size))
    run = asyncwait(*command, "a.py")
    errors = [line for line in run.err if line.startswith("a.py") and ": AWT" not in line]
    undecided = [line for line in errors if ": not decided: " in line]
    assert run.status in (0, 1, 2)
    assert len(errors) <= 1
    assert len(errors) - len(undecided) == (run.status == 2)


@pytest.mark.parametrize(
    ("where", "command"),
    [
        ("libcst.parse_module", "check"),
        ("libcst.parse_module", "fix"),
        ("flake8_asyncwait.fix.file.fix", "fix"),
    ],
)
def test_what_takes_more_memory_than_there_is(
    asyncwait: Asyncwait, project: Path, monkeypatch: pytest.MonkeyPatch, command: str, where: str
) -> None:
    for name in ("a.py", "b.py"):
        (project / name).write_text(PROGRAMS["names"](1))
    monkeypatch.setattr(where, too_much)
    run = asyncwait(command, ".")
    assert run.status == 2
    assert run.err == [f"./{name}: not enough memory" for name in ("a.py", "b.py")]


@pytest.mark.parametrize(
    ("name", "size", "reason"), [("statements", 100_000, TOO_LONG), ("sum", 600, TOO_DEEP)]
)
def test_what_is_too_much_to_follow_is_counted(
    asyncwait: Asyncwait, project: Path, name: str, size: int, reason: str
) -> None:
    (project / "a.py").write_text(PROGRAMS[name](size))
    run = asyncwait("check", "--statistics", "a.py")
    assert (run.status, run.places) == (0, [])
    assert run.err == [f"a.py:6: not decided: {reason}"]
    counted, closing = run.out
    assert counted.split(":")[0].split() == ["1", "not", "decided"]
    assert closing == "No findings (1 file, 1 wait); 1 wait not decided"


@pytest.mark.parametrize("name", ["optional waits", "forgotten tasks"])
def test_no_wait_doubles_the_work_on_those_after_it(name: str) -> None:
    checked = check(PROGRAMS[name](100))
    assert checked.undetermined == ()
    assert len(checked.findings) == 100
    assert all(finding.witness[0].line == finding.line for finding in checked.findings)


# Where Python itself gives up: its parser, its own compiler of trees, its stack.
DEEP = ["parentheses", "minus", "sum", "nested ifs", "attributes", "methods", "elif", "lambda"]


@pytest.mark.parametrize("limit", [150, 100_000])
def test_whatever_depth_python_allows(tmp_path: Path, limit: int) -> None:
    """In a process of its own: a stack that overflows would end the tests."""
    for name in DEEP:
        for size in (190, 600):
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
    assert check(PROGRAMS[name](600)).undetermined == ((6, 0, TOO_DEEP),)


@pytest.mark.parametrize("around", ["({}, y)", "{{'a': {}}}", "[{}]", "C({})", "({})"])
def test_patterns_in_many_others_are_not_parsed(
    around: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time that libcst takes for some of them grows fourfold with each level."""
    monkeypatch.setattr("libcst.parse_module", pytest.fail)
    pattern = "x"
    for _ in range(10):
        pattern = around.format(pattern)
    text = (
        "import asyncio\n\n\nasync def f(t, v):\n    await asyncio.wait([t], timeout=1)\n"
        f"    match v:\n        case {pattern}:\n            pass\n"
    )
    assert check(text).undetermined == ((5, 0, TOO_DEEP),)


def test_what_no_python_can_parse_is_not_parsed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flake8_asyncwait.sites.newer.read_newer", pytest.fail)
    monkeypatch.setattr("ast.parse", too_deep)
    with pytest.raises(SyntaxError, match="too deeply nested"):
        check(PROGRAMS["lambda"](1))


def too_much(*_: object, **__: object) -> None:
    raise MemoryError


def too_deep(*_: object) -> None:
    raise MemoryError


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has such a limit")
@pytest.mark.parametrize("door", [("flake8_asyncwait", "check"), ("flake8", "--select=AWT")])
def test_a_small_stack(tmp_path: Path, door: tuple[str, ...]) -> None:
    """That of a process on Windows, or of a thread on many systems."""
    import resource

    def with_a_small_stack() -> None:
        resource.setrlimit(resource.RLIMIT_STACK, (2**20, 2**20))

    for name in DEEP:
        (tmp_path / f"{name}.py").write_text(PROGRAMS[name](90))
    ran = subprocess.run(
        [sys.executable, "-m", *door, "--isolated", "--jobs=1", str(tmp_path)],
        capture_output=True,
        text=True,
        preexec_fn=with_a_small_stack,
    )
    assert (ran.returncode, ran.stderr) == (1, "")
    assert {line.partition(".py:")[0] for line in ran.stdout.splitlines()} >= {
        str(tmp_path / name) for name in DEEP
    }


def test_a_thread_with_a_small_stack() -> None:
    found: list[Checked] = []
    usual = threading.stack_size(2**18)
    try:
        thread = threading.Thread(target=lambda: found.append(check(PROGRAMS["nested ifs"](15))))
        thread.start()
    finally:
        threading.stack_size(usual)
    thread.join()
    assert [each.code for checked in found for each in checked.findings] == ["AWT102"]
