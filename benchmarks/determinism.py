"""The same files must give the same bytes of output, however a run came to them.

    python -m benchmarks.determinism DIR [PYTHON ...]

Runs `asyncwait check`, with the codes that are on by default and AWT2, and with what a fix of each
finding would change, on the Python files below DIR: again with each PYTHON (a path to an
interpreter that can import what this package needs), with the folders of DIR in another order, and
with another hash seed and in three processes. Prints which of these say anything else than the
first run. Exits 1 where one does, 2 where one did not get through.

A file in a syntax that is newer than a PYTHON is not fixed by that: its findings are the same, and
their fix is another.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from dataclasses import dataclass
from difflib import unified_diff
from itertools import islice
from pathlib import Path

ROOT = Path(__file__).parent.parent
CHECK = (
    *("-m", "flake8_asyncwait", "check", "--isolated", "--no-respect-gitignore"),
    *("--extend-select=AWT2", "--output-format=jsonl", "--statistics"),
)
SHOWN = 20  # lines of a difference


class RunError(Exception):
    """A run ended as no check should."""


@dataclass(frozen=True, slots=True)
class Way:
    """One way to check some files. `backwards` is the order of the folders that they are in."""

    name: str
    python: str = sys.executable
    seed: int = 0
    jobs: int = 1
    backwards: bool = False

    def told(self, directory: Path) -> list[str]:
        """The lines of both outputs, in one order if the files were in another. Raises
        `RunError`."""
        folders = sorted(os.listdir(directory), reverse=self.backwards)
        ran = subprocess.run(
            [self.python, *CHECK, f"--jobs={self.jobs}", *folders],
            cwd=directory,
            capture_output=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONHASHSEED": str(self.seed), "PYTHONPATH": str(ROOT)},
            check=False,
        )
        if ran.returncode not in (0, 1, 2) or "Traceback (most recent call last)" in ran.stderr:
            raise RunError(f"{self.name}: status {ran.returncode}\n{ran.stderr[-2000:]}")
        lines = ran.stdout.splitlines(keepends=True)
        return sorted(lines) if self.backwards else [*lines, *ran.stderr.splitlines(keepends=True)]


def main() -> int:
    """Run all ways, and print. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.determinism",
        description="Whether the same files give the same output, however a run came to them.",
    )
    parser.add_argument("directory", type=Path, help="folders with Python files")
    parser.add_argument("python", nargs="*", help="other interpreters")
    arguments = parser.parse_args()
    ways = [
        *(Way(python, python) for python in arguments.python),
        Way("the folders backwards", backwards=True),
        Way("another hash seed, three processes", seed=4242, jobs=3),
    ]
    try:
        usual = Way("the first run").told(arguments.directory)
        print(f"the first run: {len(usual)} lines", flush=True)
        differ = [way for way in ways if _differs(way, usual, arguments.directory)]
    except RunError as error:
        print(error, file=sys.stderr)
        return 2
    return 1 if differ else 0


def _differs(way: Way, usual: list[str], directory: Path) -> bool:
    """Run a way, and print whether it says anything else than is usual."""
    told = way.told(directory)
    expected = sorted(line for line in usual if line[0] == "{") if way.backwards else usual
    print(f"{way.name}: {'the same' if told == expected else 'ANOTHER OUTPUT'}", flush=True)
    for line in islice(unified_diff(expected, told, n=0), SHOWN):
        print(f"    {line.rstrip()[:200]}", flush=True)
    return told != expected


if __name__ == "__main__":
    sys.exit(main())
