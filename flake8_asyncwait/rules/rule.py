"""What a rule is: its texts, and when it fires. Docs, `explain` and tests are made from it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flake8_asyncwait.analysis.state import History, Trace
from flake8_asyncwait.verdict.outcome import Loss, Outcome


@dataclass(frozen=True, slots=True)
class Hit:
    """Why a rule fires: the message, and the history of the execution that shows it."""

    message: str
    history: History | None


@dataclass(frozen=True, slots=True)
class Rule:
    """One code. `fires` gives a `Hit`, or None.

    `bad` is a whole module in which the rule fires once, `good` its twin in which nothing does.
    `cure` says what `asyncwait fix` does about it, and where it does not. `summary` is a line;
    `rationale` and `cure` are paragraphs of Markdown.
    """

    code: str
    name: str
    default: bool
    summary: str
    rationale: str
    bad: str
    good: str
    cure: str
    fires: Callable[[Outcome], Hit | None]


def fault_of(loss: Loss) -> tuple[str, int]:
    """What struck in an execution, as words, and on which line; ("", 0) where nothing did."""
    wait = 0
    for step in loss.history.steps():
        if step.choice == "wait":
            wait = step.line
        elif step.choice.startswith("fault:"):
            return _describe(step, wait), step.line
    return "", 0


def _describe(step: Trace, wait: int) -> str:
    kind = step.choice.removeprefix("fault:")
    if kind == "CancelledError":
        where = "of asyncio.wait()" if step.line == wait else f"on line {step.line}"
        return f"a cancellation {where}"
    if kind == "GeneratorExit":
        return f"the closing of the generator on line {step.line}"
    if kind == "TimeoutError":
        return f"a timeout on line {step.line}"
    return f"an exception on line {step.line}"


def cancelled_where(loss: Loss) -> str:
    """The lines on which a task is cancelled, as words."""
    lines = [str(line) for line in loss.cancelled_on]
    if not lines:
        return ""
    if len(lines) == 1:
        return f"line {lines[0]}"
    return f"lines {', '.join(lines[:-1])} and {lines[-1]}"
