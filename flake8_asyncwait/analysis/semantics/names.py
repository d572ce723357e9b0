"""What a name holds, and what becomes of a value that a name is bound to."""

from __future__ import annotations

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import Exc
from flake8_asyncwait.analysis.code.walk import every, last_name, tested_constants
from flake8_asyncwait.analysis.machine.handover import hand_over
from flake8_asyncwait.analysis.machine.machine import MAX_DEPTH, Context, Frame, Results
from flake8_asyncwait.analysis.semantics.truth import truth
from flake8_asyncwait.analysis.states import effects
from flake8_asyncwait.analysis.states.keys import SINGLE, TESTED, handed_over
from flake8_asyncwait.analysis.states.real import is_key
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.trace import reading
from flake8_asyncwait.analysis.states.values import (
    UNKNOWN,
    Box,
    Const,
    Coroutine,
    Foreign,
    Function,
    Gather,
    Param,
    Result,
    Task,
    Value,
    WaitTask,
)


def lookup(ctx: Context, name: str, state: State) -> Results:
    """The value of a name; reading one that is not bound yet raises UnboundLocalError."""
    frame = ctx.frame.owner_of(name)
    if frame is None:
        return [(state, _global(ctx, name, state))]
    key = frame.prefix + name
    value = state.env.get(key)
    defined = frame.func.definitions.get(name)
    if value is None and name in frame.func.imports:
        defined = _function_named(ctx, name)
    if value is None and defined is not None:
        return [(state, Function(defined, False))]
    if frame.func is ctx.machine.func:
        state = _note_stale_read(ctx, name, value, state)
        if value is None and name in ctx.machine.facts.bindable:
            ctx.fail(state, Exc("UnboundLocalError"))
            return []
    return [(state, UNKNOWN if value is None else value)]


def _note_stale_read(ctx: Context, name: str, value: Value | None, state: State) -> State:
    """AWT103: a cleanup reads what a result was to be bound to, unbound or older and empty."""
    if not ctx.cleanup or not state.stale:
        return state
    if value is not None and truth(value, state):
        return _freshen(name, state)  # what empties it from now on is the cleanup itself
    if name not in state.stale or state.unbound:
        return state
    if value is None:
        is_read, what = name in ctx.machine.facts.bindable, "never assigned"
    else:
        box, is_empty = state.get(value), truth(value, state) is False
        if type(box) is Box and box.escaped:  # others may have left it as it was
            is_empty = not box.items
        is_read = is_empty and name in ctx.machine.site.pending_names
        what = "still None" if value == Const(None) else "still empty"
    if not is_read:
        return state
    return state.with_unbound().step(ctx.machine.line, reading(name, what))


def _global(ctx: Context, name: str, state: State) -> Value:
    if name in state.env and ctx.machine.func.module:
        return state.env[name]
    func = _function_named(ctx, name)
    if func is not None:
        return Function(func, False)
    return _sibling(name, ctx.frame.func) or Foreign(_module_prefix(ctx) + name)


def _sibling(name: str, func: ir.Func) -> Value | None:
    """A function that a function around this one defines."""
    around = func.parent
    while around is not None:
        for nested in around.nested:
            if nested.name == name:
                return Function(nested, False)
        around = around.parent
    return None


def _function_named(ctx: Context, name: str) -> ir.Func | None:
    """The function of the project that a name stands for."""
    elsewhere = ctx.frame.depth < MAX_DEPTH
    found = ctx.machine.program.definition(ctx.frame.func, ir.Name(name), elsewhere)
    return None if found is None else found.load()


def keeps(ctx: Context, name: str, value: Value, state: State, frame: Frame) -> bool:
    """Whether states hold what a name is bound to: in the function itself what its relevant
    names are bound to, in helpers what holds a task, may become one, decides a condition or is
    None; in both, keys of dicts."""
    if is_key(value):
        return True
    if frame.func is ctx.machine.func:
        is_vague = isinstance(value, Result) or _holds_others(state.get(value))
        return name in (ctx.machine.facts.elements if is_vague else ctx.machine.relevant)
    if isinstance(value, Const):
        return decides(ctx, name, value, frame.func)
    if isinstance(value, Result):  # a helper that makes tasks of coroutines asks what it is
        return not ctx.machine.facts.wraps.isdisjoint(ctx.machine.once(_called_in, frame.func))
    return matters(value, state)


