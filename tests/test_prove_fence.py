"""The fence by itself: nothing inside is reached, by whatever way lifted code goes.

Each trick is an expression that would give the code something from behind the stand-ins, were
attributes read past the hooks. What it gives is passed to an unknown function, where it is looked
at.
"""

from __future__ import annotations

import ast
import dis
import sys
import textwrap
from collections.abc import Callable, Iterator
from importlib import import_module
from pkgutil import walk_packages
from types import (
    CodeType,
    DynamicClassAttribute,
    FrameType,
    FunctionType,
    MethodType,
    ModuleType,
    SimpleNamespace,
)
from typing import Any
from unittest.mock import MagicMock

import pytest

from flake8_asyncwait import replay
from flake8_asyncwait.check import check
from flake8_asyncwait.replay.executions.execution import Execution, run
from flake8_asyncwait.replay.executions.hooks import Hooks, Target
from flake8_asyncwait.replay.executions.lift import Lifted, lift
from flake8_asyncwait.replay.fence import guard
from flake8_asyncwait.replay.fence.surroundings import Surroundings
from flake8_asyncwait.replay.lives import EXHAUSTED, Life, Owner, Standin
from flake8_asyncwait.replay.proof import live
from flake8_asyncwait.replay.proof.loop import Loop
from flake8_asyncwait.replay.proof.proof import PROVED
from flake8_asyncwait.replay.proof.prove import prove
from flake8_asyncwait.replay.proof.timeline import Timeline
from flake8_asyncwait.replay.text.confine import confine, described, is_hidden, name_of
from flake8_asyncwait.replay.text.locate import CannotLift, words
from flake8_asyncwait.replay.world.facts import Facts, Kind
from flake8_asyncwait.replay.world.futures import Future
from flake8_asyncwait.replay.world.scheduler import World
from flake8_asyncwait.replay.world.stage import Stage
from flake8_asyncwait.replay.world.standins import Asyncio
from flake8_asyncwait.replay.world.unknown import Unknown

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

caught = []

class Hook(abc.ABC):
    "What wants to know of which class something is."
    @classmethod
    def __subclasshook__(cls, kind):
        caught.append(kind)
        return True

class HookedError(Hook, Exception):
    pass

class Bases(type):
    def __new__(cls, name, bases, members):
        caught.append(bases)
        return super().__new__(cls, name, bases, members)

class Lying(type):
    "A metaclass whose classes say that they inherit from something else."
    __mro__ = property(lambda cls: [asyncio])
    def __getattr__(cls, name):
        return 1

class Showing(types.GenericAlias):
    "What says of itself what it shows."
    SHOWN = frozenset({"world", "get_loop", "standin", "life", "_loop"})

class Names(dict):
    "The names of a class's body, as it likes."
    def __getitem__(self, name):
        caught.append(name)
        if name == "!helper":
            return plain
        if name == "!get":
            return lambda thing, name: caught.append(thing)
        return super().__getitem__(name)

class Prepared(type):
    def __prepare__(name, bases):
        return Names()

Raw = Prepared("Raw", (), {})

async def helper(thing):
    return thing

def plain(thing=None):
    return thing

class Mix:
    x = property(lambda self: 1)

class Mixed(Mix, enum.Enum):
    x = 1

