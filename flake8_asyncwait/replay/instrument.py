"""Rewrite a module so that what the judge has to see or decide goes through its hooks.

The judged function is found by its `asyncio.wait` call; branches and reads that plain Python would
hide (`is`, `in`, `except`, `assert`, loops, stores) become calls of the hooks in `surroundings`.
"""

from __future__ import annotations

import ast
import copy
import dis
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import CodeType
from typing import TypeVar

from flake8_asyncwait.replay.surroundings import REAL_BUILTINS

FILENAME = "<judged>"
MUTATORS = {"add", "append", "appendleft", "extend", "insert", "push", "put_nowait"}
MUTATORS |= {"setdefault", "update"}
KEPT_DECORATORS = {"asynccontextmanager", "classmethod", "contextmanager", "property"}
KEPT_DECORATORS |= {"staticmethod"}
ORDER_MATTERS = (ast.Break, ast.Return, ast.Raise, ast.Continue, ast.If, ast.Await)
PRIMITIVES = {"Event", "Condition", "Lock", "Semaphore", "BoundedSemaphore", "Barrier"}
PRIMITIVES |= {"Queue", "LifoQueue", "PriorityQueue"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SCOPES = (*FUNCTIONS, ast.Lambda)

Function = ast.FunctionDef | ast.AsyncFunctionDef
Node = TypeVar("Node", bound=ast.AST)
AnyFunction = TypeVar("AnyFunction", ast.FunctionDef, ast.AsyncFunctionDef)


class CannotJudge(Exception):
    """The source has no such site, or one where the judge cannot run the function."""


@dataclass(frozen=True, slots=True)
class Program:
    """A module made ready to run.

    `groups` says of each code object which function it belongs to; `target` is the judged one's.
    `line` and `column` are the site's. `parameters` are the judged function's positional names,
    with `*` before the one that takes the rest. For a method, `classes` is the path to its class,
    and `primitives` are the attributes that the class binds to queues, events and their like. A
    judged module has no parameters: it is `target` itself. `missing` are the names that the module
    does not define. `watches` says whether any read of the result stands in a `finally` or handler.
    """

    code: CodeType
    groups: Mapping[CodeType, CodeType]
    target: CodeType
    line: int
    column: int
    parameters: tuple[str, ...]
    keywords: tuple[str, ...]
    classes: tuple[str, ...]
    primitives: frozenset[str]
    missing: frozenset[str]
    watches: bool


def find_sites(source: str) -> list[tuple[int, int]]:
    """Return line (from 1) and column (from 0) of every `asyncio.wait` call, in order.

    Raises SyntaxError where the source is not Python.
    """
    return [(call.lineno, _column(source, call)) for call in _wait_calls(ast.parse(source))]


def prepare(source: str, site: tuple[int, int] | None) -> Program:
    """Instrument a module's source around a site, or the only site there is.

    Raises CannotJudge and SyntaxError.
    """
    tree = ast.parse(source)
    call = _the_call(source, tree, site)
    column = _column(source, call)
    path = _path_to(tree, call)
    scopes = [node for node in path if isinstance(node, (*SCOPES, ast.ClassDef))]
    if not scopes:
        return _prepare_module(tree, call, column)
    if not isinstance(scopes[-1], FUNCTIONS):
        raise CannotJudge("the site is in a lambda or a class")
    function = scopes[-1]
    classes = tuple(scope.name for scope in scopes[:-1] if isinstance(scope, ast.ClassDef))
    if any(isinstance(scope, SCOPES) for scope in scopes[:-1]):
        classes = ()
    is_method = (
        len(scopes) > 1 and isinstance(scopes[-2], ast.ClassDef) and not _is_static(function)
    )
    names = _result_names(function, call)
    primitives = _primitives(tree, scopes[-2]) if is_method else frozenset[str]()
    instrument = _Instrument(function, call, names)
    tree = instrument.visit(tree)
    _hoist(tree, scopes[:-1], function)
    ast.fix_missing_locations(tree)
    code = compile(tree, FILENAME, "exec")
    groups = _groups(code)
    first_line = min(node.lineno for node in (function, *function.decorator_list))
    target = [
        one for one in groups if (one.co_name, one.co_firstlineno) == (function.name, first_line)
    ]
    positional = [*function.args.posonlyargs, *function.args.args]
    parameters = [argument.arg for argument in positional]
    if function.args.vararg:
        parameters.append("*" + function.args.vararg.arg)
    return Program(
        code=code,
        groups=groups,
        target=target[-1],  # hoisting puts a copy at the end
        line=call.lineno,
        column=column,
        parameters=tuple(parameters),
        keywords=tuple(argument.arg for argument in function.args.kwonlyargs),
        classes=classes if is_method else (),
        primitives=primitives,
        missing=_missing(groups),
        watches=instrument.watches,
    )


def _prepare_module(tree: ast.Module, call: ast.Call, column: int) -> Program:
    """Make a module ready whose site stands outside of any function."""
    instrument = _Instrument(tree, call, _result_names(tree, call))
    instrument.in_target = True
    code = compile(ast.fix_missing_locations(instrument.visit(tree)), FILENAME, "exec")
    groups = _groups(code)
    return Program(
        code=code,
        groups=groups,
        target=code,
        line=call.lineno,
        column=column,
        parameters=(),
        keywords=(),
        classes=(),
        primitives=frozenset(),
        missing=_missing(groups),
        watches=instrument.watches,
    )


# -- finding ------------------------------------------------------------------------------------


def _the_call(source: str, tree: ast.Module, site: tuple[int, int] | None) -> ast.Call:
    calls = _wait_calls(tree)
    if site is not None:
        calls = [call for call in calls if (call.lineno, _column(source, call)) == site]
    if len(calls) != 1:
        raise CannotJudge(f"{len(calls)} sites")
    return calls[0]


def _column(source: str, call: ast.Call) -> int:
    line = source.splitlines()[call.lineno - 1]
    return len(line.encode()[: call.col_offset].decode())


def _wait_calls(tree: ast.Module) -> list[ast.Call]:
    names = _AsyncioNames(tree)
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    found = [call for call in calls if names.meaning(call.func) == "wait"]
    return sorted(found, key=lambda call: (call.lineno, call.col_offset))


class _AsyncioNames:
    """What the names of a module mean in asyncio, wherever they are imported."""

    def __init__(self, tree: ast.Module) -> None:
        self.modules: set[str] = set()
        self.members: dict[str, str] = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self.modules.update(
                    alias.asname or "asyncio"
                    for alias in node.names
                    if alias.name in ("asyncio", "asyncio.tasks")
                )
            elif isinstance(node, ast.ImportFrom) and node.module in ("asyncio", "asyncio.tasks"):
                for alias in node.names:
                    self.members[alias.asname or alias.name] = alias.name

    def meaning(self, node: ast.expr) -> str:
        """Return which member of asyncio an expression names, or "" for none."""
        module, _, last = ast.unparse(node).rpartition(".")
        if not module:
            return self.members.get(last, "")
        module = module.removesuffix(".tasks")
        return last if module in self.modules or self.members.get(module) == "tasks" else ""


def _path_to(tree: ast.AST, wanted: ast.AST) -> list[ast.AST]:
    """Return the nodes around a node, outermost first."""
    for child in ast.iter_child_nodes(tree):
        if child is wanted:
            return [tree]
        if path := _path_to(child, wanted):
            return [tree, *path]
    return []


def _is_static(function: Function) -> bool:
    return any(_last_name(decorator) == "staticmethod" for decorator in function.decorator_list)


def _last_name(node: ast.expr) -> str:
    while isinstance(node, ast.Call):
        node = node.func
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def _primitives(tree: ast.Module, scope: ast.AST) -> frozenset[str]:
    """Return the attributes that a class binds to what `asyncio` makes: queues, events."""
    names = _AsyncioNames(tree)
    return frozenset(
        target.attr
        for node in ast.walk(scope)
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and isinstance(node.value, ast.Call)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Attribute) and names.meaning(node.value.func) in PRIMITIVES
    )


