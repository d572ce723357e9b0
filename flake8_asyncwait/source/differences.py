"""Where two texts differ, in lines."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import SequenceMatcher

_LONG = 2_000  # lines: `SequenceMatcher` takes quadratic time where they are alike


def differences(old: Sequence[str], new: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    """What turns the lines `old` into `new`, as `SequenceMatcher.get_opcodes` tells it.

    Where many lines lie between the first difference and the last, those that come often there
    ("popular" ones, as `difflib` says) match beside others only.
    """
    ahead = _alike(old, new)
    behind = _alike(old[ahead:][::-1], new[ahead:][::-1])
    end, new_end = len(old) - behind, len(new) - behind
    first, second = old[ahead:end], new[ahead:new_end]
    found = SequenceMatcher(None, first, second, autojunk=len(first) > _LONG).get_opcodes()
    whole = [
        ("equal", 0, ahead, 0, ahead),
        *((kind, i + ahead, j + ahead, m + ahead, n + ahead) for kind, i, j, m, n in found),
        ("equal", end, len(old), new_end, len(new)),
    ]
    return [code for code in whole if code[1] < code[2] or code[3] < code[4]]


def _alike(old: Sequence[str], new: Sequence[str]) -> int:
    """How many lines both begin with."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((n for n, (one, other) in pairs if one != other), min(len(old), len(new)))
