"""Which files to check: those that are named, and the Python files below named directories."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.source.ignore import Excluder, GitIgnore, git_ignore_above
from flake8_asyncwait.source.text import SourceError, os_error

SUFFIX = ".py"
NOTEBOOK = ".ipynb"


class _Directory(NamedTuple):
    """A directory with the ignore files of those above it."""

    path: str
    absolute: str
    ignore: GitIgnore


class Walk(NamedTuple):
    """How to look for files.

    `on_error` is called for every directory or ignore file that cannot be read; the walk goes on.
    """

    excluder: Excluder
    respect_gitignore: bool
    on_error: Callable[[SourceError], None]

    def files(self, paths: Iterable[str]) -> Iterator[str]:
        """Each file of `paths` once, in the order of `paths`, those of a directory sorted.

        A file is taken as it is, whether it exists or not, but for a notebook: its code would pass
        for a string. A directory stands for the regular files below it that end in ".py" and are
        neither excluded nor ignored. Links to directories are not followed, so no walk is endless.
        """
        seen: set[str] = set()
        for path in paths:
            found = self._below(path) if os.path.isdir(path) else (path,)
            if found == (path,) and path.endswith(NOTEBOOK):
                self.on_error(
                    SourceError(path, "notebooks are not read: save its code as a .py file")
                )
                continue
            for file in found:
                if file not in seen:
                    seen.add(file)
                    yield file

    def leaves_out(self, path: str, top: str) -> bool:
        """Whether the walk through a directory passes over the file at `path` below it. Both paths
        are absolute."""
        ignore = self._ignore_above(top)
        directory = top
        names = os.path.relpath(path, top).split(os.sep)
        for name in names:
            if os.path.isfile(os.path.join(directory, ".gitignore")):
                ignore = self._entering(directory, ignore)
            directory = os.path.join(directory, name)
            if self._leaves_out(name, directory, ignore, is_directory=name is not names[-1]):
                return True
        return False

    def _leaves_out(self, name: str, path: str, ignore: GitIgnore, is_directory: bool) -> bool:
        if self.excluder.excludes(name, path):
            return True
        return bool(ignore.files) and ignore.ignores(path, is_directory)

    def _below(self, top: str) -> Iterator[str]:
        absolute = os.path.abspath(top)
        ignore = self._ignore_above(absolute)
        stack: list[str | _Directory] = [_Directory(top, absolute, ignore)]
        while stack:
            node = stack.pop()
            if isinstance(node, str):
                yield node
            else:
                stack += self._children(node)

    def _children(self, directory: _Directory) -> Iterator[str | _Directory]:
        """The files and directories to look at in `directory`, the last first.

        The order is that of the whole paths, as strings: it is the order of flake8's reports.
        """
        ignore = directory.ignore
        found = []  # the names, those of directories with a separator at the end
        for entry in self._entries(directory.path):
            name = entry.name
            if name.endswith(SUFFIX) and _is_file(entry):
                found.append(name)
            elif entry.is_dir(follow_symlinks=False):
                found.append(name + os.sep)
            elif name == ".gitignore" and _is_file(entry):
                ignore = self._entering(directory.absolute, ignore)
        path, absolute = os.path.join(directory.path, ""), os.path.join(directory.absolute, "")
        found.sort(reverse=True)
        for name in found:
            is_directory = name.endswith(os.sep)
            if is_directory:
                name = name[:-1]
            whole = absolute + name
            if self._leaves_out(name, whole, ignore, is_directory):
                continue
            yield _Directory(path + name, whole, ignore) if is_directory else path + name

    def _entries(self, directory: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(directory) as entries:
                return list(entries)
        except OSError as error:
            self.on_error(os_error(directory, error))
            return []

    def _ignore_above(self, directory: str) -> GitIgnore:
        if not self.respect_gitignore:
            return GitIgnore()
        try:
            return git_ignore_above(directory)
        except SourceError as error:
            self.on_error(error)
            return GitIgnore()

    def _entering(self, directory: str, ignore: GitIgnore) -> GitIgnore:
        if not self.respect_gitignore:
            return ignore
        try:
            return ignore.with_file(os.path.join(directory, ".gitignore"), directory)
        except SourceError as error:
            self.on_error(error)
            return ignore


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads to itself, say: as good as one that leads nowhere
        return False