# -- the result's names -------------------------------------------------------------------------


def _result_names(function: Function | ast.Module, call: ast.Call) -> dict[str, bool]:
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


# -- after compiling ----------------------------------------------------------------------------


def _groups(code: CodeType) -> dict[CodeType, CodeType]:
    """Return which function each code object belongs to, the module's own first."""
    groups: dict[CodeType, CodeType] = {}

    def enter(one: CodeType, group: CodeType) -> None:
        own = group if one.co_name.startswith("<") else one
        groups[one] = own
        for constant in one.co_consts:
            if isinstance(constant, CodeType):
                enter(constant, own)

    enter(code, code)
    return groups


def _missing(groups: Iterable[CodeType]) -> frozenset[str]:
    loaded, stored = set(), set(REAL_BUILTINS)
    for code in groups:
        for instruction in dis.get_instructions(code):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                loaded.add(instruction.argval)
            elif instruction.opname in ("STORE_GLOBAL", "STORE_NAME"):
                stored.add(instruction.argval)
    return frozenset(name for name in loaded - stored if not name.startswith("__"))


def _hoist(tree: ast.Module, outer: Sequence[ast.AST], function: Function) -> None:
    """Lift a nested function out to the module, with what the functions around it import and
    define; what else they bind is then unknown."""
    for scope in outer:
        if not isinstance(scope, FUNCTIONS):
            continue
        for name in sorted(_bound_names(scope)):
            unknown = _call("__unknown__", _constant(name))
            tree.body.append(ast.Assign([ast.Name(name, ast.Store())], unknown))
        for statement in scope.body:
            if isinstance(statement, FUNCTIONS) and statement is not function:
                tree.body.append(_as_global(copy.deepcopy(statement)))
            elif isinstance(statement, (ast.Import, ast.ImportFrom)):
                tree.body.append(statement)
    if any(isinstance(scope, FUNCTIONS) for scope in outer):
        tree.body.append(_as_global(copy.deepcopy(function)))


