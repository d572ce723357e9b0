"""What is worked out once, and kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Once:
    """What functions have said, by what they were given: each is asked once. Of methods, those of
    one object: it is not kept itself, for then it would live on till garbage is collected."""

    __slots__ = ("_said",)

    def __init__(self) -> None:
        self._said: dict[object, Any] = {}

    def __call__(self, work_out: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
        """What a function says of what it is given, by position."""
        key = getattr(work_out, "__func__", work_out), given
        if key not in self._said:
            self._said[key] = work_out(*given, **named)
        return self._said[key]  # type: ignore[no-any-return]
