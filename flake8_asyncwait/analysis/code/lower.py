"""libcst to `ir`: the one place that knows libcst trees. One pass, in source order.

The lines of statements and the places of calls that may be wait sites come from `Places`, which
hands them out in the order in which the source holds them, so that no position provider has to
walk and print the tree.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import product
from math import prod
from typing import Any

import libcst as cst

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.places import Places
from flake8_asyncwait.sites.outline import MAP, add_import

# The types of what `ensure_future` makes a task of.
_COROUTINES = frozenset({"Coroutine", "CoroutineType", "Awaitable"})
# What stands before a lazy import: it binds what the import binds.
_LAZY = re.compile(r"^lazy(?:[ \t\f]|\\\n)+")


class Lowerer:
    """Lowers functions of one slice. `names` are the last components a site's callee may have."""

    def __init__(self, places: Places, names: frozenset[str]) -> None:
        self._places = places
        self._names = names
        self._func = ir.Func("", 0)
        self._line = 0
        # What the variables of the comprehensions around are called: they are no locals.
        self._scopes: list[dict[str, str]] = []
        self._comprehensions = 0

    def module(self, tree: cst.Module) -> ir.Func:
        """The whole tree as one function: the module's own statements."""
        self._func = ir.Func("<module>", 1, module=True, asynchronous=True)
        self._func.body = self._block(tree.body)
        self._places.finish()
        return self._func

    def definition(self, node: cst.FunctionDef, cls: str | None) -> ir.Func:
        """One function, with all nested ones."""
        func = self._function(node, None, cls)[0]
        self._places.finish()
        return func

    # Statements

    def _block(self, body: Sequence[Any]) -> list[ir.Stmt]:
        statements: list[ir.Stmt] = []
        for node in body:
            if isinstance(node, cst.SimpleStatementLine):
                for small in node.body:
                    statements.extend(self._statement(small))
            else:
                statements.extend(self._statement(node))
        return statements

    def _suite(self, suite: cst.BaseSuite) -> list[ir.Stmt]:
        return self._block(suite.body)

    def _statement(self, node: Any) -> list[ir.Stmt]:
        line = self._line = self._places.statement()
        lower = _STATEMENTS.get(type(node))
        if lower is None:
            return []
        return lower(self, node, line)

    def _expr_stmt(self, node: cst.Expr, line: int) -> list[ir.Stmt]:
        return [ir.ExprStmt(self._expr(node.value), line)]

    def _assign(self, node: cst.Assign, line: int) -> list[ir.Stmt]:
        targets = [self._target(target.target) for target in node.targets]
        return [ir.Assign(targets, self._expr(node.value), line)]

    def _ann_assign(self, node: cst.AnnAssign, line: int) -> list[ir.Stmt]:
        target = self._target(node.target)
        if node.value is None:
            return [ir.ExprStmt(ir.Other([]), line)]
        return [ir.Assign([target], self._expr(node.value), line)]

    def _aug_assign(self, node: cst.AugAssign, line: int) -> list[ir.Stmt]:
        target = self._target(node.target)
        op = type(node.operator).__name__.removesuffix("Assign")
        return [ir.AugAssign(target, op, self._expr(node.value), line)]

    def _delete(self, node: cst.Del, line: int) -> list[ir.Stmt]:
        target = self._target(node.target)
        parts: list[ir.Target] = [target]
        if isinstance(target, ir.Unpack):
            parts = [part for part, _ in target.parts]
        return [ir.Delete(parts, line)]

    def _return(self, node: cst.Return, line: int) -> list[ir.Stmt]:
        return [ir.Return(self._optional(node.value), line)]

    def _raise(self, node: cst.Raise, line: int) -> list[ir.Stmt]:
        value = self._optional(node.exc)
        cause = self._expr(node.cause.item) if node.cause is not None else None
        return [ir.Raise(value, cause, line)]

    def _assert(self, node: cst.Assert, line: int) -> list[ir.Stmt]:
        return [ir.Assert(self._expr(node.test), self._optional(node.msg), line)]

    def _jump(self, node: cst.Break | cst.Continue, line: int) -> list[ir.Stmt]:
        return [ir.Jump(type(node).__name__.lower(), line)]

    def _declare(self, node: cst.Global | cst.Nonlocal, line: int) -> list[ir.Stmt]:
        self._func.outer.update(item.name.value for item in node.names)
        return []

    def _import(self, node: Any, line: int) -> list[ir.Stmt]:
        imports: dict[str, str] = {}
        code = cst.Module([cst.SimpleStatementLine([node])]).code
        statement = ast.parse(_LAZY.sub("", code)).body[0]
        assert isinstance(statement, (ast.Import, ast.ImportFrom))
        add_import(statement, imports)
        self._func.imports.update(imports)
        self._func.locals.update(imports)
        return []

    def _define(self, node: cst.FunctionDef, line: int) -> list[ir.Stmt]:
        func, decorators = self._function(node, self._func, None, line)
        known = func.name in self._func.assigned
        self._bind(func.name)
        self._func.definitions[func.name] = None if known else func
        self._func.nested.append(func)
        return [ir.Define(func, decorators, line)]

    def _define_class(self, node: cst.ClassDef, line: int) -> list[ir.Stmt]:
        inner = ir.Func(node.name.value, line, self._func, cls=node.name.value)
        outer, self._func = self._func, inner
        for decorator in node.decorators:
            self._expr(decorator.decorator)
        for argument in (*node.bases, *node.keywords):
            self._expr(argument.value)
        self._suite(node.body)
        self._func = outer
        for method in inner.nested:
            method.parent = outer
        self._func.nested.extend(inner.nested)
        self._func.mentions |= inner.mentions
        self._bind(node.name.value)
        return [ir.DefineClass(node.name.value, frozenset(inner.mentions), line)]

    def _if(self, node: cst.If, line: int) -> list[ir.Stmt]:
        test = self._expr(node.test)
        body = self._suite(node.body)
        return [ir.If(test, body, self._orelse(node.orelse), line)]

    def _orelse(self, orelse: cst.If | cst.Else | None) -> list[ir.Stmt]:
        if orelse is None:
            return []
        if isinstance(orelse, cst.If):
            return self._statement(orelse)
        return self._suite(orelse.body)

    def _while(self, node: cst.While, line: int) -> list[ir.Stmt]:
        test = self._expr(node.test)
        body = self._suite(node.body)
        return [ir.While(test, body, self._orelse(node.orelse), line)]

    def _for(self, node: cst.For, line: int) -> list[ir.Stmt]:
        target = self._target(node.target)
        iterable = self._expr(node.iter)
        body = self._suite(node.body)
        orelse = self._orelse(node.orelse)
        return [ir.For(target, iterable, body, orelse, node.asynchronous is not None, line)]

    def _try(self, node: cst.Try | cst.TryStar, line: int) -> list[ir.Stmt]:
        # ast hands out the handlers' candidate calls with the `try`, before its body's.
        saved = self._places.resume()
        body = self._suite(node.body)
        handlers = [self._handler(handler, line, saved) for handler in node.handlers]
        orelse = self._orelse(node.orelse)
        final = self._suite(node.finalbody.body) if node.finalbody is not None else []
        return [ir.Try(body, handlers, orelse, final, line)]

    def _handler(
        self, node: cst.ExceptHandler | cst.ExceptStarHandler, line: int, saved: Iterator[ir.Call]
    ) -> ir.Handler:
        self._places.restore(saved)
        kind = self._optional(node.type)
        name = None
        if node.name is not None and isinstance(node.name.name, cst.Name):
            name = node.name.name.value
            self._bind(name)
        body = self._suite(node.body)
        first = body[0].line if body else line
        return ir.Handler(kind, name, body, first)

    def _with(self, node: cst.With, line: int) -> list[ir.Stmt]:
        items = []
        for item in node.items:
            value = self._expr(item.item)
            target = self._target(item.asname.name) if item.asname is not None else None
            items.append((value, target))
        body = self._suite(node.body)
        asynchronous = node.asynchronous is not None
        for value, target in reversed(items):
            body = [ir.With(value, target, body, asynchronous, line)]
        return body

    def _match(self, node: cst.Match, line: int) -> list[ir.Stmt]:
        subject = self._expr(node.subject)
        saved = self._places.resume()
        cases = [self._case(case, saved) for case in node.cases]
        return [ir.Match(subject, cases, line)]

    def _case(self, node: cst.MatchCase, saved: Iterator[ir.Call]) -> ir.Case:
        binds: list[str] = []
        values, irrefutable = self._pattern(node.pattern, binds)
        for name in binds:
            self._bind(name)
        self._places.restore(saved)
        guard = self._optional(node.guard)
        body = self._suite(node.body)
        return ir.Case(values, irrefutable, binds, guard, body)

    def _pattern(self, node: Any, binds: list[str]) -> tuple[list[object] | None, bool]:
        """What a pattern is known to match, and whether it matches everything."""
        if isinstance(node, cst.MatchAs):
            if node.name is not None:
                binds.append(node.name.value)
            if node.pattern is None:
                return None, True
            return self._pattern(node.pattern, binds)
        if isinstance(node, cst.MatchOr):
            parts = [self._pattern(part.pattern, binds) for part in node.patterns]
            irrefutable = any(part[1] for part in parts)
            known = [value for values, _ in parts if values is not None for value in values]
            return (known if all(part[0] is not None for part in parts) else None), irrefutable
        if isinstance(node, cst.MatchSingleton):
            return [{"None": None, "True": True, "False": False}[node.value.value]], False
        if isinstance(node, cst.MatchValue):
            value = _literal(node.value)
            return (None if value is None else [value.value]), False
        if isinstance(node, (cst.MatchTuple, cst.MatchList)):
            return self._sequence_pattern(node, binds), False
        _collect_captures(node, binds)
        return None, False

    def _sequence_pattern(
        self, node: cst.MatchTuple | cst.MatchList, binds: list[str]
    ) -> list[object] | None:
        row: list[list[object]] = []
        simple = True
        for element in node.patterns:
            if isinstance(element, cst.MatchStar):
                _collect_captures(element, binds)
                simple = False
                continue
            values, irrefutable = self._pattern(element.value, binds)
            simple = simple and (irrefutable or values is not None)
            row.append([ANYTHING] if irrefutable else list(values or ()))
        if not simple:
            return None
        if prod(map(len, row)) > _MOST_ROWS:
            return None
        return list(product(*row))

    # Functions

    def _function(
        self,
        node: cst.FunctionDef,
        parent: ir.Func | None,
        cls: str | None,
        line: int | None = None,
    ) -> tuple[ir.Func, list[ir.Expr]]:
        if line is None:
            line = self._places.statement()
        decorators = [self._expr(decorator.decorator) for decorator in node.decorators]
        cls = cls or (parent.cls if parent is not None else None)
        func = ir.Func(node.name.value, line, parent, cls=cls)
        func.asynchronous = node.asynchronous is not None
        func.decorators = decorators
        defaults = self._params(node.params, func)
        outer, self._func = self._func, func
        func.body = self._suite(node.body)
        self._func = outer
        func.mentions = (func.mentions - (func.locals - func.outer)) | defaults
        outer.mentions |= func.mentions
        return func, decorators

    def _params(self, params: cst.Parameters, func: ir.Func) -> set[str]:
        """Lower the parameters of a function; returns the names that their defaults mention."""
        mentioned, self._func.mentions = self._func.mentions, set()
        for param in (*params.posonly_params, *params.params):
            func.positional.append(param.name.value)
        every = [*params.posonly_params, *params.params, *params.kwonly_params]
        for param in every:
            func.params.append(param.name.value)
            if param.annotation is not None and _is_coroutine(param.annotation.annotation):
                func.coroutines.add(param.name.value)
            if param.default is not None:
                func.defaults[param.name.value] = self._expr(param.default)
        if isinstance(params.star_arg, cst.Param):
            func.star = params.star_arg.name.value
            func.params.append(func.star)
        if params.star_kwarg is not None:
            func.star_star = params.star_kwarg.name.value
            func.params.append(func.star_star)
        func.locals.update(func.params)
        func.assigned.update(func.params)
        defaults, self._func.mentions = self._func.mentions, mentioned | self._func.mentions
        return defaults

    def _lambda(self, node: cst.Lambda) -> ir.Expr:
        func = ir.Func("<lambda>", self._line, self._func, cls=self._func.cls)
        defaults = self._params(node.params, func)
        outer, self._func = self._func, func
        self._scopes.append({name: name for name in func.params})
        func.body = [ir.Return(self._expr(node.body), self._line)]
        self._scopes.pop()
        self._func = outer
        func.mentions = (func.mentions - (func.locals - func.outer)) | defaults
        outer.mentions |= func.mentions
        outer.nested.append(func)
        return ir.Lambda(func)

    def _scoped(self, name: str) -> str:
        """The name of a variable: one of a comprehension gets a name of its own."""
        for scope in reversed(self._scopes):
            if name in scope:
                return scope[name]
        return name

    def _bind(self, name: str) -> None:
        self._func.locals.add(name)
        self._func.assigned.add(name)
        self._func.rebound.add(name)
        if name in self._func.definitions:
            self._func.definitions[name] = None
        self._func.mentions.add(name)

    # Targets

    def _target(self, node: Any) -> ir.Target:
        if isinstance(node, cst.Name):
            name = self._scoped(node.value)
            self._bind(name)
            return ir.Name(name)
        if isinstance(node, (cst.Tuple, cst.List)):
            return ir.Unpack(
                [
                    (self._target(part.value), isinstance(part, cst.StarredElement))
                    for part in node.elements
                ]
            )
        lowered = self._expr(node)
        return lowered if isinstance(lowered, (ir.Attr, ir.Subscript)) else ir.Other([lowered])

    # Expressions

    def _optional(self, node: Any) -> ir.Expr | None:
        return None if node is None else self._expr(node)

    def _expr(self, node: Any) -> ir.Expr:
        lower = _EXPRESSIONS.get(type(node))
        if lower is not None:
            return lower(self, node)
        return ir.Other([self._expr(child) for child in _parts(node)])

    def _name(self, node: cst.Name) -> ir.Expr:
        if node.value in _SINGLETONS:
            return ir.Const(_SINGLETONS[node.value])
        name = self._scoped(node.value)
        self._func.mentions.add(name)
        return ir.Name(name)

    def _attribute(self, node: cst.Attribute) -> ir.Expr:
        value = self._expr(node.value)
        name = node.attr.value
        path: tuple[str, ...] | None = None
        if isinstance(value, ir.Name):
            path = (value.id, name)
        elif isinstance(value, ir.Attr) and value.path is not None:
            path = (*value.path, name)
        return ir.Attr(value, name, path)

    def _call(self, node: cst.Call) -> ir.Expr:
        candidate = _last(node.func) in self._names
        span = self._places.call() if candidate else ir.Call(ir.Other([]), [], self._line)
        func = self._expr(node.func)
        args = [
            ir.Arg(
                self._expr(arg.value),
                len(arg.star),
                arg.keyword.value if arg.keyword is not None else None,
            )
            for arg in node.args
        ]
        call = ir.Call(func, args, span.line, span.column, span.end)
        if _is_map(call):
            call.mapped = self._mapped(call)
        if candidate:
            self._func.candidates.append(call)
        return call

    def _mapped(self, call: ir.Call) -> ir.Comprehension:
        """`map(f, items)` as the generator expression that calls `f` on each item."""
        each = self._each()
        inner = ir.Call(call.args[0].value, [ir.Arg(each)], call.line)
        clause = ir.Clause(each, call.args[1].value, [], False)
        return ir.Comprehension(ir.ITERATOR, None, inner, [clause], call.line)

    def _await(self, node: cst.Await) -> ir.Expr:
        return ir.Await(self._expr(node.expression), self._line)

    def _yield(self, node: cst.Yield) -> ir.Expr:
        self._func.generator = True
        if isinstance(node.value, cst.From):
            return ir.Await(self._expr(node.value.item), self._line)
        return ir.Yield(self._optional(node.value), self._line)

    def _display(self, node: cst.Tuple | cst.List | cst.Set) -> ir.Expr:
        kind = _DISPLAYS[type(node)]
        return ir.Display(
            kind,
            [
                (self._expr(element.value), isinstance(element, cst.StarredElement))
                for element in node.elements
            ],
        )

    def _dict(self, node: cst.Dict) -> ir.Expr:
        return ir.DictDisplay(
            [
                (
                    self._expr(element.key) if isinstance(element, cst.DictElement) else None,
                    self._expr(element.value),
                )
                for element in node.elements
            ]
        )

    def _comprehension(self, node: Any) -> ir.Expr:
        kind = _COMPREHENSIONS.get(type(node), list)
        line = self._line
        self._comprehensions += 1
        variables = _comprehension_variables(node.for_in)
        self._scopes.append({name: f"{name}~{self._comprehensions}" for name in variables})
        key = self._expr(node.key) if isinstance(node, cst.DictComp) else None
        part = node.elt if hasattr(node, "elt") else node.value
        is_unpacked = isinstance(part, cst.StarredElement)
        element = self._expr(part.value if is_unpacked else part)
        clauses = []
        clause: cst.CompFor | None = node.for_in
        while clause is not None:
            target = self._target(clause.target)
            clauses.append(
                ir.Clause(
                    target,
                    self._expr(clause.iter),
                    [self._expr(test.test) for test in clause.ifs],
                    clause.asynchronous is not None,
                )
            )
            clause = clause.inner_for_in
        self._scopes.pop()
        if is_unpacked:  # `[*items for ...]` is `[each for ... for each in items]`
            each = self._each()
            clauses.append(ir.Clause(each, element, [], False))
            element = each
        return ir.Comprehension(kind, key, element, clauses, line)

    def _unpacked_dicts(self, node: Any) -> ir.Expr:
        return ir.Other([self._comprehension(node)])  # of its keys nothing is known

    def _each(self) -> ir.Name:
        """A variable for the items of something, that the source has no name for."""
        self._comprehensions += 1
        each = ir.Name(f"each~{self._comprehensions}")
        self._bind(each.id)
        return each

    def _binary(self, node: cst.BinaryOperation) -> ir.Expr:
        left = self._expr(node.left)
        return ir.Binary(type(node.operator).__name__, left, self._expr(node.right))

    def _unary(self, node: cst.UnaryOperation) -> ir.Expr:
        value = self._expr(node.expression)
        if isinstance(node.operator, cst.Not):
            return ir.Not(value)
        if isinstance(node.operator, cst.Minus) and isinstance(value, ir.Const):
            if type(value.value) is int:
                return ir.Const(-value.value)
        return ir.Other([value])

    def _bool(self, node: cst.BooleanOperation) -> ir.Expr:
        left = self._expr(node.left)
        op = "and" if isinstance(node.operator, cst.And) else "or"
        return ir.Bool(op, left, self._expr(node.right))

    def _compare(self, node: cst.Comparison) -> ir.Expr:
        left = self._expr(node.left)
        rest = [
            (type(target.operator).__name__, self._expr(target.comparator))
            for target in node.comparisons
        ]
        return ir.Compare(left, rest)

    def _if_exp(self, node: cst.IfExp) -> ir.Expr:
        body = self._expr(node.body)
        test = self._expr(node.test)
        return ir.IfExp(test, body, self._expr(node.orelse))

    def _subscript(self, node: cst.Subscript) -> ir.Expr:
        value = self._expr(node.value)
        indexes = [self._index(element.slice) for element in node.slice]
        index = indexes[0] if len(indexes) == 1 else ir.Other(indexes)
        return ir.Subscript(value, index)

    def _index(self, node: cst.BaseSlice) -> ir.Expr:
        if isinstance(node, cst.Slice):
            return ir.Slice(
                self._optional(node.lower), self._optional(node.upper), self._optional(node.step)
            )
        assert isinstance(node, cst.Index)
        return self._expr(node.value)

    def _walrus(self, node: cst.NamedExpr) -> ir.Expr:
        target = self._target(node.target)
        assert isinstance(target, ir.Name)
        return ir.Walrus(target, self._expr(node.value))

    def _constant(self, node: Any) -> ir.Expr:
        return _literal(node) or ir.Other([])

    def _formatted(self, node: Any) -> ir.Expr:
        # Calls inside an f-string have no trustworthy place before Python 3.12, so they are not
        # candidates. Neither are those inside a t-string.
        names, self._names = self._names, frozenset()
        texts = ("FormattedStringText", "TemplatedStringText")
        parts = [
            self._expr(part.expression) for part in node.parts if type(part).__name__ not in texts
        ]
        self._names = names
        return ir.Other(parts)


