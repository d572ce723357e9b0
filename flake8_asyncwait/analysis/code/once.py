"""What is worked out once, and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Once:
    """What functions have said, by what they were given: each is asked once. Methods are those of
    one object, which is no part of the key: nothing that it holds should hold it."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        self._said: dict[object, Any] = {}

    def __call__(self, work_out: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """What a function says of what it is given."""
        key = getattr(work_out, "__func__", work_out), given, tuple(named.items())
        if key not in self._said:
            self._said[key] = work_out(*given, **named)
        return self._said[key]  # type: ignore[no-any-return]
