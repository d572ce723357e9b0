"""What a command costs: runs of several commands in turn, and the medians."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

# Programs that find something, or have nothing to say, end with 1.
EXPECTED = (0, 1)
LONG = 5.0  # CPU seconds


class CommandError(Exception):
    """A command ended as it should not; the text says which one and how."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command line, and the directory that it is run in."""

    arguments: Sequence[str]
    directory: Path


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run costs: `cpu` (user and system) and `wall` in seconds, `peak` memory in MiB.

    All processes of the run count, except that the peak is that of the largest one.
    """

    cpu: float
    wall: float
    peak: float


def in_turn(commands: Sequence[Command], runs: int) -> list[Cost]:
    """The cost of each of `commands`: medians of `runs` runs, A B A B, after one that is not
    counted. Commands that take long are run once. Raises `CommandError`."""
    first = [once(command) for command in commands]
    if sum(cost.cpu for cost in first) > LONG:
        return first
    costs = [[once(command) for command in commands] for _ in range(runs)]
    return [_middle(column) for column in zip(*costs, strict=True)]


def once(command: Command) -> Cost:
    """The cost of one run. Raises `CommandError` when it does not end with 0 or 1."""
    with tempfile.TemporaryFile() as errors:
        started = time.perf_counter()
        process = subprocess.Popen(
            command.arguments, cwd=command.directory, stdout=subprocess.DEVNULL, stderr=errors
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode not in EXPECTED:
            errors.seek(0)
            said = errors.read().decode(errors="replace")
            raise CommandError(f"{' '.join(command.arguments)}: {process.returncode}\n{said}")
    return Cost(usage.ru_utime + usage.ru_stime, wall, _mebibytes(usage.ru_maxrss))


def _middle(costs: Iterable[Cost]) -> Cost:
    cpu, wall, peak = zip(*((one.cpu, one.wall, one.peak) for one in costs), strict=True)
    return Cost(median(cpu), median(wall), median(peak))


def _mebibytes(maximum: int) -> float:
    """The peak memory that the operating system tells: macOS in bytes, others in KiB."""
    return maximum / (2**20 if sys.platform == "darwin" else 2**10)
