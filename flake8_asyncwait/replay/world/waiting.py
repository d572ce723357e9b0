"""The stand-ins for waits, timeouts and groups, and for calls of the judged source."""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import combinations
from types import CodeType
from typing import Any

from flake8_asyncwait.replay.family import WAIT
from flake8_asyncwait.replay.lives import CoroutineStandin, Life, Owner, Standin
from flake8_asyncwait.replay.world.choices import DOES_NOT_HOLD, SIZES
from flake8_asyncwait.replay.world.facts import Kind
from flake8_asyncwait.replay.world.futures import (
    BareTask,
    Gather,
    Shield,
    Task,
    cancel_all,
    finish,
    known_done,
    lives_of,
    running,
)
from flake8_asyncwait.replay.world.scheduler import World
from flake8_asyncwait.replay.world.unknown import Unknown

# So many tasks are parted in all ways, where no witness is followed and where one is.
ALL_SUBSETS_UP_TO = 3
ALL_SUBSETS_WIDELY = 10
NOT_EMPTY = tuple(size for size in SIZES if size)


class Half(set[object]):
    """The done or pending half of a result: which element `pop()` takes is a choice."""

    SHOWN = frozenset(name for name in dir(set) if name[0] != "_")
    __slots__ = ("world",)
    world: World

    def pop(self) -> object:
        elements = list(self)
        if len(elements) > 1:
            labels = [repr(element) for element in elements]
            chosen = elements[self.world.choose("pop()", labels)]
            self.remove(chosen)
            return chosen
        return super().pop()


class WaitCall(CoroutineStandin):
    """The coroutine of one call of `asyncio.wait()`.

    `site` says whether it is the judged one, and then `names` reads what its result's names hold.
    """

    __slots__ = (
        "elements",
        "first",
        "lines",
        "names",
        "own_timeout",
        "return_when",
        "timed",
        "waited",
        "world",
    )

    def __init__(
        self,
        world: World,
        waited: Any,
        timed: bool,
        return_when: object,
        names: Mapping[str, Callable[[], object]] | None,
    ) -> None:
        self.world = world
        self.waited = waited
        self.timed = timed
        self.return_when = return_when
        self.first = isinstance(return_when, Standin) or return_when != asyncio.ALL_COMPLETED
        self.names = names
        self.own_timeout = False
        self.elements: list[object] = []
        self.lines = world.lines() if world.guide else frozenset[int]()

    def standin_holds(self) -> Iterable[object]:
        return [self.waited, *self.elements]

    def start(self) -> None:
        """Take the waited tasks in. Raises ValueError where there are none."""
        world, waited = self.world, self.waited
        if isinstance(waited, Unknown):
            waited = waited.elements(NOT_EMPTY)
        self.elements = sorted({as_element(world, one) for one in waited}, key=hash)
        if self.elements:
            world.meet_wait(self.lines, world.kind == WAIT)
        if self.names is not None:
            world.site_started(self.names)
            world.bare_coroutine |= any(type(one) is BareTask for one in self.elements)
            early = self.timed or self.first or self.own_timeout
            for life in self._lives():
                life.waited_early |= early
                life.waited_full |= not early
        for life in self._lives():
            life.joined |= life.asked or life.late
        if not self.elements:
            raise ValueError("Set of Tasks/Futures is empty.")
        self.world.stage.waits(self)

    def _lives(self) -> Iterator[Life]:
        for element in self.elements:
            yield from lives_of(element)

    def __await__(self) -> Generator[object, object, object]:
        return (yield from self.world.stage.happen(self.decide, self))

    __iter__ = __await__

    def decide(self) -> object:
        """Choose what comes of awaiting this."""
        world = self.world
        alone = world.scopes[-1] if world.scopes and world.scopes[-1].alone else None
        self.own_timeout |= alone is not None
        self.start()
        self.suspend()
        if alone is not None and world.choose("asyncio.wait()", ("in time", "times out")):
            world.meet("timeout", lines=self.lines)
            alone.expire()
            raise CancelledError
        return self.outcome()

    def suspend(self) -> None:
        """Wait: F may be cancelled now."""
        with self.names_kept():
            self.world.suspensions += 1
        if self.world.strike("asyncio.wait()", fails=False, lines=self.lines):
            raise CancelledError

    @contextmanager
    def names_kept(self) -> Iterator[None]:
        """Let time pass inside: the names of what is waited for are believed as before."""
        facts = [one.standin for one in self.elements if isinstance(one, Unknown)]
        current = [one for one in facts if one.is_current()]
        try:
            yield
        finally:
            for one in current:
                one.touch()

    def outcome(self, now: bool = True) -> tuple[Half, Half]:
        """Return done and pending, of now or of some time ago: which tasks are done is a choice."""
        undecided = [one for one in self.elements if not known_done(one)]
        ended = self._ended(undecided)
        done, pending = Half(), Half()
        done.world = pending.world = self.world
        for element in self.elements:
            (done if element in ended or element not in undecided else pending).add(element)
        for element in pending:
            for life in lives_of(element) if now else ():
                life.seen = self.world.suspensions
        self.world.meet_outcome(self.lines)
        for element in ended:
            finish(self.world, element)
        if pending and self.return_when == asyncio.FIRST_EXCEPTION and not self.timed:
            failing = (one for one in done if not getattr(one, "return_exceptions", False))
            self.world.one_has_failed(life for one in failing for life in lives_of(one))
        return done, pending

    def _ended(self, undecided: list[object]) -> list[object]:
        may_have = [
            e for e in undecided if all(map(self.world.may_have_ended, running(lives_of(e))))
        ]
        if not (self.timed or self.first):
            if len(may_have) < len(undecided):
                self.world.give_up(DOES_NOT_HOLD)
            return undecided
        fewest = 1 if not self.timed and len(undecided) == len(self.elements) else 0
        options = [
            list(chosen)
            for size in self._sizes(len(may_have), fewest)
            for chosen in combinations(may_have, size)
        ]
        if not options:
            self.world.give_up(DOES_NOT_HOLD)
        labels = [", ".join(map(repr, chosen)) + " done" for chosen in options]
        barred = frozenset(
            number for number, ended in enumerate(options) if not self._admits(undecided, ended)
        )
        return options[self.world.choose("asyncio.wait()", labels, barred)]

    def _sizes(self, count: int, fewest: int) -> Iterable[int]:
        """Return how many of `count` tasks may be done: of many, only few or nearly all."""
        sizes = range(fewest, count + 1)
        if count <= (ALL_SUBSETS_WIDELY if self.world.widely else ALL_SUBSETS_UP_TO):
            return sizes
        return [size for size in sizes if size <= 1 or size >= count - 1]

    def _admits(self, running: list[object], ended: list[object]) -> bool:
        """Say whether an outcome is one that the witness allows, if there is one to follow."""
        if self.world.guide is None:
            return True
        pending = [one for one in running if one not in ended]
        done = [one for one in self.elements if one not in pending]
        lines = [[life.lines for one in half for life in lives_of(one)] for half in (done, pending)]
        return self.world.guide.admits_outcome(self.lines, *lines)


