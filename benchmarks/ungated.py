"""Compare a check with one that takes every call for a possible wait site.

    python -m benchmarks.ungated DIR ... [--every N]

What may be a site is found in steps, each cheaper than the next (docs/how-it-decides.md), and none
may miss one. So in each Python file below DIR, every function that holds a call is parsed and
lowered, and must have the findings of a usual check. Prints the files where it has others, and
exits 1 if there is one. `--every N` looks at every Nth file only.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from unittest.mock import patch

from benchmarks.speed.prepare import python_files
from flake8_asyncwait.check import check
from flake8_asyncwait.commands.examine import open_source
from flake8_asyncwait.options import ALL_CODES, Options
from flake8_asyncwait.sites.gate import Candidates
from flake8_asyncwait.source.text import SourceError, decode
from flake8_asyncwait.verdict.checked import Checked

OPTIONS = Options(codes=ALL_CODES)

Place = tuple[int, int, str]  # line, column, code


def gated(text: str, options: Options) -> set[Place]:
    """What the check finds."""
    return _places(check(text, options))


def ungated(text: str, options: Options) -> set[Place]:
    """What the check finds where every call may be a site."""
    lines = range(1, text.count("\n") + 2)
    everything = Candidates(lines, frozenset(re.findall(r"\w+", text)))
    with (
        patch("flake8_asyncwait.check.candidates", return_value=everything),
        patch("flake8_asyncwait.analysis.code.load.candidates", return_value=everything),
    ):
        return _places(check(text, options))


def _places(checked: Checked) -> set[Place]:
    """Where the findings are. Their messages name the lines of calls only of possible sites, and of
    statements otherwise: so these differ."""
    return {(each.line, each.column, each.code) for each in checked.findings}


def compare(path: Path) -> tuple[set[Place], set[Place]]:
    """What both checks find in a file: the usual one first.

    Raises `SourceError` and `SyntaxError` for what is not Python.
    """
    data = path.read_bytes()
    source = open_source(str(path), data, OPTIONS)
    usual = gated(source.text, OPTIONS) if source is not None else set()
    return usual, ungated(decode(str(path), data).text, OPTIONS)


def main() -> int:
    """Compare and print. Returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.ungated", description="Check with the gate and without."
    )
    parser.add_argument("directories", nargs="+", type=Path, metavar="DIR")
    parser.add_argument("--every", type=int, default=1, metavar="N", help="only every Nth file")
    arguments = parser.parse_args()
    paths = [tree / name for tree in arguments.directories for name in python_files(tree)]
    files = findings = differ = 0
    for path in paths[:: arguments.every]:
        try:
            usual, all_found = compare(path)
        except (SourceError, SyntaxError):
            continue
        files += 1
        findings += len(usual)
        if usual != all_found:
            differ += 1
            print(f"{path}: {sorted(usual ^ all_found)}", flush=True)
    print(f"{files:,} files, {findings} findings, {differ} files differ")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
