"""Run a generated program with real tasks on a real event loop, under a random schedule.

The program is the plain text, not instrumented. Its unknown functions are coroutines that wait for
gates; a driver opens gates, fires timers and injects at most one fault, drawn from a seed. What is
still running after the function has ended, and was neither cancelled nor handed over, has leaked.
"""

from __future__ import annotations

import ast
import asyncio
import builtins
import random
import sys
import types
import warnings
from collections.abc import Callable, Collection, Coroutine, Generator, Iterator, ValuesView
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

EVENTS_AT_MOST = 60
QUESTIONS_AT_MOST = 60
SPINS_AT_MOST = 300
WAITS_AT_MOST = 30
SPINS_AFTER = 12
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
# What a function may be given. Programs with other parameters are left to the judge.
PARAMETERS = {"self", "things", "loop", "task", "delay", "others"}
NEVER = 1e9
PLAYED = "<played>"  # the file that the program stands in, as its frames say
REAL_TIMEOUT: Any = getattr(asyncio, "timeout", None)


class Cut(BaseException):
    """The run is given up: it does not end."""


class GivenError(Exception):
    """The Exception of the fault."""


@dataclass(frozen=True, slots=True)
class Run:
    """What one run showed.

    `leaks` holds (where the site is, "made" or "borrowed") for every task that leaked: a wait is
    known by its line. `ended` is false where the run was cut. It may be `outside` of the contract:
    what leaks then may happen, but the judge need not know of it.
    """

    leaks: frozenset[tuple[Any, str]]
    faulty: bool
    ended: bool
    outside: bool = False


