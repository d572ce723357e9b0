"""How a statement can end, and the sets of states that end so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flake8_asyncwait.analysis.code.exceptions import Exc
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.named import NamedTuple


class Completion(NamedTuple):
    """An abrupt end: `return`, `break`, `continue` or `raise` (with what is raised)."""

    kind: str
    exc: Exc | None = None


RETURN = Completion("return")
BREAK = Completion("break")
CONTINUE = Completion("continue")


def raising(exc: Exc) -> Completion:
    """The completion that raises `exc`."""
    return Completion("raise", exc)


class States:
    """A set of states. Of equal ones it keeps that with the shortest history."""

    __slots__ = ("_states",)

    def __init__(self, states: Iterable[State] = ()) -> None:
        self._states: dict[object, State] = {}
        for state in sorted(states, key=_length):
            self.add(state)

    def add(self, state: State) -> bool:
        """Add a state; False if there was one that equals it."""
        key = state.key()
        known = self._states.get(key)
        if known is None:
            self._states[key] = state
            return True
        if _length(state) < _length(known):
            self._states[key] = state
        return False

    def __iter__(self) -> Iterator[State]:
        return iter(self._states.values())

    def __len__(self) -> int:
        return len(self._states)


def _length(state: State) -> int:
    return state.trace.length if state.trace is not None else 0


class Flow:
    """The abrupt ends of a block: for each completion, the states that end so."""

    __slots__ = ("_ends",)

    def __init__(self) -> None:
        self._ends: dict[Completion, list[State]] = {}

    def add(self, completion: Completion, *states: State) -> None:
        if states:
            self._ends.setdefault(completion, []).extend(states)

    def __iter__(self) -> Iterator[tuple[Completion, list[State]]]:
        return iter(list(self._ends.items()))

    def take(self, completion: Completion) -> list[State]:
        """Take out the states that end with `completion`."""
        return self._ends.pop(completion, [])