class _Anything:
    """Stands in a tuple of pattern values for a part that matches everything."""


ANYTHING = _Anything()
# Alternatives inside a sequence pattern multiply: of one with more rows nothing is known.
_MOST_ROWS = 1_000
_DISPLAYS: dict[type, type] = {cst.List: list, cst.Set: set, cst.Tuple: tuple}
_COMPREHENSIONS: dict[type, type] = {
    cst.ListComp: list,
    cst.SetComp: set,
    cst.DictComp: dict,
    cst.GeneratorExp: ir.ITERATOR,
}
_SINGLETONS: dict[str, object] = {"None": None, "True": True, "False": False}


def _literal(node: Any) -> ir.Const | None:
    if isinstance(node, cst.Integer):
        return ir.Const(int(node.value.replace("_", ""), 0)) if node.value.isalnum() else None
    if isinstance(node, cst.SimpleString):
        # To evaluate an escape sequence may warn, and no condition depends on such a string.
        value = None if "\\" in node.value else node.evaluated_value
        return ir.Const(value) if isinstance(value, str) else None
    return None


def _is_map(call: ir.Call) -> bool:
    return (
        isinstance(call.func, ir.Name)
        and f"builtins.{call.func.id}" == MAP
        and len(call.args) == 2
        and not any(arg.star or arg.keyword for arg in call.args)
    )


