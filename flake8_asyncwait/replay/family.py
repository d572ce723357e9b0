"""The family: sites other than waits, and which leaks show their codes."""

from __future__ import annotations

from collections.abc import Callable
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
