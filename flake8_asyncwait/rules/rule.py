"""What a rule is: its texts, and when it fires. Docs, `explain` and tests are made from it."""

from __future__ import annotations

from collections.abc import Callable

from flake8_asyncwait.analysis.states.trace import Trace
from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.verdict.outcome import Outcome
from flake8_asyncwait.verdict.place import Place


class Hit(NamedTuple):
    """Why a rule fires: what it says of a place, and the history of the execution that shows it."""

    says: Callable[[Place], str]
    history: Trace | None


class Rule(NamedTuple):
    """One code. `fires` gives a `Hit`, or None.

    `bad` is a whole module in which the rule fires once, `good` its twin in which nothing does.
    Where `asyncwait fix` has a cure, `good` is what it makes of `bad` as a script. `fix` says in a
    few words what it does, `cure` in full, and where it does not; `by_hand` is the reason where it
    never does anything. `summary` is a line; `rationale`
    and `cure` are paragraphs of Markdown.
    """

    code: str
    name: str
    default: bool
    summary: str
    rationale: str
    bad: str
    good: str
    fix: str
    cure: str
    fires: Callable[[Outcome], Hit | None]
    by_hand: str = ""
