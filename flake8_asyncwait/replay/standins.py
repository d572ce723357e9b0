"""The stand-in `asyncio`: tasks, waits, gathers, timeouts, all driven by the choices of a World.

Nothing here ever suspends for real: what can strike at a suspension is raised in its place.
"""

from __future__ import annotations

import asyncio
from asyncio import CancelledError
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from itertools import combinations
from types import CodeType
from typing import Any

from flake8_asyncwait.replay.family import CHILD, WAIT
from flake8_asyncwait.replay.locate import words
from flake8_asyncwait.replay.scheduler import (
    DOES_NOT_HOLD,
    SIZES,
    InjectedError,
    Life,
    Owner,
    Standin,
    State,
    World,
    last_word,
)
from flake8_asyncwait.replay.unknown import HASH_BASE, Kind, Pause, Unknown

ALL_SUBSETS_UP_TO = 3
COROUTINE_CALL = frozenset({"__await__", "close"})
NEWER = frozenset({"TaskGroup", "timeout", "timeout_at", "Barrier"})  # than the oldest Python
FUTURE_METHODS = words(
    """
    __await__ add_done_callback cancel cancelled cancelling done exception get_name
    remove_done_callback result set_exception set_name set_result uncancel
    """
)
StartTask = Callable[[Any], Any]
NOT_EMPTY = tuple(size for size in SIZES if size)


class Future(Standin):
    """A future, and what tasks, gathers and shields have in common."""

    SHOWN = FUTURE_METHODS
    __slots__ = ("__weakref__", "life", "serial", "value", "world")

    def __init__(self, world: World, life: Life) -> None:
        World.check(world)
        self.world = world
        self.life = world.born(life)
        self.serial = world.new_serial()
        self.value: object = None

    def standin_life(self) -> Life | None:
        return self.life

    def lives(self) -> list[Life]:
        """Return the lives that have to end for this to be done."""
        return [self.life]

    def finish(self) -> None:
        """Be done."""
        for life in self.lives():
            self.world.finish(life)

    def done(self) -> bool:
        return self.world.asks_done(self.life)

    def cancel(self, msg: object = None) -> Any:
        return self.world.ask(self.life)

    def cancelled(self) -> bool:
        return self.world.cancelled(self.life)

    def result(self) -> object:
        self.world.result(self.life)
        return self._value()

    def exception(self) -> BaseException | None:
        return self.world.exception(self.life)

    def __await__(self) -> Generator[Any, Any, object]:
        return (yield from self.world.stage.happen(self.decide, self))

    __iter__ = __await__

    def decide(self) -> object:
        """Choose what comes of awaiting this."""
        self.world.awaits(self)
        self.world.join(self.life)
        return self._value()

    def _value(self) -> object:
        if self.value is None:
            self.value = Unknown(self.world, f"the result of {self.life.label}", Kind.VALUE)
        return self.value

    def set_result(self, value: object) -> None:
        self.world.hand_over(value)
        self.life.state = State.GOOD
        self.world.stage.given(self.life)

    def set_exception(self, error: object) -> None:
        self.life.state = State.FAILED
        self.world.stage.given(self.life, error)

    def add_done_callback(self, function: object, *, context: object = None) -> None:
        """Hand nothing over; but whoever is told keeps an eye on it."""
        self.world.looks_after(self.life)

    def remove_done_callback(self, function: object) -> int:
        return 1

    def uncancel(self) -> int:
        return 0

    cancelling = uncancel

    def get_name(self) -> str:
        return self.life.label

    def set_name(self, name: object) -> None:
        """Take a name, which says nothing."""

    def __hash__(self) -> int:
        return HASH_BASE + self.serial

    def __eq__(self, other: object) -> bool:
        return self is other

    def __lt__(self, other: Future) -> bool:
        return self.serial < other.serial

    def __repr__(self) -> str:
        return self.life.label


class Task(Future):
    """A task; when its last reference goes, the world hears of it."""

    __slots__ = ()

    def __del__(self) -> None:
        self.world.lost(self.life)


