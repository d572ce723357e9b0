"""Mutants of real code: a function that has a site, with one to three small changes.

What somebody wrote holds more than what a grammar draws, and a change makes a leak where there was
none, or a cleanup that does not fit any more.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from random import Random

from flake8_asyncwait.sites.find import last_name

from .judge import find_family, find_sites
from .reduce import BODIES, Edit, bound_by, put

FIXTURES = Path(__file__).parents[2] / "fixtures"
KNOWN_TO_DIFFER = "limits.py"  # where the linter is known to be wrong
LONGEST = 70  # lines: longer functions have too many executions
TRIES = 20  # for each program
WORDS = {False: ("wait",), True: ("gather", "as_completed", "create_task", "ensure_future")}
ENDS = """
async def body():
    await something()
    if something():
        return
    if something():
        raise ValueError
    raise ValueError
    if something():
        break
    if something():
        continue
"""
KINDS_OF_ERRORS = ("Exception", "BaseException", "ValueError", "asyncio.CancelledError")
KEYWORDS: dict[str, dict[str, tuple[str, ...]]] = {
    "wait": {
        "return_when": (
            "asyncio.FIRST_COMPLETED",
            "asyncio.FIRST_EXCEPTION",
            "asyncio.ALL_COMPLETED",
        ),
        "timeout": ("1.0",),
    },
    "gather": {"return_exceptions": ("True",)},
    "as_completed": {"timeout": ("1.0",)},
}
Function = ast.FunctionDef | ast.AsyncFunctionDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def drawn_mutants(place: Path, is_family: bool, number: int, examples: int) -> list[str]:
    """Draw about so many different mutants from a seed, of the functions below a place, or of one
    file, that hold a wait, or a site of the family."""
    random = Random(number)
    files = _files(place, is_family)
    found: dict[str, None] = {}
    for _ in range(TRIES * examples if files else 0):
        path = random.choice(files)
        lines, functions = _functions_with_sites(path, is_family)
        if functions and (text := mutant(path.read_text("utf-8"), functions, lines, random)):
            found[text] = None
        if len(found) == examples:
            break
    return list(found)


@cache
def _files(place: Path, is_family: bool) -> list[Path]:
    """The files that may hold a site, in order."""
    paths = sorted(place.rglob("*.py")) if place.is_dir() else [place]
    return [path for path in paths if path.name != KNOWN_TO_DIFFER and _may_hold(path, is_family)]


def _may_hold(path: Path, is_family: bool) -> bool:
    content = path.read_bytes()
    return b"asyncio" in content and any(word.encode() in content for word in WORDS[is_family])


@cache
def _functions_with_sites(path: Path, is_family: bool) -> tuple[set[int], list[int]]:
    """The lines of the sites of a file, and of the functions and methods that hold one."""
    try:
        text = path.read_text("utf-8")
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return set(), []
    lines = {line for line, _ in (find_family(text) if is_family else find_sites(text))}
    functions = [
        function.lineno
        for function in _functions(tree)
        if _holds(function, lines) and (function.end_lineno or 0) - function.lineno < LONGEST
    ]
    return lines, functions


def _functions(node: ast.AST) -> Iterator[Function]:
    """The functions of a module and the methods of its classes, but none inside these."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, FUNCTIONS):
            yield child
        elif isinstance(child, (ast.ClassDef, ast.If, ast.Try)):
            yield from _functions(child)


def _holds(node: ast.stmt, lines: set[int]) -> bool:
    return any(node.lineno <= line <= (node.end_lineno or 0) for line in lines)


