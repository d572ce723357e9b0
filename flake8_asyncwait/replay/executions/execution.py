"""Run one function in every way that counts: under each outcome, branch and single fault."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import CodeType, FrameType
from typing import Any, Protocol, TypeVar

from flake8_asyncwait.replay.executions.hooks import Hooks
from flake8_asyncwait.replay.executions.lift import Lifted
from flake8_asyncwait.replay.family import WAIT
from flake8_asyncwait.replay.lives import (
    EXHAUSTED,
    UNSURE,
    Ending,
    GivenUp,
    InjectedError,
    Leak,
    Life,
    Owner,
    Point,
    State,
)
from flake8_asyncwait.replay.text.confine import args_of, described
from flake8_asyncwait.replay.world.choices import GOES_ON, HARMLESS
from flake8_asyncwait.replay.world.facts import Kind
from flake8_asyncwait.replay.world.futures import Task
from flake8_asyncwait.replay.world.guide import Guide
from flake8_asyncwait.replay.world.scheduler import World
from flake8_asyncwait.replay.world.stage import Stage
from flake8_asyncwait.replay.world.unknown import Unknown

YIELDS_AT_MOST = 5  # a loop in a loop, of two turns each, comes to its end
HELPER_EXECUTIONS_AT_MOST = 50
EXPECTED_ERRORS = (
    InjectedError,
    asyncio.CancelledError,
    asyncio.InvalidStateError,
    GeneratorExit,
    TimeoutError,
    LookupError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Execution:
    """One execution of the judged function: its choices, and what it showed.

    `early` and `full` say whether the judged wait, or one of several, was such a one for a task.
    `follows` says that it met all the choices of the witness that it was to follow, `widely` how
    its options were offered.
    """

    points: tuple[Point, ...]
    leaks: tuple[Leak, ...]
    early: bool
    full: bool
    bare_coroutine: bool
    uncancelled: bool
    unjoined: frozenset[str]
    faulty: bool
    given_up: str
    error: str
    follows: bool
    widely: bool

    @property
    def choices(self) -> tuple[int, ...]:
        """The numbers of the options picked, in order: what `run` takes."""
        return tuple(point.picked for point in self.points)


# -- enumerating --------------------------------------------------------------------------------


class _Ran(Protocol):
    """What enumerating needs of an execution."""

    @property
    def points(self) -> tuple[Point, ...]: ...


Result = TypeVar("Result", bound=_Ran)


def executions(run_one: Callable[[Sequence[int]], Result]) -> Iterator[Result]:
    """Yield every execution: first all without a fault, then those with one."""
    plain: list[tuple[int, ...]] = [()]
    faulty: list[tuple[int, ...]] = []
    while plain or faulty:
        prefix = plain.pop() if plain else faulty.pop()
        execution = run_one(prefix)
        _branch_off(execution.points, len(prefix), plain, faulty)
        yield execution


def _branch_off(
    points: tuple[Point, ...],
    start: int,
    plain: list[tuple[int, ...]],
    faulty: list[tuple[int, ...]],
) -> None:
    """Add the prefixes that leave an execution at one of its points from `start` on."""
    choices = tuple(point.picked for point in points)
    struck = False
    for index, point in enumerate(points):
        struck = struck or point.picked >= point.faults_from
        if index < start:
            continue
        for option in reversed(range(len(point.options))):
            if option == point.picked or option in point.barred:
                continue
            kind = faulty if struck or option >= point.faults_from else plain
            kind.append((*choices[:index], option))


# -- running ------------------------------------------------------------------------------------


def run(
    lifted: Lifted,
    prefix: Sequence[int],
    *,
    with_lines: bool = False,
    guide: Guide | None = None,
    widely: bool = False,
    stage: Stage | None = None,
) -> Execution:
    """Run the judged function once, by its first choices, of options that are offered `widely`, as
    they are with a guide, or not.

    A guide bars what leaves a witness; on a `stage` of one's own, more happens than is chosen.
    """
    widely = widely or guide is not None
    world = World(
        prefix, lifted.groups, lifted.target, with_lines=with_lines, guide=guide, widely=widely
    )
    world.kind, world.ending_of = lifted.kind, partial(ending_of, lifted)
    world.stage = stage or world.stage
    world.stage.opens(world)
    with loaded(lifted, world) as module:
        error = ""
        with suppress(GivenUp):
            error = drive(world, lambda: module.start(lifted))
        world.stage.closes()
        return _seen(world, error)


@contextmanager
def loaded(lifted: Lifted, world: World) -> Iterator[_Module]:
    """Give the module for one execution, and take it to pieces afterwards.

    Everything in it refers to everything else: thousands of executions are too many for the
    garbage collector to find that out by itself.
    """
    hooks = Hooks(world, lifted.declared)
    namespace = hooks.namespace(lifted.missing)
    try:
        yield _Module(world, hooks, namespace)
    finally:
        namespace.clear()
        hooks.functions.clear()
        world.dismantle()


@dataclass(frozen=True, slots=True)
class _Module:
    """The judged module in one execution."""

    world: World
    hooks: Hooks
    namespace: dict[str, object]

    def start(self, lifted: Lifted) -> object:
        """Execute the module, and call the judged function; return what the call gives."""
        if lifted.target is lifted.code:
            self.namespace["__name__"] = Unknown(self.world, "__name__", Kind.NAME)
        exec(lifted.code, self.namespace)
        if lifted.target is lifted.code:
            return None
        _note_foreign(self.world, self.namespace)
        assert self.hooks.target is not None
        return self.call(self.hooks.target, lifted)

    def call(self, function: Callable[..., object], lifted: Lifted) -> object:
        """Call the judged function with unknowns."""
        world, args = self.world, []
        klass = _class(lifted, self.namespace)
        for name in lifted.parameters:
            if name.startswith("*"):
                rest = Unknown(world, name[1:], Kind.PARAMETER).elements()
                for one in rest:
                    one.standin.annotated = name[1:] in lifted.coroutines
                args.extend(rest)
                continue
            args.append(Unknown(world, name, Kind.PARAMETER, klass=klass))
            args[-1].standin.annotated = name in lifted.coroutines
            if klass is not None:
                attributes = args[-1].standin.attributes
                for attribute in lifted.primitives:
                    attributes[attribute] = Unknown(world, attribute, Kind.PRIMITIVE)
            klass = None
        kwargs = {name: Unknown(world, name, Kind.PARAMETER) for name in lifted.keywords}
        for name, value in kwargs.items():
            value.standin.annotated = name in lifted.coroutines
        return function(*args, **kwargs)


def _class(lifted: Lifted, namespace: dict[str, object]) -> type | None:
    found: object = None
    for name in lifted.classes:
        found = namespace.get(name) if found is None else getattr(found, name, None)
    return found if isinstance(found, type) else None


def _note_foreign(world: World, namespace: dict[str, object]) -> None:
    """The containers that the module makes when it is imported are nobody's own."""
    scopes = [namespace, *(vars(one) for one in namespace.values() if isinstance(one, type))]
    for scope in scopes:
        for value in scope.values():
            if isinstance(value, (list, dict, set)) and value is not namespace["__builtins__"]:
                world.foreign[id(value)] = value


