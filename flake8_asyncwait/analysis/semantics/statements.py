"""Rules for statements: from a set of states to the sets in which they complete.

`finally` runs once for every completion that comes in, and passes it on unless it ends abruptly
itself.
"""

from __future__ import annotations

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import ANY, Exc, catches, ordinary
from flake8_asyncwait.analysis.code.patterns import ANYTHING
from flake8_asyncwait.analysis.code.verdicts import all_of, any_of
from flake8_asyncwait.analysis.code.walk import last_name, never_suspends, walk
from flake8_asyncwait.analysis.machine.execute import (
    evaluate,
    evaluate_all,
    executes,
    executes_all,
    forget,
    run_block,
)
from flake8_asyncwait.analysis.machine.handover import hand_over, hand_over_names
from flake8_asyncwait.analysis.machine.loss import merge
from flake8_asyncwait.analysis.machine.machine import Context, Machine, Results
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.binding import bind
from flake8_asyncwait.analysis.semantics.collections import delete_item
from flake8_asyncwait.analysis.semantics.conditions import decide
from flake8_asyncwait.analysis.semantics.names import (
    assign,
    bind_function,
    class_names,
    lookup,
    matters,
)
from flake8_asyncwait.analysis.semantics.operators import update
from flake8_asyncwait.analysis.states.completion import BREAK, CONTINUE, RETURN, Flow, raising
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.trace import NO, YES
from flake8_asyncwait.analysis.states.values import (
    UNKNOWN,
    Box,
    Const,
    Function,
    Raised,
    Ref,
    Unknown,
    Value,
)


@executes(ir.ExprStmt)
def _expression(machine: Machine, node: ir.ExprStmt, state: State, ctx: Context) -> list[State]:
    if isinstance(node.value, ir.Comprehension) and node.value.kind is ir.ITERATOR:
        return [state]  # a generator expression that nobody iterates over does nothing
    return [after for after, _ in evaluate(machine, node.value, state, ctx)]


@executes(ir.Assign)
def _assign(machine: Machine, node: ir.Assign, state: State, ctx: Context) -> list[State]:
    ends: list[State] = []
    for after, value in evaluate(machine, node.value, state, ctx):
        states = [after]
        for target in node.targets:
            states = [end for one in states for end in bind(machine, target, value, one, ctx)]
        ends += states
    return ends


@executes(ir.AugAssign)
def _aug_assign(machine: Machine, node: ir.AugAssign, state: State, ctx: Context) -> list[State]:
    ends: list[State] = []
    current: ir.Expr = node.target if not isinstance(node.target, ir.Unpack) else ir.Other([])
    for after, (old, value) in evaluate_all(machine, [current, node.value], state, ctx):
        if isinstance(old, Ref) and type(after.get(old)) is Box:
            for later, new in update(machine, node.op, old, value, after, ctx):
                same = new == old or isinstance(new, Unknown)
                ends += [later] if same else bind(machine, node.target, new, later, ctx)
        elif isinstance(node.target, ir.Name) and isinstance(old, (Const, Unknown)):
            ends += bind(machine, node.target, UNKNOWN, after, ctx)
        else:
            ends.append(hand_over(machine, after, value, ctx))
    return ends


@executes(ir.Delete)
def _delete(machine: Machine, node: ir.Delete, state: State, ctx: Context) -> list[State]:
    states = [state]
    for target in node.targets:
        states = [end for one in states for end in _delete_one(machine, target, one, ctx)]
    return states


def _delete_one(machine: Machine, target: ir.Target, state: State, ctx: Context) -> list[State]:
    if isinstance(target, ir.Name):
        frame = ctx.frame.owner_of(target.id)
        if frame is None:
            return [state]
        if not lookup(machine, target.id, state, ctx):
            return []  # it is not bound
        return [state.unbind(frame.prefix + target.id)]
    if not isinstance(target, ir.Subscript):
        return [state]
    ends: list[State] = []
    for after, (owner, index) in evaluate_all(machine, [target.value, target.index], state, ctx):
        machine.may_raise([(after, UNKNOWN)], machine.line, ctx)
        if isinstance(owner, Ref) and type(after.get(owner)) is Box:
            ends += delete_item(machine, owner, index, after, ctx)
        else:
            ends.append(after)
    return ends


