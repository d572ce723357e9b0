"""What every part of the interpreter needs: names, faults, hand-overs, the loss of a task."""

from __future__ import annotations

from collections.abc import Iterable

from flake8_asyncwait.analysis import effects, ir
from flake8_asyncwait.analysis.completion import States, raising
from flake8_asyncwait.analysis.exceptions import (
    ANY,
    CANCELLED_ERROR,
    GENERATOR_EXIT,
    TIMEOUT_ERROR,
    Exc,
)
from flake8_asyncwait.analysis.facts import Facts
from flake8_asyncwait.analysis.relevance import tested_constants
from flake8_asyncwait.analysis.run import (
    FIRST_WORK,
    MAX_WORK,
    NODE_WORK,
    Books,
    Context,
    Frame,
    Program,
)
from flake8_asyncwait.analysis.state import (
    ASKED,
    BORROWED,
    CANCELLED,
    COLLECTION,
    DONE,
    FAILED,
    FOREIGN,
    FUTURE,
    LOST,
    MANY,
    MAYBE,
    OK,
    OWNED,
    UNKNOWN,
    UNSETTLED,
    Box,
    Const,
    Coroutine,
    Foreign,
    Function,
    Param,
    Ref,
    Result,
    State,
    Task,
    Unknown,
    Value,
)

# What one evaluation yields: each way it may go, with its value.
Results = list[tuple[State, Value]]

_FAULTS = {
    CANCELLED_ERROR: "cancelled here",
    GENERATOR_EXIT: "closed here",
    ANY: "an exception is raised here",
    TIMEOUT_ERROR: "the time is up here",
}


