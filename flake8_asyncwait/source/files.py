"""Which files to check: those that are named, and the Python files below named directories."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from flake8_asyncwait.source.ignore import Excluder, GitIgnore, git_ignore_above
from flake8_asyncwait.source.text import SourceError, os_error

SUFFIX = ".py"


class _Node(NamedTuple):
    """A file or, where `ignore` is not None, a directory with the ignore files of those above."""

    path: str
    absolute: str
    ignore: GitIgnore | None

    def sort_key(self) -> str:
        return self.path if self.ignore is None else self.path + os.sep


class Walk(NamedTuple):
    """How to look for files.

    `on_error` is called for every directory or ignore file that cannot be read; the walk goes on.
    """

    excluder: Excluder
    respect_gitignore: bool
    on_error: Callable[[SourceError], None]

    def files(self, paths: Iterable[str]) -> Iterator[str]:
        """Each file of `paths` once, in the order of `paths`, those of a directory sorted.

        A file is taken as it is, whether it exists or not. A directory stands for the regular
        files below it that end in ".py" and are neither excluded nor ignored. Links to
        directories are not followed, so no walk is endless.
        """
        seen: set[str] = set()
        for path in paths:
            found = self._below(path) if os.path.isdir(path) else (path,)
            for file in found:
                if file not in seen:
                    seen.add(file)
                    yield file

    def _below(self, top: str) -> Iterator[str]:
        absolute = os.path.abspath(top)
        stack = [_Node(top, absolute, self._ignore_above(absolute))]
        while stack:
            node = stack.pop()
            if node.ignore is None:
                yield node.path
            else:
                stack.extend(self._children(node, node.ignore))

    def _children(self, node: _Node, ignore: GitIgnore) -> list[_Node]:
        """What to look at in the directory `node`, the last first.

        The order is that of the whole paths, as strings: it is the order of flake8's reports.
        """
        found: list[tuple[str, bool]] = []
        for entry in self._entries(node.path):
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                found.append((name, True))
            elif name.endswith(SUFFIX):
                if _is_file(entry):
                    found.append((name, False))
            elif name == ".gitignore" and _is_file(entry):
                ignore = self._entering(node.absolute, ignore)
        path, absolute = os.path.join(node.path, ""), os.path.join(node.absolute, "")
        children = []
        for name, is_directory in found:
            whole = absolute + name
            if self.excluder.excludes(name, whole):
                continue
            if ignore.files and ignore.ignores(whole, is_directory):
                continue
            children.append(_Node(path + name, whole, ignore if is_directory else None))
        children.sort(key=_Node.sort_key, reverse=True)
        return children

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