@executes(ir.Return)
def _return(machine: Machine, node: ir.Return, state: State, ctx: Context) -> list[State]:
    if node.value is None:
        ways: Results = [(state, Const(None))]
    else:
        ways = evaluate(machine, node.value, state, ctx)
    for after, value in ways:
        kept = value if ctx.frame.prefix or matters(value, after) else UNKNOWN
        done = after.bind(f"{ctx.frame.prefix}$return", kept)
        if not ctx.frame.prefix:
            done = done.step(node.line, "the function returns")
        ctx.out.add(RETURN, done)
    return []


@executes(ir.Raise)
def _raise(machine: Machine, node: ir.Raise, state: State, ctx: Context) -> list[State]:
    if node.value is None:
        ctx.out.add(raising(ctx.handling or ANY), state)
        return []
    parts = [node.value] + ([node.cause] if node.cause is not None else [])
    for after, values in evaluate_all(machine, parts, state, ctx):
        exc = values[0].exc if isinstance(values[0], Raised) else _raised(machine, node.value, ctx)
        for value in values:
            after = hand_over(machine, after, value, ctx)
        ctx.out.add(raising(exc), after.step(node.line, "an exception is raised"))
    return []


def _raised(machine: Machine, node: ir.Expr, ctx: Context) -> Exc:
    """The class that a `raise` names, if it names one."""
    called = isinstance(node, ir.Call)
    func = node.func if isinstance(node, ir.Call) else node
    name = class_names(machine, func, ctx)[0]
    if name is None or (not called and not name[:1].isupper()):
        return ANY
    return Exc(name)


@executes(ir.Assert)
def _assert(machine: Machine, node: ir.Assert, state: State, ctx: Context) -> list[State]:
    """An `assert` that the outcome decides is `if not ...: raise`; any other holds."""
    free = machine.free_choices
    yes, no = decide(machine, node.test, state, ctx)
    if machine.free_choices > free:
        return yes
    message = node.message or ir.Const(None)
    for after, _ in [end for one in no for end in evaluate(machine, message, one, ctx)]:
        machine.fail(after.step(node.line, "the assertion fails"), ctx, Exc("AssertionError"))
    return yes


@executes(ir.Jump)
def _jump(machine: Machine, node: ir.Jump, state: State, ctx: Context) -> list[State]:
    state = forget(machine, state, node, ctx)
    ctx.out.add(BREAK if node.kind == "break" else CONTINUE, state)
    return []


@executes(ir.Define)
def _define(machine: Machine, node: ir.Define, state: State, ctx: Context) -> list[State]:
    ends: list[State] = []
    for after, _ in evaluate_all(machine, node.decorators, state, ctx):
        function = Function(node.func, False)
        if node.decorators and not manages(node.func):
            after = hand_over(machine, after, function, ctx)
        ends.append(bind_function(machine, node.func.name, function, after, ctx))
    return ends


def manages(func: ir.Func) -> bool:
    return any(last_name(decorator) in known.MANAGERS for decorator in func.decorators)


@executes(ir.DefineClass)
def _define_class(
    machine: Machine, node: ir.DefineClass, state: State, ctx: Context
) -> list[State]:
    return [hand_over_names(machine, state, node.mentions, ctx)]


@executes_all(ir.If)
def _if(machine: Machine, node: ir.If, states: list[State], ctx: Context) -> list[State]:
    yes, no = branch(machine, node, states, ctx)
    ends = run_block(machine, node.body, merge(machine, yes, node.line), ctx)
    return ends + run_block(machine, node.orelse, merge(machine, no, node.line), ctx)


def branch(
    machine: Machine, node: ir.If | ir.While, states: list[State], ctx: Context
) -> tuple[list[State], list[State]]:
    """`decide`, for a statement: where it may go either way, that is a step of its own."""
    true: list[State] = []
    false: list[State] = []
    for state in states:
        yes, no = decide(machine, node.test, state, ctx)
        if yes and no:
            yes = [one.step(node.line, "the condition holds", YES) for one in yes]
            no = [one.step(node.line, "the condition does not hold", NO) for one in no]
        true += yes
        false += no
    return true, false


@executes_all(ir.Match)
def _match(machine: Machine, node: ir.Match, states: list[State], ctx: Context) -> list[State]:
    ends: list[State] = []
    remaining = [way for one in states for way in evaluate(machine, node.subject, one, ctx)]
    for case in node.cases:
        taken: list[State] = []
        left: Results = []
        for state, value in remaining:
            yes, no = _decide_case(machine, case, value, state, ctx)
            taken += yes
            left += [(one, value) for one in no]
        ends += run_block(machine, case.body, merge(machine, taken, node.line), ctx)
        remaining = left
    return ends + [state for state, _ in remaining]


