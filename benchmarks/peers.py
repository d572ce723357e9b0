"""What other linters say of leaky waits: of the fixtures, and of the labelled corpus.

    python -m benchmarks.peers [DIR]

Runs flake8-async, ruff and pylint, and `asyncwait` itself, each with all of its rules on, over the
fixtures and over the labelled files below DIR/src. The tools that are installed beside the running
Python are taken. Prints, for each tool and rule, on how many lines with a leaky wait it has a
finding, and on how many lines with a wait that is in order: what is about the leak is on the former
and not on the latter. Which of the two a line is, a mark in the fixtures or a label says.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpus.__main__ import DOWNLOADS
from benchmarks.corpus.fetch import fetch
from benchmarks.corpus.labels import SILENT, load

FIXTURES = Path(__file__).parent.parent / "fixtures"
MARK = re.compile(r"#\s*(AWT\d{3}|ok)\b")
# A rule is told by its code; by its name where ruff previews its next ways.
REPORTED = re.compile(r"(?P<path>.+?):(?P<line>\d+):\d+: (?P<rule>[A-Z]+\d+|[a-z-]+)")
TOOLS = {
    "asyncwait": ("flake8_asyncwait", "check", "--isolated", "--extend-select=AWT201"),
    "flake8-async": ("flake8", "--isolated", "-j1", "--select=ASYNC", "--enable=ASYNC"),
    "ruff": (
        *("ruff", "check", "--isolated", "--no-cache", "--preview"),
        *("--select=ALL", "--output-format=concise"),
    ),
    "pylint": (
        *("pylint", "--rcfile=", "--enable=all", "--disable=import-error,duplicate-code"),
        "--msg-template={path}:{line}:{column}: {msg_id} {msg}",
    ),
}

Line = tuple[Path, int]
Reported = tuple[str, Line]


@dataclass(frozen=True, slots=True)
class Waits:
    """The lines with a wait: those that leak, and those that are in order."""

    leaky: frozenset[Line]
    fine: frozenset[Line]

    @property
    def files(self) -> list[str]:
        """The files that hold them."""
        return sorted({str(path) for path, _ in self.leaky | self.fine})


def marked(fixtures: Path) -> Waits:
    """The waits of the fixtures. A line with several is leaky if one of them is."""
    found: dict[bool, set[Line]] = {True: set(), False: set()}
    for path in sorted(fixtures.glob("*.py")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if mark := MARK.search(line):
                found["AWT" in line[mark.start() :].partition(":")[0]].add((path, number))
    return Waits(frozenset(found[True]), frozenset(found[False]))


def labelled(source: Path) -> Waits:
    """The waits of the labelled corpus."""
    found: dict[bool, set[Line]] = {True: set(), False: set()}
    for label in load():
        found[label.code != SILENT].add((source / label.place, label.line))
    return Waits(frozenset(found[True]), frozenset(found[False]))


def count(waits: Waits, reported: set[Reported]) -> dict[str, tuple[int, int]]:
    """For each rule the lines with a leaky wait, and with another one, that it reports."""
    leaky = Counter(rule for rule, line in reported if line in waits.leaky)
    fine = Counter(rule for rule, line in reported if line in waits.fine)
    return {rule: (leaky[rule], fine[rule]) for rule in sorted(leaky | fine)}


def run(tool: str, files: list[str]) -> set[Reported]:
    """What a tool reports of files: each rule once a line."""
    command = [sys.executable, "-m", *TOOLS[tool], *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "No module named" in done.stderr:
        sys.exit(f"{tool}: {done.stderr.strip()}")
    found = filter(None, map(REPORTED.match, done.stdout.splitlines()))
    return {(one["rule"], (Path(one["path"]).resolve(), int(one["line"]))) for one in found}


def main() -> None:
    """Fetch, run, print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.peers")
    parser.add_argument("directory", nargs="?", type=Path, default=DOWNLOADS)
    directory = parser.parse_args().directory
    for failure in fetch(load(), directory):
        print(failure, file=sys.stderr)
    for title, waits in (
        ("fixtures", marked(FIXTURES.resolve())),
        ("corpus", labelled(directory.resolve() / "src")),
    ):
        print(f"{title}: {len(waits.leaky)} lines leak, {len(waits.fine)} do not")
        for tool in TOOLS:
            counts = count(waits, run(tool, waits.files))
            told = [f"{rule} {leaky}/{fine}" for rule, (leaky, fine) in counts.items()]
            print(f"  {tool}: {', '.join(told) or 'nothing'}", flush=True)


if __name__ == "__main__":
    main()
