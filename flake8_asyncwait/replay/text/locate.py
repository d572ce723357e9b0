"""Find the judged call in a module, and cut the module down to what bears on it."""

from __future__ import annotations

import ast
import asyncio
import copy
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeVar

from flake8_asyncwait.replay.family import AS_COMPLETED, CREATION, CREATORS, GATHER, WAIT

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
SCOPES = (*FUNCTIONS, ast.Lambda)
IMPORTS = (ast.Import, ast.ImportFrom)
HOOK = "!"
PRIMITIVES = {"Event", "Condition", "Lock", "Semaphore", "BoundedSemaphore", "Barrier"}
PRIMITIVES |= {"Queue", "LifoQueue", "PriorityQueue"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
AnyFunction = TypeVar("AnyFunction", ast.FunctionDef, ast.AsyncFunctionDef)


@dataclass(frozen=True, slots=True)
class Declared:
    """Names of functions that somebody vouches for, as the linter's options have them.

    A dotted name is a function's full name, any other one its last component.
    """

    task_factories: frozenset[str] = frozenset()
    cancellers: frozenset[str] = frozenset()
    wait_functions: frozenset[str] = frozenset()


NONE_DECLARED = Declared()


def is_named(names: frozenset[str], dotted: str) -> bool:
    """Say whether a function's dotted name is among some names."""
    return dotted in names or dotted.rpartition(".")[2] in names


UNIONS = frozenset({"Optional", "Union", "Annotated"})


class CannotLift(Exception):
    """The source has no such site, or one where the judge cannot run the function."""


class Sites:
    """The sites of a module.

    `kinds` says of each call that is one which kind it is, `names` what the names of the module
    mean. `declared` names functions that wrap `asyncio.wait`, or make tasks.
    """

    def __init__(self, tree: ast.Module, declared: Declared = NONE_DECLARED) -> None:
        nodes = list(ast.walk(tree))
        self.names = AsyncioNames(nodes)
        self._waits = {name.rpartition(".")[2] for name in declared.wait_functions}
        self._creators = {name.rpartition(".")[2] for name in declared.task_factories} | CREATORS
        self._creators |= {local for local, name in self.names.members.items() if name in CREATORS}
        calls = [node for node in nodes if isinstance(node, ast.Call)]
        self.kinds = {call: kind for call in calls if (kind := self._kind(call))}

    def _kind(self, call: ast.Call) -> str:
        meaning, last = self.names.meaning(call.func), last_name(call.func)
        if meaning == WAIT or last in self._waits:
            return WAIT
        if meaning in (GATHER, AS_COMPLETED):
            return meaning
        return CREATION if last in self._creators else ""

    def waits(self) -> list[ast.Call]:
        """Return every call of `asyncio.wait`, or of a function known to wrap it, in order."""
        found = [call for call, kind in self.kinds.items() if kind == WAIT]
        return sorted(found, key=lambda call: (call.lineno, call.col_offset))

    def the_call(self, source: str, place: tuple[int, int] | None) -> ast.Call:
        """Return the site at a line and a column, or the only wait. Raises CannotLift where there
        is none."""
        calls = self.waits()
        if place is not None:
            line = [call for call in self.kinds if call.lineno == place[0]]
            calls = [call for call in line if column_of(source, call) == place[1]]
        if len(calls) != 1:
            raise CannotLift(f"{len(calls)} sites")
        return calls[0]


def column_of(source: str, call: ast.Call) -> int:
    """Return the column of a call, in characters."""
    line = re.split("\r\n|\r|\n", source)[call.lineno - 1]
    return len(line.encode()[: call.col_offset].decode())


class AsyncioNames:
    """What the names of a module mean in asyncio, wherever among its nodes they are imported."""

    def __init__(self, nodes: Iterable[ast.AST]) -> None:
        self.modules: set[str] = set()
        self.members: dict[str, str] = {}
        for node in nodes:
            if isinstance(node, ast.Import):
                self.modules.update(
                    alias.asname or "asyncio"
                    for alias in node.names
                    if alias.name in ("asyncio", "asyncio.tasks")
                )
            elif isinstance(node, ast.ImportFrom) and node.module in ("asyncio", "asyncio.tasks"):
                for alias in node.names:
                    self.members[alias.asname or alias.name] = alias.name
                if node.names[0].name == "*":
                    self.members.update({name: name for name in asyncio.__all__})

    def meaning(self, node: ast.expr) -> str:
        """Return which member of asyncio an expression names, or "" for none."""
        node = unsubscripted(node)
        if isinstance(node, ast.Name):
            return self.members.get(node.id, "")
        if not isinstance(node, ast.Attribute):
            return ""
        module = node.value
        if isinstance(module, ast.Attribute) and module.attr == "tasks":
            module = module.value
        if not isinstance(module, ast.Name):
            return ""
        is_asyncio = module.id in self.modules or self.members.get(module.id) == "tasks"
        return node.attr if is_asyncio else ""


def path_to(tree: ast.AST, wanted: ast.AST) -> list[ast.AST]:
    """Return the nodes around a node, outermost first."""
    for child in ast.iter_child_nodes(tree):
        if child is wanted:
            return [tree]
        if path := path_to(child, wanted):
            return [tree, *path]
    return []


def statement_lines(tree: ast.Module) -> dict[int, range]:
    """Return for each line of a module the lines of the statement, or of its head, on it.

    Where several statements share a line, the lines of all of them.
    """
    found: dict[int, range] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None) or getattr(node, "cases", None)
            end = node.end_lineno or node.lineno
            if isinstance(body, list) and isinstance(body[0], ast.stmt):
                end = max(body[0].lineno - 1, node.lineno)
            for line in range(node.lineno, end + 1):
                known = found.get(line, range(line, line + 1))
                found[line] = range(min(node.lineno, known[0]), max(end, known[-1]) + 1)
    return found


