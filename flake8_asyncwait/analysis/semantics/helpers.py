"""Functions of the project: what a call of one does, one level deep."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from itertools import takewhile

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import Exc
from flake8_asyncwait.analysis.code.facts import Summary
from flake8_asyncwait.analysis.code.walk import every, last_name
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.books import HELPER_WORK, Books, Undetermined
from flake8_asyncwait.analysis.machine.execute import run_block
from flake8_asyncwait.analysis.machine.handover import hand_over, unknown_call
from flake8_asyncwait.analysis.machine.machine import (
    MAX_DEPTH,
    Args,
    Arguments,
    Context,
    Frame,
    Results,
)
from flake8_asyncwait.analysis.semantics.names import decides, matters
from flake8_asyncwait.analysis.states.completion import RETURN, Completion, Flow, States, raising
from flake8_asyncwait.analysis.states.keys import HELD, RETURNED, VALUE, is_in_frame
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    MANY,
    OWNED,
    UNKNOWN,
    Box,
    Const,
    Coroutine,
    Function,
    Ref,
    Task,
    Unknown,
    Value,
    parts_of,
)


def function_of(ctx: Context, node: ir.Call) -> Function | None:
    """The function of the project that a dotted callee names: `module.function`, `self.method` or
    `super().method` of the enclosing class, or `Class.method`."""
    callee = node.func
    if not isinstance(callee, ir.Attr):
        return None
    elsewhere = ctx.frame.depth < MAX_DEPTH
    definition = ctx.machine.program.definition(ctx.frame.func, callee, elsewhere)
    found = None if definition is None else definition.load()
    if definition is None or found is None:
        return None
    if definition.cls is None:
        return Function(found, False)
    kinds = {last_name(decorator) for decorator in found.decorators}
    on_instance = callee.path is None or callee.path[0] in ("self", "cls")
    bound = on_instance or "classmethod" in kinds
    return Function(found, bound and "staticmethod" not in kinds)


def call_function(
    ctx: Context, node: ir.Call, function: Function, args: Args, state: State
) -> Results:
    """Call a function of the project: a coroutine, a generator, or its body at once."""
    func = function.func
    plain = _transparent(func)
    if func.asynchronous and not func.generator and plain:
        state = _hidden_handed_over(ctx, node, func, args, state)
        return [(state, Coroutine(func, bind_arguments(function, args)))]
    ways = None
    if plain and not func.generator and not args.splat:
        ways = _looked_into(ctx, func, bind_arguments(function, args), state, id(node))
    if ways is None:
        state = hand_over(ctx, state, function)
        return fanout.decorated(ctx, func, unknown_call(ctx, node, args, state))
    return ways


def _hidden_handed_over(
    ctx: Context, node: ir.Call, func: ir.Func, args: Args, state: State
) -> State:
    """What a call is given by `**`, where nobody knows as which parameters, is in its hands, and
    so is all that may be in its own `**` beside others that nobody knows."""
    given = args.keywords.items() if args.splat else ()
    others = (value for name, value in given if name not in func.params)
    hidden = [value for value in others if matters(value, state)]
    return unknown_call(ctx, node, Args(hidden, {}), state)[0][0] if hidden else state


def _returned(ctx: Context, func: ir.Func, before: State, results: Results) -> Results:
    """The tasks that a function of the project makes are none of the caller's, but for the one that
    it returns, if every return of it is one, and those that it puts into the caller's own
    collections."""
    makes = is_factory(ctx, func)
    ways: Results = []
    for after, value in results:
        fresh = _owned_since(before, after)
        if fresh:
            boxes = (Ref(number) for number in before.heap if type(before.heap[number]) is Box)
            held = tuple(r for r in boxes if r.id in after.heap and not after.box(r).escaped)
            known = set(after.refs((held, value if makes else UNKNOWN)))
            lent = {n: task._replace(handed=True) for n, task in fresh.items() if n not in known}
            after = after.put_all(lent)
        ways.append((after, value))
    return ways


def _owned_since(before: State, after: State) -> dict[int, Task]:
    """The tasks that the function owns of those that are newer than a state, by number. What is
    newer stands behind the rest: to look at all of it would take long where calls are many."""
    newer = takewhile(lambda number: number not in before.heap, reversed(after.heap))
    things = ((number, after.heap[number]) for number in newer)
    return {n: thing for n, thing in things if type(thing) is Task and thing.owner == OWNED}


def bind_arguments(function: Function, args: Args) -> Arguments:
    """The parameters of a call of a function of the project, with their values."""
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
    if func.star_star is not None and not args.splat:
        pairs.append((func.star_star, tuple(named)))
    return tuple(pairs)


def run_coroutine(ctx: Context, state: State, value: Coroutine, line: int) -> Results:
    """Await a coroutine of the project: it can only fail at the awaits inside it."""
    ways = _looked_into(ctx, value.func, value.args, state, line)
    if ways is None:
        return ctx.suspend(hand_over(ctx, state, value), line)
    return ways


def _looked_into(
    ctx: Context, func: ir.Func, pairs: Arguments, state: State, caller: int | None
) -> Results | None:
    """What a call of a function of the project does; None where that is not known: it is too deep,
    or too dear to work out, or one of the function that holds the site, whose wait and cancels
    would be taken for those of this execution."""
    if ctx.frame.depth >= MAX_DEPTH or func is ctx.machine.func:
        return None
    captured = func.parent is not None and any(n in ctx.machine.relevant for n in func.mentions)
    touches = captured or any(matters(value, state) for _, value in pairs)
    touches = touches or fanout.may_return(ctx, func)
    if not touches and not is_factory(ctx, func):
        # It does the same in every state.
        summary = summary_of(ctx, func, _constants(ctx, func, pairs))
        return None if summary is None else _summarised(ctx, func, summary, state)
    if ctx.machine.dear.get(func):
        return None
    books, work, limit = ctx.machine.books, ctx.machine.books.work, ctx.machine.books.limit
    books.limit = min(limit, work + HELPER_WORK)
    try:
        results = _activate(ctx, func, pairs, state, caller)
    except Undetermined:
        if books.limit == limit:
            raise
        books.work = work
        ctx.machine.dear[func] = True
        return None
    finally:
        books.limit = limit
        if ctx.machine.program.of(func) is not ctx.machine.program:
            ctx.machine.work_elsewhere += books.work - work
    return _returned(ctx, func, state, results)


def _summarised(ctx: Context, func: ir.Func, summary: Summary, state: State) -> Results:
    later = state.suspended() if summary.suspends else state
    inside = ctx.into(Flow())
    for exc, line in summary.faults:
        inside.fault(state, line, (exc,), later)
    for exc in summary.raises:
        inside.out.add(raising(exc), later)
    for completion, states in inside.out:
        _pass_on(ctx, func, completion, states)
    return [(later, UNKNOWN)] if summary.returns else []


def _constants(ctx: Context, func: ir.Func, pairs: Arguments) -> Arguments:
    """The parameters that are None in a call, or a constant that the function tests."""
    bound = {**dict(_defaults(func)), **dict(pairs)}.items()
    return tuple((n, v) for n, v in bound if isinstance(v, Const) and decides(ctx, n, v, func))


def _defaults(func: ir.Func) -> Arguments:
    """The parameters whose default is a constant, with that."""
    defaults = func.defaults.items()
    return tuple((name, Const(v.value)) for name, v in defaults if isinstance(v, ir.Const))


def is_factory(ctx: Context, func: ir.Func) -> bool:
    """Whether every return of a function of the project is a task that it makes."""
    summary = summary_of(ctx, func)
    return summary is not None and summary.makes


def summary_of(ctx: Context, func: ir.Func, constants: Arguments = ()) -> Summary | None:
    """What a function of the project does that is given nothing to remember but `constants`; None
    where that is too dear to work out."""
    handling = ctx.handling if _raises_again(func) else None
    key = (func, constants, handling)
    known = ctx.machine.facts.summaries
    if key not in known:
        known[key] = None  # to a call of itself
        # What the function around it has bound where it is called is unknown, not unbound.
        facts = replace(ctx.machine.facts, bindable=frozenset())
        with suppress(Undetermined):
            apart = ctx.machine.apart(facts, Books(HELPER_WORK), MANY)
            start = replace(apart.at_start(), handling=handling)
            known[key] = _summarise(start, func, dict(constants))
    return known[key]


def _raises_again(func: ir.Func) -> bool:
    """Whether a function may raise what is handled where it is called."""
    return any(isinstance(node, ir.Raise) and node.value is None for node in every(func))


def _summarise(ctx: Context, func: ir.Func, constants: dict[str, Value]) -> Summary:
    stars = (func.star, func.star_star)
    given = tuple((n, constants.get(n, UNKNOWN)) for n in func.params if n not in stars)
    results = _activate(ctx, func, given, State({}, {}), None)
    faults: dict[Exc, int] = {}
    raises: list[Exc] = []
    for completion, states in ctx.out:
        for state in states:
            if completion.exc is None:
                continue
            if state.fault:
                assert state.trace is not None
                faults.setdefault(completion.exc, state.trace.struck_on)
            elif completion.exc not in raises:
                raises.append(completion.exc)
    return Summary(
        suspends=ctx.machine.suspensions > 0,
        returns=any(not state.fault for state, _ in results),
        faults=tuple(faults.items()),
        raises=tuple(raises),
        makes=bool(results)
        and all(
            type(thing) is Task and thing.owner == OWNED
            for thing in (state.get(value) for state, value in results)
        ),
    )


def enter(ctx: Context, function: Function, args: Args, state: State) -> Results:
    """Run the body of a function of the project, in a frame of its own."""
    return _activate(ctx, function.func, bind_arguments(function, args), state, None)


def _activate(
    ctx: Context, func: ir.Func, pairs: Arguments, state: State, caller: int | None
) -> Results:
    before = ctx.machine.caller
    ctx.machine.caller = (before, caller) if caller is not None else before
    ctx.machine.level += 1
    frame = frame_for(ctx, func)
    state = _holding_all(bind_params(func, pairs, frame, state), frame)
    try:
        return run_body(ctx, frame, state)
    finally:
        ctx.machine.level -= 1
        ctx.machine.caller = before


def _holding_all(state: State, frame: Frame) -> State:
    """What no name holds is part of an expression that is being evaluated, so it is not lost while
    a helper runs: the frame holds it, with all else that goes with the frame."""
    held = sorted(state.heap.keys() - set(state.reachable()))
    return state.bind(frame.prefix + HELD, tuple(map(Ref, held))) if held else state


def frame_for(ctx: Context, func: ir.Func) -> Frame:
    """A frame for a call; a lambda is part of the function that it stands in."""
    ctx.machine.note_module(ctx.machine.program.of(func).path)
    depth = ctx.frame.depth + (not func.is_lambda)
    return Frame(func, ":" * ctx.machine.level, depth, ctx.frame.of(func.parent), ctx.frame)


def bind_params(func: ir.Func, pairs: Arguments, frame: Frame, state: State) -> State:
    for name, value in pairs:
        if name in (func.star, func.star_star):
            state, value = state.new(Box(tuple if name == func.star else dict, parts_of(value)))
        if not isinstance(value, Unknown):
            state = state.bind(frame.prefix + name, value)
    given = dict(pairs)
    for name, default in _defaults(func):
        if name not in given:
            state = state.bind(frame.prefix + name, default)
    return state


def run_body(ctx: Context, frame: Frame, state: State) -> Results:
    """Run a helper's body: its returned values; what it raises goes to the caller."""
    flow = Flow()
    inside = Context(ctx.machine, frame, flow, ctx.handling, ctx.cleanup, False)
    ends = run_block(inside, frame.func.body, [state])
    results: Results = []
    key = frame.prefix + RETURNED
    for end in ends + flow.take(RETURN):
        value = end.env.get(key, Const(None))
        for part in list(end.parts(value)):
            if isinstance(part, (Function, Coroutine)) and part.func.parent is frame.func:
                end = hand_over(inside, end, part)  # what it captures outlives the frame
        results.append((without_frame(end, frame), value))
    for completion, states in flow:
        left = [without_frame(one, frame) for one in states]
        if frame.on_yield is None:
            _pass_on(ctx, frame.func, completion, left)
        else:
            ctx.out.add(completion, *left)  # what the body of the `with` raises, as a rule
    return _merge_results(results)


def _pass_on(ctx: Context, func: ir.Func, completion: Completion, states: Iterable[State]) -> None:
    """What a helper raises goes to its caller, where a step says on which line that is."""
    if ctx.is_own and not func.is_lambda:
        line, what = ctx.machine.line, f"{func.shown}() raises"
        states = [state.step(line, what, counts=False) for state in states]
    ctx.out.add(completion, *states)


def without_frame(state: State, frame: Frame) -> State:
    return state.unbind(*(name for name in state.env if is_in_frame(name, frame.prefix)))


def _merge_results(results: Results) -> Results:
    merged = States(state.bind(VALUE, value) for state, value in results)
    return [(state.unbind(VALUE), state.env[VALUE]) for state in merged]


def _transparent(func: ir.Func) -> bool:
    """Whether a function has no decorators but those that leave a method what it is."""
    return all(
        isinstance(decorator, ir.Name) and decorator.id in ("staticmethod", "classmethod")
        for decorator in func.decorators
    )