def mutant(text: str, functions: list[int], lines: set[int], random: Random) -> str:
    """Return a module with one of its functions changed, and without the others that hold sites and
    are not named there; "" where that is no program, or the function reads what it has not bound.

    `functions` are the lines of those to choose from, `lines` those of the sites.
    """
    tree = ast.parse(text)
    at = random.choice(functions)
    function = next(one for one in _functions(tree) if one.lineno == at)
    _Cut(function, lines).visit(tree)
    for _ in range(random.choice((1, 1, 2, 3))):
        edits = list(random.choice(MUTATIONS)(function))
        if edits:
            random.choice(edits)()
    text = program_of(tree)
    return "" if not text or _reads_unbound(text, function.name) else text


def program_of(tree: ast.Module) -> str:
    """Return the text of a changed module, with what the change needs, or "" where it is none."""
    try:
        text = ast.unparse(ast.fix_missing_locations(tree))
        compile(text, "<mutant>", "exec", dont_inherit=True)
    except (SyntaxError, ValueError):
        return ""
    if "something" in text:
        text += "\nfrom elsewhere import something"
    return f"{text}\n"


class _Cut(ast.NodeTransformer):
    """Leaves out the functions that hold sites, but for one and those that it names."""

    def __init__(self, kept: Function, lines: set[int]) -> None:
        self._kept = kept
        self._lines = lines
        self._names = {last_name(node) for node in ast.walk(kept) if isinstance(node, ast.expr)}

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.FunctionDef | None:
        return None if self._is_left_out(node) else node

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AsyncFunctionDef | None:
        return None if self._is_left_out(node) else node

    def _is_left_out(self, function: Function) -> bool:
        is_other = function is not self._kept and function.name not in self._names
        return is_other and _holds(function, self._lines)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.ClassDef:
        self.generic_visit(node)
        node.body = node.body or [ast.Pass()]
        return node


def _reads_unbound(text: str, name: str) -> bool:
    """Say whether a function of a name reads a variable on a line before it is first bound."""
    return any(
        _is_read_before(function)
        for function in ast.walk(ast.parse(text))
        if isinstance(function, FUNCTIONS) and function.name == name
    )


def _is_read_before(function: Function) -> bool:
    bound: dict[str, int] = {}
    for node in ast.walk(function):
        for name in bound_by(node):
            line = getattr(node, "lineno", 0)
            bound[name] = min(bound.get(name, line), line)
    return any(
        node.lineno < bound.get(node.id, 0)
        for node in ast.walk(function)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    )


# Each mutation yields the changes of its kind that can be made to a function.


def _blocks(function: Function) -> Iterator[tuple[ast.AST, str, list[ast.stmt]]]:
    for node in ast.walk(function):
        for field in BODIES[:3]:
            block = getattr(node, field, None)
            if isinstance(block, list) and block and isinstance(block[0], ast.stmt):
                yield node, field, block


def dropped(function: Function) -> Iterator[Edit]:
    """A statement less."""
    for node, field, block in _blocks(function):
        for index in range(len(block)):
            yield partial(put, node, field, index, [])


def doubled(function: Function) -> Iterator[Edit]:
    """A statement twice."""
    for _, _, block in _blocks(function):
        for index, statement in enumerate(block):
            yield partial(block.insert, index, copy.deepcopy(statement))


def swapped(function: Function) -> Iterator[Edit]:
    """Two neighbours in the other order."""
    for _, _, block in _blocks(function):
        for index in range(1, len(block)):
            yield partial(_move, block, index, block, index - 1)


def moved(function: Function) -> Iterator[Edit]:
    """A statement at the beginning or the end of another block."""
    blocks = [block for _, _, block in _blocks(function)]
    for block in blocks:
        for index, statement in enumerate(block):
            inner = [getattr(node, field, None) for node in ast.walk(statement) for field in BODIES]
            for other in blocks:
                if other is not block and all(other is not one for one in inner):
                    yield partial(_move, block, index, other, 0)
                    yield partial(_move, block, index, other, len(other))


def _move(block: list[ast.stmt], index: int, other: list[ast.stmt], at: int) -> None:
    other.insert(at, block.pop(index))
    if not block:
        block.append(ast.Pass())


