"""The witness of a finding: the steps of one leaking execution, from the wait to the loss."""

from __future__ import annotations

from flake8_asyncwait.analysis.trace import History
from flake8_asyncwait.verdict.finding import Step


def witness(history: History | None, line: int) -> tuple[Step, ...]:
    """The steps of a history from the first wait on `line`, where the site stands, or from the
    fault, should it strike before."""
    if history is None:
        return ()
    steps = history.steps()
    starts = (
        n
        for n, step in enumerate(steps)
        if step.choice.startswith("fault:") or (step.choice == "wait" and step.line == line)
    )
    return tuple(Step(one.line, one.what, one.choice) for one in steps[next(starts, 0) :])
