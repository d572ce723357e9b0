"""What a cure could cancel of what a site waits for: tasks by their names, or what a collection
holds."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import libcst as cst

from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.names import (
    binders,
    bindings,
    every_name,
    fresh,
    is_bound,
    parameters_of,
    reads,
    target_names,
)
from flake8_asyncwait.fix.tree.nodes import parts, raises_again, suspends
from flake8_asyncwait.fix.tree.place import Level, Place
from flake8_asyncwait.fix.ways.loops import bare, cancelled_by, cancelled_name, is_captured

TASK = ("task", "waited_task", "pending_task")
_AWAITABLE = ("each", "awaitable")
_TASKS = ("tasks", "waited_tasks", "waited")
_MANY_NAMES = 4
# The last names of what starts a task.
STARTING = frozenset({"create_task", "ensure_future"})
_COLLECTIONS = (cst.Set, cst.List, cst.Tuple, cst.SetComp, cst.ListComp)
_COPIES = frozenset({"set", "list", "tuple", "frozenset"})
_ADDING_ALL = frozenset({"update", "extend"})
_ADDING = _ADDING_ALL | {"append", "add", "insert"}


@dataclass(frozen=True, slots=True)
class Aim:
    """What a `finally` is to cancel: the tasks that `names` are bound to, one by one, or all that
    `over` yields, without those of the names `but`. `made` are pairs of a fresh name and the part
    of the call that it is bound to before the wait; `maybe` are those of the names that may be
    None. `is_part` says that it is not all that the site waits for. `make` is what makes a task of
    each awaitable in `made`, where the site does that by itself."""

    names: tuple[str, ...] = ()
    over: cst.BaseExpression | None = None
    made: tuple[tuple[str, cst.BaseExpression], ...] = ()
    but: tuple[str, ...] = ()
    maybe: frozenset[str] = frozenset()
    is_part: bool = False
    make: str = ""

    @property
    def is_loop(self) -> bool:
        """Whether it cancels whatever a collection holds."""
        return self.over is not None

    @property
    def mentioned(self) -> frozenset[str]:
        """The names that it mentions."""
        over = every_name(self.over) if self.over is not None else frozenset()
        return frozenset({*self.names, *self.but}) | over - {"values", "keys"}


def aims(place: Place, make: str = "") -> Iterator[Aim]:
    """What a `finally` could cancel, the best first. `make` is as for an `Aim`."""
    waited = waited_of(place.call)
    if waited is not None:
        needed = _captured_tasks(place.function, waited)
        yield from (aim for aim in _aims(place, waited, make) if not _leaves(aim, waited, needed))


def _captured_tasks(function: cst.CSTNode, waited: cst.BaseExpression) -> set[str]:
    """The names of tasks among those waited for that the function makes and a nested one reads."""
    given = puts(function, waited.value) if isinstance(waited, cst.Name) else _held(waited)
    names = {each.value for _, each in given if isinstance(each, cst.Name)}
    made = {name for name, node in bindings(function) if rebinds_to_a_task(node)}
    return {name for name in names & made if is_captured(function, name)}


def _leaves(aim: Aim, waited: cst.BaseExpression, needed: set[str]) -> bool:
    """Whether an aim leaves out tasks that are needed: a nested function that would end them may
    run in one that it cancels."""
    if not aim.is_loop:
        return not needed <= {*aim.names}
    if aim.is_part and aim.over is not waited:
        return bool(needed)
    return not needed.isdisjoint(aim.but)


def _aims(place: Place, waited: cst.BaseExpression, make: str) -> Iterator[Aim]:
    taken = every_name(place.module)
    elements = elements_of(waited)
    named = [each.value for each in elements or () if isinstance(each, cst.Name)]
    fixed = _is_fixed(waited)
    if make:
        yield from _awaitables(place.call, waited, named, taken, make)
        return
    if elements is not None and len(named) == len(elements):
        names = tuple(dict.fromkeys(named))
        yield from _subsets(Aim(names))
        empty = frozenset(name for name in names if may_be_none(place.function, name))
        if empty:
            yield Aim(names, maybe=empty)
    elif elements is not None and not fixed and _are_in_order(elements):
        yield from _mixed(elements, taken)
    copied = _copied(waited)
    if _is_lasting(copied):
        yield Aim(over=_without_keys(copied))
    is_named = _is_lasting(waited) or _is_named(elements, named)
    if is_collection(waited) and not fixed and not is_named:
        yield Aim(over=cst.Name(name := fresh(_TASKS, taken)), made=((name, waited),))
    elif isinstance(waited, cst.GeneratorExp) or _is_short_map(waited):
        name = fresh(_TASKS, taken)
        yield Aim(over=cst.Name(name), made=((name, waited),))
    yield from _parts(place.function, waited)


def _awaitables(
    call: cst.Call,
    waited: cst.BaseExpression,
    named: list[str],
    taken: frozenset[str],
    make: str,
) -> Iterator[Aim]:
    """Tasks by their names, or the collection that holds them. Where that holds other awaitables,
    the tasks that are made of them first."""
    if named:
        yield from _subsets(Aim(tuple(dict.fromkeys(named))))
    if _is_lasting(waited):
        yield Aim(over=waited)
    if "\n" not in layout.code(call):  # what would be left of it would have to be laid out anew
        name = fresh(_TASKS, taken)
        yield Aim(over=cst.Name(name), made=((name, waited),), make=make)


def as_tasks(awaitables: cst.BaseExpression, make: str, place: Place) -> cst.BaseExpression:
    """A list of the tasks that `make` makes of all that an expression yields."""
    func = cst.parse_expression(make)
    if isinstance(awaitables, (cst.ListComp, cst.SetComp, cst.GeneratorExp)):
        return cst.ListComp(cst.Call(func, [cst.Arg(awaitables.elt)]), awaitables.for_in)
    elements = elements_of(awaitables)
    if elements is not None:
        return cst.List([cst.Element(cst.Call(func, [cst.Arg(each)])) for each in elements])
    name = cst.Name(fresh(_AWAITABLE, every_name(place.module)))
    return cst.ListComp(cst.Call(func, [cst.Arg(name)]), cst.CompFor(name, awaitables))


def _parts(function: cst.CSTNode, waited: cst.BaseExpression) -> Iterator[Aim]:
    """What is the function's own among what it waits for with somebody else's: tasks and
    collections that are put into the one that it waits for, by their names, or all but one."""
    given = list(puts(function, waited.value)) if isinstance(waited, cst.Name) else [(True, waited)]
    held = [(each.value, whole) for whole, each in given if isinstance(each, cst.Name)]
    names = tuple(dict.fromkeys(name for name, whole in held if not whole))
    empty = frozenset(name for name in names if may_be_none(function, name))
    if isinstance(waited, cst.Name):
        for name in names:
            yield Aim((name,), maybe=empty & {name}, is_part=True)
    for name in dict.fromkeys(name for name, whole in held if whole):
        yield Aim(over=cst.Name(name), is_part=True)
    if isinstance(waited, cst.Name):
        for name in names:
            yield Aim(over=waited, but=(name,), is_part=True)


def puts(node: cst.CSTNode, name: str) -> Iterator[tuple[bool, cst.BaseExpression]]:
    """What a function puts into a collection, with whether that is a collection itself."""
    value: cst.BaseExpression | None = None
    if isinstance(node, (cst.Assign, cst.AnnAssign, cst.AugAssign)):
        targets = node.targets if isinstance(node, cst.Assign) else [node]
        if any(isinstance(t.target, cst.Name) and t.target.value == name for t in targets):
            value = node.value
    elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and node.args:
        owner, method = node.func.value, node.func.attr.value
        if isinstance(owner, cst.Name) and owner.value == name and method in _ADDING:
            yield method in _ADDING_ALL, node.args[-1].value
    if value is not None:
        yield from _held(value)
    for child in parts(node):
        yield from puts(child, name)


def _held(value: cst.BaseExpression) -> Iterator[tuple[bool, cst.BaseExpression]]:
    """What an expression for a collection holds, with whether that is a collection itself."""
    if isinstance(value, (cst.Set, cst.List, cst.Tuple)):
        for element in value.elements:
            yield isinstance(element, cst.StarredElement), element.value
    elif isinstance(value, cst.BinaryOperation):
        yield from _held(value.left)
        yield from _held(value.right)
    elif isinstance(value, cst.Call) and len(value.args) == 1 and last_name(value.func) in _COPIES:
        yield from _held(value.args[0].value)
    else:
        yield True, value


def may_be_none(function: cst.CSTNode, name: str) -> bool:
    """Whether a name of a function is None for a time."""
    values = [getattr(node, "value", None) for node in binders(function, name)]
    return any(isinstance(value, cst.Name) and value.value == "None" for value in values)


def _is_named(elements: list[cst.BaseExpression] | None, named: list[str]) -> bool:
    """Whether the tasks of a collection have names, or its only one can have one."""
    if elements is None:
        return False
    return len(named) == len(elements) or (len(elements) == 1 and isinstance(elements[0], cst.Call))


def _is_fixed(waited: cst.BaseExpression) -> bool:
    """Whether nothing can be taken out of an expression, nor the whole be moved, as formatters
    would lay it out differently: it holds a comment, and no comma that keeps one item a line."""
    return "#" in layout.code(waited) and not layout.has_magic_comma(waited)


def waited_of(call: cst.Call) -> cst.BaseExpression | None:
    """The expression for the waited tasks in a call of `asyncio.wait`."""
    for position, arg in enumerate(call.args):
        if arg.star:
            return None
        if (position == 0 and arg.keyword is None) or (arg.keyword and arg.keyword.value == "fs"):
            return arg.value
    return None


def elements_of(waited: cst.BaseExpression) -> list[cst.BaseExpression] | None:
    """What an expression displays, one by one; None for what is no such display."""
    if isinstance(waited, cst.Call) and len(waited.args) == 2 and last_name(waited.func) == "cast":
        waited = waited.args[1].value
    if not isinstance(waited, (cst.Set, cst.List, cst.Tuple)):
        return None
    if any(isinstance(each, cst.StarredElement) for each in waited.elements):
        return None
    return [each.value for each in waited.elements]


def _subsets(aim: Aim) -> Iterator[Aim]:
    """All of the tasks, or only some of them: the others may be somebody else's."""
    count = len(aim.names)
    if count <= _MANY_NAMES:
        for size in range(count, 0, -1):
            for names in combinations(aim.names, size):
                made = tuple(pair for pair in aim.made if pair[0] in names)
                if len(made) == len(aim.made):
                    yield Aim(names, made=made)
    else:
        yield aim


