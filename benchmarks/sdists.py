"""Check the Python files of pinned packages, by each door, and see whether one breaks.

    python -m benchmarks.sdists [DIR] [--package NAME] [--waiting] [--traceback]
    python -m benchmarks.sdists --folder FOLDER [FOLDER ...] [--waiting] [--traceback]

Downloads to DIR the wheels of the labelled corpus, which use asyncio, and to DIR/sdists the popular
source distributions of `sdists.sha256` (what is there already is used as it is), and unpacks their
Python files: tests too, and test data that is no Python at all. For each package it runs
`asyncwait check` on all of them, and then, file by file and in this process, the check and the fix,
the proof of each finding (in a process of its own, as always), and flake8 with no plugin but ours.
With `--waiting`, of these files only those that hold the words asyncio and wait. Prints how many
files and bytes there were, the crashes, the lines of error that a user would read, and the slowest
file of each package. Exits 1 where a package could not be had or something crashed, else 0.

An internal error that the linter has caught itself is a crash, once for each door that tells it.
With `--traceback` it is raised where that can be.

With `--folder` it does the same to the files of other folders, of the standard library of any
Python, say.
"""

from __future__ import annotations

import argparse
import io
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import redirect_stderr
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from benchmarks.corpus.__main__ import DOWNLOADS
from benchmarks.corpus.fetch import Archive, FetchError, archives, bring
from benchmarks.corpus.labels import load, load_family
from benchmarks.hostile import let_errors_through, through_flake8, tried
from flake8_asyncwait.options import Options
from flake8_asyncwait.source.text import SourceError, read
from flake8_asyncwait.undetermined import INTERNAL_ERROR

ROOT = Path(__file__).parent.parent
# As `sha256sum` writes them, and can check them.
PINS = Path(__file__).with_suffix(".sha256")
SUFFIX = ".tar.gz"
SDISTS = "sdists"  # apart from the wheels of the labelled corpus: some are of the same version


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one package. `errors` are lines that a user would read, of `asyncwait check`
    on the whole package, `crashes` tracebacks and internal errors. `seconds` is how long all of it
    took."""

    files: int
    size: int
    findings: int
    seconds: float
    errors: tuple[str, ...]
    crashes: tuple[str, ...]
    slowest: tuple[float, str]

    def __str__(self) -> str:
        return (
            f"{self.files:6} files {self.size / 1e6:7.1f} MB {len(self.crashes):3} crashes "
            f"{len(self.errors):3} errors {self.findings:4} findings {self.seconds:7.1f} s, "
            f"slowest {self.slowest[0]:6.2f} s"
        )


def main() -> int:
    """Fetch, check, print. Returns the exit status."""
    arguments = _parse_arguments()
    if arguments.traceback:
        let_errors_through()
    warnings.simplefilter("ignore")
    waiting = arguments.waiting
    results = [_printed(str(folder), checked(folder, waiting)) for folder in arguments.folder]
    failures = 0
    downloads = arguments.directory.resolve()
    for archive, target in chain(wheels(downloads), pinned(downloads / SDISTS)):
        if arguments.folder or arguments.package not in (None, archive.package):
            continue
        try:
            result = checked(bring(archive, target), waiting)
        except FetchError as error:
            print(f"{archive.name}: {error}", file=sys.stderr, flush=True)
            failures += 1
            continue
        results.append(_printed(archive.folder, result))
    print(f"{len(results)} folders: {_total(results)}")
    return 1 if failures or any(one.crashes for one in results) else 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.sdists", description="Check pinned packages by each door."
    )
    parser.add_argument(
        "directory", nargs="?", type=Path, default=DOWNLOADS, help="where they are or go"
    )
    parser.add_argument("--package", help="look at this package only")
    parser.add_argument(
        "--folder", nargs="+", default=[], type=Path, help="look at these in place of packages"
    )
    parser.add_argument(
        "--waiting", action="store_true", help="only files that hold the words asyncio and wait"
    )
    parser.add_argument("--traceback", action="store_true", help="of internal errors")
    return parser.parse_args()


def _printed(name: str, result: Result) -> Result:
    """The same result, once it is told."""
    print(f"{name:32} {result}  {result.slowest[1]}", flush=True)
    for line in (*result.crashes, *result.errors):
        print(f"    {line}", flush=True)
    return result


def wheels(target: Path) -> Iterator[tuple[Archive, Path]]:
    """The wheels of the labelled corpus, each with where it goes, in the order of their names."""
    for archive in sorted(archives([*load(), *load_family()])):
        yield archive, target


def pinned(target: Path) -> Iterator[tuple[Archive, Path]]:
    """The source distributions, each with where it goes, in the order of their names."""
    for line in PINS.read_text(encoding="utf-8").splitlines():
        digest, name = line.split()
        package, _, version = name.removesuffix(SUFFIX).rpartition("-")
        yield Archive(package, version, name, digest), target


def checked(folder: Path, waiting: bool = False) -> Result:
    """Check all Python files below a folder, or only those that may be `waiting`."""
    started = time.perf_counter()
    errors, crashes = _command(folder)
    size = findings = files = 0
    slowest = 0.0, ""
    for path in sorted(folder.rglob("*.py")):
        name = str(path.relative_to(folder))
        try:
            data = read(str(path))
        except SourceError as error:
            errors.append(str(error))
            continue
        if waiting and not (b"asyncio" in data and b"wait" in data):
            continue
        files += 1
        one = tried(name, data, Options(), proves=True)
        size += len(data)
        findings += one.findings
        slowest = max(slowest, (one.seconds, name))
        crashes += [f"{name}: {crash}" for crash in (one.crash, _flake8(path)) if crash]
    seconds = time.perf_counter() - started
    return Result(files, size, findings, seconds, tuple(errors), tuple(crashes), slowest)


def _command(folder: Path) -> tuple[list[str], list[str]]:
    """What `asyncwait check` says on its standard error of a folder: the errors, and, if it has
    crashed, all of it. Internal errors are crashes."""
    command = [sys.executable, "-m", "flake8_asyncwait", "check", "--isolated", "--jobs=1"]
    everything = ["--no-respect-gitignore", "--exclude=", str(folder.resolve())]
    # Python would take modules from the working directory: not from a library that is checked.
    ran = subprocess.run(
        [*command, *everything], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if ran.returncode not in (0, 1, 2) or "Traceback (most recent call last)" in ran.stderr:
        return [], [f"asyncwait check: status {ran.returncode}\n{ran.stderr}"]
    lines = ran.stderr.splitlines()
    internal = [line for line in lines if INTERNAL_ERROR in line]
    return [line for line in lines if line not in internal], internal


def _flake8(path: Path) -> str:
    """The traceback of flake8 with our plugin on a file, or what that says on stderr; "" where all
    is well."""
    told = io.StringIO()
    try:
        with redirect_stderr(told):
            through_flake8(path)
    except Exception:  # of any kind: that is what is looked for
        return traceback.format_exc()
    return told.getvalue()


def _total(results: list[Result]) -> Result:
    return Result(
        sum(one.files for one in results),
        sum(one.size for one in results),
        sum(one.findings for one in results),
        sum(one.seconds for one in results),
        tuple(error for one in results for error in one.errors),
        tuple(crash for one in results for crash in one.crashes),
        max((one.slowest for one in results), default=(0.0, "")),
    )


if __name__ == "__main__":
    sys.exit(main())
