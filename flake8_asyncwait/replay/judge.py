"""Run one function in every way the contract counts, and say which code is right for its site."""

from __future__ import annotations

import asyncio
import types
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from types import CodeType, FrameType
from typing import Any, Protocol, TypeVar

from flake8_asyncwait.replay.guide import Guide
from flake8_asyncwait.replay.program import Program, prepare
from flake8_asyncwait.replay.scheduler import (
    GOES_ON,
    HARMLESS,
    Cut,
    InjectedError,
    Leak,
    Life,
    Owner,
    Point,
    State,
    World,
)
from flake8_asyncwait.replay.stage import Stage
from flake8_asyncwait.replay.standins import Task
from flake8_asyncwait.replay.surroundings import Surroundings
from flake8_asyncwait.replay.unknown import Kind, Unknown

EXECUTIONS_AT_MOST = 2500
HELPER_EXECUTIONS_AT_MOST = 50
PATIENCE = 60
PRECEDENCE = ("AWT101", "AWT103", "AWT102", "AWT104")
YIELDS_AT_MOST = 5  # a loop in a loop, of two turns each, comes to its end
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

    `follows` says that it met all the choices of the witness that it was to follow.
    """

    points: tuple[Point, ...]
    leaks: tuple[Leak, ...]
    adopted: frozenset[str]
    mixed: frozenset[CodeType]
    reached: bool
    early: bool
    bare_coroutine: bool
    uncancelled: bool
    unjoined: frozenset[str]
    faulty: bool
    cut: str
    error: str
    follows: bool

    @property
    def choices(self) -> tuple[int, ...]:
        """The numbers of the options picked, in order: what `replay` takes."""
        return tuple(point.picked for point in self.points)


@dataclass(frozen=True, slots=True)
class Ruling:
    """What running the function showed.

    `code` is the code on by default that is right, or "" where the linter should be silent.
    `witness` is the execution that shows it, `leak` its leak. `optional` are the codes off by
    default that would fire (only filled in by a thorough judgement). `executions` is how many were
    run; `cut` says which bound the judge hit, if any; `surprises` are unforeseen errors that ended
    the function.
    """

    code: str
    line: int
    column: int
    witness: Execution | None = None
    leak: Leak | None = None
    optional: frozenset[str] = frozenset()
    executions: int = 0
    cut: str = ""
    surprises: frozenset[str] = frozenset()

    @property
    def choices(self) -> tuple[int, ...]:
        """The choices that lead to the leak, for `replay`; empty where there is none."""
        return self.witness.choices if self.witness else ()


@dataclass(slots=True)
class _Record:
    """What the executions so far have shown, with the first execution for every kind of leak."""

    leaks: dict[Leak, Execution] = field(default_factory=dict)
    adopted: set[str] = field(default_factory=set)
    mixed: set[CodeType] = field(default_factory=set)
    bare: Execution | None = None
    reached: bool = False
    early: bool = False
    optional: set[str] = field(default_factory=set)
    unjoined: set[str] = field(default_factory=set)
    cut: str = ""
    surprises: set[str] = field(default_factory=set)

    def enter(self, execution: Execution) -> None:
        """Take one execution in."""
        for leak in execution.leaks:
            self.leaks.setdefault(leak, execution)
        self.adopted |= execution.adopted
        self.mixed |= execution.mixed
        if execution.bare_coroutine and self.bare is None:
            self.bare = execution
        self.reached |= execution.reached
        self.early |= execution.early
        if execution.uncancelled:
            self.optional.add("AWT105")
        self.unjoined |= execution.unjoined
        if execution.error:
            self.surprises.add(execution.error)
        if execution.cut not in HARMLESS:
            self.cut = self.cut or execution.cut


def judge(
    source: str,
    site: tuple[int, int] | None = None,
    *,
    limit: int = EXECUTIONS_AT_MOST,
    thorough: bool = False,
) -> Ruling:
    """Judge one `asyncio.wait` call of a module.

    `source` is the module's text, `site` the call's line (from 1) and column (from 0), or None for
    the only one. At most `limit` executions are run. A `thorough` judgement runs them all, and
    fills in the codes that are off by default. Raises `CannotJudge`.
    """
    program = prepare(source, site)
    record = _Record()
    count = 0
    for execution in executions(partial(run, program)):
        record.enter(execution)
        count += 1
        if count >= limit:
            record.cut = "too many executions"
            break
        patient = thorough or (not execution.faulty and count < PATIENCE)
        if not patient and _settled(program, record):
            break
    return _ruling(program, record, count)


def replay(source: str, choices: Sequence[int], site: tuple[int, int] | None = None) -> Execution:
    """Run one execution again by its choices; its points then carry lines."""
    return run(prepare(source, site), choices, with_lines=True)


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
    program: Program,
    prefix: Sequence[int],
    *,
    with_lines: bool = False,
    guide: Guide | None = None,
    stage: Stage | None = None,
) -> Execution:
    """Run the judged function once, by its first choices.

    A guide bars what leaves a witness; on a `stage` of one's own, more happens than is chosen.
    """
    world = World(prefix, program.groups, program.target, with_lines=with_lines, guide=guide)
    world.stage = stage or world.stage
    world.stage.opens(world)
    with _loaded(program, world) as module:
        error = ""
        with suppress(Cut):
            error = _drive(world, lambda: module.start(program))
        world.stage.closes()
        return _seen(world, error)


@contextmanager
def _loaded(program: Program, world: World) -> Iterator[_Module]:
    """Give the module for one execution, and take it to pieces afterwards.

    Everything in it refers to everything else: thousands of executions are too many for the
    garbage collector to find that out by itself.
    """
    surroundings = Surroundings(world, program.known)
    namespace = surroundings.namespace(program.missing)
    try:
        yield _Module(world, surroundings, namespace)
    finally:
        namespace.clear()
        surroundings.functions.clear()
        world.dismantle()


@dataclass(frozen=True, slots=True)
class _Module:
    """The judged module in one execution."""

    world: World
    surroundings: Surroundings
    namespace: dict[str, Any]

    def start(self, program: Program) -> Any:
        """Execute the module, and call the judged function; return what the call gives."""
        if program.target is program.code:
            self.namespace["__name__"] = Unknown(self.world, "__name__", Kind.NAME)
        exec(program.code, self.namespace)
        if program.target is program.code:
            return None
        _note_foreign(self.world, self.namespace)
        assert self.surroundings.target is not None
        return self.call(self.surroundings.target, program)

    def call(self, function: Callable[..., Any], program: Program) -> Any:
        """Call the judged function with unknowns."""
        world, args = self.world, []
        klass = _class(program, self.namespace)
        for name in program.parameters:
            if name.startswith("*"):
                args.extend(Unknown(world, name[1:], Kind.PARAMETER).elements())
                continue
            args.append(Unknown(world, name, Kind.PARAMETER, klass=klass))
            if klass is not None:
                attributes = args[-1].standin.attributes
                for attribute in program.primitives:
                    attributes[attribute] = Unknown(world, attribute, Kind.PRIMITIVE)
            klass = None
        kwargs = {name: Unknown(world, name, Kind.PARAMETER) for name in program.keywords}
        return function(*args, **kwargs)


@dataclass(frozen=True, slots=True)
class _Return:
    """One execution of a helper: whether it returned a task that it made, and kept to itself."""

    points: tuple[Point, ...]
    made: bool


def _always_makes(program: Program, code: CodeType) -> bool:
    """Say whether every return of a helper is a task of its own making."""
    runs = executions(lambda prefix: _run_helper(program, code, prefix))
    return all(run.made for run in islice(runs, HELPER_EXECUTIONS_AT_MOST))


def _run_helper(program: Program, code: CodeType, prefix: Sequence[int]) -> _Return:
    """Run one of the module's functions once, without faults."""
    world = World(prefix, program.groups, code, faulty=True)
    with _loaded(program, world) as module:
        made = True
        with suppress(Exception, Cut):
            exec(program.code, module.namespace)
            function: Any = module.surroundings.functions.get(code)
            if function is not None:
                count = code.co_argcount + code.co_kwonlyargcount
                names = code.co_varnames[:count]
                values = [Unknown(world, name, Kind.PARAMETER) for name in names]
                named = dict(list(zip(names, values, strict=True))[code.co_argcount :])
                result = function(*values[: code.co_argcount], **named)
                if hasattr(result, "send"):
                    result = world.stage.run(result)
                made = isinstance(result, Task) and result.life.maker is code
                made = made and not result.life.handed
        return _Return(tuple(world.points), made)


