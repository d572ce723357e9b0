"""What all executions of a function say about one of its sites: all that a rule has to go by.

The rules import this, and with them what only prints them: so it does without the analysis.
"""

from __future__ import annotations

from flake8_asyncwait.analysis.states.trace import Trace
from flake8_asyncwait.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flake8_asyncwait.analysis.fates import FamilyBooks


class Loss(NamedTuple):
    """One way to lose tasks: which, and the history of the shortest execution that does.

    `names` are the names of the tasks that its last step loses ("" for one without a name), `lines`
    those on which they are made, one a task (0 for those of others), `cancelled_on` those on which
    executions cancel them, without a fault where this one has none.
    """

    names: tuple[str, ...]
    lines: tuple[int, ...]
    history: Trace
    cancelled_on: tuple[int, ...]

    @property
    def end(self) -> Trace:
        """The last step, which loses them."""
        return self.history.steps()[-1]


class Struck(NamedTuple):
    """What is lost under faults of one kind: the shortest execution, and whether the line that
    fails there loses it when it fails, and when it is cancelled."""

    loss: Loss
    fails: bool
    is_cancelled: bool


class Fates(NamedTuple):
    """What the executions show of a site of the family.

    `faultless`: a task of the site is lost without a fault. `at_bystander`, `at_sibling`: one is
    lost under a fault at something else than the function's tasks, or at another task. `at_child`:
    one is lost as another child of the gather fails, `closed` where that leaves a `with` whose name
    it uses, `in_vain` where only the gather is cancelled then. `books` say what is done to the
    tasks otherwise. `is_whole` says that all executions have been seen.
    """

    books: FamilyBooks
    is_whole: bool
    faultless: Loss | None
    at_bystander: Struck | None
    at_sibling: Struck | None
    at_child: Loss | None
    closed: Loss | None
    in_vain: Loss | None

    @property
    def lost(self) -> Loss | None:
        """What is lost, with or without a fault."""
        struck = self.at_bystander or self.at_sibling
        return self.faultless or (None if struck is None else struck.loss)

    @property
    def is_meant(self) -> bool:
        """Whether the function means to end its tasks, and they are judged here."""
        return self.books.is_meant and not self.books.is_shielded and not self.books.is_waited


class Outcome(NamedTuple):
    """What the executions show of one site: for each question the shortest answer, or None.

    Of a site of the family, `fates` are all there is to say.

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
    fates: Fates | None = None
