"""The values of an execution: the lives of tasks, errors, leaks, and what a stand-in is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from types import CodeType
from typing import NamedTuple


class Backstage:
    """What the judged code reaches nothing through."""

    __slots__ = ()


class GivenUp(BaseException):
    """The execution is given up: it hit a bound and says nothing from here on."""


# What an execution ends with that the process has no room for: no handler of the code sees it.
EXHAUSTED = (MemoryError, RecursionError)


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


class Ending(NamedTuple):
    """What is known of the end of a coroutine of the module: whether it is `sure` not to fail, and
    `prompt`, for it never suspends."""

    sure: bool = False
    prompt: bool = False


UNSURE = Ending()


@dataclass(slots=True, eq=False)
class Life(Backstage):
    """What has become of one task or future so far.

    `maker` is the code of the function that holds a made task; `through` the helpers that returned
    it to there. `parameter` is where a borrowed one came from, `collection` whether it is one of a
    parameter's elements. `asked` is set by a cancel while it ran, `late` by one that it may have
    ended before, `joined` by a wait that takes it in after that. `ending` is what is known of its
    end, and of a failed one `raises` is the class, where that is known. `seen` is the suspension up
    to which it is known to run. `lines` are those that made it, where a witness is followed. `runs`
    is the object of which it runs a method, and its name. `coroutine` is what it was made of.
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
    ending: Ending = UNSURE
    raises: type[Exception] | None = None
    waited_early: bool = False
    waited_full: bool = False
    lines: frozenset[int] = frozenset()
    runs: tuple[object, str] | None = None
    coroutine: object = None
    made_here: bool = False
    beside: tuple[str, ...] = ()

    @property
    def sure(self) -> bool:
        """Whether it cannot fail."""
        return self.ending.sure

    @property
    def waited(self) -> bool:
        """Whether some wait waits for it."""
        return self.waited_early or self.waited_full

    def runs_on(self) -> bool:
        """Say whether it may still run with nobody having asked it to stop. What never suspends
        does not: it is over before anything strikes."""
        return self.state is State.RUNNING and not (self.asked or self.ending.prompt)

    def failure(self) -> Exception:
        """Return what a failed one raises."""
        return self.raises() if self.raises else InjectedError(self)

    def at_large(self) -> bool:
        """Say whether it may, and nobody has taken it over either."""
        return self.runs_on() and not self.handed


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


class CoroutineStandin(Standin):
    """The stand-in for a coroutine."""

    SHOWN = frozenset({"__await__", "close"})
    __slots__ = ()

    def close(self) -> None:
        """Be closed, as a coroutine can be."""


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