def _class(program: Program, namespace: dict[str, Any]) -> type | None:
    found: Any = None
    for name in program.classes:
        found = namespace.get(name) if found is None else getattr(found, name, None)
    return found if isinstance(found, type) else None


def _note_foreign(world: World, namespace: dict[str, Any]) -> None:
    """The containers that the module makes when it is imported are nobody's own."""
    scopes = [namespace, *(vars(one) for one in namespace.values() if isinstance(one, type))]
    for scope in scopes:
        for value in scope.values():
            if isinstance(value, (list, dict, set)) and value is not namespace["__builtins__"]:
                world.foreign[id(value)] = value


def _drive(world: World, function: Callable[[], Any]) -> str:
    """Run the judged function to its end; return the name of an unforeseen error."""
    result = None
    try:
        result = function()
        if hasattr(result, "__anext__"):
            world.stage.run(_step_through(world, result))
        elif hasattr(result, "send"):
            world.stage.run(_step(world, result))
        else:
            world.hand_over(result)
    except Cut:
        _abandon(result)
        raise
    except BaseException as error:
        world.hand_over(*error.args)
        world.ended(error)
        return "" if isinstance(error, EXPECTED_ERRORS) else f"{type(error).__name__}: {error}"
    world.ended()
    return ""


def _abandon(result: Any) -> None:
    """Close a generator that is not run to its end: left to itself, what its cleanup is cut off
    with, or fails with, would be printed."""
    with suppress(Cut, Exception):
        if hasattr(result, "aclose"):
            result.aclose().send(None)
        elif hasattr(result, "close"):
            result.close()


