"""Nobody gets in: what is read is never run, and never steers a terminal or another program."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
import samples
from command import Asyncwait

from flake8_asyncwait.report.text import shown

pytestmark = pytest.mark.portable

TRAP = "import pathlib\npathlib.Path(__file__ + '.was-run').touch()\n"
ESCAPES = "\x1b[31m\x9b\x07\u202e\x08\r"

# Whatever of the checked directory is executed or imported ends the process, and so does what was
# parsed: `ast.parse` calls its texts "<unknown>".
GUARD = """
import os, sys
sys.path.remove("")  # which a console script has not
project = os.path.realpath(sys.argv[1])
def is_theirs(name):
    name = os.fsdecode(name)
    return os.path.isabs(name) and os.path.realpath(name).startswith(project)
def watch(event, args):
    if event == "exec" and (args[0].co_filename == "<unknown>" or is_theirs(args[0].co_filename)):
        os._exit(99)
    if event == "compile" and args[1] is not None and is_theirs(args[1]):
        os._exit(98)
    if event in ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect"):
        os._exit(97)
sys.addaudithook(watch)
os.chdir(project)
"""
RUN = "from flake8_asyncwait.cli import main; sys.exit(main(sys.argv[2:]))"
RUN_FLAKE8 = "from flake8.main.cli import main; sys.exit(main(sys.argv[2:]))"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A package that does something when it is run, and modules with names that we import."""
    package = tmp_path / "pkg"
    package.mkdir()
    for directory in (tmp_path, package):
        for name in ("__init__", "libcst", "ast", "argparse", "tokenize", "flake8", "conftest"):
            (directory / f"{name}.py").write_text(TRAP)
        for name in ("asyncio", "pathspec", "sitecustomize", "usercustomize", "json"):
            (directory / f"{name}.py").write_text(TRAP + samples.FORGOTTEN)
    (package / "run.py").write_text(TRAP + samples.FORGOTTEN + "\n\n" + TRAP)
    (tmp_path / ".gitignore").write_text("*.pyc\n")
    (tmp_path / "pyproject.toml").write_text("[tool.ruff]\nline-length = 100\n")
    (tmp_path / "setup.py").write_text(TRAP)
    return tmp_path


def was_run(project: Path) -> list[str]:
    return [path.name for path in project.rglob("*.was-run")]


