"""Tasks that a function only starts: it waits until they are ready, and goes on while they run.

    server = asyncio.create_task(app.serve())
    ready = asyncio.create_task(app.started.wait())
    await asyncio.wait({server, ready}, return_when=asyncio.FIRST_COMPLETED)

To the analysis this is a race as any other. But who cancels the server here breaks the program.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import libcst as cst

from flake8_asyncwait.fix.tree import layout
from flake8_asyncwait.fix.tree.names import binders, bindings, every_name, parameters_of
from flake8_asyncwait.fix.tree.nodes import every
from flake8_asyncwait.fix.tree.place import Place
from flake8_asyncwait.fix.ways.aims import elements_of, last_name

# What coroutine functions are called that only wait for something to come.
_WAITS = re.compile(r"_*(a?next|acquire|get|join|poll|read|recv|receive|sleep|wait)")


def _words(beginnings: str) -> re.Pattern[str]:
    """A pattern of the words that begin so, in any spelling of names."""
    words = beginnings.split()
    title = "|".join(word[0].upper() + word[1:] for word in words)
    return re.compile(rf"(?<![A-Za-z])(?i:{'|'.join(words)})|{title}")


# What is waited for where a task is to end, rather than where it is ready.
_ENDS = _words(
    "abort cancel clos disconnect done end(?!p) exit fail finish kill lost quit shut stop term "
    "timeout"
)
# What it is where a task is ready.
_READY = _words("alive connect init listen online open ready running start")

# Objects whose methods may have nothing to do with each other.
_OWN = frozenset({"self", "cls"})


def started(place: Place, waited: cst.BaseExpression) -> Iterator[tuple[str, str]]:
    """Of the tasks that a site waits for, the names of those that are perhaps to run on, each with
    what says that it is ready."""
    function = place.function
    elements = elements_of(_displayed(function, waited)) or ()
    made = [(each, _coroutine(function, each)) for each in elements]
    for one, work in made:
        if isinstance(one, cst.Name) and work is not None and not _only_waits(work):
            for other, signal in made:
                if other is not one and _is_ready_sign(other, signal):
                    if _tells(place, work, other if signal is None else signal):
                        yield one.value, layout.code(other)


def _displayed(function: cst.CSTNode, waited: cst.BaseExpression) -> cst.BaseExpression:
    """The display that a name is bound to, or the expression itself."""
    values = _values(function, waited.value) if isinstance(waited, cst.Name) else []
    return values[0] if len(values) == 1 else waited


def _values(function: cst.CSTNode, name: str) -> list[cst.BaseExpression]:
    """What a name is bound to by plain assignments."""
    assignments = (cst.Assign, cst.AnnAssign)
    nodes = (node for node in binders(function, name) if isinstance(node, assignments))
    return [node.value for node in nodes if node.value is not None]


def _coroutine(function: cst.CSTNode, element: cst.BaseExpression) -> cst.Call | None:
    """The call of a coroutine function that a task runs; None where there is none."""
    values = _values(function, element.value) if isinstance(element, cst.Name) else [element]
    call = values[0] if len(values) == 1 else None
    work = call.args[0].value if isinstance(call, cst.Call) and call.args else None
    return work if isinstance(work, cst.Call) else None


def _only_waits(work: cst.Call) -> bool:
    return _WAITS.match(last_name(work.func)) is not None


def _is_ready_sign(element: cst.BaseExpression, signal: cst.Call | None) -> bool:
    """Whether a future, or a task that only waits, may say that something is ready."""
    if _ENDS.search(layout.code(element if signal is None else signal)):
        return False
    return isinstance(element, cst.Name) if signal is None else _only_waits(signal)


def _tells(place: Place, work: cst.Call, signal: cst.BaseExpression) -> bool:
    """Whether a signal may come from what a task runs: it was given what the signal is, or both are
    methods of one object that the function goes on to use, or that outlives it and is ready."""
    source = _receiver(signal) if isinstance(signal, cst.Call) else signal
    local = {name for name, _ in bindings(place.function)} - parameters_of(place.function)
    if isinstance(source, cst.Name) and source.value in local & _given(place.function, work):
        return True
    common = set(_owners(signal)) & set(_owners(work))
    behind = [node for each in place.levels for node in each.block.body[each.index + 1 :]]
    if any(_mentions(node, owner) for owner in common - _OWN for node in behind):
        return True
    lasting = any(owner.partition(".")[0] not in local for owner in common)
    return lasting and _READY.search(_awaited(signal)) is not None


def _awaited(signal: cst.BaseExpression) -> str:
    """The name of what a signal waits for: `started` of `app.started.wait()`, or its own."""
    owner = _receiver(signal) if isinstance(signal, cst.Call) else signal
    waits = not isinstance(signal, cst.Call) or last_name(signal.func) == "wait"
    return last_name(owner) if owner is not None and waits else ""


def _given(function: cst.CSTNode, work: cst.Call) -> set[str]:
    """The names that a coroutine is given, or that the nested function mentions which makes it."""
    names = {name for arg in work.args for name in every_name(arg.value)}
    for bound, node in bindings(function):
        if isinstance(node, cst.FunctionDef) and bound == last_name(work.func):
            names |= every_name(node.body)
    return names


def _receiver(call: cst.Call) -> cst.BaseExpression | None:
    return call.func.value if isinstance(call.func, cst.Attribute) else None


def _owners(node: cst.BaseExpression) -> Iterator[str]:
    """The code of the objects that a method is called on, `app.started` and `app`."""
    owner = _receiver(node) if isinstance(node, cst.Call) else None
    while owner is not None:
        code = layout.code(owner)
        if code != "asyncio":
            yield code
        owner = owner.value if isinstance(owner, cst.Attribute) else None


def _mentions(node: cst.CSTNode, owner: str) -> bool:
    """Whether a statement uses an object, by its code."""
    named = (each for each in every(node) if isinstance(each, (cst.Name, cst.Attribute)))
    return any(layout.code(each) == owner for each in named)
