"""The command `asyncwait`.

Exit status: 0 nothing found, 1 findings, 2 the command could not do (all of) its work.
What only some runs need is imported where it is needed: most files hold no `asyncio.wait`, and a
run over such files should cost little more than the start of Python.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from flake8_asyncwait import __version__
from flake8_asyncwait.options import (
    ALL_CODES,
    Options,
    dotted_names,
    resolve_codes,
    split_list,
    unknown_codes,
)

if TYPE_CHECKING:
    from flake8_asyncwait.source.files import Walk
    from flake8_asyncwait.source.text import Source, SourceError
    from flake8_asyncwait.verdict.finding import Checked, Finding

CLEAN, FINDINGS, FAILED = 0, 1, 2
STDIN = "-"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the arguments `argv`, by default those of the process.

    Returns the exit status. Raises `SystemExit` for usage errors, `--help` and `--version`.
    """
    args = _parser().parse_args(argv)
    _print_anything()
    try:
        status = _Check(args).run()
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads our output has had enough. Python would complain once more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return FAILED
    return status


class _Check:
    """One run of `asyncwait check`, and what it has come to so far."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.options = Options(
            codes=resolve_codes(args.select, args.extend_select, args.ignore),
            task_factories=frozenset(args.task_factories),
            cancellers=frozenset(args.cancellers),
            wait_functions=frozenset(args.wait_functions),
        )
        self.findings: list[Finding] = []
        self.undetermined = 0
        self.failed = False

    def run(self) -> int:
        """Check all files, print what there is to print, and return the exit status."""
        from flake8_asyncwait.source.text import SourceError

        path = None
        for path in self._walk().files(self.args.paths):
            try:
                self._check(path)
            except SourceError as error:
                self._report_error(error)
        if path is None and not self.failed:
            print("no Python files found", file=sys.stderr)
        if self.args.statistics:
            self._report_statistics()
        if self.failed:
            return FAILED
        return FINDINGS if self.findings else CLEAN

    def _walk(self) -> Walk:
        from flake8_asyncwait.source.files import Walk
        from flake8_asyncwait.source.ignore import DEFAULT_EXCLUDE, Excluder

        given = self.args.exclude
        exclude = [*(DEFAULT_EXCLUDE if given is None else given), *self.args.extend_exclude]
        return Walk(Excluder(exclude), self.args.respect_gitignore, self._report_error)

    def _check(self, path: str) -> None:
        source = self._source(path)
        if source is None:
            return
        checked = _checked(source, self.options)
        self.findings += checked.findings
        self.undetermined += len(checked.undetermined)
        if checked.findings:
            self._report(source, checked.findings)

    def _source(self, path: str) -> Source | None:
        """The file at `path`, or None where it cannot hold a site.

        What nothing is claimed about may be as broken as it likes: no error is raised for it.
        """
        from flake8_asyncwait.sites.gate import candidate_lines
        from flake8_asyncwait.source.text import SourceError, decode, read

        if path == STDIN:
            path, data = self.args.stdin_filename, sys.stdin.buffer.read()
        else:
            data = read(path)
        try:
            source = decode(path, data)
        except SourceError:
            if candidate_lines(str(data, "latin-1"), self.options.wait_functions):
                raise
            return None
        return source if candidate_lines(source.text, self.options.wait_functions) else None

    def _report(self, source: Source, findings: Sequence[Finding]) -> None:
        from flake8_asyncwait.report import text

        if self.args.output_format == "text":
            for finding in findings:
                print(text.text(source.name, finding))
        else:
            lines = source.text.split("\n")
            for finding in findings:
                print(text.full(source.name, finding, lines), end="\n\n")

    def _report_error(self, error: SourceError) -> None:
        from flake8_asyncwait.report.text import printable

        self.failed = True
        print(printable(str(error)), file=sys.stderr)

    def _report_statistics(self) -> None:
        from flake8_asyncwait.report.text import statistics

        for line in statistics(self.findings, self.undetermined):
            print(line)


def _checked(source: Source, options: Options) -> Checked:
    """What is to be said of `source`. Raises `SourceError` when Python could not parse it."""
    from flake8_asyncwait.check import check
    from flake8_asyncwait.source.suppress import Noqa, is_file_suppressed
    from flake8_asyncwait.source.text import SourceError
    from flake8_asyncwait.verdict.finding import Checked

    if is_file_suppressed(source.text):
        return Checked()
    try:
        checked = check(source.text, options)
    except SyntaxError as error:
        raise SourceError(source.name, f"syntax error: {error.msg}", error.lineno) from error
    except (RecursionError, MemoryError) as error:
        raise SourceError(source.name, "nested too deeply") from error
    noqa = Noqa(source.text)
    visible = tuple(f for f in checked.findings if not noqa.covers(f.line, f.code))
    return Checked(visible, checked.undetermined)


def _print_anything() -> None:
    """Never fail to print a file name or a line of source because of the terminal's encoding."""
    import io

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="asyncwait", description="Find asyncio.wait calls that leak running tasks."
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_check(
        commands.add_parser(
            "check",
            help="report leaky asyncio.wait calls",
            description="Report leaky asyncio.wait calls.",
            epilog="Exit status: 0 nothing found, 1 findings, 2 could not do all of its work.",
        )
    )
    return parser


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "paths",
        nargs="*",
        default=["."],
        metavar="PATH",
        help="files and directories to check, - for standard input (default: .)",
    )
    _add_codes(parser.add_argument_group("what to report (comma-separated codes or prefixes)"))
    _add_names(parser.add_argument_group("what to know of your code (comma-separated names)"))
    _add_files(parser.add_argument_group("which files to check (comma-separated globs)"))
    _add_output(parser.add_argument_group("how to report"))


