"""Rules for statements: from a set of states to the sets in which they complete.

`finally` runs once for every completion that comes in, and passes it on unless it ends abruptly
itself.
"""

from __future__ import annotations

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import ANY, Exc, catches, ordinary
from flake8_asyncwait.analysis.code.patterns import ANYTHING, REST, Place
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
from flake8_asyncwait.analysis.machine.handover import hand_over, hand_over_names, keep_defaults
from flake8_asyncwait.analysis.machine.loss import merge
from flake8_asyncwait.analysis.machine.machine import Context, Results
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.binding import bind
from flake8_asyncwait.analysis.semantics.collections import delete_item
from flake8_asyncwait.analysis.semantics.conditions import decide
from flake8_asyncwait.analysis.semantics.indexes import key_of
from flake8_asyncwait.analysis.semantics.names import (
    assign,
    bind_function,
    class_names,
    lookup,
    matters,
    untested,
)
from flake8_asyncwait.analysis.semantics.numbers import places
from flake8_asyncwait.analysis.semantics.operators import number, update
from flake8_asyncwait.analysis.semantics.running import items_of
from flake8_asyncwait.analysis.semantics.sizes import asks_how_many
from flake8_asyncwait.analysis.states.completion import BREAK, CONTINUE, RETURN, Flow, raising
from flake8_asyncwait.analysis.states.keys import RETURNED
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.trace import NO, YES
from flake8_asyncwait.analysis.states.values import (
    UNKNOWN,
    AtLeast,
    Box,
    Const,
    Function,
    Raised,
    Ref,
    Unknown,
    Value,
)


@executes(ir.ExprStmt)
def _expression(ctx: Context, node: ir.ExprStmt, state: State) -> list[State]:
    if isinstance(node.value, ir.Comprehension) and node.value.kind is ir.ITERATOR:
        return [state]  # a generator expression that nobody iterates over does nothing
    return [after for after, _ in evaluate(ctx, node.value, state)]


@executes(ir.Assign)
def _assign(ctx: Context, node: ir.Assign, state: State) -> list[State]:
    ends: list[State] = []
    for after, value in evaluate(ctx, node.value, state):
        value = key_of(ctx, node.value, value, after)
        states = [after]
        for target in node.targets:
            states = [end for one in states for end in bind(ctx, target, value, one)]
        ends += states
    return ends


@executes(ir.AugAssign)
def _aug_assign(ctx: Context, node: ir.AugAssign, state: State) -> list[State]:
    ends: list[State] = []
    current: ir.Expr = node.target if not isinstance(node.target, ir.Unpack) else ir.Other([])
    for after, (old, value) in evaluate_all(ctx, [current, node.value], state):
        if isinstance(old, Ref) and type(after.get(old)) is Box:
            for later, new in update(ctx, node.op, old, value, after):
                same = new == old or isinstance(new, Unknown)
                ends += [later] if same else bind(ctx, node.target, new, later)
        elif isinstance(node.target, ir.Name) and isinstance(old, (Const, Unknown, AtLeast)):
            if isinstance(old, Unknown):  # it may be a collection of somebody else's
                after = hand_over(ctx, after, items_of(after, value))
            is_place = node.target.id in ctx.machine.once(places, ctx.frame.func)
            new = number(node.op, old, value, after) if is_place else counted(node.op, old, value)
            ends += bind(ctx, node.target, new, after)
        else:
            ends.append(hand_over(ctx, after, items_of(after, value)))
    if isinstance(node.target, ir.Name) and ctx.is_own:
        return [untested(end, node.target.id) for end in ends]
    return ends


def counted(op: str, old: Value, value: Value) -> Value:
    """What a constant is after `old op= value`, as far as few states can tell: a count that has
    begun, and a flag."""
    if not isinstance(value, Const) or not isinstance(old, (Const, AtLeast)):
        return UNKNOWN
    least = old.value if isinstance(old, Const) else old.least
    if type(least) is int and type(value.value) is int and least >= 0 < value.value:
        return AtLeast(1) if op == "Add" else UNKNOWN
    if type(least) is bool and type(value.value) is bool and op in ("BitOr", "BitAnd"):
        return Const(least | value.value if op == "BitOr" else least & value.value)
    return UNKNOWN


