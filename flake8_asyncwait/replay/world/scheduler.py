"""What one execution decides: choices, faults, the lives of tasks, and who can reach them.

A `World` is one execution of the judged function. Everything undecided in it is asked of
`World.choose`, which follows a prefix of choices and then takes the first option; running again
with another prefix is how all executions are enumerated.
"""

from __future__ import annotations

from asyncio import CancelledError, InvalidStateError
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import CodeType
from typing import Any

from flake8_asyncwait.replay.family import CHILD, WAIT
from flake8_asyncwait.replay.lives import (
    EXHAUSTED,
    UNSURE,
    Ending,
    ExpectedError,
    InjectedError,
    Leak,
    Life,
    Owner,
    Standin,
    State,
    last_word,
)
from flake8_asyncwait.replay.text.confine import is_class, is_own, mro_of
from flake8_asyncwait.replay.world.choices import Choices
from flake8_asyncwait.replay.world.reach import CONTAINERS, behind, captured_by, inside, reached

FILLED = (list, set, dict, deque)  # collections into which others may put something


class Asked(Standin):
    """What `.cancel()` returns: False exactly where all that it asked had ended before; `lives` are
    those of which that was not known, `again` those that had been asked before suspension `at`.
    `conclude` is called once that is decided."""

    SHOWN: frozenset[str] = frozenset()
    __slots__ = ("again", "at", "conclude", "lives", "world")

    def __init__(self, world: World, lives: Sequence[Life], again: Sequence[Life] = ()) -> None:
        self.world = world
        self.lives = lives
        self.again = again
        self.at = world.suspensions
        self.conclude: Callable[[], None] | None = None

    def __bool__(self) -> bool:
        struck = any(map(self.world.has_struck, self.lives))
        struck |= any(self.world.has_struck_again(life, self.at) for life in self.again)
        if self.conclude is not None:
            self.conclude()
        return struck

    def __eq__(self, other: object) -> bool:
        return bool(self) == other

    def __radd__(self, count: int) -> int:
        return count + bool(self)

    __hash__ = None  # type: ignore[assignment]


