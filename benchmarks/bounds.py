"""See what each door takes for programs that are long, deep or hard to follow.

    python -m benchmarks.bounds [PATTERN] [--doors NAMES] [--least SECONDS]

Runs those of `hostile_programs.py` in full size, and those of `hostile_syntax.py` in each of their
sizes, whose names a regular expression matches: "^(deep|nested)", say. Prints the CPU seconds and
the memory of each door (`check`, `fix`, `flake8` and `prove`, which is for what has a finding), or
of what takes at least so many seconds. Exits 1 where one takes 10 s or 500 MB, or breaks, else 0.

Each run is a process of its own, a copy of this one, which has imported everything: so only what
the file costs is counted, but the memory of the imports (some 60 MB). Of flake8 is counted what it
takes more than with a plugin that has the same findings and looks at nothing. Not for Windows.
"""

from __future__ import annotations

import argparse
import os
import re
import resource
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from benchmarks import hostile_programs, hostile_syntax
from flake8_asyncwait.cli import main as asyncwait
from flake8_asyncwait.plugin import Plugin

SECONDS, MEGABYTES = 10, 500  # what a door may take for one file
NAME = "a.py"
FINDING = re.compile(rf"{NAME}:\d+:\d+(?=: AWT)")


class Cost(NamedTuple):
    """What a door took for a file. `said` is its standard output and error; `crashed` tells of a
    crash, "" where there was none."""

    seconds: float
    megabytes: float
    said: str
    crashed: str = ""

    def beside(self, other: Cost) -> Cost:
        """What this took more than another; but for the memory of what both have imported."""
        megabytes = max(self.megabytes - other.megabytes, 0)
        return self._replace(seconds=self.seconds - other.seconds, megabytes=megabytes)

    @property
    def wrong(self) -> str:
        """What is wrong, "" where all is well."""
        is_above = self.seconds >= SECONDS or self.megabytes >= MEGABYTES
        return self.crashed or ("ABOVE" if is_above else "")


def main() -> int:
    """Run and print. Returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bounds")
    parser.add_argument("pattern", nargs="?", default="", metavar="PATTERN")
    parser.add_argument("--doors", default="check,fix,flake8,prove", metavar="NAMES")
    parser.add_argument("--least", type=float, default=0, metavar="SECONDS")
    arguments = parser.parse_args()
    wrong = 0
    for name, text in programs(arguments.pattern):
        for door, one in costs(text, arguments.doors.split(",")):
            wrong += bool(one.wrong)
            if one.wrong or one.seconds >= arguments.least:
                told = f"{one.seconds:6.2f} s {one.megabytes:5.0f} MB  {door} {name}"
                print(f"{told}, {one.wrong}" if one.wrong else told, flush=True)
    return 1 if wrong else 0


def programs(pattern: str) -> Iterator[tuple[str, str]]:
    """The names that match a regular expression, and the texts of the programs."""
    for name, make in hostile_programs.PROGRAMS.items():
        if re.search(pattern, name):
            yield name, make(hostile_programs.FULL[name])
    for name, make in hostile_syntax.PROGRAMS.items():
        if re.search(pattern, name):
            for size in hostile_syntax.SIZES[name]:
                yield f"{name} ({size:,})", make(size)


def costs(text: str, doors: Sequence[str]) -> Iterable[tuple[str, Cost]]:
    """What the `doors` cost, each a name, for a file with a `text`. Where the check has
    no finding, there is nothing to prove."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory, NAME).write_text(text, encoding="utf-8")
        checked = cost(directory, check)
        found = FINDING.search(checked.said)
        for door in doors:
            if door == "check":
                yield door, checked
            elif door == "prove" and found is not None:
                place = found.group()
                yield door, cost(directory, lambda: asyncwait(["prove", "--isolated", place]))  # noqa: B023
            elif door == "flake8":
                idle = cost(directory, partial(flake8, FINDING.findall(checked.said)))
                yield door, cost(directory, flake8).beside(idle)
            elif door == "fix":
                yield door, cost(directory, fix)


def check() -> int:
    return asyncwait(["check", "--isolated", "--no-cache", "--jobs=1", NAME])


def fix() -> int:
    return asyncwait(["fix", "--isolated", "--diff", NAME])


def flake8(instead: Sequence[str] | None = None) -> int:
    """flake8 with no plugin but ours, or one that has findings at these places and looks at
    nothing."""
    from benchmarks.hostile import through_flake8

    if instead is not None:
        places = (place.split(":") for place in instead)
        found = [(int(line), int(column) - 1, "AWT100 -", Plugin) for _, line, column in places]
        setattr(Plugin, "run", lambda _: iter(found))  # noqa: B010 - the types forbid it
    try:
        through_flake8(Path(NAME))
    except (RecursionError, MemoryError):  # what a plugin raises is another error
        print("flake8 itself cannot parse it")
    return 0


def cost(directory: str, run: Callable[[], int]) -> Cost:
    """What a function takes that is run in a directory, in a process of its own. It is ended after
    four times the seconds that it may take: flake8 itself may take twice these."""
    with tempfile.TemporaryFile() as said:
        sys.stdout.flush()
        sys.stderr.flush()
        child = os.fork()
        if not child:
            _become(directory, run, said.fileno())
        _, status, usage = os.wait4(child, 0)
        said.seek(0)
        text = said.read().decode("utf-8", "replace")
    code = os.waitstatus_to_exitcode(status)
    seconds, megabytes = usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024
    crashed = code not in (0, 1, 2) or "Traceback" in text or "internal error" in text
    return Cost(seconds, megabytes, text, f"CRASH {code}: {text[-300:]}" if crashed else "")


def _become(directory: str, run: Callable[[], int], said: int) -> None:
    """Run something in place of all else that this process would do."""
    status = 99
    try:
        os.chdir(directory)
        os.dup2(said, 1)
        os.dup2(said, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (4 * SECONDS,) * 2)
        status = run()
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 99
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    sys.exit(main())