def drive(world: World, function: Callable[[], object]) -> str:
    """Run the judged function to its end; return the name of an unforeseen error.

    Raises what says that the process ran out of something: the code is not to blame.
    """
    result = None
    try:
        result = function()
        if hasattr(result, "__anext__"):
            world.stage.run(_step_through(world, result))
        elif hasattr(result, "send"):
            world.stage.run(_step(world, result))
        else:
            world.hand_over(result)
    except GivenUp:
        _abandon(result)
        raise
    except EXHAUSTED:
        raise
    except BaseException as error:
        world.hand_over(*args_of(error))
        world.ended(error)
        return "" if issubclass(type(error), EXPECTED_ERRORS) else described(error)
    world.ended()
    return ""


def _abandon(result: object) -> None:
    """Close a generator that is not run to its end: left to itself, what its cleanup is cut off
    with, or fails with, would be printed."""
    with suppress(GivenUp, Exception):
        if hasattr(result, "aclose"):
            result.aclose().send(None)
        elif hasattr(result, "close"):
            result.close()


@types.coroutine
def _step(world: World, generator: Any) -> Generator[object, object, None]:
    """Run a coroutine, or a generator of what it yields."""
    step: Callable[[], object] = partial(generator.send, None)
    yields = 0
    while yields < YIELDS_AT_MOST:
        try:
            value = step()
        except StopIteration as stop:
            world.hand_over(stop.value)
            return
        if asyncio.isfuture(value):  # only a live stage suspends
            step = yield from _suspended(generator, value)
            continue
        yields += 1
        frame = generator.gi_frame if hasattr(generator, "gi_frame") else generator.cr_frame
        kind = yield from world.stage.happen(partial(_at_yield, world, value, frame), None)
        if kind == "closed":
            generator.close()
            return
        failing = partial(generator.throw, InjectedError(object()))
        step = failing if kind else partial(generator.send, None)
    world.give_up(GOES_ON)


def _suspended(generator: Any, future: object) -> Generator[object, object, Callable[[], object]]:
    """Let the loop have the future that a coroutine waits for; return how the coroutine goes on."""
    try:
        sent = yield future
    except BaseException as error:
        return partial(generator.throw, error)
    return partial(generator.send, sent)


async def _step_through(world: World, generator: Any) -> None:
    """Run an asynchronous generator, and whatever it does when it is closed at a yield."""
    try:
        await _take_all(world, generator)
    except GivenUp:
        with suppress(Exception, GivenUp):  # it is not to be closed when it is collected
            await generator.aclose()
        raise