class WaitTask(Task):
    """A task that runs `asyncio.wait()`: cancelling it leaves the waited tasks alone."""

    __slots__ = ("wait",)

    def __init__(self, world: World, life: Life, wait: WaitCall) -> None:
        super().__init__(world, life)
        self.wait = wait
        wait.start()
        life.sure = True
        world.stage.started(self, wait)

    def standin_holds(self) -> Iterable[object]:
        return self.wait.standin_holds()

    def decide(self) -> object:
        with self.wait.names_kept():
            return super().decide()

    def done(self) -> bool:
        known = super().done()
        self.conclude()
        return known

    def conclude(self) -> None:
        """Choose what the wait has returned, once its task has ended."""
        if self.life.state in (State.FINISHED, State.GOOD):
            self._value()

    def _value(self) -> object:
        if self.value is None:
            self.value = self.wait.outcome(now=False)
        return self.value


class Gather(Future):
    """A handle on its children: done when they are, cancelling it cancels them.

    `is_site` says that it is the judged one, `has_failed` that an awaitable has, for a site of the
    family: it is done then, whatever the others do.
    """

    __slots__ = ("children", "has_failed", "is_site", "return_exceptions")

    def __init__(self, world: World, children: list[Any], return_exceptions: bool) -> None:
        super().__init__(world, Life("gather()", Owner.FUTURE))
        self.children = children
        self.return_exceptions = return_exceptions
        self.is_site = self.has_failed = False

    def standin_life(self) -> Life | None:
        return None

    def standin_holds(self) -> Iterable[object]:
        return self.children

    def lives(self) -> list[Life]:
        return [life for child in self.children for life in lives_of(child)]

    def done(self) -> bool:
        if self.has_failed:
            return True
        known = [self.world.asks_done(life) for life in self.lives()]
        return all(known)

    def cancel(self, msg: object = None) -> bool:
        if self.has_failed:
            self.world.in_vain |= self.is_site
            return False
        for life in self.lives():
            self.world.ask(life)
        return True

    def cancelled(self) -> bool:
        return self.done() and any(self.world.cancelled(life) for life in self.lives())

    def result(self) -> object:
        if not self.done():
            raise asyncio.InvalidStateError
        if not self.return_exceptions:
            for life in self.lives():
                self.world.outcome(life)
        return self._results()

    def exception(self) -> BaseException | None:
        if not self.done():
            raise asyncio.InvalidStateError
        if self.return_exceptions:
            return None
        errors = [self.world.exception(life) for life in self.lives()]
        return next((error for error in errors if error is not None), None)

    def decide(self) -> object:
        self.world.awaits(self)
        if self.children:
            with self.world.striking_at(*self.lives()):
                self._join()
        return self._results()

    def _join(self) -> None:
        lives = self.lives()
        if not self.return_exceptions:
            for life in lives:
                if life.state in (State.FAILED, State.CANCELLED):
                    self.world.outcome(life)
        if _running(lives):
            self.world.suspensions += 1
            if self.world.strike("await gather()", fails=False):
                cancel_all(lives)
                raise CancelledError
        self.complete()

    def complete(self) -> None:
        """Let the children come to their ends, or raise the first failure: the others run on."""
        lives = self.lives()
        if not self.return_exceptions:
            self._fail_early(lives)
        for life in lives:
            life.joined = True
            self.world.finish(life)
        if not self.return_exceptions:
            for life in lives:
                self._settle_outcome(life)

    def _fail_early(self, lives: list[Life]) -> None:
        """Raise as soon as one child fails or is cancelled: the others run on."""
        for life in lives:
            if life.state is State.RUNNING and life.asked:
                self.world.finish(life)
                self._raise_cancelled(life)
        undecided = [life for life in lives if _may_fail(life)]
        labels = [f"{life.label} fails" for life in undecided]
        with self.world.striking_at(*lives, else_at=CHILD if self.is_site else ""):
            picked = self.world.strike_one("await gather()", labels)
        if picked is not None:
            undecided[picked].state = State.FAILED
            self.has_failed = self.world.kind != WAIT
            if not self.is_site:
                self.world.release(lives)
            self.world.outcome(undecided[picked])

    def _settle_outcome(self, life: Life) -> None:
        if life.state is State.FINISHED and not life.asked:
            life.state = State.GOOD
        self._raise_cancelled(life)

    def _raise_cancelled(self, life: Life) -> None:
        if life.state is State.CANCELLED:
            self.world.outcome(life)

    def _results(self) -> list[object]:
        return [_plain_value(self.world, child) for child in self.children]


