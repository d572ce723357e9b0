"""Statements: from a set of states to the sets in which they complete.

`run_block` returns the states that go on; abrupt ends go to the context's flow. `finally` runs
once for every completion that comes in, and passes it on unless it ends abruptly itself.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flake8_asyncwait.analysis import effects, ir
from flake8_asyncwait.analysis.base import Results
from flake8_asyncwait.analysis.calls import Args, Calls
from flake8_asyncwait.analysis.completion import (
    BREAK,
    CONTINUE,
    RETURN,
    Completion,
    Flow,
    States,
    raising,
)
from flake8_asyncwait.analysis.exceptions import (
    ANY,
    CANCELLED_ERROR,
    NO,
    TIMEOUT_ERROR,
    YES,
    Exc,
    catches,
)
from flake8_asyncwait.analysis.lower import ANYTHING
from flake8_asyncwait.analysis.relevance import last_name, target_names, tested, walk
from flake8_asyncwait.analysis.run import MAX_DEPTH, Context, Frame
from flake8_asyncwait.analysis.state import (
    DONE,
    KNOWN,
    SOME,
    UNKNOWN,
    AsCompleted,
    Box,
    Const,
    Function,
    Raised,
    Ref,
    State,
    Unknown,
    Value,
)

_TIMEOUTS = frozenset({"asyncio.timeout", "asyncio.timeout_at"})
_STACKS = frozenset({"contextlib.ExitStack", "contextlib.AsyncExitStack"})
_MANAGERS = frozenset({"contextmanager", "asynccontextmanager"})


# Statements and expressions that may end a block or suspend it, or that capture names.
_TELLING = (
    ir.Await,
    ir.Yield,
    ir.Return,
    ir.Raise,
    ir.Jump,
    ir.Define,
    ir.DefineClass,
    ir.Lambda,
)


# Methods of tasks and collections that may raise.
_STOPPING = frozenset({"result", "exception", "pop", "remove"})


class Statements(Calls):
    """`run_block`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._idle: dict[int, bool] = {}
        self.watched = self.relevant | {func.name for func in self.func.nested}
        self._ordered: dict[int, bool] = {}

    def run_block(self, body: list[ir.Stmt], states: list[State], ctx: Context) -> list[State]:
        """Run statements one after the other; returns the states that reach the end."""
        for statement in body:
            if not states:
                return states
            if self.is_idle(statement, ctx):
                continue
            self.books.tick(len(states))
            compound = _COMPOUND.get(type(statement))
            if compound is not None:
                ends = compound(self, statement, states, ctx)
            else:
                simple = _SIMPLE[type(statement)]
                ends = [end for state in states for end in simple(self, statement, state, ctx)]
            if len(ends) > 1:
                ends = [self._forget(end, statement, ctx) for end in ends]
            states = self.merge(ends, statement.line)
        return states

    def is_idle(self, statement: ir.Stmt, ctx: Context) -> bool:
        """Whether a statement of the function cannot touch what states remember."""
        if ctx.frame.func is not self.func:
            return False
        key = id(statement)
        if key not in self._idle:
            self._idle[key] = all(self._is_idle_node(node) for node in walk([statement]))
        return self._idle[key]

    def _is_idle_node(self, node: object) -> bool:
        if isinstance(node, _TELLING):
            return False
        if isinstance(node, (ir.For, ir.With)) and node.asynchronous:
            return False
        if isinstance(node, ir.Clause) and node.asynchronous:
            return False
        if isinstance(node, ir.Assert):
            return self.tested_again.isdisjoint(tested(node.test))
        if isinstance(node, ir.Name):
            return node.id not in self.watched
        if isinstance(node, ir.Attr) and node.path is not None:
            return ".".join(node.path) not in self.watched
        if isinstance(node, ir.Call):
            name = last_name(node.func)
            if name in self.facts.helpers or name == "cancel" or id(node) in self.site_of:
                return False
            return not self.changed_by(node)
        if isinstance(node, ir.Handler) and node.name is not None:
            return node.name not in self.watched
        return True

    def _forget(self, state: State, statement: ir.Stmt, ctx: Context) -> State:
        """Forget what nothing after a statement of the function reads or asks."""
        if ctx.frame.func is not self.func:
            return state
        if not self.facts.liveness.asked_after(statement):
            state = self.settle_ended(state)
        dead = [name for name in state.env if self._is_dead(name, statement)]
        if not dead:
            return state
        kept = [name for name in dead if self._is_kept(name, state, statement)]
        state = state.unbind(*(name for name in dead if name not in kept))
        return self._doom(state, kept) if kept and not state.stale else state

    def _is_dead(self, name: str, statement: ir.Stmt) -> bool:
        """Whether a name is not read any more."""
        if name.startswith((SOME, KNOWN)):
            name = name.partition(":")[2].partition(".")[0]
        elif not name.isidentifier():
            return False
        return not self.facts.liveness.is_read_after(name, statement)

    def _is_kept(self, name: str, state: State, statement: ir.Stmt) -> bool:
        """Whether a name that is not read any more still holds a task that may be lost: then it is
        remembered until it is bound again, and its task is lost there, or when the function
        ends. While a result is not bound yet, a cleanup may still come to read it (AWT103)."""
        if not self.losable_in(state, state.env[name]):
            return False
        return bool(state.stale) or not self.facts.liveness.is_bound_after(name, statement)

    def _doom(self, state: State, names: list[str]) -> State:
        """Forget names that nothing reads or binds any more, and doom the tasks that they alone
        hold. A name stays where another one still holds a task of it."""
        others = frozenset(state.unbind(*names).reachable())
        tasks = {name: self.losable_in(state, state.env[name]) for name in names}
        gone = [name for name in names if others.isdisjoint(tasks[name])]
        after = state.unbind(*gone)
        doomed = frozenset().union(*(tasks[name] for name in gone)).difference(after.reachable())
        for number in sorted(doomed):
            after = after.doom(number)
        return after

    # Simple statements

    def _expression(self, node: ir.ExprStmt, state: State, ctx: Context) -> list[State]:
        if isinstance(node.value, ir.Comprehension) and node.value.kind == "iter":
            return [state]  # a generator expression that nobody iterates over does nothing
        return [after for after, _ in self.evaluate(node.value, state, ctx)]

    def _assign(self, node: ir.Assign, state: State, ctx: Context) -> list[State]:
        ends: list[State] = []
        for after, value in self.evaluate(node.value, state, ctx):
            states = [after]
            for target in node.targets:
                states = [end for one in states for end in self.bind(target, value, one, ctx)]
            ends += states
        return ends

    def _aug_assign(self, node: ir.AugAssign, state: State, ctx: Context) -> list[State]:
        ends: list[State] = []
        current: ir.Expr = node.target if not isinstance(node.target, ir.Unpack) else ir.Other([])
        for after, (old, value) in self.evaluate_all([current, node.value], state, ctx):
            box = after.get(old)
            if type(box) is Box and box.kind == "list" and node.op == "Add":
                ends += [
                    end for end, _ in self._extend(old, "extend", Args([value], {}), after, ctx)
                ]
            elif type(box) is Box and self._is_refused(node.op, box):
                self.fail(after, ctx, Exc("TypeError"))
            elif type(box) is Box and isinstance(old, Ref):
                ends.append(self._update_in_place(node.op, old, value, after, ctx))
            elif isinstance(node.target, ir.Name) and isinstance(old, (Const, Unknown)):
                ends += self.bind(node.target, UNKNOWN, after, ctx)
            else:
                ends.append(self.hand_over(after, value, ctx))
        return ends

    def _is_refused(self, op: str, box: Box) -> bool:
        """Whether a list or tuple of the function's own does not know an operator, which sets do;
        what somebody else made may be a set."""
        of_sets = op in ("BitOr", "Subtract", "BitAnd", "BitXor")
        return of_sets and box.kind in ("list", "tuple") and not box.escaped

    def _update_in_place(
        self, op: str, old: Ref, value: Value, state: State, ctx: Context
    ) -> State:
        """`tasks |= more` and the like change the collection itself."""
        if op in ("BitOr", "Add"):
            return self._extend(old, "update", Args([value], {}), state, ctx)[0][0]
        state, result = self.combined(state, op, old, value)
        combined = state.get(result)
        if type(combined) is not Box:
            return state
        box = state.heap[old.id]
        return state.put(old, box._replace(items=combined.items, open=combined.open))

    def _delete(self, node: ir.Delete, state: State, ctx: Context) -> list[State]:
        for target in node.targets:
            if isinstance(target, ir.Name):
                frame = ctx.frame.owner_of(target.id)
                if frame is None:
                    continue
                if not self.lookup(target.id, state, ctx):
                    return []  # it is not bound
                state = state.unbind(frame.prefix + target.id)
            elif isinstance(target, ir.Subscript):
                state = self._delete_item(target, state, ctx)
        return [state]

    def _delete_item(self, target: ir.Subscript, state: State, ctx: Context) -> State:
        ways = self.evaluate_all([target.value, target.index], state, ctx)
        if len(ways) != 1:
            return state
        after, (owner, index) = ways[0]
        box = after.get(owner)
        if type(box) is not Box or not isinstance(owner, Ref):
            return after
        if box.kind == "dict":
            gone = self.pairs_under(index, box, after)
            items = tuple(pair for pair in box.items if pair not in gone)
            return after.put(owner, box._replace(items=items))
        return after

    def _return(self, node: ir.Return, state: State, ctx: Context) -> list[State]:
        if node.value is None:
            ways: Results = [(state, Const(None))]
        else:
            ways = self.evaluate(node.value, state, ctx)
        for after, value in ways:
            kept = value if ctx.frame.prefix or self.matters(value, after) else UNKNOWN
            done = after.bind(f"{ctx.frame.prefix}$return", kept)
            if not ctx.frame.prefix:
                done = done.step(node.line, "the function returns")
            ctx.out.add(RETURN, done)
        return []

    def _raise(self, node: ir.Raise, state: State, ctx: Context) -> list[State]:
        if node.value is None:
            ctx.out.add(raising(ctx.handling or ANY), state)
            return []
        parts = [node.value] + ([node.cause] if node.cause is not None else [])
        for after, values in self.evaluate_all(parts, state, ctx):
            exc = values[0].exc if isinstance(values[0], Raised) else self._raised(node.value, ctx)
            for value in values:
                after = self.hand_over(after, value, ctx)
            ctx.out.add(raising(exc), after.step(node.line, "an exception is raised"))
        return []

    def _raised(self, node: ir.Expr, ctx: Context) -> Exc:
        """The class that a `raise` names, if it names one."""
        called = isinstance(node, ir.Call)
        func = node.func if isinstance(node, ir.Call) else node
        name = self.class_names(func, ctx)[0]
        if name is None or (not called and not name[:1].isupper()):
            return ANY
        return Exc(name)

    def _assert(self, node: ir.Assert, state: State, ctx: Context) -> list[State]:
        """An `assert` that the outcome decides is `if not ...: raise`; any other holds."""
        free = self.free_choices
        yes, no = self.decide(node.test, state, ctx)
        if self.free_choices > free:
            return yes
        message = node.message or ir.Const(None)
        for after, _ in [end for one in no for end in self.evaluate(message, one, ctx)]:
            self.fail(after.step(node.line, "the assertion fails"), ctx, Exc("AssertionError"))
        return yes

    def _jump(self, node: ir.Jump, state: State, ctx: Context) -> list[State]:
        state = self._forget(state, node, ctx)
        ctx.out.add(BREAK if node.kind == "break" else CONTINUE, state)
        return []

    def _define(self, node: ir.Define, state: State, ctx: Context) -> list[State]:
        ends: list[State] = []
        for after, _ in self.evaluate_all(node.decorators, state, ctx):
            function = Function(node.func, False)
            if node.decorators and not self._manages(node.func):
                after = self.hand_over(after, function, ctx)
            ends.append(self._bind_function(node.func.name, function, after, ctx))
        return ends

    def _manages(self, func: ir.Func) -> bool:
        return any(last_name(decorator) in _MANAGERS for decorator in func.decorators)

    def _bind_function(self, name: str, function: Function, state: State, ctx: Context) -> State:
        """A nested function is always remembered: what it captures may go where it goes."""
        frame = ctx.frame.owner_of(name)
        if frame is None:
            return self.hand_over(state, function, ctx)
        if frame.func.definitions.get(name) is function.func:
            return state
        return state.bind(frame.prefix + name, function)

    def _define_class(self, node: ir.DefineClass, state: State, ctx: Context) -> list[State]:
        return [self.hand_over_names(state, node.mentions, ctx)]

    # Branches and loops: of all states at once, so that what they come to share is run once

    def _if(self, node: ir.If, states: list[State], ctx: Context) -> list[State]:
        yes, no = self._branch(node, states, ctx)
        ends = self.run_block(node.body, self.merge(yes, node.line), ctx)
        return ends + self.run_block(node.orelse, self.merge(no, node.line), ctx)

    def _branch(
        self, node: ir.If | ir.While, states: list[State], ctx: Context
    ) -> tuple[list[State], list[State]]:
        """`decide`, for a statement: where it may go either way, that is a step of its own."""
        true: list[State] = []
        false: list[State] = []
        for state in states:
            yes, no = self.decide(node.test, state, ctx)
            if yes and no:
                yes = [one.step(node.line, "the condition holds", "branch:yes") for one in yes]
                no = [one.step(node.line, "the condition does not hold", "branch:no") for one in no]
            true += yes
            false += no
        return true, false

    def _match(self, node: ir.Match, states: list[State], ctx: Context) -> list[State]:
        ends: list[State] = []
        remaining = [way for one in states for way in self.evaluate(node.subject, one, ctx)]
        for case in node.cases:
            taken: list[State] = []
            left: Results = []
            for state, value in remaining:
                yes, no = self._decide_case(case, value, state, ctx)
                taken += yes
                left += [(one, value) for one in no]
            ends += self.run_block(case.body, self.merge(taken, node.line), ctx)
            remaining = left
        return ends + [state for state, _ in remaining]

    def _decide_case(
        self, case: ir.Case, value: Value, state: State, ctx: Context
    ) -> tuple[list[State], list[State]]:
        known = True if case.irrefutable else self._matches(case, value, state)
        yes = [state] if known is not False else []
        no = [state] if known is not True else []
        for name in case.binds:
            yes = [self.assign(name, UNKNOWN, one, ctx) for one in yes]
        if case.guard is not None:
            split = [self.decide(case.guard, one, ctx) for one in yes]
            yes = [one for passed, _ in split for one in passed]
            no += [one for _, failed in split for one in failed]
        return yes, no

    def _matches(self, case: ir.Case, value: Value, state: State) -> bool | None:
        if case.values is None:
            return None
        box = state.get(value)
        if isinstance(value, Const):
            return value.value in case.values
        if type(box) is not Box or box.kind != "tuple":
            return None
        verdicts = [self._row_matches(row, box.items) for row in case.values]
        if True in verdicts:
            return True
        return None if None in verdicts else False

    def _row_matches(self, row: object, items: tuple[Value, ...]) -> bool | None:
        if type(row) is not tuple or len(row) != len(items):
            return False
        verdicts = [
            True
            if expected is ANYTHING
            else (item.value == expected if isinstance(item, Const) else None)
            for expected, item in zip(row, items, strict=False)
        ]
        if False in verdicts:
            return False
        return None if None in verdicts else True

    def _while(self, node: ir.While, states: list[State], ctx: Context) -> list[State]:
        heads = States()
        fresh = [self.collect(state, node.line) for state in states]
        ends: list[State] = []
        flow = Flow()
        while fresh:
            entered, left = self._branch(node, [one for one in fresh if heads.add(one)], ctx)
            ends += self.run_block(node.orelse, self.merge(left, node.line), ctx)
            ended = self.run_block(node.body, self.merge(entered, node.line), ctx.into(flow))
            ended += flow.take(CONTINUE)
            fresh = [self.head(end, node.line) for end in ended]
        return ends + self._leave_loop(flow, ctx)

    def _leave_loop(self, flow: Flow, ctx: Context) -> list[State]:
        broken = flow.take(BREAK)
        for completion, states in flow:
            ctx.out.add(completion, *states)
        return broken

    def _for(self, node: ir.For, states: list[State], ctx: Context) -> list[State]:
        unknown: list[State] = []
        # Those whose items are known, by whether their order is and whether there are others.
        known: dict[tuple[bool, bool], list[State]] = {}
        for after, value in (way for one in states for way in self.evaluate(node.iter, one, ctx)):
            if isinstance(value, AsCompleted) and node.asynchronous:
                after, items, source = self.as_items(after, value.waited)
                if items is not None:
                    self._start_loop(node, after, items, source, ctx, known)
                    continue
            if self.is_none(value, after, ctx, "TypeError"):
                continue
            after, items, source = self.iterated(after, value)
            if not items and type(after.get(source)) is Box and after.get(source).open:
                items = None
            if items is None:
                items = self.turns(node.iter) or self._indexes(node, after, ctx)
            if items is None or node.asynchronous:
                unknown.append(after)
            else:
                self._start_loop(node, after, items, source, ctx, known)
        ends = self._loop_unknown(node, unknown, ctx)
        for (unordered, opened), started in known.items():
            ends += self._loop_items(node, started, unordered, opened, ctx)
        return ends

    def _start_loop(
        self,
        node: ir.For,
        state: State,
        items: tuple[Value, ...],
        source: Value,
        ctx: Context,
        known: dict[tuple[bool, bool], list[State]],
    ) -> None:
        """Bind the iterator of a loop over known items, and enter the state among the others."""
        box = state.get(source)
        unordered = type(box) is Box and box.kind == "set" and self._order_matters(node, items)
        state, ref = state.new(Box("iter", items))
        state = state.bind(self._iterator(node, ctx), ref)
        known.setdefault((unordered, type(box) is Box and box.open), []).append(state)

    def _iterator(self, node: ir.For, ctx: Context) -> str:
        """How states name what is left of a loop's items."""
        return f"{ctx.frame.prefix}$iter{id(node)}"

    def _indexes(self, node: ir.For, state: State, ctx: Context) -> tuple[Value, ...] | None:
        """The items of a loop over a range of unknown length: one that indexes a collection is
        taken to reach its end."""
        called = isinstance(node.iter, ir.Call) and last_name(node.iter.func) == "range"
        if not called or not isinstance(node.target, ir.Name):
            return None
        for inner in walk(node.body):
            if isinstance(inner, ir.Subscript) and _is_name(inner.index, node.target.id):
                ways = self.evaluate(inner.value, state, ctx.into(Flow()))
                box = ways[0][0].get(ways[0][1]) if ways else None
                if type(box) is Box and box.kind == "list" and not box.open:
                    return tuple(map(Const, range(len(box.items))))
        return None

    def _loop_unknown(self, node: ir.For, states: list[State], ctx: Context) -> list[State]:
        """A loop that may turn any number of times, over things that hold no task."""
        heads = States()
        flow = Flow()
        fresh: list[State] = []
        turning: list[State] = []
        left: list[State] = []
        for state in states:
            some, none = self.sizes(node.iter, state, state, ctx)
            if some == none:
                fresh.append(self.collect(state, node.line))
            else:
                turning += some
                left += none
        ends = self.run_block(node.orelse, self.merge(left, node.line), ctx)
        fresh += self._turn(node, turning, ctx, flow)
        while fresh:
            going_on = [head for head in fresh if heads.add(head)]
            if node.asynchronous:
                going_on = self._suspend_all(going_on, node.line, ctx)
            ends += self.run_block(node.orelse, self.merge(going_on, node.line), ctx)
            fresh = self._turn(node, going_on, ctx, flow)
        return ends + self._leave_loop(flow, ctx)

    def _turn(self, node: ir.For, states: list[State], ctx: Context, flow: Flow) -> list[State]:
        """A turn for an item that is not known: the states at the head of the next."""
        ended = self._turn_unknown(node, states, ctx, flow)
        return [self.head(end, node.line) for end in ended]

    def _loop_items(
        self,
        node: ir.For,
        states: list[State],
        unordered: bool,
        opened: bool,
        ctx: Context,
    ) -> list[State]:
        """A loop over known items, one turn each; what is left stands in the state, as the
        iterator does. An unordered collection may yield any of them next; an open one holds others
        too."""
        key = self._iterator(node, ctx)
        flow = Flow()
        current = self.merge(states, node.line)
        ends: list[State] = []
        while current:
            entered: list[State] = []
            for before in current:
                left = before.heap[before.env[key].id].items
                if not left:
                    ends.append(before.unbind(key))
                    continue
                entered += self._next_item(node, key, left, unordered, before, ctx)
            ended = self.run_block(node.body, self.merge(entered, node.line), ctx.into(flow))
            current = self.merge(ended + flow.take(CONTINUE), node.line)
        if opened:
            ends += self._turn_unknown(node, ends, ctx, flow)
        ends = self.run_block(node.orelse, self.merge(ends, node.line), ctx)
        return ends + [end.unbind(key) for end in self._leave_loop(flow, ctx)]

    def _order_matters(self, node: ir.For, items: tuple[Value, ...]) -> bool:
        """Whether a loop's body may stop half way, as it may for None, or do different things to
        its items."""
        if Const(None) in items:
            return True
        if id(node) not in self._ordered:
            self._ordered[id(node)] = any(self._tells_apart(inner) for inner in walk([*node.body]))
        return self._ordered[id(node)]

    def _tells_apart(self, node: object) -> bool:
        """Whether part of a loop's body may end the loop, take time, or mark a turn."""
        if isinstance(node, ir.Jump):
            return node.kind == "break"
        if isinstance(node, ir.Call):
            return last_name(node.func) in _STOPPING
        if isinstance(node, ir.Assign) and isinstance(node.value, ir.Const):
            return any(n in self.relevant for target in node.targets for n in target_names(target))
        return isinstance(node, _TELLING)

    def _next_item(
        self,
        node: ir.For,
        key: str,
        left: tuple[Value, ...],
        unordered: bool,
        state: State,
        ctx: Context,
    ) -> list[State]:
        options = effects.choices(state, left) if unordered else [(left[0], left[1:])]
        entered: list[State] = []
        for item, rest in options:
            if node.asynchronous:
                state = self._completed(node, item, state, ctx)
            after, ref = state.new(Box("iter", rest))
            after = after.bind(key, ref)
            if type(item) is tuple:
                item = item[0]
            entered += self.bind(node.target, item, after, ctx)
        return entered

    def _completed(self, node: ir.For, item: Value, state: State, ctx: Context) -> State:
        """`async for task in as_completed(tasks)` waits for the next task to be done; a
        cancellation there leaves the tasks running."""
        if effects.ended(state, item):
            return state
        later = state.suspended()
        self.fault(state, ctx, node.line, (CANCELLED_ERROR,), later)
        return effects.end_all(later, item, DONE)

    def _turn_unknown(
        self, node: ir.For, states: list[State], ctx: Context, flow: Flow
    ) -> list[State]:
        """A turn for an item that is not known."""
        entered = [end for one in states for end in self.bind(node.target, UNKNOWN, one, ctx)]
        ended = self.run_block(node.body, self.merge(entered, node.line), ctx.into(flow))
        return ended + flow.take(CONTINUE)

    # try

    def _try(self, node: ir.Try, states: list[State], ctx: Context) -> list[State]:
        body = Flow()
        after = Flow()
        normal = self.run_block(node.body, states, ctx.into(body))
        normal = self.run_block(node.orelse, normal, ctx.into(after))
        for completion, ended in body:
            if completion.exc is None or not node.handlers:
                after.add(completion, *ended)
            else:
                merged = self.merge(ended, node.line)
                normal += self._handle(node, completion.exc, merged, after, ctx)
        if not node.final:
            for completion, ended in after:
                ctx.out.add(completion, *ended)
            return normal
        return self._finally(node, normal, after, ctx)

    def _handle(
        self, node: ir.Try, exc: Exc, states: list[State], after: Flow, ctx: Context
    ) -> list[State]:
        """Send an exception through the handlers; returns the states that go on after one."""
        ends: list[State] = []
        for handler in node.handlers:
            caught = self._catches(handler.type, exc, ctx)
            if caught == NO:
                continue
            inside = ctx.handler(after, exc)
            entered = states
            if handler.name is not None and self._names_it(handler):
                key = ctx.frame.prefix + handler.name
                entered = [one.bind(key, Raised(exc)) for one in states]
            done = self.run_block(handler.body, entered, inside)
            if handler.name is not None:
                done = [one.unbind(ctx.frame.prefix + handler.name) for one in done]
            ends += done
            if caught == YES:
                return ends
        after.add(raising(exc), *states)
        return ends

    def _names_it(self, handler: ir.Handler) -> bool:
        """Whether a handler raises the exception that it names, or asks for its class."""
        return any(
            isinstance(node, ir.Raise)
            or (isinstance(node, ir.Call) and last_name(node.func) == "isinstance")
            for node in walk(handler.body)
        )

    def _catches(self, kind: ir.Expr | None, exc: Exc, ctx: Context) -> str:
        if kind is None:
            return YES
        classes = self.program.outline.classes
        verdicts = [catches(name, exc, classes) for name in self.class_names(kind, ctx)]
        return YES if YES in verdicts else next((v for v in verdicts if v != NO), NO)

    def _finally(self, node: ir.Try, normal: list[State], after: Flow, ctx: Context) -> list[State]:
        line = node.final[0].line
        for completion, states in after:
            inside = ctx.handler(ctx.out, completion.exc or ctx.handling)
            ctx.out.add(completion, *self.run_block(node.final, self.merge(states, line), inside))
        inside = ctx.handler(ctx.out, ctx.handling)
        return self.run_block(node.final, self.merge(normal, line), inside)

    # with

    def _with(self, node: ir.With, states: list[State], ctx: Context) -> list[State]:
        qualified = None
        if isinstance(node.item, ir.Call):
            qualified = self.program.qualified(ctx.frame.func, node.item.func)
        if qualified == "contextlib.suppress":
            return self._with_suppress(node, states, ctx)
        if qualified in _TIMEOUTS and node.asynchronous:
            # One at a time: what a timeout turns into a TimeoutError struck inside of it.
            return [end for one in states for end in self._with_timeout(node, one, ctx)]
        ends: list[State] = []
        others: list[State] = []
        for state in states:
            managed = self._manager(node, state, ctx)
            if managed is not None:
                ends += managed
            else:
                others.append(state)
        return ends + self._with_any(node, others, ctx)

    def _enter_with(self, node: ir.With, value: Value, state: State, ctx: Context) -> list[State]:
        if node.target is None:
            return [state]
        return self.bind(node.target, value, state, ctx)

    def _with_suppress(self, node: ir.With, states: list[State], ctx: Context) -> list[State]:
        assert isinstance(node.item, ir.Call)
        names = [n for arg in node.item.args for n in self.class_names(arg.value, ctx)]
        classes = self.program.outline.classes
        flow = Flow()
        ends = self.run_block(node.body, states, ctx.into(flow))
        for completion, ended in flow:
            verdicts = [NO]
            if completion.exc is not None:
                verdicts += [catches(name, completion.exc, classes) for name in names]
            if any(verdict != NO for verdict in verdicts):
                ends += ended
            if YES not in verdicts:
                ctx.out.add(completion, *ended)
        return ends

    def _with_timeout(self, node: ir.With, state: State, ctx: Context) -> list[State]:
        """`asyncio.timeout()`: entering and leaving never suspends; a cancellation inside may be
        its own, and is a TimeoutError outside then."""
        ends: list[State] = []
        for after, _ in self.evaluate(node.item, state, ctx):
            for entered in self._enter_with(node, UNKNOWN, after, ctx):
                flow = Flow()
                inside = ctx.into(flow)
                inside.limited = self._alone(node.body)
                ends += self.run_block(node.body, [entered], inside)
                for completion, states in flow:
                    ctx.out.add(completion, *states)
                    if completion == raising(CANCELLED_ERROR):
                        struck = [one for one in states if one.fault and not entered.fault]
                        ctx.out.add(raising(TIMEOUT_ERROR), *struck)
        return ends

    def _alone(self, body: list[ir.Stmt]) -> bool:
        return len(body) == 1 and isinstance(body[0], (ir.ExprStmt, ir.Assign, ir.Return))

    def _with_any(self, node: ir.With, states: list[State], ctx: Context) -> list[State]:
        """Any other context manager lets exceptions through; an async one may fail at both ends."""
        entered: list[State] = []
        for state, _ in (way for one in states for way in self.evaluate(node.item, one, ctx)):
            if node.asynchronous:
                (state,) = self._suspend_all([state], node.line, ctx)
            inside = self._enter_with(node, UNKNOWN, state, ctx)
            entered += [self._enter_stack(node, one, ctx) for one in inside]
        flow = Flow()
        ends = self.run_block(node.body, self.merge(entered, node.line), ctx.into(flow))
        for completion, ended in flow:
            ctx.out.add(completion, *self._exits(node, ended, ctx))
        return self._exits(node, ends, ctx)

    def _enter_stack(self, node: ir.With, state: State, ctx: Context) -> State:
        """An exit stack keeps what is to be cancelled when it is left."""
        func = node.item.func if isinstance(node.item, ir.Call) else None
        if func is None or not isinstance(node.target, ir.Name):
            return state
        if self.program.qualified(ctx.frame.func, func) not in _STACKS:
            return state
        state, ref = state.new(Box("list", ()))
        return state.bind(self.stack_key(node.target.id, ctx), ref)

    def _leave_stack(self, node: ir.With, state: State, ctx: Context) -> State:
        key = self.stack_key(node.target.id, ctx) if isinstance(node.target, ir.Name) else ""
        if key not in state.env:
            return state
        for task in state.heap[state.env[key].id].items:
            state = self.cancel(state, task, node.line)
        return state.unbind(key)

    def _exits(self, node: ir.With, states: list[State], ctx: Context) -> list[State]:
        states = [self._leave_stack(node, state, ctx) for state in states]
        if not node.asynchronous:
            return states
        return self._suspend_all(states, node.line, ctx)

    def _suspend_all(self, states: list[State], line: int, ctx: Context) -> list[State]:
        """Something unknown suspends, and may fail."""
        return [after for one in states for after, _ in self.suspend(one, line, ctx)]

    def _manager(self, node: ir.With, state: State, ctx: Context) -> list[State] | None:
        """A generator of the same file that is a context manager: its body runs around ours."""
        call = node.item
        if not isinstance(call, ir.Call) or ctx.frame.depth >= MAX_DEPTH:
            return None
        function = self._manager_function(call, state, ctx)
        if function is None:
            return None
        ends: list[State] = []
        for after, args in self.arguments(call, state, ctx):
            ends += self._around(node, function, args, after, ctx)
        return ends

    def _manager_function(self, call: ir.Call, state: State, ctx: Context) -> Function | None:
        if isinstance(call.func, ir.Name):
            found = self.lookup(call.func.id, state, ctx.into(Flow()))
            value = found[0][1] if found else None
        else:
            value = self._method_of_file(call, ctx)
        if isinstance(value, Function) and value.func.generator and self._manages(value.func):
            return value
        return None

    def _around(
        self, node: ir.With, function: Function, args: Args, state: State, ctx: Context
    ) -> list[State]:
        """Run a context manager's generator; at its yield, the body of the `with`."""

        def at_yield(inner: State, value: object, manager: Context) -> list[State]:
            flow = Flow()
            going_on: list[State] = []
            for entered in self._enter_with(node, value, inner, ctx):
                going_on += self.run_block(node.body, [entered], ctx.into(flow))
            for completion, states in flow:
                if completion.exc is not None:
                    manager.out.add(completion, *states)
                else:
                    going_on += self._deferred(completion, states)
            return going_on

        self.level += 1
        frame = self.frame_for(function.func, ctx)
        frame.on_yield = at_yield
        state = self.bind_params(function.func, self._bound(function, args), frame, state)
        ends: list[State] = []
        for after, _ in self.run_body(frame, state, ctx):
            ends += self._resume(after, ctx)
        self.level -= 1
        return ends

    def _deferred(self, completion: Completion, states: list[State]) -> list[State]:
        """A `return`, `break` or `continue` out of the body waits until the manager has left."""
        return [state.bind(f"$left.{completion.kind}", UNKNOWN) for state in states]

    def _resume(self, state: State, ctx: Context) -> list[State]:
        for completion in (RETURN, BREAK, CONTINUE):
            key = f"$left.{completion.kind}"
            if key in state.env:
                ctx.out.add(completion, state.unbind(key))
                return []
        return [state]

    # Bodies

    def run_body(self, frame: Frame, state: State, ctx: Context) -> Results:
        """Run a helper's body: its returned values; what it raises goes to the caller."""
        flow = Flow()
        inside = Context(frame, flow, None, ctx.cleanup, False)
        ends = self.run_block(frame.func.body, [state], inside)
        results: Results = []
        key = f"{frame.prefix}$return"
        for end in ends + flow.take(RETURN):
            value = end.env.get(key, Const(None))
            results.append((self._without_frame(end, frame), value))
        for completion, states in flow:
            ctx.out.add(completion, *(self._without_frame(one, frame) for one in states))
        return self._merge_results(results)

    def _without_frame(self, state: State, frame: Frame) -> State:
        names = [n for n in state.env if n.lstrip("$").startswith(frame.prefix)]
        return state.unbind(*names)

    def _merge_results(self, results: Results) -> Results:
        merged = States(state.bind("$value", value) for state, value in results)
        return [(state.unbind("$value"), state.env["$value"]) for state in merged]


def _is_name(node: Any, name: str) -> bool:
    return isinstance(node, ir.Name) and node.id == name


_SIMPLE: dict[type, Callable[[Statements, Any, State, Context], list[State]]] = {
    ir.ExprStmt: Statements._expression,
    ir.Assign: Statements._assign,
    ir.AugAssign: Statements._aug_assign,
    ir.Delete: Statements._delete,
    ir.Return: Statements._return,
    ir.Raise: Statements._raise,
    ir.Assert: Statements._assert,
    ir.Jump: Statements._jump,
    ir.Define: Statements._define,
    ir.DefineClass: Statements._define_class,
}
_COMPOUND: dict[type, Callable[[Statements, Any, list[State], Context], list[State]]] = {
    ir.If: Statements._if,
    ir.While: Statements._while,
    ir.For: Statements._for,
    ir.Try: Statements._try,
    ir.With: Statements._with,
    ir.Match: Statements._match,
}
