"""What the commands that look at files have in common.

What only some runs need is imported where it is needed: most files hold no `asyncio.wait`, and a
run over such files should cost little more than the start of Python.
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from flake8_asyncwait.options import Options, resolve_codes

if TYPE_CHECKING:
    from flake8_asyncwait.replay.live import Proof
    from flake8_asyncwait.source.files import Walk
    from flake8_asyncwait.source.text import Source, SourceError
    from flake8_asyncwait.verdict.finding import Finding

CLEAN, FINDINGS, FAILED = 0, 1, 2
STDIN = "-"


class Run:
    """One run of a command over files, and whether it could do all of its work so far."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.options = Options(
            codes=resolve_codes(args.select, args.extend_select, args.ignore),
            task_factories=frozenset(args.task_factories),
            cancellers=frozenset(args.cancellers),
            wait_functions=frozenset(args.wait_functions),
        )
        self.failed = False

    def run(self) -> int:
        """Do the work, print what there is to print, and return the exit status."""
        from flake8_asyncwait.source.text import SourceError

        path = None
        for path in self._walk().files(self.args.paths):
            try:
                self.visit(path)
            except SourceError as error:
                self.report_error(error)
        if path is None and not self.failed:
            print("no Python files found", file=sys.stderr)
        status = self.finish()
        return FAILED if self.failed else status

    def visit(self, path: str) -> None:
        """Look at one file. Raises `SourceError`."""
        raise NotImplementedError

    def finish(self) -> int:
        """Print what is to be said of all files; the exit status where nothing has failed."""
        raise NotImplementedError

    def _walk(self) -> Walk:
        from flake8_asyncwait.source.files import Walk
        from flake8_asyncwait.source.ignore import DEFAULT_EXCLUDE, Excluder

        given = self.args.exclude
        exclude = [*(DEFAULT_EXCLUDE if given is None else given), *self.args.extend_exclude]
        return Walk(Excluder(exclude), self.args.respect_gitignore, self.report_error)

    def read(self, path: str) -> tuple[str, bytes]:
        """What reports call the file at `path`, and its bytes. Raises `SourceError`."""
        from flake8_asyncwait.source.text import read

        if path == STDIN:
            return self.args.stdin_filename, sys.stdin.buffer.read()
        return path, read(path)

    def source(self, name: str, data: bytes) -> Source | None:
        """A file with the given bytes, or None where it cannot hold a site.

        What nothing is claimed about may be as broken as it likes: no error is raised for it.
        Else raises `SourceError`.
        """
        from flake8_asyncwait.sites.gate import candidate_lines
        from flake8_asyncwait.source.text import SourceError, decode

        try:
            source = decode(name, data)
        except SourceError:
            if candidate_lines(str(data, "latin-1"), self.options.wait_functions):
                raise
            return None
        return source if candidate_lines(source.text, self.options.wait_functions) else None

    def proof(self, source: Source, finding: Finding) -> Proof:
        """What running the execution that a finding describes shows."""
        from flake8_asyncwait.replay.apart import prove_apart
        from flake8_asyncwait.replay.locate import Known

        steps = [(step.line, step.choice) for step in finding.witness]
        options = self.options
        known = Known(options.task_factories, options.cancellers, options.wait_functions)
        return prove_apart(source.text, (finding.line, finding.column), finding.code, steps, known)

    def report_error(self, error: SourceError) -> None:
        """Say what could not be done; the run goes on."""
        from flake8_asyncwait.report.text import printable

        self.failed = True
        print(printable(str(error)), file=sys.stderr)