class Shield(Future):
    """What `asyncio.shield()` gives: awaiting it awaits the inner one, cancelling does not."""

    __slots__ = ("inner",)

    def __init__(self, world: World, inner: Any) -> None:
        super().__init__(world, Life("shield()", Owner.FUTURE))
        self.inner = inner

    def standin_holds(self) -> Iterable[object]:
        return (self.inner,)

    def decide(self) -> object:
        world, lives = self.world, lives_of(self.inner)
        world.shields(self.inner)
        if _running(lives):
            world.suspensions += 1
            if world.strike("await shield()", fails=False):
                raise CancelledError
        if isinstance(self.inner, Gather):
            self.inner.complete()
        else:
            self._complete(lives[0])
        return _plain_value(world, self.inner)

    def _complete(self, life: Life) -> None:
        if life.state is State.RUNNING:
            self.world.finish(life)
        self.world.outcome(life)


class Half(set[Any]):
    """The done or pending half of a result: which element `pop()` takes is a choice."""

    SHOWN = frozenset(name for name in dir(set) if name[0] != "_")
    __slots__ = ("world",)
    world: World

    def pop(self) -> Any:
        elements = list(self)
        if len(elements) > 1:
            labels = [repr(element) for element in elements]
            chosen = elements[self.world.choose("pop()", labels)]
            self.remove(chosen)
            return chosen
        return super().pop()


class WaitCall(Standin):
    """The coroutine of one call of `asyncio.wait()`.

    `site` says whether it is the judged one, and then `names` reads what its result's names hold.
    """

    SHOWN = COROUTINE_CALL
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
        self.elements: list[Any] = []
        self.lines = world.lines() if world.guide else frozenset[int]()

    def standin_holds(self) -> Iterable[object]:
        return [self.waited, *self.elements]

    def close(self) -> None:
        """Be closed, as a coroutine can be."""

    def start(self) -> None:
        """Take the waited tasks in. Raises ValueError where there are none."""
        world, waited = self.world, self.waited
        if isinstance(waited, Unknown):
            waited = waited.elements(NOT_EMPTY)
        self.elements = sorted({as_element(world, one) for one in waited}, key=hash)
        world.meet_wait(self.lines)
        world.waits_for(self._lives())
        if self.names is not None:
            world.site_started(self.names)
            world.bare_coroutine |= any(type(one) is BareTask for one in self.elements)
            early = self.timed or self.first or self.own_timeout
            for life in self._lives():
                life.waited_early |= early
                life.waited_full |= not early
        if not self.elements:
            raise ValueError("Set of Tasks/Futures is empty.")
        self.world.stage.waits(self)

    def _lives(self) -> Iterator[Life]:
        for element in self.elements:
            yield from lives_of(element)

    def __await__(self) -> Generator[Any, Any, object]:
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
        running = [element for element in self.elements if not _known_done(element)]
        ended = self._ended(running)
        done, pending = Half(), Half()
        done.world = pending.world = self.world
        for element in self.elements:
            (done if element in ended or element not in running else pending).add(element)
        for element in pending:
            for life in lives_of(element) if now else ():
                life.seen = self.world.suspensions
        self.world.meet_outcome(self.lines)
        for element in ended:
            finish(self.world, element)
        return done, pending

    def _ended(self, running: list[Any]) -> list[Any]:
        may_have = [e for e in running if all(map(self.world.may_have_ended, lives_of(e)))]
        if not (self.timed or self.first):
            if len(may_have) < len(running):
                self.world.give_up(DOES_NOT_HOLD)
            return running
        fewest = 1 if not self.timed and len(running) == len(self.elements) else 0
        options = [
            list(chosen)
            for size in self._sizes(len(may_have), fewest)
            for chosen in combinations(may_have, size)
        ]
        if not options:
            self.world.give_up(DOES_NOT_HOLD)
        labels = [", ".join(map(repr, chosen)) + " done" for chosen in options]
        barred = frozenset(
            number for number, ended in enumerate(options) if not self._admits(running, ended)
        )
        return options[self.world.choose("asyncio.wait()", labels, barred)]

    def _sizes(self, count: int, fewest: int) -> Iterable[int]:
        """Return how many of `count` tasks may be done; of many, only few or nearly all are tried
        where no witness says how many."""
        sizes = range(fewest, count + 1)
        if count <= ALL_SUBSETS_UP_TO or self.world.guide is not None:
            return sizes
        return [size for size in sizes if size <= 1 or size >= count - 1]

    def _admits(self, running: list[Any], ended: list[Any]) -> bool:
        """Say whether an outcome is one that the witness allows, if there is one to follow."""
        if self.world.guide is None:
            return True
        pending = [one for one in running if one not in ended]
        done = [one for one in self.elements if one not in pending]
        lines = [[life.lines for one in half for life in lives_of(one)] for half in (done, pending)]
        return self.world.guide.admits_outcome(self.lines, *lines)