@executes(ir.Delete)
def _delete(ctx: Context, node: ir.Delete, state: State) -> list[State]:
    states = [state]
    for target in node.targets:
        states = [end for one in states for end in _delete_one(ctx, target, one)]
    return states


def _delete_one(ctx: Context, target: ir.Target, state: State) -> list[State]:
    if isinstance(target, ir.Name):
        frame = ctx.frame.owner_of(target.id)
        if frame is None:
            return [state]
        if not lookup(ctx, target.id, state):
            return []  # it is not bound
        return [state.unbind(frame.prefix + target.id)]
    if not isinstance(target, ir.Subscript):
        return [state]
    ends: list[State] = []
    for after, (owner, index) in evaluate_all(ctx, [target.value, target.index], state):
        ctx.may_raise([(after, UNKNOWN)], ctx.machine.line)
        if isinstance(owner, Ref) and type(after.get(owner)) is Box:
            ends += delete_item(ctx, owner, index, after)
        else:
            ends.append(after)
    return ends


@executes(ir.Return)
def _return(ctx: Context, node: ir.Return, state: State) -> list[State]:
    if node.value is None:
        ways: Results = [(state, Const(None))]
    else:
        ways = evaluate(ctx, node.value, state)
    for after, value in ways:
        kept = value if ctx.frame.prefix or matters(value, after) else UNKNOWN
        done = after.bind(ctx.frame.prefix + RETURNED, kept)
        if not ctx.frame.prefix:
            done = done.step(node.line, "the function returns")
        ctx.out.add(RETURN, done)
    return []


@executes(ir.Raise)
def _raise(ctx: Context, node: ir.Raise, state: State) -> list[State]:
    if node.value is None:
        key = ctx.frame.prefix + node.caught.id if node.caught is not None else ""
        caught = state.env.get(key)
        exc = caught.exc if isinstance(caught, Raised) else ctx.handling or Exc("RuntimeError")
        ctx.out.add(raising(exc), state)
        return []
    parts = [node.value] + ([node.cause] if node.cause is not None else [])
    for after, values in evaluate_all(ctx, parts, state):
        exc = values[0].exc if isinstance(values[0], Raised) else _raised(ctx, node.value)
        for value in values:
            after = hand_over(ctx, after, value)
        ctx.out.add(raising(exc), after.step(node.line, "an exception is raised"))
    return []


def _raised(ctx: Context, node: ir.Expr) -> Exc:
    """The class that a `raise` names, if it names one."""
    called = isinstance(node, ir.Call)
    func = node.func if isinstance(node, ir.Call) else node
    name = class_names(ctx, func)[0]
    if name is None or (not called and not name[:1].isupper()):
        return ANY
    return Exc(name)


@executes(ir.Assert)
def _assert(ctx: Context, node: ir.Assert, state: State) -> list[State]:
    """An `assert` that the outcome decides is `if not ...: raise`; any other holds, and nothing
    comes to `assert False`."""
    free = ctx.machine.free_choices
    yes, no = decide(ctx, node.test, state)
    if ctx.machine.free_choices > free or isinstance(node.test, ir.Const):
        return yes
    if ctx.is_own and asks_how_many(node.test, ctx.machine.func, ctx.machine.once):
        return yes
    message = node.message or ir.Const(None)
    for after, _ in [end for one in no for end in evaluate(ctx, message, one)]:
        ctx.fail(after.step(node.line, "the assertion fails"), Exc("AssertionError"))
    return yes


@executes(ir.Jump)
def _jump(ctx: Context, node: ir.Jump, state: State) -> list[State]:
    state = forget(ctx, state, node)
    ctx.out.add(BREAK if node.kind == "break" else CONTINUE, state)
    return []


