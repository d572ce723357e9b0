"""What may cure a site, laid out as text."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from itertools import chain, islice
from typing import NamedTuple, TypeGuard

import libcst as cst

from flake8_asyncwait.fix.cure import EXCEPT
from flake8_asyncwait.fix.proof.examine import Seen
from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.names import reads
from flake8_asyncwait.fix.tree.nodes import parts, raises_again, suspends
from flake8_asyncwait.fix.tree.place import Place
from flake8_asyncwait.fix.tree.relay import relaid
from flake8_asyncwait.fix.ways import wrap
from flake8_asyncwait.fix.ways.aims import last_name
from flake8_asyncwait.fix.ways.coroutines import ensure_future
from flake8_asyncwait.fix.ways.made import at_faults, inside
from flake8_asyncwait.fix.ways.made import proposals as behind
from flake8_asyncwait.fix.ways.proposal import MARK
from flake8_asyncwait.fix.ways.reasons import why_not_by_owner
from flake8_asyncwait.sites.fanout import AS_COMPLETED, CREATION, GATHER, WAIT
from flake8_asyncwait.sites.syntax import tree_of
from flake8_asyncwait.source.differences import differences

# How many are tried for one site at most, fewer in a function that takes the analysis much work.
_PROPOSALS = 40
_WORK = 800_000
_NESTED = re.compile(r"\btry:\n\s*try:")
# How many more lines an `except` may change than a `finally` that leaves idle cancels behind.
LITTLE = 3


class Laid(NamedTuple):
    """A proposal as text: its kind, the names of what it cancels, the slice, how many lines it
    moves, and whether the cancels are those that the function had."""

    kind: str
    names: frozenset[str]
    text: str
    moved: int
    has_own: bool


def proposals(marked: str, own: Seen, kinds: Collection[str], width: int) -> list[Laid]:
    """What to try for a site, those first that change the fewest lines. `marked` may
    have marks from a step before; they are shorter than a line and so change no place that
    matters."""
    place = own.locate(marked)
    if place is None:
        return []
    if own.code == "AWT101" and not _raises(place.function):
        kinds = [kind for kind in kinds if kind != EXCEPT]  # no error comes before the leak
    own_all = why_not_by_owner(own) is None
    relevant = own.analysed.relevant
    if own.kind in (CREATION, GATHER):
        made = behind(place, kinds, relevant, own.uses, width)
        lines = _strikes_later(own, place)
        if own.kind is CREATION and lines:
            made = chain(inside(place, lines, kinds, relevant, own.uses, width), made)
    else:
        make = ensure_future(place) if own.kind is AS_COMPLETED else ""
        made = wrap.proposals(place, kinds, relevant, own.uses, own_all, width, make)
        lines = _strikes_later(own, place) if own.code != "AWT101" else set()
        lines = lines or _starts_later(place)
        if own.kind is WAIT and own_all and lines:
            made = chain(at_faults(place, lines, kinds, relevant, own.uses, width), made)
    if own.code in ("AWT302", "AWT303"):
        made = (each for each in made if not ends_siblings(each.module, each.names))
    texts = []
    is_second = MARK in marked  # one of two steps: nobody reads a try in a try that the fix made
    for each in islice(made, _PROPOSALS):
        own.versions.spend(marked)
        if is_second and _is_stacked(each.module):
            continue
        text = laid(place, each.module, width)
        if text is not None:
            texts.append(Laid(each.kind, each.names, text, each.moved, each.has_own))
    before = plain(marked)
    if is_second:
        texts = [each for each in texts if nested(each.text) <= nested(marked)]

    def order(each: Laid) -> tuple[int, bool, int]:
        lines = changed_lines(before, plain(each.text))
        lines += LITTLE * (nested(each.text) - nested(before))
        lines -= LITTLE if each.has_own else 0  # cancels that only move are read already
        return lines, each.kind == EXCEPT, each.moved

    texts.sort(key=order)
    return texts[: min(_PROPOSALS, _WORK // max(own.notes.work, 1))]


def _is_stacked(node: cst.CSTNode) -> bool:
    """Whether a `try` that the fix made stands in another one, and in no loop there: it ends what
    the other one could."""
    if _is_made(node) and any(_is_made(each) for each in _once(node.body)):
        return True
    return any(map(_is_stacked, parts(node)))


def _is_made(node: cst.CSTNode) -> TypeGuard[cst.Try]:
    """Whether a `try` is there for nothing but new cancels."""
    cleanups = _cleanups(node) if isinstance(node, cst.Try) else []
    return len(cleanups) == 1 and all(
        MARK in layout.code(each) or raises_again(each) for each in cleanups[0].body.body
    )


def _once(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """What is in a tree, but not in a loop."""
    yield node
    for part in parts(node) if not isinstance(node, (cst.For, cst.While)) else ():
        yield from _once(part)


def ends_siblings(node: cst.CSTNode, names: Collection[str]) -> bool:
    """Whether new cancels come where a plain `gather()` of some tasks has failed, which leaves the
    others to run on."""
    if isinstance(node, cst.Try) and _gathers(node.body, names):
        if any(MARK in layout.code(each) for each in _cleanups(node)):
            return True
    return any(ends_siblings(part, names) for part in parts(node))


def _cleanups(node: cst.Try) -> list[cst.ExceptHandler | cst.Finally]:
    return [*node.handlers, *([node.finalbody] if node.finalbody is not None else [])]


def _gathers(node: cst.CSTNode, names: Collection[str]) -> bool:
    if isinstance(node, cst.Call) and last_name(node.func) == "gather":
        quiet = any(arg.keyword and arg.keyword.value == "return_exceptions" for arg in node.args)
        return not quiet and reads(node, names)
    return any(_gathers(part, names) for part in parts(node))


def nested(text: str) -> int:
    """How many `try` begin with another one."""
    return len(_NESTED.findall(text))


def _strikes_later(own: Seen, place: Place) -> set[int]:
    """The lines on which faults strike, if all of them are behind the statement of a site."""
    end = place.lines_of(place.levels[0].statement)[1]
    return own.faults_on if min(own.faults_on, default=0) > end else set()


def _starts_later(place: Place) -> set[int]:
    """The line of the statement that reads the coroutine of a wait, if that of the site does no
    more than give it a name, and nothing suspends between them."""
    level, around = place.levels[0], place.path[-2]
    if not isinstance(around, cst.Assign) or len(around.targets) > 1:
        return set()
    name = around.targets[0].target
    behind = level.block.body[level.index + 1 :]
    names = {name.value} if isinstance(name, cst.Name) else set()
    told = (each for each in behind if suspends(each) or reads(each, names))
    return {place.lines_of(each)[0] for each in islice(told, 1) if reads(each, names)}


def _raises(node: cst.CSTNode) -> bool:
    """Whether a function raises something itself."""
    if isinstance(node, cst.Raise):
        return node.exc is not None
    return any(map(_raises, parts(node)))


def laid(place: Place, module: cst.Module, width: int) -> str | None:
    """The text with another module in the place of this one, in lines that are no longer than
    before; None where that is not possible, or makes a string another one."""
    after = module.code
    code = relaid(place.code, after, place.unit, width) if says_the_same(place, after) else None
    return None if code is None else place.with_code(code)


# What an f-string ends with that tells its own code, as `{x = }` does, with its indentation.
_TELLING = re.compile(r"=\s*[!:}]")


def says_the_same(place: Place, code: str) -> bool:
    """Whether no string is another one in a code that takes the place of this one."""
    return not _TELLING.search(code) or _strings(code) <= _strings(place.code)


def _strings(code: str) -> set[object]:
    """The strings of several lines in some code."""
    constants = (node.value for node in ast.walk(tree_of(code)) if isinstance(node, ast.Constant))
    return {value for value in constants if isinstance(value, str) and "\n" in value}


def changed_lines(before: str, after: str) -> int:
    """How many lines two texts differ in: of each place where they do, the longer side."""
    codes = differences(before.split("\n"), after.split("\n"))
    return sum(max(code[2] - code[1], code[4] - code[3]) for code in codes if code[0] != "equal")


def unmarked(text: str, start: int | None) -> tuple[str, frozenset[int]]:
    """A proposal without the marks of its cancels, and the lines of these."""
    lines = enumerate(text.split("\n"), start or 1)
    watched = frozenset(number for number, line in lines if MARK in line)
    return plain(text), watched


def plain(text: str) -> str:
    """A proposal without the marks of its cancels."""
    return text.replace(MARK, "cancel")
