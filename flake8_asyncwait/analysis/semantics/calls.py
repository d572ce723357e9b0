"""Calls: of what is known, of methods, of functions of the project.

A call that nobody knows hands its arguments over: silence is better than a false alarm.
"""

from __future__ import annotations

import re

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import Exc
from flake8_asyncwait.analysis.code.program import Definition
from flake8_asyncwait.analysis.code.walk import changed_by, every, last_name
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.execute import evaluate, evaluate_all, evaluates
from flake8_asyncwait.analysis.machine.handover import hand_over_args, unknown_call
from flake8_asyncwait.analysis.machine.machine import MAX_DEPTH, Args, Context, Machine, Results
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.helpers import call_function, function_of, is_factory
from flake8_asyncwait.analysis.semantics.items import (
    as_items,
    as_task,
    collection,
    iterated,
    reaches_task,
)
from flake8_asyncwait.analysis.semantics.tasks import canceller, factory, make_task
from flake8_asyncwait.analysis.states.state import TESTED, State
from flake8_asyncwait.analysis.states.values import (
    UNKNOWN,
    Box,
    Const,
    Coroutine,
    Foreign,
    Function,
    Loop,
    Method,
    Param,
    Primitive,
    Ref,
    Result,
    Status,
    Task,
    Value,
    Waiting,
    parts_of,
)
from flake8_asyncwait.sites.outline import MAP

# A plain function whose name says that it creates a task.
_CREATOR = re.compile(r"(?i)create\w*task(?!s?_?group)")
_LOGGER = re.compile(r"(?i)(?:^|_)(?:log|logger|logging)$")
_LOOP_NAME = re.compile(r"(?i)(?:^|_)(?:event_?)?loop$|^(?:main|running|current)loop$")


@evaluates(ir.Call)
def call(machine: Machine, node: ir.Call, state: State, ctx: Context) -> Results:
    """All ways in which a call may be evaluated."""
    return fanout.made(machine, node, _call(machine, node, state, ctx))


def _call(machine: Machine, node: ir.Call, state: State, ctx: Context) -> Results:
    site = machine.site_of.get(id(node))
    if site is not None and not machine.program.settling:
        return [*_wait_call(machine, node, state, ctx, site.index)]
    func = ctx.frame.func
    qualified = machine.program.qualified(func, node.func)
    if (qualified or "").rpartition(".")[2] in machine.program.settling:
        return _wait_any_call(machine, node, state, ctx, -1 if site is None else site.index)
    if site is not None:
        return [*_wait_call(machine, node, state, ctx, site.index)]
    if qualified == known.WAIT or machine.program.named(
        machine.program.wait_functions, func, node.func
    ):
        return [*_wait_call(machine, node, state, ctx, -1)]
    if node.mapped is not None and qualified == MAP:
        return evaluate(machine, node.mapped, state, ctx)
    rule = known.FUNCTIONS.get(qualified or "", known.UNKNOWN_CALL).rule
    results: Results = []
    if rule is not None and qualified not in machine.program.task_factories:
        for after, args in arguments(machine, node, state, ctx):
            ways = rule(machine, node, args, after, ctx)
            exact = any(reaches_task(value, after) for value in args.every())
            results += ways if exact else machine.may_raise(ways, node.line, ctx)
        return results
    for after, callee in _callee(machine, node, state, ctx):
        for later, args in arguments(machine, node, after, ctx):
            later = _without_attributes(machine, node, later)
            ways = _dispatch(machine, node, callee, args, later, ctx, qualified)
            exact = isinstance(callee, Method) and _is_of_task(machine, callee, later)
            results += ways if exact else machine.may_raise(ways, node.line, ctx)
    return results


def _without_attributes(machine: Machine, node: ir.Call, state: State) -> State:
    """A method may change what its object has: what tests have found there is forgotten."""
    changed = changed_by(node, machine.tested_again) if machine.tested_again else set()
    return state.unbind(*(TESTED + name for name in changed)) if changed else state


def _callee(machine: Machine, node: ir.Call, state: State, ctx: Context) -> Results:
    if isinstance(node.func, ir.Attr):
        return [
            (after, Method(receiver, node.func.name))
            for after, receiver in evaluate(machine, node.func.value, state, ctx)
        ]
    return evaluate(machine, node.func, state, ctx)


