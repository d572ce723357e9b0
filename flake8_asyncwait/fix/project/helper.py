"""Where a fixed file gets `wait_any` from.

A linter is there for development only, so the code that it fixes gets a helper of its own: the
module that `--helper` names, or `_wait_any.py` in its top package, both made from our
`wait_any.py`. Tests, and scripts that are in no package, have none unless it is named.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from flake8_asyncwait import __version__
from flake8_asyncwait.fix.project.imports import Import, add_import, imports_of
from flake8_asyncwait.fix.project.project import (
    find_module,
    leads_to,
    parse_module,
    parts_below,
    place_for_module,
    top_level,
    why_not_make,
)
from flake8_asyncwait.fix.project.style import PLAIN, Style, style_of
from flake8_asyncwait.report.entry import NewModule
from flake8_asyncwait.sites.pieces import LONG_FILE
from flake8_asyncwait.sites.syntax import tree_of
from flake8_asyncwait.source.opened import is_file
from flake8_asyncwait.source.project import Project, as_read, is_name, leads_out, project_of
from flake8_asyncwait.source.text import SourceError, decode, read

NAME = "wait_any"
_MODULE = "_wait_any"
_INNER = "_wait"
_OUR_FILE = str(Path(__file__).parents[2] / "wait_any.py")
_MARK = '"""From flake8-asyncwait '
_ORIGIN = f'{_MARK}{__version__} (MIT), and yours from here on."""\n'
_TYPE_PARAMETERS = (3, 12)
_LATE_ANNOTATIONS = (3, 14)
_TESTS = re.compile(r"tests?|conftest\.py|tests?_.*\.py|.*_tests?\.py")


class Helper(NamedTuple):
    """What `--helper module:name` says; `module` is dotted."""

    module: str
    name: str

    def __str__(self) -> str:
        return f"{self.module}:{self.name}"


_OURS = (Helper("flake8_asyncwait", NAME), Helper("flake8_asyncwait.wait_any", NAME))


class HelperPlan(NamedTuple):
    """How a file comes by the function.

    `name` is what it is called in the file, `add` are the imports that the file needs and does not
    have. `create` is the module that has to be made before the file is written, the same for all
    files that need it. `own` are top packages of the project: their imports stand together.
    """

    name: str
    add: tuple[Import, ...] = ()
    create: NewModule | None = None
    own: frozenset[str] = frozenset()


class HelperError(Exception):
    """There is no safe way for the file to come by the function: `str()` is the reason."""


class NoHelper(HelperError):
    """The helper can neither be found nor made, whatever the file."""


def parse_helper(value: str) -> Helper:
    """What `--helper` was given. Raises `ValueError` with the reason where that is no helper."""
    module, _, name = value.partition(":")
    if not all(map(is_name, [*module.split("."), name])):
        raise ValueError(f"{value!r} is not of the form pkg.module:name")
    if as_read(value) != value:  # the import would lead elsewhere
        raise ValueError(f"{value!r}: Python reads this as {as_read(value)!r}")
    return Helper(module, name)


def plan_helper(path: str, text: str, helper: Helper | None = None) -> HelperPlan:
    """How the file at `path`, which has this `text`, comes by the function.

    `helper` is what the user named, or None. Reads the file system and changes nothing: to go by
    the plan is to make the module (`source.write.create`), and to pass the text of the file, once
    it is rewritten, through `apply_helper`. Raises `HelperError` when there is no safe way,
    `NoHelper` where none has the file either, and `SyntaxError` when `text` is not Python.
    """
    if len(text) > LONG_FILE:  # its tree would take more memory than all else
        raise HelperError("the file is too long to look for its imports")
    tree = tree_of(text)
    project = project_of(path)
    if os.path.islink(path):  # what is written is the file that it leads to, in its own package
        if leads_out(path):
            raise HelperError("it is a link that leads out of the project")
        project = project_of(os.path.realpath(path))
    if helper is None and not project.packages:
        raise HelperError("the file is in no package; name a helper with --helper")
    if helper is None and _is_test(project, path):
        raise HelperError("it is a test; name a helper with --helper")
    if helper in _OURS:
        return _plan_import(tree, [Import(*helper)])
    module, name = _module_for(project, helper), helper.name if helper else NAME
    if os.path.realpath(module) == os.path.realpath(path):
        raise HelperError(f"this is the module that {name} comes from")
    create = None
    reason = why_not_make(project, module)  # asked first: another process may make it meanwhile
    if is_file(module):
        _check_existing(project, module, name, path)
    elif reason is not None:
        raise NoHelper(f"cannot make the module for {name}: {reason}")
    else:
        style = style_of(os.path.dirname(module), project.root)
        create = NewModule(module, template(name, style))
    below = [parts_below(base, each) for base in project.bases for each in (module, path)]
    own = {parts[0] for parts in below if parts}
    ways = _ways_to_import(tree, project, module, name, helper)
    return _plan_import(tree, ways)._replace(create=create, own=frozenset(own))


