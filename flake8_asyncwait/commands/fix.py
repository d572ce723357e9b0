"""`asyncwait fix`. Where stdout gets a diff or a file, what was done is told on stderr."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from flake8_asyncwait.commands.run import CLEAN, FINDINGS, STDIN, Run

if TYPE_CHECKING:
    from flake8_asyncwait.fix.cure import Cure
    from flake8_asyncwait.fix.file import FileFix


def run(args: argparse.Namespace) -> int:
    """Fix the files, and return the exit status."""
    return _Fix(args).run()


class _Fix(Run):
    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args)
        self.cures: list[Cure] = []
        self.changes = 0
        self.shown: set[str] = set()

    def visit(self, path: str) -> None:
        name, data = self.read(path)
        done = self._fixed(name, data)
        self._put(path, name, done)
        self.changes += done.is_changed
        self.cures += done.cures
        for cure in done.cures:
            self._say(cure.told(name, self._is_dry))

    def finish(self) -> int:
        from flake8_asyncwait.fix.cure import summary

        self._say(summary(self.cures, self._is_dry))
        left = any(cure.is_left for cure in self.cures)
        return FINDINGS if left or (self._is_dry and self.changes) else CLEAN

    @property
    def _is_dry(self) -> bool:
        return bool(self.args.diff or self.args.check)

    def _fixed(self, name: str, data: bytes) -> FileFix:
        """What a fix makes of a file."""
        from flake8_asyncwait.check import check_source
        from flake8_asyncwait.fix.file import FileFix, fix_file

        nothing = FileFix(data, data)
        source = self.source(name, data)
        if source is None:
            return nothing
        findings = check_source(source, self.options).findings
        if not findings:
            return nothing
        return fix_file(name, source, data, self.options, self.args.helper, findings)

    def _put(self, path: str, name: str, done: FileFix) -> None:
        """Write a fixed file, or show it."""
        if self.args.diff:
            self._show(done.diff(name, self.shown))
        elif path == STDIN and not self.args.check:
            self._show(done.after)
        elif done.is_changed and not self._is_dry:
            done.write(path)

    def _show(self, data: bytes) -> None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)

    def _say(self, line: str) -> None:
        aside = self.args.diff or STDIN in self.args.paths
        print(line, file=sys.stderr if aside else sys.stdout)
