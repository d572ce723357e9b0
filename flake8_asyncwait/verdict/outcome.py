"""What all executions of a function say about one of its sites."""

from __future__ import annotations

from dataclasses import dataclass

from flake8_asyncwait.analysis.books import Leak
from flake8_asyncwait.analysis.facts import Site
from flake8_asyncwait.analysis.interpret import Analysed
from flake8_asyncwait.analysis.state import BORROWED, COLLECTION, FUTURE, OWNED
from flake8_asyncwait.analysis.trace import History, Trace


@dataclass(frozen=True, slots=True)
class Loss:
    """One way to lose tasks: which, and the history of the shortest execution that does.

    `names` are the names of the tasks that its last step loses ("" for one without a name), `lines`
    those on which they are made (0 for those of others), `cancelled_on` those on which executions
    cancel them.
    """

    names: tuple[str, ...]
    lines: tuple[int, ...]
    history: History
    cancelled_on: tuple[int, ...]

    @property
    def end(self) -> Trace:
        """The last step, which loses them."""
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
        _, history = min(found, key=lambda pair: (pair[1].rank, pair[0].origin))
        origins = sorted({leak.origin for leak, other in found if _is_same(history, other)})
        cancelled = {line for origin in origins for line in books.cancelled_on.get(origin, ())}
        return Loss(
            tuple(dict.fromkeys(map(books.name_of, origins))),
            tuple(dict.fromkeys(map(books.line_of, origins))),
            history,
            tuple(sorted(cancelled)),
        )

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


def _is_same(one: History, other: History) -> bool:
    """Whether two histories tell of one execution."""
    if one.rank != other.rank:
        return False
    return [_told(step) for step in one.steps()] == [_told(step) for step in other.steps()]


def _told(step: Trace) -> tuple[int, str, str]:
    return step.line, step.what, step.choice
