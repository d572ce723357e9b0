"""Which cure a finding gets, and why not a better one.

Every proposal is proved by the analysis before it is taken: the site has no finding any more, no
other site has a new one, and no cancel that was put in strikes a task that is still needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

import libcst as cst

from flake8_asyncwait.analysis import ir
from flake8_asyncwait.analysis.known import RETURN_WHEN, WAIT
from flake8_asyncwait.analysis.notes import HANDED, UNKNOWN_ELEMENT
from flake8_asyncwait.analysis.state import BORROWED, COLLECTION, FOREIGN, FUTURE, OWNED
from flake8_asyncwait.fix import wrap
from flake8_asyncwait.fix.call import renamed
from flake8_asyncwait.fix.cure import FINALLY, MANUAL, WAIT_ANY
from flake8_asyncwait.fix.examine import Seen, examine
from flake8_asyncwait.fix.names import every_name
from flake8_asyncwait.fix.place import Place, locate
from flake8_asyncwait.fix.prebind import prebindings
from flake8_asyncwait.options import Options

# What is never rewritten, and why.
BY_HAND = {
    "AWT104": "the tasks are the caller's, who alone can say what becomes of the pending half",
    "AWT202": "whether to wait for the cancelled tasks to end is a choice",
    "AWT203": "the coroutine has to become a task first, which somebody has to own",
}
_TAKEN = frozenset({"fs", "timeout", "return_when"})
# What is tried for one site at most: proposals, fewer of them in a function that takes the analysis
# much work, and steps that save some of the tasks each.
_PROPOSALS = 40
_WORK = 2_000_000
_STEPS = 2


class Rewrite(NamedTuple):
    """What to do about one site: the outcome, the new text of the file (with `wait_any` not yet
    imported), where the outcome is `MANUAL` the reason, and the names that the call does not
    mention any more."""

    outcome: str
    text: str
    reason: str = ""
    freed: frozenset[str] = frozenset()


def rewrite(
    text: str,
    seen: list[Seen],
    index: int,
    options: Options,
    function: str | None,
    width: int,
    why_not: str,
) -> Rewrite:
    """The best harmless cure for the site `seen[index]`, which has a finding.

    `text` has `\\n` newlines; `seen` are the sites of the outermost function around the site.
    `function` is what calls of `wait_any` are to use, None where there is none to be had: `why_not`
    says why. `width` is the line length. Raises `OutOfWork`.
    """
    try:
        return _rewrite(text, seen, index, options, function, width, why_not)
    except RecursionError:
        return Rewrite(MANUAL, text, "the function is nested too deeply")


def _rewrite(
    text: str,
    seen: list[Seen],
    index: int,
    options: Options,
    function: str | None,
    width: int,
    why_not: str,
) -> Rewrite:
    own = seen[index]
    assert own.finding is not None
    code = own.finding.code
    if own.undetermined:
        return Rewrite(MANUAL, text, "the function is too intricate to follow to its end")
    place = locate(text, *own.place, own.extent)
    if place is None:
        return Rewrite(MANUAL, text, "the call cannot be located")
    why = _why_not_wait_any(own, place)
    if why is None and function is None:
        why = why_not or "there is no module to take wait_any from"
    elif why is None and code != "AWT103":
        assert function is not None
        drop, add = _changed_arguments(own, place)
        after = place.with_module(renamed(place, function, drop, add, width))
        if _proof(after, frozenset(), seen, index, options, removed=True) is not None:
            return Rewrite(WAIT_ANY, after, freed=frozenset(every_name(place.call)))
        why = "the rewritten function could not be proved"
    cured = _with_finally(text, seen, index, options, code, width)
    if cured is not None:
        return Rewrite(FINALLY, cured)
    return Rewrite(MANUAL, text, why or "no finally can reach all of its tasks")


def _with_finally(
    text: str, seen: list[Seen], index: int, options: Options, code: str, width: int
) -> str | None:
    """The text in which a `finally` cancels what the site leaks, or a few of them do: where none
    does it all, one that saves some of the tasks is a step to one that saves the others."""
    if code == "AWT103":
        after = _bound_first(text, seen, index, options)
        if after is not None:
            return after
    marked, now = text, seen
    for _ in range(_STEPS):
        better = None
        for after in _proposals(marked, now[index], width):
            plain, watched = _unmarked(after)
            proof = _proof(plain, watched, seen, index, options)
            if proof is None or not _is_harmless(proof[index], seen[index]):
                continue
            if proof[index].finding is None:
                return plain
            if better is None and proof[index].lost < now[index].lost:
                better = after, proof
        if better is None:
            return None
        marked, now = better
    return None


def _bound_first(text: str, seen: list[Seen], index: int, options: Options) -> str | None:
    """The text in which a cleanup that is there cancels what the site leaks, for what it reads is
    bound before."""
    own = seen[index]
    place = locate(text, *own.place, own.extent)
    for proposal in prebindings(place) if place is not None else ():
        assert place is not None
        plain, watched = _unmarked(place.with_module(proposal.after))
        proof = _proof(plain, watched, seen, index, options)
        base = _proof(*_unmarked(place.with_module(proposal.before)), seen, index, options)
        if proof is None or base is None or proof[index].finding is not None:
            continue
        if _is_harmless(proof[index], own, base[index]):
            return plain
    return None


def _proposals(marked: str, own: Seen, width: int) -> Iterator[str]:
    """The texts to try for a site. `marked` may have marks from a step before; they are shorter
    than a line and so change no place that matters."""
    place = locate(marked, *own.place, own.extent)
    if place is None:
        return
    own_all = _why_not_by_owner(own) is None
    modules = wrap.proposals(place, own.analysed.run.relevant, own.uses, own_all, width)
    limit = min(_PROPOSALS, _WORK // max(own.notes.work, 1))
    for module in islice(modules, limit):
        yield place.with_module(module)


def _unmarked(text: str) -> tuple[str, frozenset[int]]:
    """A proposal without the marks of its cancels, and the lines of these."""
    lines = enumerate(text.split("\n"), 1)
    watched = frozenset(number for number, line in lines if wrap.MARK in line)
    return text.replace(wrap.MARK, "cancel"), watched


# Why a site cannot become a call of wait_any


def _why_not_wait_any(own: Seen, place: Place) -> str | None:
    """The fact that forbids to rewrite a site to `wait_any`, or None."""
    return (
        _why_not_by_call(own, place)
        or _why_not_by_owner(own)
        or next((f"{use.task} is {use.what} on line {use.line}" for use in own.uses), None)
    )


def _why_not_by_call(own: Seen, place: Place) -> str | None:
    if own.file.program.qualified(own.analysed.run.func, own.site.call.func) != WAIT:
        return "it is not a call of asyncio.wait() itself"
    if not _is_awaited(place):
        return "the wait is not awaited where it stands"
    for arg in place.call.args:
        if arg.star:
            return "its arguments are not spelled out"
        if arg.keyword is not None and arg.keyword.value not in _TAKEN:
            return f"wait_any does not take the argument '{arg.keyword.value}'"
    return None


def _is_awaited(place: Place) -> bool:
    """Whether the call is awaited at once, at most by way of `asyncio.wait_for`."""
    outer = place.path[-2]
    if isinstance(outer, cst.Arg) and isinstance(place.path[-3], cst.Call):
        func = place.path[-3].func
        name = func.attr if isinstance(func, cst.Attribute) else func
        if not (isinstance(name, cst.Name) and name.value == "wait_for"):
            return False
        outer = place.path[-4]
    return isinstance(outer, cst.Await)


def _why_not_by_owner(own: Seen) -> str | None:
    adopted = own.notes.adopted
    for kind in sorted(own.waited):
        if kind == HANDED:
            return "somebody else can reach the tasks before the wait"
        if kind == UNKNOWN_ELEMENT:
            return "what is waited for is not known to be the function's own"
        if kind == FOREIGN:
            return "it also waits for a task that is not the function's own"
        if kind == FUTURE:
            return "it also waits for a plain future, which somebody else completes"
        name = kind.removeprefix(BORROWED).removeprefix(COLLECTION)
        if kind != OWNED and name not in adopted:
            return f"it also waits for the parameter '{name}', whose tasks are the caller's"
    return None


def _changed_arguments(own: Seen, place: Place) -> tuple[frozenset[str], str | None]:
    """The arguments that are `wait_any`'s defaults, by name, and one that has to be spelled out."""
    values = {arg.keyword: arg.value for arg in own.site.call.args}
    drop: set[str] = set()
    add = None
    timeout = values.get("timeout")
    if isinstance(timeout, ir.Const) and timeout.value is None:
        drop.add("timeout")
    mode = values.get("return_when")
    if mode is None:
        add = None if _is_single(place) else f"return_when={_all_completed(own, place)}"
    elif _constant(own, mode) == "FIRST_COMPLETED":
        drop.add("return_when")
    return frozenset(drop), add


