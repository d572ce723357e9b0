"""`asyncwait fix`. Where stdout gets a diff or a file, what was done is told on stderr."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING

from flake8_asyncwait.commands.examine import (
    STDIN,
    findings_of,
    helper_of,
    internal_errors,
    load,
    open_source,
)
from flake8_asyncwait.commands.run import Run
from flake8_asyncwait.commands.status import CLEAN, FINDINGS
from flake8_asyncwait.commands.streams import say
from flake8_asyncwait.report.paths import relative
from flake8_asyncwait.source.text import SourceError

if TYPE_CHECKING:
    from flake8_asyncwait.fix.cure import Cure
    from flake8_asyncwait.fix.file import FileFix


def run(args: argparse.Namespace) -> int:
    """Fix the files, and return the exit status."""
    return _Fix(args).run()


class _Fix(Run):
    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args)
        self.cures: list[tuple[str, Cure]] = []
        self.changes = 0
        self.shown: set[str] = set()
        self.looked_at: list[str] = []

    def work(self) -> int:
        from flake8_asyncwait.fix.cure import summary

        self.looked_at = self.paths()
        for path in self.watched(self.looked_at):
            try:
                with self.over(path):
                    self._fix(path)
            except SourceError as error:
                if str(error) not in map(str, self.errors):  # a helper is missing in all files
                    self.report_error(error)
            except MemoryError:
                self.report_error(SourceError(path, "not enough memory"))
        self._say(summary(self.cures, self._is_dry, bool(self.errors)))
        left = any(cure.is_left for _, cure in self.cures)
        untracked = self._untracked() if self.args.require_tracked else False
        changes = self._is_dry and self.changes
        return FINDINGS if left or untracked or changes else CLEAN

    def _fix(self, path: str) -> None:
        """Fix a file, and tell what was done. Raises `SourceError`."""
        name, data = load(path, self.task)
        done = self._fixed(name, data)
        try:
            self._put(path, name, done)
        except SourceError as error:
            self._tell(name, [cure.unwritten(error.reason) for cure in done.cures])
            raise
        self.changes += done.is_changed
        self._tell(name, done.cures)

    def _tell(self, name: str, cures: Sequence[Cure]) -> None:
        """Say what was done about each finding of a file."""
        self.cures += ((name, cure) for cure in cures)
        for cure in cures:
            self._say(cure.told(name, self._is_dry))

    @property
    def _is_dry(self) -> bool:
        return bool(self.args.diff or self.args.check)

    def _fixed(self, name: str, data: bytes) -> FileFix:
        """What a fix makes of a file."""
        from flake8_asyncwait.fix.file import FileFix, fix_file

        source = open_source(name, data, self.task.options)
        if source is None:
            return FileFix(data, data)
        checked = findings_of(source, self.task)
        self.report_errors(internal_errors(name, checked.internal))
        self.warn_of_undetermined(name, checked.undetermined)
        if not checked.findings:
            return FileFix(data, data)
        helper = helper_of(self.task)
        options, cure = self.task.options, self.settings.cure
        done = fix_file(name, source, data, options, helper, checked.findings, cure)
        self.report_errors(internal_errors(name, done.internal))
        return done

    def _put(self, path: str, name: str, done: FileFix) -> None:
        """Write a fixed file, or show it."""
        if self.args.diff:
            self.progress.aside(partial(self._show, done.diff(name, self.shown)))
        elif path == STDIN and not self.args.check:
            self.progress.aside(partial(self._show, done.after))
        elif done.is_changed and not self._is_dry:
            made = done.write(path)
            if made is not None:
                self.warn(f"created {relative(made)} (add it to version control)")

    def _untracked(self) -> bool:
        """Say which helper modules are in no version control, and whether there are any."""
        from flake8_asyncwait.fix.helper import made_for
        from flake8_asyncwait.source.git import is_untracked

        modules = dict.fromkeys(filter(None, map(made_for, self.looked_at)))
        untracked = [module for module in modules if is_untracked(module)]
        for module in untracked:
            self.warn(f"{relative(module)}: made by a fix, and not under version control: add it")
        return bool(untracked)

    def _show(self, data: bytes) -> None:
        sys.stdout.flush()
        if sys.stdout.isatty():  # nobody applies that, and it could hold what a terminal obeys
            from flake8_asyncwait.report.text import shown

            sys.stdout.write(shown(data))
        else:
            sys.stdout.buffer.write(data)

    def _say(self, line: str) -> None:
        aside = self.args.diff or STDIN in self.args.paths
        self.progress.aside(partial(say if aside else print, line))