def _holds_others(thing: object) -> bool:
    """Whether something is a collection of which nothing is known so far."""
    return type(thing) is Box and thing.open and not thing.items


def _called_in(func: ir.Func) -> set[str | None]:
    """The last components of the names of what a function calls."""
    return {last_name(node.func) for node in every(func) if isinstance(node, ir.Call)}


def decides(ctx: Context, name: str, value: Const, func: ir.Func) -> bool:
    """Whether a helper must know that a name is a constant: it tests it, or fails for it."""
    return value.value is None or name in ctx.machine.once(_tested_in, func)


def _tested_in(func: ir.Func) -> set[str]:
    return tested_constants(func, func.params)


def matters(value: Value, state: State) -> bool:
    """Whether a helper must know a value: it reaches a task, or is a collection to come, or an
    empty one, of which a gather takes no time."""
    return any(
        part.kind is not tuple or not part.items
        if isinstance(part, Box)
        else isinstance(part, _MATTERING)
        for part in state.parts(value)
    )


_MATTERING = (Task, Gather, WaitTask, Param, Function, Coroutine)


def assign(ctx: Context, name: str, value: Value, state: State) -> State:
    """Bind a name; a global, or a name of a function around the one analysed, hands over."""
    frame = ctx.frame.owner_of(name)
    if frame is None:
        return hand_over(ctx, state, value)
    if frame is not ctx.frame and frame.func is not ctx.machine.func:
        state = hand_over(ctx, state, value)
    key = frame.prefix + name
    if frame.func is ctx.machine.func:
        state = untested(_freshen(name, state), name)
    if handed_over(key) in state.env:
        state = hand_over(ctx, state, value)
    if not keeps(ctx, name, value, state, frame):
        value = UNKNOWN
    if value == UNKNOWN and name in ctx.machine.facts.counted and frame.func is ctx.machine.func:
        value = Param(name, plain=True)
    if value == UNKNOWN and name not in ctx.machine.facts.bindable:
        return state.unbind(key)
    _label(ctx, name, value, state, frame)
    return state.bind(key, value)


def untested(state: State, name: str) -> State:
    """Forget what tests have found of a name of the function that is bound anew, or changed."""
    return state.unbind(TESTED + name, SINGLE + name)


def _freshen(name: str, state: State) -> State:
    return state.with_stale(state.stale - {name}) if name in state.stale else state


def _label(ctx: Context, name: str, value: Value, state: State, frame: Frame) -> None:
    if frame.func is not ctx.machine.func:
        return
    thing = state.get(value)
    for part in thing.held if type(thing) is Box else (value,):
        for ref in effects.tasks_of(state, part):
            task = state.task(ref)
            # What the result of a wait is bound to is no name of a task.
            if not task.waited or ctx.machine.is_family:
                ctx.machine.books.labels.setdefault(task.origin, name.partition("~")[0])


def path_text(path: tuple[str, ...], ctx: Context) -> str:
    """How states name an attribute: a helper's own objects are not the caller's."""
    frame = ctx.frame.owner_of(path[0])
    if frame is None:
        prefix = _module_prefix(ctx)
    else:
        prefix = frame.prefix if path[0] not in ("self", "cls") else ""
    return prefix + ".".join(path)


def _module_prefix(ctx: Context) -> str:
    """What keeps the globals of other modules apart from those of the file, which have none."""
    number = ctx.frame.func.line // ir.SPAN
    return f"{number}:" if number else ""


def class_names(ctx: Context, node: ir.Expr) -> list[str | None]:
    """The last components of the classes that an `except` or `isinstance` names; None for
    one that is not a name."""
    if isinstance(node, ir.Display):
        return [name for part, _ in node.elements for name in class_names(ctx, part)]
    name, qualified = last_name(node), ctx.machine.program.qualified(ctx.frame.func, node)
    if isinstance(node, ir.Name):
        several = ctx.machine.program.of(ctx.frame.func).exception_names(node.id)
        if several is not None:
            return [*several]
        name = (qualified or node.id).rpartition(".")[2]
    if name == "CancelledError" and (qualified or "").startswith("concurrent.futures."):
        name = qualified
    return [name]


def bind_function(ctx: Context, name: str, function: Function, state: State) -> State:
    """A nested function is always remembered: what it captures may go where it goes."""
    frame = ctx.frame.owner_of(name)
    if frame is None:
        return hand_over(ctx, state, function)
    if frame.func.definitions.get(name) is function.func:
        return state
    return state.bind(frame.prefix + name, function)