def _comprehension_variables(clause: cst.CompFor | None) -> set[str]:
    """The names that the clauses of a comprehension bind."""
    names: set[str] = set()
    while clause is not None:
        queue: list[Any] = [clause.target]
        while queue:
            node = queue.pop()
            if isinstance(node, cst.Name):
                names.add(node.value)
            elif isinstance(node, (cst.Tuple, cst.List)):
                queue.extend(element.value for element in node.elements)
        clause = clause.inner_for_in
    return names


def _last(func: cst.BaseExpression) -> str | None:
    if isinstance(func, cst.Attribute):
        return func.attr.value
    return func.value if isinstance(func, cst.Name) else None


def _parts(node: Any) -> list[cst.BaseExpression]:
    return [child for child in node.children if isinstance(child, cst.BaseExpression)]


def _collect_captures(node: cst.CSTNode, binds: list[str]) -> None:
    if isinstance(node, (cst.MatchAs, cst.MatchStar)) and node.name is not None:
        binds.append(node.name.value)
    for child in node.children:
        _collect_captures(child, binds)


def _is_coroutine(annotation: cst.BaseExpression) -> bool:
    """Whether an annotation is one of a coroutine or an awaitable, which may also be None."""
    if isinstance(annotation, cst.SimpleString):
        with suppress(cst.ParserSyntaxError):
            return _is_coroutine(cst.parse_expression(str(annotation.evaluated_value)))
    elif isinstance(annotation, cst.BinaryOperation):
        return _are_coroutines([annotation.left, annotation.right])
    elif isinstance(annotation, cst.Subscript):
        named = _last_of(annotation.value)
        if named not in ("Optional", "Union", "Annotated"):
            return named in _COROUTINES
        inside = [e.slice.value for e in annotation.slice if isinstance(e.slice, cst.Index)]
        return _are_coroutines(inside[:1] if named == "Annotated" else inside)
    return _last_of(annotation) in _COROUTINES


