"""`python -m tests.oracle --examples N [--seed S] [--family] [--mutate [DIR]]`: compare the linter
with the judge.

Prints each distinct smallest disagreement with both opinions, then the totals; how far it is goes
to stderr. Exits 1 when there was any disagreement, else 0.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial

from flake8_asyncwait.options import FAMILY_CODES, Options
from flake8_asyncwait.replay.text.locate import CannotLift

from .batches import Totals, main
from .compare import Disagreement, compare
from .generate import drawn
from .generate_family import family_program
from .judge import Ruling
from .reduce import smallest_of

# Of CPU time. Programs that are drawn take less: these bounds are for those that somebody wrote.
SECONDS = 25
SECONDS_TO_REDUCE = 60


@contextmanager
def seconds_at_most(seconds: float) -> Iterator[None]:
    """Raise MemoryError in what takes longer: of the errors, it is the one that the judge lets no
    code handle."""

    def ring(*_: object) -> None:
        raise MemoryError

    before = signal.signal(signal.SIGPROF, ring)
    signal.setitimer(signal.ITIMER_PROF, seconds, 1)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def run_batch(texts: list[str], options: Options = Options()) -> Totals:
    """Compare on some programs; keeps the shortest disagreement of each kind."""
    totals = Totals()
    found: dict[str, Disagreement] = {}
    for text in texts:
        totals.programs += 1
        try:
            with seconds_at_most(SECONDS):
                comparison = compare(text, options)
        except (CannotLift, MemoryError) as error:
            totals.counts[f"programs not compared: {type(error).__name__}"] += 1
            continue
        totals.counts["sites"] += comparison.sites
        totals.counts["sites not settled, for a bound was hit"] += comparison.open
        totals.counts["sites with a higher code than the judge has found"] += comparison.higher
        for disagreement in comparison.disagreements:
            if _always_raises(disagreement.ruling):
                totals.counts["sites behind a plain call that raises"] += 1
                continue
            known = found.get(disagreement.kind)
            if known is None or len(disagreement.text) < len(known.text):
                found[disagreement.kind] = disagreement
    for disagreement in found.values():
        end = time.process_time() + SECONDS_TO_REDUCE
        smallest = smallest_of(disagreement, partial(_again, disagreement, options, end))
        totals.problems[smallest.text] = smallest.kind, str(smallest)
    return totals


def _again(
    disagreement: Disagreement, options: Options, end: float, text: str
) -> Disagreement | None:
    """The same kind of disagreement on another program, if it is there and time is left.

    A program that no longer imports asyncio is another matter: the linter does not look at it.
    """
    expected = disagreement.ruling.surprises
    if time.process_time() > end or "asyncio" not in text:
        return None
    with suppress(CannotLift, MemoryError), seconds_at_most(SECONDS):
        for candidate in compare(text, options).disagreements:
            ruling = candidate.ruling
            is_other = ruling.surprises - expected or _always_raises(ruling)
            if candidate.kind == disagreement.kind and not is_other:
                return candidate
    return None


def _always_raises(ruling: Ruling) -> bool:
    """Say whether there is but one execution, which a plain call ends: it is taken not to raise."""
    return ruling.executions == 1 and bool(ruling.surprises)


def run_family(texts: list[str]) -> Totals:
    """Likewise, on programs of the family."""
    return run_batch(texts, Options(codes=FAMILY_CODES))


def drawn_family(number: int, examples: int) -> list[str]:
    """Draw programs of the family from a seed."""
    return drawn(number, examples, family_program)


if __name__ == "__main__":
    family = run_family, drawn_family
    raise SystemExit(main("tests.oracle", __doc__ or "", run_batch, family))
