"""Hold the judge against a real event loop: `python -m tests.oracle.validate --examples N`.

Every leak that real tasks show must be one that the judge predicts, and what the judge predicts
must show on the real loop sooner or later. Needs Python 3.12, whose `gather` and `wait_for` are
those of the contract; with `--family`, 3.11.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass

from flake8_asyncwait.replay.lives import Owner

from .generate import drawn
from .generate_family import family_program
from .judge import Ruling, find_family, find_sites, judge, losses
from .real import Stage, is_playable, run

RUNS = 60
RUNS_AT_MOST = 900
FAMILY_RUNS_AT_MOST = 7500
EXECUTIONS_AT_MOST = 300  # of a site of the family: few have more, and take most time
EARLY = ("timeout=", "return_when=", "asyncio.wait_for(")

Seen = set[tuple[int, str, bool]]


@dataclass(slots=True)
class Totals:
    """What a validation has seen: programs compared and left out, runs, and differences."""

    compared: int = 0
    left_out: int = 0
    runs: int = 0
    different: int = 0


def differences(text: str, totals: Totals) -> list[str]:
    """Return in what the judge and the real loop differ on a program, as sentences."""
    if not is_playable(text):
        totals.left_out += 1
        return []
    rulings = {site: judge(text, site) for site in find_sites(text)}
    if any(ruling.given_up for ruling in rulings.values()):
        totals.left_out += 1
        return []
    totals.compared += 1
    seen: Seen = set()
    for number in range(RUNS_AT_MOST):
        shown = run(text, number)
        totals.runs += 1
        if not shown.outside:
            seen |= {(line, owner, shown.faulty) for line, owner in shown.leaks}
        enough = number + 1 >= RUNS and (number + 1) % RUNS == 0
        if enough and not list(_unshown(text, rulings, seen)):
            break
    found = [*_unforeseen(text, rulings, seen), *_unshown(text, rulings, seen)]
    totals.different += bool(found)
    return found


def differences_in_family(text: str, totals: Totals) -> list[str]:
    """Return the same of a program of the family."""
    from .real_family import FamilyStage  # its frames need Python 3.11

    ways = {site: losses(text, site, EXECUTIONS_AT_MOST) for site in find_family(text)}
    if None in ways.values() or not _is_played_here(text):
        totals.left_out += 1
        return []
    totals.compared += 1
    seen: set[tuple[tuple[int, int], bool]] = set()
    outside: set[tuple[tuple[int, int], bool]] = set()
    for number in range(FAMILY_RUNS_AT_MOST):
        shown = run(text, number, FamilyStage)
        totals.runs += 1
        leaks = {(place, shown.faulty) for place, _ in shown.leaks if place in ways}
        if shown.outside:
            outside |= leaks
        else:
            seen |= leaks
        enough = number + 1 >= RUNS and (number + 1) % RUNS == 0
        if enough and not list(_unshown_in_family(ways, seen | outside)):
            break
    found = [
        f"{place}: leaks {'under' if faulty else 'without'} a fault, and not by the judge"
        for place, faulty in sorted(seen)
        if {faulty, False}.isdisjoint(ways.get(place) or ())
    ]
    found += _unshown_in_family(ways, seen | outside)
    totals.different += bool(found)
    return found


def _is_played_here(text: str) -> bool:
    return sys.version_info >= (3, 13) or "async for done in asyncio.as_completed" not in text


def _unshown_in_family(
    ways: dict[tuple[int, int], frozenset[bool] | None],
    seen: set[tuple[tuple[int, int], bool]],
) -> Iterator[str]:
    """Yield the leaks that the judge predicts and the real loop has not shown."""
    for place, known in ways.items():
        for faulty in sorted(known or ()):
            if (place, faulty) not in seen:
                how = "under" if faulty else "without"
                yield f"{place}: leaks {how} a fault by the judge, and not on the loop"


def _unforeseen(text: str, rulings: dict[tuple[int, int], Ruling], seen: Seen) -> Iterator[str]:
    """Yield the leaks on the real loop that the judge does not know of.

    A real gather is done as soon as one child fails, the contract's only when all are.
    """
    if "both = asyncio.gather" in text:
        return
    for (line, _), ruling in rulings.items():
        if not _is_early(text, line):
            continue
        if (line, "made", False) in seen and ruling.code != "AWT101":
            yield f"line {line}: leaks without a fault, and the judge says {ruling.code!r}"
        elif (line, "made", True) in seen and ruling.code in ("", "AWT104"):
            yield f"line {line}: leaks under a fault, and the judge says {ruling.code!r}"
        elif (line, "borrowed", False) in seen and not ruling.code:
            yield f"line {line}: drops borrowed tasks, and the judge says nothing"


def _unshown(text: str, rulings: dict[tuple[int, int], Ruling], seen: Seen) -> Iterator[str]:
    """Yield what the judge predicts and the real loop has not shown.

    A loop that never ends is cut on the real loop, that a task has failed is a fault there, and
    entering a real TaskGroup does not suspend.
    """
    if any(mark in text for mark in ("while True", ".exception()", "TaskGroup")):
        return
    for (line, _), ruling in rulings.items():
        borrowed = ruling.leak is not None and ruling.leak.owner is Owner.BORROWED
        if borrowed and ruling.leak is not None and not ruling.leak.collection:
            continue  # a single parameter's task is not watched on the real loop
        owner = "borrowed" if borrowed else "made"
        faulty = ruling.code in ("AWT102", "AWT103")
        known = ruling.code and not (faulty and borrowed)
        if known and (line, owner, faulty) not in seen:
            yield f"line {line}: {ruling.code} by the judge, and it does not leak"


def _is_early(text: str, line: int) -> bool:
    """Say whether the wait on a line is early: full waits are another code's business."""
    wait = text.splitlines()[line - 1].replace("timeout=None", "")
    return any(mark in wait for mark in EARLY) or line - 1 in Stage.expiring(text)


def validate(examples: int, start: int, family: bool) -> Totals:
    """Compare on about `examples` programs, or as many of the family; print each difference."""
    totals = Totals()
    compare = differences_in_family if family else differences
    for text in drawn(start, examples, *[family_program] * family):
        if not (totals.compared + totals.left_out) % 100:
            print(f"{totals.compared} programs compared", file=sys.stderr, flush=True)
        for difference in compare(text, totals):
            print(f"{text}{difference}\n", flush=True)
    return totals


def main() -> int:
    """Run as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.validate", description=__doc__)
    parser.add_argument("--examples", type=int, default=1000, help="how many programs to draw")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--family", action="store_true", help="programs without a wait")
    arguments = parser.parse_args()
    needed = (3, 11) if arguments.family else (3, 12)
    if sys.version_info < needed:
        parser.error("needs Python {}.{}".format(*needed))
    began = time.perf_counter()
    totals = validate(arguments.examples, arguments.seed, arguments.family)
    seconds = time.perf_counter() - began
    print(
        f"{totals.compared} programs compared, {totals.left_out} left out, "
        f"{totals.runs} real runs, {totals.different} different, "
        f"seed {arguments.seed}, {seconds:.0f} s"
    )
    return 1 if totals.different else 0


if __name__ == "__main__":
    raise SystemExit(main())