def arguments(
    machine: Machine, node: ir.Call, state: State, ctx: Context
) -> list[tuple[State, Args]]:
    """Evaluate the arguments of a call, in order."""
    ways: list[tuple[State, Args]] = []
    for after, values in evaluate_all(machine, [arg.value for arg in node.args], state, ctx):
        positional: list[Value] = []
        keywords: dict[str, Value] = {}
        splat = False
        for arg, value in zip(node.args, values, strict=False):
            if arg.star == 1:
                after, items, source = iterated(machine, after, value)
                splat = splat or items is None or after.is_open(source)
                positional.extend(items if items is not None else [value])
            elif arg.keyword is not None:
                keywords[arg.keyword] = value
            elif arg.star == 2:
                splat = True
                keywords[f"**{len(keywords)}"] = value
            else:
                positional.append(value)
        ways.append((after, Args(positional, keywords, splat)))
    return ways


def _wait_call(
    machine: Machine, node: ir.Call, state: State, ctx: Context, site: int
) -> list[tuple[State, Waiting]]:
    results: list[tuple[State, Waiting]] = []
    for after, args in arguments(machine, node, state, ctx):
        waited = args.positional[0] if args.positional else args.keywords.get("fs", UNKNOWN)
        mode = args.keywords.get("return_when")
        unresolved = args.splat and any(arg.star == 2 for arg in node.args)
        first = unresolved or (mode is not None and mode != Const("ALL_COMPLETED"))
        timeout = unresolved or _has_timeout(node)
        if site == machine.site.index:
            books = machine.books
            books.early = books.early or first or timeout
            books.coroutine = _coroutine_in(after, waited) or books.coroutine
        results.append((after, Waiting(site, waited, first, timeout, node.line)))
    return results


def _wait_any_call(
    machine: Machine, node: ir.Call, state: State, ctx: Context, site: int
) -> Results:
    """A call of `wait_any` settles what it waits for. To the check it is a call that nobody knows,
    which is as silent; but a fix of one site has to see through the fix of another."""
    modes = [arg for arg in node.args if arg.keyword == "return_when"]
    return [
        (after, waiting._replace(settles=True, first=not modes or waiting.first))
        for after, waiting in _wait_call(machine, node, state, ctx, site)
    ]


def _has_timeout(node: ir.Call) -> bool:
    """Whether there is a timeout that is not the literal None."""
    for arg in node.args:
        if arg.keyword == "timeout":
            return not (isinstance(arg.value, ir.Const) and arg.value.value is None)
    return False


def _coroutine_in(state: State, waited: Value) -> str:
    """AWT203: a coroutine among the elements of a wait."""
    box = state.get(waited)
    for item in box.items if type(box) is Box else ():
        value = parts_of(item)[0]
        if isinstance(value, Coroutine):
            return f"{value.func.name}()"
        if isinstance(value, Result) and value.coroutine:
            return value.coroutine
    return ""


def _dispatch(
    machine: Machine,
    node: ir.Call,
    callee: Value,
    args: Args,
    state: State,
    ctx: Context,
    qualified: str | None,
) -> Results:
    func = ctx.frame.func
    if machine.program.named(machine.program.task_factories, func, node.func):
        return factory(machine, node, args, state, ctx)
    if machine.program.named(machine.program.cancellers, func, node.func):
        return canceller(machine, node, args, state, ctx)
    if isinstance(callee, Method):
        return _method(machine, node, callee, args, state, ctx, qualified)
    if isinstance(callee, Function) and not (
        callee.func.line >= ir.SPAN and _creates_task(machine, node, func, qualified)
    ):
        return _function_of_project(machine, node, callee, args, state, ctx)
    if _creates_task(machine, node, func, qualified):
        return make_task(machine, node, args.first(), state, ctx)
    return _instance(machine, node, args, state, ctx)


def _instance(machine: Machine, node: ir.Call, args: Args, state: State, ctx: Context) -> Results:
    """A call of a class of the project, or of something that nobody knows."""
    cls = None
    if ctx.frame.depth < MAX_DEPTH:
        cls = machine.program.class_of(ctx.frame.func, node.func)
    results = unknown_call(machine, node, args, state, ctx)
    if cls is None:
        return results
    return [(after, Result(machine.origin(node), cls=cls)) for after, _ in results]


def _function_of_project(
    machine: Machine, node: ir.Call, function: Function, args: Args, state: State, ctx: Context
) -> Results:
    """A call of a function of the project; one that is too deep to be looked into may still be a
    factory."""
    if ctx.frame.depth >= MAX_DEPTH:
        calls = (part for part in every(function.func) if isinstance(part, ir.Call))
        named = any(known.may_make(last_name(call.func) or "") for call in calls)
        if named and is_factory(machine, function.func):
            return factory(machine, node, args, state, ctx)
    return call_function(machine, node, function, args, state, ctx)


