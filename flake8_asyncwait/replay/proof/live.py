"""Run one execution on a real event loop, with real tasks, and see which of them run on.

The choices of an execution (`judge.Execution.choices`) say what happens; asyncio does it. An
execution runs twice. First the books alone, to learn what becomes of each task, and when: time is
counted in suspensions. Then live: each suspension awaits the real thing (`asyncio.wait`, a gather,
a task), and a call-back of the loop lets happen what was chosen, by opening the gates at which the
tasks stand, by `Task.cancel()`, or by moving the clock. Wherever asyncio then does something else
than the books say, the execution ends as not reproduced.
"""

from __future__ import annotations

import asyncio
import sys
import types
import warnings
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import suppress
from typing import Any

from flake8_asyncwait.replay.executions.execution import Execution, run
from flake8_asyncwait.replay.executions.lift import Lifted
from flake8_asyncwait.replay.family import AS_COMPLETED, CREATION, GATHER
from flake8_asyncwait.replay.lives import GivenUp, InjectedError, Life, Owner, State
from flake8_asyncwait.replay.proof.books import Books, Fate, Script
from flake8_asyncwait.replay.proof.loop import Loop
from flake8_asyncwait.replay.proof.proof import ASSUMED, NOT_LIFTED, NOT_REPRODUCED, PROVED, Proof
from flake8_asyncwait.replay.proof.timeline import Timeline
from flake8_asyncwait.replay.proof.turn import Real, Turn, Work
from flake8_asyncwait.replay.text.confine import name_of
from flake8_asyncwait.replay.world.completed import AsCompleted, NextCompleted
from flake8_asyncwait.replay.world.facts import Pause
from flake8_asyncwait.replay.world.futures import BareTask, Gather, Shield, WaitTask, lives_in
from flake8_asyncwait.replay.world.scheduler import World
from flake8_asyncwait.replay.world.stage import Result, Stage
from flake8_asyncwait.replay.world.unknown import Unknown
from flake8_asyncwait.replay.world.waiting import HelperCall, Timeout, WaitCall, WaitFor

# How what happened is told, where that makes a proof.
STARTS = "asyncio.wait() starts, on "
FOLLOWS = {
    GATHER: "asyncio.gather() starts, on ",
    AS_COMPLETED: "asyncio.as_completed() starts, on ",
    CREATION: "to be ended by this function: ",
}
REFUSED = ("asyncio.wait() raises TypeError", "asyncio.wait() warns")
STILL_RUNNING = "still running"
FINDS = {"AWT202": "asked to cancel, but not done yet"}
TURNS_BEFORE_THE_FUNCTION_GOES_ON = 6
SPINS_AFTER_THE_END = 20
REAL_TIMEOUT: Any = getattr(asyncio, "timeout", None)


def perform(lifted: Lifted, execution: Execution, code: str) -> Proof:
    """Run an execution live and say whether it shows what a finding's code says."""
    books = Books()
    choices, widely = execution.choices, execution.widely
    run(lifted, choices, widely=widely, stage=books)
    stage = _Live(lifted, books.script())
    try:
        run(lifted, choices, widely=widely, stage=stage)
        return stage.proof(code)
    finally:
        stage.clear()


# -- live ---------------------------------------------------------------------------------------


