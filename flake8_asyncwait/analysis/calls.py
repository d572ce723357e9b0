"""Calls: the known ones, the methods of tasks and collections, functions of the same file.

A call that nobody knows hands its arguments over: silence is better than a false alarm.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from flake8_asyncwait.analysis import effects, ir
from flake8_asyncwait.analysis.base import Results
from flake8_asyncwait.analysis.completion import Flow
from flake8_asyncwait.analysis.exceptions import Exc, catches
from flake8_asyncwait.analysis.expressions import Expressions
from flake8_asyncwait.analysis.relevance import last_name
from flake8_asyncwait.analysis.run import MAX_DEPTH, Context, Frame
from flake8_asyncwait.analysis.state import (
    ASKED,
    CANCELLED,
    DONE,
    ENDED,
    FAILED,
    FUTURE,
    KNOWN,
    MANY,
    MAYBE,
    MAYBE_ASKED,
    MAYBE_CANCELLING,
    OK,
    OWNED,
    UNKNOWN,
    AsCompleted,
    Box,
    Const,
    Coroutine,
    Foreign,
    Function,
    Gather,
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
    TimeLimited,
    Unknown,
    Value,
    Waiting,
    WaitTask,
)
from flake8_asyncwait.sites.outline import PRIMITIVES

# The parameters of a call that are bound, with their values.
Arguments = tuple[tuple[str, Value], ...]


class Args(NamedTuple):
    """The evaluated arguments of a call. `splat` says that some came in by `*` or `**` of
    something unknown."""

    positional: list[Value]
    keywords: dict[str, Value]
    splat: bool = False

    def first(self) -> Value:
        return self.positional[0] if self.positional else UNKNOWN

    def every(self) -> list[Value]:
        return [*self.positional, *self.keywords.values()]


class Summary(NamedTuple):
    """What a function of the file does where it is given nothing that matters: whether it
    suspends and returns, what it may raise under a fault (and on which line it strikes) and
    without one, and whether every return is a task that it made."""

    suspends: bool
    returns: bool
    faults: tuple[tuple[Exc, int], ...]
    raises: tuple[Exc, ...]
    makes: bool


# A plain function whose name says that it creates a task.
_CREATOR = re.compile(r"(?i)create\w*task(?!s?_?group)")
_LOOP_NAME = re.compile(r"(?i)(?:^|_)(?:event_?)?loop$|^(?:main|running|current)loop$")
_LOOP_MAKERS = frozenset(
    {"asyncio.get_running_loop", "asyncio.get_event_loop", "asyncio.new_event_loop"}
)
# Neither keep nor settle what they are given.
_NEUTRAL = frozenset({"print", "repr", "str", "id"})
_LOG_METHODS = frozenset(
    [
        "debug",
        "info",
        "warning",
        "warn",
        "error",
        "exception",
        "critical",
        "log",
        "fatal",
        "trace",
        "success",
    ]
)
_LOGGER = re.compile(r"(?i)(?:^|_)(?:log|logger|logging)$")
_COLLECTORS = {
    "builtins.list": "list",
    "builtins.set": "set",
    "builtins.tuple": "tuple",
    "builtins.frozenset": "set",
    "builtins.sorted": "list",
    "builtins.reversed": "list",
    "builtins.iter": "iter",
    "builtins.filter": "filter",
    "collections.deque": "list",
    "itertools.islice": "list",
}
# What collections of these kinds have; to call anything else on one raises.
_ATTRIBUTES = {"list": {*dir(list), *dir(deque)}, "set": {*dir(set)}, "tuple": {*dir(tuple)}}


class Calls(Expressions):
    """`call`."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self._summaries: dict[tuple[ir.Func, Arguments], Summary] = {}

    def call(self, node: ir.Call, state: State, ctx: Context) -> Results:
        """All ways in which a call may be evaluated."""
        site = self.site_of.get(id(node))
        if site is not None:
            return self._wait_call(node, state, ctx, site.index)
        func = ctx.frame.func
        qualified = self.program.qualified(func, node.func)
        if qualified == "asyncio.wait" or self.program.named(
            self.program.wait_functions, func, node.func
        ):
            return self._wait_call(node, state, ctx, -1)
        if node.mapped is not None and qualified == "builtins.map":
            return self.evaluate(node.mapped, state, ctx)
        known = _KNOWN.get(qualified) if qualified is not None else None
        results: Results = []
        if known is not None and qualified not in self.program.task_factories:
            for after, args in self.arguments(node, state, ctx):
                results += known(self, node, args, after, ctx)
            return results
        for after, callee in self._callee(node, state, ctx):
            for later, args in self.arguments(node, after, ctx):
                later = self._without_attributes(node, later)
                results += self._dispatch(node, callee, args, later, ctx, qualified)
        return results

    def _without_attributes(self, node: ir.Call, state: State) -> State:
        """A method may change what its object has: what tests have found there is forgotten."""
        changed = self.changed_by(node) if self.tested_again else set()
        return state.unbind(*(KNOWN + name for name in changed)) if changed else state

    def changed_by(self, node: ir.Call) -> set[str]:
        """The attributes, tested again, that a call may change: those of what has the method."""
        path = node.func.path if isinstance(node.func, ir.Attr) else None
        owner = ".".join(path[:-1]) + "." if path is not None else ""
        return {name for name in self.tested_again if owner and name.startswith(owner)}

    def _callee(self, node: ir.Call, state: State, ctx: Context) -> Results:
        if isinstance(node.func, ir.Attr):
            return [
                (after, Method(receiver, node.func.name))
                for after, receiver in self.evaluate(node.func.value, state, ctx)
            ]
        return self.evaluate(node.func, state, ctx)

    def arguments(self, node: ir.Call, state: State, ctx: Context) -> list[tuple[State, Args]]:
        """Evaluate the arguments of a call, in order."""
        ways: list[tuple[State, Args]] = []
        for after, values in self.evaluate_all([arg.value for arg in node.args], state, ctx):
            positional: list[Value] = []
            keywords: dict[str, Value] = {}
            splat = False
            for arg, value in zip(node.args, values, strict=False):
                if arg.star == 1:
                    after, items, source = self.iterated(after, value)
                    box = after.get(source)
                    splat = splat or items is None or (type(box) is Box and box.open)
                    positional.extend(items if items is not None else [value])
                elif arg.keyword is not None:
                    keywords[arg.keyword] = value
                elif arg.star == 2:
                    splat = True
                    keywords[f"**{len(keywords)}"] = value
                else:
                    positional.append(value)
            ways.append((after, Args(positional, keywords, splat)))
        return ways

    # The wait

    def _wait_call(self, node: ir.Call, state: State, ctx: Context, site: int) -> Results:
        results: Results = []
        for after, args in self.arguments(node, state, ctx):
            waited = args.positional[0] if args.positional else args.keywords.get("fs", UNKNOWN)
            mode = args.keywords.get("return_when")
            unresolved = args.splat and any(arg.star == 2 for arg in node.args)
            first = unresolved or (mode is not None and mode != Const("ALL_COMPLETED"))
            timeout = unresolved or self._has_timeout(node)
            if site >= 0:
                self.sites[site].early |= first or timeout
                after = self._check_coroutines(after, waited, site)
            results.append((after, Waiting(site, waited, first, timeout, node.line)))
        return results

    def _has_timeout(self, node: ir.Call) -> bool:
        """Whether there is a timeout that is not the literal None."""
        for arg in node.args:
            if arg.keyword == "timeout":
                return not (isinstance(arg.value, ir.Const) and arg.value.value is None)
        return False

    def _check_coroutines(self, state: State, waited: Value, site: int) -> State:
        """AWT203: coroutines among the elements of a wait."""
        box = state.get(waited)
        items = box.items if type(box) is Box else ()
        for item in items:
            value = item[0] if type(item) is tuple else item
            if isinstance(value, Coroutine):
                self.sites[site].coroutine = f"{value.func.name}()"
            elif isinstance(value, Result) and value.coroutine:
                self.sites[site].coroutine = value.coroutine
        return state

    # Tasks and futures

    def make_task(
        self, node: ir.Call, coroutine: Value, state: State, ctx: Context, owner: str = OWNED
    ) -> Results:
        """A new task around a coroutine: what the coroutine was given, it can reach."""
        if isinstance(coroutine, Waiting):
            state, _, box = self.as_items(state, coroutine.waited)
            coroutine = coroutine._replace(waited=box)
            if coroutine.site >= 0:
                state, elements, _ = self.elements(state, coroutine)
                state = self.start_wait(state, coroutine.site, elements)
                state = state.step(coroutine.line, "the wait starts", "wait")
            return [state.new(WaitTask(coroutine))]
        state = self.hand_over(state, coroutine, ctx)
        return self.new_task(state, owner, node)

    def _create_task(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        return self.make_task(node, args.first(), state, ctx)

    def _ensure_future(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        return self._ensured(node, args.first(), state, ctx)

    def _ensured(self, node: ir.Call, value: Value, state: State, ctx: Context) -> Results:
        """A coroutine call becomes a task of this function, a constant raises, and anything else
        stays what it is."""
        if isinstance(value, Const):
            self.fail(state, ctx, Exc("TypeError"))
            return []
        if isinstance(value, (Coroutine, Waiting, TimeLimited)):
            return self.make_task(node, value, state, ctx)
        if isinstance(value, Result):
            return self.make_task(node, value, state, ctx)
        return [(state, value)]

    def _future(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        for value in args.every():
            state = self.hand_over(state, value, ctx)
        return self.new_task(state, FUTURE, node)

    def _gather(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        quiet = self.truth(args.keywords.get("return_exceptions", Const(False)), state)
        ways: list[tuple[State, list[Value]]] = [(state, [])]
        for value in args.positional:
            after: list[tuple[State, list[Value]]] = []
            for before, children in ways:
                for later, child in self._ensured(node, value, before, ctx):
                    if isinstance(child, Param):
                        later, child = self.as_task(later, child)
                    kept = isinstance(child, Ref) and type(later.get(child)) in (Task, Gather)
                    after.append((later, [*children, child] if kept else children))
            ways = after
        return [
            later.new(
                Gather(
                    tuple(dict.fromkeys(children)),
                    quiet is not False,
                    args.splat or len(children) < len(args.positional),
                )
            )
            for later, children in ways
        ]

    def _shield(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        return [
            (after, Shielded(inner))
            for after, inner in self._ensured(node, args.first(), state, ctx)
        ]

    def _wait_for(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        value = args.positional[0] if args.positional else args.keywords.get("fut", UNKNOWN)
        timeout = args.positional[1] if len(args.positional) > 1 else args.keywords.get("timeout")
        return [(state, value if timeout == Const(None) else TimeLimited(value))]

    def _as_completed(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        return [(state, AsCompleted(args.first()))]

    def _run(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        """`asyncio.run(...)`: what is left running when it ends, it cancels."""
        value = args.first()
        if isinstance(value, Waiting):
            return [(self.hand_over(state, value, ctx), UNKNOWN)]
        return self.unknown_call(node, args, state, ctx)

    def _loop(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        return [(state, Loop())]

    def _sleep(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        return [(state, Result(self.origin(node), "asyncio.sleep()"))]

    def _primitive(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        qualified = self.program.qualified(ctx.frame.func, node.func)
        return [(state, Primitive(PRIMITIVES[qualified or ""]))]

    def _cast(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        return [(state, args.positional[1] if len(args.positional) > 1 else UNKNOWN)]

    def _setattr(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        """On the task itself `setattr` hands nothing over; on anything else it stores."""
        for value in args.positional[1:]:
            state = self.hand_over(state, value, ctx)
        return [(state, UNKNOWN)]

    def _nothing(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        return [(state, UNKNOWN)]

    # Builtins over collections

    def _len(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        if self.is_none(args.first(), state, ctx, "TypeError"):
            return []
        box = state.get(args.first())
        if type(box) is Box and not box.open:
            return [(state, Const(len(box.items)))]
        return [(state, UNKNOWN)]

    def _range(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        """`range(len(tasks))`, and `range(3)`: a longer one may be of any length."""
        bounds = [arg.value for arg in args.positional if isinstance(arg, Const)]
        whole = all(type(bound) is int for bound in bounds)
        if args.splat or not (whole and len(bounds) == len(node.args) in (1, 2)):
            return [(state, UNKNOWN)]
        counted = isinstance(node.args[-1].value, ir.Call)  # as many as a collection holds
        if bounds[-1] - sum(bounds[:-1]) > (bounds[-1] if counted else MANY):
            return [(state, UNKNOWN)]
        return [state.new(Box("range", tuple(map(Const, range(*bounds)))))]

    def _truth_of(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        known = self.truth(args.first(), state)
        return [(state, UNKNOWN if known is None else Const(known))]

    def _any_all(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        box = state.get(args.first())
        if type(box) is not Box or box.kind == "dict":
            return [(state, UNKNOWN)]
        verdicts = [self.truth(item, state) for item in box.items]
        telling = last_name(node.func) == "any"
        if telling in verdicts:
            return [(state, Const(telling))]
        if None in verdicts or box.open:
            return [(state, UNKNOWN)]
        return [(state, Const(not telling))]

    def _isinstance(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        value = args.first()
        if isinstance(value, Raised) and len(node.args) > 1:
            names = self.class_names(node.args[1].value, ctx)
            classes = self.program.outline.classes
            verdicts = [catches(name, value.exc, classes) for name in names or [None]]
            if "yes" in verdicts:
                return [(state, Const(True))]
            if "perhaps" not in verdicts:
                return [(state, Const(False))]
        return [(state, UNKNOWN)]

    def class_names(self, node: ir.Expr, ctx: Context) -> list[str | None]:
        """The last components of the classes that an `except` or `isinstance` names; None for
        one that is not a name."""
        if isinstance(node, ir.Display):
            return [name for part, _ in node.elements for name in self.class_names(part, ctx)]
        name = last_name(node)
        if name is not None and isinstance(node, ir.Name):
            qualified = self.program.qualified(ctx.frame.func, node)
            several = self.program.exception_names(name)
            if several is not None:
                return list(several)
            if qualified is not None:
                name = qualified.rpartition(".")[2]
        qualified = self.program.qualified(ctx.frame.func, node)
        if name == "CancelledError" and (qualified or "").startswith("concurrent.futures."):
            name = qualified
        return [name]

    def _collect(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        kind = _COLLECTORS[self.program.qualified(ctx.frame.func, node.func) or ""]
        if not args.positional:
            return [state.new(Box(kind, ()))]
        value = args.positional[-1] if kind == "filter" else args.positional[0]
        tracked = self._collection(state, value) or isinstance(value, (Param, Foreign))
        if isinstance(value, AsCompleted):
            return [(state, value)]
        if not tracked:
            return [(state, UNKNOWN)]
        state, items, source = self.iterated(state, value)
        if items is None:
            return [(state, UNKNOWN)]
        box = state.get(source)
        if kind == "filter":
            return self._filtered(args.positional[0], items, box.open, state, ctx)
        unordered = box.kind == "set" and kind != "set"
        orders = self._orders(state, items) if unordered else [items]
        return [state.new(Box(kind, order, box.open)) for order in orders]

    def _filtered(
        self, test: Value, items: tuple[Value, ...], opened: bool, state: State, ctx: Context
    ) -> Results:
        """`filter(test, items)`: a test that nobody knows may keep or drop each item."""
        if test == Const(None):
            true = tuple(item for item in items if self.truth(item, state) is not False)
            return [state.new(Box("iter", true, opened))]
        ways: list[tuple[State, tuple[Value, ...]]] = [(state, ())]
        for item in items:
            after: list[tuple[State, tuple[Value, ...]]] = []
            for before, kept in ways:
                self.books.tick(before.weight)
                for later, value in self._apply(test, item, before, ctx):
                    known = self.truth(value, later)
                    if known is not False:
                        after.append((later, (*kept, item)))
                    if known is not True:
                        after.append((later, kept))
            ways = after
        return [later.new(Box("iter", kept, opened)) for later, kept in ways]

    def _apply(self, func: Value, item: Value, state: State, ctx: Context) -> Results:
        if isinstance(func, Function) and ctx.frame.depth < MAX_DEPTH:
            return self.enter(func, Args([item], {}), state, ctx)
        return [(self.hand_over(state, item, ctx), UNKNOWN)]

    def _chain(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        items: list[Value] = []
        opened = args.splat
        for value in args.positional:
            state, more, source = self.iterated(state, value)
            box = state.get(source)
            opened = opened or more is None or (type(box) is Box and box.open)
            items.extend(more or ())
        if last_name(node.func) == "from_iterable":
            inner = Args(items, {}, opened)
            flat = ir.Call(ir.Name("chain"), [], node.line)
            return self._chain(flat, inner, state, ctx)
        return [self.box(state, "iter", items, opened)]

    def _zip(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        columns: list[tuple[Value, ...] | None] = []
        for value in args.positional:
            state, items, _ = self.iterated(state, value)
            columns.append(items)
        return self._rows(columns, state)

    def _enumerate(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        state, items, _ = self.iterated(state, args.first())
        start = args.positional[1] if len(args.positional) > 1 else args.keywords.get("start")
        first = start.value if isinstance(start, Const) else 0 if start is None else None
        numbers = None
        if items is not None and type(first) is int:
            numbers = tuple(map(Const, range(first, first + len(items))))
        return self._rows([numbers, items], state)

    def _rows(self, columns: list[tuple[Value, ...] | None], state: State) -> Results:
        """The rows of columns, of which those that are None are not known."""
        known = [len(column) for column in columns if column is not None]
        if not known:
            return [(state, UNKNOWN)]
        rows: list[Value] = []
        for position in range(min(known)):
            row = tuple(UNKNOWN if c is None else c[position] for c in columns)
            state, ref = state.new(Box("tuple", row))
            rows.append(ref)
        return [state.new(Box("iter", tuple(rows)))]

    def _dict_call(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        if not args.positional and not args.keywords:
            return [state.new(Box("dict", ()))]
        box = state.get(args.first())
        if type(box) is Box and box.kind == "dict" and not args.keywords:
            return [state.new(box._replace(escaped=False))]
        pairs = self._pairs(args, state)
        return [state.new(Box("dict", tuple(pairs), not pairs))]

    def _pairs(self, args: Args, state: State) -> list[Value]:
        """What `dict(...)` and `update(...)` are given: a dict or a list of pairs, and keywords."""
        box = state.get(args.first())
        pairs: list[Value] = []
        if type(box) is Box and box.kind == "dict":
            pairs += box.items
        elif type(box) is Box:
            rows = [state.get(item) for item in box.items]
            pairs += [row.items for row in rows if type(row) is Box and len(row.items) == 2]
        return [*pairs, *((Const(name), value) for name, value in args.keywords.items())]

    def _next(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        """`next(it)`: one of the items, or the default."""
        box = state.get(args.first())
        if type(box) is not Box or box.kind == "dict":
            return [(state, UNKNOWN), *((state, value) for value in args.positional[1:2])]
        found: Results = [(state, item) for item, _ in effects.choices(state, box.items)]
        if box.open:
            found.append((state, UNKNOWN))
        if not box.items:
            if len(args.positional) > 1:
                found.append((state, args.positional[1]))
            elif not box.open:
                self.fail(state, ctx, Exc("StopIteration"))
        return found

    # Methods

    def _dispatch(
        self,
        node: ir.Call,
        callee: Value,
        args: Args,
        state: State,
        ctx: Context,
        qualified: str | None,
    ) -> Results:
        func = ctx.frame.func
        if self.program.named(self.program.task_factories, func, node.func):
            return self._factory(node, args, state, ctx)
        if self.program.named(self.program.cancellers, func, node.func):
            return self._canceller(node, args, state, ctx)
        if isinstance(callee, Method):
            return self._method(node, callee, args, state, ctx, qualified)
        if isinstance(callee, Function):
            return self.call_function(node, callee, args, state, ctx)
        if self._creates_task(node, func, qualified):
            return self.make_task(node, args.first(), state, ctx)
        return self.unknown_call(node, args, state, ctx)

    def _factory(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        for value in args.every():
            state = self.hand_over(state, value, ctx)
        return self.new_task(state, OWNED, node)

    def _canceller(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        for value in args.every():
            state = self.cancel_all(state, value, node.line)
        return self.unknown_call(node, args, state, ctx)

    def _creates_task(self, node: ir.Call, func: ir.Func, qualified: str | None) -> bool:
        """A plain function whose name says that it creates a task, given a coroutine call."""
        name = last_name(node.func) or ""
        if not (_CREATOR.search(name) or name == "ensure_future"):
            return False
        if isinstance(node.func, ir.Attr):
            path = node.func.path
            if path is None or not self.program.imported(func, path[0]):
                return False
        return any(isinstance(arg.value, ir.Call) for arg in node.args)

    def _method(
        self,
        node: ir.Call,
        method: Method,
        args: Args,
        state: State,
        ctx: Context,
        qualified: str | None,
    ) -> Results:
        receiver, name = method
        if self.is_none(receiver, state, ctx, "AttributeError"):
            return []
        if isinstance(receiver, (Param, Foreign, Result)) and self._may_be_task(receiver, name):
            state, receiver = self.as_task(state, receiver)
        thing = state.get(receiver)
        if type(thing) in (Task, Gather, WaitTask):
            return self._task_method(node, receiver, name, args, state, ctx)
        if type(thing) is Box or (
            isinstance(receiver, Param)
            and name in ("values", "keys", "items", "copy", "union", "difference", "pop")
        ):
            if type(thing) is not Box:
                state, _, receiver = self.as_items(state, receiver)
            return self._box_method(node, receiver, name, args, state, ctx)
        if isinstance(receiver, Foreign) and self._collection(state, receiver):
            if name in ("values", "keys", "copy", "union"):
                state, _, receiver = self.as_items(state, receiver)
                return self._box_method(node, receiver, name, args, state, ctx)
        return self._other_method(node, receiver, name, args, state, ctx, qualified)

    def _may_be_task(self, receiver: Value, name: str) -> bool:
        """Whether a receiver is looked at as a task: one that is asked to cancel is remembered,
        for to await it then raises. What is asked for its result may be anything that has one."""
        if name not in _TASK_METHODS or name in ("result", "exception", "cancelled"):
            return False
        return isinstance(receiver, Param) or (
            isinstance(receiver, Foreign)
            and (receiver.path in self.relevant or (name == "cancel" and "." in receiver.path))
        )

    def _other_method(
        self,
        node: ir.Call,
        receiver: Value,
        name: str,
        args: Args,
        state: State,
        ctx: Context,
        qualified: str | None,
    ) -> Results:
        if isinstance(receiver, Loop) or self._is_loop(node):
            return self._loop_method(node, name, args, state, ctx)
        if isinstance(receiver, Primitive) and name in receiver.methods:
            return [(state, Result(self.origin(node), f"{_text(node.func)}()"))]
        if _text(node.func) in self.program.outline.coroutine_methods:
            state = self._hand_over_args(args, state, ctx)
            return [(state, Result(self.origin(node), f"{_text(node.func)}()"))]
        if self._is_logging(node, name) or (qualified or "").startswith("warnings."):
            return [(state, UNKNOWN)]
        found = self._method_of_file(node, ctx)
        if found is not None:
            return self.call_function(node, found, args, state, ctx)
        if self._creates_task(node, ctx.frame.func, qualified):
            return self.make_task(node, args.first(), state, ctx)
        if name == "callback":
            state = self._register(node, args.first(), state, ctx)
        return self.unknown_call(node, args, state, ctx)

    def stack_key(self, name: str, ctx: Context) -> str:
        """How states name what an exit stack is to cancel."""
        return f"{ctx.frame.prefix}$stack:{name}"

    def _register(self, node: ir.Call, method: Value, state: State, ctx: Context) -> State:
        """`stack.callback(task.cancel)`: the task is cancelled when the stack is left."""
        owner = node.func.value if isinstance(node.func, ir.Attr) else None
        stack = state.env.get(self.stack_key(owner.id, ctx)) if isinstance(owner, ir.Name) else None
        if stack is None or not isinstance(method, Method) or method.name != "cancel":
            return state
        box = state.heap[stack.id]
        return state.put(stack, box._replace(items=(*box.items, method.owner)))

    def _is_loop(self, node: ir.Call) -> bool:
        """Whether a method is called on something that is named as an event loop is."""
        assert isinstance(node.func, ir.Attr)
        base = node.func.value
        name = last_name(base)
        return name is not None and _LOOP_NAME.search(name) is not None

    def _is_logging(self, node: ir.Call, name: str) -> bool:
        assert isinstance(node.func, ir.Attr)
        base = node.func.value
        text = last_name(base.func) if isinstance(base, ir.Call) else last_name(base)
        named = text is not None and (_LOGGER.search(text) is not None or text == "getLogger")
        return name in _LOG_METHODS and named

    def _loop_method(
        self, node: ir.Call, name: str, args: Args, state: State, ctx: Context
    ) -> Results:
        if name == "create_task":
            return self.make_task(node, args.first(), state, ctx)
        if name in ("create_future", "run_in_executor"):
            return self._future(node, args, state, ctx)
        if name == "run_until_complete":
            return self._run_until_complete(node, args, state, ctx)
        return self.unknown_call(node, args, state, ctx)

    def _run_until_complete(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        """Runs a wait from a function that is no coroutine: nothing can cancel it there."""
        value = args.first()
        if not isinstance(value, (Waiting, TimeLimited)):
            return self.unknown_call(node, args, state, ctx)
        flow = Flow()
        results = self.await_value(state, value, node.line, ctx.into(flow))
        for completion, states in flow:
            ctx.out.add(completion, *(end for end in states if end.fault == state.fault))
        return results

    def _method_of_file(self, node: ir.Call, ctx: Context) -> Function | None:
        """`self.method` of the enclosing class, or `Class.method` of a class of the file."""
        func = node.func
        if not isinstance(func, ir.Attr) or func.path is None or len(func.path) != 2:
            return None
        root, name = func.path
        outline = self.program.outline
        cls = ctx.frame.func.cls if root in ("self", "cls") else root
        if cls is None or cls not in outline.classes or outline.method(cls, name) is None:
            return None
        found = self.program.function(cls, name)
        if found is None:
            return None
        kinds = {last_name(decorator) for decorator in found.decorators}
        bound = root in ("self", "cls") or "classmethod" in kinds
        return Function(found, bound and "staticmethod" not in kinds)

    def _task_method(
        self, node: ir.Call, ref: Ref, name: str, args: Args, state: State, ctx: Context
    ) -> Results:
        handler = _TASK_METHODS.get(name)
        if handler is None:
            return [(state, UNKNOWN)]
        results: Results = handler(self, node, ref, state, ctx)
        return results

    def _cancel(self, node: ir.Call, ref: Ref, state: State, ctx: Context) -> Results:
        if not effects.ended(state, ref):
            state = state.step(node.line, f"{self.describe(state, ref)} is asked to cancel")
        statuses = {state.heap[r.id].status for r in effects.tasks_of(state, ref)}
        known: Value = UNKNOWN
        if statuses and statuses <= ENDED:
            known = Const(False)
        elif statuses and MAYBE not in statuses and not statuses & (ENDED | ASKED):
            known = Const(True)
        return [(self.cancel(state, ref, node.line), known)]

    def _done(self, node: ir.Call, ref: Ref, state: State, ctx: Context) -> Results:
        """`.done()`: what was running when time last passed may have ended since."""
        thing = state.heap[ref.id]
        if type(thing) is WaitTask:
            return self._wait_done(ref, thing, state)
        if type(thing) is Gather:
            return self._gather_done(ref, state)
        return self._task_done(ref, state)

    def _wait_done(self, ref: Ref, task: WaitTask, state: State) -> Results:
        if task.result is not None:
            return [(state, Const(True))]
        ended = [
            (after.put(ref, task._replace(result=value)), Const(True))
            for after, value in self.returned(state, task.waiting)
        ]
        return [*ended, (state, Const(False))]

    def _task_done(self, ref: Ref, state: State) -> Results:
        status = state.heap[ref.id].status
        if status in ENDED:
            return [(state, Const(True))]
        if status in ("running", "cancelling"):
            return [(state, Const(False))]
        self.free_choices += not state.heap[ref.id].waited
        ends = {CANCELLED} if status in ASKED else {DONE}
        if status in MAYBE_ASKED:  # it had ended before, or it may have ended since
            ends = {DONE} if status == MAYBE_CANCELLING else {DONE, CANCELLED}
        return [
            *((effects.with_status(state, ref, end), Const(True)) for end in sorted(ends)),
            (effects.not_ended(state, ref), Const(False)),
        ]

    def _gather_done(self, ref: Ref, state: State) -> Results:
        results: Results = []
        ways = [state]
        for child in effects.tasks_of(state, ref):
            ends = [end for way in ways for end in self._task_done(child, way)]
            results += [(end, known) for end, known in ends if known == Const(False)]
            ways = [end for end, known in ends if known == Const(True)]
        return results + [(way, Const(True)) for way in ways]

    def _cancelled(self, node: ir.Call, ref: Ref, state: State, ctx: Context) -> Results:
        thing = state.heap[ref.id]
        if type(thing) is not Task:
            return [(state, UNKNOWN)]
        if thing.status == CANCELLED:
            return [(state, Const(True))]
        if thing.status in (OK, FAILED, "running", "cancelling"):
            return [(state, Const(False))]
        return [(effects.with_status(state, ref, CANCELLED), Const(True)), (state, Const(False))]

    def _result(self, node: ir.Call, ref: Ref, state: State, ctx: Context) -> Results:
        thing = state.heap[ref.id]
        if type(thing) is WaitTask:
            if thing.result is None:
                self.fail(state, ctx, Exc("InvalidStateError"))
                return []
            return [(state, thing.result)]
        if type(thing) is Gather:
            if effects.ended(state, ref):
                return self.await_value(state, ref, node.line, ctx)
            self.fail(state, ctx, Exc("InvalidStateError"))
            statuses = {state.heap[child.id].status for child in effects.tasks_of(state, ref)}
            if not statuses <= ENDED | {MAYBE}:
                return []
            done = effects.end_all(state, ref, DONE)
            return self.await_value(done, ref, node.line, ctx) if statuses else [(done, UNKNOWN)]
        return self.result_of(state, ref, node.line, ctx)

    def _exception(self, node: ir.Call, ref: Ref, state: State, ctx: Context) -> Results:
        """`.exception()`: a free branch on a done task; None means that it does not fail later."""
        if type(state.heap[ref.id]) is not Task:
            return [(state, UNKNOWN)]
        status = state.heap[ref.id].status
        if status == OK:
            return [(state, Const(None))]
        if status == FAILED:
            return [(state, Raised(Exc("")))]
        if status == CANCELLED:
            self.fail(state, ctx, Exc("CancelledError"))
            return []
        if status != DONE:
            self.fail(effects.not_ended(state, ref), ctx, Exc("InvalidStateError"))
            if status != MAYBE:
                return []
        return [
            (effects.with_status(state, ref, OK), Const(None)),
            (effects.with_status(state, ref, FAILED), Raised(Exc(""))),
        ]

    # Methods of collections

    def _box_method(
        self, node: ir.Call, ref: Ref, name: str, args: Args, state: State, ctx: Context
    ) -> Results:
        box = state.heap[ref.id]
        if not box.escaped and name not in _ATTRIBUTES.get(box.kind, {name}):
            self.fail(state, ctx, Exc("AttributeError"))
            return []
        handler = _BOX_METHODS.get(name)
        if handler is None:
            return [(self._hand_over_args(args, state, ctx), UNKNOWN)]
        results: Results = handler(self, ref, name, args, state, ctx)
        return results

    def _hand_over_args(self, args: Args, state: State, ctx: Context) -> State:
        for value in args.every():
            state = self.hand_over(state, value, ctx)
        return state

    def _insert(self, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
        """`append`, `add`, `insert`: one more item."""
        value = args.positional[-1] if args.positional else UNKNOWN
        return [(self._put_in(state, ref, [value], False, ctx), Const(None))]

    def _extend(self, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
        box = state.heap[ref.id]
        if box.kind == "dict":
            pairs = self._pairs(args, state)
            if self._is_theirs(ref, state, ctx):
                state = self.hand_over(state, tuple(pairs), ctx)
            more = box._replace(items=(*box.items, *pairs), open=box.open or not pairs)
            return [(state.put(ref, more), Const(None))]
        for value in args.positional:
            state, items, source = self.iterated(state, value)
            opened = items is None or state.get(source).open
            state = self._put_in(state, ref, list(items or ()), opened, ctx)
        return [(state, Const(None))]

    def _put_in(
        self, state: State, ref: Ref, values: list[Value], opened: bool, ctx: Context
    ) -> State:
        """Add values to a collection; what goes into somebody else's is handed over."""
        box = state.heap[ref.id]
        theirs = self._is_theirs(ref, state, ctx)
        items = list(box.items)
        for value in values:
            if theirs:
                state = self.hand_over(state, value, ctx)
            if not self._remembered(value, state, ctx):
                opened = True
            elif value not in items:
                items.append(value)
        return state.put(ref, box._replace(items=tuple(items), open=box.open or opened))

    def _is_theirs(self, ref: Ref, state: State, ctx: Context) -> bool:
        """Whether somebody else can reach a collection, or a nested function of the function
        reaches into the function's own names."""
        if state.heap[ref.id].escaped:
            return True
        if ctx.frame.parent is None:
            return False
        names = [key for key, value in state.env.items() if value == ref]
        return any(not key.startswith(ctx.frame.prefix) for key in names)

    def _remembered(self, value: Value, state: State, ctx: Context) -> bool:
        """Whether a collection remembers an item."""
        if ctx.frame.func is not self.func:
            return self.matters(value, state)
        thing = state.get(value)
        if type(thing) is Box and thing.kind == "tuple":
            return any(self._remembered(item, state, ctx) for item in thing.items)
        return not isinstance(value, (Unknown, Const))

    def _pop(self, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
        """Take an item out: a given one of a list or dict, any of a set."""
        box = state.heap[ref.id]
        if box.kind == "dict" and name == "pop" and not args.positional:
            self.fail(state, ctx, Exc("TypeError"))
            return []
        if box.kind == "dict":
            return self._pop_key(ref, box, name, args, state)
        results: Results = []
        if not box.items:
            if not box.open:
                self.fail(state, ctx, Exc("KeyError" if box.kind == "set" else "IndexError"))
                return []
            return [(state, UNKNOWN)]
        if box.kind == "set":
            for item, rest in effects.choices(state, box.items):
                results.append((state.put(ref, box._replace(items=rest)), item))
            if box.open:
                results.append((state, UNKNOWN))
            return results
        index: Any = 0 if name == "popleft" else -1
        if args.positional:
            index = getattr(args.positional[0], "value", None)
        if type(index) is not int or not -len(box.items) <= index < len(box.items):
            return [(state, item) for item, _ in effects.choices(state, box.items)]
        left = list(box.items)
        item = left.pop(index)
        return [(state.put(ref, box._replace(items=tuple(left))), item)]

    def _pop_key(self, ref: Ref, box: Box, name: str, args: Args, state: State) -> Results:
        if name == "popitem":
            results: Results = []
            for position, pair in enumerate(box.items):
                rest = box.items[:position] + box.items[position + 1 :]
                after = state.put(ref, box._replace(items=rest))
                results.append(after.new(Box("tuple", tuple(pair))))
            return results or [(state, UNKNOWN)]
        default = args.positional[1] if len(args.positional) > 1 else UNKNOWN
        gone = self.pairs_under(args.first(), box, state)
        if not gone:
            return [(state, default)]
        rest = tuple(pair for pair in box.items if pair not in gone)
        return [(state.put(ref, box._replace(items=rest)), gone[-1][1])]

    def pairs_under(self, key: Value, box: Box, state: State) -> list[Value]:
        """The items of a dict that a key takes out. One that is not known takes out a task that
        has ended, if any: to lose one that runs would be a guess."""
        if isinstance(key, (Ref, Const)):
            exact = [pair for pair in box.items if pair[0] == key]
            if exact or isinstance(key, Ref):
                return exact
        return [pair for pair in box.items if any(effects.ended(state, part) for part in pair)][:1]

    def _remove(self, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
        box = state.heap[ref.id]
        value = args.first()
        items = tuple(item for item in box.items if item != value)
        return [(state.put(ref, box._replace(items=items)), Const(None))]

    def _remove_all(self, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
        """`difference_update` and `intersection_update`."""
        for value in args.positional:
            box = state.heap[ref.id]
            state, others, _ = self.iterated(state, value)
            if others is None:
                continue
            inside = name == "intersection_update"
            items = tuple(item for item in box.items if (item in others) == inside)
            state = state.put(ref, box._replace(items=items))
        return [(state, Const(None))]

    def _clear(self, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
        box = state.heap[ref.id]
        return [(state.put(ref, box._replace(items=(), open=False)), Const(None))]

    def _combine(self, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
        ops = {"union": "BitOr", "difference": "Subtract", "intersection": "BitAnd"}
        result: Value = ref
        for value in args.positional:
            state, result = self.combined(state, ops.get(name, "BitXor"), result, value)
        if result == ref:
            return self._copy(ref, name, args, state, ctx)
        return [(state, result)]

    def _copy(self, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
        return [state.new(state.heap[ref.id]._replace(escaped=False))]

    def _view(self, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
        """`.keys()`, `.values()` and `.items()` of a dict; of a parameter, all its tasks."""
        box = state.heap[ref.id]
        if box.kind != "dict":
            return [state.new(Box("list", box.items, box.open))]
        if name == "items":
            rows: list[Value] = []
            for pair in box.items:
                state, row = state.new(Box("tuple", tuple(pair)))
                rows.append(row)
            return [state.new(Box("list", tuple(rows), box.open))]
        column = 0 if name == "keys" else 1
        return [state.new(Box("list", tuple(pair[column] for pair in box.items), box.open))]

    def _get(self, ref: Ref, name: str, args: Args, state: State, ctx: Context) -> Results:
        box = state.heap[ref.id]
        if box.kind != "dict":
            return [(state, UNKNOWN)]
        key = args.first()
        exact = any(pair[0] == key for pair in box.items) and isinstance(key, (Ref, Const))
        if name == "setdefault" and len(args.positional) > 1 and not exact:
            value = args.positional[1]
            after = self.with_pair(box, box.items, key, value, state)
            return [(state.put(ref, after), value)]
        default = args.positional[1] if len(args.positional) > 1 else Const(None)
        found = [(state, value) for value in self._looked_up(box, key)]
        return found if exact else [*found, (state, default)]

    # Functions of the same file, and everything else

    def call_function(
        self, node: ir.Call, function: Function, args: Args, state: State, ctx: Context
    ) -> Results:
        """Call a function of the same file: a coroutine, a generator, or its body at once."""
        func = function.func
        plain = not func.decorators or _transparent(func)
        if func.asynchronous and not func.generator and plain:
            return [(state, Coroutine(func, self._bound(function, args)))]
        if func.generator or not plain or args.splat or ctx.frame.depth >= MAX_DEPTH:
            state = self.hand_over(state, function, ctx)
            return self.unknown_call(node, args, state, ctx)
        pairs = self._bound(function, args)
        if self._indifferent(func, pairs, state):
            return self._summarised(func, pairs, state, ctx)
        results = self._activate(func, pairs, state, ctx, id(node))
        return self._returned(func, state, results)

    def _returned(self, func: ir.Func, before: State, results: Results) -> Results:
        """The tasks that a function of the same file makes are none of the caller's, but for the
        one that it returns, if every return of it is one."""
        makes = self.summary(func).makes
        ways: Results = []
        for after, value in results:
            known = {*before.heap, *(after.refs(value) if makes else ())}
            fresh = {
                number: thing._replace(handed=True)
                for number, thing in after.heap.items()
                if number not in known and type(thing) is Task and thing.owner == OWNED
            }
            ways.append((after.put_all(fresh), value))
        return ways

    def _bound(self, function: Function, args: Args) -> Arguments:
        """The parameters of a call of a function of the file, with their values."""
        func = function.func
        names = func.positional[1:] if function.bound else func.positional
        pairs = list(zip(names, args.positional, strict=False))
        rest = args.positional[len(names) :]
        named: list[Value] = []
        if func.star is not None:
            pairs.append((func.star, tuple(rest)))
        for name, value in args.keywords.items():
            if name in func.params:
                pairs.append((name, value))
            elif func.star_star is not None and not args.splat:
                named.append((Const(name), value))
            elif func.star_star is not None or name.startswith("**"):
                pairs.append((f"${name}", value))
        if func.star_star is not None and not args.splat:
            pairs.append((func.star_star, tuple(named)))
        return tuple(pairs)

    def run_coroutine(self, state: State, value: Coroutine, line: int, ctx: Context) -> Results:
        """Await a coroutine of the same file: it can only fail at the awaits inside it."""
        if ctx.frame.depth >= MAX_DEPTH:
            return self.suspend(self.hand_over(state, value, ctx), line, ctx)
        if self._indifferent(value.func, value.args, state):
            return self._summarised(value.func, value.args, state, ctx)
        results = self._activate(value.func, value.args, state, ctx, line)
        return self._returned(value.func, state, results)

    def _indifferent(self, func: ir.Func, pairs: Arguments, state: State) -> bool:
        """Whether a call of a function of the file cannot touch what the state remembers, nor
        return a task that it made: then what it does is the same in every state."""
        captured = func.parent is not None and any(n in self.relevant for n in func.mentions)
        return (
            not captured
            and not any(self.matters(value, state) for _, value in pairs)
            and not self.summary(func).makes
        )

    def _summarised(self, func: ir.Func, pairs: Arguments, state: State, ctx: Context) -> Results:
        summary = self.summary(func, self._constants(func, pairs))
        later = state.suspended() if summary.suspends else state
        for exc, line in summary.faults:
            self.fault(state, ctx, line, (exc,), later)
        for exc in summary.raises:
            self.fail(later, ctx, exc)
        return [(later, UNKNOWN)] if summary.returns else []

    def _constants(self, func: ir.Func, pairs: Arguments) -> Arguments:
        """The parameters that are None in a call, or a constant that the function tests."""
        bound = {**dict(self._defaults(func)), **dict(pairs)}.items()
        return tuple((n, v) for n, v in bound if isinstance(v, Const) and self.decides(n, v, func))

    def _defaults(self, func: ir.Func) -> Arguments:
        """The parameters whose default is a constant, with that."""
        defaults = func.defaults.items()
        return tuple((name, Const(v.value)) for name, v in defaults if isinstance(v, ir.Const))

    def summary(self, func: ir.Func, constants: Arguments = ()) -> Summary:
        """What a function of the file does that is given nothing to remember but `constants`."""
        key = (func, constants)
        if key not in self._summaries:
            self._summaries[key] = self._summarise(func, dict(constants))
        return self._summaries[key]

    def _summarise(self, func: ir.Func, constants: dict[str, Value]) -> Summary:
        flow = Flow()
        nothing = State({}, {})
        suspensions = self.suspensions
        outside = Context(Frame(self.func, "", 0), flow)
        stars = (func.star, func.star_star)
        given = tuple((n, constants.get(n, UNKNOWN)) for n in func.params if n not in stars)
        results = self._activate(func, given, nothing, outside, None)
        faults: dict[Exc, int] = {}
        raises: list[Exc] = []
        for completion, states in flow:
            for state in states:
                if completion.exc is None:
                    continue
                if state.fault:
                    assert state.trace is not None
                    faults.setdefault(completion.exc, state.trace.line)
                elif completion.exc not in raises:
                    raises.append(completion.exc)
        return Summary(
            suspends=self.suspensions > suspensions,
            returns=any(not state.fault for state, _ in results),
            faults=tuple(faults.items()),
            raises=tuple(raises),
            makes=bool(results)
            and all(
                type(thing) is Task and thing.owner == OWNED
                for thing in (state.get(value) for state, value in results)
            ),
        )

    def enter(self, function: Function, args: Args, state: State, ctx: Context) -> Results:
        """Run the body of a function of the same file, in a frame of its own."""
        return self._activate(function.func, self._bound(function, args), state, ctx, None)

    def _activate(
        self,
        func: ir.Func,
        pairs: Arguments,
        state: State,
        ctx: Context,
        caller: object,
    ) -> Results:
        before = self.caller
        self.caller = (before, caller) if caller is not None else before
        self.level += 1
        frame = self.frame_for(func, ctx)
        state = self.bind_params(func, pairs, frame, state)
        results = self.run_body(frame, state, ctx)
        self.level -= 1
        self.caller = before
        return results

    def frame_for(self, func: ir.Func, ctx: Context) -> Frame:
        """A frame for a call; a lambda is part of the function that it stands in."""
        depth = ctx.frame.depth + (func.name != "<lambda>")
        parent: Frame | None = ctx.frame
        while parent is not None and func.parent is not parent.func:
            parent = parent.parent
        return Frame(func, ":" * self.level, depth, parent)

    def bind_params(
        self,
        func: ir.Func,
        pairs: Arguments,
        frame: Frame,
        state: State,
    ) -> State:
        for name, value in pairs:
            if name in (func.star, func.star_star):
                state, value = state.new(Box("tuple" if name == func.star else "dict", value))
            if not isinstance(value, Unknown):
                state = state.bind(frame.prefix + name, value)
        given = dict(pairs)
        for name, default in self._defaults(func):
            if name not in given:
                state = state.bind(frame.prefix + name, default)
        return state

    def run_body(self, frame: Frame, state: State, ctx: Context) -> Results:
        raise NotImplementedError

    def unknown_call(self, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
        """A call that nobody knows may keep or settle whatever it is given."""
        state = self._hand_over_args(args, state, ctx)
        return [(state, Result(self.origin(node)))]


def _text(node: ir.Expr) -> str:
    if isinstance(node, ir.Attr) and node.path is not None:
        return ".".join(node.path)
    return node.id if isinstance(node, ir.Name) else "a coroutine"


def _transparent(func: ir.Func) -> bool:
    """Decorators that leave a method what it is."""
    return all(
        isinstance(decorator, ir.Name) and decorator.id in ("staticmethod", "classmethod")
        for decorator in func.decorators
    )


_Known = Callable[[Calls, ir.Call, Args, State, Context], Results]
_KNOWN: dict[str, _Known] = {
    "asyncio.create_task": Calls._create_task,
    "asyncio.Task": Calls._create_task,
    "asyncio.ensure_future": Calls._ensure_future,
    "asyncio.async": Calls._ensure_future,
    "asyncio.Future": Calls._future,
    "asyncio.wrap_future": Calls._future,
    "asyncio.gather": Calls._gather,
    "asyncio.shield": Calls._shield,
    "asyncio.wait_for": Calls._wait_for,
    "asyncio.as_completed": Calls._as_completed,
    "asyncio.run": Calls._run,
    "asyncio.sleep": Calls._sleep,
    **dict.fromkeys(_LOOP_MAKERS, Calls._loop),
    **dict.fromkeys(PRIMITIVES, Calls._primitive),
    "typing.cast": Calls._cast,
    "builtins.setattr": Calls._setattr,
    **{f"builtins.{name}": Calls._nothing for name in _NEUTRAL},
    "builtins.len": Calls._len,
    "builtins.range": Calls._range,
    "builtins.bool": Calls._truth_of,
    "builtins.any": Calls._any_all,
    "builtins.all": Calls._any_all,
    "builtins.isinstance": Calls._isinstance,
    **dict.fromkeys(_COLLECTORS, Calls._collect),
    "builtins.zip": Calls._zip,
    "builtins.enumerate": Calls._enumerate,
    "builtins.dict": Calls._dict_call,
    "builtins.next": Calls._next,
    "itertools.chain": Calls._chain,
    "itertools.chain.from_iterable": Calls._chain,
    "warnings.warn": Calls._nothing,
}
_TASK_METHODS: dict[str, Any] = {
    "cancel": Calls._cancel,
    "done": Calls._done,
    "cancelled": Calls._cancelled,
    "result": Calls._result,
    "exception": Calls._exception,
}
_BOX_METHODS: dict[str, Any] = {
    **dict.fromkeys(("append", "add", "insert", "appendleft"), Calls._insert),
    **dict.fromkeys(("extend", "update", "extendleft"), Calls._extend),
    **dict.fromkeys(("pop", "popleft", "popitem"), Calls._pop),
    **dict.fromkeys(("remove", "discard"), Calls._remove),
    **dict.fromkeys(("difference_update", "intersection_update"), Calls._remove_all),
    "clear": Calls._clear,
    **dict.fromkeys(
        ("union", "difference", "intersection", "symmetric_difference"), Calls._combine
    ),
    "copy": Calls._copy,
    **dict.fromkeys(("keys", "values", "items"), Calls._view),
    **dict.fromkeys(("get", "setdefault"), Calls._get),
}
