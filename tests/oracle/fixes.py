"""`python -m tests.oracle.fixes --examples N [--seed S] [--family]`: hold fixes against the judge.

Every generated program that the fix rewrites must parse, have no finding where it was rewritten,
leak there in no execution, be seen to do the same in every execution without a fault (but for those
that read a result before it was there: they are the bug), and be left alone by a second run. Prints
each program that is not so, reduced, then the totals. Exits 1 where there was any, else 0.
"""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial

from flake8_asyncwait.check import check
from flake8_asyncwait.fix.fixer import Fixed, fix
from flake8_asyncwait.options import FAMILY_CODES, Options

from .__main__ import drawn_family
from .batches import Totals, main
from .compare import EXECUTIONS_OF_A_SITE
from .judge import find_family, find_sites, judge
from .observe import observe
from .reduce import smallest_of

FAMILY = Options(codes=FAMILY_CODES)
CURABLE = {"AWT301", "AWT302", "AWT303", "AWT321", "AWT322"}
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
    if all(cure.is_left for cure in fixed.cures):
        return Trial(text, fixed, "" if fixed.text == text else "changed without a cure")
    try:
        found = check(fixed.text, options).findings
    except SyntaxError as error:
        return Trial(text, fixed, "no Python", str(error))
    left = [cure.code for cure in fixed.cures if cure.is_left]
    if sorted(each.code for each in found) != sorted(left):
        return Trial(text, fixed, "findings", "\n".join(each.message for each in found))
    again = fix(fixed.text, options, findings=found)
    if again.text != fixed.text:
        return Trial(text, fixed, "a second run changes something", again.text)
    return _run(text, fixed) if options.codes.isdisjoint(FAMILY_CODES) else _run_family(text, fixed)


def _run(text: str, fixed: Fixed) -> Trial:
    """Run both versions: what leaks, and what is seen of them?"""
    after = with_waits(fixed.text)
    sites, now = find_sites(text), find_sites(after)
    if len(sites) != len(now):
        return Trial(text, fixed, "lost a wait", after)
    is_open = False
    cured = {(c.line, c.column) for c in fixed.cures if not c.is_left}
    for old, new in zip(sites, now, strict=True):
        if old not in cured:
            continue
        ruling = judge(after, new, limit=EXECUTIONS_OF_A_SITE)
        if ruling.code:
            leak = ruling.leak.label if ruling.leak else ""
            return Trial(text, fixed, f"still {ruling.code}", f"{after}\n{leak}")
        is_open |= bool(ruling.given_up)
    if "wait_for(settled" in after:
        # To the judge the end of a time limit is an ordinary outcome of a bare wait only.
        return Trial(text, fixed, open=True)
    return _observed(Trial(text, fixed, open=is_open), sites[0], after, now[0])


def _run_family(text: str, fixed: Fixed) -> Trial:
    """Likewise, where a cure may make sites of its own: tasks of what was waited for."""
    kept = {(c.line, c.column) for c in fixed.cures if c.is_left}
    allowed: Counter[str] = Counter()
    is_open = False
    sites, now = find_family(text), find_family(fixed.text)
    for site in sites:
        allowed[judge(text, site, limit=EXECUTIONS_OF_A_SITE).code] += site in kept
    for site in now:
        ruling = judge(fixed.text, site, limit=EXECUTIONS_OF_A_SITE)
        is_open |= bool(ruling.given_up)
        if ruling.code in CURABLE and not allowed[ruling.code]:
            leak = ruling.leak.label if ruling.leak else ""
            return Trial(text, fixed, f"still {ruling.code}", leak)
        allowed[ruling.code] -= 1
    return _observed(Trial(text, fixed, open=is_open), sites[0], fixed.text, now[0])


def _observed(trial: Trial, site: tuple[int, int], after: str, now: tuple[int, int]) -> Trial:
    """A trial in which nothing leaks: is what is seen of the function around its `site` also seen
    `after` the fix, where that is `now`?"""
    seen = observe(trial.text, site)
    seen_after = observe(after, now) if seen is not None else None
    if seen is None or seen_after is None:
        return replace(trial, open=True)
    # To the judge, a plain call raises what a handler around it names, and only that.
    gone = _handled(trial.text) - _handled(after)
    unexpected = {f"raises {raised}" for each in gone for raised in _raised_for(each)}
    differences = [
        line for line in seen.differences(seen_after) if line[2:].split("; ")[-1] not in unexpected
    ]
    if differences:
        return replace(
            trial, problem="does something else", details="\n".join(differences), open=False
        )
    return trial


def _raised_for(name: str) -> tuple[str, ...]:
    """The names of what the judge raises where a handler names an error; of a class that nobody
    knows it makes one of its own."""
    return ("InjectedError",) if name in ("Exception", "BaseException") else (name, "ExpectedError")


def _handled(text: str) -> Counter[str]:
    """The last names of the errors that handlers name, each as often as it is named."""
    handlers = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.ExceptHandler))
    kinds = (part for each in handlers if each.type is not None for part in ast.walk(each.type))
    named = (ast.unparse(kind) for kind in kinds if isinstance(kind, ast.expr))
    return Counter(name.rpartition(".")[2] for name in named)


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


def run_batch(texts: list[str], options: Options = Options()) -> Totals:
    """Try some programs; keeps the shortest with each problem."""
    totals = Totals()
    found: dict[str, Trial] = {}
    for text in texts:
        trial = attempt(text, options)
        totals.programs += 1
        totals.counts += _counts(trial)
        known = found.get(trial.problem)
        if trial.problem and (known is None or len(text) < len(known.text)):
            found[trial.problem] = trial
    for trial in found.values():
        smallest = smallest_of(trial, partial(_again, trial, options))
        totals.problems[smallest.text] = smallest.problem, str(smallest)
    return totals


def run_family(texts: list[str]) -> Totals:
    """Likewise, on programs of the family."""
    return run_batch(texts, FAMILY)


def _again(trial: Trial, options: Options, text: str) -> Trial | None:
    """The same problem with another program, if it is there."""
    candidate = attempt(text, options)
    return candidate if candidate.problem == trial.problem else None


def _counts(trial: Trial) -> Counter[str]:
    counts = Counter(f"findings: {cure.outcome}" for cure in trial.fixed.cures)
    counts.update(f"left: {_kind(cure.reason)}" for cure in trial.fixed.cures if cure.reason)
    counts["rewritten"] += trial.fixed.text != trial.text
    counts["rewritten, but not compared to the end"] += trial.open
    return counts


def _kind(reason: str) -> str:
    """A reason without the name and the line."""
    return reason.split("' is ")[-1].split(" on line")[0]


if __name__ == "__main__":
    family = run_family, drawn_family
    raise SystemExit(main("tests.oracle.fixes", __doc__ or "", run_batch, family))