def _are_coroutines(annotations: list[cst.BaseExpression]) -> bool:
    return all(_is_coroutine(one) for one in annotations if _last_of(one) != "None")


def _last_of(node: cst.BaseExpression) -> str:
    """The last component of a name, or ""."""
    name = node.attr if isinstance(node, cst.Attribute) else node
    return name.value if isinstance(name, cst.Name) else ""


_STATEMENTS: dict[type, Callable[[Lowerer, Any, int], list[ir.Stmt]]] = {
    cst.Expr: Lowerer._expr_stmt,
    cst.Assign: Lowerer._assign,
    cst.AnnAssign: Lowerer._ann_assign,
    cst.AugAssign: Lowerer._aug_assign,
    cst.Del: Lowerer._delete,
    cst.Return: Lowerer._return,
    cst.Raise: Lowerer._raise,
    cst.Assert: Lowerer._assert,
    cst.Break: Lowerer._jump,
    cst.Continue: Lowerer._jump,
    cst.Global: Lowerer._declare,
    cst.Nonlocal: Lowerer._declare,
    cst.Import: Lowerer._import,
    cst.ImportFrom: Lowerer._import,
    cst.FunctionDef: Lowerer._define,
    cst.ClassDef: Lowerer._define_class,
    cst.If: Lowerer._if,
    cst.While: Lowerer._while,
    cst.For: Lowerer._for,
    cst.Try: Lowerer._try,
    cst.TryStar: Lowerer._try,
    cst.With: Lowerer._with,
    cst.Match: Lowerer._match,
}
_EXPRESSIONS: dict[type, Callable[[Lowerer, Any], ir.Expr]] = {
    cst.Name: Lowerer._name,
    cst.Attribute: Lowerer._attribute,
    cst.Call: Lowerer._call,
    cst.Await: Lowerer._await,
    cst.Yield: Lowerer._yield,
    cst.Tuple: Lowerer._display,
    cst.List: Lowerer._display,
    cst.Set: Lowerer._display,
    cst.Dict: Lowerer._dict,
    cst.ListComp: Lowerer._comprehension,
    cst.SetComp: Lowerer._comprehension,
    cst.GeneratorExp: Lowerer._comprehension,
    cst.DictComp: Lowerer._comprehension,
    cst.BinaryOperation: Lowerer._binary,
    cst.UnaryOperation: Lowerer._unary,
    cst.BooleanOperation: Lowerer._bool,
    cst.Comparison: Lowerer._compare,
    cst.IfExp: Lowerer._if_exp,
    cst.Lambda: Lowerer._lambda,
    cst.Subscript: Lowerer._subscript,
    cst.NamedExpr: Lowerer._walrus,
    cst.Integer: Lowerer._constant,
    cst.SimpleString: Lowerer._constant,
    cst.ConcatenatedString: Lowerer._constant,
    cst.FormattedString: Lowerer._formatted,
}
# The oldest libcst has none of these nodes.
for _name in ("LazyImport", "LazyImportFrom"):
    if hasattr(cst, _name):
        _STATEMENTS[getattr(cst, _name)] = Lowerer._import
if hasattr(cst, "TemplatedString"):
    _EXPRESSIONS[cst.TemplatedString] = Lowerer._formatted
if hasattr(cst, "StarredDictComp"):
    _EXPRESSIONS[cst.StarredDictComp] = Lowerer._unpacked_dicts
