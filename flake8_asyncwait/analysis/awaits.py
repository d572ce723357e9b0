"""What `await` does to each kind of value: two points, the fault before the effect, and the end."""

from __future__ import annotations

from flake8_asyncwait.analysis import effects
from flake8_asyncwait.analysis.base import Base, Results
from flake8_asyncwait.analysis.completion import Flow, raising
from flake8_asyncwait.analysis.exceptions import (
    ANY,
    CANCELLED_ERROR,
    GENERATOR_EXIT,
    TIMEOUT_ERROR,
    Exc,
)
from flake8_asyncwait.analysis.run import Context
from flake8_asyncwait.analysis.state import (
    ASKED,
    CANCELLED,
    DONE,
    ENDED,
    FAILED,
    MAYBE,
    MAYBE_ASKED,
    OK,
    OWNED,
    UNKNOWN,
    Box,
    Const,
    Coroutine,
    Gather,
    Param,
    Ref,
    Shielded,
    State,
    Task,
    TimeLimited,
    Value,
    Waiting,
    WaitTask,
)


class Awaits(Base):
    """Await, wait and yield."""

    def await_value(self, state: State, value: Value, line: int, ctx: Context) -> Results:
        """All ways in which `await value` may go on; abrupt ends go to the context."""
        if isinstance(value, Param):
            state, value = self.as_task(state, value)
        thing = state.get(value)
        if isinstance(value, Waiting):
            return self.wait(state, value, line, ctx)
        if isinstance(value, Coroutine):
            return self.run_coroutine(state, value, line, ctx)
        if isinstance(value, Shielded):
            return self._await_shielded(state, value.inner, line, ctx)
        if isinstance(value, TimeLimited):
            return self._await_limited(state, value.inner, line, ctx)
        if type(thing) is Task:
            return self._await_task(state, value, line, ctx)
        if type(thing) is Gather:
            return self._await_gather(state, value, line, ctx)
        if type(thing) is WaitTask:
            return self._await_wait_task(state, value, line, ctx)
        if isinstance(value, Const) or (type(thing) is Box and not thing.escaped):
            self.fail(state, ctx, Exc("TypeError"))
            return []
        return self.suspend(state, line, ctx)

    def run_coroutine(self, state: State, value: Coroutine, line: int, ctx: Context) -> Results:
        raise NotImplementedError

    def suspend(self, state: State, line: int, ctx: Context) -> Results:
        """An await of something unknown."""
        later = state.suspended()
        self.fault(state, ctx, line, (CANCELLED_ERROR, ANY), later)
        return [(later, UNKNOWN)]

    def _await_task(self, state: State, ref: Ref, line: int, ctx: Context) -> Results:
        task = state.heap[ref.id]
        if task.status in ENDED:
            return self.result_of(state, ref, line, ctx)
        later = state.suspended()
        if task.status in ASKED:
            cancelled = effects.with_status(later, ref, CANCELLED)
            self.fail(cancelled, ctx, CANCELLED_ERROR)
            if task.status not in MAYBE_ASKED:
                return []
            return self.result_of(effects.with_status(later, ref, DONE), ref, line, ctx)
        self.fault(state, ctx, line, (ANY,), effects.with_status(later, ref, FAILED))
        self.fault(state, ctx, line, (CANCELLED_ERROR,), effects.with_status(later, ref, CANCELLED))
        return [(effects.with_status(later, ref, OK), UNKNOWN)]

    def result_of(self, state: State, ref: Ref, line: int, ctx: Context) -> Results:
        """`.result()` of a task, or an await of one that is done."""
        status = state.heap[ref.id].status
        if status == OK:
            return [(state, UNKNOWN)]
        if status == FAILED:
            self.fail(state, ctx, ANY)
            return []
        if status == CANCELLED:
            self.fail(state, ctx, CANCELLED_ERROR)
            return []
        if status == DONE:
            self.fault(state, ctx, line, (ANY,), effects.with_status(state, ref, FAILED))
            return [(effects.with_status(state, ref, OK), UNKNOWN)]
        self.fail(effects.not_ended(state, ref), ctx, Exc("InvalidStateError"))
        if status == MAYBE or status in MAYBE_ASKED:
            return self.result_of(effects.with_status(state, ref, DONE), ref, line, ctx)
        return []

    def _await_gather(self, state: State, value: Ref, line: int, ctx: Context) -> Results:
        gather = state.heap[value.id]
        refs = effects.tasks_of(state, value)
        statuses = [state.heap[ref.id].status for ref in refs]
        unknown = self._has_unknown(state, gather)
        waits = any(status not in ENDED for status in statuses) or unknown
        later = state.suspended() if waits else state
        if waits:
            self.fault(
                state, ctx, line, (CANCELLED_ERROR,), effects.end_all(later, value, CANCELLED)
            )
        if gather.quiet:
            return [(effects.end_all(later, value, DONE), UNKNOWN)]
        if any(status in ASKED or status == CANCELLED for status in statuses):
            self.fail(self._end_asked(later, refs), ctx, CANCELLED_ERROR)
            if any(s == CANCELLED or s in ASKED - MAYBE_ASKED for s in statuses):
                return []
            for ref, status in zip(refs, statuses, strict=True):
                if status in MAYBE_ASKED:
                    later = effects.with_status(later, ref, DONE)
        if FAILED in statuses:
            self.fail(later, ctx, ANY)
            return []
        for ref, _ in effects.choices(state, tuple(refs)):
            if state.heap[ref.id].status != OK:
                self.fault(state, ctx, line, (ANY,), effects.with_status(later, ref, FAILED))
        if unknown:
            self.fault(state, ctx, line, (ANY,), later)
        return [(effects.end_all(later, value, OK), UNKNOWN)]

    def _has_unknown(self, state: State, gather: Gather) -> bool:
        """Whether there may be unknown children. A gather of nothing at all is done at once."""
        inner = (state.get(child) for child in gather.children)
        nested = (one for one in inner if type(one) is Gather)
        return gather.open or any(self._has_unknown(state, one) for one in nested)

    def _end_asked(self, state: State, refs: list[Ref]) -> State:
        for ref in refs:
            if state.heap[ref.id].status in ASKED:
                state = effects.with_status(state, ref, CANCELLED)
        return state

    def _await_shielded(self, state: State, inner: Value, line: int, ctx: Context) -> Results:
        """A cancellation of the await leaves what is shielded running."""
        thing = state.get(inner)
        if type(thing) is WaitTask:
            return self._await_wait_task(state, inner, line, ctx)
        if isinstance(inner, Waiting):
            return self.wait(state, inner, line, ctx)
        refs = effects.tasks_of(state, inner)
        if not refs:
            return self.suspend(self.hand_over(state, inner, ctx), line, ctx)
        if effects.ended(state, inner):
            return self.await_value(state, inner, line, ctx)
        self.fault(state, ctx, line, (CANCELLED_ERROR,), state.suspended())
        return self._without_cancellation(state, inner, line, ctx)

    def _without_cancellation(self, state: State, inner: Value, line: int, ctx: Context) -> Results:
        """Await `inner` where only its own failure, not a cancellation from outside, can strike."""
        flow = Flow()
        results = self.await_value(state, inner, line, ctx.into(flow))
        for completion, states in flow:
            for end in states:
                if completion != raising(CANCELLED_ERROR) or end.fault == state.fault:
                    ctx.out.add(completion, end)
        return results

    def _await_limited(self, state: State, inner: Value, line: int, ctx: Context) -> Results:
        """`wait_for(inner, t)`: the time may run out, which cancels what is not shielded."""
        if isinstance(inner, Waiting):
            limited = Context(ctx.frame, ctx.out, ctx.handling, ctx.cleanup, True)
            return self.wait(state, inner, line, limited)
        if isinstance(inner, Param):
            state, inner = self.as_task(state, inner)
        target = inner.inner if isinstance(inner, Shielded) else inner
        if effects.tasks_of(state, target) and not effects.ended(state, target):
            late = state.suspended()
            if not isinstance(inner, Shielded):
                late = effects.end_all(late, target, CANCELLED)
            self.fault(state, ctx, line, (TIMEOUT_ERROR,), late)
        return self.await_value(state, inner, line, ctx)

    def _await_wait_task(self, state: State, ref: Ref, line: int, ctx: Context) -> Results:
        """A wait in a task of its own; whether a cancellation ends that task too, or a shield keeps
        it, what it waits for runs on."""
        task: WaitTask = state.heap[ref.id]
        if task.result is not None:
            return [(state, task.result)]
        results = self.wait(state, task.waiting, line, ctx, started=True)
        return [(after.put(ref, task._replace(result=value)), value) for after, value in results]

    # The wait itself

    def wait(
        self, state: State, waiting: Waiting, line: int, ctx: Context, started: bool = False
    ) -> Results:
        """`await asyncio.wait(...)`: raises before its effect, or parts its elements in two. It
        has `started` before where it is a task of its own."""
        state, known, waited = self.as_items(state, waiting.waited)
        waiting = waiting._replace(waited=waited)
        if Const(None) in (known or ()):
            self.fail(state, ctx, Exc("AttributeError"))
            return []
        state, items, opened = self.elements(state, waiting)
        if not items and not opened:
            self.fail(state, ctx, Exc("ValueError"))
            return []
        if waiting.site >= 0:
            state = self.start_wait(state, waiting.site, items)
            if not started:
                state = state.step(waiting.line, "the wait starts", "wait")
        later = self._passed(state, items)
        self.fault(state, ctx, line if started else waiting.line, (CANCELLED_ERROR,), later)
        full = not waiting.first and not waiting.timeout
        if ctx.limited:
            self._limit(waiting)
            late = later.step(waiting.line, "the time runs out", "timeout")
            ctx.out.add(raising(TIMEOUT_ERROR), late)
        return self._halves(state, waiting, items, opened, full)

    def returned(self, state: State, waiting: Waiting) -> Results:
        """The ways in which a wait that has started in a task of its own has returned."""
        state, items, opened = self.elements(state, waiting)
        full = not waiting.first and not waiting.timeout
        return self._halves(state, waiting, items, opened, full)

    def _passed(self, state: State, items: tuple[Value, ...]) -> State:
        """Time has passed in a wait; the dotted names of what it waited for are still believed."""
        later = state.suspended()
        for name, value in self._kept(state, items).items():
            later = later.bind(name, value)
        return later

    def _kept(self, state: State, items: tuple[Value, ...]) -> dict[str, Value]:
        numbers = {item.id for item in items}
        return {
            name: value
            for name, value in state.env.items()
            if "." in name and "$" not in name and numbers & set(state.refs(value))
        }

    def _limit(self, waiting: Waiting) -> None:
        if waiting.site >= 0:
            self.sites[waiting.site].early = True

    def start_wait(self, state: State, site: int, items: tuple[Value, ...]) -> State:
        """The wait has started: its result's names are stale until it is bound."""
        state = effects.mark_waited(state, items, site)
        names = {n for n in self.sites[site].halves if not self.truth(state.env.get(n), state)}
        return state.with_stale(state.stale | {(site, name) for name in names})

    def elements(self, state: State, waiting: Waiting) -> tuple[State, tuple[Value, ...], bool]:
        """The elements of a wait as tasks of the heap, and whether there may be unknown ones."""
        state, items, value = self.as_items(state, waiting.waited)
        box = state.get(value)
        opened = items is None or (type(box) is Box and box.open)
        elements: dict[Value, None] = {}
        positions = range(len(items or ()))
        # Parameters first: where one of them may be lost, the tasks of others count too.
        for position in sorted(positions, key=lambda p: not isinstance(items[p], Param)):  # type: ignore[index]
            # Looked up again each time: making one a task may replace others that are equal.
            item = self.as_items(state, value)[1][position]  # type: ignore[index]
            state, element = self.as_task(state, item)
            if isinstance(element, Ref) and type(state.get(element)) is not Box:
                elements[element] = None
            else:
                opened = True
        return state, tuple(elements), opened

    def _halves(
        self, state: State, waiting: Waiting, items: tuple[Value, ...], opened: bool, full: bool
    ) -> Results:
        kept = self._kept(state, items)
        may_be_none = waiting.timeout or opened
        results: Results = []
        for done, pending in effects.partitions(state, items, full=full, may_be_none=may_be_none):
            after = effects.after_wait(state, done, pending, kept)
            if waiting.site >= 0:
                after = self._outcome_step(after, waiting, done, pending, opened)
            # Without a timeout something is done, if only what nothing is known of.
            some = done or (() if waiting.timeout else (UNKNOWN,))
            after, done_box = after.new(Box("set", some, opened))
            after, pending_box = after.new(Box("set", pending, opened and not full))
            after, pair = after.new(Box("tuple", (done_box, pending_box)))
            results.append((after, pair))
        return results

    def _outcome_step(
        self,
        state: State,
        waiting: Waiting,
        done: tuple[Value, ...],
        pending: tuple[Value, ...],
        opened: bool,
    ) -> State:
        names = [self.describe(state, item) for item in pending]
        if not pending:
            what = "the wait returns: all are done"
        elif not done:
            what = "the wait returns: none is done"
        else:
            what = f"the wait returns: {' and '.join(dict.fromkeys(names))} still pending"
        halves = [self._made_on(state, half, opened) for half in (pending, done)]
        return state.step(waiting.line, what, "outcome:pending={};done={}".format(*halves))

    def _made_on(self, state: State, items: tuple[Value, ...], opened: bool) -> str:
        """The lines on which a half's tasks were made, 0 for those of others, as a list; `?` where
        there may be more."""
        if opened and not items:
            return "?"
        lines = set()
        for item in items:
            for ref in effects.tasks_of(state, item):
                task = state.heap[ref.id]
                node = self._nodes[task.origin] if task.owner == OWNED else None
                lines.add(getattr(node, "line", 0))
        return ",".join(map(str, sorted(lines or {0} if items else ())))

    def describe(self, state: State, item: Value) -> str:
        """How a message names a task: by the first name bound to it, or by where it was made."""
        refs = effects.tasks_of(state, item)
        if not refs:
            return "something"
        return self.label(state.heap[refs[0].id].origin)

    def label(self, origin: int) -> str:
        """How messages name the tasks of one origin."""
        node = self._nodes[origin]
        if isinstance(node, str):
            return f"'{node}'"
        if origin in self.books.labels:
            return f"'{self.books.labels[origin]}'"
        return f"the task made on line {getattr(node, 'line', 0)}"

    # Yield

    def yield_value(self, state: State, value: Value, line: int, ctx: Context) -> Results:
        """A yield hands its value over; the generator may be closed at it, or thrown into."""
        if ctx.frame.on_yield is not None:
            return [(after, UNKNOWN) for after in ctx.frame.on_yield(state, value, ctx)]
        state = self.hand_over(state, value, ctx)
        later = state.suspended()
        self.fault(state, ctx, line, (GENERATOR_EXIT, ANY), later)
        return [(later, UNKNOWN)]
