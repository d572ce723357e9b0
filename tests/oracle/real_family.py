"""Run a generated program of the family with real tasks on a real event loop, as `real` does.

The tasks are made by asyncio itself: the loop notes at which site, which is where the frame of the
program stands then. Needs Python 3.11, whose frames know their columns.
"""

from __future__ import annotations

import ast
import asyncio
import sys
import types
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from .real import PLAYED, REAL_TIMEOUT, Cut, GivenError, Stage, Watched

# Where a call stands: its line, from 1, and its column, from 0.
Place = tuple[int, int]
DELAYS = (3, 8)
THINGS_AT_MOST = 20
TASK_GROUP: Any = getattr(asyncio, "TaskGroup", object)


class GivenTimeout(GivenError, TimeoutError):
    """One that a handler may name."""


class GivenValue(GivenError, ValueError):
    """Another one."""


@dataclass(slots=True)
class FamilyStage(Stage):
    """One run: what each site has made, was given, and has begun to see to."""

    site: Place | None = None
    made_at: dict[asyncio.Task[Any], Place] = field(default_factory=dict)
    gathers: list[tuple[Place, Any]] = field(default_factory=list)
    completing: list[tuple[Place, list[Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.loop.set_task_factory(self._make)
        self.rate = self.chance.choice((0.35, 0.1))

    def _make(self, loop: Any, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        task = Watched(coroutine, loop=loop, **options)
        task.stage = self
        place = self.site or _place()
        if place is not None and coroutine.__name__ != "waiting":
            self.hand(*coroutine.cr_frame.f_locals.values())
            self.tasks[task] = "made"
            self.made_at[task] = place
        return task

    # -- what the program is given ---------------------------------------------------------------

    def replaced(self) -> dict[str, Any]:
        return {
            "TaskGroup": lambda: _Group(self),
            "as_completed": self.as_completed,
            "gather": self.gather,
            "sleep": lambda _: self.gate("sleep"),
            "timeout": self.timeout,
            "wait": self.wait,
            "wait_for": self.wait_for,
        }

    def elsewhere(self) -> types.ModuleType:
        module = types.ModuleType("elsewhere")
        vars(module).update(
            cond=self.ask,
            connect=lambda: _Manager(self),
            lock=_Manager(self),
            log=lambda: self.gate("log"),
            other=_Keeper(self),
            queue=_Stream(self),
            use=_Keeper(self),
            work=self.work,
        )
        return module

    def given(self, names: Collection[str]) -> dict[str, Any]:
        things = _Things(self, [self.future() for _ in range(self.chance.choice((0, 1, 2, 3)))])
        self.roots.append(things)
        loop = types.SimpleNamespace(create_task=self.loop.create_task)
        return {"things": things, "loop": loop}

    def gather(self, *things: Any, **options: Any) -> Any:
        """Be `asyncio.gather`, and note what it is a handle on."""
        gather = asyncio.gather(*things, **options)
        if type(gather) is not asyncio.Future:
            gather.__class__ = _Gather
        place = _place()
        assert place is not None
        self.gathers.append((place, gather))
        return gather

    def as_completed(self, things: Iterable[Any], *, timeout: float | None = None) -> Any:
        """Be `asyncio.as_completed`, whose tasks are started in the head of the loop."""
        place = _place()
        assert place is not None
        if timeout is not None:
            timeout = self.chance.choice(DELAYS)
        return _Completing(self, place, list(things), timeout)

    @contextmanager
    def at(self, place: Place) -> Iterator[None]:
        """Have the tasks that are made meanwhile count as made by the call at a place."""
        before, self.site = self.site, place
        try:
            yield
        finally:
            self.site = before

    @staticmethod
    def expiring(text: str) -> frozenset[int]:
        """Return the lines on which time may run out without a fault: a handler expects it."""
        return frozenset(
            part.lineno
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Try) and any(map(_expects_timeout, node.handlers))
            for statement in node.body
            for part in ast.walk(statement)
            if isinstance(part, ast.Call)
        )

    def wait_for(self, thing: Any, _: float) -> Any:
        """Do what `asyncio.wait_for` does since 3.12."""
        own = sys._getframe(1).f_lineno in self.own_timeouts

        async def waiting_for() -> Any:
            async with REAL_TIMEOUT(self.chance.choice(DELAYS)) if own else self.fault_timeout():
                return await thing

        return waiting_for()

    # -- the driver ------------------------------------------------------------------------------

    def go_on(self, outer: asyncio.Task[Any]) -> None:
        """Likewise; a cancellation may strike before all that is about to happen has happened."""
        if self.faulty_run and not self.faulty and self.chance.random() < 0.1:
            for _ in range(self.chance.choice((1, 2, 3))):
                self.loop.step()
            self._cancel(outer)
        self.loop.spin()

    def _cancel(self, outer: asyncio.Task[Any]) -> None:
        if not (self.faulty or outer.done()):
            self.faulty = outer.cancel()

    def strikeable(self, outer: asyncio.Task[Any]) -> list[asyncio.Future[Any]]:
        """A fault strikes where the function awaits: what fails in a gather that it does not await
        yet fails when it does."""
        awaited = getattr(outer, "_fut_waiter", None)
        unawaited = {
            child
            for _, gather in self.gathers
            if gather is not awaited and not gather.done()
            for child in getattr(gather, "_children", ())
        }
        unawaited -= {awaited, *getattr(awaited, "_children", ())}
        closed = Stage.strikeable(self, outer)
        return [gate for gate in closed if self.behind.get(gate) not in unawaited]

    def error(self) -> Exception:
        return self.chance.choice((GivenError, GivenTimeout, GivenValue))()

    # -- what has leaked -------------------------------------------------------------------------

    def leaks(self) -> frozenset[tuple[Any, str]]:
        """Return what is still running, at the site that it is judged at."""
        self.settle()
        running = {task for task in self.tasks if not task.done() and task not in self.handed}
        # A loop that begins judges its tasks from then on.
        looped = {task: place for place, things in self.completing for task in things}
        elsewhere = {task for task in looped if task in self.tasks}
        found = {looped[task] for task in running & elsewhere}
        for place, gather in self.gathers:
            children = [c for c in getattr(gather, "_children", ()) if c in self.tasks]
            if children and _has_failed(gather):
                elsewhere |= set(children)
                if gather.is_awaited and len(children) > 1:
                    found |= {place for task in children if task in running}
        found |= {self.made_at[task] for task in running - elsewhere}
        return frozenset((place, "made") for place in found)


class _Gather(asyncio.tasks._GatheringFuture):  # type: ignore[name-defined, misc]
    """A gather that notes whether anybody has awaited it."""

    is_awaited = False

    def __await__(self) -> Iterator[Any]:
        self.is_awaited = True
        result: None = yield from super().__await__()
        return result


class _Things(list[Any]):
    """The caller's collection. A loop over it that fills it does not end: it is given up."""

    def __init__(self, stage: FamilyStage, things: list[Any]) -> None:
        super().__init__(things)
        self._stage = stage

    def append(self, thing: Any) -> None:
        if len(self) > THINGS_AT_MOST:
            self._stage.outside = True
            raise Cut
        super().append(thing)


class _Completing:
    """A loop over `asyncio.as_completed`."""

    def __init__(
        self, stage: FamilyStage, place: Place, things: list[Any], timeout: float | None
    ) -> None:
        self._stage = stage
        self._place = place
        self._things = things
        self._timeout = timeout

    def __iter__(self) -> Iterator[Any]:
        with self._beginning():  # up to Python 3.12 nothing is started before the first step
            steps = iter(asyncio.as_completed(self._things, timeout=self._timeout))
            step = next(steps, None)
        while step is not None:
            yield step
            step = next(steps, None)

    def __aiter__(self) -> Any:
        with self._beginning():
            completed: Any = asyncio.as_completed(self._things, timeout=self._timeout)
            return aiter(completed)

    @contextmanager
    def _beginning(self) -> Iterator[None]:
        stage = self._stage
        before = set(stage.made_at)
        with stage.at(self._place):
            yield
        made = stage.made_at.keys() - before
        stage.completing.append((self._place, [*self._things, *made]))


class _Group(TASK_GROUP):  # type: ignore[misc]
    """A group that suspends at both ends, as the contract has it of what is entered."""

    def __init__(self, stage: FamilyStage) -> None:
        super().__init__()
        self._stage = stage

    async def __aenter__(self) -> Any:
        await self._stage.gate("enter")
        return await super().__aenter__()

    def create_task(self, coroutine: Any, **options: Any) -> Any:
        task = super().create_task(coroutine, **options)
        self._stage.handed.add(task)
        return task


class _Manager:
    """An unknown context manager."""

    def __init__(self, stage: FamilyStage) -> None:
        self._stage = stage

    async def __aenter__(self) -> _Keeper:
        await self._stage.gate("enter")
        return _Keeper(self._stage)

    async def __aexit__(self, *error: object) -> None:
        await self._stage.gate("leave")


class _Keeper:
    """An unknown object: called, it keeps what it is given, and its coroutines are work."""

    def __init__(self, stage: FamilyStage) -> None:
        self._stage = stage

    def __call__(self, *things: Any) -> Any:
        self._stage.hand(*things)
        return _Later(self._stage)

    async def run(self, *_: Any) -> None:
        await self._stage.work()


class _Later:
    """What an unknown function returns: it may be awaited, or left alone."""

    def __init__(self, stage: FamilyStage) -> None:
        self._stage = stage

    def __await__(self) -> Iterator[Any]:
        return self._stage.gate("other").__await__()


class _Stream:
    """An unknown asynchronous iterable."""

    def __init__(self, stage: FamilyStage) -> None:
        self._stage = stage

    def __aiter__(self) -> _Stream:
        return self

    async def __anext__(self) -> object:
        await self._stage.gate("next")
        if self._stage.ask():
            raise StopAsyncIteration
        return object()


def _place() -> Place | None:
    """Return where the call of the program stands that is being evaluated, if there is one."""
    frame: types.FrameType | None = sys._getframe(1)
    while frame is not None and frame.f_code.co_filename != PLAYED:
        frame = frame.f_back
    if frame is None:
        return None
    code: Any = frame.f_code
    line, _, column, _ = list(code.co_positions())[frame.f_lasti // 2]
    return None if line is None or column is None else (line, column)


def _expects_timeout(handler: ast.ExceptHandler) -> bool:
    return handler.type is not None and ast.unparse(handler.type).endswith("TimeoutError")


def _has_failed(gather: Any) -> bool:
    """Say whether a child has failed, or was cancelled, which ends the gather."""
    return gather.done() and not gather.cancelled() and gather.exception() is not None
