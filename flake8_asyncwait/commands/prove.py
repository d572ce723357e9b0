"""`asyncwait prove`."""

from __future__ import annotations

import argparse

from flake8_asyncwait.check import check_source
from flake8_asyncwait.commands.run import FAILED, Run
from flake8_asyncwait.report.text import proof
from flake8_asyncwait.source.text import SourceError


def run(args: argparse.Namespace) -> int:
    """Prove the findings at a place, and return the exit status."""
    return _Prove(args).run()


class _Prove(Run):
    def run(self) -> int:
        path, line, column = self.args.place
        try:
            source = self.source(*self.read(path))
            findings = [] if source is None else check_source(source, self.options).findings
        except SourceError as error:
            self.report_error(error)
            return FAILED
        found = [f for f in findings if f.line == line and column in (0, f.column + 1)]
        if source is None or not found:
            self.report_error(SourceError(path, "no finding here", line))
            return FAILED
        proofs = []
        for finding in found:
            proofs.append(self.proof(source, finding))
            events, verdict = map(str, proofs[-1].events), proofs[-1].verdict
            print(proof(source.name, finding, events, verdict), end="\n\n")
        return max(one.status for one in proofs)