def apply_helper(text: str, plan: HelperPlan) -> str:
    """The text of a file with the imports that `plan` wants."""
    for each in plan.add:
        text = add_import(text, each, plan.own)
    return text


def _is_test(project: Project, path: str) -> bool:
    """Whether a file is a test, or there for tests, by the usual names."""
    below = os.path.relpath(os.path.abspath(path), project.root)
    return any(map(_TESTS.fullmatch, below.split(os.sep)))


def made_for(path: str) -> str | None:
    """The path of the module beside the package of the file at `path` that a fix has made, as its
    first line tells; None where there is none."""
    project = project_of(path)
    if not project.packages:
        return None
    module = _module_for(project, None)
    try:
        is_ours = is_file(module) and read(module).startswith(_MARK.encode())
    except SourceError:
        return None
    return module if is_ours else None


# The text


def template(name: str = NAME, style: Style = PLAIN) -> str:
    """The text of a helper module: our `wait_any.py`, with the function called `name`, as a project
    of a style would have it."""
    _, _, text = decode(_OUR_FILE, read(_OUR_FILE)).text.partition("\n")
    text = _ORIGIN + text
    if style.oldest is not None and style.oldest >= _TYPE_PARAMETERS:
        text = _with_type_parameters(text, style.oldest)
    names = {NAME: name, name: NAME} if name == _INNER else {NAME: name}
    text = re.sub(r"\w+", lambda word: names.get(word[0], word[0]), text)
    text = re.sub(r'(?<!")"([^"\n]+)"(?!")', rf"{style.quote}\1{style.quote}", text)
    return text.replace("    ", style.indent)


def _with_type_parameters(text: str, oldest: tuple[int, int]) -> str:
    """The text with the syntax of Python 3.12. Quotes stay where an annotation that is evaluated
    early names what only type checkers import."""
    text = re.sub(r"_T = .*\n", "", text.replace(", TypeVar", "")).replace("_T", "T")
    text = re.sub(r"def (\w+)\(", r"def \1[T: asyncio.Future[Any]](", text)
    text = text.replace(
        'fs: "Iterable[T]", **how: Any', '\n    fs: "Iterable[T]",\n    **how: Any,\n'
    )
    text = text.replace("done, pending = await", "return await")
    text = text.replace("        return done, pending\n", "")
    late = "|Iterable|Coroutine" if oldest >= _LATE_ANNOTATIONS else ""
    return re.sub(rf'"((?:float|tuple{late})\b[^"]*)"', r"\1", text)


# The module


def _module_for(project: Project, helper: Helper | None) -> str:
    """The path of the module that the function comes from, whether it exists or not."""
    if helper is None:
        return os.path.join(project.base, project.packages[0], f"{_MODULE}.py")
    found = find_module(project, helper.module) or place_for_module(project, helper.module)
    if found is None:
        package = helper.module.rpartition(".")[0]
        what = f"package {package!r}" if package else f"module {helper.module!r}"
        raise NoHelper(f"there is no {what} in the project")
    return found


def _check_existing(project: Project, module: str, name: str, path: str) -> None:
    """Raise `HelperError` unless the file at `path` can have the function from `module`."""
    shown = os.path.relpath(module, project.root)
    try:
        tree = parse_module(module)
    except SourceError as error:
        raise NoHelper(f"{shown}: {error.reason}") from error
    defining = [node for node in top_level(tree.body) if _defines(node, name)]
    if not defining:
        raise NoHelper(f"{shown} does not define {name}")
    if not all(map(_is_like_ours, defining)):
        signature = "(tasks, *, timeout=None, return_when=FIRST_COMPLETED)"
        raise NoHelper(f"{shown} does not define {name} as an async function {signature}")
    if leads_to(project, module, path):
        raise HelperError(f"{shown} imports this file: the import would be circular")


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
    if isinstance(node, ast.FunctionDef):
        returned = ast.unparse(node.returns) if node.returns is not None else ""
        if not re.search(r"\b(Coroutine|Awaitable)\b", returned):
            return False
    elif not isinstance(node, ast.AsyncFunctionDef):
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
    outside = [each for node in top_level(tree.body) for each in imports_of(node)]
    if _has_dots(imports, relative, outside, project):
        return relative + absolute
    return absolute + relative


def _has_dots(
    imports: list[Import], relative: list[Import], outside: list[Import], project: Project
) -> bool:
    """Whether a file, with some `imports`, some of them `outside` of all functions, imports with
    dots what stands where the function does: many do so with what stands beside them, and call
    everything further up by its name."""
    if any(each.level == one.level for each in outside for one in relative):
        return True
    packages = set(project.packages[:1])
    by_name = any(packages & set(each.module.split(".")) for each in outside)
    return not by_name and any(each.level for each in imports)


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
    if wanted.bound in _identifiers(tree):
        raise HelperError(f"the file has something else that is called {wanted.bound}")
    return HelperPlan(wanted.bound, (wanted,))


# The names in the file


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
