"""Which names of a function are still read, and whether anything still asks how a task ended.

Both by lines: what stands in a loop may be read again on its next turn. A coarse liveness is
enough: forgetting what nothing reads keeps the states few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from typing import Any

from flake8_asyncwait.analysis import ir
from flake8_asyncwait.analysis.relevance import children, every, last_name, target_names

_ASKING = frozenset({"result", "exception", "cancelled", "gather", "wait_for", "shield"})
_STATEMENTS = ir.Stmt.__args__


class Liveness:
    """The lines on which a function reads and binds its names, and asks its tasks.

    `helpers` are the names of the functions of the same file: they may ask, too.
    """

    def __init__(self, func: ir.Func, helpers: Collection[str]) -> None:
        self._asking = {*_ASKING, *helpers}
        self._reads: dict[str, int] = {}
        self._writes: dict[str, int] = {}
        self._captured = {name for nested in func.nested for name in nested.mentions}
        # The last line of each statement, and the head of the outermost loop around it.
        self._ends: dict[int, int] = {}
        self._heads: dict[int, int] = {}
        self._begun: Counter[int] = Counter()
        self._last_question = 0
        for statement in func.body:
            self._visit(statement, None)
        self._ask(func)

    def _visit(self, statement: Any, head: int | None) -> int:
        """Enter a statement in a loop that begins on line `head`; returns its last line."""
        line: int = statement.line
        if head is not None:
            self._heads[id(statement)] = head
        elif isinstance(statement, (ir.While, ir.For)):
            head = line
        self._begun[line] += 1
        for name in _bound(statement):
            self._writes[name] = max(line, self._writes.get(name, 0))
        for name in _read(statement):
            self._reads[name] = max(line, self._reads.get(name, 0))
        inner = [self._visit(one, head) for one in _inner_statements(statement)]
        own = [node.line for node in _own(statement) if hasattr(node, "line")]
        last: int = max([*own, *inner])
        self._ends[id(statement)] = last
        return last

    def _ask(self, func: ir.Func) -> None:
        for node in every(func):
            asks = isinstance(node, ir.Call) and last_name(node.func) in self._asking
            if asks or (isinstance(node, ir.Await) and not isinstance(node.value, ir.Call)):
                self._last_question = max(self._last_question, node.line)
        for nested in func.nested:
            self._ask(nested)

    def horizon(self, statement: ir.Stmt) -> int:
        """The first line that may run after a statement has ended: the head of the outermost loop
        around it, or the line behind it."""
        if id(statement) in self._heads:
            return self._heads[id(statement)]
        last = self._ends[id(statement)]
        # Where statements share a line, what the others read on it is still to come.
        return last if self._begun[last] > 1 else last + 1

    def asked_after(self, horizon: int) -> bool:
        """Whether anything on or after a line may ask how a task ended."""
        return self._last_question >= horizon

    def is_read_after(self, name: str, horizon: int) -> bool:
        """Whether anything on or after a line may read a name."""
        return name in self._captured or self._reads.get(name, 0) >= horizon

    def is_bound_after(self, name: str, horizon: int) -> bool:
        """Whether a statement on or after a line binds a name again."""
        return self._writes.get(name, 0) >= horizon


def _inner_statements(node: Any) -> Iterator[Any]:
    for child in children(node):
        if isinstance(child, _STATEMENTS):
            yield child
        elif isinstance(child, (ir.Handler, ir.Case)):
            yield from _inner_statements(child)


def _own(statement: Any) -> Iterator[Any]:
    """A statement and the nodes inside it that are in no other statement."""
    queue: list[Any] = [statement]
    while queue:
        node = queue.pop()
        yield node
        queue.extend(child for child in children(node) if not isinstance(child, _STATEMENTS))


def _bound(statement: Any) -> Iterator[str]:
    targets: list[Any] = []
    if isinstance(statement, ir.Assign):
        targets = statement.targets
    elif isinstance(statement, (ir.For, ir.With)) and statement.target is not None:
        targets = [statement.target]
    for target in targets:
        if isinstance(target, (ir.Name, ir.Unpack)):
            yield from target_names(target)


def _read(statement: Any) -> set[str]:
    """The names that a statement's own expressions may read."""
    found = {node.id for node in _own(statement) if isinstance(node, ir.Name)}
    if isinstance(statement, ir.Assign):
        values = ir.ExprStmt(statement.value, 0)
        kept = [target for target in statement.targets if not isinstance(target, ir.Name)]
        found = _read(values) | {n for t in kept for n in _read_by_target(t)}
    elif isinstance(statement, ir.For):
        found -= set(target_names(statement.target)) - _read(ir.ExprStmt(statement.iter, 0))
    return found


def _read_by_target(target: Any) -> set[str]:
    """What a target reads to store: `d` and `k` of `d[k]`, nothing for plain names."""
    if isinstance(target, ir.Name):
        return set()
    if isinstance(target, ir.Unpack):
        return {name for part, _ in target.parts for name in _read_by_target(part)}
    return _read(ir.ExprStmt(target, 0))
