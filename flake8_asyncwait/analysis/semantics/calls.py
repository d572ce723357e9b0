"""Calls: of what is known, of methods, of functions of the project.

A call that nobody knows hands its arguments over: silence is better than a false alarm.
"""

from __future__ import annotations

import re

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.exceptions import Exc
from flake8_asyncwait.analysis.code.walk import changed_by, every, last_name, mentioned
from flake8_asyncwait.analysis.machine import fanout
from flake8_asyncwait.analysis.machine.execute import evaluate, evaluate_all, evaluates
from flake8_asyncwait.analysis.machine.handover import hand_over_args, unknown_call
from flake8_asyncwait.analysis.machine.machine import MAX_DEPTH, Args, Context, Results
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.callbacks import called_back
from flake8_asyncwait.analysis.semantics.helpers import call_function, function_of, is_factory
from flake8_asyncwait.analysis.semantics.indexes import sought
from flake8_asyncwait.analysis.semantics.items import (
    as_items,
    as_task,
    collection,
    iterated,
    reaches_task,
)
from flake8_asyncwait.analysis.semantics.running import items_of
from flake8_asyncwait.analysis.semantics.tasks import canceller, factory, make_future, make_task
from flake8_asyncwait.analysis.states.keys import STACK, TESTED
from flake8_asyncwait.analysis.states.real import is_sure
from flake8_asyncwait.analysis.states.state import State
from flake8_asyncwait.analysis.states.values import (
    UNKNOWN,
    Box,
    Const,
    Coroutine,
    Foreign,
    Function,
    Instance,
    Method,
    Param,
    Primitive,
    Ref,
    Result,
    Status,
    Task,
    Tested,
    Unknown,
    Value,
    Waiting,
    parts_of,
)
from flake8_asyncwait.sites.outline import MAP

_LOGGER = re.compile(r"(?i)(?:^|_)(?:log|logger|logging)$")
_LOOP_NAME = re.compile(r"(?i)(?:^|_)(?:event_?)?loop$|^(?:main|running|current)loop$")


@evaluates(ir.Call)
def call(ctx: Context, node: ir.Call, state: State) -> Results:
    """All ways in which a call may be evaluated."""
    return fanout.made(ctx, node, _call(ctx, node, state))


def _call(ctx: Context, node: ir.Call, state: State) -> Results:
    func, program = ctx.frame.func, ctx.machine.program
    site = ctx.machine.site_of.get(id(node))
    number = -1 if site is None else site.index
    qualified = program.qualified(func, node.func)
    if (qualified or "").rpartition(".")[2] in program.settling:
        return _wait_any_call(ctx, node, state, number)
    wraps = program.named(program.options.wait_functions, func, node.func)
    if site is not None or qualified == known.WAIT or wraps:
        return [*_wait_call(ctx, node, state, number)]
    if node.mapped is not None and qualified == MAP:
        return evaluate(ctx, node.mapped, state)
    row = known.FUNCTIONS.get(qualified or "", known.UNKNOWN_CALL)
    rule, writes = row.rule, known.Trait.WRITES in row.traits
    results: Results = []
    if rule is not None and qualified not in program.options.task_factories:
        for after, args in arguments(ctx, node, state):
            ways = rule(ctx, node, args, after)
            if ctx.expected and (writes or not _is_given_task(ctx, node, args, after)):
                ctx.may_raise(ways, node.line)
            results += ways
        return results
    for after, callee in _callee(ctx, node, state):
        for later, args in arguments(ctx, node, after):
            later = _without_attributes(ctx, node, later)
            ways = _dispatch(ctx, node, callee, args, later)
            if ctx.expected and not _is_exact(ctx, node, callee, args, later):
                ctx.may_raise(ways, node.line)
            results += ways
    return results


def _is_exact(ctx: Context, node: ir.Call, callee: Value, args: Args, state: State) -> bool:
    """Whether it is known what a call raises."""
    if isinstance(callee, Method):
        return _is_of_task(ctx, callee, state)
    is_lambda = isinstance(callee, Function) and callee.func.is_lambda
    return is_lambda and _is_given_task(ctx, node, args, state)


def _is_given_task(ctx: Context, node: ir.Call, args: Args, state: State) -> bool:
    """Whether a call is given tasks, or what goes through some."""
    given = [*args.every(), *_gone_through(ctx, node, state)]
    return any(reaches_task(value, state) for value in given)


def _gone_through(ctx: Context, node: ir.Call, state: State) -> list[Value]:
    """What a `map` or a generator expression goes through that a call is given, by its names."""
    given = (a.value.mapped if isinstance(a.value, ir.Call) else a.value for a in node.args)
    lazy = [one for one in given if isinstance(one, ir.Comprehension) and one.kind is ir.ITERATOR]
    names = {name for one in lazy for name in mentioned(one.clauses[0].iter)}
    return [state.env.get(ctx.frame.prefix + name, UNKNOWN) for name in names]


