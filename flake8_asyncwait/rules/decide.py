"""From a file with candidates to its findings."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from flake8_asyncwait.analysis import ir
from flake8_asyncwait.analysis.books import MakeBooks, books_for
from flake8_asyncwait.analysis.facts import Site
from flake8_asyncwait.analysis.interpret import Analysed, analyse
from flake8_asyncwait.analysis.known import WAIT
from flake8_asyncwait.analysis.load import File
from flake8_asyncwait.analysis.program import Program
from flake8_asyncwait.analysis.walk import last_name
from flake8_asyncwait.options import Options
from flake8_asyncwait.rules import RULES
from flake8_asyncwait.undetermined import TOO_MANY_PATHS, UndeterminedSite
from flake8_asyncwait.verdict.checked import Checked
from flake8_asyncwait.verdict.finding import Finding
from flake8_asyncwait.verdict.outcome import outcome
from flake8_asyncwait.verdict.place import Place, place_of
from flake8_asyncwait.verdict.witness import witness


def decide(text: str, tree: ast.Module, lines: list[int], options: Options) -> Checked:
    """Check a file whose candidates stand on `lines`; see `check.check`."""
    findings: list[Finding] = []
    file = File(text, tree, options)
    undetermined = file.unread(lines)
    waits = len(undetermined)
    for analysed in examine(file, lines, options):
        waits += len(analysed.sites)
        for site in analysed.sites:
            if analysed.is_undetermined(site):
                place = site.call.line, site.call.column
                undetermined.append(UndeterminedSite(*place, TOO_MANY_PATHS))
                continue
            finding = finding_at(file, analysed, site, options)
            if finding is not None:
                findings.append(finding)
    return Checked(tuple(sorted(findings)), tuple(sorted(undetermined)), waits)


def examine(
    file: File,
    lines: list[int],
    options: Options,
    make_books: MakeBooks = books_for,
) -> Iterator[Analysed]:
    """Run each function of a file that holds wait sites in the functions around `lines`.

    `make_books` is as for `analyse`.
    """
    for func in file.candidates(lines):
        for inner in _functions(func):
            calls = [call for call in inner.candidates if is_site(file.program, inner, call)]
            if calls:
                yield analyse(file.program, inner, calls, "AWT105" in options.codes, make_books)


def is_site(program: Program, func: ir.Func, call: ir.Call) -> bool:
    """Whether a call resolves to `asyncio.wait`, or to a function that the user says wraps it."""
    if program.qualified(func, call.func) == WAIT:
        return True
    return program.named(program.wait_functions, func, call.func)


def _functions(func: ir.Func) -> Iterator[ir.Func]:
    """A function and those inside it; the module's own functions are candidates themselves."""
    yield func
    for nested in func.nested:
        if not func.module or nested.name == "<lambda>":
            yield from _functions(nested)


def finding_at(file: File, analysed: Analysed, site: Site, options: Options) -> Finding | None:
    """The finding of the first rule that fires. A rule that is on by default wins even where the
    user has turned it off: what it finds is not another rule's finding then."""
    call, result = site.call, outcome(analysed, site)
    for rule in RULES:
        if rule.code not in options.codes and not rule.default:
            continue
        hit = rule.fires(result)
        if hit is not None:
            if rule.code not in options.codes:
                return None
            steps = witness(hit.history, call.line)
            place = _place(file, analysed.run.func, call)
            return Finding(call.line, call.column, rule.code, hit.says(place), steps, *call.end)
    return None


def _place(file: File, func: ir.Func, call: ir.Call) -> Place:
    name = file.program.qualified(func, call.func)
    if name != "asyncio.wait":
        name = last_name(call.func)
    return place_of(name or "wait", file.tree, file.lines, (call.line, call.column), call.end)
