"""The witness of a finding: the steps of one leaking execution, from the wait to the loss."""

from __future__ import annotations

from collections.abc import Callable

from flake8_asyncwait.analysis.trace import History
from flake8_asyncwait.verdict.finding import Step


def witness(history: History | None, line: int, helper: Callable[[int], str]) -> tuple[Step, ...]:
    """The steps of a history from the first wait on `line`, where the site stands, or from the
    fault, should it strike before. `helper` names the function around the line of a step, "" where
    that is the function of the site."""
    if history is None:
        return ()
    steps = history.steps()
    starts = (
        n
        for n, step in enumerate(steps)
        if step.choice.startswith("fault:") or (step.choice == "wait" and step.line == line)
    )
    return tuple(
        Step(one.line, _inside(helper(one.line), one.what), one.choice)
        for one in steps[next(starts, 0) :]
    )


def _inside(helper: str, what: str) -> str:
    """What happens, and in which function if it is another one."""
    if not helper:
        return what
    head, colon, consequence = what.partition(":")
    return f"{head} in {helper}{colon}{consequence}"
