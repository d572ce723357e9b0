"""Wait for tasks as `asyncio.wait` does, and leave none of them running."""

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar

_T = TypeVar("_T", bound="asyncio.Future[Any]")
if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable


def wait_any(
    tasks: "Iterable[_T]",
    *,
    timeout: "float | None" = None,
    return_when: str = asyncio.FIRST_COMPLETED,
) -> "Coroutine[Any, Any, tuple[set[_T], set[_T]]]":
    """Wait as `asyncio.wait` does, and cancel what is not done at the end."""
    return _wait(tasks, timeout=timeout, return_when=return_when)


async def _wait(fs: "Iterable[_T]", **how: Any) -> "tuple[set[_T], set[_T]]":
    waited: list[_T] = []
    try:
        waited.extend(fs)
        done, pending = await asyncio.wait(waited, **how)
        return done, pending
    finally:
        for task in filter(asyncio.isfuture, waited):
            task.cancel()