def _creates_task(machine: Machine, node: ir.Call, func: ir.Func, qualified: str | None) -> bool:
    """A plain function whose name says that it creates a task, given a coroutine call."""
    name = last_name(node.func) or ""
    if not (_CREATOR.search(name) or known.has(node, known.ENSURES)):
        return False
    if isinstance(node.func, ir.Attr):
        path = node.func.path
        if path is None or not machine.program.is_imported(func, path[0]):
            return False
    return any(isinstance(arg.value, ir.Call) for arg in node.args)


def _method(
    machine: Machine,
    node: ir.Call,
    method: Method,
    args: Args,
    state: State,
    ctx: Context,
    qualified: str | None,
) -> Results:
    receiver, name = method
    if machine.is_none(receiver, state, ctx, "AttributeError"):
        return []
    if isinstance(receiver, (Param, Foreign, Result)) and _may_be_task(machine, receiver, name):
        state, receiver = as_task(machine, state, receiver)
    thing = state.get(receiver)
    if isinstance(receiver, Ref) and type(thing) is not Box:
        return _task_method(machine, node, receiver, name, args, state, ctx)
    if isinstance(receiver, (Param, Foreign)) and collection(machine, state, receiver):
        if known.has(node, known.OF_MANY):
            state, _, receiver = as_items(machine, state, receiver)
            thing = state.get(receiver)
    if isinstance(receiver, Ref):
        return _box_method(machine, node, receiver, name, args, state, ctx)
    return _other_method(machine, node, receiver, name, args, state, ctx, qualified)


def _is_of_task(machine: Machine, method: Method, state: State) -> bool:
    """Whether a method is one of a task, or of a collection of tasks: what it raises is known."""
    owner, name = method
    if isinstance(owner, (Param, Foreign)):
        return _may_be_task(machine, owner, name)
    return reaches_task(owner, state)


def _may_be_task(machine: Machine, receiver: Value, name: str) -> bool:
    """Whether a receiver is looked at as a task: one that is asked to cancel is remembered,
    for to await it then raises. What is asked for its result may be anything that has one."""
    traits = known.TASK_METHODS[name].traits if name in known.TASK_METHODS else known.ASKS
    if traits & known.ASKS:
        return False
    cancels = bool(traits & known.CANCELS)
    return isinstance(receiver, Param) or (
        isinstance(receiver, Foreign)
        and (receiver.path in machine.relevant or (cancels and "." in receiver.path))
    )


def _other_method(
    machine: Machine,
    node: ir.Call,
    receiver: Value,
    name: str,
    args: Args,
    state: State,
    ctx: Context,
    qualified: str | None,
) -> Results:
    text, _, method = _text(node.func).rpartition(".")
    if method in known.WHILE_PENDING:
        known_answer = _answer_while_pending(text, method, state)
        if known_answer is not None:
            return [(state, known_answer)]
    else:
        state = _without_runs(text, state)
    if isinstance(receiver, Loop) or _is_loop(node):
        return _rule_or(unknown_call, known.LOOP_METHODS, name)(machine, node, args, state, ctx)
    if isinstance(receiver, Primitive) and name in receiver.methods:
        return [(state, Result(machine.origin(node), f"{_shown(node.func)}()"))]
    if _is_coroutine_method(machine, node, receiver, name, ctx):
        state = hand_over_args(machine, args, state, ctx)
        return [(state, Result(machine.origin(node), f"{_shown(node.func)}()"))]
    if _is_logging(node, name) or (qualified or "").startswith("warnings."):
        return [(state, UNKNOWN)]
    if _creates_task(machine, node, ctx.frame.func, qualified):
        return make_task(machine, node, args.first(), state, ctx)
    found = function_of(machine, node, ctx)
    if found is not None:
        return _function_of_project(machine, node, found, args, state, ctx)
    if known.has(node, known.REGISTERS):
        state = _register(node, args.first(), state, ctx)
    return _instance(machine, node, args, state, ctx)


