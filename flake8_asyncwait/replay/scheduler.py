"""What one execution decides: choices, faults, the lives of tasks, and who can reach them.

A `World` is one execution of the judged function. Everything undecided in it is asked of
`World.choose`, which follows a prefix of choices and then takes the first option; running again
with another prefix is how all executions are enumerated.
"""

from __future__ import annotations

import gc
import sys
import types
from asyncio import CancelledError, InvalidStateError
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from types import (
    AsyncGeneratorType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
)
from typing import Any

from flake8_asyncwait.replay.confine import is_class, is_own, mro_of
from flake8_asyncwait.replay.family import BYSTANDER, CHILD, SIBLING, WAIT, Fates
from flake8_asyncwait.replay.guide import Guide
from flake8_asyncwait.replay.stage import Stage

POINTS_AT_MOST = 120
TURNS_AT_MOST = 3
SIZES = (3, 1, 0)
# Why an execution is given up that nothing is wrong with.
GOES_ON = "a loop goes on"
DOES_NOT_HOLD = "an assertion does not hold"
HARMLESS = frozenset({GOES_ON, DOES_NOT_HOLD})
TOO_MANY_CHOICES = "too many choices"
BOUNDS = frozenset({GOES_ON, TOO_MANY_CHOICES})


class GivenUp(BaseException):
    """The execution is given up: it hit a bound and says nothing from here on."""


class Undecided(Exception):
    """An `assert` asked something that is not decided: it holds, and nothing is chosen."""


class InjectedError(Exception):
    """The `Exception` of a fault, or a failed task's: of an unknown class.

    `key` is one for all the times the same failure is raised, so that handlers stay consistent.
    """

    def __init__(self, key: object) -> None:
        super().__init__()
        self.key = key


class ExpectedError(Exception):
    """What a plain call raises in a `try` that is there for it: of a class that is not known, but
    by its name."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name


class Owner(Enum):
    """Who has to see to a task's end, as far as its making says."""

    MADE = "made"
    BORROWED = "borrowed"
    FOREIGN = "foreign"
    FUTURE = "future"


class State(Enum):
    """What is decided about a task; FINISHED is done without its outcome being decided yet."""

    RUNNING = "running"
    FINISHED = "finished"
    GOOD = "good"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(slots=True, eq=False)
class Life:
    """What has become of one task or future so far.

    `maker` is the code of the function that holds a made task; `through` the helpers that returned
    it to there. `parameter` is where a borrowed one came from, `collection` whether it is one of a
    parameter's elements. `asked` is set by a cancel while it ran, `late` by one
    that it may have ended before. A `sure` one cannot fail. `seen` is the suspension up to which it
    is known to run. `lines` are those that made it, where a witness is followed. `runs` is the
    object of which it runs a method, and its name. `coroutine` is what it was made of.
    The tasks of a site of the family count as waited for early; `made_here` says whether the site
    made it, and `beside` what others it was given: "" for own tasks, else their parameters.
    """

    label: str
    owner: Owner
    maker: CodeType | None = None
    through: frozenset[CodeType] = frozenset()
    parameter: str = ""
    collection: bool = False
    state: State = State.RUNNING
    asked: bool = False
    late: bool = False
    not_cancelled: bool = False
    handed: bool = False
    joined: bool = False
    seen: int = 0
    sure: bool = False
    waited_early: bool = False
    waited_full: bool = False
    lines: frozenset[int] = frozenset()
    runs: tuple[object, str] | None = None
    coroutine: object = None
    made_here: bool = False
    beside: tuple[str, ...] = ()

    def at_large(self) -> bool:
        """Say whether it may still run with nobody having asked it to stop or taken it over."""
        return self.state is State.RUNNING and not self.asked and not self.handed


def last_word(thing: object) -> str:
    """Return the last component of the name of something unknown."""
    return str(thing).rpartition(".")[2]