def _mixed(elements: list[cst.BaseExpression], taken: frozenset[str]) -> Iterator[Aim]:
    """Tasks that are made in the call get names of their own."""
    names: list[str] = []
    made: list[tuple[str, cst.BaseExpression]] = []
    for element in elements:
        if isinstance(element, cst.Name):
            names.append(element.value)
        elif isinstance(element, cst.Call):
            name = fresh(TASK, taken | {*names})
            names.append(name)
            made.append((name, element))
    if len(made) < len(elements) or len(elements) == 1:
        yield from _subsets(Aim(tuple(names), made=tuple(made)))


def _are_in_order(elements: list[cst.BaseExpression]) -> bool:
    """Whether calls among the elements may be made before the others are looked at: these are
    names and attributes."""
    return all(isinstance(each, (cst.Name, cst.Attribute, cst.Call)) for each in elements)


def _is_lasting(waited: cst.BaseExpression) -> bool:
    """Whether an expression may be iterated over again, later, for the same tasks: a name, a
    method of a dict, or a sum of such."""
    if isinstance(waited, cst.Name):
        return True
    if isinstance(waited, cst.Call) and not waited.args and isinstance(waited.func, cst.Attribute):
        view = waited.func.attr.value in ("values", "keys")
        return view and isinstance(waited.func.value, cst.Name)
    if isinstance(waited, cst.BinaryOperation):
        joins = isinstance(waited.operator, (cst.Add, cst.BitOr))
        return joins and _is_lasting(waited.left) and _is_lasting(waited.right)
    if isinstance(waited, (cst.Set, cst.List, cst.Tuple)):
        return all(isinstance(each.value, cst.Name) for each in waited.elements) and any(
            isinstance(each, cst.StarredElement) for each in waited.elements
        )
    return False


