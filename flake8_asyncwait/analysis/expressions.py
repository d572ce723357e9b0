"""Expressions, in evaluation order: from a state to the ways it may go on, each with a value."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flake8_asyncwait.analysis import effects, ir
from flake8_asyncwait.analysis.awaits import Awaits
from flake8_asyncwait.analysis.base import Results
from flake8_asyncwait.analysis.exceptions import ANY, CANCELLED_ERROR, Exc
from flake8_asyncwait.analysis.relevance import last_name, question
from flake8_asyncwait.analysis.run import Context
from flake8_asyncwait.analysis.state import (
    FOREIGN,
    FUTURE,
    KNOWN,
    MANY,
    OWNED,
    RUNNING,
    SOME,
    UNKNOWN,
    AsCompleted,
    Box,
    Const,
    Foreign,
    Function,
    Known,
    Loop,
    Method,
    Param,
    Primitive,
    Raised,
    Ref,
    Result,
    Shielded,
    State,
    Task,
    Unknown,
    Value,
)

RETURN_WHEN = {
    f"{module}.{name}": name
    for module in ("asyncio", "concurrent.futures", "concurrent.futures._base")
    for name in ("FIRST_COMPLETED", "FIRST_EXCEPTION", "ALL_COMPLETED")
}
TASK_METHODS = frozenset(
    [
        "cancel",
        "done",
        "cancelled",
        "result",
        "exception",
        "add_done_callback",
        "remove_done_callback",
        "get_name",
        "set_name",
        "get_coro",
        "get_loop",
        "uncancel",
        "cancelling",
    ]
)
_NUMBERS: dict[str, Callable[[Any, Any], bool]] = {
    "LessThan": lambda a, b: a < b,
    "LessThanEqual": lambda a, b: a <= b,
    "GreaterThan": lambda a, b: a > b,
    "GreaterThanEqual": lambda a, b: a >= b,
    "Equal": lambda a, b: a == b,
    "NotEqual": lambda a, b: a != b,
}
_UNKNOWN_TASKS = (Result, Unknown)


class Expressions(Awaits):
    """`evaluate` and `decide`."""

    # How many comprehensions are being evaluated, one inside the other.
    _comprehending = 0
    # How many conditions nothing decided so far.
    free_choices = 0

    def evaluate(self, node: ir.Expr, state: State, ctx: Context) -> Results:
        """All ways in which an expression may be evaluated."""
        self.books.tick(state.weight)
        return _RULES[type(node)](self, node, state, ctx)

    def evaluate_all(
        self, nodes: list[ir.Expr], state: State, ctx: Context
    ) -> list[tuple[State, list[Value]]]:
        """Evaluate several expressions one after the other."""
        ways: list[tuple[State, list[Value]]] = [(state, [])]
        for node in nodes:
            ways = [
                (after, [*values, value])
                for before, values in ways
                for after, value in self.evaluate(node, before, ctx)
            ]
        return ways

    # Conditions

    def decide(self, node: ir.Expr, state: State, ctx: Context) -> tuple[list[State], list[State]]:
        """The states in which a condition is true, and those in which it is false."""
        if isinstance(node, ir.Not):
            yes, no = self.decide(node.value, state, ctx)
            return no, yes
        if isinstance(node, ir.Bool):
            return self._decide_bool(node, state, ctx)
        true: list[State] = []
        false: list[State] = []
        for after, value in self.evaluate(node, state, ctx):
            known = self.truth(value, after)
            if known is None:
                known = self._found_before(node, after, ctx)
            self.free_choices += known is None
            if known is not False:
                true.append(self._chosen(node, after, True, ctx) if known is None else after)
            if known is not True:
                false.append(self._chosen(node, after, False, ctx) if known is None else after)
        return true, false

    def _asked(self, node: ir.Expr, ctx: Context) -> tuple[str, str]:
        """The name that a condition asks about, if it is asked about again, and what it asks."""
        if not self.tested_again or ctx.frame.func is not self.func:
            return "", ""
        name, asked = question(node)
        return (name, asked) if name in self.tested_again else ("", "")

    def _found_before(self, node: ir.Expr, state: State, ctx: Context) -> bool | None:
        """What an earlier test says of a condition; None if nothing."""
        name, asked = self._asked(node, ctx)
        known = state.env.get(KNOWN + name)
        if known is None:
            return None
        if asked == "truth":
            return False if known.none else known.truth
        none = False if known.truth else known.none
        return none if none is None else none == (asked == "Is")

    def _decide_bool(
        self, node: ir.Bool, state: State, ctx: Context
    ) -> tuple[list[State], list[State]]:
        yes, no = self.decide(node.left, state, ctx)
        going_on, stopped = (yes, no) if node.op == "and" else (no, yes)
        true: list[State] = []
        false: list[State] = []
        for after in going_on:
            more_true, more_false = self.decide(node.right, after, ctx)
            true += more_true
            false += more_false
        return (true, stopped + false) if node.op == "and" else (stopped + true, false)

    def _chosen(self, node: ir.Expr, state: State, truth: bool, ctx: Context) -> State:
        """A condition that nothing decides goes either way; what it says of a name is kept."""
        name, asked = self._asked(node, ctx)
        if name:
            before = state.env.get(KNOWN + name, Known())
            if asked == "truth":
                found = before._replace(truth=truth)
            else:
                found = before._replace(none=truth == (asked == "Is"))
            state = state.bind(KNOWN + name, found)
        name, asked = question(node)
        if name and asked != "truth" and truth == (asked == "Is"):
            state = self._know_none(name, state, ctx)
        return state

    def _know_none(self, name: str, state: State, ctx: Context) -> State:
        frame = ctx.frame.owner_of(name)
        if frame is None or frame.prefix + name not in state.env:
            return state
        return state.bind(frame.prefix + name, Const(None))

    # Names, attributes, literals

    def _const(self, node: ir.Const, state: State, ctx: Context) -> Results:
        return [(state, Const(node.value))]

    def _name(self, node: ir.Name, state: State, ctx: Context) -> Results:
        qualified = self.program.qualified(ctx.frame.func, node)
        if qualified in RETURN_WHEN:
            return [(state, Const(RETURN_WHEN[qualified]))]
        if ctx.frame.owner_of(node.id) is None and node.id not in state.env:
            text, alias = self.program.constant(node.id)
            text = RETURN_WHEN.get(alias, text) if alias is not None else text
            if text is not None:
                return [(state, Const(text))]
        return self.lookup(node.id, state, ctx)

    def _attr(self, node: ir.Attr, state: State, ctx: Context) -> Results:
        qualified = self.program.qualified(ctx.frame.func, node)
        if qualified in RETURN_WHEN:
            return [(state, Const(RETURN_WHEN[qualified]))]
        results: Results = []
        for after, value in self.evaluate(node.value, state, ctx):
            results.append((after, self._member(node, value, after, ctx)))
        return results

    def _member(self, node: ir.Attr, value: Value, state: State, ctx: Context) -> Value:
        if isinstance(value, (Ref, Primitive, Loop)):
            return Method(value, node.name)
        if isinstance(value, (Param, Result, Foreign)) and node.name in TASK_METHODS:
            return Method(value, node.name)
        if node.path is not None:
            path = self.path_text(node.path, ctx)
            return state.env.get(path, Foreign(path))
        return UNKNOWN

    def path_text(self, path: tuple[str, ...], ctx: Context) -> str:
        """How states name an attribute: a helper's own objects are not the caller's."""
        frame = ctx.frame.owner_of(path[0])
        prefix = frame.prefix if frame is not None and path[0] not in ("self", "cls") else ""
        return prefix + ".".join(path)

    def _other(self, node: ir.Other, state: State, ctx: Context) -> Results:
        return [(after, UNKNOWN) for after, _ in self.evaluate_all(node.parts, state, ctx)]

    def _lambda(self, node: ir.Lambda, state: State, ctx: Context) -> Results:
        return [(state, Function(node.func, False))]

    def _walrus(self, node: ir.Walrus, state: State, ctx: Context) -> Results:
        return [
            (self.assign(node.target.id, value, after, ctx), value)
            for after, value in self.evaluate(node.value, state, ctx)
        ]

    def _await(self, node: ir.Await, state: State, ctx: Context) -> Results:
        results: Results = []
        for after, value in self.evaluate(node.value, state, ctx):
            results += self.await_value(after, value, node.line, ctx)
        return results

    def _yield(self, node: ir.Yield, state: State, ctx: Context) -> Results:
        if node.value is None:
            return self.yield_value(state, UNKNOWN, node.line, ctx)
        results: Results = []
        for after, value in self.evaluate(node.value, state, ctx):
            results += self.yield_value(after, value, node.line, ctx)
        return results

    # Collections

    def _display(self, node: ir.Display, state: State, ctx: Context) -> Results:
        results: Results = []
        for after, values in self.evaluate_all([e for e, _ in node.elements], state, ctx):
            items: list[Value] = []
            opened = False
            for (_, starred), value in zip(node.elements, values, strict=False):
                if starred:
                    after, more, source = self.as_items(after, value)
                    box = after.get(source)
                    opened = opened or more is None or (type(box) is Box and box.open)
                    items.extend(more or ())
                else:
                    items.append(value)
            results.append(self.box(after, node.kind, items, opened))
        return results

    def box(self, state: State, kind: str, items: list[Value], opened: bool) -> tuple[State, Value]:
        """A new collection, or an unknown value where it holds nothing to remember."""
        telling = [item for item in items if not isinstance(item, Unknown)]
        if kind != "tuple":
            distinct = list(dict.fromkeys(telling))
            # Equal results of one call stand for as many things as the call was made.
            several = any(isinstance(i, Result) and telling.count(i) > 1 for i in distinct)
            opened = opened or several or len(telling) < len(items)
            items = distinct
        constants = kind == "tuple" and all(isinstance(item, Const) for item in items)
        if (items or opened) and not constants and not any(self.tells(i, state) for i in items):
            return state, UNKNOWN
        return state.new(Box(kind, tuple(items), opened))

    def tells(self, value: Value, state: State) -> bool:
        """Whether a value is worth remembering in a collection: it may be a task or make one, or it
        is None, which to wait for raises."""
        thing = state.get(value)
        if type(thing) is Box:
            if not thing.items:
                return not thing.open  # a collection to come
            return any(
                self.tells(part, state)
                for item in thing.items
                for part in (item if type(item) is tuple else (item,))
            )
        return value == Const(None) or not isinstance(value, (Const, Unknown))

    def _dict(self, node: ir.DictDisplay, state: State, ctx: Context) -> Results:
        flat = [part for key, value in node.items for part in (key, value) if part is not None]
        results: Results = []
        for after, values in self.evaluate_all(flat, state, ctx):
            feed = iter(values)
            pairs: list[Value] = []
            opened = False
            for key, _ in node.items:
                if key is None:
                    merged = after.get(next(feed))
                    known = type(merged) is Box and merged.kind == "dict"
                    pairs.extend(merged.items if known else ())
                    opened = opened or not known or merged.open
                else:
                    pairs.append((next(feed), next(feed)))
            if pairs and not any(self.tells(part, after) for pair in pairs for part in pair):
                results.append((after, UNKNOWN))
            else:
                results.append(after.new(Box("dict", tuple(pairs), opened)))
        return results

    def _comprehension(self, node: ir.Comprehension, state: State, ctx: Context) -> Results:
        self._comprehending += 1
        ways = self._clauses(node, 0, [(state, [], False)], ctx)
        self._comprehending -= 1
        bound = {n for clause in node.clauses for n in self._clause_names(clause.target, ctx)}
        results: Results = []
        for after, items, opened in ways:
            after = after.unbind(*bound)
            if node.kind == "dict":
                results.append(after.new(Box("dict", tuple(items), opened)))
            else:
                results.append(self._comprehended(after, node.kind, items, opened))
        return results

    def _comprehended(
        self, state: State, kind: str, items: list[Value], opened: bool
    ) -> tuple[State, Value]:
        if items and all(isinstance(item, Const) for item in items) and not opened:
            return state.new(Box(kind, tuple(items)))
        return self.box(state, kind, items, opened)

    def _clause_names(self, target: ir.Target, ctx: Context) -> list[str]:
        if isinstance(target, ir.Name):
            return [ctx.frame.prefix + target.id]
        if isinstance(target, ir.Unpack):
            return [name for part, _ in target.parts for name in self._clause_names(part, ctx)]
        return []

    def _clauses(
        self,
        node: ir.Comprehension,
        depth: int,
        ways: list[tuple[State, list[Value], bool]],
        ctx: Context,
    ) -> list[tuple[State, list[Value], bool]]:
        if depth == len(node.clauses):
            return [end for way in ways for end in self._element(node, way, ctx)]
        clause = node.clauses[depth]
        ends: list[tuple[State, list[Value], bool]] = []
        for before, items, opened in ways:
            for state, value in self.evaluate(clause.iter, before, ctx):
                if clause.asynchronous:
                    self.fault(state, ctx, node.line, (CANCELLED_ERROR, ANY), state.suspended())
                    state = state.suspended()
                if self.is_none(value, state, ctx, "TypeError"):
                    continue
                state, known, source = self.iterated(state, value)
                if known is None:
                    known = self.turns(clause.iter)
                if known is None:
                    ends += self._unknown_clause(node, depth, (state, items, True), ctx)
                    continue
                current = [(state, items, opened)]
                for item in known:
                    current = self._item(node, depth, item, current, ctx)
                box = state.get(source)
                if type(box) is Box and box.open:
                    current = [
                        end
                        for way in current
                        for end in self._unknown_clause(node, depth, way, ctx)
                    ]
                ends += current
        return ends

    def _item(
        self,
        node: ir.Comprehension,
        depth: int,
        item: Value,
        ways: list[tuple[State, list[Value], bool]],
        ctx: Context,
    ) -> list[tuple[State, list[Value], bool]]:
        """One turn of a clause: bind its target, decide its tests, go on inside."""
        clause = node.clauses[depth]
        ends: list[tuple[State, list[Value], bool]] = []
        for state, items, opened in ways:
            for bound in self.bind(clause.target, item, state, ctx):
                passed = [bound]
                for test in clause.tests:
                    split = [self.decide(test, one, ctx) for one in passed]
                    ends += [(one, items, opened) for _, no in split for one in no]
                    passed = [one for yes, _ in split for one in yes]
                inner = [(one, items, opened) for one in passed]
                ends += self._clauses(node, depth + 1, inner, ctx)
        return ends

    def _unknown_clause(
        self,
        node: ir.Comprehension,
        depth: int,
        way: tuple[State, list[Value], bool],
        ctx: Context,
    ) -> list[tuple[State, list[Value], bool]]:
        """A clause over something unknown: its elements count only if they are tasks, then as
        many as a collection of unknown size stands for. Its tests only change how many."""
        before, items, _ = way
        ends: list[tuple[State, list[Value], bool]] = []
        for bound in self.bind(node.clauses[depth].target, UNKNOWN, before, ctx):
            for state, after, _ in self._clauses(node, depth + 1, [(bound, items, False)], ctx):
                fresh = after[len(items) :]
                if not any(self._is_made(state, item, before) for item in fresh):
                    ends.append((state, after, True))
                    continue
                some, none = self.sizes(node.clauses[depth].iter, state, before, ctx)
                ends += [(one, items, False) for one in none]
                more = [(one, after, False) for one in some]
                for _ in range(self.many - 1):
                    more = self._clauses(node, depth + 1, more, ctx)
                ends += [end for end in more if len(end[1]) <= len(items) + 2 * self.many]
        return ends

    def sizes(
        self, node: ir.Expr, some: State, none: State, ctx: Context
    ) -> tuple[list[State], list[State]]:
        """Of the states of a loop over something unknown, `some` with and `none` without a turn,
        those that may be: what the function loops over again is as empty as it was."""
        if self.turns(node):
            return [some], []
        if not isinstance(node, ir.Name) or not self._is_repeated(node.id, ctx):
            return [some], [none]
        key = SOME + node.id
        known = none.env.get(key)
        return (
            [some.bind(key, Const(True))] if known != Const(False) else [],
            [none.bind(key, Const(False))] if known != Const(True) else [],
        )

    def _is_repeated(self, name: str, ctx: Context) -> bool:
        return ctx.frame.func is self.func and name in self.facts.repeated

    def turns(self, node: ir.Expr) -> tuple[Value, ...] | None:
        """The items of a loop over a few things that are displayed."""
        if not isinstance(node, ir.Display) or any(starred for _, starred in node.elements):
            return None
        count = len(node.elements)
        return (UNKNOWN,) * count if 0 < count <= MANY else None

    def _is_made(self, state: State, item: Value, before: State) -> bool:
        """Whether evaluating the element made a task that was not there before."""
        return any(number not in before.heap for number in state.refs(item))

    def _element(
        self, node: ir.Comprehension, way: tuple[State, list[Value], bool], ctx: Context
    ) -> list[tuple[State, list[Value], bool]]:
        state, items, opened = way
        if node.key is None:
            return [
                (after, [*items, value], opened)
                for after, value in self.evaluate(node.element, state, ctx)
            ]
        return [
            (after, [*items, (values[0], values[1])], opened)
            for after, values in self.evaluate_all([node.key, node.element], state, ctx)
        ]

    def iterated(self, state: State, value: Value) -> tuple[State, tuple[Value, ...] | None, Value]:
        """What a loop over a value yields; `as_completed` yields what stands for each task."""
        if isinstance(value, AsCompleted):
            state, items, source = self.as_items(state, value.waited)
            return state, None if items is None else tuple(map(Shielded, items)), source
        if isinstance(value, Foreign) and value.path not in self.relevant:
            return state, None, value
        return self.as_items(state, value)

    def _subscript(self, node: ir.Subscript, state: State, ctx: Context) -> Results:
        results: Results = []
        if isinstance(node.index, ir.Slice):
            for after, value in self.evaluate(node.value, state, ctx):
                results += self._sliced(after, value, node.index, ctx)
            return results
        for after, (value, index) in self.evaluate_all([node.value, node.index], state, ctx):
            if isinstance(value, Param):
                after, _, value = self.as_items(after, value)
            box = after.get(value)
            if type(box) is not Box:
                results.append((after, UNKNOWN))
            elif box.kind == "dict":
                results += [(after, item) for item in self._looked_up(box, index)]
            else:
                results += self._indexed(after, box, index, ctx)
        return results

    def _sliced(self, state: State, value: Value, index: ir.Slice, ctx: Context) -> Results:
        state, items, source = self.iterated(state, value)
        box = state.get(source)
        if items is None or type(box) is not Box:
            return [(state, UNKNOWN)]
        bounds = [self._slice_bound(part) for part in (index.lower, index.upper, index.step)]
        if bounds[2] == 0:
            self.fail(state, ctx, Exc("ValueError"))
            return []
        if any(bound is _FREE for bound in bounds):
            return [state.new(Box(box.kind, items, True))]
        return [state.new(Box(box.kind, items[slice(*bounds)], box.open))]

    def _slice_bound(self, node: ir.Expr | None) -> Any:
        if node is None:
            return None
        known = isinstance(node, ir.Const) and type(node.value) is int
        return node.value if known else _FREE  # type: ignore[union-attr]

    def _looked_up(self, box: Box, index: Value) -> list[Value]:
        exact = [value for key, value in box.items if key == index and not isinstance(key, Unknown)]
        return exact[-1:] or [value for _, value in box.items] or [UNKNOWN]

    def _indexed(self, state: State, box: Box, index: Value, ctx: Context) -> Results:
        if isinstance(index, Const) and type(index.value) is int and box.kind != "set":
            if -len(box.items) <= index.value < len(box.items):
                return [(state, box.items[index.value])]
            if not box.open:
                self.fail(state, ctx, Exc("IndexError"))
                return []
            return [(state, UNKNOWN)]
        return [(state, item) for item, _ in effects.choices(state, box.items)] or [
            (state, UNKNOWN)
        ]

    def _binary(self, node: ir.Binary, state: State, ctx: Context) -> Results:
        results: Results = []
        for after, (left, right) in self.evaluate_all([node.left, node.right], state, ctx):
            results.append(self.combined(after, node.op, left, right))
        return results

    def combined(self, state: State, op: str, left: Value, right: Value) -> tuple[State, Value]:
        """`left op right` of two collections; unknown if neither is one."""
        if op not in ("Add", "BitOr", "Subtract", "BitAnd", "BitXor"):
            return state, UNKNOWN
        if not any(self._collection(state, side) for side in (left, right)):
            return state, UNKNOWN
        first, second = state.get(left), state.get(right)
        if op == "BitOr" and _is_dict(first) and _is_dict(second):
            opened = first.open or second.open
            return state.new(Box("dict", (*first.items, *second.items), opened))
        state, mine, left = self.as_items(state, left)
        state, others, right = self.as_items(state, right)
        box = state.get(left) if type(state.get(left)) is Box else state.get(right)
        opened = any(
            items is None or state.get(side).open for items, side in ((mine, left), (others, right))
        )
        mine, others = mine or (), others or ()
        if op == "Subtract":
            items = tuple(item for item in mine if item not in others)
            opened = state.get(left).open if type(state.get(left)) is Box else True
        elif op == "BitAnd":
            items = tuple(item for item in mine if item in others)
        elif op == "BitXor":
            items = tuple(i for i in (*mine, *others) if (i in mine) != (i in others))
        else:
            items = tuple(dict.fromkeys((*mine, *others)))
        if box.kind == "dict":
            return state, UNKNOWN
        return state.new(Box(box.kind, items, opened))

    def _collection(self, state: State, value: Value) -> bool:
        if isinstance(value, Foreign):
            return value.path in self.relevant and self.something_to_lose(state)
        return isinstance(value, Param) or type(state.get(value)) is Box

    # Logic

    def _not(self, node: ir.Not, state: State, ctx: Context) -> Results:
        yes, no = self.decide(node.value, state, ctx)
        return [(s, Const(False)) for s in yes] + [(s, Const(True)) for s in no]

    def _bool(self, node: ir.Bool, state: State, ctx: Context) -> Results:
        results: Results = []
        for after, value in self.evaluate(node.left, state, ctx):
            known = self.truth(value, after)
            stops = node.op == "or"
            if known is None or known is stops:
                results.append((after, value))
            if known is None or known is not stops:
                results += self.evaluate(node.right, after, ctx)
        return results

    def _if_exp(self, node: ir.IfExp, state: State, ctx: Context) -> Results:
        yes, no = self.decide(node.test, state, ctx)
        results: Results = []
        for branch, states in ((node.body, yes), (node.orelse, no)):
            for one in states:
                results += self.evaluate(branch, one, ctx)
        return results

    def _compare(self, node: ir.Compare, state: State, ctx: Context) -> Results:
        nodes = [node.left, *(right for _, right in node.rest)]
        results: Results = []
        for after, values in self.evaluate_all(nodes, state, ctx):
            pairs = zip(node.rest, values[1:], strict=True)
            if any(self._is_in_none(op, value) for (op, _), value in pairs):
                self.fail(after, ctx, Exc("TypeError"))
                continue
            if self._is_stranger(node, after, values[1], ctx):
                results.append((after, Const(node.rest[0][0] == "NotIn")))
                continue
            sizes = [_is_size(one) for one in nodes]
            verdicts = [
                self._compared(after, op, values[n : n + 2], sizes[n : n + 2])
                for n, (op, _) in enumerate(node.rest)
            ]
            if False in verdicts:
                results.append((after, Const(False)))
            elif None in verdicts:
                results.append((after, UNKNOWN))
            else:
                results.append((after, Const(True)))
        return results

    def _is_stranger(self, node: ir.Compare, state: State, right: Value, ctx: Context) -> bool:
        """Whether `name in tasks` asks for what came as a parameter among tasks that were made
        here: it is none of them."""
        box = state.get(right)
        if node.rest[0][0] not in ("In", "NotIn") or len(node.rest) > 1 or type(box) is not Box:
            return False
        func, name = ctx.frame.func, node.left.id if isinstance(node.left, ir.Name) else ""
        if name not in func.params or name in func.rebound or box.open or box.kind == "dict":
            return False
        tasks = [state.get(item) for item in box.items]
        return all(type(task) is Task and task.owner == OWNED for task in tasks)

    def _is_in_none(self, op: str, right: Value) -> bool:
        return op in ("In", "NotIn") and isinstance(right, Const) and right.value is None

    def _compared(
        self, state: State, op: str, sides: list[Value], sizes: list[bool]
    ) -> bool | None:
        """Whether `left op right`, if that is known; `sizes` tells which sides are `len(...)`."""
        left, right = sides
        if op in ("In", "NotIn"):
            inside = self._contains(state, left, right)
            return inside if inside is None else inside == (op == "In")
        if op in ("Is", "IsNot"):
            same = self._same(state, left, right)
            return same if same is None else same == (op == "Is")
        if isinstance(left, Const) and isinstance(right, Const):
            return self._numbers(op, [left.value, right.value], sizes)
        if op in ("Equal", "NotEqual"):
            same = self._same(state, left, right)
            return same if same is None else same == (op == "Equal")
        return None

    def _numbers(self, op: str, sides: list[object], sizes: list[bool]) -> bool | None:
        """Compare two constants. Where one is more than collections of unknown size stand for, it
        is not known how it compares, but for a size: so many there are, at least."""
        left, right = sides
        for side, is_size in zip(sides, sizes, strict=True):
            if type(side) is int and side > MANY and not is_size and left != right:
                return None
        if op in ("Equal", "NotEqual") or (type(left) is int and type(right) is int):
            return _NUMBERS[op](left, right)
        return None

    def _same(self, state: State, left: Value, right: Value) -> bool | None:
        for one, other in ((left, right), (right, left)):
            if isinstance(one, Const) and one.value is None:
                if isinstance(other, Const):
                    return other.value is None
                if isinstance(other, (Ref, Raised, Function, Method)):
                    return False
                return None
        if isinstance(left, Ref) and isinstance(right, Ref):
            kinds = {type(state.get(left)), type(state.get(right))}
            if left == right:
                return True
            return None if Box in kinds else self._both_tracked(state, left, right)
        if isinstance(left, Const) and isinstance(right, Const):
            return left.value is right.value or left.value == right.value
        return None

    def _both_tracked(self, state: State, left: Ref, right: Ref) -> bool | None:
        """Two tasks of the heap differ, unless both are somebody else's."""
        owners = {getattr(state.get(side), "owner", "") for side in (left, right)}
        return None if owners == {FOREIGN} else False

    def _contains(self, state: State, item: Value, box: Value) -> bool | None:
        thing = state.get(box)
        if type(thing) is not Box or thing.kind == "iter":
            return None
        items = [key for key, _ in thing.items] if thing.kind == "dict" else thing.items
        if isinstance(item, Ref) and item in items:
            return True
        if not isinstance(item, Ref):
            return False if not items and not thing.open and not thing.escaped else None
        if thing.escaped and not self._is_private(state.heap[item.id]):
            return None
        if thing.open and getattr(state.get(item), "owner", "") == FOREIGN:
            return None
        return False

    def _is_private(self, thing: object) -> bool:
        """Whether nobody else can reach a task, and so put it anywhere."""
        return type(thing) is Task and thing.owner == OWNED and not thing.handed

    # Binding

    def bind(self, target: ir.Target, value: Value, state: State, ctx: Context) -> list[State]:
        """Bind a target; taking apart a collection of another size raises ValueError."""
        if isinstance(target, ir.Name):
            return [self.assign(target.id, value, state, ctx)]
        if isinstance(target, ir.Attr):
            return self._bind_attr(target, value, state, ctx)
        if isinstance(target, ir.Subscript):
            return self._bind_subscript(target, value, state, ctx)
        if isinstance(target, ir.Unpack):
            return self._bind_unpack(target, value, state, ctx)
        state = self.hand_over(state, value, ctx)
        return [after for after, _ in self.evaluate(target, state, ctx)]

    def _bind_attr(self, target: ir.Attr, value: Value, state: State, ctx: Context) -> list[State]:
        states = []
        for after, _ in self.evaluate(target.value, state, ctx):
            after = self.hand_over(after, value, ctx)
            if target.path is not None:
                path = self.path_text(target.path, ctx)
                known = isinstance(value, Ref) and path in self.relevant
                after = after.bind(path, value) if known else after.unbind(path)
            states.append(after)
        return states

    def _bind_subscript(
        self, target: ir.Subscript, value: Value, state: State, ctx: Context
    ) -> list[State]:
        states = []
        for after, (owner, index) in self.evaluate_all([target.value, target.index], state, ctx):
            box = after.get(owner)
            if type(box) is not Box or box.escaped:
                after = self.hand_over(self.hand_over(after, value, ctx), index, ctx)
            elif box.kind == "dict":
                pairs = tuple(pair for pair in box.items if pair[0] != index or index == UNKNOWN)
                after = after.put(owner, self.with_pair(box, pairs, index, value, after))
            elif not isinstance(value, Unknown):
                after = self._set_item(after, owner, box, index, value)
            states.append(after)
        return states

    def with_pair(
        self, box: Box, pairs: tuple[Value, ...], key: Value, value: Value, state: State
    ) -> Box:
        """A dict with one more pair than `pairs`, where that may matter to a wait."""
        if not any(self.is_element(part, state) for part in (key, value)):
            return box._replace(items=pairs, open=True)
        if (key, value) in pairs:
            return box
        return box._replace(items=(*pairs, (key, value)))

    def is_element(self, value: Value, state: State) -> bool:
        """Whether a value is, or holds, what may be an element of a wait."""
        thing = state.get(value)
        if type(thing) is Box:
            return any(
                self.is_element(part, state)
                for item in thing.items
                for part in (item if type(item) is tuple else (item,))
            )
        return thing is not None or isinstance(value, (Param, Foreign))

    def _set_item(self, state: State, owner: Ref, box: Box, index: Value, value: Value) -> State:
        if isinstance(index, Const) and type(index.value) is int:
            if -len(box.items) <= index.value < len(box.items):
                items = list(box.items)
                items[index.value] = value
                return state.put(owner, box._replace(items=tuple(items)))
        return state.put(owner, box._replace(items=(*box.items, value)))

    def _bind_unpack(
        self, target: ir.Unpack, value: Value, state: State, ctx: Context
    ) -> list[State]:
        state, items, source = self.iterated(state, value)
        box = state.get(source)
        if items is None or (type(box) is Box and box.open):
            for part, _ in target.parts:
                state = self.bind(part, UNKNOWN, state, ctx)[0]
            return [state] if items is None else [self.hand_over(state, source, ctx)]
        orders = [(state, items)]
        if type(box) is Box and box.kind == "set":
            orders = [(state, order) for order in self._orders(state, items)]
        states: list[State] = []
        for before, order in orders:
            states += self._bind_parts(target, order, before, ctx)
        return states

    def _orders(self, state: State, items: tuple[Value, ...]) -> list[tuple[Value, ...]]:
        """The orders in which a small set may yield its items."""
        if len(items) < 2 or len(items) > MANY:
            return [items]
        return [
            (first, *rest)
            for first, others in effects.choices(state, items)
            for rest in self._orders(state, others)
        ]

    def _bind_parts(
        self, target: ir.Unpack, items: tuple[Value, ...], state: State, ctx: Context
    ) -> list[State]:
        starred = [position for position, (_, star) in enumerate(target.parts) if star]
        count = len(target.parts)
        if len(items) < count - len(starred) or (not starred and len(items) != count):
            self.fail(state, ctx, Exc("ValueError"))
            return []
        values: list[Value] = list(items)
        if starred:
            first = starred[0]
            extra = len(items) - (count - 1)
            state, rest = state.new(Box("list", tuple(items[first : first + extra])))
            values[first : first + extra] = [rest]
        states = [state]
        for (part, _), value in zip(target.parts, values, strict=False):
            states = [after for before in states for after in self.bind(part, value, before, ctx)]
        return states

    def _slice(self, node: ir.Slice, state: State, ctx: Context) -> Results:
        return [(state, UNKNOWN)]

    def _call(self, node: ir.Call, state: State, ctx: Context) -> Results:
        return self.call(node, state, ctx)

    def call(self, node: ir.Call, state: State, ctx: Context) -> Results:
        raise NotImplementedError

    def new_task(self, state: State, owner: str, node: object) -> Results:
        """A task made here; none where a state remembers as many of this origin as count.

        Leaving executions out can hide a leak, but never make one up.
        """
        if owner == FUTURE and self.facts.nothing_to_lose:
            return [(state, UNKNOWN)]
        origin = self.origin(node)
        most = 2 * self.many if self._comprehending else self.many
        if self.live(state, origin) >= most:
            return []
        return [state.new(Task(RUNNING, owner, origin))]


def _is_dict(thing: Any) -> bool:
    return type(thing) is Box and thing.kind == "dict"


def _is_size(node: ir.Expr) -> bool:
    return isinstance(node, ir.Call) and last_name(node.func) == "len"


_FREE = object()
_RULES: dict[type, Callable[[Expressions, Any, State, Context], Results]] = {
    ir.Const: Expressions._const,
    ir.Name: Expressions._name,
    ir.Attr: Expressions._attr,
    ir.Call: Expressions._call,
    ir.Await: Expressions._await,
    ir.Yield: Expressions._yield,
    ir.Display: Expressions._display,
    ir.DictDisplay: Expressions._dict,
    ir.Comprehension: Expressions._comprehension,
    ir.Binary: Expressions._binary,
    ir.Not: Expressions._not,
    ir.Bool: Expressions._bool,
    ir.Compare: Expressions._compare,
    ir.IfExp: Expressions._if_exp,
    ir.Lambda: Expressions._lambda,
    ir.Subscript: Expressions._subscript,
    ir.Slice: Expressions._slice,
    ir.Walrus: Expressions._walrus,
    ir.Other: Expressions._other,
}