class Base:
    """The state of one run, and the operations that all statements and expressions share."""

    def __init__(
        self,
        program: Program,
        func: ir.Func,
        facts: Facts,
        many: int = MANY,
    ) -> None:
        self.program = program
        self.func = func
        self.facts = facts
        self.sites = facts.sites
        self.site_of = {id(site.call): site for site in facts.sites}
        self.relevant = facts.relevant
        self.many = many
        first = FIRST_WORK + NODE_WORK * facts.size
        self.books = Books(len(facts.sites), first if many == MANY else MAX_WORK)
        self._origins: dict[object, int] = {}
        self._nodes: list[object] = []
        self._flags: dict[ir.Func, set[str]] = {}
        self.suspensions = 0
        # Tasks of others count too (AWT105).
        self.letter = False
        # Only executions without a fault.
        self.faultless = False
        # The names and dotted paths whose tests agree with each other.
        self.tested_again: frozenset[str] = frozenset()
        # The call of the function whose helper is being looked into.
        self.caller: object = None
        # How many frames are active besides the function's own: their names are kept apart.
        self.level = 0

    def without_faults(self) -> None:
        """From now on, only executions without a fault, for as much work once more."""
        self.faultless = True
        self.many = MANY
        self.books.work = 0

    # Origins

    def origin(self, node: object) -> int:
        """The number of a place that makes tasks: an ir node (as reached from the call that is
        being looked into), or a name."""
        key: object = node if isinstance(node, str) else (id(node), self.caller)
        if key not in self._origins:
            self._origins[key] = len(self._origins)
            self._nodes.append(node)
        return self._origins[key]

    # Names

    def lookup(self, name: str, state: State, ctx: Context) -> Results:
        """The value of a name; reading one that is not bound yet raises UnboundLocalError."""
        frame = ctx.frame.owner_of(name)
        if frame is None:
            return [(state, self._global(name, state, ctx))]
        key = frame.prefix + name
        value = state.env.get(key)
        defined = frame.func.definitions.get(name)
        if value is None and defined is not None:
            return [(state, Function(defined, False))]
        if frame.func is self.func:
            state = self._note_stale_read(name, value, state, ctx)
            if value is None and name in self.facts.bindable:
                self.fail(state, ctx, Exc("UnboundLocalError"))
                return []
        return [(state, UNKNOWN if value is None else value)]

    def _note_stale_read(self, name: str, value: Value, state: State, ctx: Context) -> State:
        """AWT103: a cleanup reads what a result was to be bound to, unbound or older and empty."""
        if not ctx.cleanup or not state.stale:
            return state
        if value is not None and self.truth(value, state):
            return self._freshen(name, state)  # what empties it from now on is the cleanup itself
        for index, stale in state.stale:
            if stale != name:
                continue
            unbound = value is None and name in self.facts.bindable
            pending = name in self.sites[index].results
            older = value is not None and pending and self.truth(value, state) is False
            if unbound or older:
                state = state.with_mark(index)
        return state

    def _global(self, name: str, state: State, ctx: Context) -> Value:
        if name in state.env:
            return state.env[name]
        func = self.function_named(name, ctx.frame.func)
        if func is not None:
            return Function(func, False)
        return self._sibling(name, ctx.frame.func) or Foreign(name)

    def _sibling(self, name: str, func: ir.Func) -> Value | None:
        """A function that a function around this one defines."""
        around = func.parent
        while around is not None:
            for nested in around.nested:
                if nested.name == name:
                    return Function(nested, False)
            around = around.parent
        return None

    def function_named(self, name: str, scope: ir.Func) -> ir.Func | None:
        """The top-level function of this file that a name stands for in a scope."""
        if name in self.program.outline.functions and self.program.root(scope, name) is None:
            around: ir.Func | None = scope
            while around is not None:
                if name in around.locals and not around.module:
                    return None
                around = around.parent
            return self.program.function(None, name)
        return None

    def keeps(self, name: str, value: Value, state: State, frame: Frame) -> bool:
        """Whether states hold what a name is bound to: in the function itself what its relevant
        names are bound to, in helpers what holds a task, decides a condition or is None."""
        if frame.func is self.func:
            return name in (self.facts.feeding if isinstance(value, Result) else self.relevant)
        if isinstance(value, Const):
            return self.decides(name, value, frame.func)
        return self.matters(value, state)

    def decides(self, name: str, value: Const, func: ir.Func) -> bool:
        """Whether a helper must know that a name is a constant: it tests it, or fails for it."""
        return value.value is None or name in self._flags_of(func)

    def _flags_of(self, func: ir.Func) -> set[str]:
        if func not in self._flags:
            self._flags[func] = tested_constants(func, func.params)
        return self._flags[func]

    def matters(self, value: Value, state: State) -> bool:
        """Whether a helper must know a value: it reaches a task, or is a collection to come."""
        if isinstance(value, Ref):
            thing = state.heap[value.id]
            if type(thing) is Box and thing.kind != "tuple":
                return True
            return type(thing) is not Box or self.matters(thing.items, state)
        if isinstance(value, (Param, Function, Coroutine)):
            return True
        if isinstance(value, tuple):
            return any(self.matters(part, state) for part in value)
        return False

    def assign(self, name: str, value: Value, state: State, ctx: Context) -> State:
        """Bind a name; a global, or a name of a function around the one analysed, hands over."""
        frame = ctx.frame.owner_of(name)
        if frame is None:
            return self.hand_over(state, value, ctx)
        if frame is not ctx.frame and frame.func is not self.func:
            state = self.hand_over(state, value, ctx)
        key = frame.prefix + name
        if frame.func is self.func:
            state = self._freshen(name, state)
        if f"${key}" in state.env:
            state = self.hand_over(state, value, ctx)
        if not self.keeps(name, value, state, frame):
            value = UNKNOWN
        if isinstance(value, Unknown) and name not in self.facts.bindable:
            return state.unbind(key)
        self._label(name, value, state, frame)
        return state.bind(key, value)

    def _freshen(self, name: str, state: State) -> State:
        fresh = frozenset(pair for pair in state.stale if pair[1] != name)
        return state.with_stale(fresh) if fresh != state.stale else state

    def _label(self, name: str, value: Value, state: State, frame: Frame) -> None:
        if frame.func is not self.func:
            return
        thing = state.get(value)
        refs = thing.items if type(thing) is Box else (value,)
        for item in refs:
            for part in item if type(item) is tuple else (item,):
                for ref in effects.tasks_of(state, part):
                    self.books.labels.setdefault(state.heap[ref.id].origin, name.partition("~")[0])

    # Truth

    def truth(self, value: Value, state: State) -> bool | None:
        """Whether a value is true; None where that is not known."""
        kind = type(value).__name__
        if kind == "Const":
            return bool(value.value)
        if kind == "Ref":
            thing = state.get(value)
            if type(thing) is Box:
                if thing.items:
                    return True
                return None if thing.open else False
            return True
        if kind in ("Function", "Method", "Coroutine", "Waiting", "Raised", "Primitive"):
            return True
        return None

    # Faults and failures

    def fail(self, state: State, ctx: Context, exc: Exc) -> None:
        """The execution raises, as Python does and without a fault."""
        ctx.out.add(raising(exc), state)

    def is_none(self, value: Value, state: State, ctx: Context, error: str) -> bool:
        """Whether a value is known to be None; then what is done to it raises `error`."""
        if isinstance(value, Const) and value.value is None:
            self.fail(state, ctx, Exc(error))
            return True
        return False

    def fault(
        self,
        state: State,
        ctx: Context,
        line: int,
        excs: Iterable[Exc],
        effect: State | None = None,
    ) -> None:
        """A fault may strike here, once an execution; `effect` is the state it leaves behind."""
        self.suspensions += 1
        if state.fault or self.faultless:
            return
        struck = (effect if effect is not None else state).with_fault()
        for exc in excs:
            what = _FAULTS.get(exc, "an exception is raised here")
            ctx.out.add(raising(exc), struck.step(line, what, f"fault:{exc.name or 'Exception'}"))

    # Hand-overs

    def hand_over(self, state: State, value: Value, ctx: Context) -> State:
        """Somebody else can reach a value, and all that it captures."""
        state = effects.hand_over(state, value)
        for param in state.params(value):
            if not param.handed:
                state = effects.substitute(state, param, param._replace(handed=True))
        reached = (value, *(state.heap[number] for number in state.refs(value)))
        for func in self._functions_in(reached):
            state = self._hand_over_captured(state, func, ctx)
        return state

    def _functions_in(self, value: Value) -> list[ir.Func]:
        if isinstance(value, (Function, Coroutine)):
            inner = (
                [f for _, v in value.args for f in self._functions_in(v)]
                if isinstance(value, Coroutine)
                else []
            )
            return [value.func, *inner]
        if isinstance(value, tuple):
            return [func for part in value for func in self._functions_in(part)]
        return []

    def _hand_over_captured(self, state: State, func: ir.Func, ctx: Context) -> State:
        if func.parent is None:
            return state
        return self.hand_over_names(state, func.mentions, ctx)

    def hand_over_names(self, state: State, names: Iterable[str], ctx: Context) -> State:
        """What names hold now, and whatever they will hold, can be reached by somebody else."""
        for name in sorted(names):
            frame = ctx.frame.owner_of(name)
            if frame is None or (frame.func is self.func and name not in self.relevant):
                continue
            key = frame.prefix + name
            if f"${key}" in state.env:
                continue
            value = state.env.get(key, UNKNOWN)
            state = state.bind(f"${key}", UNKNOWN)
            state = self.hand_over(state, value, ctx)
        return state

    # Tasks

    def as_task(self, state: State, value: Value) -> tuple[State, Value]:
        if not isinstance(value, Param) and not self.something_to_lose(state):
            return state, value
        return effects.as_task(state, value, self.origin)

    def as_items(self, state: State, value: Value) -> tuple[State, tuple[Value, ...] | None, Value]:
        if isinstance(value, Foreign) and not self.something_to_lose(state):
            return state, None, value
        return effects.as_items(state, value, self.origin, self.many)

    def cancel(self, state: State, value: Value, line: int) -> State:
        """`.cancel()` on a task or a gather; a parameter's tasks are adopted by it."""
        for ref in effects.tasks_of(state, value):
            task = state.heap[ref.id]
            self.books.cancelled_on.setdefault(task.origin, set()).add(line)
            if task.status in UNSETTLED and not state.fault:
                self._adopt(task.owner)
        return effects.cancel(state, value)

    def _adopt(self, owner: str) -> None:
        for prefix in (BORROWED, COLLECTION):
            if owner.startswith(prefix):
                self.books.adopted.add(owner.removeprefix(prefix))

    def cancel_all(self, state: State, value: Value, line: int) -> State:
        """Cancel every task that a value reaches (a call that the user says cancels them)."""
        for number in list(state.refs(value)):
            if type(state.heap[number]) is Task:
                state = self.cancel(state, Ref(number), line)
        return state

    # Loss: the only source of findings

    def collect(self, state: State, line: int) -> State:
        """Forget what nothing reaches; an owned task among it is lost here."""
        if len(state.reachable()) == len(state.heap):
            return state
        alive = frozenset(state.reachable())
        gone = {number: thing for number, thing in state.heap.items() if number not in alive}
        for number in gone:
            self._leave(state, number, line, "nothing refers to it any more")
        if state.fault and state.stale and LOST not in state.env:
            # A cleanup may still come to read the result: then it is another code.
            lost = tuple(Ref(n) for n, t in gone.items() if type(t) is Task and self._is_losable(t))
            state = state.bind(LOST, lost) if lost else state
        return state.collected()

    def finish(self, state: State, line: int, how: str) -> None:
        """The function has ended: every task that it still held leaves the books."""
        for number in state.heap:
            self._leave(state, number, line, how)
        for (origin, owner), number in state.doomed.items():
            self._lose("lost", origin, owner, number, state, line, how)

    def _leave(self, state: State, number: int, line: int, how: str) -> None:
        """A task leaves the books settled, handed over, or lost. Settled and handed over need
        no entry; what is neither is lost."""
        thing = state.heap[number]
        if type(thing) is not Task or not thing.waited or thing.owner == FUTURE:
            return
        if thing.status in UNSETTLED:
            kind = "kept" if thing.handed else "lost"
        elif thing.status in ASKED and not thing.handed:
            kind = "unawaited"
        else:
            return
        self._lose(kind, thing.origin, thing.owner, number, state, line, how)

    def _lose(
        self, kind: str, origin: int, owner: str, number: int, state: State, line: int, how: str
    ) -> None:
        told = state.trace is not None and (state.trace.line, state.trace.what) == (line, how)
        self.books.lose(kind, origin, owner, number, state if told else state.step(line, how))

    def head(self, state: State, line: int) -> State:
        """A state at the head of a loop. Where no task is left that could be lost, the others tell
        nothing any more: forgetting them lets loops converge."""
        self.books.tick(state.weight + (state.fill >> 6))  # what a loop fills may grow without end
        state = self.collect(state, line)
        tasks = {n: t for n, t in state.heap.items() if type(t) is Task}
        if not tasks or any(self._may_be_lost(task) for task in tasks.values()):
            return state
        others = {Ref(n) for n, t in tasks.items() if self._tells_nothing(t)}
        heap = dict(state.heap)
        for number, thing in state.heap.items():
            if Ref(number) in others:
                heap[number] = thing._replace(status=MAYBE)
            elif type(thing) is Box and thing.kind != "tuple":
                items = tuple(item for item in thing.items if not self._only(item, others))
                if len(items) < len(thing.items):
                    heap[number] = thing._replace(items=items, open=True)
        state = state.copy()
        state.heap = heap
        return self.collect(state, line)

    def _tells_nothing(self, task: Task) -> bool:
        """Somebody else's, and not one that raises when it is awaited."""
        theirs = task.owner in (FUTURE, FOREIGN)
        # A parameter's tasks, handed over or not, may still be adopted.
        theirs = theirs or (task.handed and not task.owner.startswith((BORROWED, COLLECTION)))
        return theirs and task.status not in ASKED and task.status != CANCELLED

    def _only(self, item: Value, others: set[Ref]) -> bool:
        """Whether an item of a collection holds nothing but tasks that cannot be lost."""
        if type(item) is tuple:
            return any(part in others for part in item)
        return item in others

    def something_to_lose(self, state: State) -> bool:
        """Whether a state holds a task that could be lost. Where it holds none, the tasks of
        others need not be told from each other (but for AWT105, which minds them all)."""
        return self.letter or any(
            type(thing) is Task
            and not thing.handed
            and (thing.owner == OWNED or thing.owner.startswith((BORROWED, COLLECTION)))
            for thing in state.heap.values()
        )

    def losable_in(self, state: State, value: Value) -> frozenset[int]:
        """The tasks that a value reaches and that could still be lost, if only once they are
        adopted."""
        things = ((number, state.heap[number]) for number in state.refs(value))
        return frozenset(n for n, t in things if type(t) is Task and self._is_losable(t))

    def _is_losable(self, task: Task) -> bool:
        theirs = task.owner in (FUTURE, FOREIGN) or task.handed
        return task.status in UNSETTLED and not theirs

    def _may_be_lost(self, task: Task) -> bool:
        return self._is_losable(task) and not task.owner.startswith(BORROWED)

    def settle_ended(self, state: State) -> State:
        """Forget how tasks ended where nothing asks any more."""
        heap = None
        for number, thing in state.heap.items():
            if type(thing) is Task and thing.status in (OK, FAILED, CANCELLED):
                heap = heap or dict(state.heap)
                heap[number] = thing._replace(status=DONE)
        if heap is None:
            return state
        state = state.copy()
        state.heap = heap
        return state

    def merge(self, states: Iterable[State], line: int) -> list[State]:
        """The set of the given states, each without what nothing reaches."""
        states = list(states)
        if len(states) < 2:
            return states
        self.books.tick(sum(state.weight for state in states))
        return list(States(self.collect(state, line) for state in states))

    def live(self, state: State, origin: int) -> int:
        """How many tasks of one origin a state remembers."""
        return sum(type(thing) is Task and thing.origin == origin for thing in state.heap.values())
