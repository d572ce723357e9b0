"""Holds something against the judge on generated programs, in several processes."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path

from .generate import drawn
from .mutants import FIXTURES, drawn_mutants

BATCH = 250
MUTANTS = 50  # in a batch: of each kind of problem it shows one


@dataclass(slots=True)
class Totals:
    """What a run, or a batch of it, has seen so far.

    `counts` are of whatever is worth counting. `problems` maps the smallest programs that show a
    problem to its kind and the whole story.
    """

    programs: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    problems: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, other: Totals) -> list[str]:
        """Take in what a batch has seen; return the stories that are new."""
        self.programs += other.programs
        self.counts += other.counts
        new = {text: what for text, what in other.problems.items() if text not in self.problems}
        self.problems.update(new)
        return [story for _, story in new.values()]


Draw = Callable[[int, int], list[str]]
RunBatch = Callable[[list[str]], Totals]


def main(
    name: str,
    description: str,
    run_batch: RunBatch,
    family: tuple[RunBatch, Draw] | None = None,
) -> int:
    """Run `python -m NAME` as the command line says; return the exit code.

    `run_batch` looks at a batch of programs; it is called in other processes. `family` is what does
    so for `--family`, and what draws the programs then.
    """
    parser = argparse.ArgumentParser(prog=f"python -m {name}", description=description)
    parser.add_argument("--examples", type=int, default=1000, help="how many programs")
    parser.add_argument("--seed", type=int, default=0, help="the first batch's seed")
    parser.add_argument("--most", type=int, default=20, help="stop at so many problems")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many processes")
    parser.add_argument(
        "--mutate",
        metavar="DIR",
        nargs="?",
        const=FIXTURES,
        type=Path,
        help="mutants of the functions below a directory (fixtures), not generated programs",
    )
    if family is not None:
        parser.add_argument("--family", action="store_true", help="programs without a wait")
    arguments = parser.parse_args()
    draw: Draw = drawn
    is_family = family is not None and arguments.family
    if family is not None and is_family:
        run_batch, draw = family
    if arguments.mutate:
        draw = partial(drawn_mutants, arguments.mutate, is_family)
    began = time.perf_counter()
    size = min(MUTANTS if arguments.mutate else BATCH, arguments.examples)
    batch = partial(_run_batch, run_batch, draw, size)
    totals = run(batch, arguments.examples, arguments.seed, arguments.most, arguments.jobs or 1)
    seconds = time.perf_counter() - began
    print(
        f"{totals.programs} programs, {len(totals.problems)} problems, "
        f"seed {arguments.seed}, {seconds:.0f} s"
    )
    kinds = Counter(kind for kind, _ in totals.problems.values())
    for what, number in [*kinds.most_common(), *totals.counts.most_common()]:
        print(f"{number:6} {what}")
    return 1 if totals.problems else 0


def run(batch: Callable[[int], Totals], examples: int, start: int, most: int, jobs: int) -> Totals:
    """Look at about `examples` programs in `jobs` processes, by batches with the numbers from
    `start`, and print each problem; how far it is goes to stderr.

    Stops soon after `most` problems. How many processes there are changes nothing else.
    """
    totals = Totals()
    with ProcessPoolExecutor(jobs) as pool:
        for seen in _batches(pool, batch, start, 2 * jobs):
            for story in totals.add(seen):
                print(story, end="\n\n", flush=True)
            print(f"{totals.programs} programs", file=sys.stderr, flush=True)
            is_over = totals.programs >= examples or len(totals.problems) >= most
            if is_over or not seen.programs:
                pool.shutdown(cancel_futures=True)
                break
    return totals


def _batches(
    pool: Executor, batch: Callable[[int], Totals], start: int, ahead: int
) -> Iterator[Totals]:
    """Yield the batches in order, without end; so many are begun ahead of the one awaited."""
    begun: deque[Future[Totals]] = deque()
    for number in count(start):
        begun.append(pool.submit(batch, number))
        if len(begun) == ahead:
            yield begun.popleft().result()


def _run_batch(run_batch: RunBatch, draw: Draw, examples: int, number: int) -> Totals:
    return run_batch(draw(number, examples))
