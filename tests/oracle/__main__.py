"""`python -m tests.oracle --examples N [--seed S]`: compare the linter with the judge.

Prints each distinct smallest disagreement with both opinions, then the totals; how far it is goes
to stderr. Exits 1 when there was any disagreement, else 0.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from itertools import count

from .compare import Disagreement, compare
from .generate import drawn
from .reduce import reduce

BATCH = 250


@dataclass(slots=True)
class Totals:
    """What a run, or a batch of it, has seen so far.

    `smallest` maps the smallest programs that show a disagreement to its kind and both opinions.
    """

    examples: int = 0
    sites: int = 0
    unsettled: int = 0
    smallest: dict[str, tuple[str, str]] = field(default_factory=dict)

    def add(self, other: Totals) -> dict[str, tuple[str, str]]:
        """Take in what a batch has seen; return the disagreements that are new."""
        self.examples += other.examples
        self.sites += other.sites
        self.unsettled += other.unsettled
        new = {text: what for text, what in other.smallest.items() if text not in self.smallest}
        self.smallest.update(new)
        return new


def run(examples: int, start: int, most: int, jobs: int) -> Totals:
    """Compare on about `examples` programs, from seed `start`, in `jobs` processes.

    Stops soon after `most` disagreements. How many processes there are changes nothing else.
    """
    totals = Totals()
    with ProcessPoolExecutor(jobs) as pool:
        for batch in batches(pool, min(BATCH, examples), start, 2 * jobs):
            for _, opinions in totals.add(batch).values():
                print(opinions, end="\n\n", flush=True)
            print(f"{totals.examples} programs", file=sys.stderr, flush=True)
            if totals.examples >= examples or len(totals.smallest) >= most:
                pool.shutdown(cancel_futures=True)
                break
    return totals


def batches(pool: Executor, examples: int, start: int, ahead: int) -> Iterator[Totals]:
    """Yield the batches in order, without end; so many are begun ahead of the one awaited."""
    begun: deque[Future[Totals]] = deque()
    for number in count(start):
        begun.append(pool.submit(run_batch, examples, number))
        if len(begun) == ahead:
            yield begun.popleft().result()


def run_batch(examples: int, number: int) -> Totals:
    """Compare on one batch, made from a seed; keeps the shortest disagreement of each kind."""
    totals = Totals()
    found: dict[str, Disagreement] = {}
    for text in drawn(number, examples):
        comparison = compare(text)
        totals.examples += 1
        totals.sites += comparison.sites
        totals.unsettled += comparison.open
        for disagreement in comparison.disagreements:
            known = found.get(disagreement.kind)
            if known is None or len(disagreement.text) < len(known.text):
                found[disagreement.kind] = disagreement
    for smallest in map(smallest_of, found.values()):
        totals.smallest[smallest.text] = (smallest.kind, str(smallest))
    return totals


def smallest_of(disagreement: Disagreement) -> Disagreement:
    """Return the same kind of disagreement on a program as small as can be."""
    smallest = disagreement

    def still(text: str) -> bool:
        nonlocal smallest
        for candidate in compare(text).disagreements:
            if candidate.kind == disagreement.kind and not candidate.ruling.surprises - expected:
                smallest = candidate
                return True
        return False

    expected = disagreement.ruling.surprises
    reduce(disagreement.text, still)
    return smallest


def main() -> int:
    """Run as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--examples", type=int, default=1000, help="how many programs")
    parser.add_argument("--seed", type=int, default=0, help="the first batch's seed")
    parser.add_argument("--most", type=int, default=20, help="stop at so many disagreements")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many processes")
    arguments = parser.parse_args()
    began = time.perf_counter()
    totals = run(arguments.examples, arguments.seed, arguments.most, arguments.jobs)
    seconds = time.perf_counter() - began
    print(
        f"{totals.examples} programs, {totals.sites} sites, {totals.unsettled} unsettled, "
        f"{len(totals.smallest)} disagreements, seed {arguments.seed}, {seconds:.0f} s"
    )
    for kind, number in Counter(kind for kind, _ in totals.smallest.values()).most_common():
        print(f"{number:4} {kind}")
    return 1 if totals.smallest else 0


if __name__ == "__main__":
    raise SystemExit(main())