class BareTask(Task):
    """What `asyncio.wait()` makes of a coroutine that is not a task."""

    __slots__ = ()


class HelperCall(Standin):
    """The coroutine of a call of a coroutine function of the judged source."""

    SHOWN = COROUTINE_CALL
    __slots__ = ("code", "holds", "run", "world")

    def __init__(
        self, world: World, run: Callable[[], Any], holds: tuple[Any, ...], code: CodeType
    ) -> None:
        self.world = world
        self.run = run
        self.holds = holds
        self.code = code

    def standin_holds(self) -> Iterable[object]:
        return self.holds

    def __await__(self) -> Generator[Any, Any, object]:
        return (yield from self.run().__await__())

    def close(self) -> None:
        """Be closed, as a coroutine can be."""


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

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: Any) -> None:
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

    async def __aexit__(self, kind: type | None, error: BaseException | None, trace: Any) -> None:
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


class AsCompleted(Standin):
    """`asyncio.as_completed()`: each step gives something that waits for the next one.

    Its tasks start where the loop begins, as up to Python 3.12.
    """

    SHOWN = frozenset({"__aiter__", "__anext__", "__iter__"})
    __slots__ = (
        "asynchronous",
        "elements",
        "has_expired",
        "is_site",
        "start_task",
        "things",
        "timed",
        "world",
    )

    def __init__(self, world: World, things: list[Any], timed: bool, start: StartTask) -> None:
        self.world = world
        self.things = things
        self.timed = timed
        self.start_task = start
        self.elements: list[Any] = []
        self.asynchronous = self.is_site = self.has_expired = False

    def standin_holds(self) -> Iterable[object]:
        return [*self.things, *self.elements]

    def expired(self) -> bool:
        return self.has_expired

    def _start(self) -> None:
        world, before = self.world, len(self.world.lives)
        made = {self.start_task(thing) for thing in self.things}
        self.elements = sorted(made, key=hash)
        self.things = []
        lives = [life for element in self.elements for life in lives_of(element)]
        if self.is_site:
            world.follow(lives, world.lives[before:].__contains__)
        else:
            world.awaits(*self.elements)
            world.release(lives)
        if self.timed:
            world.stage.enters_loop(self)

    def __iter__(self) -> Iterator[Any]:
        self._start()
        for _ in range(len(self.elements)):
            yield NextCompleted(self)

    def __aiter__(self) -> AsCompleted:
        self.asynchronous = True
        self._start()
        return self

    async def __anext__(self) -> Any:
        if not self.elements:
            raise StopAsyncIteration
        return await self.world.stage.happen(partial(self.next_done, fails=False), self)

    def next_done(self, fails: bool) -> Any:
        """Let the next one be done, and return it. Raises what strikes meanwhile."""
        world = self.world
        known = [element for element in self.elements if _known_done(element)]
        if not known:
            world.suspensions += 1
            if world.strike("as_completed()", fails=False):
                raise CancelledError
            if self.timed and world.choose("as_completed()", ("in time", "times out")):
                world.meet_timeout()
                self.has_expired = True
                raise TimeoutError
        candidates = known or self.elements
        labels = [f"{candidate!r} is next" for candidate in candidates]
        element = candidates[world.choose("as_completed()", labels)]
        self.elements.remove(element)
        finish(world, element)
        if fails:
            for life in lives_of(element):
                world.outcome(life)
        return element