def _without_attributes(ctx: Context, node: ir.Call, state: State) -> State:
    """A method may change what its object has: what tests have found there is forgotten. So is
    whether there is anything in what may be a collection, and what a call is given."""
    tested, vague = ctx.machine.agreeing
    if not tested:
        return state
    for name in vague & mentioned(node) if vague else ():
        found = state.env.get(TESTED + name)
        if isinstance(found, Tested):
            told = frozenset(fact for fact in found.told if fact[0][0] != "truth")
            state = state.bind(TESTED + name, Tested(told))
    changed = changed_by(node, tested)
    return state.unbind(*(TESTED + name for name in changed)) if changed else state


def _callee(ctx: Context, node: ir.Call, state: State) -> Results:
    if isinstance(node.func, ir.Attr):
        return [
            (after, Method(receiver, node.func.name))
            for after, receiver in evaluate(ctx, node.func.value, state)
        ]
    return evaluate(ctx, node.func, state)


def arguments(ctx: Context, node: ir.Call, state: State) -> list[tuple[State, Args]]:
    """Evaluate the arguments of a call, in order."""
    ways: list[tuple[State, Args]] = []
    for after, values in evaluate_all(ctx, [arg.value for arg in node.args], state):
        positional: list[Value] = []
        keywords: dict[str, Value] = {}
        splat = False
        for arg, value in zip(node.args, values, strict=False):
            if arg.star == 1:
                after, items, source = iterated(ctx, after, value)
                splat = splat or items is None or after.is_open(source)
                if items is None:  # what the result of an unknown call holds is nobody's coroutine
                    items = (UNKNOWN if isinstance(value, Result) else value,)
                positional.extend(items)
            elif arg.keyword is not None:
                keywords[arg.keyword] = value
            elif arg.star == 2:
                named = _named_in(after, value)
                splat = splat or named is None
                keywords |= {f"**{len(keywords)}": value} if named is None else named
            else:
                positional.append(value)
        ways.append((after, Args(positional, keywords, splat)))
    return ways


def _named_in(state: State, value: Value) -> dict[str, Value] | None:
    """What `**` makes of a dict, by the names; None where not all that it holds is known."""
    box = state.get(value)
    if type(box) is not Box or box.kind is not dict or box.open or box.escaped:
        return None
    pairs = ((key.value, held) for key, held in box.rows if isinstance(key, Const))
    named = {key: held for key, held in pairs if isinstance(key, str)}
    return named if len(named) == len(box.rows) else None


def _wait_call(ctx: Context, node: ir.Call, state: State, site: int) -> list[tuple[State, Waiting]]:
    results: list[tuple[State, Waiting]] = []
    for after, args in arguments(ctx, node, state):
        waited = args.positional[0] if args.positional else args.keywords.get("fs", UNKNOWN)
        mode = args.keywords.get("return_when")
        unresolved = any(arg.star == 2 for arg in node.args)
        first = unresolved or (mode is not None and mode != Const("ALL_COMPLETED"))
        timeout = unresolved or _has_timeout(node)
        if site == ctx.machine.site.index:
            books = ctx.machine.books
            books.early = books.early or first or timeout
            books.coroutine = _coroutine_in(after, waited) or books.coroutine
        fails = mode == Const("FIRST_EXCEPTION") and not timeout
        results.append((after, Waiting(site, waited, first, timeout, node.line, fails=fails)))
    return results


