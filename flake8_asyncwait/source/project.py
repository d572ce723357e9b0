"""The packages around a file, and where its imports lead, as far as the file system tells: nothing
of them is imported."""

from __future__ import annotations

import keyword
import os
import sys
from collections.abc import Iterable, Sequence

from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.source.opened import is_file

INIT = "__init__.py"
_MARKS = ("pyproject.toml", "setup.cfg", ".git", ".hg")
_SETUP = "setup.py"


class Project(NamedTuple):
    """Where a file stands: all paths are absolute.

    `root` is the nearest directory upwards that looks like the root of a project, else `base`.
    `packages` are the names of the packages around the file, the outermost first, each a directory
    with an `__init__.py`; none for a script. `base` is the directory that holds the outermost one,
    or the script. `is_marked` says that the root looks like one.
    """

    root: str
    base: str
    packages: tuple[str, ...]
    is_marked: bool = True

    @property
    def is_rooted(self) -> bool:
        """Whether `base` is surely a directory that modules are imported from.

        Else it may be a namespace package: a directory without an `__init__.py`.
        """
        return self.base == self.root or os.path.basename(self.base) == "src"

    @property
    def bases(self) -> tuple[str, ...]:
        """The directories that modules of the project may be imported from."""
        return self.base, self.root, os.path.join(self.root, "src")


class Place(NamedTuple):
    """Where a dotted name leads: to the file at `path`, and there to what `names` say."""

    path: str
    names: tuple[str, ...]


class Evidence(NamedTuple):
    """What a verdict rests on besides the bytes of its file and the options.

    `asked` are the names that were looked up in the project, each with the path of the module that
    imports it and where it led. `read` are the modules that were looked into, each with its digest.
    """

    asked: tuple[tuple[str, str, Place | None], ...] = ()
    read: tuple[tuple[str, str], ...] = ()


def project_of(path: str) -> Project:
    """The packages around the file at `path`."""
    base = os.path.dirname(os.path.abspath(path))
    root = _root(base)
    packages: list[str] = []
    while is_package(base) and _is_importable(base) and not (packages and base == root):
        packages.insert(0, os.path.basename(base))
        base = os.path.dirname(base)
    return Project(root or base, base, tuple(packages), root is not None)


def leads_out(path: str) -> bool:
    """Whether the file at `path` is a link that leads out of its project."""
    if not os.path.islink(path):
        return False
    return project_of(os.path.realpath(path)).root != os.path.realpath(project_of(path).root)


def module_below(bases: Iterable[str], parts: Sequence[str]) -> str | None:
    """The path of a module that is found from one of `bases`, by the parts of its dotted name."""
    for base in bases:
        whole = os.path.join(base, *parts)
        for path in (os.path.join(whole, INIT), f"{whole}.py"):
            if is_file(path):
                return path
    return None


def is_name(word: str) -> bool:
    """Whether a word can be a name in Python."""
    return word.isidentifier() and not keyword.iskeyword(word)


def as_read(name: str) -> str:
    """A name as Python reads it in a file: it takes names that look alike for the same."""
    if name.isascii():
        return name
    from unicodedata import normalize  # few names need it

    return normalize("NFKC", name)


def is_package(directory: str) -> bool:
    """Whether a directory is a package, other than one of a namespace."""
    return is_file(os.path.join(directory, INIT))


def _is_importable(directory: str) -> bool:
    """Whether an import can name a package in a directory: in the form in which Python reads the
    name, some file systems find it all the same."""
    above, name = os.path.split(directory)
    if name == as_read(name):
        return is_name(name)
    try:
        return is_name(name) and os.path.samefile(directory, os.path.join(above, as_read(name)))
    except OSError:
        return False


def _root(directory: str) -> str | None:
    while not _is_marked(directory):
        directory, below = os.path.dirname(directory), directory
        if directory == below:
            return None
    return directory


def _is_marked(directory: str) -> bool:
    """Whether a directory looks like the root of a project. `setup.py` is a module as any other in
    a package (homeassistant has one)."""
    if any(os.path.exists(os.path.join(directory, mark)) for mark in _MARKS):
        return True
    return os.path.exists(os.path.join(directory, _SETUP)) and not is_package(directory)