@executes(ir.Define)
def _define(ctx: Context, node: ir.Define, state: State) -> list[State]:
    ends: list[State] = []
    for before, _ in evaluate_all(ctx, node.decorators, state):
        after = keep_defaults(ctx, node.func, before)
        function = Function(node.func, False)
        if node.decorators and not manages(node.func):
            after = hand_over(ctx, after, function)
        ends.append(bind_function(ctx, node.func.name, function, after))
    return ends


def manages(func: ir.Func) -> bool:
    return any(last_name(decorator) in known.MANAGERS for decorator in func.decorators)


@executes(ir.DefineClass)
def _define_class(ctx: Context, node: ir.DefineClass, state: State) -> list[State]:
    return [hand_over_names(ctx, ctx.frame, state, node.mentions)]


@executes_all(ir.If)
def _if(ctx: Context, node: ir.If, states: list[State]) -> list[State]:
    yes, no = branch(ctx, node, states)
    ends = run_block(ctx, node.body, merge(ctx, yes, node.line))
    return ends + run_block(ctx, node.orelse, merge(ctx, no, node.line))


def branch(
    ctx: Context, node: ir.If | ir.While, states: list[State]
) -> tuple[list[State], list[State]]:
    """`decide`, for a statement: where it may go either way, that is a step of its own."""
    true: list[State] = []
    false: list[State] = []
    for state in states:
        yes, no = decide(ctx, node.test, state)
        if yes and no:
            yes = [one.step(node.line, "the condition holds", YES) for one in yes]
            no = [one.step(node.line, "the condition does not hold", NO) for one in no]
        true += yes
        false += no
    return true, false


@executes_all(ir.Match)
def _match(ctx: Context, node: ir.Match, states: list[State]) -> list[State]:
    ends: list[State] = []
    remaining = [way for one in states for way in evaluate(ctx, node.subject, one)]
    for case in node.cases:
        taken: list[State] = []
        left: Results = []
        for state, value in remaining:
            yes, no = _decide_case(ctx, case, value, state)
            taken += yes
            left += [(one, value) for one in no]
        ends += run_block(ctx, case.body, merge(ctx, taken, node.line))
        remaining = left
    return ends + [state for state, _ in remaining]


def _decide_case(
    ctx: Context, case: ir.Case, value: Value, state: State
) -> tuple[list[State], list[State]]:
    matches = True if case.irrefutable else _matches(case, value, state)
    yes = [state] if matches is not False else []
    no = [state] if matches is not True else []
    if not _is_told(case, value, state):
        yes = [hand_over(ctx, one, value) for one in yes]
        no = [hand_over(ctx, one, value) for one in no]
    for name, place in case.binds.items():
        captured = [_captured(place, value, one) for one in yes]
        yes = [assign(ctx, name, part, one) for one, part in captured]
    if case.guard is not None:
        split = [decide(ctx, case.guard, one) for one in yes]
        yes = [one for passed, _ in split for one in passed]
        no += [one for _, failed in split for one in failed]
    return yes, no


def _is_told(case: ir.Case, value: Value, state: State) -> bool:
    """Whether it is known what the names of a pattern get."""
    if None in case.binds.values():
        return False
    places = (place for place in case.binds.values() if place is not ir.SUBJECT)
    parts = any(isinstance(place, slice) for place in places)
    return not parts or _row_of(value, state) is not None or _is_no_row(value, state)


def _row_of(value: Value, state: State) -> Box | None:
    """What a sequence pattern takes apart."""
    box = state.get(value)
    return box if type(box) is Box and box.kind in (tuple, list) else None


def _is_no_row(value: Value, state: State) -> bool:
    """Whether no sequence pattern matches a collection."""
    box = state.get(value)
    return type(box) is Box and box.kind in (set, frozenset, dict)


def _captured(place: Place, value: Value, state: State) -> tuple[State, Value]:
    """What a pattern binds a name to: the subject, one of its items, or some of them."""
    box = _row_of(value, state)
    if place is ir.SUBJECT:
        return state, value
    if place is None or box is None:
        return state, UNKNOWN
    if isinstance(place, slice):
        return state.new(Box(list, box.items[place], box.open))
    return state, box.items[place] if -len(box.items) <= place < len(box.items) else UNKNOWN