class Standin:
    """What the judged code is given in place of real objects: it says which tasks it holds.

    None has a `__dict__`: the library's decorators copy that. An attribute that the class lists in
    `SHOWN` is shown.
    """

    __slots__ = ()

    def standin_life(self) -> Life | None:
        """Return the life of the task that this stands for, if it stands for one."""
        return None

    def standin_holds(self) -> Iterable[object]:
        """Return the objects through which more tasks can be reached."""
        return ()

    def standin_given(self) -> Iterable[object]:
        """Return what a call of something unknown was given, whose result this is."""
        return ()

    def standin_origin(self) -> object:
        """Return what this is an attribute, a result or a part of."""
        return None


class Asked(Standin):
    """What `task.cancel()` returns: False exactly where the task `had_ended` before."""

    SHOWN: frozenset[str] = frozenset()
    __slots__ = ("had_ended", "life", "world")

    def __init__(self, world: World, life: Life, had_ended: bool) -> None:
        self.world = world
        self.life = life
        self.had_ended = had_ended

    def __bool__(self) -> bool:
        return not self.had_ended and self.world.has_struck(self.life)

    def __eq__(self, other: object) -> bool:
        return bool(self) == other

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Point:
    """One choice that was made.

    Options from number `faults_from` on are faults. `line` is the line in the judged source, or 0
    where lines were not asked for. `barred` are the options that leave the witness.
    """

    label: str
    options: tuple[str, ...]
    picked: int
    faults_from: int
    line: int = 0
    barred: frozenset[int] = frozenset()

    def __str__(self) -> str:
        place = f"line {self.line}: " if self.line else ""
        return f"{place}{self.label}: {self.options[self.picked]}"


@dataclass(frozen=True, slots=True)
class Leak:
    """A waited task that is at large when the function ends, or loses its last reference.

    `stale` says that a `finally` or handler had read a result that was unbound, or older and
    empty. For a site of the family, `fault` says at what the fault has struck, `closed` that a
    `with` was left then whose name one of the tasks uses, and `in_vain` that only a gather was
    cancelled, which was done; for the others see `Life`.
    """

    label: str
    owner: Owner
    maker: CodeType | None
    through: frozenset[CodeType]
    parameter: str
    collection: bool
    early: bool
    faulty: bool
    stale: bool
    fault: str = ""
    made_here: bool = False
    beside: tuple[str, ...] = ()
    closed: bool = False
    in_vain: bool = False


