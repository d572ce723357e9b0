"""From a tree of libcst to one of `ast`, for a file in a newer syntax than that of the Python that
runs.

Each statement, and each expression, that this Python's parser reads is read by it. The others keep
what is asked of a tree: blocks, names and what binds them, calls, and the place of everything. All
else that they are made of is a tuple of its parts. So the tree says where things are, and is not to
be compiled.

As a program it reads the texts of files, and says what comes of each (`newer`).
"""

from __future__ import annotations

import ast
import math
import pickle
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from flake8_asyncwait.sites.outline import TYPE_PARAMETERS

AnyNode = TypeVar("AnyNode", bound=ast.AST)

# Enough for all that the parser of any Python lets through, in frames.
_DEEP = 20_000
# By the name of a node, as the oldest libcst has not all of them: the first Python that knows it.
_SINCE = {
    "TryStar": (3, 11),
    "TypeAlias": (3, 12),
    "TypeParameters": (3, 12),
    "FormattedString": (3, 12),  # with quotes, line ends and comments inside
    "TemplatedString": (3, 14),
    "StarredDictComp": (3, 15),
    "LazyImport": (3, 15),
    "LazyImportFrom": (3, 15),
}
# The part of a node that is bound to something.
_BINDING = {"CompFor": "target", "ParamSpec": "name", "TypeVar": "name", "TypeVarTuple": "name"}


def main() -> None:
    """Answer requests from standard input, a pickle of a text and of its `seconds` each, until it
    is closed.

    Where the system can bound that, the process ends when a text takes so many seconds of the
    processor's time.
    """
    sys.setrecursionlimit(_DEEP)
    warnings.simplefilter("ignore")
    while True:
        try:
            text, seconds = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        _limit(seconds)
        pickle.dump(answer(text), sys.stdout.buffer)
        sys.stdout.buffer.flush()


def answer(text: str) -> ast.Module | SyntaxError | None:
    """The tree of a text, or the error, or None where libcst knows no tree."""
    try:
        return convert(text)
    except (cst.ParserSyntaxError, cst.CSTLogicError):
        return None
    except SyntaxError as error:
        return SyntaxError(error.msg, (None, error.lineno, error.offset, error.text))


def _limit(seconds: int) -> None:
    """Let the process end after so many seconds from now."""
    try:
        import resource
    except ImportError:  # Windows
        return
    until = math.ceil(time.process_time()) + seconds
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    if most == resource.RLIM_INFINITY or most > until:
        resource.setrlimit(resource.RLIMIT_CPU, (until, most))


def convert(text: str) -> ast.Module:
    """The tree of the text of a file, with lines that end in `\\n`.

    Raises `ParserSyntaxError` or `CSTLogicError` where libcst cannot read it, and `SyntaxError`
    where the Python that runs refuses a statement in which nothing is newer.
    """
    wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
    converter = Converter(text, wrapper.resolve(PositionProvider))
    return ast.Module(converter.block(wrapper.module.body), [])


