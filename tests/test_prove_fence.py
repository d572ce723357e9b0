"""The fence by itself: nothing inside is reached, by whatever way lifted code goes.

Each trick is an expression that would give the code something from behind the stand-ins, were
attributes read past the hooks. What it gives is passed to an unknown function, where it is looked
at.
"""

from __future__ import annotations

import textwrap
from types import CodeType, FrameType, MethodType, ModuleType
from typing import Any

import pytest

from flake8_asyncwait.replay import live
from flake8_asyncwait.replay.execution import Execution, run
from flake8_asyncwait.replay.lift import Lifted, lift
from flake8_asyncwait.replay.locate import CannotLift
from flake8_asyncwait.replay.loop import Loop
from flake8_asyncwait.replay.scheduler import Life, World
from flake8_asyncwait.replay.stage import Stage
from flake8_asyncwait.replay.standins import Asyncio, Future
from flake8_asyncwait.replay.surroundings import Surroundings, Target
from flake8_asyncwait.replay.timeline import Timeline
from flake8_asyncwait.replay.unknown import Facts, Unknown

MODULE = """\
import abc, asyncio, collections, contextlib, dataclasses, enum, functools, itertools, operator
import things, types, typing
{imports}

class Plain:
    pass

class Twice(str):
    "A text that is harmless when it is looked at first."
    asked = 0
    def __str__(self):
        self.asked += 1
        return "done" if self.asked == 1 else "{inside}"
    def __hash__(self):
        return hash("done")
    def __eq__(self, other):
        return True
    def startswith(self, *_):
        return False
    endswith = startswith

class Sly(str):
    "A text that says that it is another."
    def __str__(self):
        return "other"
    def startswith(self, *_):
        return False
    endswith = startswith

class Catcher:
    "What keeps whatever it is given."
    caught = ()
    def note(self, *things):
        self.caught = (*self.caught, *things)
        return self
    def __getattr__(self, name):
        return self
    def __radd__(self, other):
        return self.note(other)
    __add__ = __ror__ = __eq__ = __rmul__ = __radd__
    def __hash__(self):
        return 1
    def __call__(self, *args, **options):
        return self.note(*args, *options.values())
    def __exit__(self, kind, error, trace):
        return self.note(error)
    def __enter__(self):
        return self
    def __mro_entries__(self, bases):
        self.note(bases)
        return ()
    def __set_name__(self, owner, name):
        self.note(owner)
    def __instancecheck__(self, thing):
        return self.note(thing)
    __subclasscheck__ = __instancecheck__
    def __format__(self, spec):
        return ""

class Pretends:
    def __init__(self, kind):
        self.kind = kind
    __class__ = property(lambda self: self.kind)
    def __getattr__(self, name):
        return Catcher()

class Meta(abc.ABCMeta):
    @classmethod
    def __prepare__(cls, name, bases, **options):
        return collections.defaultdict(Catcher)
    def mro(cls):
        return (cls, object)

async def helper(thing):
    return thing

def plain(thing=None):
    return thing

{module}

async def f(self, things, lock):
    task = asyncio.create_task(self.work())
    catcher, error, inner = Catcher(), None, None
{tricks}
    done, pending = await asyncio.wait([task], timeout=1)
"""