def mixed():
    yield 1

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
    "a member of an enum": "class E(enum.Enum):\n"
    "        def __new__(cls, x, y, z):\n            return things\n"
    "        a = (catcher, 'x', 1)\n    things.x(); self.take(catcher.caught)",
    "the alias of a generic class": "class Own[T]:\n        pass\n"
    "    type(Own[int])(asyncio, ()).world = catcher\n"
    "    asyncio.create_task(self.work())\n    self.take(catcher.caught)",
    "what contextmanager copies of an enum": "self.take(contextlib.contextmanager(Mixed).x)",
    "what asynccontextmanager does": "self.take(contextlib.asynccontextmanager(Mixed).x)",
    "what a manager that decorates does": "self.take(contextlib.contextmanager(mixed)()(Mixed).x)",
    "what an async one does": "self.take(contextlib.asynccontextmanager(mixed)()(Mixed).x)",
    "an attribute of what the library made": "held = collections.defaultdict(list); "
    "held.default_factory = lambda: 'set past the hooks'; self.take(held[1])",
    "a deleted one": "held = collections.defaultdict(lambda: 'set past the hooks'); "
    "del held.default_factory\n    try: held[1]\n"
    "    except KeyError: self.take('set past the hooks')",
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
    self.take(type(Plain)(task))
    self.take(type(int)(things), type(type(Plain))(asyncio))
    self.take(type(abc.ABCMeta)(getattr), operator.call(type(Plain), things))
    self.take(isinstance(task, Hook), *caught)
    self.take([isinstance(one, Hook) for one in (asyncio, functools, type)], *caught)
    self.take(isinstance(Plain, Hook) and caught[0](task))
    self.take(isinstance(asyncio.wait([task]), (int, (Hook, Hook))), *caught)
    match things:\n        case Hook(): pass\n    self.take(*caught)
    match asyncio:\n        case int() | Hook() as x: pass\n    self.take(*caught)
    match [asyncio]:\n        case [Hook()]: pass\n    self.take(*caught)
    try: raise things.Lost\n    except HookedError: pass\n    finally: self.take(*caught)
    try: await task\n    except (HookedError, things.Lost): pass\n    finally: self.take(*caught)
    class X(Bases("B", (), {}), type): pass\n    self.take(*caught); self.take(caught[1][1](task))
    class X(type): pass\n    self.take(X(task), X.mro(X))
    class X(Lying("B", (), {})): pass\n    self.take(X.world, X().world, super(X, X()).world)
    class X(Raw): x = task.world; self.take(*caught, X.x)
    class X(Raw):\n        async def g(self): await task\n    self.take(X().g().cr_frame)
    class X(Raw):\n        async def g(self): await task\n    self.take(X().g().send(None)._loop)
    class X(things):\n        def __new__(cls): return super()\n    self.take(X(), X().world)
    class X(Catcher, type): pass\n    self.take(catcher.caught)
    self.take(Showing(task.__await__().send(None), ()).get_loop())
    self.take(Showing(task.__await__().send(None), ())._loop)
    self.take(Showing(asyncio, ()).world, Showing(things, ()).standin, Showing(task, ()).life)
    class X(super): SHOWN = ("world", "standin"); self.take(X(Plain, Plain()).world)
    class X(types.ModuleType): SHOWN = ("__dict__", "x"); self.take(X("os").x)
    class X(Exception): SHOWN = ("key",); self.take(X().key)
    self.take(functools.cache(type).tell)
    self.take(functools.lru_cache(type).tell.__self__)
    self.take(functools.partial(type).func.tell)
    self.take(staticmethod(type).tell, classmethod(type).tell)
    staticmethod(asyncio).world = catcher; asyncio.Task(self.work()); self.take(catcher.caught)
    classmethod(asyncio).world = catcher; asyncio.Task(self.work()); self.take(catcher.caught)
    functools.cache(asyncio.Task).make = catcher; asyncio.Task(1); self.take(catcher.caught)
    self.take(functools.cache(asyncio).tasks.world, functools.cache(functools).module)
    self.take(functools.cache(helper(1)).run, functools.cache(asyncio.wait([task])).names)
    self.take(types.MethodType(catcher, 1) == getattr and catcher.caught[0].__globals__)
    self.take(types.MethodType(catcher, 1) == task.done and catcher.caught[0].__globals__)
    class K: get = getattr; self.take(K().get, K.get)
    class K: get = property(asyncio); self.take(K().get)
    class K: get = classmethod(getattr); self.take(K.get("__subclasses__"), K.get("mro"))
    class K: get = functools.cached_property(type); self.take(K().get)
    class K: get = functools.partialmethod(getattr, "world"); self.take(K().get)
    self.take(type("X", (), {"__module__": "asyncio", "world": 1}).world)
    type("X", (task,), {Sly("__subclasshook__"): catcher}); self.take(catcher.caught)
    self.take(abc.ABCMeta.__new__(abc.ABCMeta, "X", (), {"__module__": "asyncio"}).world)
    self.take(enum.EnumMeta._find_data_type_("X", (abc.ABCMeta,)))
    self.take(enum.EnumMeta._find_data_repr_("X", (abc.ABCMeta,)))
    self.take(enum.unique(catcher), enum.unique(asyncio), catcher.caught)
    self.take(enum.Enum("E", "a", module=Sly("os"), qualname=catcher, type=int), catcher.caught)
    self.take(enum.Flag("E", "a", boundary=catcher), catcher.caught)
    class E(enum.Enum): a = task; self.take(E.a.value.world, E._value2member_map_)
    class E(enum.Enum): a = "{0.world}"; self.take(E.a.value.format(task), E.a.name.format(task))
    self.take(functools.total_ordering(asyncio.Task), functools.total_ordering(task))
    self.take(collections.namedtuple(Twice("done"), Sly("a"), module=Sly("os"))(task).a.world)
    self.take(collections.namedtuple("N", "a", defaults=[asyncio])()._asdict()["a"].world)
    class N(typing.NamedTuple): x: task.world = 1; self.take(N.__annotations__, N._field_defaults)
    self.take(str.format_map("{0.world}", {"0": task}), Sly.format("{0.world}", task))
    self.take(types.MethodType(str.format, "{0.world}")(task))
    self.take(functools.partial(str.format, "{0.world}")(task))
    self.take(functools.reduce(str.format, ["{0.world}", task]))
    class S(str): get = functools.partialmethod(str.format, task); self.take(S("{0.world}").get())
    self.take("{0.a.world}".format(types.SimpleNamespace(a=task)), f"{things:{task}}")
    self.take(f"{task.world!r:>{asyncio.world}}", f"{task.life=}")
    self.take([(y := task.world) for _ in [1]], y)
    self.take((lambda a=task.world, *, b=task.life: (a, b))())
    self.take(*(lambda: (yield task.world))())
    self.take({**asyncio.world}, [*task.life], plain(**{"thing": task}).world)
    task @= catcher; self.take(catcher.caught)
    task.world @= catcher; task.life //= catcher; self.take(catcher.caught)
    for task.world in [catcher]: task.cancel(); self.take(catcher.caught)
    with catcher as task.world: task.cancel(); self.take(catcher.caught)
    async with things as asyncio.world: asyncio.create_task(self.work()); self.take(asyncio.world)
    [task.world, *task.life] = catcher, 1, 2; task.cancel(); self.take(catcher.caught)
    (task.world): int = catcher; task.cancel(); self.take(catcher.caught)
    del asyncio.world, task.life; self.take(asyncio.create_task(self.work()).world)
    class K(Plain, world=task.world, **{"x": 1}): y: task.world = 1; self.take(K.__annotations__)
    class K:\n        def g(self, y: task.world): pass\n    self.take(K.g.__annotations__)
    class K:\n        @catcher\n        def g(self): pass\n    self.take(K.g, catcher.caught)
    self.take(contextlib.contextmanager(lambda: catcher)().__enter__(), catcher.caught)
    contextlib.ExitStack().push(catcher); self.take(contextlib.ExitStack()._exit_callbacks)
    self.take(contextlib.ExitStack.__self__, contextlib.ExitStack.__func__)
    self.take(contextlib.ExitStack().pop_all().callback.__closure__)
    try: asyncio.gather(1).done()\n    except AttributeError as e: self.take(e.obj, e.args)
    try: await asyncio.wait_for(1, 2)\n    except AttributeError as e: self.take(e.obj, e.args)
    try: {}[task]\n    except KeyError as e: self.take(e.args[0].world, e.__traceback__)
    try: 1 / 0\n    except Exception as e: self.take(e.__context__, e.__traceback__.tb_frame)
    import no.such.module as m; self.take(m.standin)
    task.__init__(catcher, catcher); task.done(); self.take(catcher.caught)
    things.__init__(catcher, "x", 1); things.x(); self.take(catcher.caught)
    asyncio.__init__(catcher); asyncio.create_task(self.work()); self.take(catcher.caught)
    self.take(print.__globals__, sorted.__code__, helper.__closure__, helper.__wrapped__)
    plain.__globals__["__builtins__"] = catcher; plain.__code__ = 1; self.take(plain.__defaults__)
    s = contextlib.ExitStack(); s.push(lock); self.take(s._exit_callbacks)
    s = contextlib.ExitStack(); s.push(lock); self.take(s.pop_all()._exit_callbacks)
    s = contextlib.ExitStack(); self.take(getattr(s, "_exit_callbacks"), type(s)._push_cm_exit)
    types.MethodType(catcher, 1) == contextlib.ExitStack().push; self.take(catcher.caught)
    class K(collections.Counter): pass\n    self.take(super(K, K).most_common(task))
    collections.abc.Mapping.register(Hook); collections.Counter(task); self.take(*caught)
    collections.abc.Set.register(Hook); isinstance(task, collections.abc.Set); self.take(*caught)
    enum.Enum("E", "a").a._add_alias_("__class__"); self.take(*caught)
    M = type("M", (), {"__new__": plain}); enum.Enum("E", {"a": 1}, type=M); self.take(M.a)
    functools.cached_property(lambda one: SET).__set_name__(plain, "x"); self.take(plain.x)
    functools.total_ordering(task); self.take(task.__gt__)
    cm = contextlib.contextmanager(plain); self.take(cm()(contextlib.ExitStack())._exit_callbacks)
    cm = contextlib.contextmanager(plain); self.take(cm()(ValueError(task)).args, cm()(error).key)
    things(lambda x: self.take(x)); task.add_done_callback(lambda *x: self.take(*x))
    self.take(functools.partial(task.cancel).func, type(task.cancel).func)
    self.take(types.MethodType.__func__, types.GenericAlias.__origin__)
    from collections import _sys; self.take(_sys)
    from enum import sys, bltns; self.take(sys, bltns)
    import collections.abc as a; self.take(a.sys, a.abc)
    self.take(collections.abc.sys, types.sys, typing.sys, contextlib.sys, enum.sys)
