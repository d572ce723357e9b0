"""What can be seen of a function from outside in one execution: what it returns, raises and yields,
and which functions that nobody knows it calls, with what.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from itertools import takewhile
from typing import Any

from flake8_asyncwait.replay.executions.execution import drive, executions, loaded
from flake8_asyncwait.replay.executions.lift import lift
from flake8_asyncwait.replay.lives import GivenUp, Point, Standin
from flake8_asyncwait.replay.text.locate import hook_name
from flake8_asyncwait.replay.world.scheduler import World
from flake8_asyncwait.replay.world.unknown import Unknown

EXECUTIONS_AT_MOST = 400


@dataclass(frozen=True, slots=True)
class Observed:
    """One execution: its events in their order, the last of which is how it ended.

    `stale` says that a cleanup read the result unbound, or older and empty.
    """

    points: tuple[Point, ...]
    faulty: bool
    given_up: str
    stale: bool
    events: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What can be seen of a function in all its executions without a fault.

    `stale` says that there are others, in which a cleanup reads the result before it is there.
    """

    executions: frozenset[tuple[str, ...]]
    stale: bool

    def differences(self, after: Seen) -> list[str]:
        """The executions that only this or only the other has, as lines.

        Where a stale read of this one was cured the other may have more.
        """
        lines = [f"- {'; '.join(events)}" for events in self.executions - after.executions]
        if not self.stale:
            lines += [f"+ {'; '.join(events)}" for events in after.executions - self.executions]
        return sorted(lines)


def observe(source: str, site: tuple[int, int]) -> Seen | None:
    """What can be seen of the function around a site.

    None where a bound was hit: not all of its executions are known then.
    """
    lifted = lift(source, site)
    seen: set[tuple[str, ...]] = set()
    stale = False
    runs = takewhile(lambda run: not run.faulty, executions(partial(_run, lifted)))
    for count, run in enumerate(runs):
        if count == EXECUTIONS_AT_MOST or run.given_up not in ("", "a loop goes on"):
            return None
        is_stale = run.stale or "raises UnboundLocalError" in run.events
        stale |= is_stale
        if not run.given_up and not is_stale:
            seen.add(run.events)
    return Seen(frozenset(seen), stale)


def _run(lifted: Any, prefix: Sequence[int]) -> Observed:
    world = World(prefix, lifted.groups, lifted.target)
    with loaded(lifted, world) as module:
        # Whether a wait is all that a timeout guards is a matter of how the code is written.
        module.namespace[hook_name("alone")] = lambda context: context
        events: list[str] = []
        log = _Log(world, events)
        world.calls = _Calls(world.calls, log)
        with suppress(GivenUp):
            drive(world, lambda: _watched(module.start(lifted), log))
        points = tuple(world.points)
        return Observed(points, world.faulty, world.given_up, world.stale, tuple(events))


class _Log:
    """Enters events, in words that do not depend on how many objects were made before."""

    def __init__(self, world: World, events: list[str]) -> None:
        self._world = world
        self._events = events

    def enter(self, what: str, *things: object) -> None:
        self._events.append(f"{what} {', '.join(map(self._told, things))}".rstrip())

    def _told(self, thing: object) -> str:
        if isinstance(thing, (set, frozenset)):
            return f"{{{', '.join(sorted(map(self._told, thing)))}}}"
        if isinstance(thing, (list, tuple)):
            return f"[{', '.join(map(self._told, thing))}]"
        if isinstance(thing, BaseException):
            return type(thing).__name__
        if isinstance(thing, Unknown):
            return self._numbered(thing.standin.label)
        if isinstance(thing, Standin):
            life = thing.standin_life()
            return self._numbered(life.label) if life else type(thing).__name__
        return repr(thing) if isinstance(thing, (str, int, type(None))) else type(thing).__name__

    def _numbered(self, label: str) -> str:
        """A label in which tasks are numbered in the order in which they were made."""
        made = [life.label for life in self._world.lives if re.fullmatch(r"task \d+", life.label)]
        number = {label: f"task #{n}" for n, label in enumerate(made)}
        return re.sub(r"task \d+", lambda m: number.get(m[0], m[0]), label)


class _Calls:
    """The calls of unknowns, noted on their way."""

    def __init__(self, calls: Any, log: _Log) -> None:
        self._calls = calls
        self._log = log

    def call(self, callee: Unknown, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        self._log.enter(f"calls {callee.standin.label} with", *args)
        return self._calls.call(callee, args, kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._calls, name)


def _watched(result: Any, log: _Log) -> Any:
    """A coroutine or generator whose end, and what it yields, is noted."""
    if hasattr(result, "__anext__"):
        return _AsyncGenerator(result, log)
    return _Coroutine(result, log) if hasattr(result, "send") else result


class _Coroutine:
    def __init__(self, inner: Any, log: _Log) -> None:
        self.inner = inner
        self.log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def send(self, value: object) -> Any:
        try:
            return self.inner.send(value)
        except StopIteration as stop:
            self.log.enter("returns", stop.value)
            raise
        except Exception as error:
            self.log.enter("raises", error)
            raise


class _AsyncGenerator:
    def __init__(self, inner: Any, log: _Log) -> None:
        self.inner = inner
        self.log = log

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def __anext__(self) -> Any:
        try:
            value = await self.inner.__anext__()
        except StopAsyncIteration:
            self.log.enter("ends")
            raise
        except Exception as error:
            self.log.enter("raises", error)
            raise
        self.log.enter("yields", value)
        return value
