"""Which names of a function are still read behind a statement, and what else still matters there.

The live variables of data flow analysis (Nielson, Nielson and Hankin, *Principles of Program
Analysis*, section 2.1.4), over the tree of statements: from the last one back to the first, and
around each loop until nothing is added. Any statement may raise, so what a handler reads is live
in all of its `try`. Forgetting what nothing reads keeps the states few.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.walk import (
    MEMBERSHIP,
    bindings,
    every,
    last_name,
    mentioned,
    own_nodes,
    suspends,
    walk,
)
from flake8_asyncwait.named import NamedTuple

# What is live, beside names: these, which nothing kills.
_QUESTION = "?"  # something asks how a task ended
_SUSPENSION = "..."  # the function suspends
_FIRST_EXCEPTION = "FIRST_EXCEPTION"
_BINDING = "="  # before a name: a statement binds it


class _Exits(NamedTuple):
    """What is live where a block is left abruptly, as bit masks."""

    raised: int = 0
    returned: int = 0
    broken: int = 0
    continued: int = 0

    @property
    def all(self) -> int:
        return self.raised | self.returned | self.broken | self.continued


class Liveness:
    """What is live behind each statement of a function.

    `asking` are the last components of the names of what may ask how a task has ended. `calls` are
    those of which it is to say whether they are reached.
    """

    def __init__(
        self, func: ir.Func, asking: Collection[str], calls: Collection[ir.Call] = ()
    ) -> None:
        self._asking = asking
        self._calls = frozenset(calls)
        self._captured = func.captured
        # When a nested function runs is not known.
        self._always_asked = any(self._asks_inside(nested) for nested in func.nested)
        # Sets are bit masks: there is one for each statement, and some functions have many names.
        self._bits: dict[str, int] = {}
        self._behind: dict[int, int] = {}
        self._heads: dict[int, int] = {}
        self._block(func.body, 0, _Exits())

    def asked_after(self, statement: ir.Stmt) -> bool:
        """Whether anything behind a statement may ask how a task ended."""
        return self._always_asked or self._is_live(_QUESTION, statement)

    def suspends_after(self, statement: ir.Stmt) -> bool:
        """Whether the function may suspend behind a statement."""
        return self._is_live(_SUSPENSION, statement)

    def fails_after(self, statement: ir.Stmt) -> bool:
        """Whether a wait behind a statement may be one that a failure ends."""
        return self._is_live(_FIRST_EXCEPTION, statement)

    def is_read_after(self, name: str, statement: ir.Stmt) -> bool:
        """Whether anything behind a statement may read what a name holds there."""
        return name in self._captured or self._is_live(name, statement)

    def is_read_from(self, name: str, loop: ir.While | ir.For) -> bool:
        """Whether another turn of a loop, or anything behind it, may read what a name holds."""
        return name in self._captured or bool(self._heads[id(loop)] & self._bits.get(name, 0))

    def is_bound_after(self, name: str, statement: ir.Stmt) -> bool:
        """Whether anything behind a statement may bind a name again."""
        return self._is_live(_BINDING + name, statement)

    def is_reached_after(self, call: ir.Call, statement: ir.Stmt) -> bool:
        """Whether a call may be evaluated behind a statement."""
        return self._is_live(_fact_of(call), statement)

    def _is_live(self, fact: str, statement: ir.Stmt) -> bool:
        return bool(self._behind[id(statement)] & self._bits.get(fact, 0))

    def _asks_inside(self, func: ir.Func) -> bool:
        return any(map(self._asks, every(func))) or any(map(self._asks_inside, func.nested))

    def _asks(self, node: ir.Node) -> bool:
        """Whether a node asks how a task has ended; a wait that only a failure ends does, too."""
        if isinstance(node, ir.Call):
            return last_name(node.func) in self._asking
        if _names_failure(node):
            return True
        return isinstance(node, ir.Await) and not isinstance(node.value, ir.Call)

    def _block(self, body: list[ir.Stmt], live: int, exits: _Exits) -> int:
        """What is live before a block, and behind each of its statements; `live` is behind it."""
        for statement in reversed(body):
            live = self._left_to(statement, live, exits)
            self._behind[id(statement)] = live
            live = self._before(statement, live, exits) | exits.raised
        return live

    def _left_to(self, statement: ir.Stmt, live: int, exits: _Exits) -> int:
        """What is live where a statement leads, if it does not lead to the next one."""
        if isinstance(statement, ir.Jump):
            return exits.broken if statement.kind == "break" else exits.continued
        if isinstance(statement, ir.Return):
            return exits.returned
        return exits.raised if isinstance(statement, ir.Raise) else live

    def _before(self, statement: ir.Stmt, live: int, exits: _Exits) -> int:
        if isinstance(statement, (ir.While, ir.For)):
            return self._loop(statement, live, exits)
        if isinstance(statement, ir.Try):
            return self._try(statement, live, exits)
        if isinstance(statement, ir.If):
            orelse = self._block(statement.orelse, live, exits)
            live = self._block(statement.body, live, exits) | orelse
        elif isinstance(statement, ir.Match):
            for case in statement.cases:
                live |= self._block(case.body, live, exits)
        elif isinstance(statement, ir.With):
            # Its manager may swallow what is raised inside, and suspend on every way out.
            left = self._mask([_SUSPENSION] if statement.asynchronous else ())
            live |= left
            inside = _Exits(exits.raised | live, *(each | left for each in exits[1:]))
            live = self._block(statement.body, live, inside)
        return live & ~self._mask(_bound(statement)) | self._facts(statement)

    def _loop(self, node: ir.While | ir.For, live: int, exits: _Exits) -> int:
        """What is live before a loop. Its head starts from what an earlier visit found, so that
        loops in loops are not gone round again and again."""
        bound = self._mask(_bound(node))
        facts = self._facts(node)
        # What a `for` goes through is read once, a condition on every turn.
        each = _binding(node) | _held(node) | ({_SUSPENSION} if suspends(node) else set())
        again = facts if isinstance(node, ir.While) else self._mask(each)
        head = self._heads.get(id(node), 0) | again | self._block(node.orelse, live, exits)
        while True:
            inside = exits._replace(broken=live, continued=head)
            turned = head | self._block(node.body, head, inside) & ~bound | exits.raised
            if turned == head:
                break
            head = turned
        self._heads[id(node)] = head
        return head | facts

    def _try(self, node: ir.Try, live: int, exits: _Exits) -> int:
        if node.final:
            live = self._block(node.final, live | exits.all, exits)
            exits = _Exits(live, live, live, live)
        caught = exits.raised | self._facts(node)
        for handler in node.handlers:
            caught |= self._block(handler.body, live, exits)
        orelse = self._block(node.orelse, live, exits)
        return self._block(node.body, orelse, exits._replace(raised=caught))

    def _facts(self, statement: ir.Stmt) -> int:
        """What a statement's own expressions read, whether they ask, and what it binds."""
        facts = {*_read(statement), *_binding(statement)}
        nodes = list(own_nodes(statement))
        facts |= {_fact_of(node) for node in nodes if node in self._calls}
        if any(map(self._asks, nodes)):
            facts.add(_QUESTION)
        if any(map(_names_failure, nodes)):
            facts.add(_FIRST_EXCEPTION)
        if any(map(suspends, nodes)):
            facts.add(_SUSPENSION)
        return self._mask(facts)

    def _mask(self, facts: Iterable[str]) -> int:
        mask = 0
        for fact in facts:
            mask |= self._bits.setdefault(fact, 1 << len(self._bits))
        return mask