def _copied(waited: cst.BaseExpression) -> cst.BaseExpression:
    """What a copy that is waited for is made of; what is no copy itself."""
    if isinstance(waited, cst.Call) and len(waited.args) == 1 and not waited.args[0].star:
        if isinstance(waited.func, cst.Name) and waited.func.value in _COPIES:
            return waited.args[0].value
    return waited


def _without_keys(waited: cst.BaseExpression) -> cst.BaseExpression:
    """The dict itself in the place of its `.keys()`, to which linters object in a loop."""
    if isinstance(waited, cst.Call) and isinstance(waited.func, cst.Attribute):
        return waited.func.value if waited.func.attr.value == "keys" else waited
    return waited


def is_collection(waited: cst.BaseExpression) -> bool:
    """Whether an expression makes a collection that a name can hold."""
    if isinstance(waited, cst.Call):
        name = last_name(waited.func)
        if name == "cast":
            return len(waited.args) == 2 and is_collection(waited.args[1].value)
        return isinstance(waited.func, cst.Name) and name in _COPIES
    if isinstance(waited, cst.BinaryOperation):
        return is_collection(waited.left) or is_collection(waited.right)
    return isinstance(waited, _COLLECTIONS)


def is_map(waited: cst.BaseExpression) -> bool:
    """Whether an expression is a call of `map`, which yields its items once."""
    return isinstance(waited, cst.Call) and layout.code(waited.func) == "map"