class HelperCall(CoroutineStandin):
    """The coroutine of a call of a coroutine function of the judged source."""

    __slots__ = ("code", "holds", "run", "world")

    def __init__(
        self,
        world: World,
        run: Callable[[], Awaitable[object]],
        holds: tuple[object, ...],
        code: CodeType,
    ) -> None:
        self.world = world
        self.run = run
        self.holds = holds
        self.code = code

    def standin_holds(self) -> Iterable[object]:
        return self.holds

    def __await__(self) -> Generator[object, object, object]:
        return (yield from self.run().__await__())


class Timeout(Standin):
    """`asyncio.timeout()`: entering and leaving it never suspends.

    `alone` is set when the wait is all that it guards: then expiring is no fault. Nor is it, for a
    site of the family, where a handler expects it: `is_expected`.
    """

    SHOWN = frozenset({"__aenter__", "__aexit__", "expired", "reschedule", "when"})
    __slots__ = ("alone", "delay", "has_expired", "is_expected", "world")

    def __init__(self, world: World, delay: object) -> None:
        self.world = world
        self.delay = delay
        self.alone = self.is_expected = False
        self.has_expired = False

    def expire(self) -> None:
        """Cancel what runs inside: it leaves as a TimeoutError."""
        self.has_expired = True

    def expired(self) -> bool:
        return self.has_expired

    def reschedule(self, when: object) -> None:
        """Move the deadline, which says nothing."""

    def when(self) -> Unknown:
        return Unknown(self.world, "timeout.when()", Kind.VALUE)

    async def __aenter__(self) -> Timeout:
        if self.delay is not None:
            self.world.scopes.append(self)
            self.world.stage.enters(self)
        return self

    async def __aexit__(
        self, kind: type | None, error: BaseException | None, trace: object
    ) -> None:
        if self.delay is not None:
            self.world.scopes.remove(self)
            self.world.stage.leaves(self, error)
        if self.has_expired and isinstance(error, CancelledError):
            raise TimeoutError from error