def words(text: str) -> frozenset[str]:
    """Return the words of a text."""
    return frozenset(text.split())


def hook_name(hook: str) -> str:
    """Return the name of a hook in the compiled code: no source can spell it."""
    return HOOK + hook


def hook_call(hook: str, *args: ast.expr) -> ast.Call:
    """Return a call of a hook."""
    return ast.Call(ast.Name(hook_name(hook), ast.Load()), list(args), [])


def is_static(function: Function) -> bool:
    """Say whether a function is a static method."""
    return any(last_name(decorator) == "staticmethod" for decorator in function.decorator_list)


def unsubscripted(node: ast.expr) -> ast.expr:
    """Return what a callee names: a generic alias is called as what it is an alias of."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node


def last_name(node: ast.expr) -> str:
    """Return the last component of the name of what is called or named, or ""."""
    while isinstance(node, (ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def primitives_of(scope: ast.AST, names: AsyncioNames) -> frozenset[str]:
    """Return the attributes that a class binds to what `asyncio` makes: queues, events."""
    return frozenset(
        target.attr
        for node in ast.walk(scope)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Call)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Attribute) and names.meaning(node.value.func) in PRIMITIVES
    )


def annotated_coroutines(function: Function) -> frozenset[str]:
    """Return the parameters whose annotation is one of a coroutine or an awaitable; that of `*args`
    is of each of them."""
    arguments = function.args
    every = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    every += [arguments.vararg] if arguments.vararg else []
    return frozenset(one.arg for one in every if one.annotation and _awaited(one.annotation))


def _awaited(annotation: ast.expr) -> bool:
    """Say whether all that an annotation allows, but None, is a coroutine or an awaitable."""
    if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
        try:
            return _awaited(ast.parse(annotation.value, mode="eval").body)
        except SyntaxError:
            return False
    if isinstance(annotation, ast.BinOp):
        parts = [annotation.left, annotation.right]
    elif isinstance(annotation, ast.Subscript) and last_name(annotation) in UNIONS:
        inside = annotation.slice
        parts = inside.elts if isinstance(inside, ast.Tuple) else [inside]
        parts = parts[:1] if last_name(annotation) == "Annotated" else parts
    else:
        return last_name(annotation) in ("Coroutine", "CoroutineType", "Awaitable")
    allowed = [p for p in parts if not (isinstance(p, ast.Constant) and p.value is None)]
    return all(map(_awaited, allowed))


# -- the result's names ---------------------------------------------------------------------


def result_names(function: Function | ast.Module, call: ast.Call) -> dict[str, bool]:
    """Return the names that the site's result is bound to; true for those that hold `pending`.

    A name that holds the wait's coroutine or task, or the whole result, passes the result on.
    """
    names: dict[str, bool] = {}
    carriers: set[str] = set()
    for _ in range(2):
        for target, value in _bindings(function):
            if _mentions(value, call, carriers):
                _take_apart(target, value, names, carriers)
    return names


def _bindings(function: ast.AST) -> Iterator[tuple[ast.expr, ast.expr]]:
    for node in ast.walk(function):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                yield target, node.value
        elif isinstance(node, (ast.AnnAssign, ast.NamedExpr)) and node.value is not None:
            yield node.target, node.value


def _mentions(value: ast.expr, call: ast.Call, carriers: set[str]) -> bool:
    """Say whether a value is the site's result or a part of it, by the expressions that pass it."""
    while True:
        if value is call or (isinstance(value, ast.Name) and value.id in carriers):
            return True
        if isinstance(value, (ast.Await, ast.Subscript, ast.NamedExpr)):
            value = value.value
        elif isinstance(value, ast.Call) and value.args:
            value = value.args[0]
        elif isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute):
            value = value.func.value
        else:
            return False


