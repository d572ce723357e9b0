"""`python -m tests.oracle --examples N [--seed S]`: compare the linter with the judge.

Prints each distinct smallest disagreement with both opinions, then the totals; how far it is goes
to stderr. Exits 1 when there was any disagreement, else 0.
"""

from __future__ import annotations

from functools import partial

from .batches import Totals, main
from .compare import Disagreement, compare
from .reduce import smallest_of


def run_batch(texts: list[str]) -> Totals:
    """Compare on some programs; keeps the shortest disagreement of each kind."""
    totals = Totals()
    found: dict[str, Disagreement] = {}
    for text in texts:
        comparison = compare(text)
        totals.programs += 1
        totals.counts["sites"] += comparison.sites
        totals.counts["sites not settled, for a bound was hit"] += comparison.open
        for disagreement in comparison.disagreements:
            known = found.get(disagreement.kind)
            if known is None or len(disagreement.text) < len(known.text):
                found[disagreement.kind] = disagreement
    for disagreement in found.values():
        smallest = smallest_of(disagreement, partial(_again, disagreement))
        totals.problems[smallest.text] = smallest.kind, str(smallest)
    return totals


def _again(disagreement: Disagreement, text: str) -> Disagreement | None:
    """The same kind of disagreement on another program, if it is there."""
    expected = disagreement.ruling.surprises
    for candidate in compare(text).disagreements:
        if candidate.kind == disagreement.kind and not candidate.ruling.surprises - expected:
            return candidate
    return None


if __name__ == "__main__":
    raise SystemExit(main("tests.oracle", __doc__ or "", run_batch))
