"""The kinds of site: calls that leave a function with tasks that may run on.

Gate, finder, analysis and rules are derived from this one table. It imports nothing costly: every
run reads it.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import lru_cache

from flake8_asyncwait.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flake8_asyncwait.options import Options


class Kind(NamedTuple):
    """One kind of site. The text of a file that holds one holds one of `words` (for waits, see
    `gate`). `codes` are those of its rules, in the order in which they win."""

    name: str
    words: tuple[str, ...]
    codes: tuple[str, ...]


# Why a task leaks that its function means to end: the first that applies.
_MEANT = ("AWT301", "AWT303", "AWT302")

WAIT = Kind(
    "wait",
    (),
    ("AWT203", "AWT101", "AWT103", "AWT102", "AWT104", "AWT105", "AWT201", "AWT202"),
)
CREATION = Kind("creation", ("create_task", "ensure_future"), ("AWT331", *_MEANT, "AWT304"))
GATHER = Kind("gather", ("gather",), (*_MEANT, "AWT313", "AWT312", "AWT311"))
AS_COMPLETED = Kind("as_completed", ("as_completed",), ("AWT321", "AWT322"))

# All kinds but waits: they are looked for only where one of their codes is selected.
FAMILY = (CREATION, GATHER, AS_COMPLETED)


def selected(codes: Collection[str]) -> tuple[Kind, ...]:
    """The kinds of the family that have one of some codes."""
    return tuple(kind for kind in FAMILY if not frozenset(kind.codes).isdisjoint(codes))


@lru_cache(maxsize=8)  # asked for each file, of the options of the run
def words_of(options: Options) -> frozenset[str]:
    """The words of the kinds of the family that are to be looked for."""
    return frozenset(word for kind in selected(options.codes) for word in kind.words).union(
        creators(options)
    )


def creators(options: Options) -> frozenset[str]:
    """The last names of what makes a task, where creations are to be looked for."""
    if CREATION not in selected(options.codes):
        return frozenset()
    return frozenset((*CREATION.words, *(n.rpartition(".")[2] for n in options.task_factories)))
