"""`asyncwait prove`: findings run on a real event loop, in a process of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

LEAKS = """\
import asyncio


async def fastest(urls):
    reader = asyncio.create_task(fetch(urls))
    done, pending = await asyncio.wait({reader, other()}, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    return done.pop().result()
"""

Ran = subprocess.CompletedProcess[str]


def asyncwait(*arguments: str, stdin: str = "") -> Ran:
    command = [sys.executable, "-m", "flake8_asyncwait", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def events(done: Ran) -> list[str]:
    """What the timeline says, in order: the lines between the finding and the verdict."""
    return [line.strip() for line in done.stdout.split("\n\n")[1].splitlines()]


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    path = tmp_path / "leaky.py"
    path.write_text(LEAKS, encoding="utf-8")
    return path


def test_a_proved_finding_ends_with_the_task_that_still_runs(leaky: Path) -> None:
    done = asyncwait("prove", f"{leaky}:6")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{leaky}:6:27: AWT102 ")
    assert done.stdout.endswith("\n\nproved\n\n")
    assert events(done) == [
        "line 5    'reader' started as fetch()",
        "line 6    asyncio.wait() starts, on 'reader' and 'other()'",
        "line 6    the function is cancelled here",
        "the function has ended (CancelledError)",
        "still running: 'reader', started on line 5",
    ]


def test_the_place_may_have_the_column_that_check_prints(leaky: Path) -> None:
    place = asyncwait("check", str(leaky)).stdout.partition(" ")[0]
    assert place == f"{leaky}:6:27:"
    assert asyncwait("prove", place).returncode == 0
    assert asyncwait("prove", f"{leaky}:6:1").returncode == 2


def test_no_finding_is_an_error_that_says_where(leaky: Path) -> None:
    done = asyncwait("prove", f"{leaky}:5")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{leaky}:5: no finding here\n"


def test_check_says_of_each_finding_whether_it_is_proved(leaky: Path) -> None:
    done = asyncwait("check", "--prove", str(leaky))
    assert done.returncode == 1
    assert done.stdout.endswith(" [proved]\n")