def _names_failure(node: ir.Node) -> bool:
    """Whether a node says that a wait ends with the first failure."""
    if isinstance(node, (ir.Name, ir.Attr)):
        return last_name(node) == _FIRST_EXCEPTION
    return isinstance(node, ir.Const) and bool(node.value == _FIRST_EXCEPTION)


def _fact_of(call: ir.Call) -> str:
    return f"call {id(call)}"


def _targets(statement: ir.Node) -> set[ir.Name]:
    """The names, as nodes, that a statement binds to whatever they hold then."""
    if isinstance(statement, ir.AugAssign):
        return set()  # it reads its target
    found = set()
    queue = [target for target, _ in bindings(statement)]
    while queue:
        target = queue.pop()
        if isinstance(target, ir.Name):
            found.add(target)
        elif isinstance(target, ir.Unpack):
            queue.extend(part for part, _ in target.parts)
    return found


def _bound(statement: ir.Node) -> set[str]:
    return {target.id for target in _targets(statement)}


def _held(loop: ir.While | ir.For) -> set[str]:
    """The names of what a loop goes through, which keeps it, where a turn may ask whether one of
    its keys is in something: no other is equal to that (`collections_keys`)."""
    if isinstance(loop, ir.While) or not any(map(_is_membership, walk(loop.body))):
        return set()
    return mentioned(loop.iter)


def _is_membership(node: ir.Node) -> bool:
    return isinstance(node, ir.Compare) and node.op in MEMBERSHIP


def _binding(statement: ir.Node) -> set[str]:
    return {_BINDING + name for name in _bound(statement)}


def _read(statement: ir.Node) -> set[str]:
    """The names that a statement's own expressions may read."""
    names = {node for node in own_nodes(statement) if isinstance(node, ir.Name)}
    return {node.id for node in names - _targets(statement)}
