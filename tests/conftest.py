"""The fixtures that several files of tests use."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from command import Asyncwait, runner
from hypothesis import settings

# An error of our own is a failure, in the processes that tests start, too.
os.environ["ASYNCWAIT_RAISE"] = "1"

# What passes once passes always, also on a machine that is busy.
settings.register_profile("sure", derandomize=True, database=None, deadline=None)
settings.load_profile("sure")


@pytest.fixture
def asyncwait(
    project: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Asyncwait:
    """Run the command in the directory `project`, a fixture of the file that asks for this one."""
    monkeypatch.chdir(project)
    return runner(capfd)
