"""The options that change what is found, the same for every door."""

from __future__ import annotations

from dataclasses import dataclass

DEFAULT_ON = frozenset({"AWT101", "AWT102", "AWT103", "AWT104", "AWT203"})
DEFAULT_OFF = frozenset({"AWT105", "AWT201", "AWT202"})
ALL_CODES = DEFAULT_ON | DEFAULT_OFF


@dataclass(frozen=True, slots=True)
class Options:
    """What to look for.

    `codes` are the codes that may be reported. `task_factories`, `cancellers` and
    `wait_functions` are dotted names or last components of dotted names, as the user wrote them.
    """

    codes: frozenset[str] = DEFAULT_ON
    task_factories: frozenset[str] = frozenset()
    cancellers: frozenset[str] = frozenset()
    wait_functions: frozenset[str] = frozenset()