# Those that were found from outside. What they led to, a guard that is switched off and a verdict
# that is forged, is in `test_prove_wall.py`.
FOUND = {
    "a text that changes": "self.take(getattr(lambda: 0, Twice('done')))",
    "a text for setattr": "g = lambda x='own': x; "
    "setattr(g, Sly('__defaults__'), ('set past the hooks',)); self.take(g())",
    "the stand-in of dataclass": "C = dataclasses.dataclass(Plain); "
    "C.__init__(asyncio, world=catcher); asyncio.create_task(self.work()); "
    "self.take(catcher.caught)",
    "an imported attribute": "import asyncio.world.calls._get_own as own; self.take(own)",
    "one of an unknown module": "import things.standin.world.calls as own; self.take(own)",
    "import from": "from asyncio import world; self.take(world)",
    "dotted patterns": "match catcher:\n        case task.world:\n            pass\n"
    "    self.take(catcher.caught)",
    "augmented assignment": "task.world += catcher; self.take(catcher.caught)",
    "a generic alias": "self.take(types.GenericAlias(task, ()).world)",
    "super": "self.take(super(type(task), task).world)",
    "a class of generic aliases": "class Own(types.GenericAlias):\n        pass\n"
    "    future = task.__await__().send(None)\n"
    "    self.take(Own(future, ()).get_loop())",
    "one that says it stands for nothing": "class Own(types.GenericAlias):\n"
    "        __origin__ = None\n"
    "    self.take(Own(task.__await__().send(None), ()).get_loop())",
    "the alias of a generic class": "class Own[T]:\n        pass\n"
    "    type(Own[int])(asyncio, ()).world = catcher\n"
    "    asyncio.create_task(self.work())\n    self.take(catcher.caught)",
}
OTHERS = r"""
    self.take(types.MethodType(things, 1).standin)
    self.take(types.MethodType(asyncio.Task, 1).make)
    self.take(types.MethodType(things, 1).standin.world)
    self.take(types.GenericAlias(asyncio, ()).world)
    self.take(types.GenericAlias(things, (int,)).standin)
    self.take(types.GenericAlias(types.GenericAlias(task, ()), ()).world)
    self.take(type(task))
    self.take(type(asyncio))
    self.take(type(things))
    self.take(list(map(type, [task, things, asyncio, self.work])))
    self.take(Plain.mro())
    self.take(abc.ABCMeta.mro(abc.ABCMeta)[1](task))
    self.take(super(Meta, Meta).mro())
    self.take(type("X", (type(task),), {}))
    self.take(functools.standin)
    self.take(functools.member("standin"))
    self.take(functools.module)
    self.take(contextlib.member("world"))
    self.take(operator.member("attrgetter")("standin")(things))
    self.take(operator.attrgetter("world")(task))
    self.take(operator.methodcaller("attribute", "standin")(things))
    self.take(functools.reduce(getattr, ["standin", "world"], things))
    self.take(list(map(getattr, [things], ["standin"])))
    self.take(functools.partial(getattr, things)("standin"))
    self.take(getattr(task, Sly("world")))
    self.take(getattr(things, Sly("standin")))
    self.take(hasattr(task, Twice("done")) and getattr(task, Twice("done")))
    self.take(getattr.__self__)
    self.take(getattr.get)
    self.take(getattr.__func__)
    self.take(functools.cache(getattr).world)
    self.take(functools.cache(asyncio.Task).make)
    self.take(functools.cache(asyncio.Task).kind)
    self.take(functools.lru_cache(2)(asyncio.Future).__wrapped__)
    self.take(staticmethod(asyncio).world)
    self.take(classmethod(asyncio.Task).kind)
    self.take(property(things).fget.standin)
    self.take(functools.partial(things).func.standin)
    self.take(functools.partialmethod(things).func.standin)
    self.take(functools.cached_property(things).func.standin)
    self.take(collections.UserDict(task=task)["task"].world)
    self.take(types.SimpleNamespace(task=task).task.world)
    self.take(types.MappingProxyType({"task": task})["task"].life)
    self.take(task.life)
    self.take(task.life.maker)
    self.take(task.__await__().gi_frame)
    self.take(task.__await__().gi_code)
    self.take(helper(1).run)
    self.take(helper(1).run.__closure__)
    self.take(asyncio.wait([task]).names)
    self.take(asyncio.wait([task]).world)
    self.take(asyncio.wait_for(task, 1).thing.world)
    self.take(asyncio.gather(task).children[0].world)
    self.take(asyncio.shield(task).inner.world)
    self.take(asyncio.as_completed([task]).world)
    self.take(asyncio.timeout(1).world)
    self.take(asyncio.timeout(1).__aenter__().cr_frame)
    self.take(asyncio.TaskGroup().tasks)
    self.take(asyncio.sleep(1).world)
    self.take(asyncio.module)
    self.take(asyncio.tasks.world)
    self.take(asyncio.Queue().standin)
    self.take(self.standin)
    self.take(self.child)
    self.take(self.__getattr__("standin"))
    self.take(dataclasses.field().make.__globals__)
    self.take(typing.List.base)
    self.take(contextlib.suppress(Exception).world)
    self.take(contextlib.ExitStack().callback.__closure__)
    self.take(contextlib.AsyncExitStack().world)
    self.take(contextlib.AsyncExitStack().stack.callback.__globals__)
    self.take("{0.world}".format(task))
    self.take("{0.standin.world}".format_map({"0": task}))
    self.take(str.format("{0.world}", task))
    self.take("{0.standin}".format(self))
    self.take("{:{0.world}}".format(catcher, task))
    self.take(Sly("{0.world}").format(task))
    self.take(collections.UserString("{0.world}").format(task))
    self.take(list(map("{0.world}".format, [task])))
    self.take(super(Sly, Sly("{0.world}")).format(task))
    self.take(isinstance(task, catcher) and catcher.caught.world)
    self.take(isinstance(Pretends(type(task)), asyncio.Task))
    self.take(enum.Enum("E", {"a": task}).a.value.world)
    self.take(collections.namedtuple("N", "world")(task).world.world)
    self.take(typing.NamedTuple("N", [("task", int)])(task).task.world)
    self.take(typing.NamedTuple("N", [("task", "task.world")]).__annotations__)
    self.take(setattr(task, "world", catcher) or task.done() and catcher.caught)
    self.take(setattr(asyncio, "world", catcher) or asyncio.create_task(self.work()) and catcher)
    task.world = catcher; task.cancel(); self.take(catcher.caught)
    task.life = catcher; task.cancel(); self.take(catcher.caught)
    asyncio.world = catcher; asyncio.create_task(self.work()); self.take(catcher.caught)
    things.standin = catcher; self.take(catcher.caught)
    things.standin += catcher; self.take(catcher.caught)
    task.life |= catcher; self.take(catcher.caught)
    task.world.calls += catcher; self.take(catcher.caught)
    del task.world; self.take(task.world)
    asyncio.Task.make = catcher; asyncio.Task(self.work()); self.take(catcher.caught)
    asyncio.wait([task]).start = catcher; self.take(catcher.caught)
    [task.world for task.world in [catcher]]; task.cancel(); self.take(catcher.caught)
    (task.world, x) = catcher, 1; task.cancel(); self.take(catcher.caught)
    collections.abc.Mapping.get = catcher; self.take(vars(collections.abc.Mapping)["get"])
    contextlib.AbstractContextManager.__exit__ = catcher; self.take(contextlib.suppress)
    dataclasses.dataclass(asyncio).world
    import asyncio.world as own; self.take(own)
    import asyncio.tasks.world as own; self.take(own)
    import functools.standin as own; self.take(own)
    import things.child as own; self.take(own)
    from things import standin; self.take(standin)
    from things.standin import world; self.take(world)
    from asyncio.tasks import world as own; self.take(own)
    from functools import module; self.take(module)
    from contextlib import world; self.take(world)
    from concurrent.futures import module; self.take(module)
    from logging import module; self.take(module)
    from asyncio import module, create_task as own; self.take(module)
    with catcher: raise Plain; self.take(catcher.caught)
    class Made(catcher, task): pass; self.take(catcher.caught)
    class Made(type(task)): take = lambda self: self.world; self.take(Made.take(task))
    class Made(type(task)): __slots__ = ("world",); self.take(Made.world)
    class Made(asyncio.Task): pass; self.take(Made)
    class Made(dataclasses.field): pass; self.take(Made.make)
    class Made(Meta("M", (), {})): x = task.world; self.take(Made.x)
    class Made: x = catcher; self.take(catcher.caught)
    class world: __x = 1; self.take(task.__x)
    @dataclasses.dataclass\n    class D: world = 1; D.__init__(asyncio, world=1); self.take(D)
    @dataclasses.dataclass\n    class D: __fields__ = [Sly("__class__")]; self.take(D())
    self.take(lock.__aenter__().world)
    self.take((lambda: (yield task))().gi_frame)
    self.take([x async for x in things].world)
    self.take(iter(task).gi_frame)
    self.take(iter(asyncio.as_completed([task])).gi_frame)
    self.take(sorted([task])[0].world)
    self.take(max([task], key=lambda x: x.world))
    self.take(itertools.chain([task]).__reduce__())
    self.take(Exception(task).args[0].world)
    self.take(ExceptionGroup("", [ValueError()]).derive.__self__)
    self.take(memoryview(b"").obj)
    self.take("".join.func)
    self.take("".format.func)
    self.take("{0.world}".format.args[0](task))
    await asyncio.wait([Pretends(Plain)]); self.take(error)
    await asyncio.wait([catcher], timeout=1); self.take(catcher.caught)
    await asyncio.gather(catcher); self.take(catcher.caught)
    await asyncio.wait_for(catcher, 1); self.take(catcher.caught)
    await asyncio.shield(catcher); self.take(catcher.caught)
    asyncio.create_task(catcher); self.take(catcher.caught)
    task.add_done_callback(catcher); self.take(catcher.caught)
    logger = things.getLogger(catcher); logger.error(catcher); self.take(catcher.caught)
    async with catcher: pass
    for x in catcher: self.take(x)
    self.take({catcher: task}[catcher].world)
    self.take(task == catcher and catcher.caught[0].world)
    self.take(object.__getattribute__(task, "world"))
    self.take(object.__new__(type(task)).world)
    self.take(task.__class__)
    self.take(task.__reduce__())
    self.take(Plain.__init_subclass__.__self__.__mro__)
    self.take(collections.Counter.__init__.__globals__)
    self.take(contextlib.contextmanager(plain).__closure__)
    self.take(contextlib.contextmanager(plain)().gen)
"""
# What is left of a trick is not awaited, or not made to its end.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SET = "set past the hooks"
INSIDE = (World, Surroundings, Stage, Life, Facts, Target, Lifted, Timeline, Loop)
MACHINERY = (ModuleType, CodeType, FrameType)