"""
# What only newer Pythons can say: from which version on, and what the module says at its top.
# What is compared with one of these is kept.
GOT = """
class Got:
    kept = ()
    def __call__(self): pass
    def __hash__(self): return 1
    def __eq__(self, other):
        self.kept = (*self.kept, other)
        return True
"""
NEWER = [
    (
        11,
        "try: raise ExceptionGroup('', [ValueError()])\n    except* task.world as e: self.take(e)",
        "",
    ),
    (12, "self.take(G[int]().x, G.__type_params__)", "class G[T]: x = asyncio.world"),
    (12, "type X = asyncio.world; self.take(X.__value__)", ""),
    (12, "class G[T: task.world]: x = T; self.take(G.x.__bound__)", ""),
    (12, "self.take(g.__type_params__[0].__bound__)", "def g[T: asyncio.world](): pass"),
    (
        12,
        "got = Got(); Own['__import__'] == Own[got]; self.take(got.kept[0].evaluate()('sys'))",
        GOT + "class Own[T]: pass\n",
    ),
    (13, "class G[T = asyncio.world]: x = T; self.take(G.x.__default__)", ""),
    (14, "type X = asyncio.world; self.take(X.evaluate_value(1))", ""),
    (14, "self.take(t'{task.world}'.interpolations[0].value)", ""),
    (14, "self.take(t'{task}'.values[0].world, t'{asyncio}'.interpolations[0].value.world)", ""),
    (14, "self.take(t'{task.life!r:{asyncio.world}}'.interpolations[0].format_spec)", ""),
    (14, "class K: x: task.world; self.take(K.__annotate__, K.__annotations_cache__)", ""),
    (14, "try: 1 / 0\n    except ValueError, task.world: self.take(1)", ""),
    (15, "self.take(world)", "lazy from asyncio import world"),
    (15, "self.take(system, os.system)", "lazy import os; lazy from os import system"),
    (15, "self.take(w.standin)", "lazy import things.world as w"),
    (15, "self.take([*x for x in [[task.world]]])", ""),
]
# What is left of a trick is not awaited, or not made to its end.
pytestmark = [
    pytest.mark.filterwarnings("ignore:coroutine"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
SET = "set past the hooks"
INSIDE = (World, Hooks, Surroundings, Stage, Life, Facts, Target, Lifted, Timeline, Loop)
MODULES = [
    import_module(each.name) for each in walk_packages(replay.__path__, f"{replay.__name__}.")
]
MACHINERY = (ModuleType, CodeType, FrameType, DynamicClassAttribute)


def is_inside(thing: Any, depth: int = 3) -> bool:
    """Say whether something is what lifted code should never have in its hands."""
    kind: type = type(thing)  # not what it says itself
    if issubclass(kind, (*INSIDE, *MACHINERY)):
        return True
    if issubclass(kind, type):
        return any(base in (*INSIDE, Future, Asyncio, Unknown) for base in type.mro(thing))
    if kind is FunctionType and "<locals>" not in thing.__qualname__:
        return "." in thing.__qualname__ and thing.__module__.startswith(replay.__name__)
    if kind is MethodType:
        own = thing.__self__
        shown = own.builtins() if type(own) is Surroundings else ()
        return type(own) in INSIDE and thing.__name__ not in shown
    if issubclass(kind, dict) and ("__builtins__" in thing or "!get" in thing):
        return True
    if issubclass(kind, (list, tuple, set, dict)) and depth:
        inner = [*thing, *thing.values()] if isinstance(thing, dict) else list(thing)
        return any(is_inside(one, depth - 1) for one in inner)
    return False


def source(trick: str, module: str = "") -> str:
    """A module with a site, whose function tries a trick first; what fails fails alone."""
    body = textwrap.indent(f"try:\n    {trick}\nexcept Exception as e:\n    error = e", "    ")
    text = (
        MODULE.replace("{inside}", "__globals__")
        .replace("{imports}", "")
        .replace("{module}", module)
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


def ran(trick: str, module: str = "") -> Execution | None:
    """One execution of the trick, live where that works out; None where it is refused, or where
    the process runs out of stack."""
    text = source(trick, module)
    last = text.splitlines()[-1]
    try:
        program = lift(text, (text.count("\n"), last.index("asyncio.wait(")))
    except CannotLift:
        return None
    try:
        execution = run(program, ())
        live.perform(program, execution, "AWT101")
    except EXHAUSTED:
        return None
    return execution


@pytest.mark.parametrize("name", FOUND)
def test_the_holes_that_were_found(name: str, taken: list[object]) -> None:
    ran(FOUND[name])
    assert taken == []


@pytest.mark.parametrize("trick", textwrap.dedent(OTHERS).strip().splitlines())
def test_and_others(trick: str, taken: list[object]) -> None:
    ran(trick.replace("\\n", "\n"))
    assert taken == []


# Errors that do something else when somebody looks at them.
ERRORS = {
    "its text": "__str__ = __repr__ = lambda self: 1 / 0",
    "its text ends the process": "def __str__(self): raise SystemExit",
    "its parts": "args = property(lambda self: 1 / 0)",
    "its class": "__class__ = property(lambda self: 1 / 0)",
    "its name": "__name__ = property(lambda self: 1 / 0)",
}


@pytest.mark.parametrize("name", ERRORS)
def test_an_error_is_not_asked_what_it_is(name: str) -> None:
    """The function ends with it, and that is all."""
    text = source("pass", f"class Lost(Exception):\n    {ERRORS[name]}\n")
    text = text.replace("error = e\n    self.take(error)", "pass").rstrip() + "\n    raise Lost\n"
    (finding,) = check(text).findings
    steps = [(step.line, step.choice) for step in finding.witness]
    proof = prove(text, (finding.line, finding.column), finding.code, steps)
    assert (proof.word, proof.reason) == (PROVED, "")
    assert "the function has ended (Lost)" in [event.text for event in proof.events]


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (KeyError, "KeyError: 'x'"),
        (type("Loud", (Exception,), {"__str__": lambda _: sys.exit()}), "Loud"),
        (type("Own", (Exception,), {"__module__": "judged", "__str__": lambda _: "x"}), "Own"),
    ],
)
def test_what_is_told_of_an_error(kind: type[Exception], text: str) -> None:
    assert described(kind("x")) == text


@pytest.mark.parametrize(
    "name", ["Sly('X')", "type('Loud', (str,), {'__str__': 1, '__format__': 1})('X')"]
)
def test_the_name_of_a_class_is_a_text(name: str) -> None:
    kind = type(eval(name, {"Sly": type("Sly", (str,), {"__str__": lambda _: "Y"})}), (), {})
    assert (type(name_of(kind)), name_of(kind)) == (str, "X")


@pytest.mark.parametrize(
    "make",
    [
        lambda world: Unknown(world, "x", Kind.NAME),
        lambda world: Future(world, Life("x", Owner.MADE)),
        lambda world: Asyncio(world).create_task(None),
        lambda world: Asyncio(world).get_running_loop(),
    ],
)
def test_who_comes_by_a_class_of_ours_makes_nothing_of_it(make: Callable[[Any], object]) -> None:
    """Library functions ask a class of the code, which inherits from one of theirs, about others:
    `collections.Counter(task)` tells one that is a mapping of which class a task is."""
    world = MagicMock()  # the code has none of ours
    with pytest.raises(TypeError, match="no world"):
        make(world)
    assert not any(isinstance(one, Life) for call in world.mock_calls for one in call.args)


@pytest.mark.parametrize(("version", "trick", "module"), NEWER)
def test_and_what_newer_pythons_can_say(
    version: int, trick: str, module: str, taken: list[object]
) -> None:
    if sys.version_info < (3, version):
        pytest.skip(f"syntax of Python 3.{version}")
    assert ran(trick, module) is not None
    assert taken == []


@pytest.mark.parametrize(
    "theirs", ["isinstance", "getattr", "asyncio.create_task", "task.cancel", "task.cancel.func"]
)
def test_the_function_of_a_method_of_ours_is_not_passed_on(
    theirs: str, taken: list[object]
) -> None:
    """Methods that are compared compare their functions."""
    compared = f"types.MethodType(got, 1) == {theirs}; self.take(*got.kept)"
    assert ran(f"got = Got(); {compared}", GOT) is not None
    assert taken == []


def test_a_name_of_a_class_of_its_own_is_read_by_the_hook_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Python reads `self.__got` in class K as `_K__got`: also that shows no method of ours."""
    handed: list[object] = []
    hand_over = World.hand_over

    def spy(world: World, *things: object) -> None:
        handed.extend(things)
        hand_over(world, *things)

    monkeypatch.setattr(World, "hand_over", spy)
    module = (
        "class K(functools.partial):\n"
        "    __got = functools.partial.func\n"
        "    def own(self):\n        return self.__got\n"
        "class __L:\n"
        "    __other = 'read'\n"
        "    def own(self):\n        return self.__other\n"
    )
    assert ran("self.take(K(getattr).own(), __L().own())", module) is not None
    assert [one for one in handed if isinstance(one, MethodType)] == []
    assert {one for one in handed if type(one) is str} == {"read"}


