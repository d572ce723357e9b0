"""Whether a rewritten text is a cure: the analysis looks at it as it looked at the text before."""

from __future__ import annotations

from collections.abc import Callable
from difflib import SequenceMatcher

from flake8_asyncwait.analysis.states.values import OWNED, Owner
from flake8_asyncwait.fix.proof.examine import Seen
from flake8_asyncwait.options import Options
from flake8_asyncwait.sites.fanout import AS_COMPLETED, CREATION, WAIT

# Where a site has one of these codes the function ends all of its tasks, if nothing fails.
_ENDED_WITHOUT_FAULT = frozenset({"AWT302", "AWT303", "AWT322"})


def prove(
    after: str,
    watched: frozenset[int],
    seen: list[Seen],
    index: int,
    options: Options,
    is_wanted: Callable[[Seen], bool] = lambda _: True,
    removed: bool = False,
) -> list[Seen] | None:
    """The sites of the function in a rewritten text, or None where it cannot be followed, or where
    the site `seen[index]` is not as `is_wanted` says. Where the versions are wary it is also None
    if another site is worse than at first; otherwise that is to be asked in the end.

    `watched` are the lines of cancels to take notes of; `removed` says that the site is gone: calls
    of `wait_any` are then among the sites that are returned.
    """
    own = seen[index]
    try:
        now = own.versions.examine(after, options, watched)
    except SyntaxError:
        return None
    others = [*seen[:index], *seen[index + 1 :]] if removed else seen
    settled = [one for one in now if removed and one.settles]
    for one in settled:
        if one.place == own.place:
            one.inherit(own)
    left = matched([one for one in now if one not in settled], others)
    if left is None:
        return None
    whole = sorted([*settled, *left], key=lambda each: each.place)
    if not removed:
        now_own = left.pop(index)
        if now_own.undetermined or not is_wanted(now_own):
            return None
    if own.versions.is_wary and any(one.is_worse for one in left):
        return None
    return whole


def matched(now: list[Seen], before: list[Seen]) -> list[Seen] | None:
    """Those of the sites `now` that were there `before`, in that order, each with what is known of
    it from before. What a cure has made is left out: creations, which must have no finding. None
    where they do not match otherwise."""
    if len(now) > len(before):
        old, new = [each.identity for each in before], [each.identity for each in now]
        blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        kept = {block.b + offset for block in blocks for offset in range(block.size)}
        made = [one for number, one in enumerate(now) if number not in kept]
        if any(one.kind is not CREATION or one.code is not None for one in made):
            return None
        now = [one for number, one in enumerate(now) if number in kept]
    if [one.kind for one in now] != [one.kind for one in before]:
        return None
    for one, known in zip(now, before, strict=True):
        one.inherit(known)
    return now


def is_cured(own: Seen) -> bool:
    """Whether a site does not leak any more."""
    return own.fired is None


def is_cancelled(own: Seen) -> bool:
    """Whether a site leaks nothing, whoever awaits what is cancelled."""
    return own.fired in (None, "AWT202")


def is_step(own: Seen, before: Seen, latest: Seen, hurried: set[str]) -> bool:
    """Whether a harmless `try` cures a site, or saves more of its tasks than the `latest` did.
    Enters the names of what it cancels too early into `hurried`, where all it stops is that."""
    if not is_harmless(own, before):
        if own.fired is None and not own.used_after_cancel:
            hurried |= own.notes.left_to_run & before.local_names
        return False
    return is_cancelled(own) or own.lost < latest.lost


def is_harmless(own: Seen, before: Seen, base: Seen | None = None) -> bool:
    """Whether the watched cancels strike nothing that is needed or somebody else's, nor stop what
    the function of `before` still held while it waited for something, which might depend on it;
    but for what they strike in `base` as well."""
    left = own.notes.left_to_run & before.local_names
    if left - (base.notes.left_to_run if base else set()):
        return False
    known = {(use.what, use.task) for use in base.used_after_cancel} if base else set()
    if own.kind is not WAIT and own.notes.misses_something:
        return False
    if own.notes.stops_a_future:
        return False
    if own.kind is AS_COMPLETED and before.notes.guesses_something:
        return False
    if own.undetermined or {(use.what, use.task) for use in own.used_after_cancel} - known:
        return False
    if before.code in _ENDED_WITHOUT_FAULT and any(not each.faulty for each in own.struck):
        return False
    adopted = before.notes.adopted
    fresh = own.struck - (base.struck if base else set())
    return all(_is_own(struck.owner, adopted) and not struck.handed for struck in fresh)


def is_for_errors(own: Seen, before: Seen) -> bool:
    """Whether the watched cancels are harmless, and strike only where something fails."""
    return is_harmless(own, before) and all(each.faulty for each in own.struck)


def _is_own(owner: Owner, adopted: set[str]) -> bool:
    return owner == OWNED or owner.param in adopted