def is_inside(thing: Any, depth: int = 3) -> bool:
    """Say whether something is what lifted code should never have in its hands."""
    kind: type = type(thing)  # not what it says itself
    if issubclass(kind, (*INSIDE, *MACHINERY)):
        return True
    if issubclass(kind, type):
        return any(base in (*INSIDE, Future, Asyncio, Unknown) for base in type.mro(thing))
    if kind is MethodType:
        own = thing.__self__
        return type(own) in INSIDE and thing.__name__ not in own.builtins()
    if issubclass(kind, dict) and ("__builtins__" in thing or "!__get__" in thing):
        return True
    if issubclass(kind, (list, tuple, set, dict)) and depth:
        inner = [*thing, *thing.values()] if isinstance(thing, dict) else list(thing)
        return any(is_inside(one, depth - 1) for one in inner)
    return False


def source(trick: str) -> str:
    """A module with a site, whose function tries a trick first; what fails fails alone."""
    body = textwrap.indent(f"try:\n    {trick}\nexcept Exception as e:\n    error = e", "    ")
    text = (
        MODULE.replace("{inside}", "__globals__").replace("{imports}", "").replace("{module}", "")
    )
    return text.replace("{tricks}", body + "\n    self.take(error)")


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What a lifted function passes to an unknown one, and should not have."""
    found: list[object] = []
    hand_over = World.hand_over

    def spy(world: World, *things: object) -> None:
        texts = [thing for thing in things if type(thing) is str and thing == SET]
        found.extend([*texts, *filter(is_inside, things)])
        hand_over(world, *things)

    monkeypatch.setattr(World, "hand_over", spy)
    return found


def ran(trick: str) -> Execution | None:
    """One execution of the trick, live where that works out; None where it is refused."""
    try:
        program = lift(source(trick), None)
    except CannotLift:
        return None
    execution = run(program, ())
    live.perform(program, execution.choices, "AWT101")
    return execution


@pytest.mark.parametrize("name", FOUND)
def test_the_holes_that_were_found(name: str, taken: list[object]) -> None:
    ran(FOUND[name])
    assert taken == []


@pytest.mark.parametrize("trick", textwrap.dedent(OTHERS).strip().splitlines())
def test_and_others(trick: str, taken: list[object]) -> None:
    ran(trick.replace("\\n", "\n"))
    assert taken == []