@dataclass(slots=True)
class World(Choices):
    """One execution: its choices, the lives of its tasks, and all that it found.

    `calls` knows what a call of an unknown does. `kind` is that of the judged site; `ending_of`
    says what is known of the end of a coroutine of a function of the module.
    """

    calls: Any = None
    kind: str = WAIT
    ending_of: Callable[[CodeType], Ending] = lambda code: UNSURE
    serial: int = 0
    depth: int = 0
    bare_coroutine: bool = False
    cleanups: int = 0
    stale: bool = False
    closed: bool = False
    in_vain: bool = False
    lives: list[Life] = field(default_factory=list)
    leaks: list[Leak] = field(default_factory=list)
    roots: list[object] = field(default_factory=list)
    foreign: dict[int, object] = field(default_factory=dict)
    shared: list[object] = field(default_factory=list)
    catches_memo: dict[tuple[int, str], tuple[object, bool]] = field(default_factory=dict)
    started: dict[str, tuple[bool, object]] | None = None

    @classmethod
    def check(cls, world: object) -> None:
        """Raise TypeError for what is no world: the judged code may come by a class of stand-ins,
        as library functions ask classes about classes, and is to make nothing of it."""
        if type(world) is not cls:
            raise TypeError("no world")

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

    def is_decided(self, life: Life) -> bool:
        """Say whether it is decided that a task is done, or not: of one that no wait waits for, it
        is not."""
        return life.waited or not (life.late or self.may_have_ended(life))

    def asks_done(self, life: Life) -> bool:
        """Say what `task.done()` says."""
        if not self.is_decided(life):
            self.undecided()
        return self.is_done(life)

    def is_done(self, life: Life) -> bool:
        """Say whether a task is done; it may have ended since it was last known to run."""
        self._settle_late(life)
        if life.asked and life.owner is Owner.FUTURE:
            self.finish(life)  # it has no cleanup that would take time
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
            return Asked(self, [])
        if not self.over:  # what a `finally` does then is not the function's doing
            self.stage.cancels(life)
        again = life.asked and self.may_have_ended(life)
        if not life.asked:
            life.late = life.seen < self.suspensions
            life.seen = self.suspensions
        life.asked = True
        self.stage.asked(life)
        return Asked(self, [], [life]) if again else Asked(self, [life])

    def has_struck(self, life: Life) -> bool:
        """Say whether a task that was asked to cancel ran then."""
        if life.late and not life.waited:
            self.undecided()
        self._settle_late(life)
        self.stage.confirm(life)
        return life.asked

    def has_struck_again(self, life: Life, at: int) -> bool:
        """Say whether a task that had been asked to cancel before still ran when it was asked once
        more, at a suspension."""
        if life.state is State.RUNNING or self.suspensions == at:
            return not self.asks_done(life)
        return not self.choose(f"{life.label}, asked again,", ("ran", "had ended"))

    def outcome(self, life: Life) -> None:
        """Raise what a task that is done came to, if it came to no good; failing now is a fault."""
        if life.state is State.FINISHED:
            life.state = State.FAILED if self._fails(life) else State.GOOD
            self.tells(life)
        if life.state is State.CANCELLED:
            raise CancelledError
        if life.state is State.FAILED:
            raise life.failure()

    def _fails(self, life: Life) -> bool:
        """Choose whether a task has failed."""
        label = f"{life.label}.result()"
        if self.may_have_failed_before(life):
            return bool(self._pick(label, ("goes on", "failed")))
        return not life.sure and bool(self.strike(label, cancels=False))

    def may_have_failed_before(self, life: Life) -> bool:
        """Say whether a task may be the one that must have failed before the fault struck."""
        is_open = life.state is State.FINISHED and self.faulty
        return is_open and any(life in lives for lives in self.must_fail)

    def result(self, life: Life) -> None:
        """Raise what `task.result()` raises, if it does."""
        if not self.is_done(life):
            raise InvalidStateError
        try:
            self.outcome(life)
        except Exception:
            self.stage.raises(life)
            raise

    def exception(self, life: Life) -> BaseException | None:
        """Do what `task.exception()` does: whether it failed is a free branch, and no fault."""
        if not self.is_done(life):
            raise InvalidStateError
        if life.state is State.FINISHED:
            failed = not life.sure and self.choose(f"{life.label}.exception()", ("none", "one"))
            life.state = State.FAILED if failed else State.GOOD
            self.tells(life)
        if life.state is State.CANCELLED:
            raise CancelledError
        return life.failure() if life.state is State.FAILED else None

    def cancelled(self, life: Life) -> bool:
        """Do what `task.cancelled()` does: somebody else may have cancelled it."""
        if not (life.waited or life.asked) and self.may_have_ended(life):
            return self._was_cancelled(life, meanwhile=State.RUNNING)  # it may have ended, or not
        if self.is_done(life) and life.state is State.FINISHED and not life.not_cancelled:
            return self._was_cancelled(life, meanwhile=State.FINISHED)
        return life.state is State.CANCELLED

    def _was_cancelled(self, life: Life, meanwhile: State) -> bool:
        """Choose whether somebody else has cancelled a task, of which the state is known if not."""
        if not life.not_cancelled:
            picked = self.choose(f"{life.label}.cancelled()", ("no", "yes"))
            life.not_cancelled = not picked
            life.state = State.CANCELLED if picked else meanwhile
            self.tells(life)
        return life.state is State.CANCELLED

    def join(self, life: Life) -> None:
        """Await a task: raise its failure, or what strikes meanwhile."""
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
        told = [(life, self._told(life)) for life in lives]
        for life, _ in told:
            life.waited_early = True
            life.made_here = made_here(life)
            others = (who for other, who in told if other is not life)
            life.beside += tuple(who for who in others if who is not None)
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

    def leaves_with(self, value: object, is_plain: bool) -> None:
        """Note that a `with` is left by an exception, and what it was entered for is closed. What
        came from that is part of it where the `with` is not a plain one: a file is read once."""
        if self.fault == CHILD and not self.over:
            users = (life.coroutine for life in self.lives if self.is_followed(life))
            used = (one for user in users for one in behind(user, origins=not is_plain))
            self.closed |= any(one is value for one in used)

    # -- who can reach a task -------------------------------------------------------------------

    def hand_over(self, *things: object) -> None:
        """Somebody else can reach these from now on, and what is put into them later.

        Called with nothing, it looks at what may have been put there in the meantime.
        """
        self.roots.extend(things)
        self._mark(things or self.roots)

    def share(self, *things: object) -> None:
        """Others get these, and may put something into what is empty: more than one thing, or one
        into what is not empty, tells more only where there is a witness to follow. Only what they
        get as it is, or a nested function captures, is looked at."""
        self.hand_over(*things)
        for thing in things:
            for each in captured_by(thing):
                if not issubclass(type(each), FILLED) or id(each) in self.foreign:
                    continue
                if not each or self.widely:
                    self.fill(each)

    def emptied(self, container: object) -> None:
        """Others may put something again into a container that they can reach."""
        if any(each is container for root in self.roots for each in captured_by(root)):
            self.fill(container)

    def fill(self, container: Any) -> None:
        """Choose how much others put into a container."""
        more = ("more",) if self.widely else ()
        count = self.choose("others put something there", ("no", "yes", *more))
        for _ in range(count):
            self.calls.put_something(container)
        if not container:
            self.shared.append(container)

    def is_shared_empty(self, container: object) -> bool:
        """Say whether a container holds nothing that others could have put something into."""
        return any(one is container for one in self.shared) and not container

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
                todo.extend(inside(thing))

    def belongs_to_others(self, container: object) -> bool:
        """Say whether a container was not made by the judged function, or was handed over."""
        return id(container) in self.foreign or any(root is container for root in self.roots)

    def hand_over_all(self) -> None:
        """Somebody asks for all tasks that run."""
        self._handed(self.lives)

    def _mark(self, things: Iterable[object]) -> None:
        self._handed(reached(things))

    def _handed(self, lives: Iterable[Life]) -> None:
        for life in lives:
            life.handed = True
            self.stage.handed(life)

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
        for held in (self.lives, self.roots, self.shared, self.scopes):
            held.clear()
        self.foreign.clear()

    def _leak(self, life: Life) -> None:
        if not life.at_large() or not life.waited:
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
        return type(error) not in EXHAUSTED and any(self._catches_one(error, one) for one in kinds)

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
        return _is_supposed(self, id(getattr(error, "key", error)), kind)

    def site_started(self, names: Mapping[str, Callable[[], object]]) -> None:
        """The judged wait has started: remember what its result's names hold until it is bound.

        Only empty values are kept, so that no task is kept alive.
        """
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


def _is_supposed(world: World, error: int, kind: object) -> bool:
    """Say whether an error of unknown class, given by its id, is supposed to be of a class."""
    label = getattr(kind, "__name__", "an unknown class")
    if (error, label) not in world.catches_memo:
        claims = f"the exception is a {label}", f"the exception is no {label}"
        told = _told_by_others(world, error, kind)
        answer = world.suppose(*claims, likely=False) if told is None else told
        world.catches_memo[error, label] = kind, answer
    return world.catches_memo[error, label][1]


def _told_by_others(world: World, error: int, kind: object) -> bool | None:
    """The same, where what is supposed of a class above or below it tells."""
    for (asked, _), (other, is_one) in world.catches_memo.items():
        if asked == error and is_class(kind) and is_class(other):
            below, above = (other, kind) if is_one else (kind, other)
            if any(base is above for base in mro_of(below)):
                return is_one
    return None
