"""The same files give the same bytes of output, however a run came to them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.portable

FIXES = Path(__file__).parents[2] / "fixtures" / "fixes"
SMALLEST = sorted(FIXES.glob("*.before.py"), key=lambda path: (path.stat().st_size, path))[:4]
FILES = [path.name for path in SMALLEST]
COMMANDS = [["check", "--output-format=full"], ["fix", "--diff"]]


def output(command: list[str], files: list[str], seed: str) -> tuple[bytes, bytes]:
    ran = subprocess.run(
        [sys.executable, "-m", "flake8_asyncwait", *command, "--isolated", *files],
        capture_output=True,
        cwd=FIXES,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    assert ran.returncode in (0, 1)
    return ran.stdout, ran.stderr


@pytest.mark.parametrize("command", COMMANDS, ids="-".join)
def test_hash_seeds_and_the_order_of_the_files(command: list[str]) -> None:
    forward = output(command, FILES, "1")
    assert output(command, FILES, "4242") == forward
    backward = output(command, FILES[::-1], "1")[0]
    assert sorted(backward.splitlines()) == sorted(forward[0].splitlines())


def test_the_number_of_jobs() -> None:
    command = ["check", "--output-format=full"]
    assert output([*command, "--jobs=3"], FILES, "0") == output(command, FILES, "0")
