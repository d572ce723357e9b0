"""Runs the machine over one function that holds wait sites."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

# These register the rules for the nodes of `ir`.
from flake8_asyncwait.analysis import calls as _calls
from flake8_asyncwait.analysis import comprehensions as _comprehensions
from flake8_asyncwait.analysis import conditions as _conditions
from flake8_asyncwait.analysis import expressions as _expressions
from flake8_asyncwait.analysis import ir
from flake8_asyncwait.analysis import loops as _loops
from flake8_asyncwait.analysis import managers as _managers
from flake8_asyncwait.analysis import statements as _statements
from flake8_asyncwait.analysis.books import Decided, MakeBooks, Undetermined, books_for
from flake8_asyncwait.analysis.completion import RETURN, Flow
from flake8_asyncwait.analysis.execute import run_block
from flake8_asyncwait.analysis.facts import Site
from flake8_asyncwait.analysis.handover import hand_over
from flake8_asyncwait.analysis.idle import idle_statements
from flake8_asyncwait.analysis.loss import finish
from flake8_asyncwait.analysis.machine import Context, Frame, Machine
from flake8_asyncwait.analysis.program import Program
from flake8_asyncwait.analysis.relevance import conditions, tested_again
from flake8_asyncwait.analysis.state import MANY, Param, State
from flake8_asyncwait.analysis.survey import facts_of
from flake8_asyncwait.analysis.walk import every

RULES = (_calls, _comprehensions, _conditions, _expressions, _loops, _managers, _statements)


@dataclass(frozen=True, slots=True)
class Analysed:
    """What all executions of one function show. Where the bound of work was hit (`cut`), the leaks
    that were found are true, and no more is known."""

    sites: list[Site]
    run: Machine
    cut: bool

    def is_undetermined(self, site: Site) -> bool:
        """Whether nothing is claimed about a site."""
        lost = any(leak.kind == "lost" for leak in self.run.books.of(site.index))
        return self.cut and not lost


def analyse(
    program: Program,
    func: ir.Func,
    calls: list[ir.Call],
    letter: bool = False,
    make_books: MakeBooks = books_for,
) -> Analysed:
    """Run all executions of `func`, whose wait sites are `calls`.

    `letter` says that tasks of others count too (AWT105). `make_books` makes the books of a run: a
    fix has some that take notes.
    Where the work would grow beyond its bound, collections of unknown size stand for fewer tasks;
    for a single one a leak is still a leak, but none is no proof.
    """
    facts = facts_of(program, func, calls, letter)

    def prepared(many: int, tested_again: frozenset[str] = frozenset()) -> Machine:
        books = make_books(len(facts.sites), many, facts.size)
        idle = idle_statements(func, facts, tested_again)
        return Machine(program, func, facts, books, many, letter, tested_again, idle)

    run, cut = _try(prepared, func)
    if cut:
        # What is lost under a fault may be lost without one, too: that is another code.
        run.without_faults()
        _is_executed(run, func)
    elif not run.books.is_empty:
        # Tests of one thing that contradict each other may have led there.
        run = _with_agreeing_tests(prepared, func, facts.relevant, run)
    return Analysed(facts.sites, run, cut)


def _with_agreeing_tests(
    prepared: Callable[[int, frozenset[str]], Machine],
    func: ir.Func,
    tracked: frozenset[str],
    run: Machine,
) -> Machine:
    """Run a function once more, with as many tasks, so that the tests of one thing agree; the
    first run where there are no such tests, or where this one is not within the bound of work."""
    again = tested_again(func) - (tracked - conditions(func, tracked))
    if not again:
        return run
    stricter = prepared(run.many, again)
    return stricter if _is_executed(stricter, func) else run


def _try(prepared: Callable[[int], Machine], func: ir.Func) -> tuple[Machine, bool]:
    """Run a function with fewer and fewer tasks to a collection until that is within the bound of
    work; returns the last run, and whether it is no proof."""
    for many in range(MANY, 0, -1):
        run = prepared(many)
        if _is_executed(run, func):
            return run, many == 1
    return run, True


def _is_executed(run: Machine, func: ir.Func) -> bool:
    """Run a function; whether that was within the bound of work."""
    try:
        _execute(run, func)
    except Decided:
        pass
    except (Undetermined, RecursionError):
        return False
    return True


def _execute(run: Machine, func: ir.Func) -> None:
    env = {name: Param(name) for name in func.params if name in run.relevant}
    if func.params and func.cls is not None and func.params[0] in ("self", "cls"):
        env.pop(func.params[0], None)
    flow = Flow()
    ctx = Context(Frame(func, "", 0), flow)
    last = max((n.line for n in every(func) if hasattr(n, "line")), default=func.line)
    try:
        for state in run_block(run, func.body, [State(env, {})], ctx):
            finish(run, state, last, "the function ends")
    finally:
        # Also where the bound was hit: these executions have ended.
        _finish_abrupt(run, flow, ctx, last)


def _finish_abrupt(run: Machine, flow: Flow, ctx: Context, last: int) -> None:
    for completion, states in flow:
        how = "the function returns" if completion == RETURN else "the function has raised"
        for state in states:
            line = state.trace.line if state.trace is not None else last
            if not run.func.line <= line <= last:
                line = last  # a helper raised
            if completion == RETURN:
                # Only now: a `finally` may have raised, or returned something else.
                state = hand_over(run, state, state.env["$return"], ctx)
            finish(run, state, line, how)
