"""Runs the machine over one function that holds wait sites."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from math import inf

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.facts import NONE_AGREE, Agreeing, Facts, Site
from flake8_asyncwait.analysis.code.program import Program
from flake8_asyncwait.analysis.code.walk import every
from flake8_asyncwait.analysis.machine.books import (
    FEW_WORK,
    SOME,
    SOME_STATES,
    Allowance,
    Books,
    Decided,
    Leak,
    MakeBooks,
    Undetermined,
    books_for,
)
from flake8_asyncwait.analysis.machine.execute import run_block
from flake8_asyncwait.analysis.machine.handover import hand_over
from flake8_asyncwait.analysis.machine.loss import finish
from flake8_asyncwait.analysis.machine.machine import Context, Machine

# These register the rules for the nodes of `ir`.
from flake8_asyncwait.analysis.semantics import calls as _calls
from flake8_asyncwait.analysis.semantics import comprehensions as _comprehensions
from flake8_asyncwait.analysis.semantics import conditions as _conditions
from flake8_asyncwait.analysis.semantics import expressions as _expressions
from flake8_asyncwait.analysis.semantics import loops as _loops
from flake8_asyncwait.analysis.semantics import managers as _managers
from flake8_asyncwait.analysis.semantics import statements as _statements
from flake8_asyncwait.analysis.states.completion import RETURN
from flake8_asyncwait.analysis.states.keys import RETURNED
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.trace import Trace
from flake8_asyncwait.analysis.states.values import COLLECTION, MANY, Param, Value
from flake8_asyncwait.analysis.survey.agreeing import constants, contradicts, tested_again
from flake8_asyncwait.analysis.survey.others import waits_for_others
from flake8_asyncwait.analysis.survey.passed import Passed, passed_through
from flake8_asyncwait.analysis.survey.relevance import conditions, filled
from flake8_asyncwait.analysis.survey.survey import facts_of
from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.sites.fanout import Kind
from flake8_asyncwait.undetermined import TooDeep

RULES = (_calls, _comprehensions, _conditions, _expressions, _loops, _managers, _statements)


class Analysed(NamedTuple):
    """What all executions of a function show of one site. Where the bound of work was hit, it
    `is_incomplete`: the leaks that were found are true, and no more is known."""

    func: ir.Func
    site: Site
    books: Books
    # How many tasks a collection of unknown size stood for, and whether tests agreed.
    many: int
    agrees: bool
    # The names that states held, and the paths of other modules that were looked into.
    relevant: frozenset[str]
    elsewhere: frozenset[str]
    # Whether tasks of others count, too.
    all_owners: bool
    is_incomplete: bool

    @property
    def is_undetermined(self) -> bool:
        """Whether nothing is claimed about the site: some executions have not been seen, and those
        that have lose none of the tasks that the function answers for."""
        lost = (leak for leak in self.books.leaks if leak.kind == "lost")
        counts = any(_counts(leak, self.books, self.all_owners) for leak in lost)
        return self.is_incomplete and not counts


def _counts(leak: Leak, books: Books, all_owners: bool) -> bool:
    """Whether the function answers for what leaks."""
    if all_owners:
        return True
    is_dropped = leak.owner.kind == COLLECTION and not leak.fault
    return leak.kind != "kept" and (is_dropped or books.owns(leak))


def _analysed(run: Machine, is_incomplete: bool) -> Analysed:
    agrees, elsewhere = bool(run.agreeing.names), frozenset(run.elsewhere)
    found = run.func, run.site, run.books, run.many, agrees, run.relevant, elsewhere
    return Analysed(*found, run.all_owners, is_incomplete)


class Runs:
    """All runs of `func`, whose sites are of these `kinds`, all of them waits or none: one for each
    site that is asked for.

    `all_owners` says that tasks of others count too (AWT105). `make_books` makes the books of a
    run: a fix has some that take notes. They share the bound of work: `left` is how much each may
    still take, by the number of tasks that a collection of unknown size stands for, and `SOME`.
    What they take is taken from the `allowance` of the file; without one, only the function is
    bounded. Raises `TooDeep`: what could be lowered may still be nested more deeply than can be
    followed.
    """

    def __init__(
        self,
        program: Program,
        func: ir.Func,
        kinds: Mapping[ir.Call, Kind],
        all_owners: bool = False,
        make_books: MakeBooks = books_for,
        allowance: Allowance | None = None,
    ) -> None:
        try:
            self.facts: Facts = facts_of(program, func, kinds)
        except RecursionError as error:
            raise TooDeep from error
        self.program = program
        self.func = func
        self._kinds = kinds
        self._alone: Runs | None = None
        self.all_owners = all_owners
        self.make_books = make_books
        self._last = max((n.line for n in every(func) if hasattr(n, "line")), default=func.line)
        self._passed: dict[Agreeing, Passed] = {}
        self.allowance = allowance or Allowance(inf)
        self.left = self.allowance.work_for(self.facts.size)

    def analyse(self, site: Site, most: int = MANY, agrees: bool = False) -> Analysed:
        """Run all executions for one of `facts.sites`; a collection of unknown size stands for
        `most` tasks at most. That tests of one thing agree is looked into at once where it `agrees`
        with what was known before. Raises `TooDeep`.

        Where the work would grow beyond its bound, collections of unknown size stand for fewer
        tasks; for a single one a leak is still a leak, but none is no proof, unless the number made
        no difference. If functions of other
        modules take too much work, they are unknown functions: they cost a site nothing.
        """
        try:
            if self._alone is None:
                analysed = self._analyse(site, most, agrees)
                if analysed is not None:
                    return analysed
                self._alone = self._without_others()
            return self._alone.analyse(self._alone.facts.sites[site.index], most, agrees)
        except RecursionError as error:
            raise TooDeep from error

    def all(self) -> Iterator[Analysed]:
        """Run all executions once for each site."""
        yield from map(self.analyse, self.facts.sites)

    def go_on_after(self, others: Runs) -> None:
        """Share the bound of work with other sites of the function that have been analysed: what
        they have taken is gone, and functions that were too much for them are unknown."""
        self.left = others.left
        if others._alone is not None:
            self._alone = self._without_others()
            self._alone.left = others._alone.left

    def _without_others(self) -> Runs:
        """The same runs, where functions of other modules are unknown."""
        alone = self.program.alone()
        others = self.all_owners, self.make_books, self.allowance
        return Runs(alone, self.func, self._kinds, *others)

    def _analyse(self, site: Site, most: int, agrees: bool) -> Analysed | None:
        """What all executions show; None where those of functions of other modules are too many."""
        if not self.all_owners and waits_for_others(site):
            return _analysed(self._machine(site, most, NONE_AGREE), False)
        if agrees and self._agreeing.names:
            run = self._run(site, most, self._agreeing)
            if run.is_complete:
                return _analysed(run, run.many == 1 and run.is_counted)
        run = self._run(site, most)
        if not run.is_complete and not run.is_busy_elsewhere:
            run = self._with_fewer_tasks(site, run)
        if run.is_complete:
            run = self._with_agreeing_tests(run)
            return _analysed(run, run.many == 1 and run.is_counted)
        if run.is_busy_elsewhere:
            return None
        seen = self._believed(run)
        if seen.is_undetermined:
            return self._believed(self._run(site, SOME, self._agreeing))
        return seen

    def _with_fewer_tasks(self, site: Site, run: Machine) -> Machine:
        """The run that tells most where the first is not complete."""
        if run.many < MANY:
            return self._run(site, 1) if run.many > 1 else run
        if run.books.limit > 0:
            # It was too much for this site alone: two tasks take up to eight times as much as one.
            single = self._run(site, 1) if self.left[1] > 0 else run
            if not (single.is_complete and _may_tell_more(single)):
                return single
            double = self._run(site, 2)
            return double if double.is_complete else single
        double = self._run(site, 2)
        return double if double.is_complete else self._run(site, 1)

    def _believed(self, run: Machine) -> Analysed:
        """What a run shows that has not seen all executions."""
        leaks = run.books.leaks.items()
        run.books.leaks = {k: h for k, h in leaks if not self._contradicts_itself(h)}
        return _analysed(run, True)

    def _run(self, site: Site, many: int, agreeing: Agreeing = NONE_AGREE) -> Machine:
        """A run of the function, if there is work left for it; `many` may be `SOME`."""
        run = self._machine(site, many, agreeing)
        if self.left[many] > 0:
            self._carry_out(run)
        return run

    def _machine(self, site: Site, many: int, agreeing: Agreeing) -> Machine:
        books = self.make_books(many, self.left[many])
        run = Machine(
            self.program,
            self.func,
            self.facts,
            site,
            books,
            max(many, 1),
            self.all_owners,
            agreeing,
            SOME_STATES if many == SOME else None,
        )
        if not books.is_thorough:
            if agreeing not in self._passed:
                passed = passed_through(self.func, self.facts, agreeing.names)
                self._passed[agreeing] = passed
            run.passed = self._passed[agreeing][site.call]
        return run

    def _with_agreeing_tests(self, run: Machine) -> Machine:
        """Run once more, with as many tasks, so that the tests of one thing agree: those that
        contradict each other may have led to a loss. The first run where there are none, or where
        this one is not within the bound of work."""
        leaks = any(_counts(leak, run.books, self.all_owners) for leak in run.books.leaks)
        if not (leaks and self._agreeing.names):
            return run
        stricter = self._run(run.site, run.many, self._agreeing)
        return stricter if stricter.is_complete else run

    def _contradicts_itself(self, history: Trace) -> bool:
        """Whether an execution tests one thing with two results: only a complete run, in which
        tests agree, could say that it does not happen."""
        names, vague = self._agreeing
        return contradicts(self.func, names - vague, history)

    @cached_property
    def _agreeing(self) -> Agreeing:
        """The names and dotted paths of which tests agree with each other, and of which states tell
        nothing by themselves, or only while a constant is bound to them."""
        tracked = self.facts.relevant
        tested, (flags, others) = tested_again(self.func), constants(self.func)
        decided = tracked - conditions(self.func, tracked) - filled(self.func) - flags
        vague = tested & decided & others
        return Agreeing(tested - (decided - vague), vague)

    def _carry_out(self, run: Machine) -> None:
        """Run the function: that `is_complete` where it was within the bound of work."""
        try:
            _execute(run.at_start(), self.func, self._last)
            run.is_complete = True
        except Decided:
            run.is_complete = True
        except (Undetermined, RecursionError):
            pass
        finally:
            self.left[SOME if run.most_states else run.many] -= run.books.work
            self.allowance.left -= run.books.work + sum(books.work for books in run.trials)


def _may_tell_more(run: Machine) -> bool:
    """Whether it is worth while to run once more with two tasks to a collection instead of one."""
    books = run.books
    is_small = books.work <= FEW_WORK * books.patience
    return run.is_counted and is_small and not books.is_decided


def _execute(ctx: Context, func: ir.Func, last: int) -> None:
    """Run a function, whose `last` line that is."""
    relevant = ctx.machine.relevant
    env: dict[str, Value] = {
        name: Param(name, plain=name in func.plain or name in ctx.machine.facts.counted)
        for name in func.params
        if name in relevant
    }
    if func.params and func.cls is not None and func.params[0] in ("self", "cls"):
        env.pop(func.params[0], None)
    try:
        for state in run_block(ctx, func.body, [State(env, {})]):
            finish(ctx, state, last, "the function ends")
    finally:
        # Also where the bound was hit: these executions have ended.
        _finish_abrupt(ctx, func, last)


def _finish_abrupt(ctx: Context, func: ir.Func, last: int) -> None:
    for completion, states in ctx.out:
        how = "the function returns" if completion == RETURN else "the function has raised"
        for state in states:
            line = state.trace.line if state.trace is not None else last
            if not func.line <= line <= last:
                line = last  # a helper raised
            if completion == RETURN:
                # Only now: a `finally` may have raised, or returned something else.
                state = hand_over(ctx, state, state.env[RETURNED])
            finish(ctx, state, line, how)
