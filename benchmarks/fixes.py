"""Fix the labelled corpus, in memory, and count what becomes of its findings.

    python -m benchmarks.fixes [DIR] [--package NAME] [--diff]

DIR is where `python -m benchmarks.corpus` has put the packages. Prints how many findings got which
outcome, why the others are left, and what the fixes cost in lines. Exits 1 where a fixed file has a
finding that it should not have, changes again in a second run or crashes the fix, else 0.
"""

from __future__ import annotations

import argparse
import difflib
import shutil
import statistics
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from benchmarks.corpus.__main__ import DOWNLOADS
from benchmarks.corpus.labels import load
from benchmarks.corpus.run import parses_here
from flake8_asyncwait.check import check
from flake8_asyncwait.fix.cure import OUTCOMES, Cure
from flake8_asyncwait.fix.file import fix_file
from flake8_asyncwait.options import Options
from flake8_asyncwait.source.text import decode

RUFF = shutil.which("ruff")
_READ_FROM = 20  # a change of more lines than this is worth to be read


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one file. `taken` and `put` count lines, `changed` those of the longer side of
    each place that differs, `reworded` such lines but for those that were only indented anew;
    `problem` is what went wrong.

    `formatted` says whether a formatter would leave the file alone, before and after; None where
    there is none to ask, or it would not have left the file alone before.
    """

    path: Path
    cures: tuple[Cure, ...] = ()
    taken: int = 0
    put: int = 0
    changed: int = 0
    reworded: int = 0
    formatted: bool | None = None
    diff: str = ""
    problem: str = ""
    seconds: float = 0.0

    @property
    def cured(self) -> int:
        """How many findings the file has no more."""
        return sum(not cure.is_left for cure in self.cures)


def main() -> int:
    """Fix and print. Returns the exit status."""
    arguments = _parse_arguments()
    labels = [one for one in load() if arguments.package in (None, one.package)]
    source = arguments.directory / "src"
    paths = dict.fromkeys(source / one.place for one in labels if parses_here(one))
    with ProcessPoolExecutor() as pool:
        results = list(pool.map(fixed, [path for path in paths if path.is_file()]))
    fixes = [one for one in results if one.cures or one.problem]
    for one in fixes:
        for cure in one.cures:
            if cure.is_left:
                print(cure.told(str(one.path.relative_to(source)), would=True))
        if arguments.diff:
            print(one.diff)
    _print_totals(fixes)
    problems = [one for one in fixes if one.problem]
    for one in problems:
        print(f"\n{one.path}: {one.problem}")
    return 1 if problems else 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.fixes", description="Fix the labelled packages, in memory."
    )
    parser.add_argument(
        "directory", nargs="?", type=Path, default=DOWNLOADS, help="where the packages are"
    )
    parser.add_argument("--package", help="look at this package only")
    parser.add_argument("--diff", action="store_true", help="print the changes")
    return parser.parse_args()


def fixed(path: Path) -> Result:
    """Fix one file, and look at what came of it."""
    data = path.read_bytes()
    started = time.perf_counter()
    try:
        done = fix_file(str(path), decode(str(path), data), data, Options())
        seconds = time.perf_counter() - started
        if not done.is_changed:
            return Result(path, done.cures, seconds=seconds)
        problem = _problem(path, done.after, done.cures)
    except Exception:  # a crash of any kind is a result of this benchmark
        return Result(path, problem=traceback.format_exc())
    old, new = data.splitlines(), done.after.splitlines()
    changed = _changed(old, new)
    return Result(
        path,
        done.cures,
        taken=sum(end - start for start, end, _, _ in changed),
        put=sum(until - since for _, _, since, until in changed),
        changed=_longer(changed),
        reworded=_longer(_changed([line.strip() for line in old], [line.strip() for line in new])),
        formatted=_is_formatted(path, done.after) if _is_formatted(path, data) else None,
        diff=done.diff(str(path), set()).decode("utf-8", "replace"),
        problem=problem,
        seconds=seconds,
    )


# Where the lines of a place that differs begin and end, before and after.
Place = tuple[int, int, int, int]


def _changed(old: list[bytes], new: list[bytes]) -> list[Place]:
    """The places at which some lines differ from others."""
    codes = difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes()
    return [place for kind, *place in codes if kind != "equal"]  # type: ignore[misc]


def _longer(places: list[Place]) -> int:
    return sum(max(end - start, until - since) for start, end, since, until in places)


def _problem(path: Path, after: bytes, cures: Iterable[Cure]) -> str:
    """What is wrong with a fixed file, "" where nothing."""
    source = decode(str(path), after)
    left = Counter(cure.code for cure in cures if cure.is_left)
    found = Counter(each.code for each in check(source.text).findings)
    if found != left:
        return f"has {dict(found)}, and {dict(left)} was left"
    if fix_file(str(path), source, after, Options()).is_changed:
        return "a second run changes it again"
    return ""


def _is_formatted(path: Path, data: bytes) -> bool:
    """Whether ruff, with the usual settings of black, would leave a file as it is."""
    if RUFF is None:
        return False
    command = [RUFF, "format", "--isolated", "--check", "--stdin-filename", str(path), "-"]
    for width in ("88", "100", "120"):
        ran = subprocess.run(
            [*command, "--line-length", width], input=data, capture_output=True, check=False
        )
        if ran.returncode == 0:
            return True
    return False


def _print_totals(results: list[Result]) -> None:
    outcomes = Counter(cure.outcome for one in results for cure in one.cures)
    total = sum(outcomes.values())
    cured = total - sum(cure.is_left for one in results for cure in one.cures)
    counts = ", ".join(f"{outcomes[name]} {name}" for name in OUTCOMES)
    changed = [one for one in results if one.put]
    print(f"\n{total} findings in {len(results)} files: {counts}")
    print(f"cured: {cured / total:.1%}" if total else "nothing found")
    taken, put = sum(one.taken for one in changed), sum(one.put for one in changed)
    print(f"{len(changed)} files changed: {taken} lines gone, {put} put")
    if changed:
        lines = [one.changed for one in changed]
        median = statistics.median(lines)
        print(f"lines changed in a file: {median:g} in the median, {max(lines)} at most")
        reworded = statistics.median(one.reworded for one in changed)
        print(f"but for those that were only indented anew: {reworded:g} in the median")
        each = statistics.median(one.changed / one.cured for one in changed)
        print(f"lines changed for a finding: {each:g} in the median")
    for one in changed:
        if one.changed > _READ_FROM:
            print(f"  {one.changed} lines: {one.path}")
    asked = [one for one in changed if one.formatted is not None]
    kept = sum(bool(one.formatted) for one in asked)
    print(f"formatted before: {len(asked)}, and still: {kept}")
    slowest = max(results, key=lambda one: one.seconds, default=None)
    if slowest is not None:
        spent = sum(one.seconds for one in results)
        print(f"time: {spent:.1f} s, the slowest file {slowest.seconds:.1f} s: {slowest.path}")
    for one in asked:
        if not one.formatted:
            print(f"  not formatted any more: {one.path}")


if __name__ == "__main__":
    sys.exit(main())