class Imports:
    """Where the imports of the modules of one project lead. `path` is that of the file that it was
    made for, the links around it followed.

    Only to files in the project: below its root, or where nothing marks that, in the outermost
    package around the file that the project is of. Links may not lead out of there either.
    """

    def __init__(self, path: str) -> None:
        """`path` is that of a file of the project."""
        directory, name = os.path.split(os.path.abspath(path))
        self.path = os.path.join(os.path.realpath(directory), name)
        self._around: dict[str, Project] = {}
        self._project = project = self._project_of(self.path)
        limit = project.root
        if not project.is_marked and project.packages:
            limit = os.path.join(project.base, project.packages[0])
        self._limit = os.path.realpath(limit)

    def find(self, path: str, dotted: str) -> Place | None:
        """Where a name leads that the module at `path`, an absolute path, imports.

        A relative name begins with dots. None where it leads to no file of the project, or to more
        than one, where `path` is in no package, and for the standard library.
        """
        relative = dotted.lstrip(".")
        parts = relative.split(".")
        if relative != dotted:
            if not self._is_in_package(path):
                return None
            directory = _above(path, len(dotted) - len(relative))
            return self._descend(directory, parts, is_package=True)
        if parts[0] in sys.stdlib_module_names:
            return None
        found = {self._descend(start, parts) for start in self._starts(path, parts[0])}
        found.discard(None)
        return found.pop() if len(found) == 1 else None

    def _starts(self, path: str, top: str) -> set[str]:
        """The directories from which the module at `path` may import the package `top`.

        A file that no `__init__.py` makes part of a package may be in one of a namespace: that has
        the name of a directory around the file.
        """
        around = self._project_of(path)
        if around.packages[:1] == (top,):
            return {around.base}
        starts = set(self._project.bases) if around.packages else set[str]()
        directory = os.path.realpath(os.path.dirname(path))
        while self._is_below(directory):
            if os.path.basename(directory) == top:
                starts.add(os.path.dirname(directory))
            directory = os.path.dirname(directory)
        return starts

    def _is_in_package(self, path: str) -> bool:
        directory = os.path.realpath(os.path.dirname(path))
        return bool(self._project_of(path).packages) or self._is_below(directory)

    def _is_below(self, directory: str) -> bool:
        """Whether a directory, the links around it followed, is one of the project, and not its
        root."""
        return self._is_inside(directory) and directory != self._project.root

    def _project_of(self, path: str) -> Project:
        directory = os.path.dirname(path)
        if directory not in self._around:
            self._around[directory] = project_of(path)
        return self._around[directory]

    def _descend(
        self, directory: str, parts: Sequence[str], is_package: bool = False
    ) -> Place | None:
        """The module that a dotted name leads to from a directory, and the rest of the name.

        `is_package` says that the name may be one of the package `directory` itself.
        """
        module = os.path.join(directory, INIT) if is_package else ""
        names = list(parts)
        while names:
            inner = os.path.join(directory, names[0])
            init = os.path.join(inner, INIT)
            if is_file(init):
                module, directory = init, inner
            elif is_file(f"{inner}.py"):
                return self._place(f"{inner}.py", names[1:])
            elif os.path.isdir(inner):
                module, directory = "", inner
            else:
                break
            names.pop(0)
        return self._place(module, names) if module else None

    def _place(self, path: str, names: Iterable[str]) -> Place | None:
        path = os.path.realpath(path)
        return Place(path, tuple(names)) if self._is_inside(path) else None

    def _is_inside(self, path: str) -> bool:
        return f"{path}{os.sep}".startswith(os.path.join(self._limit, ""))


def _above(path: str, levels: int) -> str:
    """The directory that so many leading dots of a name stand for in the file at `path`."""
    for _ in range(levels):
        path = os.path.dirname(path)
    return path


def imports_of(path: str) -> Imports | None:
    """Where the imports of the file at `path` lead; None for what is no module, such as standard
    input or a notebook."""
    return Imports(path) if path.endswith(".py") and is_file(path) else None
