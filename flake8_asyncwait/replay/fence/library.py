"""The stand-ins for modules of the standard library: what is harmless in them is real."""

from __future__ import annotations

import concurrent.futures
import contextlib
import logging
from typing import Any

from flake8_asyncwait.replay.fence import harmless
from flake8_asyncwait.replay.lives import Standin
from flake8_asyncwait.replay.text.confine import is_dunder, is_own, members_of, mro_of
from flake8_asyncwait.replay.world.facts import Kind
from flake8_asyncwait.replay.world.scheduler import World
from flake8_asyncwait.replay.world.standins import Asyncio
from flake8_asyncwait.replay.world.unknown import Unknown, bound

FUTURES = "concurrent.futures"


class Open(Standin):
    """A stand-in for a module: all its members are shown."""

    __slots__ = ("module",)

    def __init__(self, module: Unknown) -> None:
        self.module = module

    def __getattr__(self, name: str) -> object:
        return self.member(name)

    def member(self, name: str) -> object:
        """Return a member of the module; an unknown one where nothing is known of it."""
        known = name in vars(type(self)) and not is_dunder(name)
        return getattr(self, name) if known else self.module.attribute(name)


class Inherited(Open):
    """The stand-in for `super()` of an unknown instance of a class."""

    __slots__ = ("above",)

    def __init__(self, klass: object, instance: Unknown) -> None:
        super().__init__(instance)
        known = instance.standin.klass
        bases = mro_of(known) if known is not None else ()
        after = next((n for n, one in enumerate(bases, 1) if one is klass), len(bases))
        self.above = tuple(one for one in bases[after:] if is_own(one))

    def member(self, name: str) -> object:
        """Return what the classes of the judged code say, else an unknown one."""
        instance, klass = self.module, self.module.standin.klass
        if klass is not None and any(name in members_of(one) for one in self.above):
            return bound(klass, name, instance, self.above)
        return Unknown(instance.standin.world, f"super().{name}", Kind.ATTRIBUTE, instance)


class Library(Open):
    """A module of the standard library, of which only what is harmless is real."""

    __slots__ = ("name",)

    def __init__(self, name: str, module: Unknown) -> None:
        super().__init__(module)
        self.name = name

    def member(self, name: str) -> object:
        """Return a member of the module, or a module below it."""
        if f"{self.name}.{name}" in harmless.MODULES:
            return Library(f"{self.name}.{name}", self.module.attribute(name))
        members = harmless.MODULES[self.name]
        return members[name] if name in members else self.module.attribute(name)


class Contextlib(Library):
    """The stand-in for `contextlib`: also for what handles errors and callbacks."""

    __slots__ = ("world",)

    def __init__(self, world: World, module: Unknown) -> None:
        super().__init__("contextlib", module)
        self.world = world

    def member(self, name: str) -> object:
        """Return a member of the module."""
        if name in ("suppress", "ExitStack", "AsyncExitStack"):
            return getattr(self, name)
        return super().member(name)

    def suppress(self, *kinds: object) -> Suppress:
        return Suppress(self.world, kinds)

    def ExitStack(self) -> object:
        return _watch(self.world, contextlib.ExitStack())

    def AsyncExitStack(self) -> object:
        return AsyncStack(self.world, _watch(self.world, contextlib.AsyncExitStack()))


class Suppress:
    """`contextlib.suppress()`."""

    __slots__ = ("kinds", "world")

    def __init__(self, world: World, kinds: tuple[object, ...]) -> None:
        self.world = world
        self.kinds = kinds

    def __enter__(self) -> None:
        """Enter, giving nothing."""

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> bool:
        return error is not None and self.world.catches(error, self.kinds)


class AsyncStack:
    """`contextlib.AsyncExitStack()`: it may be struck at both its ends, like any `async with`."""

    SHOWN = frozenset(name for name in dir(contextlib.AsyncExitStack) if name[0] != "_") | {
        "__aenter__",
        "__aexit__",
    }
    __slots__ = ("stack", "world")

    def __init__(self, world: World, stack: Any) -> None:
        self.world = world
        self.stack = stack

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stack, name)

    async def __aenter__(self) -> Any:
        await self.world.pause("enter AsyncExitStack()")
        return self.stack

    async def __aexit__(self, *error: object) -> object:
        suppressed = await self.stack.__aexit__(*error)
        if error[1] is None:
            await self.world.pause("leave AsyncExitStack()")
        return suppressed


def _watch(world: World, stack: Any) -> Any:
    """Make an exit stack's callbacks known: a registered cancel settles, others are handed over."""
    register = stack.callback

    def callback(function: object, *args: object, **kwargs: object) -> Any:
        world.hand_over(function, *args, *kwargs.values())
        return register(function, *args, **kwargs)

    stack.callback = callback
    return stack


class Futures(Open):
    """The stand-in for `concurrent.futures`."""

    __slots__ = ()

    FIRST_COMPLETED = Asyncio.FIRST_COMPLETED
    FIRST_EXCEPTION = Asyncio.FIRST_EXCEPTION
    ALL_COMPLETED = Asyncio.ALL_COMPLETED
    CancelledError = concurrent.futures.CancelledError
    TimeoutError = TimeoutError

    @property
    def futures(self) -> Futures:
        return self


class Logging(Open):
    """The stand-in for `logging`: it keeps nothing."""

    __slots__ = ()

    DEBUG, INFO, WARNING, ERROR = logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR
