"""What the commands that look at files have in common.

What only some runs need is imported where it is needed: most files hold no `asyncio.wait`, and a
run over such files should cost little more than the start of Python.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence

from flake8_asyncwait.commands.examine import internal_errors, task_of
from flake8_asyncwait.commands.progress import Progress
from flake8_asyncwait.commands.status import FAILED
from flake8_asyncwait.commands.streams import say
from flake8_asyncwait.config.load import load
from flake8_asyncwait.source.text import SourceError
from flake8_asyncwait.undetermined import INTERNAL_ERROR, InternalError, Net, Over

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from flake8_asyncwait.config.settings import Settings
    from flake8_asyncwait.source.files import Walk
    from flake8_asyncwait.undetermined import UndeterminedSite


def walk_of(settings: Settings, on_error: Callable[[SourceError], None]) -> Walk:
    """How to look for files where these settings are in force; `on_error` is as for `Walk`."""
    from flake8_asyncwait.source.files import Walk
    from flake8_asyncwait.source.ignore import Excluder

    exclude = [*settings.exclude, *settings.extend_exclude]
    return Walk(Excluder(exclude), settings.respect_gitignore, on_error)


class Run:
    """One run of a command over files, and what it could not do so far."""

    def __init__(self, args: argparse.Namespace) -> None:
        """Raises `SourceError` for a configuration that cannot be used."""
        self.args = args
        self.config = load(args)
        self.settings = self.config.settings
        self.task = task_of(self.settings, args.stdin_filename)
        self.errors: list[SourceError] = []
        self.progress = Progress(sys.stderr)

    def run(self) -> int:
        """Do the work, print what there is to print, and return the exit status."""
        self.warn_of_flake8()
        try:
            status = self.work()
        finally:
            self.progress.stop()
        return FAILED if self.errors else status

    def work(self) -> int:
        """Do the work; the exit status where no error was reported."""
        raise NotImplementedError

    def paths(self) -> list[str]:
        """The files to look at."""
        paths = list(walk_of(self.settings, self.report_error).files(self.args.paths))
        if not paths and not self.errors:
            say("no Python files found")
        return paths

    def watched(self, items: Sequence[str]) -> Iterator[str]:
        """The same items, while a progress bar moves."""
        return self.progress.over(items, len(items))

    def report_error(self, error: SourceError) -> None:
        """Say what could not be done; the run goes on."""
        self.errors.append(error)
        self.warn(str(error))

    def over(self, path: str, line: int = 1, function: str = "") -> Over:
        """A context manager for the work on a file, or on a function that begins on `line`: an
        error of our own is reported, and the run goes on."""

        def report(error: InternalError) -> None:
            self.report_errors(internal_errors(path, (error,)))

        # Whatever is read is a `SourceError` if it fails; an `OSError` is one of our output.
        return Net(SourceError, MemoryError, OSError, tell=report).over(line, function)

    def report_errors(self, errors: Iterable[SourceError]) -> None:
        """Say of several things that they could not be done."""
        for error in errors:
            self.report_error(error)

    def warn(self, message: str) -> None:
        """Say a line on stderr."""
        from flake8_asyncwait.report.text import beginning

        self.progress.aside(lambda: say(beginning(message)))

    def warn_of_undetermined(self, path: str, sites: Iterable[UndeterminedSite]) -> None:
        """Say of which sites in the file at `path` nothing is claimed, and why. An error of our own
        is told already."""
        for site in sites:
            if site.reason != INTERNAL_ERROR:
                self.warn(f"{path}:{site.line}: not decided: {site.reason}")

    def warn_of_flake8(self) -> None:
        """Say so where the project configures us for flake8 and not for this command."""
        if self.config.found.for_flake8 is not None:
            self.warn(
                f"{self.config.found.for_flake8}: read by flake8 only; "
                "asyncwait reads [tool.asyncwait] in pyproject.toml"
            )