@dataclass(slots=True)
class World:
    """One execution: its choices, its one fault, and all that it found.

    `groups` maps every code object of the judged source to that of its function (comprehensions
    and lambdas belong to the function around them); `target` is the judged function's. `calls`
    knows what a call of an unknown does. `stage` is where what is chosen happens. `kind` is that of
    the judged site; `is_safe` says whether a coroutine of a function of the module cannot fail.
    """

    prefix: Sequence[int]
    groups: Mapping[CodeType, CodeType]
    target: CodeType
    calls: Any = None
    kind: str = WAIT
    is_safe: Callable[[CodeType], bool] = lambda code: False
    with_lines: bool = False
    guide: Guide | None = None
    stage: Stage = field(default_factory=Stage)
    points: list[Point] = field(default_factory=list)
    faulty: bool = False
    fault: str = ""
    striking: str = BYSTANDER
    over: bool = False
    given_up: str = ""
    suspensions: int = 0
    serial: int = 0
    depth: int = 0
    assuming: bool = False
    reached: bool = False
    bare_coroutine: bool = False
    cleanups: int = 0
    stale: bool = False
    closed: bool = False
    in_vain: bool = False
    fates: Fates = field(default_factory=Fates)
    adopted: set[str] = field(default_factory=set)
    mixed: set[CodeType] = field(default_factory=set)
    lives: list[Life] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    roots: list[object] = field(default_factory=list)
    foreign: dict[int, object] = field(default_factory=dict)
    scopes: list[Any] = field(default_factory=list)
    turns: dict[int, int] = field(default_factory=dict)
    catches_memo: dict[tuple[int, object], bool] = field(default_factory=dict)
    started: dict[str, tuple[bool, object]] | None = None

    # -- choices ------------------------------------------------------------------------------

    def choose(
        self, label: str, options: Sequence[str], barred: frozenset[int] = frozenset()
    ) -> int:
        """Pick one of `options` that is not barred; return its number.

        Raises `GivenUp` beyond the bound of points, or where all are barred.
        """
        self.undecided()
        return self._pick(label, options, barred=barred)

    def suppose(self, claim: str, denial: str, likely: bool) -> bool:
        """Choose whether a claim holds of something unknown; a `likely` one is tried first."""
        options = (claim, denial) if likely else (denial, claim)
        picked = self.choose(claim, options)
        self.stage.assumes(options[picked])
        return (picked == 0) is likely

    def undecided(self) -> None:
        """Something is asked that the wait does not decide: an assertion about it holds."""
        if self.assuming and not self.over:
            raise Undecided

    def _pick(
        self,
        label: str,
        options: Sequence[str],
        faults: int = 0,
        lines: Collection[int] = (),
        barred: frozenset[int] = frozenset(),
    ) -> int:
        """Pick an option. The last `faults` are faults, on `lines`; no second one is offered.

        Beyond the prefix that is the first one, or the fault for which the witness is due.
        """
        if self.over:
            raise GivenUp
        if self.faulty and faults:
            options, faults = options[:-faults], 0
        faults_from = len(options) - faults
        if self.guide is not None and faults:
            lines = lines or self.lines()
            strikes = range(faults_from, len(options))
            barred |= {n for n in strikes if not self.guide.admits_fault(lines, options[n])}
        free = [number for number in range(len(options)) if number not in barred]
        due = [number for number in free if number >= faults_from] if self.guide else []
        if len(options) == 1 and free:
            return 0
        index = len(self.points)
        if index >= POINTS_AT_MOST or not free:
            self.give_up(TOO_MANY_CHOICES if free else "it leaves the witness")
        picked = self.prefix[index] if index < len(self.prefix) else (due or free)[0]
        line = self.line() if self.with_lines else 0
        self.points.append(Point(label, tuple(options), picked, faults_from, line, barred))
        if picked >= faults_from:
            self.faulty = True
            self.fault = self.striking
            if self.guide is not None:
                self.guide.advance()
        return picked

    def meet(self, kind: str, details: str = "", lines: Collection[int] = ()) -> None:
        """Tell the guide, if there is one, what has happened on the running line, or on `lines`."""
        if self.guide is not None:
            self.guide.meet(lines or self.lines(), kind, details)

    def give_up(self, why: str) -> None:
        """End this execution without a word on what it would have come to."""
        self.given_up = why
        self.over = True
        raise GivenUp

    def turn(self, loop: int) -> bool:
        """Count one more turn of a loop; always true, or the execution is given up."""
        self.turns[loop] = self.turns.get(loop, 0) + 1
        if self.over or self.turns[loop] > TURNS_AT_MOST + 1:
            self.give_up(GOES_ON)
        return True

    def meet_wait(self, lines: Collection[int]) -> None:
        """Tell the guide that a wait starts; a witness has all those of the judged function."""
        if self.guide is not None:
            if self.caller() is self.target and not self.guide.admits_wait(lines):
                self.give_up("it leaves the witness")
            self.guide.meet(lines, "wait")

    def meet_outcome(self, lines: Collection[int]) -> None:
        """Tell the guide that a wait has returned in one of the ways that it admits."""
        if self.guide is not None and self.guide.expected(lines, "outcome") is not None:
            self.guide.advance()

    def strike(
        self, label: str, fails: bool = True, cancels: bool = True, lines: Collection[int] = ()
    ) -> str:
        """Offer the one fault here; return "", "cancelled", "timed out" or "failed".

        Inside `asyncio.timeout()` a cancellation may also be the timeout's, which is no fault where
        a handler expects it. The place is the running line, or `lines`.
        """
        scope = self.scopes[-1] if cancels and self.scopes else None
        kinds, faults = [""], []
        if cancels:
            faults.append("cancelled")
        if scope is not None and not scope.expired():
            (kinds if scope.is_expected else faults).append("timed out")
        if fails:
            faults.append("failed")
        kinds += faults
        options = ["goes on", *kinds[1:]]
        kind = kinds[self._pick(label, options, len(faults), lines)]
        if scope is not None and kind == "timed out":
            scope.expire()
            if scope.is_expected:
                self.meet_timeout(lines)
        return kind

    def meet_timeout(self, lines: Collection[int] = ()) -> None:
        """Tell the guide that the time runs out which a handler expects to."""
        lines = lines or self.lines()
        if self.guide is not None and self.guide.admits_fault(lines, "timed out"):
            self.guide.advance()
        else:
            self.meet("timeout", lines=lines)

    @contextmanager
    def striking_at(self, *lives: Life, else_at: str = "") -> Iterator[None]:
        """Say at what a fault strikes inside: at own tasks, or `else_at` something else."""
        before = self.striking
        own = any(life.owner is Owner.MADE and life.maker is self.target for life in lives)
        self.striking = else_at or (SIBLING if own else BYSTANDER)
        try:
            yield
        finally:
            self.striking = before

    def strike_one(
        self, label: str, faults: Sequence[str], lines: Collection[int] = ()
    ) -> int | None:
        """Offer the one fault in several ways; return the number of the way, or None."""
        picked = self._pick(label, ["goes on", *faults], len(faults), lines)
        return picked - 1 if picked else None

    def may_raise(self, kinds: Iterable[object]) -> None:
        """Raise what a `try` around a plain call expects of it, or nothing: that is a choice.

        `kinds` are the classes that its handlers name; the ordinary ones among them count.
        """
        ordinary = [kind for kind in kinds if _is_ordinary(kind)]
        names = [getattr(kind, "__name__", "") or last_word(kind) for kind in ordinary]
        labels = ["goes on", *(f"raises {name}" for name in names)]
        picked = self.choose("a plain call", labels)
        if not picked:
            return
        self.meet("raise", names[picked - 1])
        self.stage.assumes(f"a call raises {names[picked - 1]}")
        kind = ordinary[picked - 1]
        if kind is Exception:
            raise InjectedError(object())
        if isinstance(kind, type) and issubclass(kind, Exception):
            raise kind.__new__(kind)
        raise ExpectedError(names[picked - 1])

    def suspend(self, label: str, fails: bool = True) -> None:
        """Suspend at something unknown: raises what strikes there."""
        self.suspensions += 1
        kind = self.strike(label, fails)
        if kind == "failed":
            raise InjectedError(object())
        if kind:
            raise CancelledError

    @types.coroutine
    def pause(self, label: str) -> Generator[Any, Any, None]:
        """Suspend at something unknown, on the stage."""
        yield from self.stage.happen(partial(self.suspend, label), None)

    # -- lives --------------------------------------------------------------------------------

    def new_serial(self) -> int:
        """Return the next number: objects are told apart, and ordered, by it."""
        self.serial += 1
        return self.serial

    def born(self, life: Life) -> Life:
        """Enter a life in the books."""
        life.seen = self.suspensions
        if self.guide is not None:
            life.lines = self.lines()
        self.lives.append(life)
        self.stage.born(life)
        return life

    def asks_done(self, life: Life) -> bool:
        """Say what `task.done()` says: of a task that no wait waits for, it is not decided."""
        waited = life.waited_early or life.waited_full
        if not waited and self.may_have_ended(life):
            self.undecided()
        return self.is_done(life)

    def is_done(self, life: Life) -> bool:
        """Say whether a task is done; it may have ended since it was last known to run."""
        self._settle_late(life)
        if self.may_have_ended(life):
            life.seen = self.suspensions
            if self._pick(f"{life.label} meanwhile", ("still runs", "has ended")):
                self.finish(life)
        self.stage.confirm(life)
        return life.state is not State.RUNNING

    def may_have_ended(self, life: Life) -> bool:
        """Say whether time has passed since a task was last known to run."""
        return life.state is State.RUNNING and life.seen < self.suspensions

    def finish(self, life: Life) -> None:
        """Let a running task come to its end; cancelled if it was asked to."""
        if life.state is not State.RUNNING:
            return
        self._settle_late(life)
        if life.state is State.RUNNING:
            life.state = State.CANCELLED if life.asked else State.FINISHED

    def _settle_late(self, life: Life) -> None:
        """Decide whether a task had ended when it was asked to cancel, if that matters."""
        if life.late and life.state is State.RUNNING:
            life.late = False
            if self._pick(f"{life.label}, asked to cancel,", ("ran", "had ended")):
                life.asked = False
                life.state = State.FINISHED

    def ask(self, life: Life) -> Asked:
        """Cancel a task on the judged function's behalf; return what that says."""
        if life.state is not State.RUNNING:
            return Asked(self, life, True)
        if not self.over and self.is_followed(life):
            self.fates.ends(self.faulty)
        if not life.asked:
            life.late = life.seen < self.suspensions
            life.seen = self.suspensions
        life.asked = True
        self.stage.asked(life)
        # What a `finally` does when the execution is given up is not the function's doing.
        if not self.faulty and not self.over:
            self.adopted.add(life.parameter)
        return Asked(self, life, False)

    def has_struck(self, life: Life) -> bool:
        """Say whether a task that was asked to cancel ran then."""
        if life.late and not (life.waited_early or life.waited_full):
            self.undecided()
        self._settle_late(life)
        self.stage.confirm(life)
        return life.asked

    def outcome(self, life: Life) -> None:
        """Raise what a task that is done came to, if it came to no good; failing now is a fault."""
        life.joined = True
        if life.state is State.FINISHED:
            failed = not life.sure and self.strike(f"{life.label}.result()", cancels=False)
            life.state = State.FAILED if failed else State.GOOD
        if life.state is State.CANCELLED:
            raise CancelledError
        if life.state is State.FAILED:
            raise InjectedError(life)

    def result(self, life: Life) -> None:
        """Raise what `task.result()` raises, if it does."""
        if not self.is_done(life):
            raise InvalidStateError
        try:
            self.outcome(life)
        except InjectedError:
            self.stage.raises(life)
            raise

    def exception(self, life: Life) -> BaseException | None:
        """Do what `task.exception()` does: whether it failed is a free branch, and no fault."""
        if not self.is_done(life):
            raise InvalidStateError
        life.joined = True
        if life.state is State.FINISHED:
            failed = not life.sure and self.choose(f"{life.label}.exception()", ("none", "one"))
            life.state = State.FAILED if failed else State.GOOD
        if life.state is State.CANCELLED:
            raise CancelledError
        return InjectedError(life) if life.state is State.FAILED else None

    def cancelled(self, life: Life) -> bool:
        """Do what `task.cancelled()` does: somebody else may have cancelled it."""
        if self.is_done(life) and life.state is State.FINISHED and not life.not_cancelled:
            picked = self.choose(f"{life.label}.cancelled()", ("no", "yes"))
            life.not_cancelled = not picked
            life.state = State.CANCELLED if picked else State.FINISHED
        return life.state is State.CANCELLED

    def join(self, life: Life) -> None:
        """Await a task: raise its failure, or what strikes meanwhile."""
        life.joined = True
        if life.state is State.RUNNING:
            self.suspensions += 1
            if life.asked:
                self.finish(life)
            else:
                with self.striking_at(life):
                    kind = self.strike(f"await {life.label}", fails=not life.sure)
                life.state = {"": State.GOOD, "failed": State.FAILED}.get(kind, State.CANCELLED)
        with self.striking_at(life):
            self.outcome(life)

    # -- the tasks of a site of the family ------------------------------------------------------

    def is_followed(self, life: Life) -> bool:
        """Say whether a task is one of those of the judged site, which is of the family."""
        return self.kind is not WAIT and life.waited_early

    def follow(self, lives: Iterable[Life], made_here: Callable[[Life], bool]) -> None:
        """These are the tasks of the judged site."""
        self.reached = True
        told = [(life, self._told(life)) for life in lives]
        for life, _ in told:
            life.waited_early = True
            life.made_here = made_here(life)
            others = (who for other, who in told if other is not life)
            life.beside += tuple(who for who in others if who is not None)
            self.fates.is_handed |= life.handed
        self.stage.follows(self.kind, [life for life, _ in told])

    def _told(self, life: Life) -> str | None:
        """Return whose task one is: "" for an own one, its parameter, or None for others."""
        if life.handed or life.owner not in (Owner.MADE, Owner.BORROWED):
            return None
        return life.parameter

    def release(self, lives: Iterable[Life]) -> None:
        """These are judged at another site from now on."""
        if self.kind is not WAIT:
            for life in lives:
                life.waited_early = False

    def awaits(self, *things: object) -> None:
        """Note that things are awaited, not under a shield: that ends the tasks that they are, or
        were given."""
        if any(map(self.is_followed, _ended_by(things))):
            self.fates.ends(self.faulty)

    def shields(self, thing: object) -> None:
        """Note that something is awaited under a shield."""
        self.fates.is_shielded |= any(map(self.is_followed, reached([thing])))

    def waits_for(self, lives: Iterable[Life]) -> None:
        """Note that a wait waits for tasks: it is the site where they are judged."""
        self.fates.is_waited |= any(map(self.is_followed, lives))

    def looks_after(self, life: Life) -> None:
        """Note that somebody is told when a task has ended."""
        self.fates.is_handed |= self.is_followed(life)

    def leaves_with(self, value: object) -> None:
        """Note that a `with` is left by an exception, and what it was entered for is closed."""
        if self.fault == CHILD and not self.over:
            users = (life.coroutine for life in self.lives if self.is_followed(life))
            self.closed |= any(one is value for user in users for one in _behind(user))

    # -- who can reach a task -------------------------------------------------------------------

    def hand_over(self, *things: object) -> None:
        """Somebody else can reach these from now on, and what is put into them later.

        Called with nothing, it looks at what may have been put there in the meantime.
        """
        self.roots.extend(things)
        self._mark(things or self.roots)

    def share(self, *things: object) -> None:
        """Others get these, and may put something into what is empty: more than one thing tells
        nothing more. Only what they get as it is, or a nested function captures, is looked at."""
        self.hand_over(*things)
        for thing in things:
            for each in _captured_by(thing):
                if type(each) in (list, set, dict) and not each and id(each) not in self.foreign:
                    if self.choose("others put something there", ("no", "yes")):
                        self.calls.put_something(each)

    def take_over(self, maker: CodeType, things: object) -> None:
        """A helper has ended: the tasks that it made, and put into containers that its caller gave
        it or that it captures, are its caller's."""
        seen: set[int] = set()
        todo: list[Any] = [things]
        while todo:
            thing = todo.pop()
            kind = type(thing)  # whatever its `__class__` says
            if issubclass(kind, Standin):
                life = thing.standin_life()
                if life is not None and life.maker is maker and not life.handed:
                    life.maker = self.caller()
            elif issubclass(kind, CONTAINERS) and id(thing) not in seen:
                seen.add(id(thing))
                todo.extend(_inside(thing))

    def belongs_to_others(self, container: object) -> bool:
        """Say whether a container was not made by the judged function, or was handed over."""
        return id(container) in self.foreign or any(root is container for root in self.roots)

    def _mark(self, things: Iterable[object]) -> None:
        for life in reached(things):
            life.handed = True
            self.fates.is_handed |= self.is_followed(life)

    # -- leaks ----------------------------------------------------------------------------------

    def lost(self, life: Life) -> None:
        """The last reference to a task has gone."""
        if not self.over:
            self._leak(life)
            if life.at_large():
                self.stage.lost(life)

    def ended(self, error: BaseException | None = None) -> None:
        """The function has ended, with an error or without: whatever is at large has leaked."""
        if self.over:  # given up, whatever the function made of the `GivenUp`
            return
        self.stage.ended(error)
        self._mark([*self.roots, *self.foreign.values()])
        for life in self.lives:
            self._leak(life)
        self.over = True

    def dismantle(self) -> None:
        """Let go of everything: nothing of this execution is heard of again."""
        self.over = True
        self.calls = self.started = None
        for held in (self.lives, self.roots, self.scopes):
            held.clear()
        self.foreign.clear()

    def _leak(self, life: Life) -> None:
        if not life.at_large() or not (life.waited_early or life.waited_full):
            return
        self.leaks.append(
            Leak(
                label=life.label,
                owner=life.owner,
                maker=life.maker,
                through=life.through,
                parameter=life.parameter,
                collection=life.collection,
                early=life.waited_early,
                faulty=self.faulty,
                stale=self.stale,
                fault=self.fault,
                made_here=life.made_here,
                beside=life.beside,
                closed=self.closed,
                in_vain=self.in_vain,
            )
        )

    # -- handlers and reads -----------------------------------------------------------------------

    def catches(self, error: BaseException | None, kinds: object) -> bool:
        """Say whether `except kinds` catches an error; one of unknown class may be of any."""
        kinds = kinds if isinstance(kinds, tuple) else (kinds,)
        return any(self._catches_one(error, kind) for kind in kinds)

    def _catches_one(self, error: BaseException | None, kind: object) -> bool:
        if isinstance(kind, tuple):
            return self.catches(error, kind)
        if is_class(kind):
            if any(base is kind for base in mro_of(type(error))):  # Python asks no class, either
                return True
            if not (isinstance(error, InjectedError) and issubclass(kind, Exception)):
                return False
        elif isinstance(error, ExpectedError):
            return last_word(kind) == error.name
        elif not (isinstance(error, InjectedError) or is_own(type(error))):
            return False
        label = getattr(kind, "__name__", "an unknown class")
        key = (id(getattr(error, "key", error)), label)
        if key not in self.catches_memo:
            claims = f"the exception is a {label}", f"the exception is no {label}"
            self.catches_memo[key] = self.suppose(*claims, likely=False)
        return self.catches_memo[key]

    def site_started(self, names: Mapping[str, Callable[[], object]]) -> None:
        """The judged wait has started: remember what its result's names hold until it is bound.

        Only empty values are kept, so that no task is kept alive.
        """
        self.reached = True
        self.started = {}
        for name, read in names.items():
            try:
                value = read()
            except NameError:
                continue
            empty = not isinstance(value, Standin) and not value
            self.started[name] = (True, value) if empty else (False, None)

    def cleanup(self, step: int) -> None:
        """A `finally` or a handler is entered (1) or left (-1)."""
        self.cleanups += step

    def read(self, name: str, read: Callable[[], object], pending: bool) -> object:
        """Read a name of the result; note when a `finally` or a handler reads it too early."""
        watching = self.cleanups > 0 and self.started is not None
        try:
            value = read()
        except NameError:
            self.stale = self.stale or watching
            raise UnboundLocalError(name) from None
        if watching and pending and self.started is not None:
            empty, older = self.started.get(name, (False, None))
            self.stale = self.stale or (empty and older is value and not value)
        return value

    # -- frames ---------------------------------------------------------------------------------

    @classmethod
    def check(cls, world: object) -> None:
        """Raise TypeError for what is no world: the judged code may come by a class of stand-ins,
        as library functions ask classes about classes, and is to make nothing of it."""
        if type(world) is not cls:
            raise TypeError("no world")

    def caller(self) -> CodeType:
        """Return the code of the judged source's function that is running."""
        frame = sys._getframe(1)
        while frame is not None:
            if group := self.groups.get(frame.f_code):
                return group
            frame = frame.f_back  # type: ignore[assignment]
        return self.target

    def lines(self) -> frozenset[int]:
        """Return the lines of all functions of the judged source that are running."""
        found = set()
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code in self.groups:
                found.add(frame.f_lineno)
            frame = frame.f_back  # type: ignore[assignment]
        return frozenset(found)

    def line(self) -> int:
        """Return the line of the judged function that is running (0 outside of it)."""
        frame = self.frame()
        return frame.f_lineno if frame is not None else 0

    def frame(self) -> FrameType | None:
        """Return the innermost running frame that belongs to the judged function."""
        frame: FrameType | None = sys._getframe(1)
        while frame is not None and self.groups.get(frame.f_code) is not self.target:
            frame = frame.f_back
        return frame


