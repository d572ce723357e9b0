"""The family: sites other than waits, and what a function does to their tasks in one execution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# The kinds of site.
WAIT = "wait"
CREATION = "creation"
GATHER = "gather"
AS_COMPLETED = "as_completed"
# The last names of what makes a task.
CREATORS = frozenset({"create_task", "ensure_future"})

# At what a fault strikes: at something else than the function's tasks, at the await of one of them,
# or at the gather of the site, one of whose awaitables fails.
BYSTANDER = "bystander"
SIBLING = "sibling"
CHILD = "child"


@dataclass(slots=True)
class Fates:
    """What the function does to the tasks of the site.

    `is_meant`: it settles one without a fault, or awaits a call that it gives one to. `is_ended`:
    it does so at all. `is_shielded`: it awaits one under a shield. `is_handed`: somebody else can
    reach one. `is_waited`: one reaches a wait, which is the site where it is judged.
    """

    is_meant: bool = False
    is_ended: bool = False
    is_shielded: bool = False
    is_handed: bool = False
    is_waited: bool = False

    def ends(self, faulty: bool) -> None:
        """Note that it awaits or cancels one, after a fault or without."""
        self.is_ended = True
        self.is_meant |= not faulty

    def add(self, other: Fates) -> None:
        """Take in what another execution shows."""
        self.is_meant |= other.is_meant
        self.is_ended |= other.is_ended
        self.is_shielded |= other.is_shielded
        self.is_handed |= other.is_handed
        self.is_waited |= other.is_waited


# Which leaks show what a code says. What a gather is given was made at another site.
SHOWN: dict[str, Callable[[Any], bool]] = {
    "AWT301": lambda leak: leak.made_here and not leak.fault,
    "AWT302": lambda leak: leak.made_here and leak.fault == BYSTANDER,
    "AWT303": lambda leak: leak.made_here and leak.fault == SIBLING,
    "AWT304": lambda leak: leak.made_here,
    "AWT311": lambda leak: leak.fault == CHILD,
    "AWT312": lambda leak: leak.fault == CHILD and leak.closed,
    "AWT313": lambda leak: leak.fault == CHILD and leak.in_vain,
    "AWT321": lambda leak: not leak.fault,
    "AWT322": lambda leak: bool(leak.fault),
    "AWT331": lambda leak: leak.made_here,
}
