"""`asyncwait fix`. Where stdout gets a diff or a file, what was done is told on stderr."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING

from flake8_asyncwait.commands.examine import (
    STDIN,
    Task,
    at_gate,
    findings_of,
    helper_of,
    internal_errors,
    load,
    open_source,
    or_failed,
    task_for,
)
from flake8_asyncwait.commands.jobs import work_on
from flake8_asyncwait.commands.progress import Progress
from flake8_asyncwait.commands.run import Run
from flake8_asyncwait.commands.status import CLEAN, FINDINGS
from flake8_asyncwait.commands.streams import say
from flake8_asyncwait.config.settings import AUTO
from flake8_asyncwait.named import NamedTuple
from flake8_asyncwait.report.paths import relative
from flake8_asyncwait.source.project import leads_out
from flake8_asyncwait.source.text import SourceError

if TYPE_CHECKING:
    from flake8_asyncwait.fix.cure import Cure
    from flake8_asyncwait.fix.file import FileFix
    from flake8_asyncwait.undetermined import UndeterminedSite


def run(args: argparse.Namespace) -> int:
    """Fix the files, and return the exit status."""
    return _Fix(args).run()


class Planned(NamedTuple):
    """What to do to the file at `path`, which reports call `name`: nothing, or a fix.

    `errors` say what could not be done; `undetermined` is as in `Checked`.
    """

    path: str
    name: str
    fix: FileFix | None = None
    errors: tuple[SourceError, ...] = ()
    undetermined: tuple[UndeterminedSite, ...] = ()


def plan(path: str, task: Task) -> Planned:
    """What a fix makes of the file at `path`: nothing is written, and no error is raised."""
    return or_failed(_plan, path, task, _failed)


def _plan(path: str, task: Task) -> Planned:
    from flake8_asyncwait.fix.file import FileFix, Request, fix_file

    task = task_for(path, task)
    name, data = load(path, task)
    source = open_source(name, data, task.options)
    if source is None:
        return Planned(path, name, FileFix(data, data))
    checked = findings_of(source, task)
    errors = internal_errors(name, checked.internal)
    if not checked.findings:
        return Planned(path, name, FileFix(data, data), errors, checked.undetermined)
    request = Request(helper_of(task), checked.findings, task.cure)
    done = fix_file(name, source, data, task.options, request)
    errors = (*errors, *internal_errors(name, done.internal))
    return Planned(path, name, done, errors, checked.undetermined)


def _gated(path: str, task: Task) -> Planned | None:
    """The plan for a file that can hold no site, or that cannot be read; None for the others."""
    if path == STDIN:
        return None
    examined = at_gate(path, task)
    return None if examined is None else _failed(path, *examined.errors)


def _failed(path: str, *errors: SourceError) -> Planned:
    return Planned(path, path, errors=errors)


class _Fix(Run):
    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args)
        self.is_for_people = args.output_format == "text"
        if not self.is_for_people and self._puts_on_stdout:
            what = "diff" if args.diff else "fixed text"
            raise SourceError("--output-format json", f"stdout gets the {what}; add --check")
        self.progress = Progress(sys.stderr, self.is_for_people)
        self.cures: list[tuple[str, Cure]] = []
        self.changed: list[str] = []
        self.created: list[str] = []
        self.untracked: list[str] = []
        self.undetermined: list[tuple[str, UndeterminedSite]] = []
        self.shown: set[str] = set()
        self.looked_at: list[str] = []
        self.checked = 0

    def work(self) -> int:
        self.looked_at = self.paths()
        results = self.progress.over(self._planned(), len(self.looked_at))
        # All plans are made before anything is written: one may look into the file of another.
        for planned in results if self._is_dry else list(results):
            self.checked += planned.fix is not None or not planned.errors
            self.warn_of_undetermined(planned.name, planned.undetermined)
            self.undetermined += ((planned.name, site) for site in planned.undetermined)
            known = set(map(str, self.errors))  # a helper is missing in all files
            self.report_errors(error for error in planned.errors if str(error) not in known)
            try:
                with self.over(planned.path):
                    self._fix(planned)
            except SourceError as error:
                self.report_error(error)
            except MemoryError:
                self.report_error(SourceError(planned.path, "not enough memory"))
        if self.is_for_people:
            from flake8_asyncwait.fix.cure import summary

            self._say(summary(self.cures, self._is_dry, bool(self.errors)))
        if self.args.require_tracked:
            self._find_untracked()
        if not self.is_for_people:
            self._report()
        left = any(cure.is_left for _, cure in self.cures)
        changes = self._is_dry and self.changed
        return FINDINGS if left or self.untracked or changes else CLEAN

    def _report(self) -> None:
        """Print what was done as JSON."""
        from flake8_asyncwait.fix.report import Done, document

        done = Done(
            self._is_dry,
            self.cures,
            self.changed,
            self.created,
            self.untracked,
            self.undetermined,
            self.errors,
            self.checked,
        )
        print(document(done))

    def _planned(self) -> Iterator[Planned]:
        """What to do to each file, in their order. Several processes plan all of them as they are
        now; this one writes them."""
        jobs = self.settings.jobs
        work = partial(plan, task=self.task)
        gated = [(path, _gated(path, self.task)) for path in self.looked_at]
        left = [path for path, result in gated if result is None and path != STDIN]
        results = work_on(work, left, None if jobs == AUTO else int(jobs), _failed)
        for path, result in gated:
            if result is not None:
                yield result
            else:
                yield work(path) if path == STDIN else next(results)

    def _fix(self, planned: Planned) -> None:
        """Fix a file, and tell what was done. Raises `SourceError`."""
        name, done = planned.name, planned.fix
        if done is None:
            return
        try:
            self._put(planned.path, name, done)
        except SourceError as error:
            self._tell(name, [cure.unwritten(error.reason) for cure in done.cures])
            raise
        if done.is_changed:
            self.changed.append(name)
        self._tell(name, done.cures)

    def _tell(self, name: str, cures: Sequence[Cure]) -> None:
        """Say what was done about each finding of a file."""
        self.cures += ((name, cure) for cure in cures)
        if self.is_for_people:
            for cure in cures:
                self._say(cure.told(name, self._is_dry))

    @property
    def _is_dry(self) -> bool:
        return bool(self.args.diff or self.args.check)

    @property
    def _puts_on_stdout(self) -> bool:
        """Whether stdout gets a diff or a file."""
        return bool(self.args.diff or (STDIN in self.args.paths and not self.args.check))

    def _put(self, path: str, name: str, done: FileFix) -> None:
        """Write a fixed file, or show it. One outside the project is written only by its name."""
        if done.is_changed and path not in self.args.paths and leads_out(path):
            raise SourceError(name, "it links to a file outside the project; name it to fix it")
        if self.args.diff:
            self.progress.aside(partial(self._show, done.diff(name, self.shown)))
        elif path == STDIN and not self.args.check:
            self.progress.aside(partial(self._show, done.after))
        elif done.is_changed and not self._is_dry:
            made = done.write(path)
            if made is not None:
                self.created.append(made)
                self.warn(f"created {relative(made)} (add it to version control)")
        if self._is_dry and done.to_create is not None and done.to_create not in self.created:
            self.created.append(done.to_create)

    def _find_untracked(self) -> None:
        """Say which helper modules are in no version control."""
        from flake8_asyncwait.fix.project.helper import made_for
        from flake8_asyncwait.source.git import is_untracked

        modules = dict.fromkeys(filter(None, map(made_for, self.looked_at)))
        self.untracked = [module for module in modules if is_untracked(module)]
        for module in self.untracked:
            self.warn(f"{relative(module)}: made by a fix, and not under version control: add it")

    def _show(self, data: bytes) -> None:
        sys.stdout.flush()
        if sys.stdout.isatty():  # nobody applies that, and it could hold what a terminal obeys
            from flake8_asyncwait.report.text import shown

            sys.stdout.write(shown(data))
        else:
            sys.stdout.buffer.write(data)

    def _say(self, line: str) -> None:
        from flake8_asyncwait.report.text import beginning

        aside = self.args.diff or STDIN in self.args.paths
        self.progress.aside(partial(say if aside else print, beginning(line)))
