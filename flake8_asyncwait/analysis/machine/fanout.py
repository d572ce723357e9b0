"""The family: tasks that outlive the function that made them, without a wait.

A run for a creation, a `gather` or an `as_completed` follows the tasks that the call makes or is
given as one for a wait follows those that it waits for. They count as waited for from there on.
What differs stands here: at what a fault strikes, what means to end a task, and what a gather that
has failed leaves behind.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import ANY, caught_by
from flake8_asyncwait.analysis.code.program import Program
from flake8_asyncwait.analysis.code.walk import (
    children,
    last_name,
    never_suspends,
    suspends,
)
from flake8_asyncwait.analysis.machine.machine import BYSTANDER, Args, Context, Results
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.trace import VAIN_CANCEL, closing
from flake8_asyncwait.analysis.states.values import (
    NEVER_LOST,
    OWNED,
    AsCompleted,
    Box,
    Const,
    Coroutine,
    Param,
    Ref,
    Result,
    Shielded,
    TimeLimited,
    Value,
)
from flake8_asyncwait.sites.fanout import AS_COMPLETED, CREATION, GATHER
from flake8_asyncwait.sites.outline import SUPPRESS

# At what a fault strikes, beside `BYSTANDER`: at an await of another task of the function, where a
# cancellation settles that; at the gather of the site, one of whose children fails; at the loop of
# the site over `as_completed`.
SIBLING = "sibling"
CHILD = "child"
# The same, once the others use what is closed, or only the gather was cancelled, in vain.
CLOSED = "child, closed"
IN_VAIN = "child, in vain"
AT_CHILD = frozenset({CHILD, CLOSED, IN_VAIN})

# What a site of the family makes tasks of.
_AWAITABLES = (Coroutine, Result, TimeLimited)
# How many functions deep it is looked for what catches all exceptions.
_LEVELS = 2

# What the steps of an execution say.
STARTS = {
    CREATION: "the task starts",
    GATHER: "the gather starts",
    AS_COMPLETED: "as_completed() is called",
}


def striking(ctx: Context, state: State, value: Value) -> str:
    """At what a fault strikes where a value is awaited; a wait site does not ask."""
    if not ctx.machine.is_family:
        return BYSTANDER
    value = value.inner if isinstance(value, TimeLimited) else value
    tasks = (state.task(ref) for ref in effects.tasks_of(state, value))
    return SIBLING if any(task.owner == OWNED for task in tasks) else BYSTANDER


def made(ctx: Context, node: ir.Call, results: Results) -> Results:
    """The results of a call: where it is the creation of the site, they are its tasks."""
    if node is not ctx.machine.site.call or ctx.machine.site.kind is not CREATION:
        return results
    return [
        (effects.mark_waited(state, (value,)).step(node.line, STARTS[CREATION]), value)
        for state, value in results
    ]


def gathered(ctx: Context, node: ir.Call, state: State, ref: Ref, before: State) -> State:
    """The state after a gather: where it is that of the site, its children are the site's tasks."""
    if node is not ctx.machine.site.call:
        return state
    children = [c for c in effects.tasks_of(state, ref) if state.task(c).owner not in NEVER_LOST]
    ours = [c for c in children if state.task(c).owner == OWNED and not state.task(c).handed]
    several = len(ours) > 1
    followed = children if several else [c for c in children if c.id not in before.heap]
    state = state.waited_for(followed)
    state = state.put(ref, state.gather(ref)._replace(site=several))
    return state.step(node.line, STARTS[GATHER])


def released(ctx: Context, state: State, value: Value) -> State:
    """The tasks behind a value are judged at another site from now on."""
    tasks = {ref.id: state.task(ref) for ref in effects.reached(state, value)}
    return state.put_all({n: t._replace(waited=False) for n, t in tasks.items() if t.waited})


def failing(ctx: Context, state: State, value: Ref) -> State:
    """A child of a gather has failed: the gather is done, and what is left is judged there."""
    state = effects.broken_off(state, value, ANY)
    is_judged = not ctx.machine.is_family or state.gather(value).site
    return state if is_judged else released(ctx, state, value)


def iterating(ctx: Context, state: State, value: AsCompleted) -> State:
    """A loop over `as_completed` begins: up to Python 3.12 its tasks start here, and here they are
    judged from now on."""
    if not ctx.machine.is_family:
        return state
    if not value.site:
        ctx.machine.books.given(state, [value], ctx.machine.line)
        return released(ctx, state, value)
    reached = effects.reached(state, value)
    return state.waited_for(ref for ref in reached if state.task(ref).owner not in NEVER_LOST)