CONTAINERS = (dict, list, tuple, set, frozenset, deque)


class Backstage:
    """What the judged code reaches nothing through."""


OPAQUE = (type, ModuleType, CodeType, str, bytes, int, float, World, Life, Backstage)


def _is_ordinary(kind: object) -> bool:
    """Say whether a class, or what stands for one, is of plain exceptions."""
    if isinstance(kind, type):
        return issubclass(kind, Exception)
    return isinstance(kind, Standin)


def reached(things: Iterable[object]) -> Iterator[Life]:
    """Yield the lives of all tasks that can be reached from some objects."""
    seen: set[int] = set()
    todo = list(things)
    while todo:
        thing = todo.pop()
        if id(thing) in seen:
            continue
        seen.add(id(thing))
        if isinstance(thing, Standin) and (life := thing.standin_life()):
            yield life
        todo.extend(_inside(thing))


def _ended_by(things: Iterable[object]) -> Iterator[Life]:
    """Yield the lives of the tasks that awaiting some things ends: they are these, or what the
    calls that they run was given."""
    for life in reached(things):
        yield life
        yield from _given_to(life.coroutine)
    for thing in things:
        yield from _given_to(thing)


def _given_to(coroutine: object) -> Iterator[Life]:
    if isinstance(coroutine, Standin):
        yield from reached(coroutine.standin_given())