class Converter:
    """Converts the nodes of one file, whose places are `ranges`."""

    def __init__(self, text: str, ranges: Mapping[cst.CSTNode, CodeRange]) -> None:
        self._lines = text.split("\n")
        self._ranges = ranges

    def block(self, body: Iterable[cst.CSTNode]) -> list[ast.stmt]:
        """The statements of a block."""
        return [each for node in body for each in self._statements(node)]

    # What Python reads

    def _statements(self, node: cst.CSTNode) -> list[ast.stmt]:
        """A compound statement, a simple one, or a line of these."""
        try:
            return self.read(node)
        except SyntaxError:
            if isinstance(node, cst.SimpleStatementLine):
                return self.block(node.body)
            if not holds_newer(node):
                raise
            return [self._statement(node)]

    def _expr(self, node: cst.CSTNode) -> ast.expr:
        try:
            return self.read_expression(node)
        except SyntaxError:
            make = _EXPRESSIONS.get(type(node).__name__, Converter._tuple)
            return self._placed(make(self, node), node)

    def read(self, node: cst.CSTNode, hidden: str = "") -> list[ast.stmt]:
        """A statement as Python reads it, without the word `hidden` at its beginning.

        Raises `SyntaxError` where it does not.
        """
        line, before, code = self._source(node)
        indentation = before if before.isspace() else " " * len(before.encode())
        code = indentation + " " * len(hidden) + code[len(hidden) :]
        is_inside = code[:1].isspace()
        shift = line - 1 - is_inside
        try:
            tree = ast.parse("if 1:\n" + code if is_inside else code)
        except SyntaxError as error:
            error.lineno = (error.lineno or 1) + shift
            raise
        ast.increment_lineno(tree, shift)
        body = tree.body
        if is_inside:
            assert isinstance(body[0], ast.If)
            body = body[0].body
        return body

    def read_expression(self, node: cst.CSTNode) -> ast.expr:
        """An expression as Python reads it. Raises `SyntaxError` where it does not."""
        line, before, code = self._source(node)
        code = " " * len(before.encode()) + code
        found = ast.parse(f"(\n{code}\n)", mode="eval").body
        ast.increment_lineno(found, line - 2)
        return found

    def _source(self, node: cst.CSTNode) -> tuple[int, str, str]:
        """The line of a node, what stands before it there, and its own text."""
        start, end = self._ranges[node].start, self._ranges[node].end
        if isinstance(node, (cst.FunctionDef, cst.ClassDef)) and node.decorators:
            start = self._ranges[node.decorators[0]].start
        lines = self._lines[start.line - 1 : end.line]
        lines[-1] = lines[-1][: end.column]
        before, lines[0] = lines[0][: start.column], lines[0][start.column :]
        return start.line, before, "\n".join(lines)

    # Statements

    def _statement(self, node: cst.CSTNode) -> ast.stmt:
        make = _STATEMENTS.get(type(node).__name__, Converter._other)
        return self._placed(make(self, node), node)

    def _placed(self, new: AnyNode, node: cst.CSTNode) -> AnyNode:
        """A node of `ast` that stands where one of libcst does."""
        found: Any = new
        start, end = self._ranges[node].start, self._ranges[node].end
        found.lineno, found.end_lineno = start.line, end.line
        found.col_offset = len(self._lines[start.line - 1][: start.column].encode())
        found.end_col_offset = len(self._lines[end.line - 1][: end.column].encode())
        return new

    def _other(self, node: cst.CSTNode) -> ast.stmt:
        return ast.Expr(self._tuple(node))

    def _lazy_import(self, node: cst.CSTNode) -> ast.stmt:
        return self.read(node, hidden="lazy")[0]

    def _assign(self, node: cst.Assign) -> ast.stmt:
        targets = [self._target(each.target) for each in node.targets]
        return ast.Assign(targets, self._expr(node.value))

    def _ann_assign(self, node: cst.AnnAssign) -> ast.stmt:
        annotation = self._expr(node.annotation.annotation)
        value = self._optional(node.value)
        return ast.AnnAssign(self._target(node.target), annotation, value, 0)

    def _aug_assign(self, node: cst.AugAssign) -> ast.stmt:
        return ast.AugAssign(self._target(node.target), ast.Add(), self._expr(node.value))

    def _delete(self, node: cst.Del) -> ast.stmt:
        target = self._expr(node.target)
        _bind(target, ast.Del())
        return ast.Delete([target])

    def _type_alias(self, node: cst.TypeAlias) -> ast.stmt:
        target, (_, *parts) = self._target(node.name), self._parts(node)
        return ast.AnnAssign(target, self._placed(ast.Tuple(parts, ast.Load()), node), None, 1)

    def _function(self, node: cst.FunctionDef) -> ast.stmt:
        make = ast.FunctionDef if node.asynchronous is None else ast.AsyncFunctionDef
        decorators = [self._expr(each.decorator) for each in node.decorators]
        returns = self._annotation(node.returns)
        if node.type_parameters is not None:
            both = [*self._parts(node.type_parameters), *([returns] if returns else [])]
            returns = self._placed(ast.Tuple(both, ast.Load()), node.type_parameters)
        arguments = self._arguments(node.params)
        return make(node.name.value, arguments, self._suite(node.body), decorators, returns)

    def _class(self, node: cst.ClassDef) -> ast.stmt:
        bases = [self._expr(each.value) for each in node.bases]
        keywords = [self._keyword(each) for each in node.keywords]
        if node.type_parameters is not None:
            keywords.append(ast.keyword(TYPE_PARAMETERS, self._tuple(node.type_parameters)))
        decorators = [self._expr(each.decorator) for each in node.decorators]
        return ast.ClassDef(node.name.value, bases, keywords, self._suite(node.body), decorators)

    def _if(self, node: cst.If) -> ast.stmt:
        return ast.If(self._expr(node.test), self._suite(node.body), self._orelse(node.orelse))

    def _while(self, node: cst.While) -> ast.stmt:
        return ast.While(self._expr(node.test), self._suite(node.body), self._orelse(node.orelse))

    def _for(self, node: cst.For) -> ast.stmt:
        make = ast.For if node.asynchronous is None else ast.AsyncFor
        target, iterable = self._target(node.target), self._expr(node.iter)
        return make(target, iterable, self._suite(node.body), self._orelse(node.orelse))

    def _with(self, node: cst.With) -> ast.stmt:
        make = ast.With if node.asynchronous is None else ast.AsyncWith
        items = [
            ast.withitem(self._expr(each.item), self._target(each.asname.name))
            if each.asname is not None
            else ast.withitem(self._expr(each.item))
            for each in node.items
        ]
        return make(items, self._suite(node.body))

    def _try(self, node: cst.Try | cst.TryStar) -> ast.stmt:
        handlers = [self._placed(self._handler(each), each) for each in node.handlers]
        final = self._suite(node.finalbody.body) if node.finalbody is not None else []
        return ast.Try(self._suite(node.body), handlers, self._orelse(node.orelse), final)

    def _handler(self, node: cst.ExceptHandler | cst.ExceptStarHandler) -> ast.ExceptHandler:
        name = None
        if node.name is not None:
            assert isinstance(node.name.name, cst.Name)
            name = node.name.name.value
        return ast.ExceptHandler(self._optional(node.type), name, self._suite(node.body))

    def _match(self, node: cst.Match) -> ast.stmt:
        return ast.Match(self._expr(node.subject), [self._case(each) for each in node.cases])

    def _case(self, node: cst.MatchCase) -> ast.match_case:
        line, before, code = self._source(node.pattern)
        code = " " * len(before.encode()) + code
        statement = ast.parse(f"match 0:\n case (\n{code}\n ): 0").body[0]
        ast.increment_lineno(statement, line - 3)
        assert isinstance(statement, ast.Match)
        pattern, guard = statement.cases[0].pattern, self._optional(node.guard)
        return ast.match_case(pattern, guard, self._suite(node.body))

    def _suite(self, suite: cst.BaseSuite) -> list[ast.stmt]:
        return self.block(suite.body)

    def _orelse(self, orelse: cst.If | cst.Else | None) -> list[ast.stmt]:
        if isinstance(orelse, cst.If):
            return [self._statement(orelse)]
        return self._suite(orelse.body) if orelse is not None else []

    # Expressions

    def _tuple(self, node: cst.CSTNode) -> ast.Tuple:
        return self._placed(ast.Tuple(self._parts(node), ast.Load()), node)

    def _parts(self, node: cst.CSTNode) -> list[ast.expr]:
        """The expressions in a node that are in none of the others."""
        found: list[ast.expr] = []
        for child in node.children:
            if child is getattr(node, _BINDING.get(type(node).__name__, ""), None):
                found.append(self._target(child))
            elif isinstance(child, cst.BaseExpression):
                found.append(self._expr(child))
            else:
                found += self._parts(child)
        return found

    def _string(self, node: cst.CSTNode) -> ast.expr:
        return ast.JoinedStr([ast.FormattedValue(each, -1) for each in self._parts(node)])

    def _attribute(self, node: cst.Attribute) -> ast.expr:
        return ast.Attribute(self._expr(node.value), node.attr.value, ast.Load())

    def _subscript(self, node: cst.Subscript) -> ast.expr:
        parts = [part for each in node.slice for part in self._parts(each)]
        index = self._placed(ast.Tuple(parts, ast.Load()), node)
        return ast.Subscript(self._expr(node.value), index, ast.Load())

    def _starred(self, node: cst.StarredElement) -> ast.expr:
        return ast.Starred(self._expr(node.value), ast.Load())

    def _call(self, node: cst.Call) -> ast.expr:
        positional = [self._argument(each) for each in node.args if not _is_keyword(each)]
        keywords = [self._keyword(each) for each in node.args if _is_keyword(each)]
        return ast.Call(self._expr(node.func), positional, keywords)

    def _argument(self, node: cst.Arg) -> ast.expr:
        value = self._expr(node.value)
        return self._placed(ast.Starred(value, ast.Load()), node) if node.star else value

    def _keyword(self, node: cst.Arg) -> ast.keyword:
        name = node.keyword.value if node.keyword is not None else None
        return self._placed(ast.keyword(name, self._expr(node.value)), node)

    def _walrus(self, node: cst.NamedExpr) -> ast.expr:
        target = self._target(node.target)
        return ast.NamedExpr(target, self._expr(node.value))

    def _lambda(self, node: cst.Lambda) -> ast.expr:
        return ast.Lambda(self._arguments(node.params), self._expr(node.body))

    def _target(self, node: cst.CSTNode) -> Any:
        target = self._expr(node)
        _bind(target, ast.Store())
        return target

    # Parameters

    def _arguments(self, node: cst.Parameters) -> ast.arguments:
        positional = (*node.posonly_params, *node.params)
        star = node.star_arg if isinstance(node.star_arg, cst.Param) else None
        return ast.arguments(
            posonlyargs=[self._parameter(each) for each in node.posonly_params],
            args=[self._parameter(each) for each in node.params],
            vararg=self._parameter(star) if star is not None else None,
            kwonlyargs=[self._parameter(each) for each in node.kwonly_params],
            kw_defaults=[self._optional(each.default) for each in node.kwonly_params],
            kwarg=self._parameter(node.star_kwarg) if node.star_kwarg is not None else None,
            defaults=[self._expr(each.default) for each in positional if each.default is not None],
        )

    def _parameter(self, node: cst.Param) -> ast.arg:
        return self._placed(ast.arg(node.name.value, self._annotation(node.annotation)), node.name)

    def _annotation(self, node: cst.Annotation | None) -> ast.expr | None:
        return self._expr(node.annotation) if node is not None else None

    def _optional(self, node: cst.CSTNode | None) -> Any:
        return self._expr(node) if node is not None else None


