"""What running an execution on a real event loop has shown."""

from __future__ import annotations

from dataclasses import dataclass, replace

from flake8_asyncwait.replay.proof.timeline import Event

PROVED = "proved"
NOT_REPRODUCED = "not reproduced"
NOT_LIFTED = "not lifted"
GAVE_UP = "gave up"
NOT_PROVED = "not proved"
BROKEN = "internal error"
STATUSES = {PROVED: 0, NOT_REPRODUCED: 1, NOT_LIFTED: 2, GAVE_UP: 2, NOT_PROVED: 2, BROKEN: 2}
ASSUMED = "assumed: "


@dataclass(frozen=True, slots=True)
class Proof:
    """What running an execution on a real loop showed.

    `word` is one of the words above; `reason` says where asyncio differed, or why the function
    could not be run, and is empty where it is proved. `events` is what happened, and what was
    assumed for it.
    """

    word: str
    reason: str = ""
    events: tuple[Event, ...] = ()

    @property
    def happened(self) -> tuple[Event, ...]:
        """What happened, without what was assumed."""
        return tuple(event for event in self.events if not event.text.startswith(ASSUMED))

    @property
    def assumed(self) -> tuple[Event, ...]:
        """The conditions that nobody has checked, each where it was first asked for."""
        found = [event for event in self.events if event.text.startswith(ASSUMED)]
        return tuple(replace(event, text=event.text.removeprefix(ASSUMED)) for event in found)

    @property
    def is_given_up(self) -> bool:
        """Whether it took too long."""
        return self.word == GAVE_UP

    @property
    def status(self) -> int:
        """The exit status that says the same."""
        return STATUSES[self.word]

    @property
    def mark(self) -> str:
        """The word, and what else has to be said in short."""
        return f"{self.word}: {self.reason}" if self.status == 2 else self.word

    @property
    def verdict(self) -> str:
        """The word, and the reason if there is one."""
        word = "could not be lifted" if self.word == NOT_LIFTED else self.word
        return f"{word}: {self.reason}" if self.reason else word
