"""How an execution got where it is: its steps, each linked to the one before it."""

from __future__ import annotations

from flake8_asyncwait.named import NamedTuple


class Choice(NamedTuple):
    """What a replay has to choose at a step so that the execution goes this way. `taken` is the way
    that it takes; where that is `vague`, there may be others that look the same."""

    kind: str
    taken: str = ""
    vague: bool = False

    def __str__(self) -> str:
        return f"{self.kind}:{self.taken}" if self.taken else self.kind


NO_CHOICE = Choice("")
WAITING = Choice("wait")
TIMEOUT = Choice("timeout")
YES, NO = Choice("branch", "yes"), Choice("branch", "no")
# Kinds of choices: the fault that strikes, what a plain call raises, how a wait ends.
FAULT = "fault"
RAISE = "raise"
OUTCOME = "outcome"

# What steps say that rules read.
DROPPED = "nothing refers to it any more"
VAIN_CANCEL = "the gather is done: its cancel() cancels nothing"
_CLOSING = "the exception leaves the with of "
_READING = " is read, but is "


def closing(name: str) -> str:
    """What the step says on which a `with` is left that has bound a name."""
    return f"{_CLOSING}'{name}'"


def closed_by(what: str) -> str:
    """The name that such a step is about, "" for another step."""
    return what.removeprefix(_CLOSING).strip("'") if what.startswith(_CLOSING) else ""


def reading(name: str, what: str) -> str:
    """What the step says on which a cleanup reads a result that is not there: `what` it is then."""
    return f"'{name}'{_READING}{what}"


def read_in(what: str) -> tuple[str, str]:
    """The name that such a step is about and what it is, "" for another step."""
    name, reads, found = what.partition(_READING)
    return (name.strip("'"), found) if reads else ("", "")


class Trace(NamedTuple):
    """One step of an execution, linked to the one before it.

    It is `vague` where something happened to collections that hold unknown things too.
    """

    before: Trace | None
    line: int
    what: str
    choice: Choice
    length: int
    vague: bool

    @property
    def rank(self) -> tuple[bool, int]:
        """Of two histories, the one with the lower rank says more in fewer steps."""
        return self.vague, self.length

    @property
    def struck_on(self) -> int:
        """The line on which the fault strikes, 0 where none does."""
        return next((step.line for step in self.steps() if step.choice.kind == FAULT), 0)

    def steps(self) -> list[Trace]:
        """All steps of the execution, the first first."""
        steps = []
        step: Trace | None = self
        while step is not None:
            steps.append(step)
            step = step.before
        return steps[::-1]