class Empty(list[object]):
    """A list that says that it holds nothing."""

    def __iter__(self) -> Iterator[object]:
        return iter(())


RING: list[object] = [1]
RING.append(RING)


@pytest.mark.parametrize(
    "make",
    [
        lambda inside: inside,
        lambda inside: [inside],
        lambda inside: (1, {"a": [inside]}),
        lambda inside: {inside: 1},
        lambda inside: {inside},
        lambda inside: frozenset({(inside,)}),
        lambda inside: Empty([inside]),
        lambda inside: [RING, inside],
    ],
)
def test_no_collection_brings_a_function_what_it_must_not_have(
    make: Callable[[object], object],
) -> None:
    assert guard.is_secret(make(sys))
    assert not guard.is_secret(make("sys"))


def test_the_names_of_a_module_are_an_inside() -> None:
    """Those of one written in C, in Python, of all, and of what is judged."""
    names = [vars(sys), vars(ast), vars(guard), sys.modules, {"__builtins__": {}}]
    assert [guard.is_inside(one) for one in names] == [True] * len(names)
    assert not guard.is_inside({"sys": 1})


def test_what_reads_attributes_for_a_class_shows_and_takes_nothing() -> None:
    for one in (DynamicClassAttribute(), classmethod(is_inside), staticmethod(is_inside)):
        assert guard.is_guarded(one)
        assert not guard.is_changeable(one)


