"""The judged code's `contextmanager` and `asynccontextmanager`, which copy nothing.

The library's own copy the `__dict__` of what they decorate, and so does a manager of theirs that
decorates something: of a class, that is what the class reads its attributes with.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from types import TracebackType
from typing import Any

Function = Callable[..., Any]


class Manager:
    """What a call of a function gives that `contextmanager` decorates.

    `again` makes the library's manager: one for this, and one for each call of what this decorates.
    """

    SHOWN = frozenset({"__enter__", "__exit__"})
    __slots__ = ("again", "real")

    def __init__(self, again: Callable[[], contextlib.AbstractContextManager[Any]]) -> None:
        self.again = again
        self.real = again()

    def __enter__(self) -> Any:
        return self.real.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return self.real.__exit__(kind, error, trace)

    def __call__(self, function: Function) -> Function:
        def managed(*args: object, **options: object) -> Any:
            with self.again():
                return function(*args, **options)

        return managed


class AsyncManager:
    """What a call of a function gives that `asynccontextmanager` decorates, likewise."""

    SHOWN = frozenset({"__aenter__", "__aexit__"})
    __slots__ = ("again", "real")

    def __init__(self, again: Callable[[], contextlib.AbstractAsyncContextManager[Any]]) -> None:
        self.again = again
        self.real = again()

    async def __aenter__(self) -> Any:
        return await self.real.__aenter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool | None:
        return await self.real.__aexit__(kind, error, trace)

    def __call__(self, function: Function) -> Function:
        async def managed(*args: object, **options: object) -> Any:
            async with self.again():
                return await function(*args, **options)

        return managed


def contextmanager(function: Function) -> Function:
    """Stand in for `contextlib.contextmanager`."""

    def manager(*args: object, **options: object) -> Manager:
        return Manager(contextlib.contextmanager(lambda: function(*args, **options)))

    return manager


def asynccontextmanager(function: Function) -> Function:
    """Stand in for `contextlib.asynccontextmanager`."""

    def manager(*args: object, **options: object) -> AsyncManager:
        return AsyncManager(contextlib.asynccontextmanager(lambda: function(*args, **options)))

    return manager
