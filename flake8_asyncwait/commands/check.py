"""`asyncwait check`."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial

from flake8_asyncwait.commands.examine import Examined, unwalled
from flake8_asyncwait.commands.jobs import examine_all
from flake8_asyncwait.commands.progress import Progress
from flake8_asyncwait.commands.run import Run
from flake8_asyncwait.commands.status import CLEAN, FINDINGS
from flake8_asyncwait.config.settings import AUTO
from flake8_asyncwait.report.colour import PLAIN, paint_for
from flake8_asyncwait.report.entry import Contents, Entry, Summary
from flake8_asyncwait.report.formats import FORMATS
from flake8_asyncwait.source.text import SourceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from flake8_asyncwait.report.baseline import Baseline
    from flake8_asyncwait.undetermined import UndeterminedSite


def run(args: argparse.Namespace) -> int:
    """Check the files, and return the exit status."""
    if args.add_noqa:
        from flake8_asyncwait.commands.noqa import AddNoqa

        return AddNoqa(args).run()
    return _Check(args).run()


class _Check(Run):
    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args)
        if args.prove and not args.trust and (warning := unwalled()):
            raise SourceError("--prove", f"{warning}; if this is yours, add --trust")
        self.format = FORMATS[self.settings.output_format]
        self.progress = Progress(sys.stderr, self.format.is_for_people)
        self.baseline = self._baseline()
        self.task = self.task._replace(
            shows_changes=self.format.shows_changes,
            proves=args.prove,
            known=self.baseline.keys if self.baseline is not None else frozenset(),
            reports=args.write_baseline is None,
            cache=self.config.cache,
        )
        self.counts: Counter[str] = Counter()
        self.fixable = 0
        self.files: set[str] = set()
        self.found: list[str] = []
        self.checked: list[str] = []
        self.undetermined: list[tuple[str, UndeterminedSite]] = []
        self.looked_at = 0
        self.waits = 0

    def work(self) -> int:
        self.found = self.paths()
        self._protect_inputs()
        if self.args.write_baseline is not None:
            return self._write_baseline(self.args.write_baseline)
        if self.args.output_file is None:
            for piece in self._report():
                # Who watches a slow run wants to see what is found when it is found.
                self.progress.aside(partial(print, piece, end="", flush=self.args.prove))
        else:
            from flake8_asyncwait.source.write import put

            put(self.args.output_file, "".join(self._report()).encode("utf-8", "replace"))
        if self.baseline is not None:
            self._warn_of_unused(self.baseline)
        is_dirty = self.counts or (self.args.strict and self.undetermined)
        return FINDINGS if is_dirty else CLEAN

    def _report(self) -> Iterator[str]:
        paint = PLAIN if self.args.output_file is not None else paint_for(sys.stdout)
        yield from self.format.render(Contents(self._entries(), self._summary, paint))
        if self.args.statistics:
            yield from self._statistics()
        if self.format.is_for_people and (self.found or self.errors):
            from flake8_asyncwait.report.text import closing

            yield f"{closing(self._summary())}\n"

    def _statistics(self) -> Iterator[str]:
        """The counts: part of a report for people, beside one for programs."""
        from flake8_asyncwait.report.text import statistics

        for line in statistics(self._summary()):
            if self.format.is_for_people:
                yield f"{line}\n"
            else:
                self.warn(line)

    def _entries(self) -> Iterator[Entry]:
        """What to report, file by file."""
        for examined in self._examined():
            if self.baseline is not None:
                self.baseline.meet(examined.path, examined.identities)
                self.checked.append(examined.path)
            for entry in examined.entries:
                self.counts[entry.finding.code] += 1
                self.fixable += entry.is_fixable
                self.files.add(entry.path)
                yield entry

    def _examined(self) -> Iterator[Examined]:
        paths = self.found
        jobs = self.settings.jobs
        results = examine_all(paths, self.task, None if jobs == AUTO else int(jobs))
        for examined in self.progress.over(results, len(paths)):
            self.report_errors(examined.errors)
            self.undetermined += ((examined.path, site) for site in examined.undetermined)
            self.warn_of_undetermined(examined.path, examined.undetermined)
            self.looked_at += examined.is_checked
            self.waits += examined.waits
            yield examined

    def _protect_inputs(self) -> None:
        """Raise `SourceError` where the output would overwrite what this run reads."""
        output = self.args.output_file or self.args.write_baseline
        if output is None:
            return
        from flake8_asyncwait.source.write import check_is_no_input

        table = self.config.found.table
        others = (self.args.stdin_filename, self.args.baseline, table and table.path)
        check_is_no_input(output, (*self.found, *filter(None, others)))

    def _summary(self) -> Summary:
        return Summary(
            dict(self.counts),
            len(self.files),
            self.fixable if self.format.shows_changes else None,
            tuple(self.undetermined),
            tuple(self.errors),
            self.looked_at,
            self.waits,
        )

    def _baseline(self) -> Baseline | None:
        if self.args.baseline is None:
            return None
        from flake8_asyncwait.report.baseline import Baseline

        return Baseline(self.args.baseline)

    def _warn_of_unused(self, baseline: Baseline) -> None:
        for each in baseline.unused(self.checked, self.task.options.codes):
            where = f" in {each.function}" if each.function else ""
            self.warn(f"{self.args.baseline}: no longer found: {each.path}: {each.code}{where}")

    def _write_baseline(self, path: str) -> int:
        from flake8_asyncwait.report.baseline import dump
        from flake8_asyncwait.source.write import put

        found = [(each.path, one) for each in self._examined() for one in each.identities]
        put(path, dump(found, path))
        self.warn(f"{path}: {len(found)} known {'finding' if len(found) == 1 else 'findings'}")
        return CLEAN
