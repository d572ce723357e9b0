"""The witness of a finding: the steps of one leaking execution, from the wait to the loss."""

from __future__ import annotations

from collections.abc import Callable

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.program import Program
from flake8_asyncwait.analysis.machine.fanout import STARTS
from flake8_asyncwait.analysis.states.trace import FAULT, WAITING, Trace
from flake8_asyncwait.verdict.finding import Step

_STARTS = frozenset(STARTS.values())


def witness(
    history: Trace | None, line: int, helper: Callable[[int], str], program: Program
) -> tuple[Step, ...]:
    """The steps of a history from the first wait on `line`, where the site stands, or from the
    fault, should it strike before. `helper` names the function around the line of a step, "" where
    that is the function of the site; `program` knows the files that lines stand in."""
    if history is None:
        return ()
    steps = history.steps()
    starts = (
        n
        for n, step in enumerate(steps)
        if step.choice.kind == FAULT
        or (step.line == line and (step.choice == WAITING or step.what in _STARTS))
    )
    return tuple(
        _step(one, helper(one.line), program.path_of(one.line)) for one in steps[next(starts, 0) :]
    )


def _step(one: Trace, helper: str, path: str) -> Step:
    return Step(one.line % ir.SPAN, _inside(helper, one.what), str(one.choice), path)


def _inside(helper: str, what: str) -> str:
    """What happens, and in which function if it is another one."""
    if not helper:
        return what
    head, colon, consequence = what.partition(":")
    return f"{head} in {helper}{colon}{consequence}"
