"""What the books say will happen: when each task ends, and how, and when timeouts expire."""

from __future__ import annotations

import types
from collections.abc import Callable, Generator
from dataclasses import dataclass, field

from flake8_asyncwait.replay.lives import Life, Owner, State
from flake8_asyncwait.replay.world.completed import AsCompleted
from flake8_asyncwait.replay.world.scheduler import World
from flake8_asyncwait.replay.world.stage import Result, Stage
from flake8_asyncwait.replay.world.waiting import Timeout


@dataclass(slots=True)
class Fate:
    """What becomes of one task: the suspension (from 1) in which it ends, if it does, and how.

    `asked` says that the function asks it to cancel. `given` is one that the function completes.
    """

    owner: Owner
    ended: int | None = None
    state: State = State.RUNNING
    asked: bool = False
    given: bool = False


@dataclass(slots=True)
class Script:
    """What the books say will happen: the fates of the tasks, and when the timeouts expire."""

    fates: list[Fate] = field(default_factory=list)
    expiries: list[int | None] = field(default_factory=list)


class Books(Stage):
    """The judge's stage, which notes when tasks end and timeouts expire."""

    def __init__(self) -> None:
        self.fates: dict[Life, Fate] = {}
        self.asked_at: dict[Life, int] = {}
        self.timeouts: list[Timeout | AsCompleted] = []
        self.expiries: list[int | None] = []

    def opens(self, world: World) -> None:
        self.world = world

    @types.coroutine
    def happen(
        self, decide: Callable[[], Result], awaited: object
    ) -> Generator[object, object, Result]:
        self._look()
        return decide()
        yield

    def born(self, life: Life) -> None:
        self.fates[life] = Fate(life.owner)

    def asked(self, life: Life) -> None:
        self.fates[life].asked = True
        self.asked_at.setdefault(life, self.world.suspensions)

    def given(self, life: Life, error: object = None) -> None:
        self.fates[life].given = True

    def enters(self, timeout: Timeout | AsCompleted) -> None:
        self.timeouts.append(timeout)
        self.expiries.append(None)

    def enters_loop(self, loop: AsCompleted) -> None:
        self.enters(loop)

    def closes(self) -> None:
        self._look()
        for lives in self.world.must_fail:
            _let_one_fail(self.fates, lives)

    def script(self) -> Script:
        """Return what was noted."""
        return Script(list(self.fates.values()), self.expiries)

    def _look(self) -> None:
        """Note what has ended since the suspension before this one was over."""
        for life, fate in self.fates.items():
            if fate.ended is None and life.state is not State.RUNNING:
                fate.ended = self.world.suspensions
                if life in self.asked_at and not life.asked:  # it had ended when it was asked
                    fate.ended, fate.asked = self.asked_at[life], False
            fate.state = life.state
        for number, timeout in enumerate(self.timeouts):
            if self.expiries[number] is None and timeout.has_expired:
                self.expiries[number] = self.world.suspensions


def _let_one_fail(fates: dict[Life, Fate], lives: list[Life]) -> None:
    """Let one of the tasks fail, if nobody has learnt yet what came of it."""
    if any(fates[life].state is State.FAILED for life in lives):
        return
    for life in lives:
        if fates[life].state is State.FINISHED:
            fates[life].state = State.FAILED
            return
