"""Compare a check that looks into other modules of the project with one that does not.

    python -m benchmarks.project DIR ... [--rounds N] [--differences]

Checks each Python file below DIR, both ways by turns in processes of their own, and prints for each
way the findings, the sites that are not decided, the modules that were read beside the files
themselves, and the seconds of the processor's time: the median of N rounds (default: 3).
`--differences` prints what only one of them finds.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.speed.prepare import python_files
from flake8_asyncwait.check import check_source
from flake8_asyncwait.commands.examine import open_source
from flake8_asyncwait.options import Options
from flake8_asyncwait.sites import modules
from flake8_asyncwait.source.text import SourceError, read


class Result(NamedTuple):
    """What one way comes to: `findings` and `undetermined` as lines, `seconds` of CPU."""

    findings: list[str]
    undetermined: list[str]
    modules: int
    seconds: float


def look(trees: list[str], project: bool) -> Result:
    """Check all files in this process."""
    options = Options(project=project)
    findings, undetermined = [], []
    paths = [str(Path(tree, name)) for tree in trees for name in python_files(Path(tree))]
    started = time.process_time()
    for path in paths:
        try:
            source = open_source(path, read(path), options)
            checked = check_source(source, options) if source is not None else None
        except SourceError:
            continue
        if checked is not None:
            findings += [f"{path}:{each.line}: {each.code}" for each in checked.findings]
            undetermined += [f"{path}:{each.line}: {each.reason}" for each in checked.undetermined]
    seconds = time.process_time() - started
    return Result(findings, undetermined, len(modules._known), seconds)


def apart(trees: list[str], project: bool) -> Result:
    """The same in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.project", *trees, "--only", str(project)]
    return Result(*json.loads(subprocess.check_output(command)))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("trees", nargs="+", metavar="DIR")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--differences", action="store_true")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.only is not None:
        print(json.dumps(look(args.trees, args.only == "True")))
        return
    rounds = [(apart(args.trees, False), apart(args.trees, True)) for _ in range(args.rounds)]
    ways = list(zip(*rounds, strict=True))
    for name, results in zip(("the file alone", "the project"), ways, strict=True):
        one, seconds = results[0], statistics.median(each.seconds for each in results)
        print(
            f"{name:<15}{len(one.findings):>6} findings{len(one.undetermined):>5} not decided"
            f"{one.modules:>6} modules{seconds:>8.2f} s"
        )
    if args.differences:
        alone, whole = (set(each[0].findings + each[0].undetermined) for each in ways)
        print(*(f"- {line}" for line in sorted(alone - whole)), sep="\n")
        print(*(f"+ {line}" for line in sorted(whole - alone)), sep="\n")


if __name__ == "__main__":
    main()
