"""Which cure a finding gets, and why not a better one.

Every proposal is proved by the analysis before it is taken: the site has no finding any more, no
other site has a new one, and no cancel that was put in strikes a task that is still needed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from itertools import islice
from typing import NamedTuple

from flake8_asyncwait.fix.cure import AUTO, CREATE_TASK, DRAIN, EXCEPT, FINALLY, MANUAL, WAIT_ANY
from flake8_asyncwait.fix.proof.examine import Seen
from flake8_asyncwait.fix.proof.proof import is_cancelled, is_cured, is_harmless, is_step, prove
from flake8_asyncwait.fix.tree.names import every_name
from flake8_asyncwait.fix.tree.place import Place
from flake8_asyncwait.fix.ways import wrap
from flake8_asyncwait.fix.ways.call import renamed
from flake8_asyncwait.fix.ways.coroutines import create_task, with_tasks
from flake8_asyncwait.fix.ways.drain import drained
from flake8_asyncwait.fix.ways.intent import why_not_stopped
from flake8_asyncwait.fix.ways.laid import (
    LITTLE,
    changed_lines,
    laid,
    proposals,
    unmarked,
)
from flake8_asyncwait.fix.ways.prebind import prebindings
from flake8_asyncwait.fix.ways.proposal import MOST_MOVED, Proposal
from flake8_asyncwait.fix.ways.reasons import (
    NOT_ITSELF,
    defaults,
    is_of_asyncio,
    why_manual,
    why_needed,
    why_not_of_family,
    why_not_wait_any,
)
from flake8_asyncwait.fix.ways.tidy import Tidied, tidied, unrepeated
from flake8_asyncwait.options import Options
from flake8_asyncwait.rules import RULES
from flake8_asyncwait.sites.fanout import WAIT

# What is never rewritten, and why.
BY_HAND = {rule.code: rule.by_hand for rule in RULES if rule.by_hand}
# What is tried for one site at most: steps that save some of the tasks each, and coroutines that
# become tasks.
_STEPS = 2
_COROUTINES = 5
# Where a `try` changes more lines than this, two small ones may do with less.
_MANY = 12
# How many proposals are proved in a step at most to better a cure that is known.
_BETTER = 12
# Where only a `try` that moves more lines than a fix does may cure a site, how many of these are
# proved, and how many lines they move at most.
_LONGER = 12
_LONGEST = 100
_NO_TRY = "no try around a few lines cancels them all, and only them"


class How(NamedTuple):
    """What is the same for all sites of a file.

    `function` is what calls of `wait_any` are to use, None where there is none: `why_not`
    says why. `width` is the line length, `cure` one of `CHOICES`. `may_catch` says that
    `BaseException` is what Python calls so.
    """

    function: str | None
    why_not: str
    width: int
    cure: str = AUTO
    may_catch: bool = True

    def allows(self, kind: str) -> bool:
        """Whether the user would have a cure of some kind, and the file can."""
        return self.cure in (AUTO, kind) and (kind != EXCEPT or self.may_catch)


class Rewrite(NamedTuple):
    """What to do about one site: the outcome, the new text with `wait_any` not yet imported, where
    the outcome is `MANUAL` the reason, and the names that the function mentioned: it may have been
    the last to need some of them."""

    outcome: str
    text: str
    reason: str = ""
    freed: frozenset[str] = frozenset()


def rewrite(text: str, seen: list[Seen], index: int, options: Options, how: How) -> Rewrite:
    """The best harmless cure for the site `seen[index]`, which has a finding.

    `text` has `\n` newlines: it is that of the outermost function around the site, or of the whole
    file, where there is none. `seen` are the sites in it. Raises `OutOfWork`.
    """
    try:
        return _rewrite(text, seen, index, options, how)
    except RecursionError:
        return Rewrite(MANUAL, text, "the function is nested too deeply")


def _rewrite(text: str, seen: list[Seen], index: int, options: Options, how: How) -> Rewrite:
    own = seen[index]
    assert own.code is not None
    if own.undetermined:
        return Rewrite(MANUAL, text, "the function is too intricate to follow to its end")
    own.versions.spend(text)
    place = own.locate(text)
    if place is None:
        return Rewrite(MANUAL, text, "the call cannot be located")
    if not place.levels:
        return Rewrite(MANUAL, text, "other code shares its line")
    if own.code == "AWT203":
        return _with_tasks(text, seen, index, options, how)
    if own.code == "AWT202":
        done = _drained(text, seen, index, options)
        if done is not None:
            return Rewrite(DRAIN, done[0])
        no_place = "there is no place to wait for the cancelled tasks to end"
        return Rewrite(MANUAL, text, no_place if is_of_asyncio(own) else NOT_ITSELF)
    forbidden = why_not_stopped(own, place)
    if forbidden is not None:
        return Rewrite(MANUAL, text, forbidden)
    if own.kind is not WAIT:
        return _of_family(place, text, seen, index, options, how)
    why = why_not_wait_any(own, place)
    if why is None and how.function is None:
        why = how.why_not or "there is no module to take wait_any from"
    elif why is None and own.code != "AWT103" and how.allows(WAIT_ANY):
        after = _with_wait_any(place, seen, index, options, how)
        if after is not None:
            return Rewrite(WAIT_ANY, after, freed=every_name(place.function))
        why = "the rewritten function could not be proved"
    kinds = [kind for kind in (FINALLY, EXCEPT) if how.allows(kind)]
    needed: set[str] = set()
    cured = _with_try(text, seen, index, options, kinds, how.width, needed) if kinds else None
    if cured is None:
        reason = (
            why_manual(own, place, how.cure, why)
            or _why_not_awaited(text, seen, index, options, kinds, how.width)
            or _of_longer_try(place, text, seen, index, options, how.width)
            or why_needed(own, needed)
            or _NO_TRY
        )
        return Rewrite(MANUAL, text, reason)
    return cured._replace(freed=every_name(place.function))


def _of_family(
    place: Place, text: str, seen: list[Seen], index: int, options: Options, how: How
) -> Rewrite:
    """The text in which a `try` ends the tasks of a site of the family. Where one is left without a
    fault it ends them whatever happens."""
    own = seen[index]
    possible = (FINALLY, EXCEPT) if own.code in ("AWT302", "AWT303") else (FINALLY,)
    kinds = [kind for kind in possible if how.allows(kind)]
    why = why_not_of_family(own, place, bool(kinds))
    needed: set[str] = set()
    cured = _with_try(text, seen, index, options, kinds, how.width, needed) if why is None else None
    if cured is None:
        why = why or why_manual(own, place, how.cure, None) or why_needed(own, needed)
        return Rewrite(MANUAL, text, why or _NO_TRY)
    return cured._replace(freed=frozenset(every_name(place.function)))


def _why_not_awaited(
    text: str, seen: list[Seen], index: int, options: Options, kinds: Collection[str], width: int
) -> str | None:
    """What a user is told where a `try` cancels the tasks, but nothing can await them then; None
    where there is none."""
    others = options._replace(codes=options.codes - {"AWT202"})
    if others == options or _with_try(text, seen, index, others, kinds, width, set()) is None:
        return None
    return "a try cancels them all, but there is no place to wait for them to end"


def _of_longer_try(
    place: Place, text: str, seen: list[Seen], index: int, options: Options, width: int
) -> str | None:
    """What a user is told where only a `try` cures it that moves more lines than a fix does, or
    makes one too long; None where there is none."""
    own = seen[index]
    longer = wrap.proposals(
        place, [FINALLY], own.analysed.relevant, own.uses, True, width, most=_LONGEST
    )

    def is_new(each: Proposal) -> bool:
        return each.moved > MOST_MOVED or laid(place, each.module, width) is None

    for each in islice(filter(is_new, longer), _LONGER):
        if own.versions.budget.left < 2 * own.notes.work:
            break  # it is there for cures
        own.versions.spend(text)
        plain, watched = unmarked(place.with_module(each.module), own.start)
        if prove(plain, watched, seen, index, options, is_cured) is not None:
            if each.moved <= MOST_MOVED:
                return f"a try cancels them all, but makes a line longer than {width} characters"
            return f"a try around {each.moved} lines cancels them all, but is too long for a fix"
    return None


def _with_tasks(text: str, seen: list[Seen], index: int, options: Options, how: How) -> Rewrite:
    """The text in which the coroutines that the site waits for are tasks. What leaks then is cured
    as well."""
    why = "the coroutine has to become a task first, and somebody has to own it"
    before, now, after = seen, seen, text
    for _ in range(_COROUTINES):
        own = now[index]
        place = own.locate(after)
        coroutine = own.analysed.books.coroutine
        if not is_of_asyncio(own):
            return Rewrite(MANUAL, text, NOT_ITSELF)
        if place is None or not coroutine:
            return Rewrite(MANUAL, text, why)
        make = create_task(place)
        if make == "":
            return Rewrite(MANUAL, text, "the wait itself is not awaited where it stands")
        module = with_tasks(place, coroutine, make, how.width) if make else None
        made = laid(place, module, how.width) if module else None
        proved = prove(made, frozenset(), before, index, options) if made else None
        if made is None or proved is None:
            return Rewrite(MANUAL, text, why)
        after, now = made, proved
        if now[index].fired is None:
            return Rewrite(CREATE_TASK, after)
        if now[index].code not in (None, "AWT203"):
            done = _rewrite(after, now, index, options, how)
            if done.outcome == MANUAL:
                return done._replace(text=text)
            return done
    return Rewrite(MANUAL, text, why)


def _drained(
    text: str, seen: list[Seen], index: int, options: Options
) -> tuple[str, list[Seen]] | None:
    """The text in which the tasks of the site are awaited once they are cancelled, and its sites;
    None where there is no place for that."""
    own = seen[index]
    place = own.locate(text) if is_of_asyncio(own) else None
    for module in drained(place) if place is not None else ():
        assert place is not None
        after = place.with_module(module)
        proved = prove(after, frozenset(), seen, index, options, is_cured)
        if proved is not None:
            return after, proved
    return None


def _with_wait_any(
    place: Place, seen: list[Seen], index: int, options: Options, how: How
) -> str | None:
    """The text in which the site is a call of `wait_any`, and what that makes redundant is gone."""
    own, function = seen[index], how.function
    assert function is not None
    module = renamed(place, function, defaults(own), how.width)
    if module is None:
        return None
    after = place.with_module(module)
    sites = options._replace(wait_functions=options.wait_functions | {function})

    def proof(text: str) -> list[Seen] | None:
        return prove(text, frozenset(), seen, index, sites, removed=True)

    proved = proof(after)
    if proved is None:
        return None
    here = next((one for one in proved if one.place == own.place), None)
    if here is None:
        return after
    return tidied(after, here, place.function, proof, always=True).text


def _with_try(
    text: str,
    seen: list[Seen],
    index: int,
    options: Options,
    kinds: Collection[str],
    width: int,
    needed: set[str],
) -> Rewrite | None:
    """The text in which a `try` cancels what the site leaks, or a few of them do: where none does
    it all, one that saves some of the tasks is a step to one that saves the others. Enters into
    `needed` what would be cancelled too early, if nothing else is wrong."""
    if seen[index].code == "AWT103" and FINALLY in kinds:
        after = _bound_first(text, seen, index, options)
        if after is not None:
            return Rewrite(FINALLY, after)
    marked, now = text, seen
    known: Known | None = None
    for _ in range(_STEPS):
        better, tries = None, _BETTER
        partial_names: set[frozenset[str]] = set()
        for kind, names, after, _, _ in proposals(marked, now[index], kinds, width):
            if known and (not tries or changed_lines(text, after) > known.most[kind]):
                continue
            if names in partial_names:
                continue  # what it leaves to others is lost wherever it stands
            if known and seen[index].versions.budget.left < 2 * seen[index].notes.work:
                return known.rewrite  # a better one would take too long
            tries -= known is not None
            plain, watched = unmarked(after, seen[index].start)
            hurried: set[str] = set()
            wanted = partial(is_step, before=seen[index], latest=now[index], hurried=hurried)
            proved = prove(plain, watched, seen, index, options, wanted)
            needed |= hurried & names
            if proved is None:
                continue
            code = proved[index].fired
            if code is None and "AWT202" in options.codes:
                # A watched cancel keeps its task to the end of the function: look without one.
                unwatched = prove(plain, frozenset(), seen, index, options)
                code = unwatched[index].fired if unwatched else code
            if code is None:
                shorter = _without_redundant(text, plain, seen, index, proved, options)
                done = Rewrite(kind, shorter.text)
                lines = changed_lines(text, done.text)
                early = LITTLE if proved[index].notes.left_to_run else 0
                if kind == FINALLY and (shorter.site.idle_cancels or early):
                    most = {FINALLY: lines + early, EXCEPT: lines + LITTLE}
                    known = known or Known(done, most)
                    continue
                if better is None or lines <= _MANY:
                    return done
                fewer = lines * 2 // 3
                known = Known(done, {FINALLY: fewer, EXCEPT: fewer})
                break
            if known:
                continue
            if code == "AWT202":
                drained_text = _tidied_and_drained(text, plain, seen, index, proved, options)
                if drained_text is not None:
                    return Rewrite(kind, drained_text)
            if better is None and proved[index].lost < now[index].lost:
                better = after, proved
            if better and not proved[index].lost <= {f"'{name}'" for name in names}:
                partial_names.add(names)
        if better is None:
            break
        marked, now = better
    return known.rewrite if known else None


class Known(NamedTuple):
    """A cure that is known while a better one is looked for: it leaves idle cancels, cancels before
    an await what nothing refers to any more, or changes many lines. `most` says how many lines a
    better one of each kind may change."""

    rewrite: Rewrite
    most: Mapping[str, int]


def _tidied_and_drained(
    text: str, cured: str, seen: list[Seen], index: int, proved: list[Seen], options: Options
) -> str | None:
    """A text that a `try` cures but for tasks that nobody awaits, where they are awaited: what is
    redundant goes first, as nobody would await behind it."""
    shorter = _without_redundant(text, cured, seen, index, proved, options, is_cancelled)
    for each in dict.fromkeys([shorter.text, cured]):
        now = prove(each, frozenset(), seen, index, options)
        drain = _drained(each, now, index, options) if now is not None else None
        if drain is not None:
            return _without_redundant(text, drain[0], seen, index, drain[1], options).text
    return None


def _without_redundant(
    text: str,
    cured: str,
    seen: list[Seen],
    index: int,
    proved: list[Seen],
    options: Options,
    wanted: Callable[[Seen], bool] = is_cured,
) -> Tidied:
    """A text that a `try` cures, without what that makes redundant, if it then still is as
    `wanted`."""
    own = seen[index]
    place = own.locate(text)
    if place is None:
        return Tidied(cured, proved[index])

    def proof(plain: str) -> list[Seen] | None:
        return prove(plain, frozenset(), seen, index, options, wanted)

    known = tidied(cured, proved[index], place.function, proof, always=False)
    return unrepeated(known, place.function, proof)


def _bound_first(text: str, seen: list[Seen], index: int, options: Options) -> str | None:
    """The text in which a cleanup that is there cancels what the site leaks, for what it reads is
    bound before."""
    own = seen[index]
    place = own.locate(text)
    for proposal in prebindings(place) if place is not None else ():
        assert place is not None
        plain, watched = unmarked(place.with_module(proposal.after), own.start)
        proof = prove(plain, watched, seen, index, options, is_cured)
        if proof is None:
            continue
        before = unmarked(place.with_module(proposal.before), own.start)
        base = prove(*before, seen, index, options)
        if base is not None and is_harmless(proof[index], own, base[index]):
            return plain
    return None
