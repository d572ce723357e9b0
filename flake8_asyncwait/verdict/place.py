"""What the text around a wait site says: how a message names what was waited for, and where."""

from __future__ import annotations

import ast
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.sites.outline import dotted

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)
Loop = ast.For | ast.AsyncFor | ast.While
_DISPLAYS = (ast.List, ast.Set, ast.Tuple)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_ADDING = {"append", "add", "insert", "appendleft", "extend", "update", "setdefault"}
# Calls that hold what their argument holds, or a collection of it.
_COPIES = {"list", "set", "tuple", "frozenset", "sorted", "dict", "map", "filter", "chain"}
At = tuple[int, int]  # a line from 1, and a column from 0

# A longer name is shortened, and where several would take more, no task is named.
_LONG = 36
_ENOUGH = 48


class _Body:
    """What a function binds and calls, by name or dotted path, and its loops: the messages for all
    its sites ask for them."""

    def __init__(self, function: ast.AST) -> None:
        self.bound: dict[str | None, list[ast.expr | None]] = {}
        self.calls: dict[str | None, list[ast.Call]] = {}
        self.loops: list[Loop] = []
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                self.calls.setdefault(dotted(node.func), []).append(node)
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    self.bound.setdefault(dotted(target), []).append(node.value)
            elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)):
                self.bound.setdefault(dotted(node.target), []).append(node.value)
            elif isinstance(node, _LOOPS):
                self.loops.append(node)


_body_of = lru_cache(maxsize=1)(_Body)


class Subject(NamedTuple):
    """What a message is about: one task or `many`, by `text`, and whether it `has_name`."""

    text: str
    many: bool
    has_name: bool

    @property
    def them(self) -> str:
        """The pronoun for the object of a verb."""
        return "them" if self.many else "it"

    @property
    def they(self) -> str:
        """The pronoun for the subject of a verb."""
        return "they" if self.many else "it"

    @property
    def they_are(self) -> str:
        """The pronoun with "is" or "are"."""
        return "they are" if self.many else "it is"

    @property
    def their(self) -> str:
        """The possessive."""
        return "their" if self.many else "its"

    @property
    def be(self) -> str:
        """The subject with "is" or "are"."""
        return f"{self.text} {'are' if self.many else 'is'}"

    def do(self, verb: str) -> str:
        """The subject with a verb, which is given as many do it."""
        return f"{self.text} {verb}" if self.many else f"{self.text} {verb}s"


