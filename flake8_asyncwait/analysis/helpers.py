"""Functions of the same file: what a call of one does, one level deep."""

from __future__ import annotations

from flake8_asyncwait.analysis import ir
from flake8_asyncwait.analysis.completion import RETURN, Flow, States
from flake8_asyncwait.analysis.exceptions import Exc
from flake8_asyncwait.analysis.execute import run_block
from flake8_asyncwait.analysis.handover import hand_over, unknown_call
from flake8_asyncwait.analysis.machine import (
    MAX_DEPTH,
    Args,
    Arguments,
    Context,
    Frame,
    Machine,
    Results,
    Summary,
)
from flake8_asyncwait.analysis.names import decides, matters
from flake8_asyncwait.analysis.state import (
    OWNED,
    UNKNOWN,
    Box,
    Const,
    Coroutine,
    Function,
    State,
    Task,
    Unknown,
    Value,
)
from flake8_asyncwait.analysis.walk import last_name


def method_of_file(machine: Machine, node: ir.Call, ctx: Context) -> Function | None:
    """`self.method` of the enclosing class, or `Class.method` of a class of the file."""
    func = node.func
    if not isinstance(func, ir.Attr) or func.path is None or len(func.path) != 2:
        return None
    root, name = func.path
    outline = machine.program.outline
    cls = ctx.frame.func.cls if root in ("self", "cls") else root
    if cls is None or cls not in outline.classes or outline.method(cls, name) is None:
        return None
    found = machine.program.function(cls, name)
    if found is None:
        return None
    kinds = {last_name(decorator) for decorator in found.decorators}
    bound = root in ("self", "cls") or "classmethod" in kinds
    return Function(found, bound and "staticmethod" not in kinds)


def call_function(
    machine: Machine, node: ir.Call, function: Function, args: Args, state: State, ctx: Context
) -> Results:
    """Call a function of the same file: a coroutine, a generator, or its body at once."""
    func = function.func
    plain = not func.decorators or _transparent(func)
    if func.asynchronous and not func.generator and plain:
        return [(state, Coroutine(func, bind_arguments(function, args)))]
    if func.generator or not plain or args.splat or ctx.frame.depth >= MAX_DEPTH:
        state = hand_over(machine, state, function, ctx)
        return unknown_call(machine, node, args, state, ctx)
    pairs = bind_arguments(function, args)
    if _indifferent(machine, func, pairs, state):
        return _summarised(machine, func, pairs, state, ctx)
    results = _activate(machine, func, pairs, state, ctx, id(node))
    return _returned(machine, func, state, results)


def _returned(machine: Machine, func: ir.Func, before: State, results: Results) -> Results:
    """The tasks that a function of the same file makes are none of the caller's, but for the
    one that it returns, if every return of it is one."""
    makes = summary_of(machine, func).makes
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


def bind_arguments(function: Function, args: Args) -> Arguments:
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


def run_coroutine(
    machine: Machine, state: State, value: Coroutine, line: int, ctx: Context
) -> Results:
    """Await a coroutine of the same file: it can only fail at the awaits inside it."""
    if ctx.frame.depth >= MAX_DEPTH:
        return machine.suspend(hand_over(machine, state, value, ctx), line, ctx)
    if _indifferent(machine, value.func, value.args, state):
        return _summarised(machine, value.func, value.args, state, ctx)
    results = _activate(machine, value.func, value.args, state, ctx, line)
    return _returned(machine, value.func, state, results)


def _indifferent(machine: Machine, func: ir.Func, pairs: Arguments, state: State) -> bool:
    """Whether a call of a function of the file cannot touch what the state remembers, nor
    return a task that it made: then what it does is the same in every state."""
    captured = func.parent is not None and any(n in machine.relevant for n in func.mentions)
    return (
        not captured
        and not any(matters(value, state) for _, value in pairs)
        and not summary_of(machine, func).makes
    )


def _summarised(
    machine: Machine, func: ir.Func, pairs: Arguments, state: State, ctx: Context
) -> Results:
    summary = summary_of(machine, func, _constants(machine, func, pairs))
    later = state.suspended() if summary.suspends else state
    for exc, line in summary.faults:
        machine.fault(state, ctx, line, (exc,), later)
    for exc in summary.raises:
        machine.fail(later, ctx, exc)
    return [(later, UNKNOWN)] if summary.returns else []