class Loop(asyncio.SelectorEventLoop):
    """A real event loop whose clock only moves when it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def spin(self) -> None:
        """Run everything that is ready, until nothing is. Raises Cut if that never happens."""
        for _ in range(SPINS_AT_MOST):
            if not self.step():
                return
        raise Cut

    def step(self) -> bool:
        """Run what is ready now; return whether there is more then."""
        self.call_soon(self.stop)
        self.run_forever()
        return bool(self._ready)  # type: ignore[attr-defined]

    def timers(self) -> list[asyncio.TimerHandle]:
        """Return the timers that are set, the next one first."""
        scheduled: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        return sorted((one for one in scheduled if not one.cancelled()), key=lambda one: one.when())


class Watched(asyncio.Task[Any]):
    """A task that notes when the program learns that a cancel came too late for it.

    The contract has it that a task asked to cancel raises CancelledError and nothing else, unless
    it was known to be done: a run that shows otherwise is outside of the contract. One that `fails`
    says so when it is asked for its exception.
    """

    stage: Stage
    known = False
    late = False
    fails = False

    def done(self) -> bool:
        self.known = super().done()
        return self.known

    def cancel(self, msg: object = None) -> bool:
        self.late = self.late or (super().done() and not self.known)
        return super().cancel(msg)

    def result(self) -> Any:
        self._look()
        return super().result()

    def exception(self) -> BaseException | None:
        self._look()
        asked = sys._getframe(1).f_code.co_filename == PLAYED  # and not by a gather
        return GivenError() if self.fails and asked else super().exception()

    def has_failed(self) -> bool:
        """Whether it has, or will as soon as it is asked."""
        return self.fails or not (super().cancelled() or super().exception() is None)

    def __await__(self) -> Generator[Any, Any, Any]:
        self._look()
        try:
            return (yield from super().__await__())
        finally:
            self.known = True

    def _look(self) -> None:
        self.stage.outside = self.stage.outside or self.late


@dataclass(slots=True)
class Stage:
    """One run: the gates that are closed, the tasks made, and what is known about them.

    `behind` says which task waits, or has waited, for a gate.
    """

    chance: random.Random
    loop: Loop
    faulty_run: bool
    own_timeouts: frozenset[int]
    faulty: bool = False
    questions: int = 0
    waits: int = 0
    gates: dict[asyncio.Future[Any], str] = field(default_factory=dict)
    behind: dict[asyncio.Future[Any], asyncio.Task[Any] | None] = field(default_factory=dict)
    tasks: dict[asyncio.Task[Any], str] = field(default_factory=dict)
    waited: dict[int, set[Any]] = field(default_factory=dict)
    handed: set[Any] = field(default_factory=set)
    roots: list[Any] = field(default_factory=list)
    fault_timeouts: list[Any] = field(default_factory=list)
    borrowed: bool = True
    outside: bool = False
    # How likely the fault of a faulty run is to be the next thing that happens.
    rate: float = 0.35

    # -- what the program is given ---------------------------------------------------------------

    def replaced(self) -> dict[str, Any]:
        """Return what stands before members of `asyncio`."""
        return {
            "create_task": self.make,
            "gather": partial(_gather, self),
            "ensure_future": lambda t: self.make(t) if asyncio.iscoroutine(t) else t,
            "Future": self.future,
            "sleep": lambda _: self.gate("sleep"),
            "timeout": self.timeout,
            "wait": self.wait,
            "wait_for": self.wait_for,
        }

    def elsewhere(self) -> types.ModuleType:
        """Return the module that nobody knows."""
        return _elsewhere(self)

    def given(self, names: Collection[str]) -> dict[str, Any]:
        """Return what there is for each of the function's parameters."""
        instance = _Instance(self)
        vars(instance)["_reader"] = self.make(_other_work(self))
        size = self.chance.choice((1, 2, 3))
        given: dict[str, Any] = {
            "self": instance,
            "things": list("abc"[: self.chance.choice((0, 1, 2, 3))]),  # each can be gone through
            "loop": types.SimpleNamespace(create_task=self.make, create_future=self.future),
            "task": self.make(_other_work(self)),
            "delay": self.chance.choice((None, 5)),
        }
        if "others" in names:
            given["others"] = [self.make(self.work()) for _ in range(size)]
        return given

    def ask(self) -> bool:
        """Answer a question that may go either way."""
        self.questions += 1
        if self.questions > QUESTIONS_AT_MOST:
            raise Cut
        return self.chance.random() < 0.5

    async def gate(self, kind: str) -> Any:
        """Wait until the driver opens a new gate."""
        future = self.loop.create_future()
        self.gates[future] = kind
        self.behind[future] = asyncio.current_task()
        try:
            return await future
        finally:
            self.gates.pop(future, None)

    async def work(self) -> Any:
        return await self.gate("work")

    def make(self, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
        """Make a task on the loop, and note it when it is one of the program's own."""
        if coroutine.__name__ != "waiting":
            self.hand(*coroutine.cr_frame.f_locals.values())
        task = Watched(coroutine, loop=self.loop, **options)
        task.stage = self
        if coroutine.__name__ not in ("waiting", "_other_work"):
            self.tasks[task] = "borrowed" if self.borrowed else "made"
        return task

    def future(self, *_: Any, **__: Any) -> asyncio.Future[Any]:
        future = self.loop.create_future()
        self.gates[future] = "future"
        return future

    def hand(self, *things: Any) -> None:
        """Note what somebody else can reach from now on."""
        self.roots.extend(things)
        todo, seen = list(things), set()
        while todo:
            thing = todo.pop()
            if id(thing) in seen:
                continue
            seen.add(id(thing))
            if isinstance(thing, asyncio.Future):
                self.handed.add(thing)
                todo.extend(getattr(thing, "_children", ()))
            elif isinstance(thing, dict):
                todo.extend([*thing, *thing.values()])
            elif isinstance(thing, (list, tuple, set, frozenset, ValuesView)):
                todo.extend(thing)
            elif isinstance(thing, types.FunctionType):
                todo.extend(_cells(thing))
            elif isinstance(thing, types.BuiltinMethodType):
                todo.append(thing.__self__)

    def wait(self, fs: Any, **options: Any) -> Coroutine[Any, Any, Any]:
        """Stand between the program and `asyncio.wait`, to see what is waited on.

        A wait for the first exception returns with the first task that is done, and if it is asked,
        that one says that it has failed.
        """
        line = sys._getframe(1).f_lineno
        fails = options.get("return_when") == asyncio.FIRST_EXCEPTION
        if fails:
            options["return_when"] = asyncio.FIRST_COMPLETED

        async def waiting() -> Any:
            self.waits += 1
            if self.waits > WAITS_AT_MOST:  # no error would get through every handler
                await self.loop.create_future()
            self.waited.setdefault(line, set()).update(_leaves(fs))
            halves = await asyncio.wait(fs, **options)
            for task in halves[0]:
                task.done()
            if fails and halves[1] and options.get("timeout") is None:
                self.let_one_fail(halves[0])
            return halves

        return waiting()

    def let_one_fail(self, done: Collection[Any]) -> None:
        """Let one of the tasks have failed, if none has."""
        own = [task for task in done if isinstance(task, Watched)]
        if any(task.has_failed() for task in own):
            return
        fine = [task for task in own if not task.cancelled()]
        if fine:
            self.chance.choice(fine).fails = True
        else:
            self.outside = True

    def timeout(self, _: float) -> Any:
        """Stand before `asyncio.timeout`: expiring is a fault unless a wait is all it guards."""
        own = sys._getframe(1).f_lineno in self.own_timeouts
        return REAL_TIMEOUT(self.chance.choice((3, 8))) if own else self.fault_timeout()

    @staticmethod
    def expiring(text: str) -> frozenset[int]:
        """Return the lines on which time may run out without a fault: those of the
        `asyncio.timeout()` blocks that hold one wait and nothing else."""
        return frozenset(
            node.lineno
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.AsyncWith)
            and len(node.body) == 1
            and "asyncio.timeout(" in ast.unparse(node.items[0])
            and "await asyncio.wait(" in ast.unparse(node.body[0])
            and not isinstance(node.body[0], (ast.If, ast.For, ast.While, ast.With, ast.Try))
            and not isinstance(node.body[0], ast.AsyncWith)
        )

    def fault_timeout(self) -> Any:
        """Return a timeout that never expires by itself."""
        timeout = REAL_TIMEOUT(NEVER)
        self.fault_timeouts.append(timeout)
        return timeout

    async def wait_for(self, thing: Any, _: float) -> Any:
        """Do what `asyncio.wait_for` does since 3.12: expiring is a fault for all but a wait."""
        is_wait = getattr(thing, "__name__", "") == "waiting"
        delay = self.chance.choice((3, 8))
        async with REAL_TIMEOUT(delay) if is_wait else self.fault_timeout():
            return await thing

    # -- the driver ------------------------------------------------------------------------------

    def drive(self, outer: asyncio.Task[Any]) -> bool:
        """Let things happen until the function has ended; return whether it has."""
        for _ in range(EVENTS_AT_MOST):
            self.go_on(outer)
            if outer.done():
                return True
            if not self.happen(outer):
                return False
        return False

    def go_on(self, _: asyncio.Task[Any]) -> None:
        """Let the function, and its tasks, go on as far as they can."""
        self.loop.spin()

    def happen(self, outer: asyncio.Task[Any]) -> bool:
        """Let one thing happen, or a few at once; return whether anything could."""
        chance = self.chance
        strikes = self.faulty_run and not self.faulty and chance.random() < self.rate
        if strikes:
            return self.strike(outer)
        closed = [gate for gate in self.gates if not gate.done()]
        timer = self.next_timer()
        if timer is not None and (not closed or chance.random() < 0.3):
            self.loop.now = timer.when()
            return True
        if not closed:
            return False
        several = chance.choice((1, 1, 1, 2, 3))
        others = [gate for gate in closed if self.gates[gate] not in ("work", "elsewhere")]
        if others and chance.random() < 0.5:
            closed, several = others, 1
        for gate in chance.sample(closed, min(several, len(closed))):
            gate.set_result(None)
        return True

    def next_timer(self) -> asyncio.TimerHandle | None:
        """Return the timer to fire next."""
        timers = self.loop.timers()
        return timers[0] if timers and timers[0].when() < NEVER else None

    def strike(self, outer: asyncio.Task[Any]) -> bool:
        """Inject the fault."""
        self.faulty = True
        closed = self.strikeable(outer)
        entered = [one for one in self.fault_timeouts if _is_entered(one)]
        kind = self.chance.random()
        if closed and kind < 0.4:
            self.chance.choice(closed).set_exception(self.error())
        elif entered and kind < 0.6:
            self.loop.call_soon(self.chance.choice(entered).reschedule, self.loop.now)
        else:
            outer.cancel()
        return True

    def strikeable(self, _: asyncio.Task[Any]) -> list[asyncio.Future[Any]]:
        """Return the gates that the fault may strike while the function's task waits."""
        return [gate for gate, kind in self.gates.items() if not gate.done() and kind != "future"]

    def error(self) -> Exception:
        """Return the Exception of the fault."""
        return GivenError()

    def leaks(self) -> frozenset[tuple[Any, str]]:
        """Return what is still running, once everything has had its chance to stop."""
        self.settle()
        return frozenset(
            (line, self.tasks[task])
            for line, waited in self.waited.items()
            for task in waited
            if task in self.tasks and not task.done() and task not in self.handed
        )

    def settle(self) -> None:
        """Let everything stop that is about to, and note what somebody else can reach."""
        for _ in range(SPINS_AFTER):
            self.loop.spin()
        self.hand(*self.roots)


