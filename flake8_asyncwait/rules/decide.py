"""From a file with candidates to its findings."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.load import File
from flake8_asyncwait.analysis.code.program import Program
from flake8_asyncwait.analysis.code.walk import every, last_name
from flake8_asyncwait.analysis.fates import family_books
from flake8_asyncwait.analysis.interpret import Analysed, Runs
from flake8_asyncwait.analysis.machine.books import Allowance, MakeBooks, books_for
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.options import Options
from flake8_asyncwait.rules import rule_of
from flake8_asyncwait.rules.rule import Hit
from flake8_asyncwait.rules.words import hint
from flake8_asyncwait.sites.fanout import CREATION, WAIT, Kind
from flake8_asyncwait.sites.outline import Entry, Outline
from flake8_asyncwait.undetermined import (
    INTERNAL_ERROR,
    TOO_DEEP,
    TOO_MANY_PATHS,
    Net,
    TooDeep,
    UndeterminedSite,
)
from flake8_asyncwait.verdict.answers import outcome
from flake8_asyncwait.verdict.checked import Checked
from flake8_asyncwait.verdict.finding import Finding
from flake8_asyncwait.verdict.place import Place, place_of
from flake8_asyncwait.verdict.witness import witness

# The sites of a function, with their kinds.
Sites = dict[ir.Call, Kind]
# What is decided of a site; None where there is nothing to say.
Decision = Finding | UndeterminedSite | None


def decide(
    text: str,
    tree: ast.Module,
    lines: list[int],
    options: Options,
    outline: Outline | None = None,
    path: str | None = None,
    made: Collection[ast.Call] = (),
) -> Checked:
    """Check a file whose candidates stand on `lines`; see `check.check`. `outline` is that of the
    file where `tree` has only the statements around these lines, `made` are its creations."""
    file = File(text, tree, options, whole=outline, path=path, made=made)
    net, allowance = Net(), Allowance()
    decided: list[Decision] = []
    for entry, within in file.around(lines).items():
        with net.over(*(entry.place if entry else ())) as over:
            decided += _outermost(file, entry, within, options, net, allowance)
        if over.failed:
            decided += (UndeterminedSite(line, 0, INTERNAL_ERROR) for line in within)
    return Checked(
        tuple(sorted(each for each in decided if isinstance(each, Finding))),
        tuple(sorted(each for each in decided if isinstance(each, UndeterminedSite))),
        len(decided),
        tuple(net.caught),
        file.program.modules.evidence,
    )


def _outermost(
    file: File,
    entry: Entry | None,
    lines: list[int],
    options: Options,
    net: Net,
    allowance: Allowance,
) -> list[Decision]:
    """What is decided of the sites in an outermost function, on the given lines, within the
    `allowance` of the file."""
    func = file.lower(entry)
    if isinstance(func, str):
        return [UndeterminedSite(line, 0, func) for line in lines]
    decided: list[Decision] = []
    for inner, sites in _with_sites(file, func):
        with net.over(inner.line, "" if inner.module else inner.shown) as over:
            try:
                decided += _function(file, inner, sites, options, allowance)
            except TooDeep:
                decided += (UndeterminedSite(c.line, c.column, TOO_DEEP) for c in sites)
        if over.failed:
            decided += (UndeterminedSite(c.line, c.column, INTERNAL_ERROR) for c in sites)
    return decided


def _function(
    file: File, func: ir.Func, sites: Sites, options: Options, allowance: Allowance
) -> list[Decision]:
    """What is decided of the sites of one function."""
    decided: list[Decision] = []
    for analysed in _analysed(file, func, sites, options, allowance):
        fired, call = fires(analysed, options), analysed.site.call
        if fired is not None:
            code, hit = fired
            decided.append(_finding(file, analysed, code, hit) if code in options.codes else None)
        elif analysed.is_incomplete:
            decided.append(UndeterminedSite(call.line, call.column, TOO_MANY_PATHS))
        else:
            decided.append(None)
    return decided


def _analysed(
    file: File, func: ir.Func, sites: Sites, options: Options, allowance: Allowance
) -> Iterator[Analysed]:
    """The sites of one function, analysed: its waits first, within one bound of work."""
    waits = {call: kind for call, kind in sites.items() if kind is WAIT}
    family = {call: kind for call, kind in sites.items() if kind is not WAIT}
    runs = None
    if waits:
        all_owners = "AWT105" in options.codes
        runs = Runs(file.program, func, waits, all_owners, allowance=allowance)
        yield from runs.all()
    if family:
        make = family_books
        others = Runs(file.program, func, family, make_books=make, allowance=allowance)
        if runs is not None:
            others.go_on_after(runs)
        yield from others.all()


def examine(
    file: File,
    lines: list[int],
    options: Options,
    make_books: MakeBooks = books_for,
) -> Iterator[Analysed]:
    """Run each function of a file that holds wait sites in the functions around `lines`.

    `make_books` is as for `Runs`.
    """
    for runs in functions(file, lines, options, make_books):
        yield from map(runs.analyse, runs.facts.sites)


def functions(
    file: File, lines: list[int], options: Options, make_books: MakeBooks = books_for
) -> Iterator[Runs]:
    """What `examine` runs, for a caller who says which sites to run."""
    for func in map(file.lower, file.around(lines)):
        yield from waiting(file.program, func, options, make_books)


def waiting(
    program: Program, func: ir.Func | str, options: Options, make_books: MakeBooks
) -> Iterator[Runs]:
    """The functions in an outermost one, itself included, that wait: nothing is run yet. There
    are none where `func` says why it cannot be lowered."""
    for inner in _functions(func) if isinstance(func, ir.Func) else ():
        waits = {call: WAIT for call in inner.candidates if _is_wait(program, inner, call)}
        if waits:
            all_owners = "AWT105" in options.codes
            yield Runs(program, inner, waits, all_owners, make_books)


def family(
    program: Program,
    func: ir.Func | str,
    kinds: Collection[Kind],
    creations: Collection[tuple[int, int]],
    make_books: MakeBooks,
) -> Iterator[Runs]:
    """Likewise, the functions that hold sites of some kinds of the family. `creations` are the
    places of the calls that make a task and are sites."""
    for inner in _functions(func) if isinstance(func, ir.Func) else ():
        found = {call: kind_of(program, inner, call, kinds, creations) for call in inner.candidates}
        sites = {call: kind for call, kind in found.items() if kind not in (None, WAIT)}
        if sites:
            yield Runs(program, inner, sites, make_books=make_books)


def _with_sites(file: File, func: ir.Func) -> Iterator[tuple[ir.Func, Sites]]:
    """The functions in an outermost one, itself included, that hold sites, with these."""
    for inner in _functions(func):
        sites = {
            call: kind_of(file.program, inner, call, file.kinds, file.creations)
            for call in inner.candidates
        }
        sites = {call: kind for call, kind in sites.items() if kind is not None}
        if sites:
            yield inner, sites  # type: ignore[misc]


def kind_of(
    program: Program,
    func: ir.Func,
    call: ir.Call,
    kinds: Collection[Kind],
    creations: Collection[tuple[int, int]],
) -> Kind | None:
    """The kind of site that a call is: it resolves to `asyncio.wait`, or to a function that the
    user says wraps it; or to what one of the `kinds` is named after; or it is one of the
    `creations`; None for no site."""
    if _is_wait(program, func, call):
        return WAIT
    qualified = program.qualified(func, call.func)
    for kind in kinds:
        if kind is CREATION:
            if (call.line, call.column) in creations and not func.module:
                return kind
        elif qualified == f"asyncio.{kind.name}":
            return None if _leaves_nothing(func, call) else kind
    return None


def _is_wait(program: Program, func: ir.Func, call: ir.Call) -> bool:
    qualified = program.qualified(func, call.func)
    return qualified == known.WAIT or program.named(program.options.wait_functions, func, call.func)


def _leaves_nothing(func: ir.Func, call: ir.Call) -> bool:
    """Whether a gather is awaited at once and returns exceptions: nothing is left running then."""
    given = {arg.keyword: arg.value for arg in call.args}
    returns = given.get("return_exceptions")
    if not isinstance(returns, ir.Const) or returns.value is not True:
        return False
    return any(isinstance(node, ir.Await) and node.value is call for node in every(func))


def _functions(func: ir.Func) -> Iterator[ir.Func]:
    """A function and those inside it; the module's own functions are candidates themselves."""
    yield func
    for nested in func.nested:
        if not func.module or nested.name == "<lambda>":
            yield from _functions(nested)