def unwrapped(function: Function) -> Iterator[Edit]:
    """What a statement holds in its place."""
    for node, field, block in _blocks(function):
        for index, statement in enumerate(block):
            for part in BODIES[:3]:
                inner = getattr(statement, part, None)
                if inner and not isinstance(statement, (*FUNCTIONS, ast.ClassDef)):
                    yield partial(put, node, field, index, inner)


def guarded(function: Function) -> Iterator[Edit]:
    """Statements in a `try` whose `finally` is the next one."""
    for _, _, block in _blocks(function):
        for end in range(1, len(block)):
            for begin in range(end):
                yield partial(_guard, block, begin, end)


def _guard(block: list[ast.stmt], begin: int, end: int) -> None:
    block[begin : end + 1] = [ast.Try(block[begin:end], [], [], [block[end]])]


def ended(function: Function) -> Iterator[Edit]:
    """A way out, or a point where a fault may strike."""
    (body,) = ast.parse(ENDS).body
    for _, _, block in _blocks(function):
        for index in range(len(block) + 1):
            for end in getattr(body, "body", ()):
                yield partial(block.insert, index, end)


def tries(function: Function) -> Iterator[Edit]:
    """A `finally` less, or one that became a handler; a handler of other errors, or with another
    body."""
    for node in ast.walk(function):
        if isinstance(node, ast.Try) and node.finalbody:
            handled = [*node.finalbody, ast.Raise()]
            for kind in KINDS_OF_ERRORS:
                handler = ast.ExceptHandler(_expression(kind), None, handled)
                yield partial(_handle, node, [*node.handlers, handler])
            yield partial(_handle, node, node.handlers)
        elif isinstance(node, ast.ExceptHandler):
            for kind in KINDS_OF_ERRORS:
                yield partial(setattr, node, "type", _expression(kind))
            for body in ([ast.Raise()], [ast.Pass()], [*node.body, ast.Raise()]):
                yield partial(setattr, node, "body", body)


def _handle(statement: ast.Try, handlers: list[ast.ExceptHandler]) -> None:
    statement.handlers = handlers
    statement.finalbody = []


def _expression(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def conditions(function: Function) -> Iterator[Edit]:
    """A condition that is turned around, constant, or only one of its names."""
    for node in ast.walk(function):
        if isinstance(node, (ast.If, ast.While, ast.IfExp)):
            yield partial(setattr, node, "test", ast.UnaryOp(ast.Not(), node.test))
            names = {one.id for one in ast.walk(node.test) if isinstance(one, ast.Name)}
            for text in ("True", "False", *sorted(names)):
                yield partial(setattr, node, "test", _expression(text))


def keywords(function: Function) -> Iterator[Edit]:
    """Another `return_when`, `timeout` or `return_exceptions`, or none."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call):
            for key, values in KEYWORDS.get(last_name(node.func) or "", {}).items():
                others = [one for one in node.keywords if one.arg != key]
                yield partial(setattr, node, "keywords", others)
                for value in values:
                    one = ast.keyword(key, _expression(value))
                    yield partial(setattr, node, "keywords", [*others, one])


def renamed(function: Function) -> Iterator[Edit]:
    """Another variable in the place of one."""
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    local = {name for node in ast.walk(function) for name in bound_by(node)}
    for node in names:
        if node.id in local:
            for name in sorted(local - {node.id}):
                yield partial(setattr, node, "id", name)


def not_awaited(function: Function) -> Iterator[Edit]:
    """A statement that awaits nothing any more."""
    for node in ast.walk(function):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Await):
            yield partial(setattr, node, "value", node.value.value)


MUTATIONS: tuple[Callable[[Function], Iterator[Edit]], ...] = (
    dropped,
    doubled,
    swapped,
    moved,
    unwrapped,
    guarded,
    ended,
    tries,
    conditions,
    keywords,
    renamed,
    not_awaited,
)