def run(text: str, seed: int, stage: type[Stage] | None = None) -> Run:
    """Run a generated module's `f` once, on the schedule that a seed gives, on some `stage`."""
    chance = random.Random(seed)
    loop = Loop()
    loop.set_exception_handler(lambda *_: None)
    asyncio.set_event_loop(loop)
    kind = stage or Stage
    try:
        return _run(text, kind(chance, loop, chance.random() < 0.6, kind.expiring(text)))
    finally:
        _close(loop)


def _run(text: str, stage: Stage) -> Run:
    namespace: dict[str, Any] = {"__name__": "played"}
    namespace["__builtins__"] = {
        **vars(builtins),
        "__import__": _importer(stage),
        "print": lambda *_: None,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a `return` in a `finally`, from Python 3.14 on
        code = compile(text, PLAYED, "exec")
    exec(code, namespace)
    if "registry" in namespace:
        stage.roots.append(namespace["registry"])
    function, args = _prepared(stage, namespace)
    stage.loop.spin()
    stage.borrowed = False
    outer = stage.loop.create_task(_played(stage, function, args))
    try:
        ended = stage.drive(outer) and not isinstance(_error(outer), Cut)
        leaks = stage.leaks() if ended else frozenset()
        return Run(leaks, stage.faulty, ended, stage.outside)
    except Cut:
        return Run(frozenset(), stage.faulty, ended=False)


async def _played(stage: Stage, function: Callable[..., Any], args: list[Any]) -> None:
    """Await the function, or go through what it yields."""
    try:
        result = function(*args)
        if isinstance(result, types.AsyncGeneratorType):
            await _go_through(stage, result)
        else:
            stage.hand(await result)
    except (Exception, asyncio.CancelledError) as error:
        stage.hand(*error.args)


async def _go_through(stage: Stage, generator: types.AsyncGeneratorType[Any, None]) -> None:
    with suppress(StopAsyncIteration):
        value = await generator.__anext__()
        while True:
            stage.hand(value)
            if stage.faulty_run and not stage.faulty and stage.ask():
                stage.faulty = True
                if stage.ask():
                    await generator.aclose()
                    return
                value = await generator.athrow(GivenError())
            else:
                value = await generator.__anext__()


def is_playable(text: str) -> bool:
    """Whether there is something to give to each parameter of a generated module's `f`."""
    functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, FUNCTIONS))
    (names,) = ({arg.arg for arg in node.args.args} for node in functions if node.name == "f")
    return names <= PARAMETERS