class _Live(Stage):
    """The stage where asyncio does what was chosen."""

    def __init__(self, lifted: Lifted, script: Script) -> None:
        self.lifted = lifted
        self.script = script
        self.loop = Loop()
        self.timeline = Timeline()
        self.main: asyncio.Task[object] | None = None
        self.reals: dict[Life, Real] = {}
        self.handles: dict[object, Any] = {}
        self.timeouts: dict[Timeout | AsCompleted, Any] = {}
        self.loops: dict[AsCompleted, int] = {}
        self.acted = -1
        self.line = 0
        self.refused = ""
        self.lacking = ""
        self.difference = ""
        self.lost_running: list[Life] = []
        self.assumptions: set[tuple[int, str]] = set()
        self.unfinished: list[Life] = []
        self.running: list[Life] = []
        self.prepared = [self._real(fate) for fate in script.fates]

    def _real(self, fate: Fate) -> Real | None:
        """Make the real counterpart of what is there before the function starts."""
        if fate.owner in (Owner.MADE, Owner.FUTURE):
            return None
        work = Work(self.loop)
        return Real(self.loop.create_task(work.run()), fate, work)

    def opens(self, world: World) -> None:
        self.world = world
        self.loop.spin()
        self._let_end(())
        self.loop.spin()

    # -- what the books tell ----------------------------------------------------------------------

    def born(self, life: Life) -> None:
        index = len(self.reals)
        if index >= len(self.prepared):
            self.differ("the function makes more tasks than it did before")
        real, fate = self.prepared[index], self.script.fates[index]
        if real is None:
            work = Work(self.loop) if fate.owner is Owner.MADE else None
            future = self.loop.create_task(work.run()) if work else self.loop.create_future()
            real = Real(future, fate, work)
        real.error.key = life
        self.reals[life] = real

    def started(self, task: Any, what: object) -> None:
        if line := self.world.line():
            self.timeline.lines[task.life] = line
        self._tell([task.life], f" started{_described(what)}")
        if isinstance(task, WaitTask):
            real = self.reals[task.life]
            real.future.cancel()
            at = real.fate.ended if real.fate.state is not State.CANCELLED else None
            wait = self._wait(task.wait, at)
            self.reals[task.life] = Real(self.loop.create_task(wait), real.fate)

    def assumes(self, condition: str) -> None:
        if (line := self.world.line()) and (line, condition) not in self.assumptions:
            self.assumptions.add((line, condition))
            self.timeline.tell(line, f"{ASSUMED}{condition}")

    def asked(self, life: Life) -> None:
        self._tell([life], " asked to cancel")
        self.reals[life].future.cancel()

    def lost(self, life: Life) -> None:
        if self.reals[life].is_running():
            self.lost_running.append(life)
            self._tell("the last reference to ", [life], " is gone")

    def given(self, life: Life, error: object = None) -> None:
        future = self.reals[life].future
        if future.done():
            return
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(self.reals[life].error)

    def waits(self, wait: WaitCall) -> None:
        self.timeline.look(self.world.frame())
        self._tell(STARTS, lives_in(wait.elements))
        if any(map(_is_bare, wait.elements)):
            self._refuse(wait)

    def _refuse(self, wait: WaitCall) -> None:
        """Let asyncio refuse a coroutine in place of a task; before Python 3.11 it only warns."""
        coroutine = self._wait(wait, None)
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            try:
                coroutine.send(None)
            except TypeError as error:
                self.refused = f"raises TypeError: {error}"
            finally:
                coroutine.close()
        for warning in warned:
            if warning.category is DeprecationWarning:
                self.refused = f"warns: {warning.message}"
        self._tell(f"asyncio.wait() {self.refused}")
        self.world.give_up("asyncio.wait() refuses a coroutine")

    def follows(self, kind: str, lives: Sequence[Life]) -> None:
        self._tell(FOLLOWS[kind], lives)

    def confirm(self, life: Life) -> None:
        real, done = self.reals[life], life.state is not State.RUNNING
        if real.future.done() != done:
            self.differ(f"{self.timeline.name(life)} {'still runs' if done else 'is done'}")

    def raises(self, life: Life) -> None:
        self._tell("the exception of ", [life], " is raised")

    def enters(self, timeout: Timeout) -> None:
        delay = self._delay(self.script.expiries[len(self.timeouts)])
        if REAL_TIMEOUT is None:
            self._lacks("asyncio.timeout() needs Python 3.11")
        self.timeouts[timeout] = REAL_TIMEOUT(delay)
        _at_once(self.timeouts[timeout].__aenter__())

    def enters_loop(self, loop: AsCompleted) -> None:
        self.loops[loop] = len(self.timeouts)
        self.timeouts[loop] = None

    def leaves(self, timeout: Timeout, error: BaseException | None) -> None:
        chosen = timeout.has_expired and isinstance(error, asyncio.CancelledError)
        try:
            _at_once(self.timeouts[timeout].__aexit__(type(error) if error else None, error, None))
            expired = False
        except TimeoutError:
            expired = True
        if expired != chosen:
            self.differ(f"asyncio.timeout() {'expires' if expired else 'does not expire'}")

    # -- running ----------------------------------------------------------------------------------

    def run(self, awaitable: object) -> object:
        if self.loop.is_running():
            self.differ("the loop cannot be run while it is running")
        outer, task = self.main, self.loop.create_task(_awaiting(awaitable))
        self.main = task
        ended = self.loop.spin()
        self.main = outer
        if not task.done():
            self.differ("asyncio goes on waiting" if ended else "the loop does not come to rest")
        return task.result()

    @types.coroutine
    def within(self, scope: Timeout, awaitable: object) -> Generator[object, object, object]:
        delay = None
        if scope.delay is not None:
            delay = self._delay(self.script.expiries[len(self.timeouts)])
            self.timeouts[scope] = None
        return (yield from asyncio.wait_for(_awaiting(awaitable), delay).__await__())

    @types.coroutine
    def happen(
        self, decide: Callable[[], Result], awaited: object
    ) -> Generator[object, object, Result]:
        if self.world.over:  # the function goes on after it was given up
            raise GivenUp
        self._prepare(awaited)
        turn = Turn(self.world, awaited)
        turn.decide(decide)
        self._narrate(turn)
        self.loop.call_soon(self._act, turn)
        try:
            really: object = yield from self._real_of(turn.awaited, turn).__await__()
            error: BaseException | None = None
        except (Exception, asyncio.CancelledError) as caught:
            really, error = None, caught
        self._compare(turn, really, error)
        self._tell_result(turn)
        if turn.error is not None:
            raise turn.error if error is None or isinstance(turn.error, InjectedError) else error
        result: Result = turn.result
        return result

    def _act(self, turn: Turn) -> None:
        """Let happen what was chosen, while the function is suspended."""
        self.loop.now = turn.number
        waits = isinstance(turn.awaited, (AsCompleted, NextCompleted))
        if waits:  # they are given out in the order in which they end
            self._end(turn.ended, decided=True)
        self._let_end(turn.ended)
        if turn.gate is None:
            pass
        elif turn.error is None or isinstance(turn.error, InjectedError):
            self.loop.later(TURNS_BEFORE_THE_FUNCTION_GOES_ON, turn.open)
        if turn.is_cancelled and self.main is not None:
            self.main.cancel()

    def _let_end(self, decided: Iterable[Life]) -> None:
        """Let all tasks end whose time has come; of those `decided`, asyncio cancels some."""
        number = self.world.suspensions
        own = [self.reals[life] for life in decided]
        for real in [*self.reals.values(), *self.prepared]:
            ended = real.fate.ended if real is not None else None
            if real is not None and ended is not None and self.acted < ended <= number:
                real.end(any(one is real for one in own))
        self.acted = number

    def _end(self, lives: Iterable[Life], decided: bool) -> None:
        for life in lives:
            self.reals[life].end(decided)

    def _delay(self, at: int | None) -> float | None:
        """Return the time until a suspension, on the loop's clock."""
        return None if at is None else at - self.loop.now

    # -- what is awaited --------------------------------------------------------------------------

    def _prepare(self, awaited: object) -> None:
        """Make what has to be there before it is decided what happens."""
        source = awaited.source if isinstance(awaited, NextCompleted) else awaited
        if isinstance(source, AsCompleted) and source not in self.handles:
            if source.asynchronous and sys.version_info < (3, 13):
                self._lacks("async for over asyncio.as_completed() needs Python 3.13")
            futures = [self.future(one) for one in source.elements]
            at = self.script.expiries[self.loops[source]] if source.timed else None
            self.handles[source] = asyncio.as_completed(futures, timeout=self._delay(at))

    def _real_of(self, awaited: object, turn: Turn) -> Any:
        """Return the real thing to await for what a stand-in stands for."""
        if isinstance(awaited, WaitCall):
            return self._wait(awaited, turn.number if turn.expires(awaited) else None)
        if isinstance(awaited, WaitFor):
            at = turn.number if isinstance(turn.error, TimeoutError) else None
            return asyncio.wait_for(self._real_of(awaited.thing, turn), self._delay(at))
        if isinstance(awaited, AsCompleted):
            return anext(self.handles[awaited])
        if isinstance(awaited, NextCompleted):
            return next(self.handles[awaited.source])
        as_task = not isinstance(awaited, Unknown) or awaited.is_awaited_as_task()
        if awaited is None or not as_task:
            turn.gate = self.loop.create_future()
            return turn.gate
        return self.future(awaited)

    def _wait(self, wait: WaitCall, at: int | None) -> Any:
        when = wait.return_when
        when = when if isinstance(when, str) else asyncio.FIRST_COMPLETED
        futures = [self.future(one) for one in wait.elements]
        return asyncio.wait(futures, timeout=self._delay(at), return_when=when)

    def future(self, thing: Any) -> Any:
        """Return the real future that a stand-in stands for; for a bare coroutine that."""
        if isinstance(thing, BareTask):
            return _bare()
        if isinstance(thing, (Gather, Shield)):
            if thing not in self.handles:
                self.handles[thing] = self._handle(thing)
            return self.handles[thing]
        life = thing.as_task() if isinstance(thing, Unknown) else thing.life
        return self.reals[life].future

    def _handle(self, thing: Gather | Shield) -> asyncio.Future[Any]:
        if isinstance(thing, Shield):
            return asyncio.shield(self.future(thing.inner))
        if not thing.children:
            handle: asyncio.Future[Any] = self.loop.create_future()
            handle.set_result([])
            return handle
        children = [self.future(child) for child in thing.children]
        return asyncio.gather(*children, return_exceptions=thing.return_exceptions)

    # -- comparing --------------------------------------------------------------------------------

    def differ(self, how: str) -> None:
        """Give up: asyncio did something else than was chosen."""
        if not self.difference:
            line = self.world.line() or self.line
            self.difference = f"line {line}: {how}" if line else how
        self.world.give_up("asyncio differs")

    def _lacks(self, what: str) -> None:
        """Give up: this Python's asyncio lacks something."""
        self.lacking = self.lacking or what
        self.world.give_up("asyncio is too old")

    def _compare(self, turn: Turn, really: Any, error: BaseException | None) -> None:
        chosen, shown = _kind(turn.error), _kind(error)
        if chosen != shown:
            self.differ(f"{turn.what} {_ends(shown)} where it {_ends(chosen)} in the witness")
        if isinstance(turn.awaited, WaitCall) and error is None:
            wanted = {self.future(one) for one in turn.result[0]}
            if set(really[0]) != wanted:
                self.differ("asyncio.wait() parts its tasks otherwise")

    # -- narrating --------------------------------------------------------------------------------

    def _narrate(self, turn: Turn) -> None:
        """Tell what is about to strike."""
        self.line = self.world.line()
        self.timeline.look(self.world.frame())
        if turn.is_cancelled:
            self._tell("the function is cancelled here")
        elif turn.scope_expired or isinstance(turn.error, TimeoutError):
            self._tell("the timeout expires here")

    def _tell(self, *parts: str | Iterable[Life]) -> None:
        """Note what happens in the judged function, not what the module does before."""
        if line := self.world.line():
            self.timeline.tell(line, *parts)

    def _tell_result(self, turn: Turn) -> None:
        if isinstance(turn.awaited, WaitCall) and turn.error is None:
            done, pending = map(lives_in, turn.result)
            self._tell("asyncio.wait() returns, done: ", done, "; pending: ", pending)
        elif isinstance(turn.error, InjectedError):
            if isinstance(turn.error.key, Life):
                self._tell([turn.error.key], " fails, and so does the await")
            else:
                self._tell("an exception is raised here")

    # -- the end ----------------------------------------------------------------------------------

    def ended(self, error: BaseException | None) -> None:
        kind = f" ({name_of(type(error))})" if error is not None else ""
        if type(error) is InjectedError:
            kind = " (Exception)"
        self.timeline.tell(0, f"the function has ended{kind}")
        self._let_finish()

    def closes(self) -> None:
        if self.world.given_up and not (self.difference or self.refused or self.lacking):
            self.timeline.tell(0, "the function goes on")
            self._let_finish()

    def _let_finish(self) -> None:
        """Let everything that was asked to stop do so, and see what runs on."""
        waited = [life for life in self.reals if life.waited]
        self.unfinished = [life for life in waited if not self.reals[life].future.done()]
        for real in self.reals.values():
            if real.work is not None and real.fate.asked:
                real.work.let_go()
        for _ in range(SPINS_AFTER_THE_END):
            self.loop.spin()
        self.running = [life for life in waited if self.reals[life].is_running()]
        self.running += [life for life in self.lost_running if life not in self.running]

    def proof(self, code: str) -> Proof:
        """Return what was shown, for a finding's code."""
        if self.lacking:
            return Proof(NOT_LIFTED, self.lacking)
        if self.refused:
            word = PROVED if code == "AWT203" else NOT_REPRODUCED
            reason = "" if word == PROVED else f"asyncio.wait() {self.refused}"
            return Proof(word, reason, tuple(self.timeline.events()))
        left = [] if self.difference else self._left(code)
        for life in left:
            line = self.timeline.lines.get(life)
            place = f", started on line {line}" if line else ""
            self.timeline.tell(0, f"{FINDS.get(code, STILL_RUNNING)}: ", [life], place)
        reason = self.difference or self.world.given_up or "no task is left running"
        events = tuple(self.timeline.events())
        return Proof(PROVED, "", events) if left else Proof(NOT_REPRODUCED, reason, events)

    def _left(self, code: str) -> list[Life]:
        """Return the tasks that prove a code."""
        early = [life for life in self.running if life.waited_early]
        if code == "AWT202":
            asked = (life for life in self.unfinished if life not in self.running)
            return [life for life in asked if not life.joined]
        if code == "AWT203":
            return []
        if code == "AWT105":
            return early
        lives = early if code != "AWT201" else [one for one in self.running if one.waited_full]
        if self.world.given_up:  # it goes on, and may still see to what it can reach
            lives = [life for life in lives if life in self.lost_running]
        mine = [life for life in lives if not life.handed]
        if code == "AWT104":
            return [life for life in mine if life.owner is Owner.BORROWED]
        return [life for life in mine if life.owner in (Owner.MADE, Owner.BORROWED)]

    def clear(self) -> None:
        """End everything that still runs, and close the loop."""
        for task in asyncio.all_tasks(self.loop):
            task.cancel()
        for real in [*self.reals.values(), *self.prepared]:
            if real is not None and real.work is not None:
                real.work.let_go()
        self.loop.spin()
        self.loop.close()


def _kind(error: BaseException | None) -> str:
    if issubclass(type(error), (TimeoutError, asyncio.TimeoutError)):
        return "TimeoutError"
    return "" if error is None else name_of(type(error))


def _ends(kind: str) -> str:
    return f"raises {kind}" if kind else "returns"


def _described(what: object) -> str:
    """Tell what a task is made of, as far as that has a name."""
    if isinstance(what, (Unknown, Pause)):
        label = what.standin.label if isinstance(what, Unknown) else what.label
        return f" as {label.removeprefix('await ')}"
    if isinstance(what, WaitCall):
        return " as asyncio.wait()"
    return " as a coroutine of the module" if isinstance(what, HelperCall) else ""


def _is_bare(element: object) -> bool:
    return isinstance(element, BareTask)


async def _bare() -> None:
    """Do nothing: the coroutine that stands in for one that is not a task."""


async def _awaiting(awaitable: Any) -> Any:
    return await awaitable


def _at_once(coroutine: Any) -> None:
    """Run a coroutine that does not suspend."""
    with suppress(StopIteration):
        coroutine.send(None)
