"""`python -m tests.oracle --examples N [--seed S]`: compare the linter with the judge.

Prints each distinct smallest disagreement with both opinions, then the totals. Exits 1 when there
was any disagreement, else 0.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from dataclasses import dataclass, field

from hypothesis import HealthCheck, Phase, given, seed, settings

from .compare import Disagreement, compare
from .generate import programs
from .reduce import reduce

BATCH = 250


@dataclass(slots=True)
class Totals:
    """What a run has seen so far."""

    examples: int = 0
    sites: int = 0
    unsettled: int = 0
    smallest: dict[str, Disagreement] = field(default_factory=dict)
    kinds: Counter[str] = field(default_factory=Counter)


def run(examples: int, start: int, most: int) -> Totals:
    """Compare on about `examples` programs, from seed `start`; stop at `most` disagreements."""
    totals = Totals()
    batch = 0
    while totals.examples < examples and len(totals.smallest) < most:
        for disagreement in run_batch(start + batch, min(BATCH, examples), totals):
            smallest = smallest_of(disagreement)
            if smallest.text in totals.smallest:
                continue
            totals.kinds[smallest.kind] += 1
            totals.smallest[smallest.text] = smallest
            print(smallest, end="\n\n", flush=True)
            if len(totals.smallest) >= most:
                break
        batch += 1
    return totals


def run_batch(number: int, examples: int, totals: Totals) -> list[Disagreement]:
    """Compare on one batch; return the shortest disagreements of each kind in it."""
    found: dict[str, Disagreement] = {}
    seen: set[str] = set()

    @seed(number)
    @settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(programs())
    def look(text: str) -> None:
        if text in seen:
            return
        seen.add(text)
        comparison = compare(text)
        totals.examples += 1
        totals.sites += comparison.sites
        totals.unsettled += comparison.open
        for disagreement in comparison.disagreements:
            known = found.get(disagreement.kind)
            if known is None or len(disagreement.text) < len(known.text):
                found[disagreement.kind] = disagreement

    look()
    return list(found.values())


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
    arguments = parser.parse_args()
    began = time.perf_counter()
    totals = run(arguments.examples, arguments.seed, arguments.most)
    seconds = time.perf_counter() - began
    print(
        f"{totals.examples} programs, {totals.sites} sites, {totals.unsettled} unsettled, "
        f"{len(totals.smallest)} disagreements, seed {arguments.seed}, {seconds:.0f} s"
    )
    for kind, count in totals.kinds.most_common():
        print(f"{count:4} {kind}")
    return 1 if totals.smallest else 0


if __name__ == "__main__":
    raise SystemExit(main())
