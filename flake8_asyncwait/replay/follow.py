"""Find the executions that a finding's witness describes."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice

from flake8_asyncwait.replay.guide import Guide
from flake8_asyncwait.replay.judge import EXECUTIONS_AT_MOST, Execution, executions, run
from flake8_asyncwait.replay.locate import NONE_KNOWN, Known, statement_lines
from flake8_asyncwait.replay.program import Program, prepare
from flake8_asyncwait.replay.scheduler import Leak, Owner


def follow(
    source: str,
    site: tuple[int, int],
    code: str,
    steps: Sequence[tuple[int, str]],
    *,
    limit: int = EXECUTIONS_AT_MOST,
    known: Known = NONE_KNOWN,
) -> Execution | None:
    """Return the first execution that follows a witness and shows what its finding says.

    `source` is the module's text, `site` the line (from 1) and column (from 0) of the wait, `code`
    the finding's, `steps` its witness as (line, choice); those without a choice say nothing here.
    What a witness leaves open (what happened before the wait, how many there are of something) is
    tried, in at most `limit` executions. None where none of them leaks so. Raises `CannotJudge`,
    and `SyntaxError`.
    """
    return next(following(prepare(source, site, known), source, code, steps, limit), None)


def following(
    program: Program,
    source: str,
    code: str,
    steps: Sequence[tuple[int, str]],
    limit: int = EXECUTIONS_AT_MOST,
) -> Iterator[Execution]:
    """Yield all that `follow` may return, of the program that was made of the source."""
    told = [(line, choice) for line, choice in steps if choice]
    statements = statement_lines(ast.parse(source))

    def guided(prefix: Sequence[int]) -> Execution:
        return run(program, prefix, guide=Guide(told, statements))

    for execution in islice(executions(guided), limit):
        if execution.follows and _shows(program, execution, code):
            yield execution


def showing(program: Program, code: str, limit: int = EXECUTIONS_AT_MOST) -> Iterator[Execution]:
    """Yield the executions that show what a code says, whatever a witness says of it."""
    for execution in islice(executions(partial(run, program)), limit):
        if _shows(program, execution, code):
            yield execution


def _shows(program: Program, execution: Execution, code: str) -> bool:
    """Say whether an execution shows what a code says, whoever has adopted its tasks."""
    if code == "AWT203":
        return execution.bare_coroutine
    if code == "AWT105":
        return execution.uncancelled
    if code == "AWT202":
        return bool(execution.unjoined)
    return any(_is_of(program, leak, code) for leak in execution.leaks)


def _is_of(program: Program, leak: Leak, code: str) -> bool:
    made = leak.owner is Owner.MADE and leak.maker is program.target
    if code == "AWT201":
        return made and not leak.early
    borrowed = leak.owner is Owner.BORROWED
    if code == "AWT104":
        return borrowed and leak.collection and leak.early and not leak.faulty
    if not leak.early or not (made or borrowed):
        return False
    return leak.faulty == (code != "AWT101") and (leak.stale or code != "AWT103")