@dataclass(frozen=True)
class Place:
    """A wait call, the `name` of what it calls, and the nodes around it, the outermost first.

    `helper` names the function around a line, "" where that is the outermost one around the call.
    `shown` names a line in a sentence: it may be one of another file.
    """

    name: str
    call: ast.Call
    around: tuple[ast.AST, ...]
    helper: Callable[[int], str]
    shown: Callable[[int], str]

    @cached_property
    def function(self) -> ast.AST:
        """The innermost function around the call, or the module."""
        functions = [node for node in self.around if isinstance(node, _FUNCTIONS)]
        return functions[-1] if functions else self.around[0]

    @property
    def is_awaited(self) -> bool:
        """Whether an `await` takes the call itself."""
        return isinstance(self.around[-1], ast.Await)

    def is_at(self, line: int) -> bool:
        """Whether a line is one of the call."""
        return self.call.lineno <= line <= (self.call.end_lineno or 0)

    def is_behind(self, line: int) -> bool:
        """Whether a line is one of the function, behind the call."""
        return self.is_inside(line) and line > (self.call.end_lineno or 0)

    def is_inside(self, line: int) -> bool:
        """Whether a line is one of the function: what a helper does stands elsewhere."""
        first, last = (getattr(self.function, name, line) for name in ("lineno", "end_lineno"))
        return bool(first <= line <= last)

    @property
    def _loops(self) -> list[Loop]:
        """The loops of the function around the call, the innermost first."""
        inside = self.around[self.around.index(self.function) :]
        return [node for node in reversed(inside) if isinstance(node, _LOOPS)]

    @property
    def innermost_loop(self) -> Loop | None:
        """The innermost loop of the function around the call."""
        return next(iter(self._loops), None)

    def loop_with(self, line: int) -> Loop | None:
        """The innermost loop of the function around the call and a line."""
        return next((loop for loop in self._loops if _spans(loop, line)), None)

    def subject(self, names: Sequence[str], lines: Sequence[int]) -> Subject:
        """What messages call tasks of the wait that `names` were bound to ("" where none was), and
        that were made on `lines` (0 where that is not known)."""
        waited = _waited(self.call)
        if waited is None:
            return Subject("its tasks", True, False)
        whole = dotted(waited)
        members = set(_members(waited)) if whole is None else self._displayed(whole)
        single = {name for name, many in members if not many}
        if whole is not None:
            if set(names) < single or (len(names) == 1 and self._is_put_into(whole, names[0])):
                return _named([(name, False) for name in names])
            return _named([(whole, True)])
        if not names or not all(names):
            return self._unnamed(waited, lines)
        many = [name for name, is_many in members if is_many]
        if len(many) == 1:  # what nothing here is bound to came in a collection
            names = [
                each if each in single or any(self._bound(each)) else many[0] for each in names
            ]
        return _named(
            [(name, name in many or self._is_many(name)) for name in dict.fromkeys(names)]
        )

    @cached_property
    def made(self) -> Subject:
        """What messages call the tasks that the call itself makes: by the name that it is bound to,
        or by that of the collection that it is put in."""
        many = False
        for node, inner in zip(self.around[::-1], (self.call, *self.around[:0:-1]), strict=True):
            many = many or isinstance(node, (*_COMPREHENSIONS, *_DISPLAYS, ast.Dict))
            target: ast.expr | None = None
            if isinstance(node, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.NamedExpr)):
                target = node.targets[0] if isinstance(node, ast.Assign) else node.target
                value = node.value
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
                    place = next((n for n, e in enumerate(value.elts) if self._holds(e)), 0)
                    target = target.elts[place] if place < len(target.elts) else None
                    many = value.elts[place] is not self.call
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if inner is not node.func and node.func.attr in _ADDING:
                    target, many = node.func.value, True
            if isinstance(target, ast.Subscript):
                target, many = target.value, True
            name = dotted(target) if target is not None else None
            if name is not None:
                return _named([(name, many)])
            if isinstance(node, ast.stmt):
                break
        return Subject(f"the {'tasks' if many else 'task'} made here", many, False)

    def _holds(self, node: ast.expr) -> bool:
        return any(part is self.call for part in ast.walk(node))

    @cached_property
    def loop(self) -> ast.For | ast.AsyncFor | None:
        """The loop that goes over what the call returns, if it stands in its head."""
        for node in reversed(self.around):
            if isinstance(node, (ast.For, ast.AsyncFor)) and self._holds(node.iter):
                return node
        return None

    def leaving(self, steps: Sequence[int]) -> int:
        """The line on which an execution leaves the loop over the call, which has passed the lines
        `steps`; 0 where there is none."""
        if self.loop is None:
            return 0
        first, last = self.loop.body[0].lineno, self.loop.body[-1].end_lineno or 0
        passed = [line for line in steps if first <= line <= last]
        since = passed[-1] if passed else first
        exits = [
            node.lineno
            for node in ast.walk(self.loop)
            if isinstance(node, (ast.Return, ast.Break, ast.Raise)) and node.lineno >= since
        ]
        return min(exits, default=since)

    def _unnamed(self, waited: ast.expr, lines: Sequence[int]) -> Subject:
        many = len(lines) > 1 or any(map(_makes_many, ast.walk(waited)))
        made = set(lines)
        if len(made) != 1 or 0 in made:
            return Subject("its tasks", True, False)
        (line,) = made
        where = "here" if self.is_at(line) else f"on {self.shown(line)}"
        return Subject(f"the {'tasks' if many else 'task'} made {where}", many, False)

    def _is_put_into(self, whole: str, name: str) -> bool:
        """Whether one task of this name is put into a collection, not one in each turn of a loop
        that goes on with the same collection."""
        fresh = {value.lineno for value in self._bound(whole) if value and _is_fresh(value)}
        body = _body_of(self.function)
        growing = [loop for loop in body.loops if not any(_spans(loop, line) for line in fresh)]
        puts = [*body.calls.get(f"{whole}.append", ()), *body.calls.get(f"{whole}.add", ())]
        return any(
            [dotted(argument) for argument in node.args] == [name]
            and not any(_spans(loop, node.lineno) for loop in growing)
            for node in puts
        )

    def _displayed(self, name: str) -> set[tuple[str, bool]]:
        """What the displays hold that a name is bound to in the function."""
        return {
            member
            for value in self._bound(name)
            if isinstance(value, (*_DISPLAYS, ast.Dict))
            for member in _members(value)
        }

    def _is_many(self, name: str) -> bool:
        """Whether a name is bound to a collection in the function, or to each of many tasks."""
        return any(
            isinstance(value, (*_DISPLAYS, *_COMPREHENSIONS, ast.Dict))
            or (isinstance(value, ast.Call) and _last(value.func) in _COPIES)
            for value in self._bound(name)
        )

    def _bound(self, name: str) -> Sequence[ast.expr | None]:
        """What the function binds a name or dotted path to."""
        return _body_of(self.function).bound.get(name, ())

    @property
    def lone_task(self) -> str | None:
        """The task that the call waits for with a timeout, where it is the only one, and the
        function asks later whether it is done."""
        waited = _waited(self.call)
        if not isinstance(waited, _DISPLAYS) or len(waited.elts) != 1 or not self._has_timeout:
            return None
        task = dotted(waited.elts[0])
        asked = _body_of(self.function).calls.get(f"{task}.done", ())
        return task if any(node.lineno > self.call.lineno for node in asked) else None

    @property
    def _has_timeout(self) -> bool:
        given = [keyword.value for keyword in self.call.keywords if keyword.arg == "timeout"]
        return any(not isinstance(each, ast.Constant) or each.value is not None for each in given)


