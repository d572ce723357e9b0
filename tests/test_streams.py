"""Each command with each of its streams closed or full, and interrupted at any time: one line at
most, and the right status."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import samples

pytestmark = [
    pytest.mark.skipif(
        not os.path.exists("/dev/full"), reason="only Linux has a device that is full"
    ),
    pytest.mark.portable,
]

COMMANDS = {
    "no arguments": "",
    "help": "--help",
    "help of check": "check --help",
    "version": "--version",
    "usage error": "chekc",
    "check": "check forgotten.py",
    "check stdin": "check -",
    "check a report": "check --output-format sarif forgotten.py",
    "check with processes": "check --jobs 2 forgotten.py again.py",
    "check what is missing": "check nope.py",
    "add noqa": "check --add-noqa forgotten.py",
    "write a baseline": "check --write-baseline new.json forgotten.py",
    "fix": "fix forgotten.py",
    "fix stdin": "fix -",
    "diff": "fix --diff forgotten.py",
    "fix check": "fix --check forgotten.py",
    "prove": "prove forgotten.py:7",
    "config": "config",
    "explain": "explain AWT101",
    "helper": "helper",
}
# Every second command has a device that is full for its standard output, and the others for their
# standard error; the other stream is closed. To try both with each shows no more.
FULL_STDOUT = list(COMMANDS.values())[::2]


class Ran(NamedTuple):
    status: int
    out: str
    err: str


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return filled(tmp_path)


def filled(directory: Path) -> Path:
    (directory / "forgotten.py").write_text(samples.FORGOTTEN)
    (directory / "again.py").write_text(samples.FORGOTTEN)
    return directory


def shell(project: Path, command: str, redirections: str = "") -> Ran:
    """Run the command from a shell, which can close what Python's `subprocess` cannot."""
    done = subprocess.run(
        ["sh", "-c", f'exec "$0" -m flake8_asyncwait {command} {redirections}', sys.executable],
        cwd=project,
        input=samples.FORGOTTEN,
        capture_output=True,
        text=True,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


@pytest.fixture(params=COMMANDS)
def command(request: pytest.FixtureRequest) -> str:
    return COMMANDS[request.param]


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Ran]:
    """What a command does whose streams are all open, in a project of its own."""

    @cache
    def run(command: str) -> Ran:
        return shell(filled(tmp_path_factory.mktemp("usual")), command)

    return run


def test_stdout(project: Path, usual: Callable[[str], Ran], command: str) -> None:
    is_full = command in FULL_STDOUT
    expected = usual(command)
    ran = shell(project, command, ">/dev/full" if is_full else ">&-")
    if expected.out:
        reason = "no space left on device" if is_full else "bad file descriptor"
        assert ran.status == 2
        assert ran.err.splitlines()[-1] == f"standard output: {reason}"
    else:
        assert ran.status == expected.status
    assert "Traceback" not in ran.err
    assert "Exception" not in ran.err


def test_stderr(project: Path, usual: Callable[[str], Ran], command: str) -> None:
    expected = usual(command)
    redirection = "2>&-" if command in FULL_STDOUT else "2>/dev/full"
    assert shell(project, command, redirection) == (expected.status, expected.out, "")


def test_all_of_them(project: Path, usual: Callable[[str], Ran], command: str) -> None:
    expected = usual(command)
    ran = shell(project, command, "<&- >&- 2>&-")
    is_read = command.endswith("-")
    assert ran == (2 if expected.out or is_read else expected.status, "", "")


def test_stdin_that_is_closed(project: Path, usual: Callable[[str], Ran], command: str) -> None:
    expected = usual(command)
    ran = shell(project, command, "<&-")
    if command.endswith(" -"):
        assert ran.status == 2
        assert ran.err.splitlines()[0] == "stdin: bad file descriptor"
    else:
        assert ran == expected


@pytest.mark.parametrize(
    "module",
    [
        "flake8_asyncwait.commands.streams",
        "flake8_asyncwait.source.text",
        "argparse",
        "flake8_asyncwait.commands.parser",
        "flake8_asyncwait.config.settings",
        "flake8_asyncwait.commands.check",
        "flake8_asyncwait.source.files",
        "flake8_asyncwait.rules.decide",
        "libcst",
        "flake8_asyncwait.report.text",
    ],
)
def test_an_interrupt_while_something_is_imported(project: Path, module: str) -> None:
    """As from the keyboard, at the moment when a run first asks for a module."""
    program = f"""
import signal, sys

# What a shell runs in the background ignores it, and so do those who are started there.
signal.signal(signal.SIGINT, signal.default_int_handler)

class Keyboard:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            sys.meta_path.remove(self)
            signal.raise_signal(signal.SIGINT)

import flake8_asyncwait.cli
sys.meta_path.insert(0, Keyboard())
flake8_asyncwait.cli.program()
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "check", "."],
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "interrupted\n")


def test_next_to_nothing_is_imported_before_interrupts_are_met(project: Path) -> None:
    program = (
        "import sys; usual = set(sys.modules); import flake8_asyncwait.cli; "
        "print(*sorted(set(sys.modules) - usual))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", program],
        cwd=project,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["__future__", "flake8_asyncwait", "flake8_asyncwait.cli", "gc"]