def _constant(own: Seen, mode: ir.Expr) -> object:
    """The constant of asyncio that an argument spells, as a string or by its own name."""
    if isinstance(mode, ir.Const):
        return mode.value
    qualified = own.file.program.qualified(own.analysed.run.func, mode)
    return RETURN_WHEN.get(qualified or "")


def _is_single(place: Place) -> bool:
    """Whether one task is waited for: the first to be done is then all of them."""
    waited = wrap.waited_of(place.call)
    if not isinstance(waited, (cst.Set, cst.List, cst.Tuple)) or len(waited.elements) != 1:
        return False
    return not isinstance(waited.elements[0], cst.StarredElement)


def _all_completed(own: Seen, place: Place) -> str:
    """How the file may spell `asyncio.ALL_COMPLETED`."""
    func = own.analysed.run.func
    names = sorted(every_name(place.call.func))
    for name in ["asyncio", *names]:
        if own.file.program.root(func, name) == "asyncio":
            return f"{name}.ALL_COMPLETED"
    return '"ALL_COMPLETED"'


# Proof


def _proof(
    after: str,
    watched: frozenset[int],
    seen: list[Seen],
    index: int,
    options: Options,
    removed: bool = False,
) -> list[Seen] | None:
    """The sites of the function in a rewritten text, or None where it cannot be followed, or where
    a site is worse than before.

    `watched` are the lines of cancels to take notes of; `removed` says that the site `seen[index]`
    is gone.
    """
    around = seen[index].extent
    start = around[0] if around else None
    own = seen[index]
    try:
        now = examine(
            after,
            start,
            options,
            own.file.program.settling,
            own.notes.budget,
            own.file.lowered,
            watched,
            own.analysed.run.many,
        )
    except SyntaxError:
        return None
    before = [*seen[:index], *seen[index + 1 :]] if removed else seen
    if len(now) != len(before):
        return None
    if not all(_is_no_worse(one, old) for one, old in zip(now, before, strict=True)):
        return None
    return now


def _is_harmless(own: Seen, before: Seen, base: Seen | None = None) -> bool:
    """Whether the watched cancels strike nothing that is needed or somebody else's, but for what
    they strike in `base` as well."""
    known = {(use.what, use.task) for use in base.used_after_cancel} if base else set()
    if own.undetermined or {(use.what, use.task) for use in own.used_after_cancel} - known:
        return False
    adopted = before.notes.adopted
    fresh = own.struck - (base.struck if base else set())
    return all(_is_own(struck.owner, adopted) and not struck.handed for struck in fresh)


def _is_own(owner: str, adopted: set[str]) -> bool:
    name = owner.removeprefix(BORROWED).removeprefix(COLLECTION)
    return owner == OWNED or (owner != name and name in adopted)


def _is_no_worse(now: Seen, before: Seen) -> bool:
    if now.undetermined and not before.undetermined:
        return False
    return now.finding is None or before.finding is not None