def place_of(
    name: str,
    tree: ast.Module,
    lines: Sequence[str],
    start: At,
    end: At,
    helper: Callable[[int], str],
    shown: Callable[[int], str],
) -> Place:
    """The call of `name` from `start` up to `end` (line, column in characters) in a file that has
    this `tree` and these `lines`; `helper` and `shown` are as in `Place`."""
    first, last = _in_bytes(lines, start), _in_bytes(lines, end)
    found: list[Place] = []
    queue: list[tuple[ast.AST, ...]] = [(tree,)]
    while queue:
        path = queue.pop()
        for child in _children(path[-1], start[0]):
            if _extent(child) == (first, last) and isinstance(child, ast.Call):
                found.append(Place(name, child, path, helper, shown))
            elif _may_hold(child, first, last):
                queue.append((*path, child))
    return found[0]


def _children(node: ast.AST, line: int) -> Iterator[ast.AST]:
    """The children of a node, but for most statements that neither begin on a line, nor are the
    last that begins before or the first that begins after it: that one may be decorated."""
    for _, value in ast.iter_fields(node):
        if isinstance(value, ast.AST):
            yield value
        elif isinstance(value, list) and value and isinstance(value[0], ast.stmt):
            near = max(bisect_left(value, line, key=_line_of) - 1, 0)
            yield from value[near : bisect_right(value, line, key=_line_of) + 1]
        elif isinstance(value, list):
            yield from (child for child in value if isinstance(child, ast.AST))


def _line_of(statement: ast.stmt) -> int:
    return statement.lineno


