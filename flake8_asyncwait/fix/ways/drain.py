"""Tasks that have been cancelled are awaited (AWT202)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import libcst as cst

from flake8_asyncwait.fix.tree.names import bindings, every_name
from flake8_asyncwait.fix.tree.nodes import every, holds, may_leave, parts
from flake8_asyncwait.fix.tree.place import Place
from flake8_asyncwait.fix.ways import aims
from flake8_asyncwait.fix.ways.coroutines import asyncio_of
from flake8_asyncwait.fix.ways.loops import bare, cancelled, cancelled_by, cancelled_name

_FEW_CANCELS = 5
# Calls that ask the tasks nothing that they are given.
_NO_QUESTIONS = frozenset({"gather", "len", "wait"})


def drained(place: Place) -> Iterator[cst.Module]:
    """The slice with an `await asyncio.gather(...)` behind what only cancels, unless the function
    asks the tasks later: first behind one of such statements, if there are few, then behind all."""
    module, function = asyncio_of(place), place.function
    if module is None or not isinstance(function, cst.FunctionDef):
        return
    if function.asynchronous is None or holds(function.body, cst.Yield):
        return
    found: dict[Any, _Drain] = {}
    _find_cancels(function.body, found)
    if any(_is_asked_later(place, cancel, drain.told) for cancel, drain in found.items()):
        return
    taken = [[node] for node in found] if len(found) <= _FEW_CANCELS else []
    for nodes in [*taken, list(found)] if len(taken) != 1 else taken:
        drains = {node: found[node] for node in nodes}
        late, at_once = _by_place(drains, False), _by_place(drains, True)
        if late != at_once and not any(drains[n].skips for n in drains if n in late):
            yield _awaiting(place, module, late)
        if not any(drain.skips for drain in drains.values()):
            yield _awaiting(place, module, at_once)


def _awaiting(place: Place, module: str, told: dict[Any, list[str]]) -> cst.Module:
    result = place.module.visit(_Behind(module, told))
    assert isinstance(result, cst.Module)
    return result


class _Drain(NamedTuple):
    """What a statement that only cancels has cancelled, as the arguments of a call, and behind
    which one it is best awaited: at the end of a `finally`, as a cancellation may come while it is
    awaited, and would leave out what follows. `skips` says that this is so at once behind it."""

    told: str
    behind: cst.CSTNode
    skips: bool


class _Around(NamedTuple):
    """Whether a node is the body of a `finally`, whether it is anywhere in one, and whether a
    cancellation at its end would leave out what follows there."""

    is_final: bool = False
    in_final: bool = False
    skips: bool = False

    def of_part(self, node: cst.CSTNode) -> _Around:
        """The same for the parts of a node, but for the statements of a block."""
        if isinstance(node, cst.Finally):
            return _Around(True, True, self.skips)
        is_loop = isinstance(node, (cst.For, cst.While))
        return _Around(False, self.in_final, self.skips or (self.in_final and is_loop))

    def before(self, following: Sequence[cst.CSTNode]) -> _Around:
        """The same for a statement of a block with some that follow."""
        skips = self.in_final and any(holds(each, cst.Call, cst.Raise) for each in following)
        return _Around(False, self.in_final, self.skips or skips)


_NOWHERE = _Around()


def _by_place(drains: dict[Any, _Drain], at_once: bool) -> dict[Any, list[str]]:
    """What some cancels have cancelled, by the statement that it is awaited behind: the cancel
    itself if that is to be `at_once`."""
    told: dict[Any, list[str]] = {}
    for node, drain in drains.items():
        told.setdefault(node if at_once else drain.behind, []).append(drain.told)
    return told


def _find_cancels(node: cst.CSTNode, found: dict[Any, _Drain], around: _Around = _NOWHERE) -> None:
    """Enters the statements that only cancel, the last of several in a row."""
    body: Sequence[Any] = node.body if isinstance(node, cst.IndentedBlock) else ()
    row: list[str] = []
    for number, statement in enumerate(body):
        name = cancelled_by(bare(statement))
        one = cancelled_name(statement)
        row = [*row, one] if one is not None else []
        following = body[number + 1] if number + 1 < len(body) else None
        is_end = around.is_final and not any(map(may_leave, body[number:]))
        behind = body[-1] if is_end else statement
        here = around.before(body[number + 1 :])
        if name is not None:
            found[statement] = _Drain(f"*{name}", behind, here.skips)
        elif row and (following is None or cancelled_name(following) is None):
            found[statement] = _Drain(", ".join(row), behind, here.skips)
        elif not isinstance(statement, cst.FunctionDef):
            _find_cancels(statement, found, here.of_part(statement))
    for child in parts(node) if not body else ():
        if not (isinstance(child, cst.FunctionDef) or _is_guarded(child, node)):
            _find_cancels(child, found, around.of_part(node))


def _is_guarded(child: cst.CSTNode, node: cst.CSTNode) -> bool:
    """Whether a part of a node is the body of a `try` with handlers: what is awaited there may be
    cancelled, and they would take it for a cancellation before the cancels."""
    return isinstance(node, (cst.Try, cst.TryStar)) and child is node.body and bool(node.handlers)


class _Behind(cst.CSTTransformer):
    """Awaits what is `told` of some statements behind each of them, with what asyncio is called."""

    def __init__(self, module: str, told: dict[Any, list[str]]) -> None:
        super().__init__()
        self._module = module
        self._told = told

    def on_leave(self, original_node: Any, updated_node: Any) -> Any:
        if original_node not in self._told:
            return updated_node
        tasks = ", ".join(self._told[original_node])
        drain = f"await {self._module}.gather({tasks}, return_exceptions=True)"
        return cst.FlattenSentinel([updated_node, cst.parse_statement(drain)])


def _is_asked_later(place: Place, cancel: cst.CSTNode, told: str) -> bool:
    """Whether something is read behind a cancel that tells of the tasks, which are `told` as the
    arguments of a call: they are done once they have been awaited."""
    function, names = place.function, set(told.lstrip("*").split(", "))
    waited = aims.waited_of(place.call)
    if cancelled_by(bare(cancel)) is not None and waited is not None:
        held = [waited, *(aims.elements_of(waited) or ())]
        held += [each for name in names for _, each in aims.puts(function, name)]
        names |= {each.value for each in held if isinstance(each, cst.Name)}
        names |= {name for name in [aims.pending_name(place)] if name}
    names |= {bound for bound, node in bindings(function) if _is_made_of(node, names)}
    first, last = place.lines_of(cancel)
    loops = (node for node in every(function) if isinstance(node, (cst.For, cst.While)))
    spans = [place.lines_of(loop) for loop in loops if loop is not cancel]
    last = 0 if any(start <= first <= last <= end for start, end in spans) else last
    return any(place.lines_of(node)[0] > last for node in _questions(function, names))


def _is_made_of(node: cst.CSTNode, names: set[str]) -> bool:
    """Whether a name is bound to some tasks as well, or is a function that may ask them."""
    if isinstance(node, cst.FunctionDef):
        return bool(every_name(node.body) & names)
    value = node.value if isinstance(node, cst.Assign) else None
    is_held = isinstance(value, (cst.Name, cst.Dict, cst.Lambda))
    return is_held and value is not None and bool(every_name(value) & names)


def _questions(node: cst.CSTNode, names: set[str]) -> Iterator[cst.Name]:
    """The mentions of some tasks that may ask something of them: no cancel, no wait for them, and
    no look for one among others."""
    if isinstance(node, cst.Name):
        if node.value in names:
            yield node
    elif isinstance(node, (cst.Attribute, cst.Arg, cst.Assign)):
        yield from _questions(node.value, names)
    elif not _asks_nothing(node):
        for child in parts(node):
            yield from _questions(child, names)


def _asks_nothing(node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Call) and aims.last_name(node.func) in _NO_QUESTIONS:
        return True
    if isinstance(node, cst.Comparison):  # whether a task is among others
        target = node.comparisons[0]
        is_search = isinstance(target.operator, (cst.In, cst.NotIn))
        return is_search and all(isinstance(n, cst.Name) for n in (node.left, target.comparator))
    is_statement = isinstance(node, (cst.SimpleStatementLine, cst.For, cst.If))
    return isinstance(node, cst.Del) or (is_statement and cancelled(node) is not None)
