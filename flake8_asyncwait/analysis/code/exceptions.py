"""What can be raised, and which `except` clause catches it.

Facts: CancelledError and GeneratorExit derive from BaseException, not from Exception (CPython
docs, "asyncio exceptions" and "Built-in exceptions").
"""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Sequence

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.verdicts import any_of
from flake8_asyncwait.analysis.code.walk import displayed, last_name
from flake8_asyncwait.named import NamedTuple


class Exc(NamedTuple):
    """An exception in flight: the last component of its class's name. The empty name stands for
    an `Exception` of an unknown class, which is what a fault raises. `told` are the classes of
    handlers that it has met, each with whether it is one of that class."""

    name: str
    told: frozenset[tuple[str, bool]] = frozenset()

    def after(self, names: Sequence[str | None], caught: bool) -> Exc:
        """What is known of it once a handler for these classes has caught it, or has not."""
        if self.name or (caught and len(names) > 1):
            return self
        return self._replace(told=self.told | {(_plain(n), caught) for n in names if n is not None})


ANY = Exc("")
CANCELLED_ERROR = Exc("CancelledError")
GENERATOR_EXIT = Exc("GeneratorExit")
TIMEOUT_ERROR = Exc("TimeoutError")

# The bases of asyncio's own exceptions that are not builtins.
_BASES = {
    "CancelledError": "BaseException",
    "InvalidStateError": "Exception",
    "QueueEmpty": "Exception",
    "QueueFull": "Exception",
    "QueueShutDown": "Exception",
    "IncompleteReadError": "EOFError",
    "LimitOverrunError": "Exception",
    "BrokenBarrierError": "RuntimeError",
    "SendfileNotAvailableError": "RuntimeError",
}


def catches(handler: str | None, exc: Exc, classes: dict[str, list[str]]) -> bool | None:
    """Whether a handler for the class `handler` catches `exc`; None where it may.

    `handler` is the last component of the class's name, or None where it is not a name.
    `classes` are the classes of the file with their bases.
    """
    handler = handler and _plain(handler)
    if handler == "BaseException" or handler == exc.name:
        return True
    if exc.name == "":
        return _catches_any(handler, exc, classes)
    if handler is None:
        return False if exc in (CANCELLED_ERROR, GENERATOR_EXIT) else None
    return handler in _ancestors(exc.name, classes)


def caught_by(kind: ir.Expr | None, exc: Exc) -> bool | None:
    """Whether what an `except` names, or nothing, catches `exc`, as far as its text tells."""
    names = ["BaseException"] if kind is None else map(last_name, displayed(kind))
    return any_of(catches(name, exc, {}) for name in names)


def ordinary(names: Iterable[str | None], classes: dict[str, list[str]]) -> tuple[Exc, ...]:
    """What the plain exceptions among some classes are, by the last components of their names."""
    known = [name for name in names if name is not None]
    plain = [name for name in known if "Exception" in _ancestors(name, classes)]
    return tuple(ANY if name == "Exception" else Exc(name) for name in plain)


def _plain(name: str) -> str:
    """The name of a class: IOError is another name of OSError."""
    builtin = getattr(builtins, name, None)
    return builtin.__name__ if isinstance(builtin, type) else name


def _catches_any(handler: str | None, exc: Exc, classes: dict[str, list[str]]) -> bool | None:
    """An `Exception` of an unknown class may be any of its subclasses, but what it has met."""
    if handler == "Exception":
        return True
    if handler is None:
        return None
    above = _ancestors(handler, classes)
    if "Exception" not in _ancestors(handler, {}) or any((n, False) in exc.told for n in above):
        return False
    is_told = any(is_one and handler in _ancestors(name, classes) for name, is_one in exc.told)
    return True if is_told else None


def _ancestors(name: str, classes: dict[str, list[str]]) -> set[str]:
    """All classes above `name`; a class that nobody knows derives from Exception."""
    above: set[str] = set()
    queue = [name]
    while queue:
        current = queue.pop()
        builtin = getattr(builtins, current, None)
        if current in above and current != name:
            continue
        above.add(current)
        if classes.get(current):
            queue.extend(classes[current])
        elif isinstance(builtin, type):
            above.update(base.__name__ for base in builtin.__mro__)
        else:
            queue.append(_BASES.get(current, "Exception"))
    return above
