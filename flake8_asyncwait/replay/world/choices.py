"""What is not decided: the choices of one execution, its one fault, the witness to follow."""

from __future__ import annotations

import sys
import types
from asyncio import CancelledError
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from types import CodeType, FrameType
from typing import TYPE_CHECKING

from flake8_asyncwait.replay.family import BYSTANDER, SIBLING
from flake8_asyncwait.replay.lives import (
    Backstage,
    ExpectedError,
    GivenUp,
    InjectedError,
    Life,
    Owner,
    Point,
    Standin,
    State,
    Undecided,
    last_word,
)
from flake8_asyncwait.replay.world.guide import Guide
from flake8_asyncwait.replay.world.stage import Stage

if TYPE_CHECKING:
    from flake8_asyncwait.replay.world.waiting import Timeout

POINTS_AT_MOST = 120
TURNS_AT_MOST = 3
SIZES = (3, 1, 0)
WITNESS_SIZE = 5  # as some witness needs: four that are done, and one that is not
# Why an execution is given up that nothing is wrong with.
GOES_ON = "a loop goes on"
DOES_NOT_HOLD = "an assertion does not hold"
HARMLESS = frozenset({GOES_ON, DOES_NOT_HOLD})
CANCELLED = "cancelled"
TOO_MANY_CHOICES = "too many choices"
BOUNDS = frozenset({GOES_ON, TOO_MANY_CHOICES})


@dataclass(slots=True)
class Choices(Backstage):
    """The choices of one execution, and its one fault.

    `groups` maps every code object of the judged source to that of its function (comprehensions
    and lambdas belong to the function around them); `target` is the judged function's. `stage` is
    where what is chosen happens. `widely` says that more options are offered than a search has
    the time for, as a witness may need them.
    """

    prefix: Sequence[int]
    groups: Mapping[CodeType, CodeType]
    target: CodeType
    with_lines: bool = False
    guide: Guide | None = None
    widely: bool = False
    stage: Stage = field(default_factory=Stage)
    points: list[Point] = field(default_factory=list)
    faulty: bool = False
    fault: str = ""
    is_cancelled: bool = False
    striking: str = BYSTANDER
    over: bool = False
    given_up: str = ""
    suspensions: int = 0
    questions: int = 0
    assuming: bool = False
    scopes: list[Timeout] = field(default_factory=list)
    turns: dict[int, int] = field(default_factory=dict)
    must_fail: list[list[Life]] = field(default_factory=list)

    def choose(
        self, label: str, options: Sequence[str], barred: frozenset[int] = frozenset()
    ) -> int:
        """Pick one of `options` that is not barred; return its number.

        Raises `GivenUp` beyond the bound of points, or where all are barred.
        """
        self._needs_no_choice()
        return self._pick(label, options, barred=barred)

    def suppose(self, claim: str, denial: str, likely: bool) -> bool:
        """Choose whether a claim holds of something unknown; a `likely` one is tried first."""
        self.questions += 1
        options = (claim, denial) if likely else (denial, claim)
        picked = self.choose(claim, options)
        self.stage.assumes(options[picked])
        return (picked == 0) is likely

    def undecided(self) -> None:
        """Something is asked that the wait does not decide: an assertion about it holds."""
        self.questions += 1
        self._needs_no_choice()

    def _needs_no_choice(self) -> None:
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
        if self.guide is not None:
            self.guide.strayed_before.append(self.guide.strayed)
        if picked >= faults_from:
            self.faulty = True
            self.fault = self.striking
            self.is_cancelled = options[picked] == CANCELLED
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

    def one_has_failed(self, lives: Iterable[Life]) -> None:
        """One of these has: a wait for the first exception has returned before all were done."""
        each = dict.fromkeys(lives)  # a gather stands beside one of its children
        self.must_fail.append([life for life in each if not (life.sure or _is_good(life))])
        self._is_possible()

    def tells(self, life: Life) -> None:
        """A task tells what came of it: of those of which one must have failed, another has if this
        one has not."""
        for lives in self.must_fail:
            if life in lives and _is_good(life):
                lives.remove(life)
        self._is_possible()

    def _is_possible(self) -> None:
        if not all(self.must_fail):
            self.give_up(DOES_NOT_HOLD)

    def turn(self, loop: int) -> bool:
        """Count one more turn of a loop; always true, or the execution is given up."""
        self.turns[loop] = self.turns.get(loop, 0) + 1
        if self.over or self.turns[loop] > TURNS_AT_MOST + 1:
            self.give_up(GOES_ON)
        return True

    def meet_wait(self, lines: Collection[int], all_are_there: bool) -> None:
        """Tell the guide that a wait starts; the witness of a wait has all those of the judged
        function."""
        if self.guide is not None:
            is_one = all_are_there and self.caller() is self.target
            if is_one and not self.guide.admits_wait(lines):
                self.give_up("it leaves the witness")
            self.guide.meet(lines, "wait")

    def meet_outcome(self, lines: Collection[int]) -> None:
        """Tell the guide that a wait has returned in one of the ways that it admits."""
        if self.guide is not None and self.guide.expected(lines, "outcome") is not None:
            self.guide.advance()

    def strike(
        self, label: str, fails: bool = True, cancels: bool = True, lines: Collection[int] = ()
    ) -> str:
        """Offer the one fault here; return "", `CANCELLED`, "timed out" or "failed".

        Inside `asyncio.timeout()` a cancellation may also be the timeout's, which is no fault where
        a handler expects it. The place is the running line, or `lines`.
        """
        scope = self.scopes[-1] if cancels and self.scopes else None
        kinds, faults = [""], []
        if cancels:
            faults.append(CANCELLED)
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

    def holds_after(self, before: int, answer: object) -> bool:
        """Say whether an assertion that waits for something holds, `before` which so many questions
        were not decided: what is not decided holds, and nothing else follows."""
        if not answer and self.questions > before:
            self.give_up(DOES_NOT_HOLD)
        return bool(answer)

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
    def pause(self, label: str) -> Generator[object, object, None]:
        """Suspend at something unknown, on the stage."""
        yield from self.stage.happen(partial(self.suspend, label), None)

    # -- frames ---------------------------------------------------------------------------------

    def caller(self) -> CodeType:
        """Return the code of the judged source's function that is running."""
        own = (self.groups[one.f_code] for one in _frames() if one.f_code in self.groups)
        return next(own, self.target)

    def lines(self) -> frozenset[int]:
        """Return the lines of all functions of the judged source that are running."""
        return frozenset(one.f_lineno for one in _frames() if one.f_code in self.groups)

    def line(self) -> int:
        """Return the line of the judged function that is running (0 outside of it)."""
        frame = self.frame()
        return frame.f_lineno if frame is not None else 0

    def frame(self) -> FrameType | None:
        """Return the innermost running frame that belongs to the judged function."""
        own = (one for one in _frames() if self.groups.get(one.f_code) is self.target)
        return next(own, None)


def _frames() -> Iterator[FrameType]:
    """Yield the frames that are running, innermost first."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_ordinary(kind: object) -> bool:
    """Say whether a class, or what stands for one, is of plain exceptions."""
    if isinstance(kind, type):
        return issubclass(kind, Exception)
    return isinstance(kind, Standin)


def _is_good(life: Life) -> bool:
    """Say whether a task that has told what came of it has not failed."""
    return life.state in (State.GOOD, State.CANCELLED)