def _decide_case(
    machine: Machine, case: ir.Case, value: Value, state: State, ctx: Context
) -> tuple[list[State], list[State]]:
    known = True if case.irrefutable else _matches(case, value, state)
    yes = [state] if known is not False else []
    no = [state] if known is not True else []
    for name in case.binds:
        yes = [assign(machine, name, UNKNOWN, one, ctx) for one in yes]
    if case.guard is not None:
        split = [decide(machine, case.guard, one, ctx) for one in yes]
        yes = [one for passed, _ in split for one in passed]
        no += [one for _, failed in split for one in failed]
    return yes, no


def _matches(case: ir.Case, value: Value, state: State) -> bool | None:
    if case.values is None:
        return None
    box = state.get(value)
    if isinstance(value, Const):
        return value.value in case.values
    if type(box) is not Box or box.kind is not tuple:
        return None
    return any_of(_row_matches(row, box.items) for row in case.values)


def _row_matches(row: object, items: tuple[Value, ...]) -> bool | None:
    if type(row) is not tuple or len(row) != len(items):
        return False
    return all_of(
        True
        if expected is ANYTHING
        else (item.value == expected if isinstance(item, Const) else None)
        for expected, item in zip(row, items, strict=False)
    )


@executes_all(ir.Try)
def _try(machine: Machine, node: ir.Try, states: list[State], ctx: Context) -> list[State]:
    body = Flow()
    after = Flow()
    inside = ctx.into(body)
    inside.expected += _expected(machine, node, ctx)
    normal = run_block(machine, node.body, states, inside)
    normal = run_block(machine, node.orelse, normal, ctx.into(after))
    for completion, ended in body:
        if completion.exc is None or not node.handlers:
            after.add(completion, *ended)
        else:
            merged = merge(machine, ended, node.line)
            normal += _handle(machine, node, completion.exc, merged, after, ctx)
    if not node.final:
        for completion, ended in after:
            ctx.out.add(completion, *ended)
        return normal
    return _finally(machine, node, normal, after, ctx)


def _expected(machine: Machine, node: ir.Try, ctx: Context) -> tuple[Exc, ...]:
    """The ordinary exceptions that the handlers of a `try` name whose body never suspends: it is
    there because plain calls raise them."""
    if not node.handlers or not never_suspends(node.body):
        return ()
    kinds = [handler.type for handler in node.handlers if handler.type is not None]
    names = [name for kind in kinds for name in class_names(machine, kind, ctx)]
    return ordinary(names, machine.program.outline.classes)


def _handle(
    machine: Machine, node: ir.Try, exc: Exc, states: list[State], after: Flow, ctx: Context
) -> list[State]:
    """Send an exception through the handlers; returns the states that go on after one."""
    ends: list[State] = []
    for handler in node.handlers:
        caught = _catches(machine, handler.type, exc, ctx)
        if caught is False:
            continue
        inside = ctx.handler(after, exc)
        entered = states
        if handler.name is not None and _names_it(handler):
            key = ctx.frame.prefix + handler.name
            entered = [one.bind(key, Raised(exc)) for one in states]
        done = run_block(machine, handler.body, entered, inside)
        if handler.name is not None:
            done = [one.unbind(ctx.frame.prefix + handler.name) for one in done]
        ends += done
        if caught:
            return ends
    after.add(raising(exc), *states)
    return ends


def _names_it(handler: ir.Handler) -> bool:
    """Whether a handler raises the exception that it names, or asks for its class."""
    return any(
        isinstance(node, ir.Raise)
        or (isinstance(node, ir.Call) and known.has(node, known.INSPECTS))
        for node in walk(handler.body)
    )


def _catches(machine: Machine, kind: ir.Expr | None, exc: Exc, ctx: Context) -> bool | None:
    if kind is None:
        return True
    classes = machine.program.of(ctx.frame.func).outline.classes
    return any_of(catches(name, exc, classes) for name in class_names(machine, kind, ctx))


def _finally(
    machine: Machine, node: ir.Try, normal: list[State], after: Flow, ctx: Context
) -> list[State]:
    line = node.final[0].line
    for completion, states in after:
        inside = ctx.handler(ctx.out, completion.exc or ctx.handling)
        ctx.out.add(
            completion, *run_block(machine, node.final, merge(machine, states, line), inside)
        )
    inside = ctx.handler(ctx.out, ctx.handling)
    return run_block(machine, node.final, merge(machine, normal, line), inside)