class NextCompleted(Standin):
    """What a loop over `asyncio.as_completed()` awaits."""

    SHOWN = frozenset({"__await__"})
    __slots__ = ("source",)

    def __init__(self, source: AsCompleted) -> None:
        self.source = source

    def standin_holds(self) -> Iterable[object]:
        return self.source.elements

    def __await__(self) -> Generator[Any, Any, object]:
        return (yield from self.source.world.stage.happen(self.decide, self))

    def decide(self) -> object:
        """Choose what comes of awaiting this."""
        element = self.source.next_done(fails=True)
        return _plain_value(self.source.world, element)


class Maker:
    """`asyncio.Task`, `asyncio.Future` or a queue: a class in the judged source's eyes."""

    __slots__ = ("kind", "make")

    def __init__(self, make: Callable[..., object], kind: type) -> None:
        self.make = make
        self.kind = kind

    def __call__(self, *args: Any, **options: Any) -> object:
        return self.make(*args, **options)

    def __getitem__(self, parameters: object) -> Maker:
        return self

    def __or__(self, other: object) -> Maker:
        return self


def _primitive(name: str) -> Callable[..., Unknown]:
    """A method that makes the stand-in for an instance of a class of asyncio."""

    def make(self: Asyncio, *args: object, **options: object) -> Unknown:
        return Unknown(self.world, f"{name}()", Kind.PRIMITIVE)

    return make


