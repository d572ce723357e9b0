"""Find the executions that a finding's witness describes."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from heapq import heappop, heappush
from itertools import count, islice

from flake8_asyncwait.replay.executions.execution import Execution, executions, run
from flake8_asyncwait.replay.executions.lift import Lifted
from flake8_asyncwait.replay.family import SHOWN
from flake8_asyncwait.replay.lives import Leak, Owner, Point
from flake8_asyncwait.replay.world.choices import BOUNDS
from flake8_asyncwait.replay.world.guide import Guide

STEP_WORTH = 2  # how many changed choices a step of the witness is worth that is met


def following(
    lifted: Lifted, code: str, steps: Sequence[tuple[int, str]], limit: int
) -> Generator[Execution, None, str]:
    """Yield the executions that follow a witness and show what its finding says.

    `code` is the finding's, `steps` are its witness as (line, choice); those without a choice say
    nothing here. What a witness leaves open (what happened before the wait, how many there are of
    something) is tried, in at most `limit` executions. Returns why there may be others that follow
    it ("" where there are none).
    """
    choices = [(line, choice) for line, choice in steps if choice]

    def guided(prefix: Sequence[int]) -> tuple[Execution, Guide]:
        guide = Guide(choices, lifted.statements)
        return run(lifted, prefix, guide=guide), guide

    tried = _promising(guided)
    bounded = ""
    for execution in islice(tried, limit):
        if execution.given_up in BOUNDS:
            bounded = f"an execution was not run to its end: {execution.given_up}"
        if execution.follows and _shows(lifted, execution, code):
            yield execution
    if next(tried, None) is None:
        return bounded
    return f"none of {limit:,} executions that were tried follows the witness"


def _promising(run_one: Callable[[Sequence[int]], tuple[Execution, Guide]]) -> Iterator[Execution]:
    """Yield all executions, first those that few choices set apart from one that got far.

    `run_one` also gives the guide that was followed. What is wrong is often one of the first
    choices, or where an execution strays for the first time: trying the last choices of a long one
    first may take forever.
    """
    number = count()
    todo: list[tuple[int, int, int, tuple[int, ...]]] = [(0, 0, 0, ())]
    while todo:
        _, changes, _, prefix = heappop(todo)
        execution, guide = run_one(prefix)
        for choices in leaving(execution.points, len(prefix)):
            strayed = guide.strayed_before[len(choices) - 1]
            rank = changes + 1 - STEP_WORTH * (guide.position - strayed)
            heappush(todo, (rank, changes + 1, next(number), choices))
        yield execution


def leaving(points: Sequence[Point], start: int) -> Iterator[tuple[int, ...]]:
    """Yield the choices that leave an execution at one of its points from `start` on."""
    choices = tuple(point.picked for point in points)
    for index, point in enumerate(points[start:], start):
        for option in range(len(point.options)):
            if option != point.picked and option not in point.barred:
                yield (*choices[:index], option)


def showing(lifted: Lifted, code: str, limit: int) -> Iterator[Execution]:
    """Yield the executions that show what a code says, whatever a witness says of it."""
    for execution in islice(executions(partial(run, lifted)), limit):
        if _shows(lifted, execution, code):
            yield execution


def _shows(lifted: Lifted, execution: Execution, code: str) -> bool:
    """Say whether an execution shows what a code says, whoever has adopted its tasks."""
    if code == "AWT203":
        return execution.bare_coroutine
    if code == "AWT105":
        return execution.uncancelled
    if code == "AWT202":
        return bool(execution.unjoined)
    return any(_is_of(lifted, leak, code) for leak in execution.leaks)


def _is_of(lifted: Lifted, leak: Leak, code: str) -> bool:
    made = leak.owner is Owner.MADE and leak.maker is lifted.target
    if code in SHOWN:
        return SHOWN[code](leak) and (made or leak.owner is Owner.BORROWED)
    if code == "AWT201":
        return made and not leak.early
    borrowed = leak.owner is Owner.BORROWED
    if code == "AWT104":
        return borrowed and leak.collection and leak.early and not leak.faulty
    if not leak.early or not (made or borrowed):
        return False
    return leak.faulty == (code != "AWT101") and (leak.stale or code != "AWT103")
