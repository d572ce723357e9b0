"""The parts of a live run: a suspension, what a real task does, its real counterpart."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from flake8_asyncwait.replay.lives import InjectedError, Life, State
from flake8_asyncwait.replay.proof.books import Fate
from flake8_asyncwait.replay.proof.loop import Loop
from flake8_asyncwait.replay.world.scheduler import World
from flake8_asyncwait.replay.world.waiting import WaitCall


class Work:
    """What a real task does: it stands at a gate, and once asked to cancel at a second one."""

    def __init__(self, loop: Loop) -> None:
        self.gate: asyncio.Future[None] = loop.create_future()
        self.cleanup: asyncio.Future[None] = loop.create_future()
        self.asked = False

    async def run(self) -> None:
        """Stand at the gates."""
        try:
            await self.gate
        except asyncio.CancelledError:
            self.asked = True
            while not self.cleanup.done():
                with suppress(asyncio.CancelledError):
                    await asyncio.shield(self.cleanup)
            raise

    def let_go(self) -> None:
        """Open the second gate."""
        if not self.cleanup.done():
            self.cleanup.set_result(None)


@dataclass(slots=True)
class Real:
    """The real counterpart of one life."""

    future: asyncio.Future[object]
    fate: Fate
    work: Work | None = None
    error: InjectedError = field(default_factory=lambda: InjectedError(None))

    def end(self, decided: bool) -> None:
        """Let it come to its end. A cancellation that was decided is asyncio's to bring about."""
        state = self.fate.state
        if self.work is None:
            self._end_future()
        elif state is State.CANCELLED:
            if not (decided or self.fate.asked):
                self.future.cancel()
            self.work.let_go()
        elif not self.work.gate.done():
            if state is State.FAILED:
                self.work.gate.set_exception(self.error)
            else:
                self.work.gate.set_result(None)

    def _end_future(self) -> None:
        if isinstance(self.future, asyncio.Task) or self.future.done() or self.fate.given:
            return
        if self.fate.state is State.CANCELLED:
            self.future.cancel()
        elif self.fate.state is State.FAILED:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(None)

    def is_running(self) -> bool:
        """Say whether it is a task that still runs and was never asked to cancel."""
        asked = self.work is not None and self.work.asked
        return isinstance(self.future, asyncio.Task) and not self.future.done() and not asked


class Turn:
    """One suspension: what was decided, and what is needed to let it happen."""

    def __init__(self, world: World, awaited: object) -> None:
        self.world = world
        self.awaited = awaited
        self.result: Any = None
        self.error: BaseException | None = None
        self.gate: asyncio.Future[object] | None = None
        self.ended: list[Life] = []
        self.number = 0
        self.scope_expired = False
        self.is_cancelled = False

    def decide(self, decide: Callable[[], object]) -> None:
        """Decide, and note what changed in the books."""
        world, before = self.world, {life: life.state for life in self.world.lives}
        expired, faulty = [one.expired() for one in world.scopes], world.faulty
        scopes = list(world.scopes)
        try:
            self.result = decide()
        except (Exception, asyncio.CancelledError) as error:
            self.error = error
        self.number = world.suspensions
        self.ended = [
            life
            for life in world.lives
            if life.state is not State.RUNNING and before.get(life) is State.RUNNING
        ]
        self.scope_expired = [one.expired() for one in scopes] != expired
        struck = world.faulty and not faulty and isinstance(self.error, asyncio.CancelledError)
        self.is_cancelled = struck and not self.scope_expired

    def open(self) -> None:
        """Let the function go on from something unknown."""
        assert self.gate is not None
        if self.gate.done():
            return
        if self.error is not None:
            self.gate.set_exception(self.error)
        else:
            self.gate.set_result(None)

    def expires(self, wait: WaitCall) -> bool:
        """Say whether the timeout of a wait has to expire for what was decided."""
        if not wait.timed or self.error is not None or not self.result[1]:
            return False
        return wait.return_when != asyncio.FIRST_COMPLETED or not self.result[0]

    @property
    def what(self) -> str:
        """What is awaited, in a word."""
        if isinstance(self.awaited, WaitCall):
            return "asyncio.wait()"
        return "the await"