def _matches(case: ir.Case, value: Value, state: State) -> bool | None:
    if case.values is None:
        return None
    box = state.get(value)
    if isinstance(value, Const):
        return value.value in case.values
    if type(box) is not Box:
        return False if isinstance(value, Ref) else None
    if box.kind not in (tuple, list) or box.open or box.escaped:
        return None
    return any_of(_row_matches(row, box.items) for row in case.values)


def _row_matches(row: object, items: tuple[Value, ...]) -> bool | None:
    if type(row) is not tuple:
        return False
    if REST in row:
        place, more = row.index(REST), len(items) - len(row) + 1
        row = row[:place] + (ANYTHING,) * more + row[place + 1 :]
    if len(row) != len(items):
        return False
    return all_of(
        True
        if expected is ANYTHING
        else (item.value == expected if isinstance(item, Const) else None)
        for expected, item in zip(row, items, strict=False)
    )


@executes_all(ir.Try)
def _try(ctx: Context, node: ir.Try, states: list[State]) -> list[State]:
    body = Flow()
    after = Flow()
    inside = ctx.into(body)
    named = [name for handler in node.handlers for name in _names_of(ctx, handler)]
    inside.timed |= "TimeoutError" in named
    if never_suspends(node.body):  # it is there because plain calls raise what its handlers name
        inside.expected += ordinary(named, ctx.machine.program.outline.classes)
    normal = run_block(inside, node.body, states)
    normal = run_block(ctx.into(after), node.orelse, normal)
    normal += handle_all(ctx, node.handlers, body, after, node.line)
    if not node.final:
        for completion, ended in after:
            ctx.out.add(completion, *ended)
        return normal
    return _finally(ctx, node, normal, after)


def _names_of(ctx: Context, handler: ir.Handler) -> list[str | None]:
    return [] if handler.type is None else class_names(ctx, handler.type)


def handle_all(
    ctx: Context, handlers: list[ir.Handler], body: Flow, after: Flow, line: int
) -> list[State]:
    """Send what a block has raised through handlers, and all else to `after`; returns the states
    that go on after a handler."""
    ends: list[State] = []
    for completion, states in body:
        if completion.exc is None or not handlers:
            after.add(completion, *states)
        else:
            ends += _handle(ctx, handlers, completion.exc, merge(ctx, states, line), after)
    return ends


def _handle(
    ctx: Context, handlers: list[ir.Handler], exc: Exc, states: list[State], after: Flow
) -> list[State]:
    """Send an exception through the handlers; returns the states that go on after one."""
    classes = ctx.machine.program.of(ctx.frame.func).outline.classes
    ends: list[State] = []
    for handler in handlers:
        names = class_names(ctx, handler.type or ir.Name("BaseException"))
        caught = any_of(catches(name, exc, classes) for name in names)
        if caught is False:
            continue
        raised = exc if caught else exc.after(names, True)
        inside = ctx.handler(after, raised)
        entered = states
        if handler.name is not None and _names_it(handler):
            key = ctx.frame.prefix + handler.name
            entered = [one.bind(key, Raised(raised)) for one in states]
        done = run_block(inside, handler.body, entered)
        if handler.name is not None:
            done = [one.unbind(ctx.frame.prefix + handler.name) for one in done]
        ends += done
        if caught:
            return ends
        exc = exc.after(names, False)
    after.add(raising(exc), *states)
    return ends


def _names_it(handler: ir.Handler) -> bool:
    """Whether a handler raises the exception that it names, or asks for its class."""
    return any(
        isinstance(node, ir.Raise)
        or (isinstance(node, ir.Call) and known.has(node, known.INSPECTS))
        for node in walk(handler.body)
    )


def _finally(ctx: Context, node: ir.Try, normal: list[State], after: Flow) -> list[State]:
    line = node.final[0].line
    for completion, states in after:
        inside = ctx.handler(ctx.out, completion.exc or ctx.handling)
        ctx.out.add(completion, *run_block(inside, node.final, merge(ctx, states, line)))
    inside = ctx.handler(ctx.out, ctx.handling)
    return run_block(inside, node.final, merge(ctx, normal, line))
