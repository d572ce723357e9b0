"""What the text of a function says before any of its executions is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import Exc
from flake8_asyncwait.analysis.code.liveness import Liveness
from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.sites.fanout import Kind


@dataclass(frozen=True, slots=True)
class Site:
    """A site and what is known of it without executions.

    `pending_names` are those that the result of a wait, or the pending half of it, is bound to,
    `result_names` those of both halves. `uses` are the `with` statements, as ids, whose names what
    a gather is given may use.
    """

    call: ir.Call
    index: int
    kind: Kind
    uses: frozenset[int]
    pending_names: frozenset[str]
    result_names: frozenset[str]


class Summary(NamedTuple):
    """What a function of the file does where it is given nothing that matters: whether it
    suspends and returns, what it may raise under a fault (and on which line it strikes) and
    without one, and whether every return is a task that it made."""

    suspends: bool
    returns: bool
    faults: tuple[tuple[Exc, int], ...]
    raises: tuple[Exc, ...]
    makes: bool


class Agreeing(NamedTuple):
    """The `names` and dotted paths whose tests agree with each other. Those that are `vague` may
    hold a constant: tests agree while it is not known what they hold."""

    names: frozenset[str] = frozenset()
    vague: frozenset[str] = frozenset()


NONE_AGREE = Agreeing()


@dataclass(frozen=True, slots=True)
class Facts:
    """What all runs of a function share.

    `relevant` are the names that states must hold, `elements` those of them whose value may become
    an element of a wait, `bindable` those that are not passed over where they are not bound yet.
    `repeated` are names that are looped over more than once. `helpers` are the names of the
    functions of the project that it may call. `borrows` says that it may wait for its callers'
    tasks. `size` is the number of its statements and expressions, `questioned` are the
    methods, by their dotted texts, of whose end a question to the same object tells. `wraps` are
    the last components of the names of what makes tasks of coroutines. `bound_to` says which name a
    call, as an id, is bound to at once, `counts` are names that hold how many there are of
    something, `sizes` those that it tells from others. `recounts` says that it may change how often
    the task that runs it is asked to cancel, `recalls` that it asks whether it was. `summaries` are
    what was worked out of functions of the file that it calls.
    """

    sites: list[Site]
    relevant: frozenset[str]
    elements: frozenset[str]
    bindable: frozenset[str]
    repeated: frozenset[str]
    helpers: frozenset[str]
    liveness: Liveness
    borrows: bool
    size: int
    questioned: frozenset[str] = frozenset()
    wraps: frozenset[str] = frozenset()
    bound_to: Mapping[int, str] = field(default_factory=dict)
    counts: Mapping[str, ir.Call] = field(default_factory=dict)
    sizes: frozenset[int] = frozenset()
    recounts: bool = False
    recalls: bool = False
    summaries: dict[object, Summary | None] = field(default_factory=dict)
    # The calls inside of awaits, as ids.
    awaited: frozenset[int] = frozenset()
    # The calls, as ids, by which a loop that waits in between asks tasks whether they have ended.
    polling: frozenset[int] = frozenset()
    # The names of which nothing matters but how many things they hold.
    counted: frozenset[str] = frozenset()
    # The names of what is compared by its size, and the comprehensions, as ids, that fill these.
    measured: frozenset[str] = frozenset()
    measuring: frozenset[int] = frozenset()