def _add_codes(group: argparse._ArgumentGroup) -> None:
    for flag, default, text in (
        ("--select", None, "report only these codes"),
        ("--extend-select", [], "report these codes too, such as those that are off by default"),
        ("--ignore", [], "do not report these codes"),
    ):
        group.add_argument(
            flag, action="extend", type=_codes, default=default, metavar="CODES", help=text
        )


def _add_names(group: argparse._ArgumentGroup) -> None:
    for flag, text in (
        ("--task-factories", "functions that return a task which their caller owns"),
        ("--cancellers", "functions that cancel the tasks they are given"),
        ("--wait-functions", "functions that wrap asyncio.wait with its own signature"),
    ):
        group.add_argument(
            flag, action="extend", type=_names, default=[], metavar="NAMES", help=text
        )


def _add_files(group: argparse._ArgumentGroup) -> None:
    for flag, default, text in (
        ("--exclude", None, "files and directories to leave out, instead of the default list"),
        ("--extend-exclude", [], "files and directories to leave out as well"),
    ):
        group.add_argument(
            flag, action="extend", type=_globs, default=default, metavar="GLOBS", help=text
        )
    group.add_argument(
        "--no-respect-gitignore",
        dest="respect_gitignore",
        action="store_false",
        help="check files that git ignores too",
    )


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--output-format",
        choices=("text", "full"),
        default="text",
        help="one line a finding, or with its source and how it leaks (default: text)",
    )
    group.add_argument(
        "--statistics",
        action="store_true",
        help="count the findings of each code, and the sites that could not be decided",
    )
    group.add_argument(
        "--stdin-filename",
        default="stdin",
        metavar="NAME",
        help="what to call standard input in reports (default: stdin)",
    )


def _codes(value: str) -> list[str]:
    codes = split_list(value)
    unknown = unknown_codes(codes)
    if unknown:
        known = ", ".join(sorted(ALL_CODES))
        raise argparse.ArgumentTypeError(f"unknown code {unknown[0]!r}; the codes are {known}")
    return codes


def _names(value: str) -> list[str]:
    try:
        return sorted(dotted_names(split_list(value)))
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _globs(value: str) -> list[str]:
    return [glob for glob in map(str.strip, value.split(",")) if glob]
