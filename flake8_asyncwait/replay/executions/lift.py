"""Make a module ready to run: found, cut down, instrumented and compiled."""

from __future__ import annotations

import ast
import dis
import sys
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from types import CodeType

from flake8_asyncwait.replay.family import WAIT
from flake8_asyncwait.replay.fence.surroundings import BUILTIN_NAMES
from flake8_asyncwait.replay.lives import Ending
from flake8_asyncwait.replay.text.confine import confine
from flake8_asyncwait.replay.text.instrument import Instrument
from flake8_asyncwait.replay.text.locate import (
    FUNCTIONS,
    HOOK,
    NONE_DECLARED,
    SCOPES,
    CannotLift,
    Declared,
    Sites,
    annotated_coroutines,
    column_of,
    hoist,
    is_static,
    path_to,
    primitives_of,
    prune,
    result_names,
    shelter,
    statement_lines,
)

FILENAME = "<judged>"
# How many nodes of a kind a tree may have that is compiled and run. Python takes quadratic time to
# make classes below each other, and quadratic memory to compile what a pattern binds.
MOST = {ast.AST: 50_000, ast.ClassDef: 1_000, ast.pattern: 1_000}


@dataclass(frozen=True, slots=True)
class Lifted:
    """A module made ready to run.

    `groups` says of each code object which function it belongs to; `target` is the judged one's.
    `line` and `column` are the site's. `parameters` are the judged function's positional names,
    with `*` before the one that takes the rest; `coroutines` are those that are annotated as
    coroutines or awaitables. For a method, `classes` is the path to its class, and `primitives` are
    the attributes that the class binds to queues, events and their like. A judged module has no
    parameters: it is `target` itself. `missing` are the names that the module does not define.
    `watches` says whether any read of the result stands in a `finally` or handler. `statements` are
    the lines of the statement on each line of the source. `kind` is that of the site; `safe`
    remembers which functions of the module cannot fail.
    """

    code: CodeType
    groups: Mapping[CodeType, CodeType]
    target: CodeType
    missing: frozenset[str]
    watches: bool
    statements: Mapping[int, range] = field(default_factory=dict)
    line: int = 0
    column: int = 0
    parameters: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    coroutines: frozenset[str] = frozenset()
    classes: tuple[str, ...] = ()
    primitives: frozenset[str] = frozenset()
    declared: Declared = NONE_DECLARED
    kind: str = WAIT
    endings: dict[CodeType, Ending] = field(default_factory=dict)


def lift(source: str, site: tuple[int, int] | None, declared: Declared = NONE_DECLARED) -> Lifted:
    """Instrument a module's source around a site, or the only site there is.

    `declared` names functions that the judge is told about. Raises CannotLift.
    """
    tree = _parsed(source)
    statements = statement_lines(tree)
    sites = Sites(tree, declared)
    call = sites.the_call(source, site)
    column, kind = column_of(source, call), sites.kinds[call]
    scopes = [node for node in path_to(tree, call) if isinstance(node, (*SCOPES, ast.ClassDef))]
    lifted = (
        _lift_function(tree, sites, call, scopes) if scopes else _lift_module(tree, sites, call)
    )
    return replace(
        lifted,
        statements=statements,
        line=call.lineno,
        column=column,
        kind=kind,
        declared=declared,
    )


def _lift_function(
    tree: ast.Module, sites: Sites, call: ast.Call, scopes: Sequence[ast.AST]
) -> Lifted:
    """Make a module ready whose site stands in the innermost of `scopes`."""
    function = scopes[-1]
    if not isinstance(function, FUNCTIONS):
        raise CannotLift("the site is in a lambda or a class")
    classes = tuple(scope.name for scope in scopes[:-1] if isinstance(scope, ast.ClassDef))
    if any(isinstance(scope, SCOPES) for scope in scopes[:-1]):
        classes = ()
    is_method = len(scopes) > 1 and isinstance(scopes[-2], ast.ClassDef) and not is_static(function)
    primitives = primitives_of(scopes[-2], sites.names) if is_method else frozenset[str]()
    coroutines = annotated_coroutines(function)
    names = result_names(function, call)
    prune(tree, scopes[:-1], function)
    tree = confine(_short(tree))
    instrument = Instrument(function, call, sites.waits(), names, sites.kinds[call])
    tree = instrument.visit(tree)
    shelter(tree, scopes)
    hoist(tree, scopes[:-1], function)
    code = _compiled(tree)
    groups = _groups(code)
    first_line = min(node.lineno for node in (function, *function.decorator_list))
    target = [
        one for one in groups if (one.co_name, one.co_firstlineno) == (function.name, first_line)
    ]
    return Lifted(
        code=code,
        groups=groups,
        target=target[-1],  # hoisting puts a copy at the end
        missing=_missing(groups),
        watches=instrument.watches,
        parameters=_parameters(function.args),
        keywords=tuple(argument.arg for argument in function.args.kwonlyargs),
        coroutines=coroutines,
        classes=classes if is_method else (),
        primitives=primitives,
    )


def _parameters(args: ast.arguments) -> tuple[str, ...]:
    """The names of positional parameters, and `*` with that of the one that takes the others."""
    names = [argument.arg for argument in (*args.posonlyargs, *args.args)]
    return (*names, "*" + args.vararg.arg) if args.vararg else tuple(names)


def _lift_module(tree: ast.Module, sites: Sites, call: ast.Call) -> Lifted:
    """Make a module ready whose site stands outside of any function."""
    names = result_names(tree, call)
    instrument = Instrument(tree, call, sites.waits(), names, sites.kinds[call])
    instrument.in_target = True
    code = _compiled(instrument.visit(confine(_short(tree))))
    groups = _groups(code)
    return Lifted(code, groups, code, _missing(groups), instrument.watches)


def _parsed(source: str) -> ast.Module:
    """Return the tree of a source that this Python is to run. Raises CannotLift."""
    try:
        return ast.parse(source)
    except SyntaxError as error:
        major, minor, *_ = sys.version_info
        reason = f"Python {major}.{minor} does not know the syntax of its file: {error.msg}"
        raise CannotLift(f"{reason} (line {error.lineno})") from error


def _short(tree: ast.Module) -> ast.Module:
    """Return a tree that is no longer than what is compiled and run in some seconds. Raises
    CannotLift."""
    nodes = list(islice(ast.walk(tree), MOST[ast.AST] + 1))
    if any(sum(isinstance(node, kind) for node in nodes) > most for kind, most in MOST.items()):
        raise CannotLift("too much of its file is needed to run it")
    return tree


def _compiled(tree: ast.Module) -> CodeType:
    """Compile a tree, without what Python would warn of in it: that is not ours to say.

    Raises CannotLift for what only the compiler refuses, such as `nonlocal` of a name that no
    function around it binds.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return compile(ast.fix_missing_locations(tree), FILENAME, "exec")
        except SyntaxError as error:
            raise CannotLift(f"Python refuses it: {error.msg} (line {error.lineno})") from error


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
    loaded, stored = set(), set(BUILTIN_NAMES)
    for code in groups:
        # `dis` shows each constant, which takes long for some, and raises for a very long integer.
        bare = code.replace(co_consts=(None,) * len(code.co_consts))
        for instruction in dis.get_instructions(bare):
            if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                loaded.add(instruction.argval)
            elif instruction.opname in ("STORE_GLOBAL", "STORE_NAME"):
                stored.add(instruction.argval)
    return frozenset(name for name in loaded - stored if not name.startswith(("__", HOOK)))