def _take_apart(
    target: ast.expr, value: ast.expr, names: dict[str, bool], carriers: set[str]
) -> None:
    if isinstance(target, ast.Name):
        part = value.slice if isinstance(value, ast.Subscript) else None
        whole = part is None
        if whole:
            carriers.add(target.id)
        done_only = isinstance(part, ast.Constant) and part.value == 0
        if not whole or _awaits(value):
            names[target.id] = not done_only
    elif isinstance(target, (ast.Tuple, ast.List)):
        for number, element in enumerate(target.elts):
            for name in ast.walk(element):
                if isinstance(name, ast.Name):
                    names[name.id] = number > 0


def _awaits(value: ast.expr) -> bool:
    return any(isinstance(node, ast.Await) for node in ast.walk(value))


# -- cutting and lifting ----------------------------------------------------------------------


def prune(tree: ast.Module, scopes: Sequence[ast.AST], function: Function) -> None:
    """Drop the statements of a module that its judged function does not need.

    `scopes` are the functions and classes around it, outermost first. What binds a name that is
    needed is needed, and so is what is done to such a name's value where it is bound.
    """
    blocks = _blocks(tree, scopes)
    kept: set[ast.AST] = {function, *scopes}
    whole = next((scope for scope in scopes if isinstance(scope, FUNCTIONS)), function)
    wanted = identifiers(whole).union(*(_head(scope) for scope in scopes))
    binding: dict[str, list[ast.stmt]] = {}
    for one in chain.from_iterable(blocks):
        for name in _bound(one) if one not in kept else ():
            binding.setdefault(name, []).append(one)
    queue = list(wanted)
    while queue:
        for one in binding.pop(queue.pop(), ()):
            if one not in kept:
                kept.add(one)
                queue.extend(identifiers(one))
    for block in blocks:
        block[:] = [one for one in block if one in kept or isinstance(one, IMPORTS)]


def shelter(tree: ast.Module, scopes: Sequence[ast.AST]) -> None:
    """Let no statement around the judged function end the execution.

    What its names would have been bound to is unknown then: the judge may know too little of it.
    """
    for block in _blocks(tree, scopes):
        block[:] = [
            one if one in scopes or isinstance(one, (*FUNCTIONS, *IMPORTS)) else _sheltered(one)
            for one in block
        ]


