"""The progress bar, as a real terminal shows it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
import samples

from flake8_asyncwait.commands import progress

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals"),
    pytest.mark.portable,
]

# Each file and each proof takes longer by the first argument. The second one is the delay.
PROGRAM = """
import sys, time
from flake8_asyncwait import cli
from flake8_asyncwait.commands import examine, fix, jobs, progress, prove
slow, progress.DELAY = float(sys.argv.pop(1)), float(sys.argv.pop(1))
def slowly(function):
    def slower(*arguments, **options):
        time.sleep(slow)
        return function(*arguments, **options)
    return slower
jobs.examine = slowly(examine.examine)
fix.findings_of = slowly(examine.findings_of)
prove.prove = slowly(examine.prove)
cli.program()
"""
FILES = 4


class Shown(NamedTuple):
    """What a terminal was sent, and the lines that it shows in the end."""

    sent: str
    lines: list[str]

    @property
    def bars(self) -> list[str]:
        return [each for each in self.sent.split("\r\x1b[K") if each.startswith("[")]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for number in range(FILES):
        (tmp_path / f"m{number}.py").write_text(samples.FORGOTTEN)
    return tmp_path


def terminal(
    project: Path,
    slow: float,
    *arguments: str,
    delay: float = progress.DELAY,
    environment: dict[str, str] | None = None,
) -> Shown:
    """Run the command on a terminal, which gets its stdout and its stderr."""
    import pty

    ours, theirs = pty.openpty()
    unset = ("CI", "NO_COLOR", "FORCE_COLOR", "TERM")
    env = {name: value for name, value in os.environ.items() if name not in unset}
    env |= {"TERM": "xterm", "NO_COLOR": "1", **(environment or {})}
    command = [sys.executable, "-c", PROGRAM, str(slow), str(delay), *arguments]
    with subprocess.Popen(command, cwd=project, env=env, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        sent = b""
        while part := _read(ours):
            sent += part
        process.wait()
    os.close(ours)
    text = sent.decode().replace("\r\n", "\n")
    return Shown(text, [line.split("\r\x1b[K")[-1] for line in text.split("\n")])


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 4096)
    except OSError:  # Linux says so where all others have closed it
        return b""


@pytest.mark.parametrize(
    ("arguments", "total"),
    [
        (["check", "--no-cache", "."], "4 files"),
        (["fix", "--diff", "."], "4 files"),
    ],
)
def test_a_long_run(project: Path, arguments: list[str], total: str) -> None:
    quick = terminal(project, 0, *arguments, delay=3600)
    for path in project.glob("*.py"):
        path.write_text(samples.FORGOTTEN)
    shown = terminal(project, 0.6, *arguments)
    assert shown.lines == quick.lines  # the bar is gone
    assert quick.bars == []
    states = [bar.partition("]")[2].partition(",")[0].strip() for bar in shown.bars]
    done = [int(state.partition("/")[0]) for state in states]
    assert done == sorted(done)
    assert {"2", "3"} <= {state.partition("/")[0] for state in states}
    assert all(state.endswith(f"/{total}") for state in states)


def test_it_stays_while_findings_are_printed(project: Path) -> None:
    """It is back behind a finding at once, and not when its time has come again."""
    shown = terminal(project, 0.6, "check", ".")
    behind = [each.split("\r\x1b[K")[1] for each in shown.sent.split("\n")[2:FILES]]
    assert all(each.startswith("[###") for each in behind)


def test_it_moves_while_one_file_takes_long(project: Path) -> None:
    shown = terminal(project, 3.2, "check", "m0.py")
    ages = [bar.rpartition(", ")[2] for bar in shown.bars]
    assert ages[0] == "1 s"
    assert {"2 s", "3 s"} <= set(ages)


def test_a_proof(project: Path) -> None:
    shown = terminal(project, 1.5, "prove", "m0.py:7")
    assert shown.bars[0].startswith("[" + " " * 30 + "] 0/1 findings, 1 s")
    assert shown.lines[-3:] == ["proved", "", ""]


@pytest.mark.parametrize(
    ("arguments", "environment"),
    [
        (["--output-format=json"], {}),
        (["--output-format=github"], {}),
        ([], {"CI": "true"}),
        ([], {"TERM": "dumb"}),
    ],
)
def test_nothing_where_nobody_looks(
    project: Path, arguments: list[str], environment: dict[str, str]
) -> None:
    command = ["check", *arguments, "."]
    shown = terminal(project, 0.1, *command, delay=0.1, environment=environment)
    assert "\r\x1b[K" not in shown.sent


def test_nothing_without_a_terminal(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "0.1", "0.1", "check", "."],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "\r" not in done.stdout


def test_no_line_is_left_by_an_interrupt(project: Path) -> None:
    program = PROGRAM.replace(
        "time.sleep(slow)", "time.sleep(slow); signal.raise_signal(signal.SIGINT)"
    ).replace(
        "import sys, time",  # what a shell runs in the background ignores it
        "import signal, sys, time; signal.signal(signal.SIGINT, signal.default_int_handler)",
    )
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", program, "1.5", "1", "check", "."]
    env = {**os.environ, "TERM": "xterm", "CI": ""}
    with subprocess.Popen(command, cwd=project, env=env, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        sent = b""
        while part := _read(ours):
            sent += part
    os.close(ours)
    assert process.returncode == 2
    assert sent.endswith(b"\r\x1b[Kinterrupted\r\n")