def is_refused(ctx: Context, state: State, value: Value) -> bool:
    """Whether a loop over `as_completed` raises a TypeError, for it was given None."""
    if not ctx.machine.is_family or not isinstance(value, AsCompleted):
        return False
    box = state.get(value.waited)
    return type(box) is Box and Const(None) in box.items


def sizes(ctx: Context, state: State, value: Value) -> Iterator[tuple[State, Value]]:
    """What is looped over, and where that is a collection of the caller's, an empty one, and those
    whose size is asked for."""
    inner = value.waited if isinstance(value, AsCompleted) else value
    if isinstance(inner, Param) and not (inner.falsy or inner.size):
        few = sorted(n for n in ctx.machine.facts.sizes if 0 < n < ctx.machine.many)
        for other in (inner._replace(falsy=True), *(inner._replace(size=n) for n in few)):
            given = value._replace(waited=other) if isinstance(value, AsCompleted) else other
            yield effects.substitute(state, inner, other), given
        if inner.name in ctx.machine.facts.counted:
            value = inner._replace(size=ctx.machine.count())
            state = effects.substitute(state, inner, value)
    yield state, value


def counted(ctx: Context, state: State, value: Value) -> list[tuple[State, Value]]:
    """What is asked for its size or goes through `enumerate()` or `zip()`, by `sizes` where that
    is all that matters of it."""
    is_counted = isinstance(value, Param) and value.name in ctx.machine.facts.counted
    return list(sizes(ctx, state, value)) if is_counted else [(state, value)]


def leaving(ctx: Context, node: ir.With, state: State) -> State:
    """A `with` is left: what the children of the gather of the site use of it is closed."""
    if not isinstance(node.target, ir.Name) or not may_close(ctx, state):
        return state
    if id(node) not in ctx.machine.site.uses:
        return state
    return _at_child(state.step(node.line, closing(node.target.id)), CLOSED)


def cancelled_in_vain(state: State, line: int) -> State:
    """The gather of the site is cancelled after a child has failed."""
    return _at_child(state.step(line, VAIN_CANCEL), IN_VAIN)


def _at_child(state: State, kind: str) -> State:
    """More is known of a failed child, if it is one that has struck."""
    if state.fault is None or state.fault.kind not in (CHILD, CLOSED):
        return state
    return state.with_fault(state.fault._replace(kind=kind))


def may_close(ctx: Context, state: State) -> bool:
    """Whether a child of the gather of the site has failed whose others may use what a `with` of
    the function closes when it is left."""
    if ctx.machine.site.kind is not GATHER or not ctx.machine.site.uses:
        return False
    return state.fault is not None and state.fault.kind == CHILD


def is_timed(ctx: Context) -> bool:
    """Whether it is an ordinary outcome that the time runs out: a handler expects it."""
    return ctx.timed and ctx.is_own and ctx.machine.is_family


def awaitables(ctx: Context, node: ir.Call, args: Args) -> tuple[list[Value], bool]:
    """The awaitables of a gather, and whether there are others."""
    if not ctx.machine.is_family:
        return args.positional, args.splat
    items = tuple(args.positional)
    if args.splat:
        first = next((n for n, arg in enumerate(node.args) if arg.star), len(node.args))
        items = (*items[:first], *as_many(ctx, items[first:]))
    return telling(ctx, tuple(i for i in items if not is_over_at_once(ctx, i)), args.splat)


def starts(ctx: Context, items: Collection[Value]) -> bool:
    """Whether a site of the family may start something among some values."""
    return ctx.machine.is_family and _awaitable(items) > 0


def counts(ctx: Context, items: Sequence[Value]) -> bool:
    """Whether a new collection knows how many awaitables it holds."""
    return ctx.machine.is_family and _awaitable(items) <= ctx.machine.count()


def _awaitable(items: Collection[Value]) -> int:
    """How many of some values a site of the family makes tasks of."""
    return sum(isinstance(item, _AWAITABLES) for item in items)


def is_one_more(ctx: Context, state: State, ref: Ref, value: Value) -> bool:
    """Whether a collection holds an equal coroutine already, which stands for all of them, or as
    many others as tell anything."""
    if not ctx.machine.is_family or not isinstance(value, _AWAITABLES):
        return False
    items = state.box(ref).items
    return value in items or _awaitable(items) >= ctx.machine.count()


def as_many(ctx: Context, items: tuple[Value, ...]) -> tuple[Value, ...]:
    """The items of a collection of unknown size. A coroutine stands for as many as such a
    collection holds."""
    return tuple(
        item
        for item in items
        for _ in range(ctx.machine.count() if isinstance(item, _AWAITABLES) else 1)
    )