def _sheltered(statement: ast.stmt) -> ast.Try:
    unknown: list[ast.stmt] = [
        ast.Assign([ast.Name(name, ast.Store())], hook_call("unknown", ast.Constant(name)))
        for name in sorted(_stored(statement))
    ]
    error = ast.Name(hook_name("Exception"), ast.Load())
    handler = ast.ExceptHandler(error, None, unknown or [ast.Pass()])
    return ast.copy_location(ast.Try([statement], [handler], [], []), statement)


def _blocks(tree: ast.Module, scopes: Sequence[ast.AST]) -> list[list[ast.stmt]]:
    """Return the statements of the module, and of each class around the judged function."""
    return [tree.body, *(scope.body for scope in scopes if isinstance(scope, ast.ClassDef))]


def _head(scope: ast.AST) -> set[str]:
    """Return the names that a class's bases mention."""
    bases = scope.bases if isinstance(scope, ast.ClassDef) else []
    return {name for base in bases for name in identifiers(base)}


def _bound(statement: ast.stmt) -> set[str]:
    """Return the names that a statement binds, or whose values it may change."""
    return _stored(statement) or identifiers(statement)


def _stored(statement: ast.stmt) -> set[str]:
    if isinstance(statement, DEFINITIONS):
        return {statement.name}
    found: set[str] = set()
    for node in ast.walk(statement):
        if isinstance(node, DEFINITIONS):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, IMPORTS):
            names = {alias.asname or alias.name.partition(".")[0] for alias in node.names}
            found |= set(asyncio.__all__) if "*" in names else names
    return found


def identifiers(node: ast.AST) -> set[str]:
    """Return every name and attribute in a piece of code."""
    found = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name):
            found.add(inner.id)
        elif isinstance(inner, ast.Attribute):
            found.add(inner.attr)
    return found


def hoist(tree: ast.Module, outer: Sequence[ast.AST], function: Function) -> None:
    """Lift a nested function out to the module, with what the functions around it import and
    define; what else they bind is then unknown."""
    for scope in outer:
        if not isinstance(scope, FUNCTIONS):
            continue
        for name in sorted(bound_names(scope)):
            unknown = hook_call("unknown", ast.Constant(name))
            tree.body.append(ast.Assign([ast.Name(name, ast.Store())], unknown))
        for statement in scope.body:
            if isinstance(statement, FUNCTIONS) and statement is not function:
                tree.body.append(_as_global(copy.deepcopy(statement)))
            elif isinstance(statement, IMPORTS):
                tree.body.append(statement)
    if any(isinstance(scope, FUNCTIONS) for scope in outer):
        tree.body.append(_as_global(copy.deepcopy(function)))


def bound_names(function: Function) -> set[str]:
    """Return the names that a function's parameters and assignments bind."""
    names = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        if isinstance(node, (*SCOPES, ast.ClassDef)):
            continue
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            names.add(node.id)
        todo.extend(ast.iter_child_nodes(node))
    return names


def _as_global(function: Function) -> Function:
    """Let a function that was nested find its outer names in the module."""
    found: Function = _Globals().visit(function)
    return found


class _Globals(ast.NodeTransformer):
    """Makes names global that are nonlocal to a function which none other is around any more."""

    def __init__(self) -> None:
        self.locals: list[set[str]] = []

    def _function(self, node: AnyFunction) -> AnyFunction:
        self.locals.append(bound_names(node) - _declared(node))
        self.generic_visit(node)
        self.locals.pop()
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = _function

    def visit_Nonlocal(self, node: ast.Nonlocal) -> list[ast.stmt]:
        inside = [name for name in node.names if any(name in one for one in self.locals[:-1])]
        outside = [name for name in node.names if name not in inside]
        kept: list[ast.stmt] = [ast.Nonlocal(inside)] if inside else []
        return [*kept, ast.Global(outside)] if outside else kept


def _declared(function: Function) -> set[str]:
    """Return the names that a function itself declares to be another scope's."""
    found: set[str] = set()
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        if isinstance(node, (ast.Global, ast.Nonlocal)):
            found.update(node.names)
        if not isinstance(node, (*SCOPES, ast.ClassDef)):
            todo.extend(ast.iter_child_nodes(node))
    return found