class Asyncio(Standin):
    """The stand-in for the `asyncio` module. What it does not know is an unknown."""

    SHOWN = frozenset(dir(asyncio)) | NEWER
    __slots__ = (
        "Future",
        "LifoQueue",
        "PriorityQueue",
        "Queue",
        "Task",
        "exceptions",
        "module",
        "tasks",
        "world",
    )
    __all__ = asyncio.__all__
    CancelledError = CancelledError
    InvalidStateError = asyncio.InvalidStateError
    TimeoutError = TimeoutError
    QueueEmpty = asyncio.QueueEmpty
    QueueFull = asyncio.QueueFull
    FIRST_COMPLETED = asyncio.FIRST_COMPLETED
    FIRST_EXCEPTION = asyncio.FIRST_EXCEPTION
    ALL_COMPLETED = asyncio.ALL_COMPLETED

    def __init__(self, world: World) -> None:
        self.world = world
        self.tasks = self.exceptions = self
        self.Task = Maker(self.create_task, Task)
        self.Future = Maker(self.create_future, Future)
        self.Queue = self.LifoQueue = self.PriorityQueue = Maker(self._queue, Unknown)
        self.module = Unknown(world, "asyncio", Kind.MODULE)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self.module.attribute(name)

    # -- making ----------------------------------------------------------------------------------

    def create_task(self, coroutine: Any, **options: object) -> Task:
        world = self.world
        life = Life(f"task {world.serial + 1}", Owner.MADE, maker=world.caller())
        life.coroutine = coroutine
        life.sure = isinstance(coroutine, HelperCall) and world.is_safe(coroutine.code)
        if isinstance(coroutine, WaitCall):
            return WaitTask(world, life, coroutine)
        if isinstance(coroutine, (Pause, Unknown)):
            life.runs = coroutine.standin_runs()
        world.share(coroutine)
        task = Task(world, life)
        world.stage.started(task, coroutine)
        return task

    def create_future(self, *args: object, **options: object) -> Future:
        self.world.hand_over(*args)
        return Future(self.world, Life("a future", Owner.FUTURE))

    wrap_future = create_future

    def ensure_future(self, thing: Any, *, loop: object = None) -> Any:
        annotated = isinstance(thing, Unknown) and thing.standin.annotated
        return self.create_task(thing) if annotated else self.ensured(thing)

    def ensured(self, thing: Any) -> Any:
        """Return a task for a coroutine; anything else stays what it is."""
        if not is_coroutine(thing) or self._is_task_by_name(thing):
            return thing
        return self.create_task(thing)

    def _is_task_by_name(self, thing: Any) -> bool:
        """Say whether what an unknown call gave is a task rather than a coroutine, by its name: a
        site of the family asks."""
        named = isinstance(thing, Unknown) and "task" in last_word(thing).lower()
        return named and self.world.kind != WAIT

    def isfuture(self, thing: Any) -> bool:
        if isinstance(thing, Unknown) and not is_task(thing):
            return not self.world.choose("isfuture()", ("yes", "no"))
        return isinstance(thing, Future) or is_task(thing)

    def get_running_loop(self) -> Unknown:
        return Unknown(self.world, "asyncio.loop", Kind.VALUE)

    get_event_loop = new_event_loop = get_running_loop

    Event, Condition, Lock = map(_primitive, ("Event", "Condition", "Lock"))
    Semaphore, BoundedSemaphore = map(_primitive, ("Semaphore", "BoundedSemaphore"))
    Barrier, _queue = map(_primitive, ("Barrier", "Queue"))

    # -- waiting ---------------------------------------------------------------------------------

    def wait(
        self, fs: Any, *, timeout: object = None, return_when: object = asyncio.ALL_COMPLETED
    ) -> WaitCall:
        return WaitCall(self.world, fs, timeout is not None, return_when, None)

    def wait_for(self, thing: Any, timeout: object = None) -> Standin:
        return WaitFor(self.world, thing, timeout is not None)

    def gather(self, *things: Any, return_exceptions: Any = False) -> Gather:
        children = [self.ensured(thing) for thing in things]
        return Gather(self.world, children, bool(return_exceptions))

    def shield(self, thing: Any) -> Shield:
        return Shield(self.world, self.ensured(thing))

    def as_completed(self, things: Iterable[Any], *, timeout: object = None) -> AsCompleted:
        given = things.elements() if isinstance(things, Unknown) else list(things)
        return AsCompleted(self.world, given, timeout is not None, self._waited_for)

    def _waited_for(self, thing: Any) -> Any:
        """Return what a loop over `as_completed()` waits for."""
        if isinstance(thing, Unknown) and not is_coroutine(thing):
            thing.as_task()
        return self.ensured(thing)

    def sleep(self, delay: object = 0, result: object = None) -> Pause:
        return Pause(self.world, "asyncio.sleep()", result, ())

    def to_thread(self, *args: object, **options: object) -> Pause:
        self.world.hand_over(*args, *options.values())
        return Pause(self.world, "asyncio.to_thread()", None, ())

    def timeout(self, delay: object) -> Timeout:
        return Timeout(self.world, delay)

    timeout_at = timeout

    def TaskGroup(self) -> TaskGroup:
        return TaskGroup(self.world)

    # -- running ---------------------------------------------------------------------------------

    def run(self, coroutine: Any, **options: object) -> object:
        """Run to the end, and cancel what is left."""
        result = self.run_until_complete(coroutine)
        for life in self.world.lives:
            life.asked = True
            self.world.stage.asked(life)
        return result

    def run_until_complete(self, thing: Any) -> object:
        """Run to the end; nothing strikes from outside."""
        if isinstance(thing, (WaitCall, Future)):
            decide = partial(self._complete, thing)
            return self.world.stage.run(self.world.stage.happen(decide, thing))
        self.world.hand_over(thing)
        return Unknown(self.world, "the result of the run", Kind.VALUE)

    def _complete(self, thing: WaitCall | Future) -> object:
        if isinstance(thing, WaitCall):
            thing.start()
            self.world.suspensions += 1
            return thing.outcome()
        self.world.suspensions += 1
        thing.finish()
        return thing.result()


