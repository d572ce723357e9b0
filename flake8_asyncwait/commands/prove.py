"""`asyncwait prove`."""

from __future__ import annotations

import argparse
from functools import partial

from flake8_asyncwait.commands.examine import (
    findings_of,
    identities,
    internal_errors,
    load,
    open_source,
    prove,
    task_for,
    unwalled,
)
from flake8_asyncwait.commands.run import Run
from flake8_asyncwait.commands.status import FAILED
from flake8_asyncwait.report.text import proof
from flake8_asyncwait.source.text import Source, SourceError
from flake8_asyncwait.verdict.checked import Checked

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flake8_asyncwait.replay.proof.proof import Proof
    from flake8_asyncwait.verdict.finding import Finding


def run(args: argparse.Namespace) -> int:
    """Prove the findings at a place, and return the exit status."""
    path, line, column = args.place
    return _Prove(args, path, line, column).run()


def timeline(source: Source, finding: Finding, shown: Proof) -> str:
    """What running a finding has shown, as the report of the command: without a line end."""
    happened, assumed = map(str, shown.happened), map(str, shown.assumed)
    return proof(source.name, finding, happened, assumed, shown.verdict)


class _Prove(Run):
    def __init__(self, args: argparse.Namespace, path: str, line: int, column: int) -> None:
        super().__init__(args)
        self.path, self.line, self.column = path, line, column

    def work(self) -> int:
        try:
            with self.over(self.path):
                return self._prove()
        except SourceError as error:
            self.report_error(error)
        return FAILED

    def _prove(self) -> int:
        task = task_for(self.path, self.task)
        options = task.options
        source = open_source(*load(self.path, task), options)
        checked = findings_of(source, task) if source is not None else Checked()
        self.report_errors(internal_errors(self.path, checked.internal))
        found = [
            each
            for each in checked.findings
            if each.line == self.line and self.column in (0, each.column + 1)
        ]
        if source is None or not found:
            raise SourceError(self.path, self._why_none(checked), self.line)
        if warning := unwalled():
            self.warn(f"asyncwait prove: {warning}")
        status = 0
        known = identities(source, found, options)
        numbers = range(len(found))
        for number in self.progress.over(numbers, len(found), "findings"):
            finding = found[number]
            with self.over(self.path, finding.line, known[number].function):
                shown = prove(source, finding, options)
                told = timeline(source, finding, shown)
                self.progress.aside(partial(print, told, end="\n\n"))
                status = max(status, shown.status)
        return status

    def _why_none(self, checked: Checked) -> str:
        """Why there is nothing to prove, and what else there is in the file."""
        for site in checked.undetermined:
            if site.line == self.line:
                return f"not decided: {site.reason}"
        if not checked.findings:
            return "no finding here, and none in this file"
        nearest = min(
            checked.findings,
            key=lambda each: (abs(each.line - self.line), abs(each.column + 1 - self.column)),
        )
        place = f"{nearest.line}:{nearest.column + 1}"
        return f"no finding here; the nearest is {self.path}:{place} ({nearest.code})"
