"""What happened in an execution, line by line, with the names that the function gives its tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from types import FrameType

from flake8_asyncwait.replay.lives import Life, Standin


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: on a line of the source (from 1), or outside of it (0)."""

    line: int
    text: str

    def __str__(self) -> str:
        place = f"line {self.line}" if self.line else ""
        return f"{place:9} {self.text}"


@dataclass(slots=True)
class _Note:
    """`words` has None where `lives` come in."""

    line: int
    words: list[str | None]
    lives: list[list[Life]]


@dataclass(slots=True)
class Timeline:
    """The notes of one execution; tasks get their names as the function binds them.

    `lines` says where the function started its tasks.
    """

    notes: list[_Note] = field(default_factory=list)
    names: dict[Life, str] = field(default_factory=dict)
    lines: dict[Life, int] = field(default_factory=dict)

    def tell(self, line: int, *parts: str | Iterable[Life]) -> None:
        """Note what happened, in words and tasks.

        What happens to one task after another on a line is one note.
        """
        words = [part if isinstance(part, str) else None for part in parts]
        lives = [list(part) for part in parts if not isinstance(part, str)]
        last = self.notes[-1] if self.notes else None
        if last is not None and len(lives) == 1 and (last.line, last.words) == (line, words):
            last.lives[0].extend(lives[0])
        else:
            self.notes.append(_Note(line, words, lives))

    def look(self, frame: FrameType | None) -> None:
        """Learn the names of tasks from the variables of the function."""
        variables = dict(frame.f_locals) if frame is not None else {}
        single: dict[Life, str] = {}
        for name, value in variables.items():
            for life in _lives([value]):
                single.setdefault(life, name)
        for name, value in variables.items():
            held = list(_lives(_elements(value)))
            # The variable of a loop holds one of a collection: what the collection is called says
            # more, unless all of its tasks have names of their own.
            if any(life not in single for life in held):
                for number, life in enumerate(held):
                    self.names.setdefault(life, f"{name}[{number}]")
        for life, name in single.items():
            self.names.setdefault(life, name)

    def name(self, life: Life) -> str:
        """Return what to call a task."""
        line = self.lines.get(life)
        if life in self.names or line is None:
            return f"'{self.names.get(life, life.label)}'{self._number(life)}"
        unnamed = [one for one, at in self.lines.items() if at == line and one not in self.names]
        number = f" ({unnamed.index(life) + 1})" if len(unnamed) > 1 else ""
        return f"the task of line {line}{number}"

    def _number(self, life: Life) -> str:
        """What tells a task from others that a variable, or a place in a collection, has held."""
        same = [one for one, name in self.names.items() if name == self.names.get(life)]
        return f" ({same.index(life) + 1})" if len(same) > 1 else ""

    def phrase(self, lives: Sequence[Life]) -> str:
        """Return the names of some tasks, or "nothing"."""
        names = [self.name(life) for life in lives]
        if len(names) < 2:
            return names[0] if names else "nothing"
        return f"{', '.join(names[:-1])} and {names[-1]}"

    def events(self) -> Iterator[Event]:
        """Yield what happened, in order."""
        for note in self.notes:
            names = map(self.phrase, note.lives)
            told = [next(names) if word is None else word for word in note.words]
            yield Event(note.line, "".join(told))


def _lives(things: Iterable[object]) -> Iterator[Life]:
    for thing in things:
        if isinstance(thing, Standin) and (life := thing.standin_life()):
            yield life


def _elements(value: object) -> Iterable[object]:
    if isinstance(value, (set, frozenset)):
        return sorted(value, key=hash)
    if isinstance(value, dict):
        return [*value, *value.values()]
    if isinstance(value, (list, tuple)):
        return value
    return ()
