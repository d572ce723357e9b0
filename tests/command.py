"""The command `asyncwait` in a test: the fixture of this name runs it in this process. And whose
process that is."""

from __future__ import annotations

import contextlib
import os
import shutil
import sysconfig
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest

from flake8_asyncwait import cli


class Run(NamedTuple):
    """What came of a run: its exit status, and the lines of its output."""

    status: int
    out: list[str]
    err: list[str]

    @property
    def places(self) -> list[str]:
        """The lines of the output that tell of a finding, up to the code."""
        return [line[: line.index("AWT") + 7] for line in self.out if ": AWT" in line]

    @property
    def is_clean(self) -> bool:
        """Whether it is that of a check which has found nothing, and says no more than that."""
        passed = len(self.out) == 1 and self.out[0].startswith("All checks passed (")
        return (self.status, passed, self.err) == (0, True, [])


Asyncwait = Callable[..., Run]


def tool(name: str) -> str | None:
    """Where a tool is: beside the Python that runs the tests, whose environment need not be active,
    or else on the path. None if it is nowhere."""
    return shutil.which(name, path=sysconfig.get_path("scripts")) or shutil.which(name)


def runner(capture: pytest.CaptureFixture[str]) -> Asyncwait:
    """A function that runs the command with the arguments it is given."""

    def run(*arguments: str) -> Run:
        status = cli.main(arguments)
        out, err = capture.readouterr()
        return Run(status, out.splitlines(), err.splitlines())

    return run


@contextlib.contextmanager
def not_as_root() -> Iterator[None]:
    """The process is not root meanwhile, as far as permissions go."""
    user = os.geteuid()
    os.seteuid(user or 65534)
    try:
        yield
    finally:
        os.seteuid(user)