def test_only_what_is_its_own_can_be_changed() -> None:
    own = type("Own", (), {"__module__": "judged"})
    assert all(map(guard.is_changeable, (own, own(), SimpleNamespace())))
    assert not any(map(guard.is_changeable, (sys, {}, property(), textwrap.TextWrapper(), list)))


def test_nothing_of_a_stand_in_can_be_copied_from_it() -> None:
    """What the library's decorators copy is a `__dict__`."""
    kinds = {kind for module in MODULES for kind in vars(module).values() if is_stand_in(kind)}
    assert len(kinds) > 20
    assert {kind.__name__ for kind in kinds if kind.__dictoffset__} == set()
    assert {kind.__name__ for kind in kinds if hasattr(kind, "SHOWN")} == {
        kind.__name__ for kind in kinds if id(kind) in guard.SHOWN
    }


def is_stand_in(kind: object) -> bool:
    return isinstance(kind, type) and (issubclass(kind, Standin) or hasattr(kind, "SHOWN"))


NAMES = """
        class Names(dict):
            x = 0
            def __getitem__(self, name):
                if name == "!store_attribute":
                    held.append(name)
                    return lambda thing: thing
                return super().__getitem__(name)
"""
METACLASSES = {
    "it is shown what is set on its class": """
        class Meta(type):
            def __setattr__(cls, name, value):
                held.append(value)

        dataclasses.dataclass(Meta("K", (), {"__annotations__": {"a": 1}}))
    """,
    "it prepares what the hooks of a class are looked up in": f"""
        {NAMES}
        class Meta(type):
            def __prepare__(name, bases):
                return Names()

        class K(Meta("Raw", (), {{}})):
            Names.x += 1
    """,
    "it answers that it prepares": f"""
        {NAMES}
        class Plain(type):
            pass

        class Answers(type):
            def __getattribute__(cls, name):
                if name == "__prepare__":
                    return lambda *_: Names()
                return super().__getattribute__(name)

        class K(Answers("Meta", (Plain,), {{}})("Raw", (), {{}})):
            Names.x += 1
    """,
    "it comes by way of two that are no classes": f"""
        {NAMES}
        class Meta(type):
            def __prepare__(name, bases):
                return Names()

        class Second:
            def __mro_entries__(self, bases):
                return (Meta("Raw", (), {{}}),)

        class First:
            def __mro_entries__(self, bases):
                return (Second(),)

        class K(First()):
            Names.x += 1
    """,
}