_STATEMENTS: dict[str, Callable[[Converter, Any], ast.stmt]] = {
    "Assign": Converter._assign,
    "AnnAssign": Converter._ann_assign,
    "AugAssign": Converter._aug_assign,
    "ClassDef": Converter._class,
    "Del": Converter._delete,
    "For": Converter._for,
    "FunctionDef": Converter._function,
    "If": Converter._if,
    "LazyImport": Converter._lazy_import,
    "LazyImportFrom": Converter._lazy_import,
    "Match": Converter._match,
    "Try": Converter._try,
    "TryStar": Converter._try,
    "TypeAlias": Converter._type_alias,
    "While": Converter._while,
    "With": Converter._with,
}
_EXPRESSIONS: dict[str, Callable[[Converter, Any], ast.expr]] = {
    "Attribute": Converter._attribute,
    "Call": Converter._call,
    "FormattedString": Converter._string,
    "Lambda": Converter._lambda,
    "NamedExpr": Converter._walrus,
    "StarredElement": Converter._starred,
    "Subscript": Converter._subscript,
    "TemplatedString": Converter._string,
}


def holds_newer(node: cst.CSTNode) -> bool:
    """Whether anything in a node is newer than the Python that runs."""
    todo: list[cst.CSTNode] = [node]
    while todo:
        each = todo.pop()
        if sys.version_info < _since(each):
            return True
        todo.extend(each.children)
    return False


