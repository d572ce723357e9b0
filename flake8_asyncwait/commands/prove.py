"""`asyncwait prove`."""

from __future__ import annotations

import argparse
from functools import partial

from flake8_asyncwait.commands.examine import findings_of, load, open_source, prove, unwalled
from flake8_asyncwait.commands.run import Run
from flake8_asyncwait.commands.status import FAILED
from flake8_asyncwait.report.text import proof
from flake8_asyncwait.source.text import SourceError


def run(args: argparse.Namespace) -> int:
    """Prove the findings at a place, and return the exit status."""
    path, line, column = args.place
    args.paths = [path]
    return _Prove(args, path, line, column).run()


class _Prove(Run):
    def __init__(self, args: argparse.Namespace, path: str, line: int, column: int) -> None:
        super().__init__(args)
        self.path, self.line, self.column = path, line, column

    def work(self) -> int:
        try:
            return self._prove()
        except SourceError as error:
            self.report_error(error)
            return FAILED

    def _prove(self) -> int:
        options = self.task.options
        source = open_source(*load(self.path, self.task), options)
        findings = findings_of(source, self.task).findings if source is not None else ()
        found = [
            each
            for each in findings
            if each.line == self.line and self.column in (0, each.column + 1)
        ]
        if source is None or not found:
            raise SourceError(self.path, "no finding here", self.line)
        if warning := unwalled():
            self.warn(f"asyncwait prove: {warning}")
        status = 0
        for finding in self.progress.over(found, len(found), "findings"):
            shown = prove(source, finding, options)
            told = proof(source.name, finding, map(str, shown.events), shown.verdict)
            self.progress.aside(partial(print, told, end="\n\n"))
            status = max(status, shown.status)
        return status