def _behind(thing: object) -> Iterator[object]:
    """Yield an object, and all those that it holds, was given or comes from."""
    seen: set[int] = set()
    todo = [thing]
    while todo:
        one = todo.pop()
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo.extend(_inside(one))
        if isinstance(one, Standin):
            todo += [*one.standin_given(), one.standin_origin()]


def _inside(thing: object) -> Iterable[object]:
    """Return what can be reached from an object in one step, as far as tasks go."""
    if isinstance(thing, Standin):
        return thing.standin_holds()
    if isinstance(thing, dict):
        return [*thing.keys(), *thing.values()]
    if isinstance(thing, CONTAINERS):
        return list(thing)
    if isinstance(thing, FunctionType):
        return captured(thing)
    if isinstance(thing, MethodType):
        return [thing.__self__, thing.__func__]
    if isinstance(thing, partial):
        return [thing.func, *thing.args, *thing.keywords.values()]
    if isinstance(thing, BaseException):
        return thing.args
    if isinstance(thing, (GeneratorType, CoroutineType, AsyncGeneratorType)):
        return _frame_locals(thing)
    if thing is None or isinstance(thing, OPAQUE):
        return ()
    if hasattr(thing, "__dict__"):
        return list(vars(thing).values())
    return gc.get_referents(thing)


def _captured_by(thing: object) -> Iterable[object]:
    """Return an object, and what it captures if it is a function or a call of one."""
    held = thing.standin_holds() if isinstance(thing, Standin) else (thing,)
    functions = [one for one in held if isinstance(one, FunctionType)]
    inside = [each for one in functions for each in captured(one)]
    deeper = [each for one in inside if isinstance(one, FunctionType) for each in captured(one)]
    return [thing, *inside, *deeper]


def captured(function: FunctionType) -> list[object]:
    """Return what a function captures, as far as it is bound."""
    found: list[object] = [*(function.__defaults__ or ())]
    for cell in function.__closure__ or ():
        try:
            found.append(cell.cell_contents)
        except ValueError:  # not bound yet
            continue
    return found


def _frame_locals(thing: Any) -> list[object]:
    for attribute in ("gi_frame", "cr_frame", "ag_frame"):
        frame = getattr(thing, attribute, None)
        if frame is not None:
            return list(frame.f_locals.values())
    return []
