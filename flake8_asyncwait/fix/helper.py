"""Where a fixed file gets `wait_any` from.

A linter is there for development only, so the code that it fixes gets a helper of its own: the
module that `--helper` names, or `_wait_any.py` in its top package, both made from our
`wait_any.py`. A script that is in no package gets the function itself.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from itertools import takewhile
from typing import NamedTuple

from flake8_asyncwait import __version__
from flake8_asyncwait.check import parse
from flake8_asyncwait.fix.imports import Import, add_function, add_import, imports_of
from flake8_asyncwait.fix.project import (
    Project,
    find_module,
    is_name,
    leads_to,
    parse_module,
    parts_below,
    place_for_module,
    project_of,
    top_level,
    why_not_make,
)
from flake8_asyncwait.report.entry import NewModule
from flake8_asyncwait.source.text import SourceError, decode, read

NAME = "wait_any"
_MODULE = "_wait_any"
_TYPE_VARIABLE = "_FutureT"
_OUR_FILE = os.path.join(os.path.dirname(os.path.dirname(__file__)), "wait_any.py")
_HEADER = f"""\
# From flake8-asyncwait {__version__}, and yours from here on: asyncwait never writes it again.
# Copyright (c) 2026 The flake8-asyncwait authors. SPDX-License-Identifier: MIT
"""


class Helper(NamedTuple):
    """What `--helper module:name` says; `module` is dotted."""

    module: str
    name: str


_OURS = (Helper("flake8_asyncwait", NAME), Helper("flake8_asyncwait.wait_any", NAME))


class HelperPlan(NamedTuple):
    """How a file comes by the function.

    `name` is what it is called in the file, where nothing else is called so. `add` are the imports
    that the file needs and does not have. `function` is the source of the function itself, where
    that goes into the file. `create` is the module that has to be made before the file is written,
    the same for all files that need it. `own` are top packages of the project: their imports stand
    together.
    """

    name: str
    add: tuple[Import, ...] = ()
    function: str | None = None
    create: NewModule | None = None
    own: frozenset[str] = frozenset()


class HelperError(Exception):
    """There is no safe way for the file to come by the function: `str()` is the reason."""


def parse_helper(value: str) -> Helper:
    """What `--helper` was given. Raises `ValueError` with the reason where that is no helper."""
    module, _, name = value.partition(":")
    if not all(map(is_name, [*module.split("."), name])):
        raise ValueError(f"{value!r} is not of the form pkg.module:name")
    return Helper(module, name)


def plan_helper(path: str, text: str, helper: Helper | None = None) -> HelperPlan:
    """How the file at `path`, which has this `text`, comes by the function.

    `helper` is what the user named, or None. Reads the file system and changes nothing: to go by
    the plan is to make the module (`source.write.create`), and to pass the text of the file, once
    it is rewritten, through `apply_helper`. Raises `HelperError` when there is no safe way, and
    `SyntaxError` when `text` is not Python.
    """
    tree = parse(text)
    project = project_of(path)
    if os.path.islink(path):  # what is written is the file that it leads to, in its own package
        target = project_of(os.path.realpath(path))
        if target.root != os.path.realpath(project.root):
            raise HelperError("it is a link that leads out of the project")
        project = target
    if helper is None and not project.packages:
        return _plan_function(tree)
    if helper in _OURS:
        return _plan_import(tree, [Import(*helper)])
    module, name = _module_for(project, helper), helper.name if helper else NAME
    if os.path.realpath(module) == os.path.realpath(path):
        raise HelperError(f"this is the module that {name} comes from")
    create = None
    if os.path.isfile(module):
        _check_existing(project, module, name, path)
    else:
        reason = why_not_make(project, module)
        if reason is not None:
            raise HelperError(f"cannot make the module for {name}: {reason}")
        create = NewModule(module, template(name))
    own = {*project.packages[:1], *([helper.module.split(".")[0]] if helper else [])}
    ways = _ways_to_import(tree, project, module, name, helper)
    return _plan_import(tree, ways)._replace(create=create, own=frozenset(own))


def apply_helper(text: str, plan: HelperPlan) -> str:
    """The text of a file with the imports, or the function, that `plan` wants."""
    for each in plan.add:
        text = add_import(text, each, plan.own)
    return text if plan.function is None else add_function(text, plan.function, plan.name)


def template(name: str = NAME) -> str:
    """The text of a helper module: our `wait_any.py`, with the function called `name`."""
    return _HEADER + _renamed(_our_source(), NAME, name)


# The function in the file


def _plan_function(tree: ast.Module) -> HelperPlan:
    source = _our_source()
    for node in tree.body:
        if isinstance(node, ast.AsyncFunctionDef) and _is_copy(node, source):
            return HelperPlan(node.name)
    head, start, function = source.partition(f"\n{_TYPE_VARIABLE} = ")
    needed = [each for node in parse(head).body for each in imports_of(node)]
    for each in needed:
        if not all(_is_module(node, each.bound) for node in _bindings(tree, each.bound)):
            raise HelperError(f"{each.bound!r} stands for something else in this file")
    name = _free_name(tree, NAME)
    function = _renamed(start + function, NAME, name)
    function = _renamed(function, _TYPE_VARIABLE, _free_name(tree, _TYPE_VARIABLE))
    return HelperPlan(name, tuple(needed), _HEADER + function.lstrip("\n"))


def _is_copy(node: ast.AsyncFunctionDef, source: str) -> bool:
    """Whether a function is that of our `source`, as an earlier fix has put it into the file."""
    ours = ast.unparse(parse(source).body[-1])
    pattern = re.escape(_renamed(ours, NAME, node.name)).replace(_TYPE_VARIABLE, r"\w+")
    try:
        return re.fullmatch(pattern, ast.unparse(node)) is not None
    except RecursionError:  # nested more deeply than Python can follow, as ours is not
        return False


def _is_module(binding: object, name: str) -> bool:
    """Whether what binds a name binds it to the top module of that name."""
    return (
        isinstance(binding, Import)
        and binding.name is None
        and binding.module.partition(".")[0] == name
        and binding.asname in (None, binding.module)
    )


def _our_source() -> str:
    return decode(_OUR_FILE, read(_OUR_FILE)).text


def _renamed(text: str, name: str, new_name: str) -> str:
    return re.sub(rf"\b{name}\b", new_name, text)


# The module


def _module_for(project: Project, helper: Helper | None) -> str:
    """The path of the module that the function comes from, whether it exists or not."""
    if helper is None:
        return os.path.join(project.base, project.packages[0], f"{_MODULE}.py")
    found = find_module(project, helper.module) or place_for_module(project, helper.module)
    if found is None:
        package = helper.module.rpartition(".")[0]
        what = f"package {package!r}" if package else f"module {helper.module!r}"
        raise HelperError(f"there is no {what} in the project")
    return found


def _check_existing(project: Project, module: str, name: str, path: str) -> None:
    """Raises `HelperError` unless the file at `path` can have the function from `module`."""
    shown = os.path.relpath(module, project.root)
    try:
        tree = parse_module(module)
    except SourceError as error:
        raise HelperError(f"{shown}: {error.reason}") from error
    defining = [node for node in top_level(tree.body) if _defines(node, name)]
    if not defining:
        raise HelperError(f"{shown} does not define {name}")
    if not all(map(_is_like_ours, defining)):
        signature = "(tasks, *, timeout=None, return_when=FIRST_COMPLETED)"
        raise HelperError(f"{shown} does not define {name} as an async function {signature}")
    if leads_to(project, module, path):
        raise HelperError(f"{shown} imports this file: the imports would go in a circle")


def _defines(node: ast.stmt, name: str) -> bool:
    targets: list[ast.expr] = []
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.name == name
    if isinstance(node, ast.Assign):
        targets = node.targets
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        targets = [node.target]
    if any(isinstance(target, ast.Name) and target.id == name for target in targets):
        return True
    return any(each.bound == name for each in imports_of(node))


def _is_like_ours(node: ast.stmt) -> bool:
    """Whether a statement shows that what it defines takes the arguments that ours takes, with the
    same defaults: fixed code passes only those that differ from them."""
    if not isinstance(node, ast.AsyncFunctionDef):
        return False
    args = node.args
    positional = [*args.posonlyargs, *args.args]
    required = [None] * (len(positional) - len(args.defaults))
    names = [each.arg for each in (*positional, *args.kwonlyargs)]
    defaults = dict(zip(names, [*required, *args.defaults, *args.kw_defaults], strict=True))
    if not positional or None in [defaults[name] for name in names[1:]]:
        return False
    for each in args.posonlyargs:
        del defaults[each.arg]
    timeout, return_when = defaults.get("timeout"), defaults.get("return_when")
    return (
        timeout is not None
        and return_when is not None
        and ast.unparse(timeout) == "None"
        and re.fullmatch(r"([\w.]+\.)?FIRST_COMPLETED", ast.unparse(return_when).strip("'"))
        is not None
    )


def _ways_to_import(
    tree: ast.Module, project: Project, module: str, name: str, helper: Helper | None
) -> list[Import]:
    """The imports that give the function, first the one in the file's own style."""
    imports = [each for node in ast.walk(tree) for each in imports_of(node)]
    parts = parts_below(project.base, module)
    relative, absolute = [], []
    if helper is not None:
        absolute.append(Import(helper.module, name))
    else:
        namespace = _namespace(imports, project)
        if namespace is not None:
            absolute.append(Import(".".join([*namespace, *parts]), name))
    if parts[:1] == list(project.packages[:1]):
        pairs = zip(parts, project.packages, strict=False)
        common = len(list(takewhile(lambda pair: pair[0] == pair[1], pairs)))
        level = len(project.packages) - common + 1
        relative.append(Import(".".join(parts[common:]), name, None, level))
    if any(each.level for each in imports):
        return relative + absolute
    return absolute + relative