def _prepared(stage: Stage, namespace: dict[str, Any]) -> tuple[Callable[..., Any], list[Any]]:
    """Return the function and its arguments."""
    function = namespace["f"] if "f" in namespace else vars(namespace["C"])["f"]
    names = function.__code__.co_varnames[: function.__code__.co_argcount]
    given = stage.given(names)
    return function, [given[name] for name in names]


async def _other_work(stage: Stage) -> None:
    await stage.gate("elsewhere")


def _importer(stage: Stage) -> Callable[..., Any]:
    played = types.ModuleType("asyncio")
    vars(played).update(vars(asyncio))
    vars(played).update(stage.replaced())
    elsewhere = stage.elsewhere()

    def load(name: str, *rest: Any) -> Any:
        if name in ("asyncio", "elsewhere"):
            return played if name == "asyncio" else elsewhere
        return builtins.__import__(name, *rest)

    return load


class _Handle(asyncio.tasks._GatheringFuture):  # type: ignore[name-defined, misc]
    """A gather as the contract has it: since 3.12 a real one whose first child has failed is done,
    and cancelling it cancels nothing."""

    def cancel(self, msg: object = None) -> bool:
        asked = [child.cancel(msg) for child in self._children]
        return any(asked)


def _gather(stage: Stage, *things: Any, **options: Any) -> asyncio.Future[Any]:
    tasks = [stage.make(thing) if asyncio.iscoroutine(thing) else thing for thing in things]
    outer = asyncio.gather(*tasks, **options)
    if type(outer) is not asyncio.Future:
        outer.__class__ = _Handle
    return outer