@pytest.mark.parametrize("metaclass", METACLASSES)
def test_a_metaclass_of_the_code_comes_by_nothing(metaclass: str) -> None:
    """What it has caught would lead to a loss."""
    text = "import asyncio, dataclasses\nheld = []\n\nasync def f(work):\n"
    text += (
        textwrap.indent(textwrap.dedent(METACLASSES[metaclass]), "    ")
        + """
    task = asyncio.create_task(work())
    if held:
        await asyncio.wait([task], timeout=1)
    else:
        await task
"""
    )
    (finding,) = check(text).findings
    steps = [(step.line, step.choice) for step in finding.witness]
    proof = prove(text, (finding.line, finding.column), finding.code, steps)
    assert proof.word != PROVED


# -- what a class of the code may have ------------------------------------------------------------

# Each binds NAME in the body of a class.
BINDINGS = r"""
    def NAME(self): pass
    async def NAME(self): pass
    class NAME: pass
    NAME = 1
    NAME: int = 1
    NAME: int
    NAME += 1
    del NAME
    (NAME := 1)
    [x, *NAME] = 1, 2
    for NAME in [1]: pass
    for x, (NAME, y) in []: pass
    with open(x) as NAME: pass
    with open(x) as (NAME, y): pass
    import NAME
    import x as NAME
    import x.y as NAME
    import NAME.x
    from x import NAME
    from x import y as NAME
    from x import __path__ as NAME
    try: pass\n    except Exception as NAME: pass
    match x:\n        case NAME: pass
    match x:\n        case 1 as NAME: pass
    match x:\n        case [*NAME]: pass
    match x:\n        case {**NAME}: pass
    match x:\n        case NAME | 1: pass
    if x: NAME = 1
    def f(x=(NAME := 1)): pass
    def f(*, x=(NAME := 1)): pass
    @(NAME := x)\n    def f(): pass
    f = lambda x=(NAME := 1): x
    class Inner((NAME := x)): pass
    x: (NAME := 1) = 1
    print(f"{(NAME := 1)}")
    def f(self):\n        nonlocal NAME\n        NAME = 1
    def f(self):\n        global NAME\n        NAME = 1
    global NAME\n    NAME = 1
"""
NEWER_BINDINGS = """
    type NAME = int
    type X[NAME] = int
    class Inner[NAME]: pass
    def f[NAME](): pass
    def f[*NAME](): pass
    def f[**NAME](): pass
"""
HIDDEN_MEMBERS = words(
    """
    __copy__ __deepcopy__ __reduce__ __reduce_ex__ __getstate__ __setstate__ __class__ __dict__
    __getattribute__ __subclasshook__ __instancecheck__ __subclasscheck__ __subclasses__ __bases__
    __mro_entries__ __prepare__ __slots__ __module__ __match_args__ __wrapped__ __signature__
    __annotations__ __fspath__ __dir__ __buffer__
    """
)


