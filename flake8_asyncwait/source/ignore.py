"""What a walk leaves out: exclude globs, and the files that git would leave out."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Callable, Iterable

from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.source.text import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathspec import GitIgnoreSpec

DEFAULT_EXCLUDE = (
    ".bzr",
    ".direnv",
    ".eggs",
    ".git",
    ".hg",
    ".ipynb_checkpoints",
    ".mypy_cache",
    ".nox",
    ".pytest_cache",
    ".ruff_cache",
    ".svn",
    ".tox",
    ".venv",
    "*.egg",
    "CVS",
    "__pycache__",
    "__pypackages__",
    "_build",
    "build",
    "dist",
    "node_modules",
    "site-packages",
    "venv",
)

# What a pattern that makes no sense raises, such as a lone "!" or "[z-a]": git passes over it.
_NO_PATTERN = (ValueError, re.error)


class Excluder:
    """Globs of files and directories to leave out, as flake8 understands them.

    A pattern without a slash is matched with the last component of a path. One with a slash is
    relative to the working directory, and is matched with the whole path.
    """

    def __init__(self, patterns: Iterable[str]) -> None:
        names = {p.rstrip("/" + os.sep) for p in patterns}
        paths = {p for p in names if "/" in p or os.sep in p}
        globs = {p for p in names - paths if _is_glob(p)}
        self._names = frozenset(names - paths - globs)
        self._name_globs = _matcher(globs)
        self._path_globs = _matcher(os.path.abspath(p) for p in paths)

    def excludes(self, name: str, path: str) -> bool:
        """Whether the file or directory `name` at the absolute `path` is left out."""
        if name in self._names or self._name_globs(name) is not None:
            return True
        return self._path_globs(path) is not None


class _IgnoreFile(NamedTuple):
    """The patterns of one file, and the length of the absolute path that they are relative to."""

    spec: GitIgnoreSpec
    base: int


class GitIgnore(NamedTuple):
    """The ignore files in force in one directory, the nearest first."""

    files: tuple[_IgnoreFile, ...] = ()

    def ignores(self, path: str, is_directory: bool) -> bool:
        """Whether git would ignore what is at the absolute `path`, was its parent not ignored."""
        suffix = "/" if is_directory else ""
        for file in self.files:
            verdict = file.spec.check_file(path[file.base :] + suffix).include
            if verdict is not None:
                return verdict
        return False

    def with_file(self, path: str, directory: str) -> GitIgnore:
        """These files and the one at `path`, with patterns relative to the absolute `directory`.

        Raises `SourceError` when the file cannot be read.
        """
        data = read(path).removeprefix(b"\xef\xbb\xbf")
        lines = [line for line in os.fsdecode(data).splitlines() if line and line[0] != "#"]
        if not lines:  # as in the `.git/info/exclude` that git makes: `pathspec` is not needed
            return self
        base = len(os.path.join(directory, ""))
        return GitIgnore((_IgnoreFile(_compile(lines), base), *self.files))


def git_ignore_above(directory: str) -> GitIgnore:
    """What the repository around `directory`, an absolute path, says that reaches into it.

    That is `.git/info/exclude` and each `.gitignore` above `directory`. Where they ignore
    `directory` itself they are left out: who names an ignored directory wants it checked.
    Raises `SourceError` when one of them cannot be read.
    """
    root = repository(directory)
    if root is None:
        return GitIgnore()
    ignore = GitIgnore()
    for path, base in _ignore_files(root, directory):
        if os.path.isfile(path):
            ignore = ignore.with_file(path, base)
    if root != directory and ignore.ignores(directory, is_directory=True):
        return GitIgnore()
    return ignore


def repository(directory: str) -> str | None:
    """The nearest directory that holds a `.git`: `directory` or one above it."""
    while not os.path.exists(os.path.join(directory, ".git")):
        directory, below = os.path.dirname(directory), directory
        if directory == below:
            return None
    return directory


def _ignore_files(root: str, directory: str) -> list[tuple[str, str]]:
    """Where ignore files may be that reach from above into `directory`, the outermost first.

    Each is a path and the directory that its patterns are relative to.
    """
    above = []
    while directory != root:
        directory = os.path.dirname(directory)
        above.append((os.path.join(directory, ".gitignore"), directory))
    above.append((os.path.join(_git_directory(root), "info", "exclude"), root))
    return above[::-1]


def _git_directory(root: str) -> str:
    """The directory that holds what all work trees of the repository at `root` share."""
    path = os.path.join(root, ".git")
    if os.path.isfile(path):  # a submodule or an additional work tree: the file says where
        path = os.path.join(root, _line_in(path).removeprefix("gitdir: "))
        common = os.path.join(path, "commondir")
        if os.path.isfile(common):
            path = os.path.join(path, _line_in(common))
    return path


def _line_in(path: str) -> str:
    return os.fsdecode(read(path)).rstrip("\r\n")


def _compile(lines: list[str]) -> GitIgnoreSpec:
    import warnings

    from pathspec import GitIgnoreSpec

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what a pattern means to `re` is none of the user's making
        try:
            return GitIgnoreSpec.from_lines(lines)
        except _NO_PATTERN:
            return GitIgnoreSpec.from_lines(line for line in lines if _is_pattern(line))


def _is_pattern(line: str) -> bool:
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except _NO_PATTERN:
        return False
    return True


def _is_glob(pattern: str) -> bool:
    return any(character in pattern for character in "*?[")


def _matcher(globs: Iterable[str]) -> Callable[[str], re.Match[str] | None]:
    """A function that matches the whole of a string with `globs`; None where none matches."""
    expressions = [fnmatch.translate(glob) for glob in sorted(globs)]
    return re.compile("|".join(expressions) or "(?!)").match