def _bound_names(function: Function) -> set[str]:
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
    own = {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    function.body = [
        ast.Global(statement.names)
        if isinstance(statement, ast.Nonlocal) and not own & set(statement.names)
        else statement
        for statement in function.body
    ]
    return function


# -- rewriting ----------------------------------------------------------------------------------


def _call(hook: str, *args: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(hook, ast.Load()), list(args), [])


def _constant(value: object) -> ast.Constant:
    return ast.Constant(value)  # type: ignore[arg-type]


def _reader(name: str) -> ast.Lambda:
    nothing = ast.arguments([], [], None, [], [], None, [])
    return ast.Lambda(nothing, ast.Name(name, ast.Load()))


class _Instrument(ast.NodeTransformer):
    """The rewriting itself. `watches` is set when a read in a handler is instrumented."""

    def __init__(
        self, function: Function | ast.Module, call: ast.Call, names: Mapping[str, bool]
    ) -> None:
        self.function = function
        self.call = call
        self.names = names
        self.watches = False
        self.in_target = False
        self.may_clean_up = False
        self.shadowed: frozenset[str] = frozenset()
        self.outside: frozenset[str] = frozenset()
        self.loops = 0

    # -- scopes -----------------------------------------------------------------------------------

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef:
        return self._function(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef:
        return self._function(node)

    def _function(self, node: AnyFunction) -> AnyFunction:
        saved = self.in_target, self.may_clean_up, self.shadowed, self.outside
        if self.in_target:
            self.shadowed |= _bound_names(node)
            self.may_clean_up = True  # a nested function may be called in a handler
        self.in_target = self.in_target or node is self.function
        self.outside = frozenset(
            name
            for inner in node.body
            if isinstance(inner, (ast.Global, ast.Nonlocal))
            for name in inner.names
        )
        _strip_annotations(node.args)
        node.returns = None
        hook = "__target__" if node is self.function else "__helper__"
        kept = [one for one in node.decorator_list if _last_name(one) in KEPT_DECORATORS]
        node.decorator_list = [] if node is self.function else kept
        if node is self.function:
            node.decorator_list = [one for one in kept if _last_name(one) == "staticmethod"]
        self.generic_visit(node)
        node.decorator_list.append(ast.Name(hook, ast.Load()))
        self.in_target, self.may_clean_up, self.shadowed, self.outside = saved
        return node

    def visit_Lambda(self, node: ast.Lambda) -> ast.Lambda:
        saved = self.shadowed
        self.shadowed |= {one.arg for one in ast.walk(node.args) if isinstance(one, ast.arg)}
        self.generic_visit(node)
        self.shadowed = saved
        return node

    def _comprehension(self, node: Node) -> Node:
        saved = self.shadowed
        self.shadowed |= {
            name.id
            for inner in ast.walk(node)
            if isinstance(inner, ast.comprehension)
            for name in ast.walk(inner.target)
            if isinstance(name, ast.Name)
        }
        self.generic_visit(node)
        self.shadowed = saved
        return node

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    # -- statements -------------------------------------------------------------------------------

    def visit_Try(self, node: ast.Try) -> ast.Try:
        return self._try(node)

    def visit_TryStar(self, node: Node) -> Node:
        return self._try(node)

    def _try(self, node: Node) -> Node:
        saved = self.may_clean_up
        _visit_all(self, node, ("body", "orelse"))
        self.may_clean_up = self.in_target
        _visit_all(self, node, ("handlers", "finalbody"))
        self.may_clean_up = saved
        if not isinstance(node, ast.Try):
            return node
        for handler in node.handlers:
            if handler.type is not None:
                handler.type = _call("__catch__", handler.type)
            if self.in_target:
                handler.body = _as_cleanup(handler.body)
        if self.in_target and node.finalbody:
            node.finalbody = _as_cleanup(node.finalbody)
        return node

    def visit_If(self, node: ast.If) -> ast.stmt | list[ast.stmt]:
        self.generic_visit(node)
        if _last_name(node.test) == "TYPE_CHECKING":
            return [*node.body, *node.orelse]
        return node

    def visit_While(self, node: ast.While) -> list[ast.stmt]:
        self.generic_visit(node)
        self.loops += 1
        number = _constant(self.loops)
        node.test = ast.BoolOp(ast.And(), [_call("__turn__", number), node.test])
        return [ast.Expr(_call("__loop__", number)), node]

    def visit_For(self, node: ast.For) -> ast.For:
        orders = any(
            isinstance(inner, ORDER_MATTERS) for one in node.body for inner in ast.walk(one)
        )
        orders = orders or ".result()" in ast.unparse(node)
        self.generic_visit(node)
        targets = _unpacked(node.target)
        node.iter = _call("__each__", node.iter, _constant(orders), _constant(targets))
        return node

    def visit_AsyncWith(self, node: ast.AsyncWith) -> ast.AsyncWith:
        if (
            len(node.body) == 1
            and len(node.items) == 1
            and _is_simple_wait(node.body[0], self.call)
        ):
            item = node.items[0]
            item.context_expr = _call("__alone__", item.context_expr)
        self.generic_visit(node)
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.Assert:
        self.generic_visit(node)
        if not any(
            isinstance(inner, (ast.Await, ast.NamedExpr, ast.Yield))
            for inner in ast.walk(node.test)
        ):
            node.test = _call("__assert__", _lambda(node.test))
        return node

    def visit_Raise(self, node: ast.Raise) -> ast.Raise:
        self.generic_visit(node)
        if node.exc is not None:
            node.exc = _call("__raise__", node.exc)
        node.cause = None
        return node

    def visit_Assign(self, node: ast.Assign) -> list[ast.stmt]:
        self.generic_visit(node)
        targets = max(_unpacked(target) for target in node.targets)
        if targets >= 0 and not isinstance(node.value, (ast.Tuple, ast.List)):
            node.value = _call("__unpack__", node.value, _constant(targets))
        return [node, *self._hand_stored(node.targets)]

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt | list[ast.stmt]:
        if node.value is None:
            return ast.Pass() if self.in_target or not isinstance(node.target, ast.Name) else node
        return self.visit_Assign(
            ast.copy_location(ast.Assign([node.target], node.value, None), node)
        )

    def visit_AugAssign(self, node: ast.AugAssign) -> list[ast.stmt]:
        self.generic_visit(node)
        before: list[ast.stmt] = []
        if isinstance(node.target, ast.Name):
            read = self.visit_Name(ast.Name(node.target.id, ast.Load()))
            before = [ast.Expr(read)] if isinstance(read, ast.Call) else []
        return [*before, node, *self._hand_stored([node.target])]

    def _hand_stored(self, targets: Sequence[ast.expr]) -> list[ast.stmt]:
        """Names that belong to an outer scope are handed over once they are bound."""
        names = {
            name.id
            for target in targets
            for name in ast.walk(target)
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
        }
        return [
            ast.Expr(_call("__hand__", ast.Name(name, ast.Load())))
            for name in sorted(names & self.outside)
        ]

    # -- expressions ------------------------------------------------------------------------------

    def visit_Name(self, node: ast.Name) -> ast.expr:
        watched = self.may_clean_up and node.id in self.names and node.id not in self.shadowed
        if not (watched and isinstance(node.ctx, ast.Load)):
            return node
        self.watches = True
        pending = _constant(self.names[node.id])
        return _call("__read__", _constant(node.id), _reader(node.id), pending)

    def visit_Call(self, node: ast.Call) -> ast.Call:
        is_site = node is self.call
        func = node.func
        puts = isinstance(func, ast.Attribute) and func.attr in MUTATORS
        self.generic_visit(node)
        if is_site:
            readers = ast.Dict(
                [_constant(name) for name in self.names], [_reader(name) for name in self.names]
            )
            timed = _constant(_has_timeout(node))
            node.func = _call("__site__", readers, timed, node.func)
        elif puts and isinstance(node.func, ast.Attribute):
            node.func = _call("__store__", node.func.value, _constant(node.func.attr))
        return node

    def visit_Compare(self, node: ast.Compare) -> ast.expr:
        self.generic_visit(node)
        if len(node.ops) != 1:
            return node
        operator, left, right = node.ops[0], node.left, node.comparators[0]
        if isinstance(operator, (ast.Is, ast.IsNot)):
            found: ast.expr = _call("__is__", left, right)
        elif isinstance(operator, (ast.In, ast.NotIn)):
            found = _call("__in__", left, right)
        else:
            return node
        negated = isinstance(operator, (ast.IsNot, ast.NotIn))
        return ast.UnaryOp(ast.Not(), found) if negated else found

    def visit_Attribute(self, node: ast.Attribute) -> ast.Attribute:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Store):
            node.value = _call("__attr__", node.value)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.Subscript:
        self.generic_visit(node)
        if isinstance(node.ctx, ast.Store):
            node.value = _call("__item__", node.value)
        return node


def _lambda(body: ast.expr) -> ast.Lambda:
    return ast.Lambda(ast.arguments([], [], None, [], [], None, []), body)


def _visit_all(visitor: ast.NodeTransformer, node: ast.AST, fields: Iterable[str]) -> None:
    """Visit some of a node's lists of children, replacing them by what the visit gives."""
    for name in fields:
        children: list[ast.AST] = []
        for child in getattr(node, name):
            found = visitor.visit(child)
            children.extend(found if isinstance(found, list) else [found])
        setattr(node, name, children)


def _as_cleanup(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return a handler's or a `finally`'s statements so that entering and leaving it is noted."""
    enter, leave = ast.Expr(_call("__cleanup__", _constant(1))), _call("__cleanup__", _constant(-1))
    return [enter, ast.Try(body, [], [], [ast.Expr(leave)])]


def _strip_annotations(arguments: ast.arguments) -> None:
    for node in ast.walk(arguments):
        if isinstance(node, ast.arg):
            node.annotation = None


def _unpacked(target: ast.expr) -> int:
    """Return to how many names a target unpacks, or -1; a starred one takes none."""
    if not isinstance(target, (ast.Tuple, ast.List)):
        return -1
    return sum(not isinstance(element, ast.Starred) for element in target.elts)


def _is_simple_wait(statement: ast.stmt, call: ast.Call) -> bool:
    """Say whether a statement does nothing but wait."""
    simple = isinstance(statement, (ast.Expr, ast.Assign, ast.AnnAssign, ast.Return))
    awaits = [node for node in ast.walk(statement) if isinstance(node, ast.Await)]
    return simple and len(awaits) == 1 and awaits[0].value is call


def _has_timeout(call: ast.Call) -> bool:
    """Say whether a timeout stands in the call that is not the literal None."""
    for keyword in call.keywords:
        if keyword.arg == "timeout":
            return not (isinstance(keyword.value, ast.Constant) and keyword.value.value is None)
    return False
