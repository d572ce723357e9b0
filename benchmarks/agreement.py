"""Compare the two doors: `flake8 --select AWT` and `asyncwait check` must report the same lines.

    python -m benchmarks.agreement [--corpus DIR] [--sample N] [PYTHON ...]

Looks at the labelled corpus and at the standard library of each PYTHON (a path to an interpreter).
flake8 runs its other checks too and is slow, so it is given only the files that hold both words
`asyncio` and `wait`, those that are no Python or no UTF-8, and N of the rest, evenly spaced; the
output says how many of each. The two must report the same lines, and `asyncwait check` may complain
only of files that flake8 cannot parse (E999, E902) either. Exits 1 on any difference, 2 when a tool
could not do its work.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import subprocess
import sys
import tokenize
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

BATCH = 400
FLAKE8 = ("flake8", "--isolated", "-j2", "--select=AWT,E902,E999")
ASYNCWAIT = ("flake8_asyncwait", "check", "--output-format", "text", "--select", "AWT")
LINE = re.compile(r"(?P<path>.+?):(?P<line>\d+):(?P<column>\d+): (?P<code>[A-Z]+\d+) (?P<text>.*)")
WAIT = re.compile(rb"\bwait\b")
NOT_PYTHON = frozenset({"E902", "E999"})


class ToolError(Exception):
    """A tool ended with a status that is neither clean nor findings."""


@dataclass(frozen=True, slots=True, order=True)
class Reported:
    """One line of a report."""

    path: str
    line: int
    column: int
    code: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.code} {self.text}"


@dataclass(frozen=True, slots=True)
class Choice:
    """The files of a tree that are looked at, by the reason why."""

    likely: list[Path]
    odd: list[Path]
    plain: list[Path]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What the two doors said of some files.

    `agreed` counts the findings that both report. `complaints` are the lines that `asyncwait check`
    wrote to its standard error about files that flake8 parses.
    """

    agreed: int
    only_flake8: tuple[Reported, ...]
    only_asyncwait: tuple[Reported, ...]
    unparsed: frozenset[str]
    complaints: tuple[str, ...]

    @property
    def differs(self) -> bool:
        """Whether there is anything that the two doors do not say alike."""
        return bool(self.only_flake8 or self.only_asyncwait or self.complaints)


def main() -> int:
    """Compare on every tree that was asked for. Returns the exit status."""
    arguments = _parse_arguments()
    trees = [arguments.corpus / "src"] if arguments.corpus else []
    differs = False
    try:
        _require_plugin()
        trees += [_standard_library(python) for python in arguments.python]
        for tree in trees:
            differs |= _compare_tree(tree, arguments.sample)
    except (OSError, ToolError) as error:
        print(error, file=sys.stderr)
        return 2
    return 1 if differs else 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.agreement",
        description="Compare the findings of flake8 with those of asyncwait check.",
    )
    parser.add_argument("--corpus", type=Path, metavar="DIR", help="the labelled corpus, fetched")
    parser.add_argument(
        "--sample", type=int, default=100, metavar="N", help="other files a tree (default 100)"
    )
    parser.add_argument("python", nargs="*", help="interpreters with a standard library to check")
    return parser.parse_args()