class WaitFor(Standin):
    """The coroutine of `asyncio.wait_for()`: what it waits for is settled, come what may."""

    SHOWN = COROUTINE_CALL
    __slots__ = ("is_expected", "thing", "timed", "world")

    def __init__(self, world: World, thing: Any, timed: bool) -> None:
        self.world = world
        self.thing = thing
        self.timed = timed
        self.is_expected = False

    def standin_holds(self) -> Iterable[object]:
        return (self.thing,)

    def close(self) -> None:
        """Be closed, as a coroutine can be."""

    def __await__(self) -> Generator[Any, Any, object]:
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

    def _coroutine(self) -> Generator[Any, Any, object]:
        scope = Timeout(self.world, 1 if self.timed else None)
        scope.is_expected = self.is_expected
        self.world.awaits(self.thing)
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
        if self.timed and _running(lives):
            with self.world.striking_at(*lives):
                if self._times_out():
                    self.world.suspensions += 1
                    cancel_all(lives)
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


def is_coroutine(thing: object) -> bool:
    """Say whether a stand-in is a coroutine, and not a task or future."""
    if isinstance(thing, Unknown):
        return thing.is_coroutine_call()
    return isinstance(thing, (HelperCall, Pause, WaitCall, WaitFor))


def as_element(world: World, thing: Any) -> Any:
    """Return what `asyncio.wait()` waits on for one of the things it is given."""
    if isinstance(thing, Unknown):
        thing.as_task()
        return thing
    if is_coroutine(thing):
        world.hand_over(thing)
        return BareTask(world, Life("a bare coroutine", Owner.MADE, maker=world.target))
    return thing


def lives_of(element: Any) -> list[Life]:
    """Return the lives that have to end for a task, gather or unknown to be done.

    Raises AttributeError for anything else, as `asyncio.wait` does.
    """
    if isinstance(element, Unknown):
        return [element.as_task()]
    if not issubclass(type(element), Future):
        raise AttributeError("no future, so it takes no callback")
    lives: list[Life] = element.lives()
    return lives


def cancel_all(lives: list[Life]) -> None:
    """Cancel what still runs, and wait for it to end."""
    for life in _running(lives):
        life.asked = True
        life.state = State.CANCELLED


def _running(lives: list[Life]) -> list[Life]:
    return [life for life in lives if life.state is State.RUNNING]


def finish(world: World, element: Any) -> None:
    """Let a task, gather or unknown be done."""
    for life in lives_of(element):
        world.finish(life)
    if isinstance(element, WaitTask):
        element.conclude()


def _known_done(element: Any) -> bool:
    return all(life.state is not State.RUNNING for life in lives_of(element))


def _may_fail(life: Life) -> bool:
    unknown = life.state in (State.RUNNING, State.FINISHED) and not life.asked
    return unknown and not life.sure


def _plain_value(world: World, element: Any) -> object:
    lives = lives_of(element)
    if len(lives) == 1 and lives[0].state in (State.FAILED, State.CANCELLED):
        return InjectedError(lives[0])
    if isinstance(element, WaitTask):
        return element._value()
    return Unknown(world, f"the result of {element!r}", Kind.VALUE)