class TaskGroup(Standin):
    """`asyncio.TaskGroup()`: sees to its tasks itself."""

    SHOWN = frozenset({"__aenter__", "__aexit__", "create_task"})
    __slots__ = ("tasks", "world")

    def __init__(self, world: World) -> None:
        self.world = world
        self.tasks: list[Task] = []

    def create_task(self, coroutine: object, **options: object) -> Task:
        self.world.share(coroutine)
        task = Task(self.world, Life("a task of a TaskGroup", Owner.FOREIGN))
        self.tasks.append(task)
        return task

    async def __aenter__(self) -> TaskGroup:
        await self.world.pause("enter TaskGroup()")
        return self

    async def __aexit__(
        self, kind: type | None, error: BaseException | None, trace: object
    ) -> None:
        if error is not None:
            self._cancel_all()
        try:
            await self.world.pause("leave TaskGroup()")
        except BaseException:
            self._cancel_all()
            raise
        for task in self.tasks:
            self.world.finish(task.life)

    def _cancel_all(self) -> None:
        for task in self.tasks:
            task.life.asked = True
            self.world.stage.asked(task.life)
            self.world.finish(task.life)


class WaitFor(CoroutineStandin):
    """The coroutine of `asyncio.wait_for()`: what it waits for is settled, come what may."""

    __slots__ = ("is_expected", "thing", "timed", "world")

    def __init__(self, world: World, thing: Any, timed: bool) -> None:
        self.world = world
        self.thing = thing
        self.timed = timed
        self.is_expected = False

    def standin_holds(self) -> Iterable[object]:
        return (self.thing,)

    def __await__(self) -> Generator[object, object, object]:
        if is_coroutine(self.thing) and not isinstance(self.thing, WaitCall):
            return (yield from self._coroutine())
        return (yield from self.world.stage.happen(self.decide, self))

    def decide(self) -> object:
        """Choose what comes of awaiting this, if it is no coroutine but a wait or a task."""
        return self._wait(self.thing) if isinstance(self.thing, WaitCall) else self._task()

    def _wait(self, wait: WaitCall) -> object:
        wait.own_timeout |= self.timed
        wait.start()
        wait.suspend()
        if self.timed and self.world.choose("asyncio.wait_for()", ("in time", "times out")):
            self.world.meet("timeout", lines=wait.lines)
            raise TimeoutError
        return wait.outcome()

    def _coroutine(self) -> Generator[object, object, object]:
        scope = Timeout(self.world, 1 if self.timed else None)
        scope.is_expected = self.is_expected
        self.world.stage.awaits(self.thing)
        if self.timed:
            self.world.scopes.append(scope)
        try:
            return (yield from self.world.stage.within(scope, self.thing))
        except CancelledError as error:
            if scope.has_expired:
                raise TimeoutError from error
            raise
        finally:
            if self.timed:
                self.world.scopes.remove(scope)

    def _task(self) -> object:
        lives = lives_of(self.thing)
        has_ended = isinstance(self.thing, Shield) and known_done(self.thing.inner)
        has_ended |= isinstance(self.thing, Gather) and self.thing.has_failed
        if self.timed and running(lives) and not has_ended:
            with self.world.striking_at(*lives):
                if self._times_out():
                    self.world.suspensions += 1
                    cancel_all(lives)
                    if isinstance(self.thing, Gather):
                        self.thing.end_by(None)
                    raise TimeoutError
        return self.thing.decide()

    def _times_out(self) -> bool:
        label = "asyncio.wait_for()"
        if not self.is_expected:
            return self.world.strike_one(label, ["times out"]) is not None
        if not self.world.choose(label, ("in time", "times out")):
            return False
        self.world.meet_timeout()
        return True


def is_task(thing: object) -> bool:
    """Say whether something unknown has turned out to be a task."""
    return isinstance(thing, Unknown) and thing.standin.life is not None


def is_waited_for(thing: object) -> bool:
    """Say whether something unknown is a task for sure: what only has `.done()` may be anything."""
    life = thing.standin.life if isinstance(thing, Unknown) else None
    return life is not None and life.waited


def is_coroutine(thing: object) -> bool:
    """Say whether a stand-in is a coroutine, and not a task or future."""
    if isinstance(thing, Unknown):
        return thing.is_coroutine_call()
    return isinstance(thing, CoroutineStandin)


def as_element(world: World, thing: object) -> object:
    """Return what `asyncio.wait()` waits on for one of the things it is given."""
    if isinstance(thing, Unknown):
        thing.as_task()
        return thing
    if is_coroutine(thing):
        world.hand_over(thing)
        return BareTask(world, Life("a bare coroutine", Owner.MADE, maker=world.target))
    return thing