async def _take_all(world: World, generator: Any) -> None:
    step = generator.__anext__
    for _ in range(YIELDS_AT_MOST):
        try:
            value = await step()
        except StopAsyncIteration:
            return
        frame = generator.ag_frame
        kind = await world.stage.happen(partial(_at_yield, world, value, frame), None)
        if kind == "closed":
            await generator.aclose()
            return
        failing = partial(generator.athrow, InjectedError(object()))
        step = failing if kind else generator.__anext__
    world.give_up(GOES_ON)


def _at_yield(world: World, value: object, frame: FrameType) -> str:
    """Hand over what is yielded; return the fault that strikes there, if any.

    `frame` is the generator's.
    """
    world.share(value)
    world.suspensions += 1
    picked = world.strike_one("yield", ["closed", "failed"], {frame.f_lineno})
    return "" if picked is None else ("closed", "failed")[picked]


def _seen(world: World, error: str) -> Execution:
    waited = [life for life in world.lives if life.waited_early]
    return Execution(
        points=tuple(world.points),
        leaks=tuple(world.leaks),
        early=bool(waited),
        full=any(life.waited_full for life in world.lives),
        bare_coroutine=world.bare_coroutine,
        uncancelled=not world.given_up and any(map(_is_uncancelled, waited)),
        unjoined=frozenset() if world.given_up or world.faulty else _unjoined(waited),
        faulty=world.faulty,
        given_up=world.given_up,
        error=error,
        follows=world.guide is not None and world.guide.is_followed(),
        widely=world.widely,
    )


def _is_uncancelled(life: Life) -> bool:
    return life.owner is not Owner.FUTURE and life.state is State.RUNNING and not life.asked


def _unjoined(waited: list[Life]) -> frozenset[str]:
    """Return the parameters whose tasks are cancelled but not awaited; "" for made tasks."""
    return frozenset(
        life.parameter
        for life in waited
        if life.owner in (Owner.MADE, Owner.BORROWED)
        and life.asked
        and life.state is State.RUNNING
        and not (life.handed or life.joined)
    )


# -- the other functions of the module ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HelperRun:
    """One execution of a helper by itself: what it returned and the error that it raised.

    `made` says whether that is a task that it made, and kept to itself, `failed` whether it ended
    with an ordinary exception, `suspends` whether it has suspended.
    """

    points: tuple[Point, ...]
    made: bool
    failed: bool
    suspends: bool
    given_up: str


def ending_of(lifted: Lifted, code: CodeType) -> Ending:
    """Say what is known of the end of a coroutine function of the module, whatever strikes; only a
    site of the family asks."""
    if lifted.kind == WAIT:
        return UNSURE
    if code not in lifted.endings:
        lifted.endings[code] = UNSURE  # what calls itself may fail
        lifted.endings[code] = _ending_of(lifted, code)
    return lifted.endings[code]


def _ending_of(lifted: Lifted, code: CodeType) -> Ending:
    suspends = False
    for count, one in enumerate(executions(partial(run_helper, lifted, code))):
        is_known = not one.given_up or one.given_up in HARMLESS
        if one.failed or not is_known or count == HELPER_EXECUTIONS_AT_MOST:
            return UNSURE
        suspends = suspends or one.suspends
    return Ending(sure=True, prompt=not suspends)


def run_helper(
    lifted: Lifted, code: CodeType, prefix: Sequence[int], faulty: bool = False
) -> HelperRun:
    """Run one of the module's functions once; a `faulty` run has had its fault already."""
    world = World(prefix, lifted.groups, code, faulty=faulty)
    world.kind, world.ending_of = lifted.kind, partial(ending_of, lifted)
    with loaded(lifted, world) as module:
        made, failed = True, False
        try:
            exec(lifted.code, module.namespace)
            function: object = module.hooks.functions.get(code)
            failed = function is None  # it is not known: another function defines it
            if function is not None:
                result = _called(world, function)
                if hasattr(result, "send"):
                    result = world.stage.run(result)
                made = isinstance(result, Task) and result.life.maker is code
                made = made and not result.life.handed
        except (GivenUp, asyncio.CancelledError):
            pass
        except Exception:
            failed = True
        suspends = world.suspensions > 0
        return HelperRun(tuple(world.points), made, failed, suspends, world.given_up)


def _called(world: World, function: Any) -> Any:
    """Call a function with unknowns."""
    code = function.__code__
    count = code.co_argcount + code.co_kwonlyargcount
    names = code.co_varnames[:count]
    values = [Unknown(world, name, Kind.PARAMETER) for name in names]
    named = dict(list(zip(names, values, strict=True))[code.co_argcount :])
    return function(*values[: code.co_argcount], **named)