def _constants(machine: Machine, func: ir.Func, pairs: Arguments) -> Arguments:
    """The parameters that are None in a call, or a constant that the function tests."""
    bound = {**dict(_defaults(func)), **dict(pairs)}.items()
    return tuple((n, v) for n, v in bound if isinstance(v, Const) and decides(machine, n, v, func))


def _defaults(func: ir.Func) -> Arguments:
    """The parameters whose default is a constant, with that."""
    defaults = func.defaults.items()
    return tuple((name, Const(v.value)) for name, v in defaults if isinstance(v, ir.Const))


def summary_of(machine: Machine, func: ir.Func, constants: Arguments = ()) -> Summary:
    """What a function of the file does that is given nothing to remember but `constants`."""
    key = (func, constants)
    if key not in machine.summaries:
        machine.summaries[key] = _summarise(machine, func, dict(constants))
    return machine.summaries[key]


def _summarise(machine: Machine, func: ir.Func, constants: dict[str, Value]) -> Summary:
    flow = Flow()
    nothing = State({}, {})
    suspensions = machine.suspensions
    outside = Context(Frame(machine.func, "", 0), flow)
    stars = (func.star, func.star_star)
    given = tuple((n, constants.get(n, UNKNOWN)) for n in func.params if n not in stars)
    results = _activate(machine, func, given, nothing, outside, None)
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
        suspends=machine.suspensions > suspensions,
        returns=any(not state.fault for state, _ in results),
        faults=tuple(faults.items()),
        raises=tuple(raises),
        makes=bool(results)
        and all(
            type(thing) is Task and thing.owner == OWNED
            for thing in (state.get(value) for state, value in results)
        ),
    )


def enter(machine: Machine, function: Function, args: Args, state: State, ctx: Context) -> Results:
    """Run the body of a function of the same file, in a frame of its own."""
    return _activate(machine, function.func, bind_arguments(function, args), state, ctx, None)


def _activate(
    machine: Machine,
    func: ir.Func,
    pairs: Arguments,
    state: State,
    ctx: Context,
    caller: object,
) -> Results:
    before = machine.caller
    machine.caller = (before, caller) if caller is not None else before
    machine.level += 1
    frame = frame_for(machine, func, ctx)
    state = bind_params(func, pairs, frame, state)
    results = run_body(machine, frame, state, ctx)
    machine.level -= 1
    machine.caller = before
    return results


def frame_for(machine: Machine, func: ir.Func, ctx: Context) -> Frame:
    """A frame for a call; a lambda is part of the function that it stands in."""
    depth = ctx.frame.depth + (func.name != "<lambda>")
    parent: Frame | None = ctx.frame
    while parent is not None and func.parent is not parent.func:
        parent = parent.parent
    return Frame(func, ":" * machine.level, depth, parent)


def bind_params(
    func: ir.Func,
    pairs: Arguments,
    frame: Frame,
    state: State,
) -> State:
    for name, value in pairs:
        if name in (func.star, func.star_star):
            state, value = state.new(Box(tuple if name == func.star else dict, value))
        if not isinstance(value, Unknown):
            state = state.bind(frame.prefix + name, value)
    given = dict(pairs)
    for name, default in _defaults(func):
        if name not in given:
            state = state.bind(frame.prefix + name, default)
    return state


def run_body(machine: Machine, frame: Frame, state: State, ctx: Context) -> Results:
    """Run a helper's body: its returned values; what it raises goes to the caller."""
    flow = Flow()
    inside = Context(frame, flow, None, ctx.cleanup, False)
    ends = run_block(machine, frame.func.body, [state], inside)
    results: Results = []
    key = f"{frame.prefix}$return"
    for end in ends + flow.take(RETURN):
        value = end.env.get(key, Const(None))
        results.append((_without_frame(end, frame), value))
    for completion, states in flow:
        ctx.out.add(completion, *(_without_frame(one, frame) for one in states))
    return _merge_results(results)


def _without_frame(state: State, frame: Frame) -> State:
    names = [n for n in state.env if n.lstrip("$").startswith(frame.prefix)]
    return state.unbind(*names)


def _merge_results(results: Results) -> Results:
    merged = States(state.bind("$value", value) for state, value in results)
    return [(state.unbind("$value"), state.env["$value"]) for state in merged]


def _transparent(func: ir.Func) -> bool:
    """Decorators that leave a method what it is."""
    return all(
        isinstance(decorator, ir.Name) and decorator.id in ("staticmethod", "classmethod")
        for decorator in func.decorators
    )