def binds(text: str, name: str) -> bool:
    """Say whether a module binds a name once it is confined, anywhere but in a local variable."""
    try:
        code = compile(ast.fix_missing_locations(confine(ast.parse(text))), "", "exec")
    except (CannotLift, SyntaxError):
        return False
    return any(
        one.argval == name and one.opname.startswith(("STORE_", "DELETE_"))
        for each in codes(code)
        for one in dis.get_instructions(each)
    )


def codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield from codes(one)


def bindings() -> list[str]:
    newer = textwrap.dedent(NEWER_BINDINGS) if sys.version_info >= (3, 12) else ""
    return [*filter(None, [*textwrap.dedent(BINDINGS).splitlines(), *newer.splitlines()])]


@pytest.mark.parametrize("binding", bindings())
def test_no_class_has_what_the_library_asks_objects_for(binding: str) -> None:
    text = "class K:\n    " + binding.replace("\\n", "\n")
    bound = {
        name
        for name in HIDDEN_MEMBERS - {"__module__"} | {"mro", "_convert_", "_exit_callbacks"}
        if binds(text.replace("NAME", name), name)
    }
    # What is no member of the class, but global or a type parameter, may have other names.
    assert {name for name in bound if name[:2] == "__"} == set()
    assert not bound or "global NAME" in binding or "NAME]" in binding


def test_a_class_says_no_module_of_its_own() -> None:
    """The compiler binds this, to what the module is called: nothing else does."""
    for binding in bindings():
        text = "class K:\n    " + binding.replace("\\n", "\n").replace("NAME", "__module__")
        try:
            tree = confine(ast.parse(text))
        except CannotLift:
            continue
        assert "__module__" not in {
            getattr(node, field, None) for node in ast.walk(tree) for field in ("id", "name")
        }
    for name in ("__name__", "__class__", "__builtins__", "__init__", "__getattr__"):
        for text in (f"{name} = 1", f"def {name}(x): pass", f"class {name}: pass"):
            assert not binds(text, name)
            assert not binds(f"def f():\n    global x\n    {text}", name)


