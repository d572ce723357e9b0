"""What is no file, or none that can be read: one line each, and the others are still checked."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import samples
from command import Asyncwait, not_as_root
from hypothesis import given, settings
from hypothesis import strategies as st

import flake8_asyncwait
from flake8_asyncwait.source.ignore import DEFAULT_EXCLUDE, Excluder, GitIgnore
from flake8_asyncwait.source.text import SourceError, read

posix = pytest.mark.skipif(os.name != "posix", reason="only POSIX has it")
pytestmark = [posix, pytest.mark.portable]

COMMANDS = pytest.mark.parametrize("command", [("check",), ("fix", "--diff")], ids="-".join)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """One good file, in a directory with the name of a file."""
    (tmp_path / "dir.py").mkdir()
    (tmp_path / "dir.py" / "good.py").write_text(samples.FORGOTTEN)
    return tmp_path


def errors(lines: list[str]) -> list[str]:
    """The lines of stderr that tell neither a finding nor how many there are."""
    told = ("finding", "Would fix")
    return [line for line in lines if "AWT" not in line and not any(it in line for it in told)]


@COMMANDS
def test_a_walk_passes_over_what_is_no_file(
    asyncwait: Asyncwait, project: Path, command: tuple[str, ...]
) -> None:
    (project / "loop.py").symlink_to("loop.py")
    (project / "dangling.py").symlink_to("gone.py")
    (project / "loop").symlink_to(".")
    (project / "loop.d.py").symlink_to(".")
    (project / ".gitignore").symlink_to(".gitignore")
    os.mkfifo(project / "pipe.py")
    (project / "device.py").symlink_to("/dev/zero")
    run = asyncwait(*command)
    assert run.status == 1
    assert errors(run.err) == []
    assert any("dir.py/good.py" in line for line in run.out)


@COMMANDS
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("loop.py", "too many levels of symbolic links"),
        ("dangling.py", "no such file or directory"),
        ("pipe.py", "not a regular file"),
        ("device.py", "not a regular file"),
    ],
)
def test_named_it_is_one_line(
    asyncwait: Asyncwait, project: Path, command: tuple[str, ...], name: str, reason: str
) -> None:
    (project / "loop.py").symlink_to("loop.py")
    (project / "dangling.py").symlink_to("gone.py")
    (project / "device.py").symlink_to("/dev/zero")
    os.mkfifo(project / "pipe.py")
    run = asyncwait(*command, name, "dir.py")
    assert run.status == 2
    assert errors(run.err) == [f"{name}: {reason}"]
    assert any("dir.py/good.py" in line for line in run.out)


def test_what_the_system_does_not_let_us_read() -> None:
    """Also for root, who may open nearly all."""
    if not os.path.exists("/proc/self/mem"):
        pytest.skip("only Linux has it")
    with pytest.raises(SourceError, match="/proc/self/mem: input/output error"):
        read("/proc/self/mem")


@COMMANDS
def test_what_we_may_not_read(asyncwait: Asyncwait, command: tuple[str, ...]) -> None:
    with tempfile.TemporaryDirectory() as name:  # where others than its owner may look
        os.chmod(name, 0o755)
        for path in (Path(name, "a.py"), Path(name, "b.py"), Path(name, "c", "d.py")):
            path.parent.mkdir(exist_ok=True)
            path.write_text(samples.FORGOTTEN)
        asyncwait(*command, name)  # imports what others than root may not read either
        os.chmod(Path(name, "a.py"), 0)
        os.chmod(Path(name, "c"), 0)
        with not_as_root():
            is_readable = os.access(flake8_asyncwait.__file__, os.R_OK, effective_ids=True)
            run = asyncwait(*command, name)
        os.chmod(Path(name, "c"), 0o755)
    if not is_readable:
        pytest.skip("a fix reads a module of the package, which lies where only root may look")
    assert run.status == 2
    assert sorted(errors(run.err)) == [f"{name}/{it}: permission denied" for it in ("a.py", "c")]
    assert any(f"{name}/b.py" in line for line in run.out)


def test_more_than_the_memory_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.py"
    with path.open("wb") as file:
        file.truncate(1 << 40)  # of which nothing is on the disk
    program = (
        "import resource, sys\n"
        "from flake8_asyncwait.cli import main\n"
        "resource.setrlimit(resource.RLIMIT_AS, (1 << 31, 1 << 31))\n"
        "sys.exit(main(['check', *sys.argv[1:]]))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, path], capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stderr) == (2, f"{path}: too large to be read\n")


def test_names_that_are_no_text(asyncwait: Asyncwait, project: Path) -> None:
    name = os.fsdecode(b"\xff\xfe.py")
    try:
        (project / name).write_text(samples.FORGOTTEN)
    except OSError as error:
        pytest.skip(f"this file system has none: {error}")
    run = asyncwait("check", name)
    assert run.places == [r"\udcff\udcfe.py:" + samples.FORGOTTEN_PLACE]
    assert asyncwait("fix", name).status == 0
    assert asyncwait("check", name).status == 0


def test_files_that_vanish_during_the_walk(
    asyncwait: Asyncwait, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "abc":
        (project / name).mkdir()
        (project / name / "x.py").write_text(samples.FORGOTTEN)
    scandir = os.scandir

    def vanishing(path: str) -> object:
        if path == "./a":
            (project / "b" / "x.py").unlink()
            (project / "b").rmdir()
        if path == "./c":
            entries = list(scandir(path))
            (project / "c" / "x.py").unlink()
            return contextlib.nullcontext(iter(entries))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", vanishing)
    run = asyncwait("check")
    assert run.status == 2
    assert errors(run.err) == [
        "./b: no such file or directory",
        "./c/x.py: no such file or directory",
    ]
    assert [line.partition(":")[0] for line in run.places] == ["./a/x.py", "./dir.py/good.py"]


def test_a_directory_too_deep_for_a_path(asyncwait: Asyncwait, project: Path) -> None:
    try:
        for _ in range(30):
            os.mkdir("d" * 200)
            os.chdir("d" * 200)
    finally:
        os.chdir(project)
    run = asyncwait("check")
    assert run.status == 2
    assert len(errors(run.err)) == 1
    assert errors(run.err)[0].endswith("file name too long")
    assert len(run.places) == 1


def test_a_working_directory_that_is_gone(project: Path) -> None:
    program = (
        "import os, sys\n"
        "from flake8_asyncwait.cli import main\n"
        "os.mkdir('gone')\n"
        "os.chdir('gone')\n"
        "os.rmdir('../gone')\n"
        "sys.exit(main(['check']))\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, cwd=project
    )
    assert (ran.returncode, ran.stderr) == (2, "working directory: no such file or directory\n")


@settings(max_examples=100)
@given(lines=st.lists(st.text(alphabet="[]!-*?\\/#a \u00e9\0(){}^$.|+z", min_size=1, max_size=8)))
def test_any_gitignore(lines: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "ignore"
    path.write_text("\n".join(lines), encoding="utf-8")
    ignore = GitIgnore().with_file(str(path), "/x")
    assert ignore.ignores("/x/a.py", is_directory=False) in (True, False)


@settings(max_examples=30)
@given(globs=st.lists(st.text(alphabet="[]!-*?\\/a^", max_size=8)))
def test_any_exclude(globs: list[str]) -> None:
    assert Excluder([*DEFAULT_EXCLUDE, *globs]).excludes("b.py", "/x/b.py") in (True, False)