class _Instance:
    """The instance that the method is called on: what it is given, it keeps."""

    def __init__(self, stage: Stage) -> None:
        keep = types.SimpleNamespace(add=stage.hand, update=stage.hand)
        vars(self).update(stage=stage, _tasks=keep)

    def __setattr__(self, name: str, value: Any) -> None:
        vars(self)["stage"].hand(value)


class _Use:
    """The unknown object `use`: called, it keeps what it is given."""

    def __init__(self, stage: Stage) -> None:
        vars(self)["stage"] = stage

    def __call__(self, *things: Any) -> None:
        self.stage.hand(*things)

    def __getattr__(self, name: str) -> Any:
        return vars(self)["stage"].ask()

    def __setattr__(self, name: str, value: Any) -> None:
        self.stage.hand(value)


class Full(KeyError, asyncio.QueueFull):
    """What a plain call raises that a `try` is there for: each of the handlers catches it."""


class _Queue:
    """The unknown object `queue`: whatever is done with it may raise."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    def __getitem__(self, _: object) -> object:
        if self.stage.ask():
            raise Full
        return None

    __delitem__ = put_nowait = __getitem__

    def get_nowait(self) -> object:
        return self[0]


def _elsewhere(stage: Stage) -> types.ModuleType:
    module = types.ModuleType("elsewhere")

    async def log(*_: Any) -> None:
        await stage.gate("log")

    async def known() -> None:
        await stage.gate("other")

    def other(*things: Any) -> Any:
        stage.hand(*things)
        return _Lazily(known)

    vars(module).update(
        Full=Full,
        cond=stage.ask,
        create_tracked_task=stage.make,
        lock=lambda: _Lock(stage),
        log=log,
        other=other,
        queue=_Queue(stage),
        use=_Use(stage),
        work=stage.work,
    )
    return module


class _Lazily:
    """A coroutine that is only made when it is awaited."""

    def __init__(self, function: Callable[[], Coroutine[Any, Any, Any]]) -> None:
        self.function = function

    def __await__(self) -> Iterator[Any]:
        return self.function().__await__()


class _Lock:
    def __init__(self, stage: Stage) -> None:
        self.stage = stage

    async def __aenter__(self) -> None:
        await self.stage.gate("enter")

    async def __aexit__(self, *error: object) -> None:
        await self.stage.gate("leave")


def _is_entered(timeout: Any) -> bool:
    return "active" in repr(timeout)


def _leaves(fs: Any) -> Iterator[Any]:
    for one in fs:
        children = getattr(one, "_children", None)
        yield from children if children else (one,)


def _cells(function: types.FunctionType) -> Iterator[Any]:
    for cell in function.__closure__ or ():
        with suppress(ValueError):
            yield cell.cell_contents


def _error(task: asyncio.Task[Any]) -> BaseException | None:
    return None if task.cancelled() else task.exception()


def _close(loop: Loop) -> None:
    """Close a loop; a function that swallows every cancellation stays behind in silence."""
    for task in asyncio.all_tasks(loop):
        task.cancel()
    with suppress(Cut):
        loop.spin()
    asyncio.set_event_loop(None)
    loop.close()
