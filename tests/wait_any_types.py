"""What type checkers make of `wait_any`: nothing here is run, mypy reads it like all tests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from flake8_asyncwait import wait_any

if TYPE_CHECKING:
    from typing_extensions import assert_type


async def number() -> int:
    return 1


async def word() -> str:
    return ""


async def the_result_type_is_that_of_the_tasks() -> None:
    task = asyncio.create_task(number())
    done, pending = await wait_any({task}, timeout=1.5)
    assert_type(done, set[asyncio.Task[int]])
    assert_type(pending, set[asyncio.Task[int]])
    assert_type(done.pop().result(), int)
    done, pending = await asyncio.wait({task})  # one takes the place of the other


async def any_iterable_will_do() -> None:
    tasks = {name: asyncio.create_task(word()) for name in "ab"}
    assert_type((await wait_any(tasks.values()))[0], set[asyncio.Task[str]])
    assert_type((await wait_any(iter([*tasks.values()])))[0], set[asyncio.Task[str]])


async def futures_stay_futures() -> None:
    future: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
    assert_type((await wait_any([future]))[1], set[asyncio.Future[bool]])


async def tasks_may_be_mixed() -> None:
    done, _ = await wait_any([asyncio.create_task(number()), asyncio.create_task(word())])
    assert_type({task.done() for task in done}, set[bool])


async def mistakes_are_errors() -> None:
    await wait_any([number()])  # type: ignore[type-var]
    await wait_any(number())  # type: ignore[arg-type]
    await wait_any(None)  # type: ignore[arg-type]
    await wait_any([asyncio.create_task(number())], 5)  # type: ignore[call-arg]
