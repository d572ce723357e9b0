"""What is not decided, and why. Every stage and every door tell it with these values."""

from __future__ import annotations

import os
from collections.abc import Callable

from flake8_asyncwait.named import NamedTuple

TOO_MANY_PATHS = "too many paths"
TOO_DEEP = "nested too deeply"
TOO_LONG = "too long"
UNREADABLE = "libcst does not read it as Python does"
INTERNAL_ERROR = "internal error"
_LONGEST = 200  # characters of the text of an error


class UndeterminedSite(NamedTuple):
    """A site about which nothing is claimed: its line (from 1) and column (from 0, in characters;
    0 where only the line is known), and the reason, in a few words."""

    line: int
    column: int
    reason: str

    @property
    def place(self) -> tuple[int, int]:
        """The line and the column."""
        return self.line, self.column


class InternalError(NamedTuple):
    """An error of our own while the function that begins on `line` was looked at: `function` is its
    name, "" outside of any. `error` is its type and text."""

    line: int
    function: str
    error: str

    @property
    def reason(self) -> str:
        """What to say of it, behind the file and the line."""
        where = f" in {self.function}()" if self.function else ""
        return f"internal error{where} ({self.error}), please report it"


class TooDeep(RecursionError):
    """A function is nested more deeply than Python can follow."""


class FailedElsewhere(Exception):
    """An error of our own in another process: its text is what that one says of it."""


class Net:
    """Catches errors of our own, so that one function's failure is that function's.

    `caught` are those so far; each is given to `tell`, too, as soon as it is caught. Errors of the
    types `passing` are no failures. With `ASYNCWAIT_RAISE` set to 1 in the environment nothing is
    caught: our own tests run like that.
    """

    def __init__(
        self, *passing: type[Exception], tell: Callable[[InternalError], None] | None = None
    ) -> None:
        self.caught: list[InternalError] = []
        self.passing = passing
        self.tell = tell

    def over(self, line: int = 1, function: str = "") -> Over:
        """A context manager for the work on one function; outside of any, on a file."""
        return Over(self, line, function)


class Over:
    """A part of the work that a net is over. `failed` says, at its end, whether it fell."""

    def __init__(self, net: Net, line: int, function: str) -> None:
        self.failed = False
        self._net = net
        self._place = line, function

    def __enter__(self) -> Over:  # noqa: PYI034 - nothing inherits from this
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> bool:
        if not isinstance(error, Exception) or isinstance(error, self._net.passing):
            return False
        if os.environ.get("ASYNCWAIT_RAISE") == "1":
            return False
        self.failed = True
        caught = InternalError(*self._place, error_text(error))
        self._net.caught.append(caught)
        if self._net.tell is not None:
            self._net.tell(caught)
        return True


def error_text(error: Exception) -> str:
    """The type and the text of an error, in one line."""
    text = " ".join(str(error).split())[:_LONGEST]
    if isinstance(error, FailedElsewhere):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