def telling(ctx: Context, items: tuple[Value, ...], opened: bool) -> tuple[list[Value], bool]:
    """Of awaitables, so many that a run remembers the tasks that are made of them: those that may
    fail before those that cannot. Also says whether there are others."""
    made = [n for n, item in enumerate(items) if isinstance(item, _AWAITABLES)]
    made.sort(key=lambda n: is_safe(ctx, items[n]))
    dropped = set(made[ctx.machine.count() :])
    kept = [item for n, item in enumerate(items) if n not in dropped]
    return kept, opened or len(kept) < len(items)


def may_return(ctx: Context, func: ir.Func) -> bool:
    """Whether a helper is looked into for an awaitable that it returns: a lambda is."""
    return ctx.machine.is_family and func.is_lambda


def is_task(ctx: Context, value: Result) -> bool:
    """Whether what an unknown call returns is a task, or a future of somebody's, rather than a
    coroutine, as its name says or what makes it."""
    name = ctx.machine.books.callee_of(value.origin)
    return ctx.machine.is_family and (value.lent or "task" in name.lower())


def is_safe(ctx: Context, value: Value) -> bool:
    """Whether a value is the coroutine of a function of the project that cannot fail."""
    if not ctx.machine.is_family:
        return False
    if isinstance(value, Coroutine):
        return ctx.machine.once(cannot_fail, ctx.machine.program, value.func)
    return isinstance(value, Result) and value.safe


def decorated(ctx: Context, func: ir.Func, results: Results) -> Results:
    """What calls of a decorated function return. No decorator is taken to add failures to a
    coroutine function that cannot fail."""
    if not ctx.machine.is_family or not func.asynchronous or func.generator:
        return results
    safe = is_safe(ctx, Coroutine(func, ()))
    return [
        (after, value._replace(safe=safe) if isinstance(value, Result) else value)
        for after, value in results
    ]


def is_over_at_once(ctx: Context, value: Value) -> bool:
    """Whether a coroutine neither fails nor suspends: its task is over before anything strikes, for
    the loop starts it as soon as its function suspends."""
    is_prompt = isinstance(value, Coroutine) and never_suspends(value.func.body)
    return is_prompt and is_safe(ctx, value)


def none_fails(ctx: Context, items: Sequence[Value]) -> bool:
    """Whether items of a loop are coroutines, maybe under a shield, of which none can fail."""
    inner = [item.inner if isinstance(item, Shielded) else item for item in items]
    return bool(inner) and all(is_safe(ctx, each) for each in inner)


def cannot_fail(program: Program, func: ir.Func, levels: int = _LEVELS) -> bool:
    """Whether a coroutine function catches every Exception: all that may raise stands in a `try`
    with a handler for it, which does not raise or wait itself, or is suppressed. So many `levels`
    of functions of the project that it awaits may catch it for it."""
    may_fail = partial(_may_fail, program, func, levels)
    return all(_is_harmless(statement, may_fail) for statement in func.body)


def _may_fail(program: Program, func: ir.Func, levels: int, node: ir.Node) -> bool:
    """Whether a node of a function suspends or raises; plain calls are taken not to raise."""
    if isinstance(node, ir.Await) and isinstance(node.value, ir.Call) and levels:
        definition = program.definition(func, node.value.func)
        called = None if definition is None or definition.is_class else definition.load()
        if called is not None and called.asynchronous and not called.generator:
            return not cannot_fail(program, called, levels - 1)
    return suspends(node) or isinstance(node, (ir.Raise, ir.Assert))


def _is_harmless(node: ir.Node, may_fail: Callable[[ir.Node], bool]) -> bool:
    if isinstance(node, ir.Try) and any(caught_by(each.type, ANY) for each in node.handlers):
        handlers = [each for each in node.handlers if caught_by(each.type, ANY) is not False]
        parts: Iterable[ir.Node] = [*node.orelse, *node.final, *handlers]
    elif isinstance(node, ir.With) and isinstance(node.item, ir.Call) and _suppresses(node.item):
        parts = ()
    else:
        parts = children(node)
        if may_fail(node):
            return False
    return all(_is_harmless(part, may_fail) for part in parts)


def _suppresses(call: ir.Call) -> bool:
    """Whether a context manager swallows every Exception."""
    is_it = last_name(call.func) == SUPPRESS.rpartition(".")[2]
    return is_it and any(caught_by(arg.value, ANY) for arg in call.args)
