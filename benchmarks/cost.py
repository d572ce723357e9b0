"""What the analysis costs: work and seconds against size, and the slowest functions of a tree.

    python -m benchmarks.cost [--shape TEXT] [--functions DIR]

Checks the programs of `benchmarks.shapes` in this process and prints, for each size, the work (the
units of `analysis.machine.books.MAX_WORK`, all tries of a function together), the CPU
seconds and how many sites are undetermined; then the exponent of the seconds in the size, between
the two largest sizes that are measurable and were not cut short. With `--functions` it checks every
Python file below DIR instead and prints the ten slowest functions: their work, their seconds, and
which parts of the analysis those were spent in. Exits 1 when an exponent is above its limit.
"""

from __future__ import annotations

import argparse
import cProfile
import math
import pstats
import sys
import time
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.shapes import SHAPES, Shape
from flake8_asyncwait.analysis.code.load import File
from flake8_asyncwait.analysis.interpret import Analysed
from flake8_asyncwait.analysis.machine.books import Books, books_for
from flake8_asyncwait.check import check
from flake8_asyncwait.options import Options
from flake8_asyncwait.rules.decide import examine
from flake8_asyncwait.sites.find import call_lines
from flake8_asyncwait.sites.gate import candidates
from flake8_asyncwait.sites.syntax import parse

# Below this, seconds are mostly chance; what takes less than `SHORT` is measured several times.
MEASURABLE = 0.005
SHORT = 0.2
SLOWEST = 10


@dataclass(frozen=True, slots=True)
class Cost:
    """What one program cost. `undetermined` counts its sites of which nothing is claimed."""

    size: int
    work: int
    seconds: float
    undetermined: int


@dataclass(frozen=True, slots=True)
class Slow:
    """One function of a file. `many` is how many tasks a collection of unknown size stood for in
    the last try, `cut` whether that was cut short, too."""

    seconds: float
    place: str
    name: str
    work: int
    many: int
    cut: bool


class Counter:
    """Makes the books of runs, and counts their work."""

    def __init__(self) -> None:
        self._books: list[Books] = []

    def make(self, many: int, limit: int) -> Books:
        """The books of one run."""
        self._books.append(books_for(many, limit))
        return self._books[-1]

    def take(self) -> int:
        """The work of all runs since this was last asked."""
        work = sum(books.work for books in self._books)
        self._books.clear()
        return work


def main() -> int:
    """Measure and print. Returns the exit status."""
    arguments = _parse_arguments()
    check(SHAPES[0].text(1))  # the imports are no part of what is measured
    if arguments.functions:
        _print_functions(arguments.functions)
        return 0
    missed = [shape for shape in SHAPES if arguments.shape in shape.name and _is_missed(shape)]
    return 1 if missed else 0


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cost", description="Measure what the analysis costs."
    )
    parser.add_argument("--shape", default="", metavar="TEXT", help="only shapes named like this")
    parser.add_argument(
        "--functions", type=Path, metavar="DIR", help="the slowest functions below DIR instead"
    )
    return parser.parse_args()


def _is_missed(shape: Shape) -> bool:
    """Measure a shape and print it; returns whether its exponent is above the limit."""
    costs = [measure(shape, size) for size in shape.sizes]
    power = exponent((cost.size, cost.seconds) for cost in costs if not cost.undetermined)
    missed = shape.limit is not None and power is not None and power > shape.limit
    limit = "" if shape.limit is None else f" of at most {shape.limit}"
    print(f"{shape.name}: exponent {_rounded(power)}{limit}{', MISSED' if missed else ''}")
    for cost in costs:
        print(
            f"  {cost.size:7,}: {cost.work:9,} units {cost.seconds:7.2f} s"
            + (f", {cost.undetermined} undetermined" if cost.undetermined else ""),
            flush=True,
        )
    return missed


def _rounded(power: float | None) -> str:
    return "-" if power is None else f"{power:.2f}"


def measure(shape: Shape, size: int) -> Cost:
    """Check one program: the seconds of a plain check (the least of three short ones), and the
    work of another one."""
    text = shape.text(size)
    seconds, undetermined = _timed(text)
    if seconds < SHORT:
        seconds = min(seconds, _timed(text)[0], _timed(text)[0])
    counter = Counter()
    for _ in _analysed(text, counter):
        pass
    return Cost(size, counter.take(), seconds, undetermined)


def _timed(text: str) -> tuple[float, int]:
    started = time.process_time()
    checked = check(text)
    return time.process_time() - started, len(checked.undetermined)


def _analysed(text: str, counter: Counter) -> Iterator[Analysed]:
    found = candidates(text)
    tree = parse(text)
    options = Options()
    if found.lines:
        yield from examine(
            File(text, tree, options), call_lines(tree, found), options, counter.make
        )


def exponent(points: Iterable[tuple[int, float]]) -> float | None:
    """The exponent of seconds in a size, from the two largest of ascending sizes whose seconds can
    be measured; None where fewer can."""
    measurable = [(size, seconds) for size, seconds in points if seconds >= MEASURABLE]
    if len(measurable) < 2:
        return None
    (small, few), (large, many) = measurable[-2:]
    return math.log(many / few) / math.log(large / small)


def _print_functions(directory: Path) -> None:
    slow: list[Slow] = []
    for path in sorted(directory.rglob("*.py")):
        slow = sorted([*slow, *_functions(path)], key=lambda one: -one.seconds)[:SLOWEST]
    for one in slow:
        cut = ", cut short" if one.cut else ""
        print(f"{one.seconds:6.2f} s  {one.place} {one.name}: {one.work:,} units")
        print(f"          the last with {one.many} tasks to a collection{cut}")
    for name in dict.fromkeys(one.place.rpartition(":")[0] for one in slow):
        _print_profile(Path(name))


def _functions(path: Path) -> Iterator[Slow]:
    """The functions of a file that hold a site, with what they cost; none of one that is no
    Python."""
    try:
        with tokenize.open(path) as file:
            text = file.read()
        if "wait" not in text:
            return
        started = time.process_time()
        counter = Counter()
        for analysed in _analysed(text, counter):
            seconds = time.process_time() - started
            func = analysed.func
            place = f"{path}:{func.line}"
            work = counter.take()
            yield Slow(seconds, place, func.name, work, analysed.many, analysed.is_incomplete)
            started = time.process_time()
    except (OSError, SyntaxError, ValueError, RecursionError):
        return


def _print_profile(path: Path) -> None:
    """Print which functions of ours the check of a file spends most of its own time in."""
    with tokenize.open(path) as file:
        text = file.read()
    profile = cProfile.Profile()
    profile.runcall(check, text)
    stats: dict[tuple[str, int, str], tuple[Any, ...]] = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    total = sum(entry[2] for entry in stats.values())
    dearest = sorted(stats.items(), key=lambda item: -item[1][2])[:5]
    shares = (f"{key[2]} {entry[2] / total:.0%}" for key, entry in dearest)
    print(f"{path.name}: {', '.join(shares)}")


if __name__ == "__main__":
    sys.exit(main())
