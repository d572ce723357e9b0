"""`python -m tests.oracle --examples N [--seed S] [--family]`: compare the linter with the judge.

Prints each distinct smallest disagreement with both opinions, then the totals; how far it is goes
to stderr. Exits 1 when there was any disagreement, else 0.
"""

from __future__ import annotations

from functools import partial

from flake8_asyncwait.options import FAMILY_CODES, Options

from .batches import Totals, main
from .compare import Disagreement, compare
from .generate import drawn
from .generate_family import family_program
from .reduce import smallest_of


def run_batch(texts: list[str], options: Options = Options()) -> Totals:
    """Compare on some programs; keeps the shortest disagreement of each kind."""
    totals = Totals()
    found: dict[str, Disagreement] = {}
    for text in texts:
        comparison = compare(text, options)
        totals.programs += 1
        totals.counts["sites"] += comparison.sites
        totals.counts["sites not settled, for a bound was hit"] += comparison.open
        for disagreement in comparison.disagreements:
            known = found.get(disagreement.kind)
            if known is None or len(disagreement.text) < len(known.text):
                found[disagreement.kind] = disagreement
    for disagreement in found.values():
        smallest = smallest_of(disagreement, partial(_again, disagreement, options))
        totals.problems[smallest.text] = smallest.kind, str(smallest)
    return totals


def _again(disagreement: Disagreement, options: Options, text: str) -> Disagreement | None:
    """The same kind of disagreement on another program, if it is there."""
    expected = disagreement.ruling.surprises
    for candidate in compare(text, options).disagreements:
        if candidate.kind == disagreement.kind and not candidate.ruling.surprises - expected:
            return candidate
    return None


def run_family(texts: list[str]) -> Totals:
    """Likewise, on programs of the family."""
    return run_batch(texts, Options(codes=FAMILY_CODES))


def drawn_family(number: int, examples: int) -> list[str]:
    """Draw programs of the family from a seed."""
    return drawn(number, examples, family_program)


if __name__ == "__main__":
    family = run_family, drawn_family
    raise SystemExit(main("tests.oracle", __doc__ or "", run_batch, family))