def _namespace(imports: list[Import], project: Project) -> list[str] | None:
    """The names before that of the top package, where it is in a namespace package.

    Told by how the file imports from its own package; None where nothing tells.
    """
    directories = project.base.split(os.sep)
    for each in imports:
        words = [] if each.level else each.module.split(".")
        for count, word in enumerate(words):
            above = directories[len(directories) - count :]
            if word == project.packages[0] and words[:count] == above:
                return words[:count]
    return [] if project.is_rooted else None


def _plan_import(tree: ast.Module, ways: list[Import]) -> HelperPlan:
    """The plan for a file that may import the function in any of `ways`, best in the first."""
    for node in tree.body:
        for each in imports_of(node):
            if each._replace(asname=None) in ways and len(list(_bindings(tree, each.bound))) == 1:
                return HelperPlan(each.bound)
    wanted = ways[0]
    name = _free_name(tree, wanted.bound)
    return HelperPlan(name, (wanted._replace(asname=None if name == wanted.bound else name),))


# The names in the file


def _free_name(tree: ast.Module, wanted: str) -> str:
    """The name `wanted`, or one like it that nothing in the file is called."""
    from flake8_asyncwait.fix.names import fresh  # it imports libcst, which the template needs not

    taken = _identifiers(tree)
    if "*" in taken:  # it may bring the name, but none with an underscore
        taken.add(wanted)
    return fresh([wanted, f"_{wanted}"], taken)


def _identifiers(tree: ast.Module) -> set[str]:
    """All names that the file mentions in any scope, attributes and keywords too; `*` for all."""
    found: set[str] = set()
    for node in ast.walk(tree):
        found.update(each.bound for each in imports_of(node))
        if isinstance(node, (ast.Constant, ast.ImportFrom, ast.alias)):
            continue
        for _, value in ast.iter_fields(node):
            words = value if isinstance(value, list) else [value]
            found.update(word for word in words if isinstance(word, str))
    return found


def _bindings(tree: ast.Module, name: str) -> Iterator[object]:
    """What binds a name anywhere in the file: an `Import` for each import, else the node."""
    for node in ast.walk(tree):
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (each for each in imports_of(node) if each.bound == name)
        elif isinstance(node, ast.Name):
            if node.id == name and not isinstance(node.ctx, ast.Load):
                yield node
        elif isinstance(node, ast.arg):
            if node.arg == name:
                yield node
        elif not isinstance(node, ast.alias):
            if name in (getattr(node, "name", None), getattr(node, "rest", None)):
                yield node
