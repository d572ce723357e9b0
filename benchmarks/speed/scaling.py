"""How the cost of a check grows: `python -m benchmarks.speed.scaling`

Prints, as JSON, for each kind of growth the sizes, the CPU seconds and the exponent of the cost in
the size. The exponent is that of the straight line through the upper half of the sizes, on double
logarithmic paper: below, the start of a check counts for more than its growth.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from io import StringIO
from math import log
from pathlib import Path
from statistics import linear_regression

from benchmarks.shapes import SHAPES, Shape
from flake8_asyncwait.check import check
from flake8_asyncwait.cli import main as asyncwait

ENOUGH = 30.0  # seconds that one size may take: no larger one is tried then
FILES = (1, 10, 100, 1_000)


@dataclass(frozen=True, slots=True)
class Growth:
    """What grows, its sizes, what a check of each costs in CPU seconds, and the exponent.

    `limit` is the largest exponent that is good enough, None where nobody has said.
    """

    what: str
    sizes: list[int]
    costs: list[float]
    exponent: float
    limit: float | None


def main() -> None:
    """Measure, and print."""
    check(SHAPES[0].text(10))  # imports what it needs
    growths = [files(), *map(statements, SHAPES)]
    json.dump([asdict(growth) for growth in growths], sys.stdout)


def files() -> Growth:
    """A tree of ever more files with a site."""

    def run(size: int) -> Callable[[], object]:
        directory = stack / str(size)
        directory.mkdir()
        for number in range(size):
            (directory / f"module_{number}.py").write_text(text)
        return lambda: asyncwait(["check", "--isolated", "--jobs=1", str(directory)])

    text = next(shape for shape in SHAPES if shape.name == "functions in a file").text(1)
    with tempfile.TemporaryDirectory() as name, redirect_stdout(StringIO()):
        stack = Path(name)
        return _growth("files with a site", FILES, run, 1.15)


def statements(shape: Shape) -> Growth:
    """A file that grows."""

    def run(size: int) -> Callable[[], object]:
        text = shape.text(size)
        return lambda: check(text)

    return _growth(shape.name, shape.sizes, run, shape.limit)


def _growth(
    what: str,
    sizes: tuple[int, ...],
    run: Callable[[int], Callable[[], object]],
    limit: float | None,
) -> Growth:
    costs: list[float] = []
    for size in sizes:
        costs.append(_cost(run(size)))
        if costs[-1] > ENOUGH:
            break
    done = sizes[: len(costs)]
    upper = len(done) // 2 if len(done) > 2 else 0
    line = linear_regression(
        [log(size) for size in done[upper:]], [log(cost) for cost in costs[upper:]]
    )
    return Growth(what, list(done), costs, line.slope, limit)


def _cost(run: Callable[[], object]) -> float:
    """CPU seconds: the least of three runs, of one where that takes seconds."""
    costs: list[float] = []
    while len(costs) < 3 and sum(costs) < 5:
        started = time.process_time()
        run()
        costs.append(time.process_time() - started)
    return min(costs)


if __name__ == "__main__":
    main()