def _is_short_map(waited: cst.BaseExpression) -> bool:
    """Whether an expression is a call of `map` on one line, which brackets may go around."""
    return is_map(waited) and "\n" not in layout.code(waited)


def last_name(func: cst.CSTNode) -> str:
    """The last component of a callee's name."""
    name = func.attr if isinstance(func, cst.Attribute) else func
    return name.value if isinstance(name, cst.Name) else ""


def is_own_task(place: Place, level: Level, name: str) -> bool:
    """Whether a name surely holds a task that the function has made where the statement of a level
    begins, and nothing else ever."""
    function, levels = place.function, place.levels[place.levels.index(level) :]
    nodes = binders(function, name)
    if name in parameters_of(function) or not is_bound(name, levels, ()):
        return False
    value = nodes[0].value if len(nodes) == 1 and isinstance(nodes[0], cst.Assign) else None
    return isinstance(value, cst.Call) and last_name(value.func) in STARTING


def waited_names(place: Place) -> set[str]:
    """The names that hold what is waited for, or the pending half of it."""
    pending, waited = pending_name(place), waited_of(place.call)
    return {name for name in (pending, getattr(waited, "value", None)) if isinstance(name, str)}


def pending_name(place: Place) -> str | None:
    """The name that the pending half of the site's result is bound to at once, if one is."""
    for node in place.path:
        if isinstance(node, cst.Assign) and len(node.targets) == 1:
            target = node.targets[0].target
            if isinstance(target, (cst.Tuple, cst.List)) and len(target.elements) == 2:
                names = list(target_names(target.elements[1].value))
                return names[0] if len(names) == 1 else None
    return None


def stays_bound(aim: Aim, level: Level, end: int) -> bool:
    """Whether what an aim names still is what it was where the `finally` begins."""
    for statement in level.block.body[level.index : end + 1]:
        for name, node in bindings(statement):
            if name not in aim.mentioned:
                continue
            rebinds = _rebinds_to_tasks if aim.is_loop else rebinds_to_a_task
            if not (aim.is_loop or name in aim.maybe) or not rebinds(node):
                return False
    return True


def rebinds_to_a_task(node: cst.CSTNode) -> bool:
    """Whether a statement binds a name to a new task, or to None."""
    value = node.value if isinstance(node, (cst.Assign, cst.AnnAssign)) else None
    if isinstance(value, cst.Call):
        return last_name(value.func) in STARTING
    return isinstance(value, cst.Name) and value.value == "None"


def _rebinds_to_tasks(node: cst.CSTNode) -> bool:
    """Whether a statement binds a name to a collection again: to a half of a wait's result, which
    may have a name, or to one that is made in place."""
    if isinstance(node, cst.AugAssign):
        return True
    if not isinstance(node, (cst.Assign, cst.AnnAssign)) or node.value is None:
        return False
    targets = [t.target for t in node.targets] if isinstance(node, cst.Assign) else [node.target]
    if any(isinstance(target, cst.Tuple) for target in targets):
        return _awaits_wait(node.value)
    if isinstance(node.value, cst.Name):
        return node.value.value != "None"
    return is_collection(node.value)


def _awaits_wait(value: cst.CSTNode) -> bool:
    if isinstance(value, cst.Call) and last_name(value.func) == "wait":
        return True
    return any(_awaits_wait(child) for child in parts(value))


def only_cancels(handler: cst.ExceptHandler, aim: Aim) -> bool:
    """Whether a handler is nothing but the cleanup of an aim: it has no comment either."""
    return "#" not in layout.code(handler) and is_cleanup(handler, aim)


def is_cleanup(handler: cst.ExceptHandler, aim: Aim) -> bool:
    """Whether a handler does nothing but cancel what an aim does, and raise again."""
    if not isinstance(handler.body, cst.IndentedBlock):
        return False
    *cancels, last = handler.body.body
    return raises_again(last) and all(_is_cancel(n, aim) for n in cancels)


def _is_cancel(statement: Any, aim: Aim) -> bool:
    """Whether a statement does nothing but cancel what an aim does, or a part of that."""
    name = cancelled_by(bare(statement)) or cancelled_name(statement)
    return name in {*aim.names, aim.over.value if isinstance(aim.over, cst.Name) else None} - {None}


def left_to_cancel(handler: Any, aim: Aim) -> Any:
    """A handler that leaves the cancels of what an aim cancels to the `finally` right behind it."""
    if not isinstance(handler.body, cst.IndentedBlock) or suspends(handler.body):
        return handler
    left = [each for each in handler.body.body if not _is_cancel(each, aim)]
    is_asked = any(reads(each, aim.mentioned) for each in left)
    if not left or is_asked or "#" in layout.code(handler):
        return handler
    return handler.with_changes(body=handler.body.with_changes(body=left))
