"""What keeps an execution on the way that a witness describes.

A witness is a sequence of (line, choice): the line in the judged source, from 1, and what happens
there, one of

- `wait`: a wait starts;
- `outcome:pending=3,4;done=5`: it returns; the tasks made on these lines are pending, or done (0:
  one made elsewhere, `?`: nothing is known of the half);
- `timeout`: the time that was set for it runs out;
- `fault:NAME`: the one fault strikes, as an exception of that class;
- `raise:NAME`: a plain call raises what a `try` around it is there for;
- `branch:yes`, `branch:no`: a condition holds, or does not.

An execution follows a witness when all its choices occur in it, in this order, and no other fault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

CANCELLATIONS = frozenset({"cancelled", "timed out", "times out"})
KINDS = {"CancelledError": CANCELLATIONS, "GeneratorExit": frozenset({"closed"})}
TIMEOUTS = frozenset({"timed out", "times out", "failed"})


@dataclass(slots=True)
class Guide:
    """The choices of a witness, how many of them an execution has met, how often something else has
    happened in place of one, and how often it had before each of the execution's choices.

    A statement may stretch over lines: `statements` gives for a line all lines of the one on it.
    """

    steps: Sequence[tuple[int, str]]
    statements: Mapping[int, Collection[int]]
    position: int = 0
    strayed: int = 0
    strayed_before: list[int] = field(default_factory=list)
    _waited_after: Counter[int] = field(default_factory=Counter)

    def is_followed(self) -> bool:
        """Say whether every choice has been met."""
        return self.position == len(self.steps)

    def expected(self, lines: Collection[int], kind: str) -> str | None:
        """Return the details of the next choice if it is of a kind, on one of the lines."""
        if self.is_followed():
            return None
        line, choice = self.steps[self.position]
        found, _, details = choice.partition(":")
        return details if found == kind and self._is_near(line, lines) else None

    def _is_near(self, line: int, lines: Collection[int]) -> bool:
        """Say whether a line is one of some statements'."""
        return any(line == other or line in self.statements.get(other, ()) for other in lines)

    def meet(self, lines: Collection[int], kind: str, details: str = "") -> None:
        """Note that something has happened."""
        expected = self.expected(lines, kind)
        if expected == details:
            self.position += 1
        elif expected is not None:
            self.strayed += 1

    def advance(self) -> None:
        """Note that the next choice has been met."""
        self.position += 1

    def admits_wait(self, lines: Collection[int]) -> bool:
        """Say whether the judged function may start a wait now: one that the witness does not have
        comes before all that it has, or after it, each but twice (two names, of which one is bound
        to what the other was, keep a task till a loop has come round twice).
        """
        if self.is_followed():
            self._waited_after.update(lines)
            return all(self._waited_after[line] <= 2 for line in lines)
        return not self.position or self.expected(lines, "wait") is not None

    def admits_fault(self, lines: Collection[int], option: str) -> bool:
        """Say whether a fault, named by an option of the scheduler, is the next choice."""
        name = self.expected(lines, "fault")
        if name is None:
            return False
        if name == "TimeoutError":
            return option in TIMEOUTS
        kinds = KINDS.get(name)
        if kinds is not None:
            return option in kinds
        return option not in CANCELLATIONS and option != "closed"

    def admits_outcome(
        self,
        lines: Collection[int],
        done: Sequence[Collection[int]],
        pending: Sequence[Collection[int]],
    ) -> bool:
        """Say whether an outcome of a wait may come next, by the lines that made its tasks.

        Where the next choice is something else, any outcome may: the wait is not the witness's.
        """
        details = self.expected(lines, "outcome")
        if details is None:
            return True
        halves = dict(half.split("=") for half in details.split(";"))
        return self._agrees(halves["done"], done) and self._agrees(halves["pending"], pending)

    def _agrees(self, text: str, half: Sequence[Collection[int]]) -> bool:
        """Say whether a half is as empty as a witness says, and holds a task of all its lines."""
        if text == "?":
            return True
        wanted = [int(line) for line in text.split(",")] if text else []
        found = all(any(self._is_near(line, one) for one in half) for line in wanted if line)
        return found and bool(half) == bool(wanted)
