"""Hand-overs and cancels: what somebody else can reach, and what is asked to end."""

from __future__ import annotations

from collections.abc import Iterable

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.walk import mentioned
from flake8_asyncwait.analysis.machine.machine import Args, Context, Frame, Results
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.keys import handed_over
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    UNKNOWN,
    UNSETTLED,
    Coroutine,
    Function,
    Param,
    Result,
    Value,
)


def hand_over(ctx: Context, state: State, value: Value) -> State:
    """Somebody else can reach a value, and all that it captures."""
    ctx.machine.books.handed_over(state, value, ctx.machine.line)
    parts = list(state.parts(value))
    state = effects.let_escape(state, value)
    for param in {part for part in parts if isinstance(part, Param) and not part.handed}:
        state = effects.substitute(state, param, param._replace(handed=True))
    for part in parts:
        if isinstance(part, (Function, Coroutine)) and part.func.parent is not None:
            around = ctx.frame.of(part.func.parent)
            state = hand_over_names(ctx, around, state, ctx.machine.once(captures, part.func))
    return state


def captures(func: ir.Func) -> frozenset[str]:
    """The names that a nested function captures, and those that the ones beside it do which it may
    call."""
    beside = func.parent.nested if func.parent is not None else []
    found, before = set(func.mentions), set[str]()
    while found != before:
        before = set(found)
        found.update(*(other.mentions for other in beside if other.name in before))
    return frozenset(found)


def hand_over_names(
    ctx: Context, around: Frame | None, state: State, names: Iterable[str]
) -> State:
    """What names of a frame, or of one around it, hold now, and whatever they will hold, can be
    reached by somebody else."""
    for name in sorted(names):
        frame = around.owner_of(name) if around is not None else None
        if frame is None or (frame.func is ctx.machine.func and name not in ctx.machine.relevant):
            continue
        key = frame.prefix + name
        if handed_over(key) in state.env:
            continue
        value = state.env.get(key, UNKNOWN)
        state = state.bind(handed_over(key), UNKNOWN)
        state = hand_over(ctx, state, value)
    return state


def keep_defaults(ctx: Context, func: ir.Func, state: State) -> State:
    """What the defaults of a nested function name is in its hands from where it is defined."""
    for default in func.defaults.values():
        for name in sorted(mentioned(default) & ctx.machine.relevant):
            frame = ctx.frame.owner_of(name)
            if frame is not None:
                state = hand_over(ctx, state, state.env.get(frame.prefix + name, UNKNOWN))
    return state


def cancel(ctx: Context, state: State, value: Value, line: int) -> State:
    """`.cancel()` on a task or a gather; a parameter's tasks are adopted by it."""
    state = ctx.machine.books.cancels(state, value, line)
    for ref in effects.tasks_of(state, value):
        task = state.task(ref)
        lines = ctx.machine.books.cancelled_on.setdefault(task.origin, {})
        lines[line] = lines.get(line, False) or not state.fault
        if task.status in UNSETTLED and task.owner.param and not state.fault:
            ctx.machine.books.adopted.add(task.owner.param)
    return effects.ask_to_cancel(state, value)


def hand_over_args(ctx: Context, args: Args, state: State) -> State:
    for value in args.every():
        state = hand_over(ctx, state, value)
    return state


def unknown_call(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """A call that nobody knows may keep or settle whatever it is given."""
    if id(node) in ctx.machine.facts.awaited:
        ctx.machine.books.given(state, args.every(), node.line)
    state = hand_over_args(ctx, args, state)
    return [(state, Result(ctx.machine.origin(node)))]
