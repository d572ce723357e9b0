"""Finds out what the text of a function says before any of its executions is run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import partial

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.facts import Facts, Site
from flake8_asyncwait.analysis.code.liveness import Liveness
from flake8_asyncwait.analysis.code.program import Helpers, Program
from flake8_asyncwait.analysis.code.walk import (
    bindings,
    bound_names,
    children,
    close,
    every,
    functions_in,
    last_name,
    mentioned,
    never_suspends,
    target_names,
    walk,
)
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.sizes import countable, measured, measuring
from flake8_asyncwait.analysis.survey.relevance import (
    Follows,
    Own,
    relevant_names,
    repeated,
    running,
)
from flake8_asyncwait.sites.fanout import GATHER, WAIT, Kind


def facts_of(program: Program, func: ir.Func, kinds: Mapping[ir.Call, Kind]) -> Facts:
    """What is known of a function whose sites are of these kinds, all of them waits or none."""
    calls = list(kinds)
    # Those that are making tasks, and no waits, give what they are put in the tasks of the site.
    making = frozenset(call for call, kind in kinds.items() if kind is not WAIT)
    sites = _sites(func, kinds)
    may_call = program.helpers(func)
    helpers = frozenset(may_call.entries) | {nested.name for nested in func.nested}
    coroutines = _coroutines(func, may_call) if making else frozenset()
    own = Own(partial(_makes, may_call, known.may_make), partial(_wraps, may_call), coroutines)
    relevant = relevant_names(func, calls, _follows(helpers, not making), own, making)
    made = {name for node in every(func) for name in _made_names(node, own.makes)}
    made -= {*func.imports, *(n.name for n in every(func) if isinstance(n, ir.DefineClass))}
    passed = (name for name in relevant.names if program.root(func, name) != "asyncio")
    names = made.union(passed)
    deletes = (node for node in every(func) if isinstance(node, ir.Delete))
    targets = (target for node in deletes for target in node.targets)
    # To read what was deleted raises.
    deleted = {target.id for target in targets if isinstance(target, ir.Name)}
    results = frozenset().union(*(site.result_names for site in sites))
    borrows = any(name in relevant.elements for name in func.params)
    surely = partial(_makes, may_call, known.makes)
    sure = {name for node in every(func) for name in _made_names(node, surely)}
    counted = countable(func) - names
    bindable = frozenset((made & sure) | ((deleted | results) & names))
    counts = dict(_counts(func))
    return Facts(
        sites,
        frozenset({*names, *counted, *_answers(func)}),
        relevant.elements,
        bindable,
        repeated(func),
        helpers,
        Liveness(func, known.named(known.ASKS) | helpers, calls),
        borrows,
        len(every(func)),
        frozenset(_questioned(func)),
        known.named(known.WRAPS),
        bound_to=dict(_bound_to(func)),
        counts=counts,
        sizes=frozenset(_sizes(func, counts)),
        recounts=any(known.has(call, known.Trait.RECOUNTS) for call in _calls(func))
        or bool(running(func) & _cancelled(func)),
        recalls=any(known.has(call, known.Trait.RECALLS) for call in _calls(func)),
        awaited=frozenset(_awaited(func)),
        polling=frozenset(_polling(func)),
        counted=counted,
        measured=measured(func),
        measuring=measuring(func),
    )


def _calls(func: ir.Func) -> Iterator[ir.Call]:
    return (node for node in every(func) if isinstance(node, ir.Call))


def _cancelled(func: ir.Func) -> set[str]:
    """The names of what a function cancels."""
    return {one.id for one in known.owners(func, known.CANCELS) if isinstance(one, ir.Name)}


def _bound_to(func: ir.Func) -> Iterator[tuple[int, str]]:
    """The calls of a function, as ids, whose results are bound to a name at once, with that."""
    for node in every(func):
        for target, value in bindings(node) if isinstance(node, ir.Assign) else ():
            pairs: Iterable[tuple[ir.Target, ir.Expr]] = [(target, value)]
            if isinstance(target, ir.Unpack) and isinstance(value, ir.Display):
                parts, elements = target.parts, value.elements
                pairs = ((p, e) for (p, _), (e, _) in zip(parts, elements, strict=False))
            for part, element in pairs:
                if isinstance(part, ir.Name) and isinstance(element, ir.Call):
                    yield id(element), part.id


def _counts(func: ir.Func) -> Iterator[tuple[str, ir.Call]]:
    """The names that a function binds once, to the `len()` of what it does not bind anew, with
    that."""
    bound = Counter(func.params)
    for node in every(func):
        bound.update(bound_names(node))
    for node in every(func):
        call = node.value if isinstance(node, ir.Assign) else None
        if call is not None and known.is_size(call):
            names, counted = bound_names(node), [mentioned(arg.value) for arg in call.args]
            if all(bound[name] == 1 for name in names.union(*counted)):
                yield from ((name, call) for name in names)


def _sizes(func: ir.Func, counts: Mapping[str, ir.Call]) -> Iterator[int]:
    """The sizes of collections that a function tells from others: the numbers that it compares
    them with, and those before."""
    for node in every(func):
        if isinstance(node, ir.Compare):
            sides = (node.left, node.right)
            named = (isinstance(side, ir.Name) and side.id in counts for side in sides)
            if any(map(known.is_size, sides)) or any(named):
                numbers = (part.value for part in walk(sides) if isinstance(part, ir.Const))
                asked = [number for number in numbers if type(number) is int]
                yield from (size for number in asked for size in (number - 1, number))


def _awaited(func: ir.Func) -> Iterator[int]:
    """The calls inside of awaits, as ids."""
    for node in every(func):
        if isinstance(node, ir.Await):
            yield from (id(part) for part in walk([node.value]) if isinstance(part, ir.Call))


def _uses(func: ir.Func, call: ir.Call) -> frozenset[int]:
    """The `with` statements, as ids, whose name what a call is given may use, directly or through
    others."""
    withs = [node for node in every(func) if isinstance(node, ir.With)]
    if not any(isinstance(node.target, ir.Name) for node in withs):
        return frozenset()
    files = {name for node in withs if not node.asynchronous for name in bound_names(node)}
    flows = [
        (node, target, _sources(value, files, not isinstance(value, ir.Comprehension)))
        for node in every(func)
        for target, value in _flows(node)
        if not (isinstance(node, ir.For) and isinstance(value, ir.Name) and value.id in files)
    ]
    given = [(id(call), _sources(arg.value, files, False)) for arg in call.args]
    names = set().union(*(sources for _, sources in given))
    close(names, [(target, name) for _, target, sources in flows for name in sources])
    given += [(id(node), sources) for node, target, sources in flows if target in names]
    return frozenset(id(node) for node in withs if _is_used(node, given))


def _sources(value: ir.Expr, files: Collection[str], is_data: bool) -> set[str]:
    """What a value is made of, by the names. What a method of one of `files` returns is no part of
    a call that it is given to, nor are its lines; `is_data` says that the value is no awaitable. Of
    what an `async with` binds, data may be a part."""
    return set(mentioned(value)) - (set(files) - set(_used(value, files, is_data)))


def _used(node: ir.Node, files: Collection[str], is_data: bool) -> Iterator[str]:
    """The names that a node mentions, but for those of `files` that it only takes data from."""
    if isinstance(node, ir.Name):
        yield node.id
    read: ir.Node | None = node.iter if isinstance(node, ir.Clause) else None
    if isinstance(node, ir.Call) and isinstance(node.func, ir.Attr) and is_data:
        read = node.func.value
    for child in children(node):
        source = child.value if isinstance(node, ir.Call) and isinstance(child, ir.Attr) else child
        if not (source is read and isinstance(source, ir.Name) and source.id in files):
            yield from _used(child, files, is_data or isinstance(node, ir.Call) or child is read)


def _is_used(manager: ir.With, given: list[tuple[int, set[str]]]) -> bool:
    """Whether one of some values, each of a node that gives it, mentions the name of a `with` in
    it, where nothing has bound that anew."""
    if not isinstance(manager.target, ir.Name):
        return False
    name, inside = manager.target.id, list(walk(manager.body))
    anew = [getattr(node, "line", 0) for node in inside if name in bound_names(node)]
    own = {id(node) for node in inside if not anew or getattr(node, "line", 0) <= min(anew)}
    return any(node in own and name in sources for node, sources in given)


def _flows(node: object) -> Iterator[tuple[str, ir.Expr]]:
    """The names that a node binds, or adds to, with what."""
    if isinstance(node, (ir.Assign, ir.For)):
        pairs = _taken_in_turn(node) if isinstance(node, ir.For) else bindings(node)
        for target, value in pairs:
            yield from ((name, value) for name in target_names(target))
    elif isinstance(node, ir.Define):  # what it captures
        yield from ((node.func.name, ir.Name(n)) for n in node.func.mentions - node.func.locals)
    elif isinstance(node, ir.Call) and known.has(node, known.ADDS):
        if isinstance(node.func, ir.Attr) and isinstance(node.func.value, ir.Name):
            yield from ((node.func.value.id, arg.value) for arg in node.args)


def _taken_in_turn(loop: ir.For) -> Iterator[tuple[ir.Target, ir.Expr]]:
    """What a loop binds, each with what it is taken from."""
    if isinstance(loop.target, ir.Unpack) and isinstance(loop.iter, ir.Call):
        parts, args = loop.target.parts, [arg for arg in loop.iter.args if arg.keyword is None]
        is_plain = not any(star for _, star in parts) and not any(arg.star for arg in args)
        is_plain = is_plain and known.has(loop.iter, known.Trait.PAIRS)
        if is_plain and len(parts) == len(args):
            for (part, _), arg in zip(parts, args, strict=True):
                yield part, arg.value
            return
    yield loop.target, loop.iter


def _polling(func: ir.Func) -> Iterator[int]:
    """The questions whose answer ends a loop that waits for something in each turn."""
    for node in every(func):
        if isinstance(node, ir.While) and not never_suspends(node.body):
            tests = [one.test for one in node.body if isinstance(one, ir.If) and _leaves(one)]
            for part in (part for test in (node.test, *tests) for part in walk([test])):
                if isinstance(part, ir.Call) and known.has(part, known.QUESTIONS):
                    if not known.has(part, known.ASKS):
                        yield id(part)


def _leaves(node: ir.If) -> bool:
    """Whether a loop ends where a condition in it has one answer."""
    ends = [block[-1] for block in (node.body, node.orelse) if block]
    return any(
        isinstance(end, ir.Return) or (isinstance(end, ir.Jump) and end.kind == "break")
        for end in ends
    )


def _questioned(func: ir.Func) -> Iterator[str]:
    """The methods, by their dotted texts, of whose end a question to the same object tells."""
    for node in every(func):
        yield from _told_by(node)


def _told_by(node: ir.Node) -> Iterator[str]:
    path = node.func.path if isinstance(node, ir.Call) and isinstance(node.func, ir.Attr) else None
    if path and path[-1] in known.WHILE_PENDING:
        yield ".".join((*path[:-1], known.WHILE_PENDING[path[-1]][0]))


def _answers(func: ir.Func) -> Iterator[str]:
    """The names that a function binds to the answers to such questions, where it calls the method,
    too."""
    callees = (call.func for call in _calls(func))
    called = {".".join(c.path) for c in callees if isinstance(c, ir.Attr) and c.path}
    for node in every(func):
        if isinstance(node, (ir.Assign, ir.Walrus)):
            if any(method in called for part in walk([node.value]) for method in _told_by(part)):
                yield from bound_names(node)


def _makes(helpers: Helpers, by_name: Callable[[str], bool], call: ir.Call) -> bool:
    """Whether a call may make a task, by its name or by what a function of the project does."""
    name = last_name(call.func) or ""
    return by_name(name) or any(map(known.may_make, helpers.mentions(name)))


def _wraps(helpers: Helpers, call: ir.Call) -> bool:
    """Whether a call may make tasks of the coroutines that it is given, by its name or by what a
    function of the project does."""
    mentioned = helpers.mentions(last_name(call.func) or "")
    return known.has(call, known.WRAPS) or not known.named(known.WRAPS).isdisjoint(mentioned)


def _coroutines(func: ir.Func, helpers: Helpers) -> frozenset[int]:
    """The calls, as ids, of coroutine functions of the project, of which some cannot fail."""
    nested = {owner.name for owner in functions_in(func) if owner.asynchronous}
    nodes = (node for owner in functions_in(func) for node in every(owner))
    calls = ((node, last_name(node.func) or "") for node in nodes if isinstance(node, ir.Call))
    return frozenset(id(c) for c, name in calls if name in nested or helpers.has_coroutine(name))


def _follows(helpers: frozenset[str], awaits: bool) -> Follows:
    """Whether a call may give back what it was given: only functions of the project are known
    to. An await gives back what an awaited wait does; where there is no wait (`awaits` is false),
    only what such a function does."""

    def follows(node: ir.Call | ir.Await) -> bool:
        if isinstance(node, ir.Await):
            return awaits or (isinstance(node.value, ir.Call) and follows(node.value))
        return last_name(node.func) in helpers

    return follows


def _made_names(node: object, makes: Callable[[ir.Call], bool]) -> set[str]:
    """The names that a statement binds to what a task-making call returns: reading one before it
    is bound is not passed over."""
    if not isinstance(node, ir.Assign):
        return set()
    if not any(isinstance(n, ir.Call) and makes(n) for n in walk([node.value])):
        return set()
    return {name for name in bound_names(node) if "." not in name}


def _sites(func: ir.Func, kinds: Mapping[ir.Call, Kind]) -> list[Site]:
    """The sites, with the names that their results are bound to, at once or later."""
    assigns = [node for node in every(func) if isinstance(node, (ir.Assign, ir.Walrus))]
    holding: dict[object, list[ir.Assign | ir.Walrus]] = {call: [] for call in kinds}
    taking: dict[str, list[ir.Assign | ir.Walrus]] = {}
    for assign in assigns:
        for node in walk([assign.value]):
            if isinstance(node, ir.Call) and node in holding:
                holding[node].append(assign)
        taking.setdefault(_taken(assign.value), []).append(assign)
    sites: list[Site] = []
    for call, kind in kinds.items():
        uses = _uses(func, call) if kind is GATHER else frozenset[int]()
        pending, done = _halves(holding[call], taking)
        sites.append(Site(call, len(sites), kind, uses, pending, pending | done))
    return sites


def _halves(
    holding: list[ir.Assign | ir.Walrus], taking: dict[str, list[ir.Assign | ir.Walrus]]
) -> tuple[frozenset[str], frozenset[str]]:
    """The names that the pending half, or the whole, of a site's result is bound to, and those of
    the other half: its call stands in the assignments `holding`. `taking` are those that take a
    name, or part of what it holds."""
    pending: set[str] = set()
    done: set[str] = set()
    whole: set[str] = set()
    followed: set[str] = set()
    queue = list(holding)
    while queue:
        node = queue.pop()
        for target, _ in bindings(node):
            if _is_done_half(node.value):
                done.update(target_names(target))
            else:
                _result_names(target, pending, done, whole)
        for name in whole - followed:
            queue += taking.get(name, ())
        followed |= whole
    return frozenset(pending), frozenset(done)


def _taken(value: ir.Expr) -> str:
    """The name that an expression yields, or takes a part of; "" for any other."""
    if isinstance(value, ir.Subscript):
        value = value.value
    if isinstance(value, ir.Await):
        value = value.value
    return value.id if isinstance(value, ir.Name) else ""


def _is_done_half(value: ir.Expr) -> bool:
    """Whether an expression takes the first half of a result: `result[0]`."""
    index = value.index if isinstance(value, ir.Subscript) else None
    return isinstance(index, ir.Const) and index.value == 0 and index.value is not False


def _result_names(target: ir.Target, pending: set[str], done: set[str], whole: set[str]) -> None:
    if isinstance(target, ir.Name):
        whole.add(target.id)
        pending.add(target.id)
    elif isinstance(target, ir.Unpack):
        for position, (part, _) in enumerate(target.parts):
            (done if position == 0 else pending).update(target_names(part))
