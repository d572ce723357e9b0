"""The stand-ins for `asyncio.as_completed()`, and for what a loop over it awaits."""

from __future__ import annotations

from asyncio import CancelledError
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import partial

from flake8_asyncwait.replay.lives import Standin
from flake8_asyncwait.replay.world.futures import Gather, finish, known_done, lives_of, plain_value
from flake8_asyncwait.replay.world.scheduler import World

StartTask = Callable[[object], object]


class AsCompleted(Standin):
    """`asyncio.as_completed()`: each step gives something that waits for the next one.

    Its tasks start where the loop begins, as up to Python 3.12.
    """

    SHOWN = frozenset({"__aiter__", "__anext__", "__iter__", "__next__"})
    __slots__ = (
        "asynchronous",
        "elements",
        "has_expired",
        "is_site",
        "start_task",
        "steps",
        "things",
        "timed",
        "world",
    )

    def __init__(self, world: World, things: list[object], timed: bool, start: StartTask) -> None:
        self.world = world
        self.things = things
        self.timed = timed
        self.start_task = start
        self.elements: list[object] = []
        self.steps: Iterator[object] | None = None
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
            world.stage.awaits(*self.elements)
            world.release(lives)
        if self.timed:
            world.stage.enters_loop(self)

    def __iter__(self) -> Iterator[object]:
        self._start()
        for _ in range(len(self.elements)):
            yield NextCompleted(self)

    def __next__(self) -> object:
        if self.steps is None:
            self.steps = iter(self)
        return next(self.steps)

    def __aiter__(self) -> AsCompleted:
        self.asynchronous = True
        self._start()
        return self

    async def __anext__(self) -> object:
        if not self.elements:
            raise StopAsyncIteration
        return await self.world.stage.happen(partial(self.next_done, fails=False), self)

    def next_done(self, fails: bool) -> object:
        """Let the next one be done, and return it. Raises what strikes meanwhile."""
        world = self.world
        known = [element for element in self.elements if known_done(element)]
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
        if fails and isinstance(element, Gather):
            element.complete()
            return element
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

    def __await__(self) -> Generator[object, object, object]:
        return (yield from self.source.world.stage.happen(self.decide, self))

    def decide(self) -> object:
        """Choose what comes of awaiting this."""
        element = self.source.next_done(fails=True)
        return plain_value(self.source.world, element)
