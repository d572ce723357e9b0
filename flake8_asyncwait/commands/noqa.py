"""`asyncwait check --add-noqa`."""

from __future__ import annotations

import argparse

from flake8_asyncwait.commands.examine import STDIN, findings_of, internal_errors, load, open_source
from flake8_asyncwait.commands.run import Run
from flake8_asyncwait.commands.status import CLEAN
from flake8_asyncwait.source.text import SourceError


class AddNoqa(Run):
    """Gives every line with a finding a comment that silences it."""

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args)
        self.added = 0

    def work(self) -> int:
        """Silence what is found, and say how much that was."""
        for path in self.watched(self.paths()):
            try:
                with self.over(path):
                    self.added += self._add(path)
            except SourceError as error:
                self.report_error(error)
        print(f"{self.added} noqa {'comment' if self.added == 1 else 'comments'} added")
        return CLEAN

    def _add(self, path: str) -> int:
        """Silence the findings of a file, and return on how many lines that was done."""
        if path == STDIN:
            raise SourceError(self.args.stdin_filename, "--add-noqa writes to files only")
        name, data = load(path, self.task)
        source = open_source(name, data, self.task.options)
        if source is None:
            return 0
        checked = findings_of(source, self.task)
        self.report_errors(internal_errors(name, checked.internal))
        findings = checked.findings
        if not findings:
            return 0
        from flake8_asyncwait.source.suppress import Noqa, with_noqa
        from flake8_asyncwait.source.write import encode, write

        codes: dict[int, set[str]] = {}
        for finding in findings:
            codes.setdefault(finding.line, set()).add(finding.code)
        text = with_noqa(source.text, codes)
        write(path, data, encode(source, data, text))
        noqa = Noqa(text)
        for finding in findings:
            if not noqa.covers(finding.line, finding.code):
                reason = f"no comment can silence {finding.code} here"
                self.report_error(SourceError(name, reason, finding.line))
        lines = zip(source.text.split("\n"), text.split("\n"), strict=True)
        return sum(before != after for before, after in lines)