def _spans(node: Loop, line: int) -> bool:
    return node.lineno <= line <= (node.end_lineno or 0)


def _in_bytes(lines: Sequence[str], place: At) -> At:
    line, column = place
    return line, len(lines[line - 1][:column].encode("utf-8", "surrogatepass"))


def _extent(node: ast.AST) -> tuple[At, At] | None:
    if not isinstance(node, (ast.stmt, ast.expr)):
        return None
    return (node.lineno, node.col_offset), (node.end_lineno or 0, node.end_col_offset or 0)


def _may_hold(node: ast.AST, first: At, last: At) -> bool:
    extent = _extent(node)
    if extent is None or getattr(node, "decorator_list", None):
        return True
    return extent[0] <= first and last <= extent[1]


def _waited(call: ast.Call) -> ast.expr | None:
    """What a wait call waits for, without what only copies it."""
    given = [*call.args, *(keyword.value for keyword in call.keywords if keyword.arg == "fs")]
    if not given or isinstance(given[0], ast.Starred):
        return None
    return _uncopied(given[0])


def _makes_many(node: ast.AST) -> bool:
    """Whether an expression makes something again and again."""
    is_map = isinstance(node, ast.Call) and _last(node.func) == "map"
    return is_map or isinstance(node, _COMPREHENSIONS)


def _is_fresh(value: ast.expr) -> bool:
    """Whether an expression is a collection that begins with what is spelled out in it."""
    if isinstance(value, _DISPLAYS):
        return not any(isinstance(element, ast.Starred) for element in value.elts)
    return isinstance(value, ast.Call) and _last(value.func) in _COPIES and not value.args


def _uncopied(node: ast.expr) -> ast.expr:
    if isinstance(node, ast.Call):
        name = _last(node.func)
        if len(node.args) == 1 and name in ("list", "set", "tuple", "frozenset", "sorted"):
            return _uncopied(node.args[0])
        if isinstance(node.func, ast.Attribute) and name in ("keys", "values", "copy"):
            return _uncopied(node.func.value)
        if name == "cast" and len(node.args) == 2:
            return _uncopied(node.args[1])
    return node.target if isinstance(node, ast.NamedExpr) else node


def _members(node: ast.expr) -> Iterator[tuple[str, bool]]:
    """The names in a display, or in several that are joined, and whether they are collections."""
    if isinstance(node, _DISPLAYS):
        for element in node.elts:
            if isinstance(element, ast.Starred):
                yield from _collections(element.value)
            else:
                yield from _one(element)
    elif isinstance(node, ast.Dict):
        for pair in zip(node.keys, node.values, strict=True):
            for element in filter(None, pair):
                yield from _one(element)
    else:
        yield from _collections(node)


def _collections(node: ast.expr) -> Iterator[tuple[str, bool]]:
    node = _uncopied(node)
    name = dotted(node)
    if name is not None:
        yield name, True
    elif isinstance(node, ast.BinOp):
        yield from _collections(node.left)
        yield from _collections(node.right)
    elif isinstance(node, _DISPLAYS):
        yield from _members(node)


def _one(node: ast.expr) -> Iterator[tuple[str, bool]]:
    name = dotted(_uncopied(node))
    if name is not None:
        yield name, False


def _named(names: Sequence[tuple[str, bool]]) -> Subject:
    *before, last = [f"'{_short(name)}'" for name, _ in names]
    text = f"{', '.join(before)} and {last}" if before else last
    if before and len(text) > _ENOUGH:
        return Subject("some of the tasks", True, True)
    return Subject(text, len(names) > 1 or names[0][1], True)


def _short(name: str) -> str:
    """A dotted name, without its middle where it is long."""
    if len(name) <= _LONG:
        return name
    first, *_, last = re.split(r"\.", name)
    return f"{first}...{last}" if first != last else name


def _last(node: ast.expr) -> str:
    return (dotted(node) or "").rpartition(".")[2]