def _since(node: cst.CSTNode) -> tuple[int, int]:
    """The first Python that knows what a node is, as far as that matters to us."""
    if isinstance(node, cst.Index) and node.star is not None:
        return 3, 11
    if isinstance(node, cst.Annotation) and isinstance(node.annotation, cst.StarredElement):
        return 3, 11
    if isinstance(node, cst.TypeParam) and node.default is not None:
        return 3, 13
    if isinstance(node, (cst.ExceptHandler, cst.ExceptStarHandler)):
        if isinstance(node.type, cst.Tuple) and not node.type.lpar:
            return 3, 14
    if isinstance(node, cst.BaseComp) and isinstance(
        getattr(node, "elt", None), cst.StarredElement
    ):
        return 3, 15
    return _SINCE.get(type(node).__name__, (3, 0))


def _is_keyword(node: cst.Arg) -> bool:
    return node.keyword is not None or node.star == "**"


def _bind(target: ast.expr, context: ast.expr_context) -> None:
    """Say of an expression that something is bound to it, or deleted."""
    if isinstance(target, (ast.Name, ast.Attribute, ast.Subscript, ast.Starred)):
        target.ctx = context
    if isinstance(target, ast.Starred):
        _bind(target.value, context)
    if isinstance(target, (ast.Tuple, ast.List)):
        target.ctx = context
        for element in target.elts:
            _bind(element, context)
