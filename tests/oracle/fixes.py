"""`python -m tests.oracle.fixes --examples N [--seed S]`: hold the fix against the judge.

Every generated program that the fix rewrites must parse, have no finding where it was rewritten,
leak there in no execution, be seen to do the same in every execution without a fault (but for those
that read a result before it was there: they are the bug), and be left alone by a second run. Prints
each program that is not so, reduced, then the totals. Exits 1 where there was any, else 0.
"""

from __future__ import annotations

import argparse
import ast
import time
from collections import Counter
from dataclasses import dataclass, field

from flake8_asyncwait.check import check
from flake8_asyncwait.fix.cure import MANUAL
from flake8_asyncwait.fix.fixer import Fixed, fix
from flake8_asyncwait.options import Options
from flake8_asyncwait.replay.judge import judge
from flake8_asyncwait.replay.locate import find_sites

from .generate import drawn
from .observe import observe
from .reduce import reduce

BATCH = 250
# Stands for `wait_any`: the judge judges a wait, so the wait stays where it is and is settled.
SETTLED = """
async def settled(waiting, tasks):
    try:
        return await waiting
    finally:
        for each in tasks:
            each.cancel()
"""


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one program.

    `problem` is a word for what is wrong with the fix ("" where nothing is), `details` the facts.
    `open` says that a bound kept something from being compared.
    """

    text: str
    fixed: Fixed
    problem: str = ""
    details: str = ""
    open: bool = False

    def __str__(self) -> str:
        return "\n".join([self.problem, self.text, "-- fixed:", self.fixed.text, self.details])


def attempt(text: str, options: Options = Options()) -> Trial:
    """Fix a program, and look for anything wrong with it."""
    fixed = fix(text, options)
    if all(cure.outcome == MANUAL for cure in fixed.cures):
        return Trial(text, fixed, "" if fixed.text == text else "changed without a cure")
    try:
        found = check(fixed.text, options).findings
    except SyntaxError as error:
        return Trial(text, fixed, "no Python", str(error))
    left = [cure.code for cure in fixed.cures if cure.outcome == MANUAL]
    if sorted(each.code for each in found) != sorted(left):
        return Trial(text, fixed, "findings", "\n".join(each.message for each in found))
    if fix(fixed.text, options).text != fixed.text:
        return Trial(text, fixed, "a second run changes something", fix(fixed.text, options).text)
    return _run(text, fixed)


def _run(text: str, fixed: Fixed) -> Trial:
    """Run both versions: what leaks, and what is seen of them?"""
    after = with_waits(fixed.text)
    sites, now = find_sites(text), find_sites(after)
    if len(sites) != len(now):
        return Trial(text, fixed, "lost a wait", after)
    is_open = False
    cured = {(c.line, c.column) for c in fixed.cures if c.outcome != MANUAL}
    for old, new in zip(sites, now, strict=True):
        if old not in cured:
            continue
        ruling = judge(after, new)
        if ruling.code:
            leak = ruling.leak.label if ruling.leak else ""
            return Trial(text, fixed, f"still {ruling.code}", f"{after}\n{leak}")
        is_open |= bool(ruling.cut)
    if "wait_for(settled" in after:
        # To the judge the end of a time limit is an ordinary outcome of a bare wait only.
        return Trial(text, fixed, open=True)
    before_seen, after_seen = observe(text, sites[0]), observe(after, now[0])
    if before_seen is None or after_seen is None:
        return Trial(text, fixed, open=True)
    differences = before_seen.differences(after_seen)
    if differences:
        return Trial(text, fixed, "does something else", "\n".join(differences))
    return Trial(text, fixed, open=is_open)


class _Waits(ast.NodeTransformer):
    """Turns `wait_any(tasks, ...)` into `settled(asyncio.wait(tasks, ...), tasks)`."""

    def __init__(self) -> None:
        self.count = 0

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if not (isinstance(node.func, ast.Name) and node.func.id == "wait_any"):
            return node
        self.count += 1
        name = f"waited_{self.count}"
        modes = [each for each in node.keywords if each.arg == "return_when"]
        first = ast.parse("asyncio.FIRST_COMPLETED", mode="eval").body
        default = [] if modes else [ast.keyword("return_when", first)]
        held = ast.NamedExpr(ast.Name(name, ast.Store()), node.args[0])
        wait = ast.parse("asyncio.wait", mode="eval").body
        waiting = ast.Call(wait, [held], [*node.keywords, *default])
        return ast.Call(ast.Name("settled", ast.Load()), [waiting, ast.Name(name)], [])


def with_waits(text: str) -> str:
    """A fixed program with what `wait_any` does spelled out."""
    if "wait_any(" not in text:
        return text
    tree = ast.fix_missing_locations(_Waits().visit(ast.parse(text)))
    return f"{ast.unparse(tree)}\n{SETTLED}"


@dataclass(slots=True)
class Totals:
    """What a run has seen so far."""

    programs: int = 0
    rewritten: int = 0
    open: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    problems: dict[str, Trial] = field(default_factory=dict)


def run(examples: int, start: int, most: int) -> Totals:
    """Try about `examples` programs, from seed `start`; stop at `most` problems."""
    totals = Totals()
    batch = 0
    while totals.programs < examples and len(totals.problems) < most:
        for trial in run_batch(start + batch, min(BATCH, examples), totals):
            smallest = smallest_of(trial)
            if smallest.text not in totals.problems:
                totals.problems[smallest.text] = smallest
                print(smallest, end="\n\n", flush=True)
        batch += 1
    return totals


def run_batch(number: int, examples: int, totals: Totals) -> list[Trial]:
    """Try one batch; return the shortest program of each problem in it."""
    found: dict[str, Trial] = {}
    for text in drawn(number, examples):
        trial = attempt(text)
        _count(trial, totals)
        known = found.get(trial.problem)
        if trial.problem and (known is None or len(text) < len(known.text)):
            found[trial.problem] = trial
    return list(found.values())


def _count(trial: Trial, totals: Totals) -> None:
    totals.programs += 1
    totals.rewritten += trial.fixed.text != trial.text
    totals.open += trial.open
    for cure in trial.fixed.cures:
        totals.outcomes[cure.outcome] += 1
        if cure.reason:
            totals.reasons[cure.reason.split("' is ")[-1].split(" on line")[0]] += 1


def smallest_of(trial: Trial) -> Trial:
    """The same problem with a program as small as can be."""
    smallest = trial

    def still(text: str) -> bool:
        nonlocal smallest
        candidate = attempt(text)
        if candidate.problem == trial.problem:
            smallest = candidate
            return True
        return False

    reduce(trial.text, still)
    return smallest


def main() -> int:
    """Run as the command line says; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.fixes", description=__doc__)
    parser.add_argument("--examples", type=int, default=1000, help="how many programs")
    parser.add_argument("--seed", type=int, default=0, help="the first batch's seed")
    parser.add_argument("--most", type=int, default=20, help="stop at so many problems")
    arguments = parser.parse_args()
    began = time.perf_counter()
    totals = run(arguments.examples, arguments.seed, arguments.most)
    seconds = time.perf_counter() - began
    print(
        f"{totals.programs} programs, {totals.rewritten} rewritten, {totals.open} not compared to "
        f"the end, {len(totals.problems)} problems, seed {arguments.seed}, {seconds:.0f} s"
    )
    print(*(f"{count} {name}" for name, count in totals.outcomes.most_common()), sep=", ")
    for reason, count in totals.reasons.most_common():
        print(f"{count:5} {reason}")
    return 1 if totals.problems else 0


if __name__ == "__main__":
    raise SystemExit(main())
