"""A cured text without what the cure has made redundant, if that can be proved as well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import libcst as cst

from flake8_asyncwait.fix.proof.examine import Seen
from flake8_asyncwait.fix.proof.notes import UNKNOWN_ELEMENT
from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.ways.laid import says_the_same
from flake8_asyncwait.fix.ways.redundant import without_cancels
from flake8_asyncwait.fix.ways.repeated import without_repeated
from flake8_asyncwait.fix.ways.unread import without_unread


class Tidied(NamedTuple):
    """A cured text, and the site in it."""

    text: str
    site: Seen


def tidied(
    text: str,
    here: Seen,
    before: cst.CSTNode,
    proof: Callable[[str], list[Seen] | None],
    always: bool,
) -> Tidied:
    """A cured text without what the cure has made redundant, if that can be proved as well.

    `here` is the site as it is now, `before` the function as it was; `always` says that all names
    that nobody reads go, and cancels that a log tells of.
    """
    idle = here.idle_cancels if UNKNOWN_ELEMENT not in here.waited else set()
    if not idle and not always and _has_all(text, before):
        return Tidied(text, here)
    here.versions.spend(text)
    place = here.locate(text)
    if place is None:
        return Tidied(text, here)
    code = without_cancels(place, idle, not always).code if idle else ""
    shorter = place.with_code(code) if idle and says_the_same(place, code) else text
    if shorter != text:
        plain = _without_unread(shorter, here, always, before)
        for changed in dict.fromkeys([plain, shorter]):
            now = _found_again(here, proof(changed))
            if now is not None:
                text, here = changed, now
                break
    return _with_read_only(text, here, always, before, proof)


def _found_again(here: Seen, proved: Sequence[Seen] | None) -> Seen | None:
    """A site among those of a text that is proved; None where there is no proof."""
    now = next((one for one in proved or () if one.place == here.place), None)
    if now is None:  # the site itself has moved, or there is no proof
        now = next((one for one in proved or () if one.site.index == here.site.index), None)
    return now


def _with_read_only(
    text: str,
    here: Seen,
    always: bool,
    before: cst.CSTNode,
    proof: Callable[[str], list[Seen] | None],
) -> Tidied:
    """A text in which the wait binds no name that nobody reads, if that can be proved."""
    plain = _without_unread(text, here, always, before)
    return Tidied(plain if plain != text and proof(plain) is not None else text, here)


def _without_unread(text: str, here: Seen, always: bool, before: cst.CSTNode) -> str:
    """A text without the names that the wait on the place of `here` binds and nobody reads."""
    place = here.locate(text)
    if place is None:
        return text
    module = without_unread(place, always, before)
    return text if module is place.module else place.with_module(module)


def _has_all(text: str, before: cst.CSTNode) -> bool:
    """Whether a text still has each line of a function."""
    lines = {line.strip() for line in text.split("\n")}
    return all(line.strip() in lines for line in layout.code(before).split("\n"))


def unrepeated(
    known: Tidied, before: cst.CSTNode, proof: Callable[[str], list[Seen] | None]
) -> Tidied:
    """A cured text in which a `try` does not end with what its `finally` does at once."""
    text, here = known
    place = here.locate(text) if "finally" in text else None
    if place is None:
        return known
    shorter = place.with_module(without_repeated(place, before))
    now = _found_again(here, proof(shorter)) if shorter != text else None
    return known if now is None else _with_read_only(shorter, now, False, before, proof)