def _is_coroutine_method(
    machine: Machine, node: ir.Call, receiver: Value, name: str, ctx: Context
) -> bool:
    """Whether a method is surely a coroutine function: one of a queue or an event that the module
    makes, or of an instance of a class of the project."""
    func = ctx.frame.func
    home = machine.program.of(func)
    if _text(node.func) in home.outline.coroutine_methods:
        return True
    cls = receiver.cls if isinstance(receiver, Result) else None
    path = receiver.path.split(".") if isinstance(receiver, Foreign) else []
    if len(path) == 2 and path[0] == "self" and func.cls is not None:
        made = Definition(home, func.cls).attribute(path[1])
        cls = made[0].class_named(made[1]) if made is not None else None
        cls = cls if cls is not None and cls.makes_instances else None
    if cls is None or not cls.has_coroutine(name):
        return False
    machine.note_module(cls.program.path)
    return True


def _answer_while_pending(owner: str, question: str, state: State) -> Value | None:
    """What a question to an event or a queue says while a task waits for that very thing
    (`conditions_questions`)."""
    method, answer = known.WHILE_PENDING[question]
    tasks = (thing for thing in state.heap.values() if type(thing) is Task and thing.waited)
    waits = any(
        task.runs == f"{owner}.{method}" and task.status == Status.RUNNING for task in tasks
    )
    return Const(answer) if waits else None


def _without_runs(owner: str, state: State) -> State:
    """Any other method may set an event, or fill a queue: who waits for it may end soon."""
    changed = {
        number: thing._replace(runs="")
        for number, thing in state.heap.items()
        if type(thing) is Task and thing.runs.rpartition(".")[0] == owner != ""
    }
    return state.put_all(changed)


def stack_key(name: str, ctx: Context) -> str:
    """How states name what an exit stack is to cancel."""
    return f"{ctx.frame.prefix}$stack:{name}"


def _register(node: ir.Call, method: Value, state: State, ctx: Context) -> State:
    """`stack.callback(task.cancel)`: the task is cancelled when the stack is left."""
    owner = node.func.value if isinstance(node.func, ir.Attr) else None
    stack = state.env.get(stack_key(owner.id, ctx)) if isinstance(owner, ir.Name) else None
    if not isinstance(stack, Ref) or not isinstance(method, Method):
        return state
    if not known.is_cancel(method.name):
        return state
    box = state.box(stack)
    return state.put(stack, box._replace(items=(*box.items, method.owner)))


def _rule_or(
    other: known.FunctionRule, rows: dict[str, known.Row[known.FunctionRule]], name: str
) -> known.FunctionRule:
    row = rows.get(name)
    return other if row is None or row.rule is None else row.rule


def _is_loop(node: ir.Call) -> bool:
    """Whether a method is called on something that is named as an event loop is."""
    assert isinstance(node.func, ir.Attr)
    base = node.func.value
    name = last_name(base)
    return name is not None and _LOOP_NAME.search(name) is not None


def _is_logging(node: ir.Call, name: str) -> bool:
    assert isinstance(node.func, ir.Attr)
    base = node.func.value
    text = last_name(base.func) if isinstance(base, ir.Call) else last_name(base)
    named = text is not None and (_LOGGER.search(text) is not None or text == known.LOGGER_MAKER)
    return name in known.LOG_METHODS and named


def _task_method(
    machine: Machine, node: ir.Call, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    row = known.TASK_METHODS.get(name, known.UNKNOWN_CALL)
    if row.traits & (known.QUESTIONS | known.CALLS_BACK):
        machine.books.asked(state, ref, name, node.line, ctx.frame.func)
    return [(state, UNKNOWN)] if row.rule is None else row.rule(machine, node, ref, state, ctx)


def _box_method(
    machine: Machine, node: ir.Call, ref: Ref, name: str, args: Args, state: State, ctx: Context
) -> Results:
    box = state.box(ref)
    if not box.escaped and box.kind is not ir.ITERATOR and not hasattr(box.kind, name):
        machine.fail(state, ctx, Exc("AttributeError"))
        return []
    row = known.COLLECTION_METHODS.get(name)
    if row is None or row.rule is None:
        return [(hand_over_args(machine, args, state, ctx), UNKNOWN)]
    return row.rule(machine, ref, name, args, state, ctx)


def _text(node: ir.Expr) -> str:
    if isinstance(node, ir.Attr) and node.path is not None:
        return ".".join(node.path)
    return node.id if isinstance(node, ir.Name) else "a coroutine"


def _shown(node: ir.Expr) -> str:
    """A callee as the source has it: the variables of comprehensions have names of their own."""
    return re.sub(r"~\d+", "", _text(node))
