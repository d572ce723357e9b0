"""libcst to `ir`: the one place that knows libcst trees. One pass, in source order.

What becomes of each kind of node stands in `lower_statements` and `lower_expressions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import libcst as cst

from flake8_asyncwait.analysis.code import ir
from flake8_asyncwait.analysis.code.annotations import is_coroutine, is_plain
from flake8_asyncwait.analysis.code.lower_expressions import EXPRESSIONS
from flake8_asyncwait.analysis.code.lower_statements import STATEMENTS
from flake8_asyncwait.analysis.code.places import Place, PlacesDiffer, Span
from flake8_asyncwait.sites.visitor import find_calls


class Lowerer:
    """Lowers one slice: a module or a function, with all nested ones.

    `names` are the last components that the callees of wait sites may have. Raises `PlacesDiffer`
    where the tree does not hold the statements and calls of `places`.
    """

    def __init__(self, places: Iterator[Place], names: frozenset[str]) -> None:
        self._places = places
        self._names = names
        # Where the calls stand that may be wait sites.
        self.spans: dict[cst.Call, Span] = {}
        # The function, and the line of the statement, that is being lowered.
        self.func = ir.Func("", 0)
        self.line = 0
        # The name of what the handler around has caught.
        self.caught: ir.Name | None = None
        # What the variables of the comprehensions around are called: they are no locals.
        self.scopes: list[dict[str, str]] = []
        self._fresh = count(1)

    def module(self, tree: cst.Module) -> ir.Func:
        """The whole tree as one function: the module's own statements."""
        self.func = ir.Func("<module>", 1, module=True, asynchronous=True)
        self.func.body = self.block(tree.body)
        self._finish()
        return self.func

    def definition(self, node: cst.FunctionDef, cls: str | None) -> ir.Func:
        """One function, with all nested ones."""
        func = self.function(node, None, cls)[0]
        self._finish()
        return func

    def _finish(self) -> None:
        if next(self._places, None) is not None:
            raise PlacesDiffer

    def _line_of(self, statement: cst.CSTNode) -> int:
        """The line of the statement that comes next; where its calls stand is known from now on."""
        place = next(self._places, None)
        if place is None:
            raise PlacesDiffer
        if place.calls:
            calls = find_calls(statement, self._names)
            if len(calls) != len(place.calls):
                raise PlacesDiffer
            self.spans.update(zip(calls, place.calls, strict=True))
        return place.line

    def fresh(self, name: str) -> str:
        """A name for a variable of a comprehension, which no other has."""
        return f"{name}~{next(self._fresh)}"

    def block(self, body: Sequence[cst.CSTNode]) -> list[ir.Stmt]:
        statements: list[ir.Stmt] = []
        for node in body:
            if isinstance(node, cst.SimpleStatementLine):
                for small in node.body:
                    statements.extend(self.statement(small))
            else:
                statements.extend(self.statement(node))
        return statements

    def suite(self, suite: cst.BaseSuite) -> list[ir.Stmt]:
        return self.block(suite.body)

    def statement(self, node: cst.CSTNode) -> list[ir.Stmt]:
        line = self.line = self._line_of(node)
        lower = STATEMENTS.get(type(node))
        if lower is None:
            return []
        return lower(self, node, line)

    def function(
        self,
        node: cst.FunctionDef,
        parent: ir.Func | None,
        cls: str | None,
        line: int | None = None,
    ) -> tuple[ir.Func, list[ir.Expr]]:
        if line is None:
            line = self._line_of(node)
        decorators = [self.expr(decorator.decorator) for decorator in node.decorators]
        cls = cls or (parent.cls if parent is not None else None)
        func = ir.Func(node.name.value, line, parent, cls=cls)
        func.asynchronous = node.asynchronous is not None
        func.decorators = decorators
        defaults = self.params(node.params, func)
        outer, self.func, caught, self.caught = self.func, func, self.caught, None
        func.body = self.suite(node.body)
        self.func, self.caught = outer, caught
        func.mentions = (func.mentions - (func.locals - func.outer)) | defaults
        outer.mentions |= func.mentions
        return func, decorators

    def params(self, params: cst.Parameters, func: ir.Func) -> set[str]:
        """Lower the parameters of a function; returns the names that their defaults mention."""
        mentioned, self.func.mentions = self.func.mentions, set()
        for param in (*params.posonly_params, *params.params):
            func.positional.append(param.name.value)
        every = [*params.posonly_params, *params.params, *params.kwonly_params]
        for param in every:
            func.params.append(param.name.value)
            if param.default is not None:
                func.defaults[param.name.value] = self.expr(param.default)
        if isinstance(params.star_arg, cst.Param):
            func.star = params.star_arg.name.value
            func.params.append(func.star)
            every.append(params.star_arg)
        if params.star_kwarg is not None:
            func.star_star = params.star_kwarg.name.value
            func.params.append(func.star_star)
        for param in every:
            if param.annotation is not None:
                if is_coroutine(param.annotation.annotation):
                    func.coroutines.add(param.name.value)
                elif is_plain(param.annotation.annotation):
                    func.plain.add(param.name.value)
        func.locals.update(func.params)
        func.assigned.update(func.params)
        defaults, self.func.mentions = self.func.mentions, mentioned | self.func.mentions
        return defaults

    def scoped(self, name: str) -> str:
        """The name of a variable: one of a comprehension gets a name of its own."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return name

    def bind(self, name: str) -> None:
        self.func.locals.add(name)
        self.func.assigned.add(name)
        self.func.rebound.add(name)
        if name in self.func.definitions:
            self.func.definitions[name] = None
        self.func.mentions.add(name)

    def target(self, node: cst.CSTNode) -> ir.Target:
        if isinstance(node, cst.Name):
            name = self.scoped(node.value)
            self.bind(name)
            return ir.Name(name)
        if isinstance(node, (cst.Tuple, cst.List)):
            return ir.Unpack(
                [
                    (self.target(part.value), isinstance(part, cst.StarredElement))
                    for part in node.elements
                ]
            )
        lowered = self.expr(node)
        return lowered if isinstance(lowered, (ir.Attr, ir.Subscript)) else ir.Other([lowered])

    def optional(self, node: cst.CSTNode | None) -> ir.Expr | None:
        return None if node is None else self.expr(node)

    def expr(self, node: cst.CSTNode) -> ir.Expr:
        lower = EXPRESSIONS.get(type(node))
        if lower is not None:
            return lower(self, node)
        return ir.Other([self.expr(child) for child in _parts(node)])


def _parts(node: cst.CSTNode) -> list[cst.BaseExpression]:
    return [child for child in node.children if isinstance(child, cst.BaseExpression)]
