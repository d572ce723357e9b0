"""What few ask of a task: its state as a word, and how often it was asked to cancel; and of a loop,
whether it is closed."""

from __future__ import annotations

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.machine.machine import Args, Context, Results
from flake8_asyncwait.analysis.semantics.items import is_private
from flake8_asyncwait.analysis.semantics.tasks import task_cancelled, task_done
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    ASKED,
    MAYBE_ASKED,
    UNKNOWN,
    Asked,
    AtLeast,
    Const,
    Ref,
    Status,
    Task,
)


def task_state(ctx: Context, node: ir.Call, ref: Ref, state: State) -> Results:
    """`task._state`, which is no part of asyncio's interface; some look at it all the same."""
    results: Results = []
    for after, done in task_done(ctx, node, ref, state):
        if done != Const(True):
            results.append((after, Const("PENDING")))
            continue
        ways = task_cancelled(ctx, node, ref, after)
        results += [
            (end, Const("CANCELLED" if cancelled == Const(True) else "FINISHED"))
            for end, cancelled in ways
        ]
    return results


def task_name(ctx: Context, node: ir.Call, ref: Ref, state: State) -> Results:
    """`task.get_name()`, by which some tell what has ended."""
    task = state.get(ref)
    name = task.name if type(task) is Task else None
    return [(state, UNKNOWN if name is None else Const(name))]


def task_renamed(ctx: Context, node: ir.Call, ref: Ref, state: State) -> Results:
    """`task.set_name(name)`."""
    given = node.args[0].value if node.args else None
    name = Const(given.value) if isinstance(given, ir.Const) else UNKNOWN
    return [(effects.named(state, ref, name), UNKNOWN)]


def task_cancelling(ctx: Context, node: ir.Call, ref: Ref, state: State) -> Results:
    """`task.cancelling()`: a cancel that struck is counted, and nobody else's can be known."""
    statuses = {state.task(one).status for one in effects.tasks_of(state, ref)}
    if type(state.get(ref)) is not Task or not is_private(state, ref):
        return [(state, UNKNOWN)]
    if statuses <= MAYBE_ASKED:
        return [(state, Asked(ref))]
    if statuses <= ASKED:
        return [(state, AtLeast(1))]
    return [(state, UNKNOWN if statuses == {Status.CANCELLED} else Const(0))]


def loop_closed(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """`loop.is_closed()`: what asks runs on that loop, or is about to, so it is open."""
    return [(state, Const(False))]
