"""Runs the analysis for a fix: before it, for what it must know, and after it, for proof."""

from __future__ import annotations

from functools import cached_property, partial

from flake8_asyncwait.analysis.code.facts import Site
from flake8_asyncwait.analysis.code.load import File, Lowered
from flake8_asyncwait.analysis.code.walk import last_name
from flake8_asyncwait.analysis.interpret import Analysed, Runs
from flake8_asyncwait.analysis.notes import Budget, NotingBooks, Struck, Use, noting_books
from flake8_asyncwait.analysis.states.values import MANY, Owner
from flake8_asyncwait.options import Options
from flake8_asyncwait.rules.decide import finding_at, functions
from flake8_asyncwait.sites.find import call_lines
from flake8_asyncwait.sites.gate import candidates
from flake8_asyncwait.sites.syntax import parse_newer
from flake8_asyncwait.verdict.finding import Finding

# What a run costs beside the work of the analysis, in its units: the file is parsed again.
_PARSING = 1_000


class OutOfWork(Exception):
    """The budget is spent."""


class Seen:
    """One site as a fix sees it. The executions of its function are run for it when somebody asks
    what they show; that raises `OutOfWork` where the `budget` is spent. `notes` are those of its
    executions."""

    def __init__(
        self, file: File, runs: Runs, site: Site, options: Options, budget: Budget
    ) -> None:
        self.file = file
        self.site = site
        self.budget = budget
        self._runs = runs
        self._options = options

    @cached_property
    def analysed(self) -> Analysed:
        """What the executions show of the site."""
        found = self._runs.analyse(self.site)
        if self.budget.left < 0:
            raise OutOfWork
        return found

    @property
    def undetermined(self) -> bool:
        """Whether not all executions could be run."""
        return self.analysed.is_incomplete

    @cached_property
    def finding(self) -> Finding | None:
        """The finding of the site."""
        if self.analysed.is_undetermined:
            return None
        return finding_at(self.file, self.analysed, self._options)

    @cached_property
    def had_finding(self) -> bool:
        """Whether the site has a finding, or had one before another site was cured."""
        return self.finding is not None

    def inherit(self, before: Seen) -> None:
        """Take over what is known of the site from before another one was cured."""
        if "had_finding" in vars(before):
            self.had_finding = before.had_finding

    @property
    def place(self) -> tuple[int, int]:
        """The line (from 1) and column (from 0) of the call."""
        return self.site.call.line, self.site.call.column

    @property
    def settles(self) -> bool:
        """Whether the call is one of `wait_any`."""
        return last_name(self.site.call.func) in self.file.program.settling

    @property
    def extent(self) -> tuple[int, int] | None:
        """The first and last line of the outermost function around the site."""
        entry = self.file.outline.around(self.site.call.line)
        return None if entry is None else (entry.start, entry.end)

    @property
    def notes(self) -> NotingBooks:
        """The books of the run."""
        books = self.analysed.books
        assert isinstance(books, NotingBooks)
        return books

    @property
    def uses(self) -> list[Use]:
        """What is done to tasks of the site that still run after the wait, in source order."""
        uses = [use for use in self.notes.uses if not use.struck]
        return sorted(uses, key=lambda use: use.line)

    @property
    def waited(self) -> set[Owner]:
        """What the elements of the wait are: see `NotingBooks.waited`."""
        return self.notes.waited

    @property
    def lost(self) -> frozenset[str]:
        """What messages call the tasks that some execution loses at the site."""
        lost = {leak.origin for leak in self.notes.leaks if leak.kind == "lost"}
        return frozenset(map(self.notes.label, lost))

    @property
    def struck(self) -> set[Struck]:
        """What the watched cancels strike."""
        return self.notes.struck

    @property
    def idle_cancels(self) -> set[int]:
        """The lines of cancels that never strike anything that still runs."""
        return self.notes.cancels_on - self.notes.striking_on

    @property
    def used_after_cancel(self) -> list[Use]:
        """What is done to tasks after a watched cancel has struck them."""
        return [use for use in self.notes.uses if use.struck]


def examine(
    text: str,
    start: int | None,
    options: Options,
    settling: frozenset[str],
    budget: Budget,
    lowered: Lowered,
    watched: frozenset[int] = frozenset(),
    most: int = MANY,
    path: str | None = None,
) -> list[Seen]:
    """The sites of the outermost function that begins on line `start`, in source order; where that
    is None, those outside all functions.

    `settling` are the names that `wait_any` goes by, `lowered` the functions that are known from
    other versions of the file, `watched` the lines of cancels to take notes of, `most` how many
    tasks a collection of unknown size stands for at most, `path` where the file stands. Raises
    `OutOfWork` where the `budget` is spent, and `SyntaxError`.
    """
    budget.left -= _PARSING
    if budget.left < 0:
        raise OutOfWork
    tree = parse_newer(text)
    file = File(text, tree, options, lowered, settling, path=path)
    if start is None:
        lines = call_lines(tree, candidates(text, options.wait_functions))
        lines = [line for line in lines if file.outline.around(line) is None]
    else:
        lines = [start]
    make = partial(noting_books, watched, most, budget)
    seen = [
        Seen(file, runs, site, options, budget)
        for runs in functions(file, lines, options, make)
        for site in runs.facts.sites
    ]
    return sorted(seen, key=lambda each: each.place)