def _wait_any_call(ctx: Context, node: ir.Call, state: State, site: int) -> Results:
    """A call of `wait_any` settles what it waits for. To the check it is a call that nobody knows,
    which is as silent; but a fix of one site has to see through the fix of another."""
    modes = [arg for arg in node.args if arg.keyword == "return_when"]
    return [
        (after, waiting._replace(settles=True, first=not modes or waiting.first))
        for after, waiting in _wait_call(ctx, node, state, site)
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


def _dispatch(ctx: Context, node: ir.Call, callee: Value, args: Args, state: State) -> Results:
    func, program = ctx.frame.func, ctx.machine.program
    if program.named(program.options.task_factories, func, node.func):
        return factory(ctx, node, args, state)
    if program.named(program.options.cancellers, func, node.func):
        return canceller(ctx, node, args, state)
    if isinstance(callee, Method):
        return _method(ctx, node, callee, args, state)
    if isinstance(callee, Function):
        return _function_of_project(ctx, node, callee, args, state)
    if _creates_task(ctx, node):
        return make_task(ctx, node, args.first(), state)
    return _instance(ctx, node, args, state)


def _instance(ctx: Context, node: ir.Call, args: Args, state: State) -> Results:
    """A call of a class of the project, or of something that nobody knows."""
    cls = None
    if ctx.frame.depth < MAX_DEPTH:
        cls = ctx.machine.program.class_of(ctx.frame.func, node.func)
    results = unknown_call(ctx, node, args, state)
    if cls is None:
        return results
    return [(after, Result(ctx.machine.origin(node), cls=cls)) for after, _ in results]


def _function_of_project(
    ctx: Context, node: ir.Call, function: Function, args: Args, state: State
) -> Results:
    """A call of a function of the project; one that is too deep to be looked into may still be a
    factory."""
    if ctx.frame.depth >= MAX_DEPTH:
        calls = (part for part in every(function.func) if isinstance(part, ir.Call))
        named = any(known.may_make(last_name(call.func) or "") for call in calls)
        if named and is_factory(ctx, function.func):
            return factory(ctx, node, args, state)
    return call_function(ctx, node, function, args, state)


def _creates_task(ctx: Context, node: ir.Call) -> bool:
    """A plain function whose name says that it creates a task, given a coroutine call."""
    name = last_name(node.func) or ""
    if not (known.CREATOR.search(name) or known.has(node, known.ENSURES)):
        return False
    if isinstance(node.func, ir.Attr):
        func, path, program = ctx.frame.func, node.func.path, ctx.machine.program
        qualified = program.qualified(func, node.func)
        if path is None or qualified is None or not program.is_imported(func, path[0]):
            return False
        if program.of(func).is_member(qualified):
            return False
    return any(isinstance(arg.value, ir.Call) for arg in node.args)


def _method(ctx: Context, node: ir.Call, method: Method, args: Args, state: State) -> Results:
    receiver, name = method.owner, method.name
    if ctx.is_none(receiver, state, "AttributeError"):
        return []
    if _may_be_task(ctx, receiver, name) and _may_be_given(name, args, state):
        state, receiver = as_task(ctx, state, receiver)
    thing = state.get(receiver)
    if isinstance(receiver, Ref) and type(thing) is not Box:
        return _task_method(ctx, node, receiver, name, args, state)
    if isinstance(receiver, (Param, Foreign)) and collection(ctx, state, receiver):
        if known.has(node, known.OF_MANY):
            state, _, receiver = as_items(ctx, state, receiver)
            thing = state.get(receiver)
    if isinstance(receiver, Ref):
        return _box_method(ctx, node, receiver, name, args, state)
    if known.is_cancel(name):
        ctx.machine.books.misses(node.line)
    return _other_method(ctx, node, receiver, name, args, state)


def _is_of_task(ctx: Context, method: Method, state: State) -> bool:
    """Whether a method is one of a task, or of a collection of tasks or of which all is known: what
    it raises is known, too. So is what putting an item into a collection raises: nothing."""
    owner, name = method.owner, method.name
    if isinstance(owner, (Param, Foreign)):
        return _may_be_task(ctx, owner, name)
    if isinstance(owner, (Result, Unknown)):  # what is put among tasks and cancelled is one
        return known.is_cancel(name)
    box = state.get(owner)
    if type(box) is Box and not box.escaped:
        adds = name in known.named(known.ADDS) - known.named(known.COPIES)
        if adds or (not box.open and all(map(is_sure, box.items))):
            return True
    return reaches_task(owner, state)


def _may_be_given(name: str, args: Args, state: State) -> bool:
    """Whether a method of a task may be given such arguments: none takes a task, and what asks how
    a task is takes nothing."""
    if known.TASK_METHODS[name].traits & known.QUESTIONS:
        return not args.every()
    return not any(reaches_task(value, state) for value in args.every())


def _may_be_task(ctx: Context, receiver: Value, name: str) -> bool:
    """Whether a receiver is looked at as a task: one that is asked to cancel is remembered,
    for to await it then raises. What is asked for its result may be anything that has one."""
    row = known.TASK_METHODS.get(name)
    if row is None or row.traits & known.STOPS:
        return False
    if isinstance(receiver, Result):
        return known.is_cancel(name)
    is_told = bool(row.traits & (known.CANCELS | known.QUESTIONS))
    return isinstance(receiver, Param) or (
        isinstance(receiver, Foreign)
        and (receiver.path in ctx.machine.relevant or (is_told and "." in receiver.path))
    )


def _other_method(
    ctx: Context, node: ir.Call, receiver: Value, name: str, args: Args, state: State
) -> Results:
    text, _, method = _text(node.func).rpartition(".")
    if method in known.WHILE_PENDING:
        known_answer = _answer_while_pending(text, method, state)
        if known_answer is not None:
            return [(state, known_answer)]
    else:
        state = _without_runs(text, state)
    loop = Instance("loop") if _is_loop(node) else None
    if owner := receiver if isinstance(receiver, Instance) else loop:
        rule = known.INSTANCES[owner.kind].get(name, known.UNKNOWN_CALL).rule or unknown_call
        return rule(ctx, node, args, state)
    if isinstance(receiver, Primitive) and name in receiver.methods:
        return [(state, Result(ctx.machine.origin(node), f"{_shown(node.func)}()"))]
    is_coroutine = _is_coroutine_method(ctx, node, receiver, name)
    if is_coroutine:
        state = hand_over_args(ctx, args, state)
        return [(state, Result(ctx.machine.origin(node), f"{_shown(node.func)}()"))]
    qualified = ctx.machine.program.qualified(ctx.frame.func, node.func) or ""
    if _is_logging(node, name) or qualified.startswith("warnings."):
        return [(state, UNKNOWN)]
    if _creates_task(ctx, node):
        return make_task(ctx, node, args.first(), state)
    found = function_of(ctx, node)
    if found is not None:
        return _function_of_project(ctx, node, found, args, state)
    if name in known.FUTURE_METHODS and is_coroutine is None:  # whatever the loop is called
        return make_future(ctx, node, args, state)
    if known.has(node, known.REGISTERS):
        state = _register(node, args.first(), state, ctx)
    if known.has(node, known.COPIES):
        args = args._replace(positional=[items_of(state, value) for value in args.positional])
    results = _instance(ctx, node, args, state)
    if is_coroutine is None:
        return results
    return [(after, Result(ctx.machine.origin(node), lent=True)) for after, _ in results]


def _is_coroutine_method(ctx: Context, node: ir.Call, receiver: Value, name: str) -> bool | None:
    """Whether a method is a coroutine function: one of a queue or an event that the module makes,
    or of an instance of a class of the project. None where that is not sure."""
    func = ctx.frame.func
    home = ctx.machine.program.of(func)
    if _text(node.func) in home.outline.coroutine_methods:
        return True
    cls = receiver.cls if isinstance(receiver, Result) else None
    if isinstance(receiver, Foreign):
        cls = home.instance(func, receiver.path)
    if cls is None:
        return None
    is_coroutine = cls.has_coroutine(name)
    if is_coroutine is not None:
        ctx.machine.note_module(cls.program.path)
    return is_coroutine


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
    return ctx.frame.prefix + STACK + name


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


def _is_loop(node: ir.Call) -> bool:
    """Whether a method is called on something that is named as an event loop is."""
    base = node.func.value if isinstance(node.func, ir.Attr) else node.func
    return _LOOP_NAME.search(last_name(base) or "") is not None


def _is_logging(node: ir.Call, name: str) -> bool:
    base = node.func.value if isinstance(node.func, ir.Attr) else node.func
    text = last_name(base.func if isinstance(base, ir.Call) else base) or ""
    named = _LOGGER.search(text) is not None or text == known.LOGGER_MAKER
    return name in known.LOG_METHODS and named


def _task_method(
    ctx: Context, node: ir.Call, ref: Ref, name: str, args: Args, state: State
) -> Results:
    if name not in known.TASK_METHODS:  # what others gave to the function is no task, then
        return unknown_call(ctx, node, args, state)
    row = known.TASK_METHODS[name]
    if row.traits & (known.QUESTIONS | known.CALLS_BACK):
        ctx.machine.books.asked(state, ref, name, node.line, ctx.frame.func)
    if id(node) in ctx.machine.facts.polling:
        ctx.machine.books.polled(state, ref, node.line)
    if known.CALLS_BACK in row.traits:
        state = called_back(ctx, ref, args.first(), state)
    return [(state, UNKNOWN)] if row.rule is None else row.rule(ctx, node, ref, state)


def _box_method(
    ctx: Context, node: ir.Call, ref: Ref, name: str, args: Args, state: State
) -> Results:
    box = state.box(ref)
    if not box.escaped and box.kind is not ir.ITERATOR and not hasattr(box.kind, name):
        ctx.fail(state, Exc("AttributeError"))
        return []
    if args.positional and known.has(node, known.LOOKS_UP):
        args.positional[0] = sought(ctx, node.args[0].value, args.first(), state)
    rule = known.COLLECTION_METHODS.get(name, known.UNKNOWN_CALL).rule
    return rule(ctx, ref, name, args, state) if rule else unknown_call(ctx, node, args, state)


def _text(node: ir.Expr) -> str:
    if isinstance(node, ir.Attr) and node.path is not None:
        return ".".join(node.path)
    return node.id if isinstance(node, ir.Name) else "a coroutine"


def _shown(node: ir.Expr) -> str:
    """A callee as the source has it: the variables of comprehensions have names of their own."""
    return re.sub(r"~\d+", "", _text(node))
