"""How the cost of `asyncwait check` grows: `python -m benchmarks.speed.scaling`

Runs the command in this process, on the programs of `benchmarks.shapes` that have a limit and on
trees of ever more files. Prints, as JSON, for each kind of growth the sizes, the CPU seconds, and
the exponent of the cost in the size (`benchmarks.cost.exponent`).
"""

from __future__ import annotations

import gc
import json
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import asdict, dataclass
from io import StringIO
from pathlib import Path

from benchmarks.cost import SHORT, exponent
from benchmarks.shapes import SHAPES, Shape
from flake8_asyncwait.cli import main as asyncwait

# A rule that fires in none of them: so it is the checks that are compared, not the advice on how to
# cure a finding, which takes longer and is bounded by itself.
CHECK = ("check", "--isolated", "--no-cache", "--jobs=1", "--statistics", "--select=AWT203")
ENOUGH = 10.0  # seconds that one size may take: no larger one is tried then
FILES = (1, 10, 100, 1_000)
LIMIT = 1.15  # of the exponent, in files


@dataclass(frozen=True, slots=True)
class Growth:
    """What grows, its sizes, what a check of each costs in CPU seconds, and the exponent, which is
    None where fewer than two of them can be compared. The `cut` largest sizes were not checked to
    the end: the analysis bounds its work. `limit` is the largest exponent that is good enough."""

    what: str
    sizes: list[int]
    costs: list[float]
    cut: int
    exponent: float | None
    limit: float

    @property
    def holds(self) -> bool:
        """Whether the limit is kept."""
        return self.exponent is not None and self.exponent <= self.limit


def main() -> None:
    """Measure, and print."""
    growths = []
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        _checked(_write(directory / "imports", SHAPES[0].text(10)))  # are made once
        for measure in (_files, *(_shape(shape) for shape in SHAPES)):
            growth = measure(directory)
            if growth is not None:
                print(growth, file=sys.stderr)
                growths.append(asdict(growth))
    json.dump(growths, sys.stdout)


def _files(directory: Path) -> Growth:
    """A tree of ever more files with a site."""
    text = next(shape for shape in SHAPES if shape.name == "functions in a file").text(1)

    def write(size: int) -> Path:
        return _write(directory / f"tree_{size}", *[text] * size)

    return _growth("files with a site", FILES, write, LIMIT)


def _shape(shape: Shape) -> Callable[[Path], Growth | None]:
    """A file that grows; None where nobody has said how fast it may."""

    def measure(directory: Path) -> Growth | None:
        if shape.limit is None:
            return None
        return _growth(
            shape.name,
            shape.sizes,
            lambda size: _write(directory / f"{shape.name} {size}", shape.text(size)),
            shape.limit,
        )

    return measure


def _write(directory: Path, *texts: str) -> Path:
    """Make a tree of files."""
    directory.mkdir()
    for number, text in enumerate(texts):
        (directory / f"module_{number}.py").write_text(text)
    return directory


def _growth(
    what: str, sizes: tuple[int, ...], write: Callable[[int], Path], limit: float
) -> Growth:
    costs: list[float] = []
    cut = 0
    for size in sizes:
        cost, is_cut = _cost(write(size))
        costs.append(cost)
        cut += is_cut
        if cost > ENOUGH:
            break
    done = list(sizes[: len(costs)])
    whole = list(zip(done, costs, strict=True))[: len(done) - cut]
    return Growth(what, done, costs, cut, exponent(whole), limit)


def _cost(tree: Path) -> tuple[float, bool]:
    """CPU seconds of a check, the least of three short ones, and whether it left a site open."""
    seconds, is_cut = _checked(tree)
    if seconds < SHORT:
        seconds = min(seconds, _checked(tree)[0], _checked(tree)[0])
    return seconds, is_cut


def _checked(tree: Path) -> tuple[float, bool]:
    gc.collect()
    gc.freeze()  # what others have left is not this one's cost, nor is it to look through that
    with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()):
        started = time.process_time()
        asyncwait([*CHECK, str(tree)])
        return time.process_time() - started, "not decided: " in out.getvalue()


if __name__ == "__main__":
    main()