@types.coroutine
def _step(world: World, generator: Any) -> Generator[Any, Any, None]:
    """Run a coroutine, or a generator of what it yields."""
    step: Callable[[], Any] = partial(generator.send, None)
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


def _suspended(generator: Any, future: object) -> Generator[Any, Any, Callable[[], Any]]:
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
    except Cut:
        with suppress(Exception, Cut):  # it is not to be closed when it is collected
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
    world.hand_over(value)
    world.suspensions += 1
    picked = world.strike_one("yield", ["closed", "failed"], {frame.f_lineno})
    return "" if picked is None else ("closed", "failed")[picked]


def _seen(world: World, error: str) -> Execution:
    waited = [life for life in world.lives if life.waited_early]
    return Execution(
        points=tuple(world.points),
        leaks=tuple(world.leaks),
        adopted=frozenset(world.adopted),
        mixed=frozenset(world.mixed),
        reached=world.reached,
        early=bool(waited),
        bare_coroutine=world.bare_coroutine,
        uncancelled=not world.cut and any(map(_is_uncancelled, waited)),
        unjoined=frozenset() if world.cut or world.faulty else _unjoined(waited),
        faulty=world.faulty,
        cut=world.cut,
        error=error,
        follows=world.guide is not None and world.guide.is_followed(),
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
        and not life.handed
    )


# -- ruling -------------------------------------------------------------------------------------


def _owned(program: Program, record: _Record, leak: Leak) -> bool:
    """Say whether a leaked task was the function's to see to, by making it or by adopting it."""
    if leak.owner is Owner.MADE:
        return leak.maker is program.target and not leak.through & record.mixed
    return leak.owner is Owner.BORROWED and leak.parameter in record.adopted


def _code(program: Program, record: _Record, leak: Leak) -> str:
    """Return the code of one leak by itself, or "" where it is nobody's business."""
    if _owned(program, record, leak):
        if not leak.early:
            return "AWT201"
        if not leak.faulty:
            return "AWT101"
        return "AWT103" if leak.stale else "AWT102"
    borrowed = leak.owner is Owner.BORROWED and leak.collection
    return "AWT104" if borrowed and leak.early and not leak.faulty else ""


def _settled(program: Program, record: _Record) -> bool:
    """Say whether further executions cannot change the code.

    Those without a fault are all run before those with one, or `PATIENCE` of them: a bare
    coroutine, or a helper's other return, may still come. What a full wait leaks has an optional
    code.
    """
    codes = {_code(program, record, leak) for leak in record.leaks}
    if record.reached and not record.early:
        return True
    if record.bare or codes & {"AWT101", "AWT103"}:
        return True
    return "AWT102" in codes and not program.watches


def _ruling(program: Program, record: _Record, count: int) -> Ruling:
    for helper in {helper for leak in record.leaks for helper in leak.through} - record.mixed:
        if not _always_makes(program, helper):
            record.mixed.add(helper)
    ruled: dict[str, tuple[Leak, Execution]] = {}
    for found, execution in record.leaks.items():
        ruled.setdefault(_code(program, record, found), (found, execution))
    optional = record.optional | ({"AWT201"} & ruled.keys())
    if record.unjoined & {"", *record.adopted}:
        optional.add("AWT202")
    code = next((code for code in PRECEDENCE if code in ruled), "")
    leak: Leak | None = None
    witness: Execution | None = None
    if record.bare:
        code, witness = "AWT203", record.bare
    elif code:
        leak, witness = ruled[code]
    return Ruling(
        code=code,
        line=program.line,
        column=program.column,
        witness=witness,
        leak=leak,
        optional=frozenset(optional),
        executions=count,
        cut=record.cut,
        surprises=frozenset(record.surprises),
    )