def test_a_class_has_operators_and_what_answers_for_it() -> None:
    for name in ("__radd__", "__eq__", "__init__", "__getitem__", "__setattr__", "__missing__"):
        assert binds(f"class K:\n    def {name}(self): pass", name)
        assert binds(f"class K:\n    {name} = 1", name)
    assert binds("class K:\n    def __getattr__(self, name): pass", "__getattr__")
    assert not binds("class K:\n    __getattr__ = 1", "__getattr__")
    assert not binds("class K:\n    mro = 1", "mro")
    assert binds("mro = 1", "mro")


MEMBERS = """{
        "__copy__": 1, "__reduce_ex__": 1, "__getattr__": 1, "__module__": "asyncio", "x": 1,
        "__class__": property(lambda self: asyncio), "__subclasshook__": 1, "__orig_bases__": 1,
    }"""


@pytest.mark.parametrize(
    "made",
    [
        f'type("K", (), {MEMBERS})',
        f'Own("K", (), {MEMBERS})',
        f'Own.__new__(Own, "K", (), {MEMBERS})',
        f'super(Own, Own).__new__(Own, "K", (), {MEMBERS})',
        f'type(enum.Enum("E", "a"))("K", (), {MEMBERS})',
        f'type(abc.ABC)("K", (), {MEMBERS})',
        f'type(contextlib.AbstractContextManager)("K", (), {MEMBERS})',
        f'enum.Enum("K", {MEMBERS})',
        f'enum.IntEnum("K", {MEMBERS}, type=Plain)',
    ],
)
def test_nor_does_a_metaclass_give_it_any(made: str, monkeypatch: pytest.MonkeyPatch) -> None:
    passed: list[object] = []
    monkeypatch.setattr(World, "hand_over", lambda _, *things: passed.extend(things))
    assert ran(f"self.take({made})", "class Own(type): pass") is not None
    kinds = [one for one in passed if isinstance(one, type)]
    assert kinds
    for kind in kinds:
        assert vars(kind)["__module__"] == "judged"
        assert not vars(kind).keys() & {"__copy__", "__getattr__", "__class__", "__subclasshook__"}
        assert vars(kind).get("__reduce_ex__") != 1


# What would keep what Python gives it, seen by no hook.
KEEPERS = """
    __eq__ = held.append
    __eq__ = list.append
    __contains__ = functools.partial(held.append)
    __call__ = types.MethodType(list.append, held)
    __getitem__ = staticmethod(held.append)
    __eq__ = property(lambda self: held.append)
    __eq__ = classmethod(list.append)
    __missing__ = collections.defaultdict.__getitem__
    __lt__ = Keeper()
    __class_getitem__ = held.append
    __eq__ = Lying("Claims", (), {"__call__": lambda self, other: held.append(other)})()
"""
METHODS = """
    def __eq__(self, other): return True
    __eq__ = lambda self, other: True
    __hash__ = None
    __hash__ = object.__hash__
    __contains__ = set.__contains__
    __format__ = str.__format__
    __call__ = staticmethod(plain)
    __class_getitem__ = classmethod(types.GenericAlias)
    __call__ = things.called
    __name__ = property(lambda self: "x")
    __doc__ = "x"
    keep = held.append
"""
KEEPER = """
held = []

class Keeper:
    def __get__(self, one, kind): return held.append

class Lying(type):
    def __eq__(cls, other): return True
    def __hash__(cls): return hash(type(None))
"""


@pytest.mark.parametrize(
    ("members", "is_kept"), [(KEEPERS, False), (METHODS, True)], ids=["keepers", "methods"]
)
def test_what_python_calls_is_a_function(
    members: str, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[object] = []
    monkeypatch.setattr(World, "hand_over", lambda _, *things: passed.extend(things))
    for member in textwrap.dedent(members).strip().splitlines():
        passed.clear()
        ran("self.take(K)", f"{KEEPER}\nclass K:\n    {member}\n")
        assert any(isinstance(one, type) for one in passed) is is_kept, member
        name, equals, value = member.partition(" = ")
        if not equals or name == "__name__":
            continue
        for made in (
            f"K = type('K', (), {{'{name}': {value}}})",
            f"K = Lying('K', (), {{'{name}': {value}}})",
            f"K = Plain; K.{name} = {value}",
            f"K = Plain; setattr(K, '{name}', {value})",
        ):
            passed.clear()
            ran(f"{made}; self.take(K)", KEEPER)
            kind = next(one for one in passed if isinstance(one, type))
            if is_hidden(name):
                continue
            assert (name in vars(kind)) is is_kept or name == "__doc__", made
