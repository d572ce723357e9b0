"""What all executions of a function say about one of its sites."""

from __future__ import annotations

from dataclasses import dataclass

from flake8_asyncwait.analysis.books import Leak
from flake8_asyncwait.analysis.facts import Site
from flake8_asyncwait.analysis.interpret import Analysed
from flake8_asyncwait.analysis.state import BORROWED, COLLECTION, FUTURE, OWNED, History, Trace


@dataclass(frozen=True, slots=True)
class Loss:
    """One way to lose a task: which, and the history of the shortest execution that does."""

    label: str
    history: History
    cancelled_on: tuple[int, ...]

    @property
    def end(self) -> Trace:
        """The last step, which loses it."""
        return self.history.steps()[-1]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the executions show of one site: for each question the shortest answer, or None.

    `forgotten`: an owned task is lost without a fault. `passed_by`: one is lost under a fault.
    `unbound`: one is lost under a fault in an execution whose cleanup read the result unbound, or
    an older, empty one. `dropped`: a borrowed collection's task is lost without a fault. `kept`:
    any task at all runs on. `unawaited`: an owned task is cancelled and never awaited.
    """

    early: bool
    coroutine: str
    forgotten: Loss | None
    unbound: Loss | None
    passed_by: Loss | None
    dropped: Loss | None
    kept: Loss | None
    unawaited: Loss | None


def outcome(analysed: Analysed, site: Site) -> Outcome:
    """Gather the answers for a site of a function that has been analysed."""
    books = analysed.run.books
    leaks = list(books.of(site.index).items())

    def owned(leak: Leak) -> bool:
        if leak.owner == OWNED:
            return True
        name = leak.owner.removeprefix(BORROWED).removeprefix(COLLECTION)
        return leak.owner != name and name in books.adopted

    def first(found: list[tuple[Leak, History]]) -> Loss | None:
        if not found:
            return None
        leak, history = min(found, key=lambda pair: (pair[1].rank, pair[0].origin))
        lines = tuple(sorted(books.cancelled_on.get(leak.origin, ())))
        return Loss(books.label(leak.origin), history, lines)

    lost = [(leak, history) for leak, history in leaks if leak.kind == "lost"]
    mine = [(leak, history) for leak, history in lost if owned(leak)]
    return Outcome(
        early=site.early,
        coroutine=site.coroutine,
        forgotten=first([(k, h) for k, h in mine if not k.fault]),
        unbound=first([(k, h) for k, h in mine if k.fault and k.unbound]),
        passed_by=first([(k, h) for k, h in mine if k.fault]),
        dropped=first(
            [
                (k, h)
                for k, h in lost
                if not k.fault and k.owner.startswith(COLLECTION) and not owned(k)
            ]
        ),
        kept=first([(k, h) for k, h in leaks if k.kind != "unawaited" and k.owner != FUTURE]),
        unawaited=first(
            [(k, h) for k, h in leaks if k.kind == "unawaited" and not k.fault and owned(k)]
        ),
    )
