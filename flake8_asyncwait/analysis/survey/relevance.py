"""Which names of a function can matter: those through which a waited task may pass.

A flow-insensitive over-approximation: names are connected by the assignments, loops and mutations
that may carry a task from one to the other. States hold nothing for any other name, and that is
what keeps them few.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator
from itertools import product

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.walk import (
    CONDITIONS,
    MEMBERSHIP,
    bindings,
    bound_names,
    children,
    close,
    displayed,
    every,
    functions_in,
    mentioned,
    paths,
    scoped,
    tested_constants,
    unscoped,
    walk,
)
from flake8_asyncwait.analysis.semantics import known
from flake8_asyncwait.analysis.semantics.numbers import places
from flake8_asyncwait.analysis.survey.keyed import VALUES, entry, keyed, taken_apart, with_owners
from flake8_asyncwait.named import NamedTuple

# Of a call or an await: whether what it is given may come back.
Follows = Callable[[ir.Call | ir.Await], bool]


def carried(node: ir.Node | None, follows: Follows) -> set[str]:
    """The names and dotted paths whose value the value of an expression may hold.

    `follows` says of a call that is no carrier whether its arguments may come back all the same,
    and of an await whether what it awaits may.
    """
    if isinstance(node, ir.Name):
        return {node.id}
    if isinstance(node, ir.Attr):
        owner = carried(node.value, follows)
        if node.path is None:
            return owner
        # Who calls a cancel that has a name of its own cancels its owner.
        return {".".join(node.path)} | (owner if known.is_cancel(node.name) else set())
    if isinstance(node, ir.Lambda):
        return set(node.func.mentions)
    if isinstance(node, ir.Call):
        return _carried_by_call(node, follows)
    if isinstance(node, ir.Await) and not follows(node):
        return set()
    if isinstance(node, (ir.Compare, ir.Const, ir.Not)) or node is None:
        return set()
    if _is_text(node):
        return set()
    if isinstance(node, ir.Subscript):
        return carried(node.value, follows)
    if isinstance(node, ir.IfExp):
        return carried(node.body, follows) | carried(node.orelse, follows)
    if isinstance(node, ir.Comprehension):  # what it iterates over comes through its variables
        return carried(node.element, follows) | _carried_key(node.key, follows)
    found: set[str] = set()
    for child in children(node):
        found |= carried(child, follows)
    return found


def _carried_key(node: ir.Node | None, follows: Follows) -> set[str]:
    """The names whose value a key may be: one that is made of several is no task."""
    return set() if isinstance(node, ir.Display) else carried(node, follows)


def _is_text(node: ir.Node) -> bool:
    if isinstance(node, ir.Binary) and node.op == "Modulo":
        return True
    return isinstance(node, ir.Other) and bool(node.text)


def _carried_by_call(node: ir.Call, follows: Follows) -> set[str]:
    if node.mapped is not None:
        return carried(node.mapped, follows)
    found: set[str] = set()
    if isinstance(node.func, ir.Lambda):
        (result,) = node.func.func.body
        found = carried(result, follows)
        if not found & set(node.func.func.params):
            return found
    elif not known.has(node, known.CARRIES) and not follows(node):
        return found
    elif isinstance(node.func, ir.Name):
        found.add(node.func.id)  # a nested one reaches what it captures
    for arg in node.args:
        found |= carried(arg.value, follows)
    if isinstance(node.func, ir.Attr):
        found |= carried(node.func.value, follows)
    return found


class Own(NamedTuple):
    """What a function calls: whether a call may make a task, whether it makes tasks of the
    coroutines that it is given, and the calls, as ids, of coroutine functions of the project."""

    makes: Callable[[ir.Call], bool]
    wraps: Callable[[ir.Call], bool]
    coroutines: frozenset[int]


class Relevant(NamedTuple):
    """The names of a function that states must hold: `elements` are those whose value may become
    an element of a wait, `names` all that may hold a waited task or part of a wait's result, a
    constant that a condition tests, or the place of an item."""

    names: frozenset[str]
    elements: frozenset[str]


def relevant_names(
    func: ir.Func,
    sites: list[ir.Call],
    follows: Follows,
    own: Own,
    making: Collection[ir.Call],
) -> Relevant:
    """Follow values through `func`: backwards from its sites, then forwards from all of that.

    A call that `follows` may give back what it was given. The sites that are `making` tasks give
    them to the collections that they are put in.
    """
    dicts = keyed(func, sites)
    edges = list(_edges(func, follows, dicts))
    # Of the awaitables that a site of the family is given, only the plain ways are followed, and
    # those into a task.
    follows_back = _into_tasks(own.wraps) if making else _but_into_tasks(func, follows)
    before = list(_edges(func, follows_back, dicts))
    elements: set[str] = set()
    modes: set[str] = set()
    for site in sites:
        for arg in site.args:
            (modes if arg.keyword not in (None, "fs") else elements).update(
                carried(arg.value, follows_back)
            )
    wrapped = _wrapped(func, follows_back, own.wraps)
    if making and wrapped:  # of other coroutines it tells nothing what becomes of them
        wrapped &= _held(func, own.coroutines, follows, edges)
    elements |= _owners(func, elements) | _asked(func, own.makes) | wrapped
    before += _keys(func, follows_back, dicts)
    close(elements, [(target, source) for source, target in before])
    names = elements | modes | (_awaited(func, before) if making else set())
    site_set = {id(site) for site in sites}
    for owner in functions_in(func):
        for node in every(owner):
            if isinstance(node, (ir.Assign, ir.Walrus)) and _holds(node.value, site_set):
                if not (making and _is_awaited(node.value)):
                    names.update(scoped(bound_names(node), owner, func))
            elif making:
                names.update(scoped(_filled(node, site_set, follows), owner, func))
    close(names, edges)
    told = conditions(func, with_owners(names))
    asked = filled(func)
    close(asked, list(_reaching(func, follows)))
    taken = told & _collected(func)
    close(taken, edges)
    tested = tested_constants(func, told | taken)
    leading = set(tested)
    close(leading, [(target, source) for source, target in edges])
    tested |= unscoped(leading & taken)
    decisive = tested | unscoped(asked) | places(func) | running(func)
    return Relevant(with_owners(unscoped(names) | decisive), with_owners(unscoped(elements)))


def running(func: ir.Func) -> set[str]:
    """The names that a function binds to the task that runs it."""
    bound: set[str] = set()
    for node in every(func):
        if isinstance(node, (ir.Assign, ir.Walrus)) and isinstance(node.value, ir.Call):
            bound |= bound_names(node) if known.has(node.value, known.Trait.RUNS) else set()
    return bound


def _awaited(func: ir.Func, before: Collection[tuple[str, str]]) -> set[str]:
    """The names of what a function awaits, which may be coroutines that cannot fail, and of what
    these are taken from."""
    nodes = [node for node in every(func) if isinstance(node, ir.Await)]
    found = {node.value.id for node in nodes if isinstance(node.value, ir.Name)}
    close(found, [(target, source) for source, target in before])
    return found


def _owners(func: ir.Func, names: Collection[str]) -> set[str]:
    """The variables of a function that have one of the attributes among `names`."""
    owners = {name.partition(".")[0] for name in names if "." in name}
    return (owners & func.locals) - set(func.params)


def _into_tasks(wraps: Callable[[ir.Call], bool]) -> Follows:
    """Calls that make tasks of the coroutines that they are given, and nothing else."""
    return lambda node: isinstance(node, ir.Call) and wraps(node)


def _but_into_tasks(func: ir.Func, follows: Follows) -> Follows:
    """`follows`, but for the calls that a task is made of: nothing comes back from what its
    coroutine was given."""
    inside = {
        id(arg.value)
        for owner in functions_in(func)
        for node in every(owner)
        if isinstance(node, ir.Call)
        and known.has(node, known.MAKES)
        and not known.has(node, known.ASKS)
        for arg in node.args
    }
    return lambda node: id(node) not in inside and follows(node)


def _is_awaited(value: ir.Expr) -> bool:
    """Whether a value is a result: of what is awaited, or of what all in a display are."""
    if isinstance(value, ir.Display):
        return all(_is_awaited(part) for part, _ in value.elements)
    return isinstance(value, ir.Await)


def _filled(node: ir.Node, sites: Collection[int], follows: Follows) -> set[str]:
    """The names of the collection that a node puts what a site makes into, or that a loop over it
    binds."""
    if any(_holds(value, sites) for _, value in bindings(node)):
        return bound_names(node)
    if isinstance(node, ir.Call) and isinstance(node.func, ir.Attr) and known.has(node, known.ADDS):
        if any(_holds(arg.value, sites) for arg in node.args):
            return carried(node.func.value, follows)
    return set()


def _held(
    func: ir.Func, calls: Collection[int], follows: Follows, edges: list[tuple[str, str]]
) -> set[str]:
    """The names that may hold what some calls return."""
    found: set[str] = set()
    for owner in functions_in(func):
        for node in every(owner):
            found.update(scoped(_filled(node, calls, follows), owner, func))
    close(found, edges)
    return found


def _wrapped(func: ir.Func, follows: Follows, wraps: Callable[[ir.Call], bool]) -> set[str]:
    """The names given to calls that make tasks of coroutines held in names, or that may."""
    found: set[str] = set()
    for owner in functions_in(func):
        for node in every(owner):
            if isinstance(node, ir.Call) and wraps(node):
                for arg in node.args[:1] if known.has(node, known.LIMITS) else node.args:
                    if isinstance(arg.value, ir.Name) or arg.star:
                        found.update(scoped(carried(arg.value, follows), owner, func))
    return found


def _holds(node: ir.Node, sites: Collection[int]) -> bool:
    return any(id(part) in sites for part in walk([node]))


def _edges(func: ir.Func, follows: Follows, dicts: Collection[str]) -> Iterator[tuple[str, str]]:
    """Pairs of names: what the first holds may come to be held by the second. Two names of one
    collection lead to each other. The values of `dicts` have names of their own."""
    nested: dict[str, list[ir.Func]] = {}
    for owner in functions_in(func):
        if owner is not func:
            nested.setdefault(owner.name, []).append(owner)
    for owner in functions_in(func):
        for node in every(owner):
            for sources, targets, both in _flows(node, follows, dicts if owner is func else ()):
                for source, target in product(
                    scoped(sources, owner, func), scoped(targets, owner, func)
                ):
                    yield source, target
                    if both:
                        yield target, source
            if isinstance(node, ir.Call) and isinstance(node.func, ir.Name):
                for called in nested.get(node.func.id, ()):
                    yield from _into(called, node, owner, func, follows)
        yield from _captured(owner, func)


def _captured(owner: ir.Func, func: ir.Func) -> Iterator[tuple[str, str]]:
    """What a function nested in another captures is held by its name."""
    if owner.parent is not None and owner is not func:
        (holder,) = scoped([owner.name], owner.parent, func)
        captured = owner.mentions & {*func.locals, *owner.parent.locals}
        yield from ((name, holder) for name in scoped(captured, owner.parent, func))


def _reaching(func: ir.Func, follows: Follows) -> Iterator[tuple[str, str]]:
    """Pairs of names: who is given the second may fill the collection that the first holds. It is
    another name of that, a display with it, or a function that captures it."""
    for owner in functions_in(func):
        yield from _captured(owner, func)
        for node in every(owner):
            if isinstance(node, (ir.Assign, ir.Walrus)) and isinstance(node.value, _WHOLE):
                sources = scoped(carried(node.value, follows), owner, func)
                yield from product(sources, scoped(bound_names(node), owner, func))


_WHOLE = (ir.Name, ir.Display, ir.DictDisplay, ir.Lambda)


def _into(
    called: ir.Func, call: ir.Call, owner: ir.Func, func: ir.Func, follows: Follows
) -> Iterator[tuple[str, str]]:
    """What a call of a nested function gives to its parameters."""
    for arg in call.args:
        params = scoped(called.params, called, func)
        for source in scoped(carried(arg.value, follows), owner, func):
            yield from ((source, param) for param in params)


def _flows(
    node: ir.Node, follows: Follows, dicts: Collection[str]
) -> Iterator[tuple[set[str], set[str], bool]]:
    """`_flow`, where the values of `dicts` have names of their own."""
    entered = entry(node) if dicts else None
    if entered is not None and entered.name in dicts:
        yield carried(entered.key, follows), {entered.name}, False
        yield carried(entered.value, follows), {entered.name + VALUES}, False
        return
    sources, targets, both = _flow(node, follows)
    if dicts and (name := taken_apart(node)) in dicts:
        sources = sources - {name} | {name + VALUES}
    yield sources, targets, both


def _keys(func: ir.Func, follows: Follows, dicts: Collection[str]) -> Iterator[tuple[str, str]]:
    """Pairs of the names in keys and that of the values, which are looked up by them."""
    for entered in map(entry, every(func)) if dicts else ():
        if entered is not None and entered.name in dicts:
            yield from ((key, entered.name + VALUES) for key in carried(entered.key, follows))


def _flow(node: ir.Node, follows: Follows) -> tuple[set[str], set[str], bool]:
    """From which names a construct takes, to which it gives, and whether they are one thing."""
    if isinstance(node, ir.Match):
        binds = {name for case in node.cases for name in case.binds}
        return carried(node.subject, follows), binds, False
    if isinstance(node, ir.Call) and isinstance(node.func, ir.Attr):
        if known.has(node, known.ADDS):
            given = {name for arg in node.args for name in carried(arg.value, follows)}
            return given, carried(node.func.value, follows), False
    sources: set[str] = set()
    for target, value in bindings(node):
        key = target.index if isinstance(target, ir.Subscript) else None
        sources |= carried(value, follows) | _carried_key(key, follows)
    both = isinstance(node, (ir.Assign, ir.Walrus)) and _is_alias(node.value)
    return sources, bound_names(node), both


def _is_alias(value: ir.Expr) -> bool:
    """Whether an expression gives another name to what it takes, rather than a copy."""
    return isinstance(value, (ir.Name, ir.Attr, ir.Bool, ir.IfExp, ir.Subscript, ir.Walrus))


def _asked(func: ir.Func, makes: Callable[[ir.Call], bool]) -> set[str]:
    """The names of tasks, waited for or not, that a function asks something: the result of one
    that is not done raises, so does awaiting one that was asked to cancel, one that is not waited
    for is in no half, and a parameter, or one of its items, that is done stays done."""
    made: set[str] = set()
    compared: set[str] = set()
    asked: Counter[str] = Counter()
    cancelled: set[str] = set()
    items: set[str] = set()
    polled: set[str] = set()
    given = set(func.params)
    for node in every(func):
        if isinstance(node, ir.For) and isinstance(node.iter, ir.Name):
            items |= bound_names(node) if node.iter.id in func.params else set()
        elif isinstance(node, ir.Assign):
            calls = [part for part in displayed(node.value) if isinstance(part, ir.Call)]
            if any(makes(call) or known.has(call, known.ANSWERS) for call in calls):
                made |= bound_names(node)
            if isinstance(node.value, ir.Subscript) and not mentioned(node.value.value).isdisjoint(
                func.params
            ):
                given |= bound_names(node)
        elif isinstance(node, ir.Compare):
            compared |= {s.id for s in (node.left, node.right) if isinstance(s, ir.Name)}
        elif isinstance(node, ir.Attr) and isinstance(node.value, ir.Name):
            if known.is_cancel(node.name):
                cancelled.add(node.value.id)
        elif isinstance(node, ir.Call) and isinstance(node.func, ir.Attr):
            receiver = node.func.value
            name = receiver.id if isinstance(receiver, ir.Name) else ""
            if known.has(node, known.QUESTIONS):
                asked[name] += 1
                polled |= set() if known.has(node, known.ASKS) else {name}
    # Items that are not asked whether they are done are taken to be: a caller gives such, too.
    again = {name for name in given | (items & polled) if asked[name] > 1}
    return (made & (compared | asked.keys())) | again | cancelled - {""}


def conditions(func: ir.Func, names: Collection[str]) -> set[str]:
    """The names that a function binds to what a condition says of `names`, of a caught exception
    or of an attribute that it cancels or asks twice, or to several such."""
    edges = [
        (asked, answer)
        for node in every(func)
        if isinstance(node, (ir.Assign, ir.Walrus)) and _holds_condition(node.value)
        for asked in mentioned(node.value) | paths(node.value)
        for answer in bound_names(node)
    ]
    caught = (node.name for node in every(func) if isinstance(node, ir.Handler))
    found = {*names, *(name for name in caught if name is not None)}
    told: Counter[str] = Counter()
    for node in every(func):
        if isinstance(node, ir.Attr) and known.is_cancel(node.name):
            found |= paths(node.value)
        elif isinstance(node, ir.Attr) and node.name in known.named(known.QUESTIONS):
            told.update(paths(node.value))
    found |= {path for path, times in told.items() if times > 1}
    close(found, edges)  # one may be made of another
    return {answer for asked, answer in edges if asked in found}


def _collected(func: ir.Func) -> set[str]:
    """The names that a function binds to a collection of what it makes there, such as answers, or
    that it binds within an expression, for such a one."""
    made = (ir.Display, ir.Comprehension)
    assigned = (node for node in every(func) if isinstance(node, (ir.Assign, ir.Walrus)))
    kept = (n for n in assigned if isinstance(n, ir.Walrus) or isinstance(n.value, made))
    return {name for node in kept for name in bound_names(node)}


def _holds_condition(value: ir.Node) -> bool:
    if isinstance(value, ir.Call):
        return known.has(value, known.DECIDES | known.INSPECTS)
    if isinstance(value, (ir.Display, ir.Comprehension, ir.Binary)):
        return any(map(_holds_condition, children(value)))
    return isinstance(value, CONDITIONS)


def filled(func: ir.Func) -> set[str]:
    """The names that a function binds to an empty collection somewhere, and of which it asks
    somewhere whether they are still empty."""
    empty: set[str] = set()
    asked: set[str] = set()
    for node in every(func):
        if isinstance(node, (ir.Assign, ir.Walrus)) and _is_empty(node.value):
            empty |= bound_names(node)
        elif isinstance(node, (ir.If, ir.While, ir.IfExp, ir.Assert)):
            asked |= set(_sized(node.test))
    return empty & asked


def _sized(test: ir.Expr) -> Iterator[str]:
    """The names of which a condition asks whether they hold anything, or how much."""
    if isinstance(test, ir.Name):
        yield test.id
    elif isinstance(test, ir.Not):
        yield from _sized(test.value)
    elif isinstance(test, ir.Bool):
        yield from _sized(test.left)
        yield from _sized(test.right)
    elif isinstance(test, ir.Compare):
        if test.op not in (*MEMBERSHIP, "Is", "IsNot"):
            yield from _sized(test.left)
            yield from _sized(test.right)
    elif isinstance(test, ir.Call) and known.has(test, known.DECIDES):
        for arg in test.args:
            yield from _sized(arg.value)


def _is_empty(value: ir.Expr) -> bool:
    if isinstance(value, ir.Display):
        return not value.elements
    if isinstance(value, ir.DictDisplay):
        return not value.items
    return isinstance(value, ir.Call) and not value.args and known.has(value, known.COLLECTS)


def repeated(func: ir.Func) -> frozenset[str]:
    """The names that a function binds to nothing, loops over more than once, and uses for nothing
    else: there are none of the things in each of its loops, or in no loop."""
    loops: Counter[str] = Counter()
    uses: Counter[str] = Counter()
    for node in every(func):
        if isinstance(node, ir.Name):
            uses[node.id] += 1
        mapped = node.mapped.clauses if isinstance(node, ir.Call) and node.mapped else ()
        for loop in (node, *mapped):
            if isinstance(loop, (ir.For, ir.Clause)) and isinstance(loop.iter, ir.Name):
                loops[loop.iter.id] += not loop.asynchronous
    captured = func.captured
    return frozenset(n for n, count in loops.items() if 1 < count == uses[n] and n not in captured)
