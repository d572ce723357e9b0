"""Logic with three values: True, False and None for what is not known."""

from __future__ import annotations

from collections.abc import Iterable


def any_of(verdicts: Iterable[bool | None]) -> bool | None:
    """Whether one of several things is so, of which some may not be known (None)."""
    known = set(verdicts)
    return True if True in known else None if None in known else False


def all_of(verdicts: Iterable[bool | None]) -> bool | None:
    """Whether all of several things are so, of which some may not be known (None)."""
    known = set(verdicts)
    return False if False in known else None if None in known else True
