"""`asyncwait check`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flake8_asyncwait.commands.run import CLEAN, FINDINGS, Run

if TYPE_CHECKING:
    from flake8_asyncwait.source.text import Source
    from flake8_asyncwait.verdict.finding import Finding


def run(args: argparse.Namespace) -> int:
    """Check the files, and return the exit status."""
    return _Check(args).run()


class _Check(Run):
    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args)
        self.findings: list[Finding] = []
        self.undetermined = 0

    def visit(self, path: str) -> None:
        name, data = self.read(path)
        source = self.source(name, data)
        if source is None:
            return
        from flake8_asyncwait.check import check_source  # not for files without a candidate

        checked = check_source(source, self.options)
        self.findings += checked.findings
        self.undetermined += len(checked.undetermined)
        if checked.findings:
            self._report(source, data, checked.findings)

    def finish(self) -> int:
        if self.args.statistics:
            self._report_statistics()
        return FINDINGS if self.findings else CLEAN

    def _report(self, source: Source, data: bytes, findings: Sequence[Finding]) -> None:
        from flake8_asyncwait.fix.advise import advised, change_for
        from flake8_asyncwait.report import text

        lines = source.text.split("\n")
        for finding in advised(source.name, source.text, findings, self.options):
            mark = self.proof(source, finding).mark if self.args.prove else ""
            if self.args.output_format == "text":
                print(text.text(source.name, finding, mark), flush=self.args.prove)
            else:
                change = change_for(source.name, source, data, finding, self.options)
                print(text.full(source.name, finding, lines, mark, change), end="\n\n")

    def _report_statistics(self) -> None:
        from flake8_asyncwait.report.text import statistics

        for line in statistics(self.findings, self.undetermined):
            print(line)
