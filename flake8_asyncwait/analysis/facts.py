"""What the text of a function says before any of its executions is run."""

from __future__ import annotations

from dataclasses import dataclass

from flake8_asyncwait.analysis import ir
from flake8_asyncwait.analysis.liveness import Liveness


@dataclass(slots=True)
class Site:
    """A wait site and what is known of it without executions.

    `waits` says whether the site is early: true as soon as one execution finds it so. `results`
    are the names that its result, or its pending half, is bound to, `halves` those of both halves.
    """

    call: ir.Call
    index: int
    early: bool = False
    coroutine: str = ""
    results: frozenset[str] = frozenset()
    halves: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Facts:
    """What all runs of a function share.

    `relevant` are the names that states must hold, `feeding` those of them whose value may become
    an element of a wait, `bindable` those that are not passed over where they are not bound yet.
    `repeated` are names that are looped over more than once. `helpers` are the names of the
    functions of the file that it may call. `borrows` says that it may wait for its
    callers' tasks, `nothing_to_lose` that it makes no task and waits
    for none of its callers': futures tell nothing then. `size` is the number of its statements and
    expressions.
    """

    sites: list[Site]
    relevant: frozenset[str]
    feeding: frozenset[str]
    bindable: frozenset[str]
    repeated: frozenset[str]
    helpers: frozenset[str]
    liveness: Liveness
    borrows: bool
    nothing_to_lose: bool
    size: int