def _finding(file: File, analysed: Analysed, code: str, hit: Hit) -> Finding:
    """The finding of the rule that fires."""
    site = analysed.site
    call = site.call
    place = _place(file, analysed.func, call)
    steps = witness(hit.history, call.line, place.helper, file.program)
    message = hit.says(place)
    more = hint(place) if site.kind is WAIT else ""
    elsewhere = tuple(sorted(analysed.elsewhere))
    return Finding(call.line, call.column, code, message, steps, *call.end, more, elsewhere)


def fires(analysed: Analysed, options: Options) -> tuple[str, Hit] | None:
    """The code of the first rule that fires, and what it has hit; None where nothing is claimed.
    A rule that is on by default wins even where the user has turned it off: what it finds is not
    another rule's finding then.
    """
    if analysed.is_undetermined:
        return None
    result = outcome(analysed)
    for rule in map(rule_of, analysed.site.kind.codes):
        if rule.code in options.codes or rule.default:
            hit = rule.fires(result)
            if hit is not None:
                return rule.code, hit
    return None


def _place(file: File, func: ir.Func, call: ir.Call) -> Place:
    name = file.program.qualified(func, call.func)
    if name != known.WAIT:
        name = last_name(call.func)
    start, around = (call.line, call.column), file.program.around

    def helper(line: int) -> str:
        entry = around(line)
        return "" if entry is None or entry is around(call.line) else f"{entry.place[1]}()"

    shown = file.program.shown
    return place_of(name or "wait", file.tree, file.lines, start, call.end, helper, shown)