def _require_plugin() -> None:
    """Raise ToolError when flake8 does not know the plugin: it would report nothing at all."""
    command = [sys.executable, "-m", "flake8", "--version"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if "flake8-asyncwait" not in result.stdout:
        raise ToolError("flake8 does not know flake8-asyncwait: install this package first")


def _standard_library(python: str) -> Path:
    """The folder of an interpreter's standard library. Raises ToolError."""
    code = "import sysconfig; print(sysconfig.get_path('stdlib'))"
    result = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
    if result.returncode:
        raise ToolError(f"{python}: {result.stderr.strip()}")
    return Path(result.stdout.strip())


def _compare_tree(tree: Path, sample: int) -> bool:
    """Compare on one tree and print the outcome. Returns whether there are differences."""
    choice = choose(tree, sample)
    print(
        f"{tree}: {len(choice.likely)} files with asyncio and wait, {len(choice.odd)} others that"
        f" are no Python or no UTF-8, {len(choice.plain)} of the rest as a sample"
    )
    comparison = compare_files([*choice.likely, *choice.odd, *choice.plain])
    for title, members in (
        ("flake8 only", comparison.only_flake8),
        ("asyncwait only", comparison.only_asyncwait),
        ("asyncwait could not", comparison.complaints),
    ):
        for member in members:
            print(f"  {title}: {member}")
    print(f"  same findings: {comparison.agreed}, files not parsed: {len(comparison.unparsed)}")
    return comparison.differs


def choose(tree: Path, sample: int) -> Choice:
    """Choose among the files below `tree`; `sample` evenly spaced ones stand for the plain rest.

    Installed packages that lie inside a standard library are not part of it.
    """
    likely: list[Path] = []
    odd: list[Path] = []
    rest: list[Path] = []
    for path in sorted(tree.rglob("*.py")):
        if "site-packages" in path.relative_to(tree).parts or not path.is_file():
            continue
        data = path.read_bytes()
        if b"asyncio" in data and WAIT.search(data):
            likely.append(path)
        else:
            (odd if is_odd(data) else rest).append(path)
    step = max(1, len(rest) // max(1, sample))
    return Choice(likely, odd, rest[::step][:sample])


def is_odd(data: bytes) -> bool:
    """Whether a file is no Python, or encoded in anything but plain UTF-8."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(data)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return True
    return encoding != "utf-8"


def compare_files(files: Iterable[Path]) -> Comparison:
    """Run both tools over `files`, in batches, and compare what they report."""
    flake8: set[Reported] = set()
    asyncwait: set[Reported] = set()
    complaints: list[str] = []
    for batch in _batches(files):
        flake8 |= parse_report(_run(FLAKE8, batch).stdout)
        result = _run(ASYNCWAIT, batch)
        asyncwait |= parse_report(result.stdout)
        complaints += result.stderr.splitlines()
    return compare(flake8, asyncwait, complaints)


def compare(
    flake8: set[Reported], asyncwait: set[Reported], complaints: Iterable[str]
) -> Comparison:
    """Compare two reports. A complaint about a file that flake8 cannot parse either is expected."""
    unparsed = frozenset(one.path for one in flake8 if one.code in NOT_PYTHON)
    findings = {one for one in flake8 if one.code not in NOT_PYTHON}
    return Comparison(
        agreed=len(findings & asyncwait),
        only_flake8=tuple(sorted(findings - asyncwait)),
        only_asyncwait=tuple(sorted(asyncwait - findings)),
        unparsed=unparsed,
        complaints=tuple(line for line in complaints if not any(path in line for path in unparsed)),
    )


def parse_report(text: str) -> set[Reported]:
    """The findings in a report of one line each; other lines are left out."""
    matches = filter(None, map(LINE.fullmatch, text.splitlines()))
    return {
        Reported(
            match["path"], int(match["line"]), int(match["column"]), match["code"], match["text"]
        )
        for match in matches
    }


def _batches(files: Iterable[Path]) -> Iterator[list[str]]:
    names = map(str, files)
    while batch := list(islice(names, BATCH)):
        yield batch


def _run(tool: tuple[str, ...], files: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a tool on files with the running Python. Raises ToolError when it did not get through.

    Status 2 of `asyncwait check` with something to say is a file it could not read: that is to be
    compared, not the end.
    """
    result = subprocess.run(
        [sys.executable, "-m", *tool, *files], capture_output=True, text=True, check=False
    )
    usual = (0, 1, 2) if tool is ASYNCWAIT and "usage:" not in result.stderr else (0, 1)
    if result.returncode not in usual or "Traceback (most recent call last)" in result.stderr:
        raise ToolError(f"{' '.join(tool)}: status {result.returncode}\n{result.stderr[-2000:]}")
    return result


if __name__ == "__main__":
    sys.exit(main())