COMMANDS = {
    "check": (RUN, ["check", "--output-format=full"]),
    "diff": (RUN, ["fix", "--diff"]),
    "fix": (RUN, ["fix"]),
    "flake8": (RUN_FLAKE8, ["--isolated", "--select=AWT", "--jobs=1"]),
}


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_is_imported_compiled_to_run_or_executed(project: Path, name: str) -> None:
    program, arguments = COMMANDS[name]
    ran = subprocess.run(
        [sys.executable, "-c", GUARD + program, str(project), *arguments],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    assert ran.returncode in (0, 1), ran.stderr
    assert "AWT101" in ran.stdout + ran.stderr
    assert was_run(project) == []


SCRIPT = Path(sysconfig.get_path("scripts"), "asyncwait")


@pytest.mark.parametrize("command", [[str(SCRIPT)], [sys.executable, "-m", "flake8_asyncwait"]])
def test_modules_of_the_checked_directory(project: Path, command: list[str]) -> None:
    if not SCRIPT.exists():
        pytest.skip("not installed")
    ran = subprocess.run([*command, "check"], capture_output=True, text=True, cwd=project)
    assert (ran.returncode, ran.stderr) == (1, "")
    assert was_run(project) == []


def test_escapes_in_names_and_lines(asyncwait: Asyncwait, project: Path) -> None:
    name = f"x{ESCAPES}\n::error::.py"
    text = samples.FORGOTTEN.replace("    a =", f"    # {ESCAPES[:-1]}\n    a =").replace(
        "    done, _", f"    s = '{ESCAPES[:-1]}'\n    done, _"
    )
    try:
        (project / name).write_text(text)
    except OSError as error:
        pytest.skip(f"this file system has no such names: {error}")
    runs = [
        asyncwait("check", name),
        asyncwait("check", "--output-format=full", name),
        asyncwait("fix", "--check", name),
        asyncwait("prove", f"{name}:9"),
        asyncwait("check", name + "gone"),
    ]
    assert [run.status for run in runs] == [1, 1, 1, 0, 2]
    for run in runs:
        told = "".join([*run.out, *run.err])
        assert told
        assert told.isprintable()
        assert not any(line.startswith("::") for line in [*run.out, *run.err])


@pytest.mark.parametrize("form", ["json", "jsonl", "sarif", "github", "gitlab"])
def test_other_programs_get_no_commands(asyncwait: Asyncwait, project: Path, form: str) -> None:
    name = "x\x1b[31m\n::error::%0A,file=y.py"
    try:
        (project / name).write_text(samples.FORGOTTEN)
    except OSError as error:
        pytest.skip(f"this file system has no such names: {error}")
    run = asyncwait("check", f"--output-format={form}", name)
    assert run.status == 1
    assert all(line.isprintable() for line in run.out)
    commands = [line for line in run.out if line.startswith("::")]
    assert len(commands) == (form == "github")
    assert not any("::error::%0A" in line for line in commands)


def test_a_diff_names_files_as_git_does(asyncwait: Asyncwait, project: Path) -> None:
    name = 'x\x1b[31m\n+++ b\\" y.py'
    try:
        (project / name).write_text(samples.FORGOTTEN)
    except OSError as error:
        pytest.skip(f"this file system has no such names: {error}")
    subprocess.run(["git", "init", "-q", "."], cwd=project, check=True)
    run = asyncwait("fix", "--diff", name)
    header = [line for line in run.out if line.startswith("+++ ")]
    assert header[-1:] == ['+++ "b/x\\033[31m\\012+++ b\\134\\042 y.py"']
    diff = "".join(f"{line}\n" for line in run.out)
    subprocess.run(["git", "apply", "-"], input=diff, text=True, cwd=project, check=True)
    assert asyncwait("check", name).status == 0


def test_what_a_terminal_is_shown() -> None:
    assert shown(b"+a\tb\x1b[31m\r\n \xff\xc2\x9b\n") == "+a\tb\\x1b[31m\\r\n \\xff\\x9b\n"


@pytest.mark.skipif(os.name != "posix", reason="only POSIX has pseudo-terminals")
def test_a_diff_on_a_terminal(project: Path) -> None:
    import pty

    path = project / "pkg" / "run.py"
    path.write_text(f"# {ESCAPES[:3]}\n{samples.FORGOTTEN}")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "flake8_asyncwait", "fix", "--diff", str(path)]
    ran = subprocess.run(command, stdout=theirs, stderr=subprocess.DEVNULL, env={"NO_COLOR": "1"})
    os.close(theirs)
    told = b""
    while chunk := _read(ours):
        told += chunk
    os.close(ours)
    assert ran.returncode == 1
    assert b"+++ b/" in told
    assert b"\x1b" not in told


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # nobody writes any more
        return b""


# Ends the process where a file or a directory is opened that lies around the project.
FENCE = """
import os, sys
project = os.path.realpath(sys.argv[1])
around = os.path.join(os.path.dirname(project), "")
def watch(event, args):
    if event in ("open", "os.listdir", "os.scandir") and isinstance(args[0], (str, bytes)):
        path = os.path.realpath(os.fsdecode(args[0]))
        if path.startswith(around) and path != project and not path.startswith(project + os.sep):
            os._exit(96)
sys.addaudithook(watch)
os.chdir(project)
"""
CONFIGURATION = [
    *("pyproject.toml", "setup.cfg", "tox.ini", ".flake8", ".gitignore", ".editorconfig"),
    *("asyncwait.toml", ".asyncwait.toml", ".config/git/ignore", ".gitconfig", ".config/flake8"),
]


@pytest.fixture
def inside(project: Path) -> Path:
    """A repository in a directory that is full of configuration, also that of the user."""
    inside = project / "inside"
    inside.mkdir()
    (inside / ".git").mkdir()
    (inside / "a.py").write_text(samples.FORGOTTEN)
    for name in CONFIGURATION:
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text("*.py\n" if "ignore" in name else "[tool.asyncwait]\n")
    return inside


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["check"], 1),
        (["fix", "--diff"], 1),
        (["config"], 0),
        (["check", "--config=../pyproject.toml"], 96),
    ],
    ids=["check", "fix", "config", "told to"],
)
def test_nothing_around_the_project_is_read(
    inside: Path, arguments: list[str], status: int
) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", FENCE + RUN, str(inside), *arguments],
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
        env={**os.environ, "HOME": str(inside.parent), "XDG_CONFIG_HOME": ""},
    )
    assert ran.returncode == status, ran.stderr


def test_no_configuration_from_outside_the_project(asyncwait: Asyncwait, inside: Path) -> None:
    (inside.parent / "pyproject.toml").write_text('[tool.asyncwait]\nignore = ["AWT101"]\n')
    os.chdir(inside)
    assert asyncwait("check", "a.py").status == 1
    assert asyncwait("check", "a.py", "--config=../pyproject.toml").status == 0
