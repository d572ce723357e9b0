"""Wait for tasks as `asyncio.wait` does, and leave none of them running."""

import asyncio
import collections.abc
import contextlib
import typing

_FutureT = typing.TypeVar("_FutureT", bound="asyncio.Future[typing.Any]")


async def wait_any(
    tasks: collections.abc.Iterable[_FutureT],
    *,
    timeout: float | None = None,
    return_when: str = asyncio.FIRST_COMPLETED,
) -> tuple[set[_FutureT], set[_FutureT]]:
    """Wait as `asyncio.wait` does, and cancel what is not done then.

    Takes any iterable of tasks and futures, once; `timeout` is in seconds. Returns those that are
    done and those that are pending. The pending ones have been asked to cancel but not awaited:
    await them where it matters that they have ended.

    When the wait is cancelled or fails, all that are not done have been asked to cancel, and the
    error goes on. Raises what `asyncio.wait` raises: `ValueError` when there is nothing to wait
    for, `TypeError` for what is neither a task nor a future. Coroutines among them are closed.
    """
    is_one = asyncio.isfuture(tasks) or isinstance(tasks, collections.abc.Coroutine)
    given: collections.abc.Iterable[typing.Any] = (tasks,) if is_one else tasks
    waited: list[typing.Any] = []
    others: list[object] = []
    try:
        for task in given:
            if asyncio.isfuture(task):
                waited.append(task)
            else:
                others.append(task)
        if is_one:
            raise TypeError(f"expected an iterable of tasks, not one {type(tasks).__name__}")
        if others:
            raise TypeError(f"expected tasks and futures, not a {type(others[0]).__name__}")
        done, pending = await asyncio.wait(waited, timeout=timeout, return_when=return_when)
        return done, pending
    finally:
        for task in waited:
            with contextlib.suppress(RuntimeError):  # its loop is closed: it does not run
                task.cancel()
        for other in others:
            if isinstance(other, collections.abc.Coroutine):
                other.close()
