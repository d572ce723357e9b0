"""The command `asyncwait`.

Exit status: 0 nothing found, 1 findings, 2 the command could not do (all of) its work. Of `fix`: 1
where findings are left, or where there is something to fix and it was not to be done. Of `prove`: 0
proved, 1 not reproduced.
What only some runs need is imported where it is needed: most files hold no `asyncio.wait`, and a
run over such files should cost little more than the start of Python.
"""

from __future__ import annotations

import argparse
import os
import re
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
    from flake8_asyncwait.fix.cure import Cure
    from flake8_asyncwait.fix.file import FileFix
    from flake8_asyncwait.fix.helper import Helper
    from flake8_asyncwait.replay.live import Proof
    from flake8_asyncwait.source.files import Walk
    from flake8_asyncwait.source.text import Source, SourceError
    from flake8_asyncwait.verdict.finding import Finding

CLEAN, FINDINGS, FAILED = 0, 1, 2
STDIN = "-"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the arguments `argv`, by default those of the process.

    Returns the exit status. Raises `SystemExit` for usage errors, `--help` and `--version`.
    """
    args = _parser().parse_args(argv)
    _print_anything()
    try:
        status: int = args.command(args).run()
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads our output has had enough. Python would complain once more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return FAILED
    return status


class _Run:
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
                self._visit(path)
            except SourceError as error:
                self._report_error(error)
        if path is None and not self.failed:
            print("no Python files found", file=sys.stderr)
        status = self._finish()
        return FAILED if self.failed else status

    def _visit(self, path: str) -> None:
        """Look at one file. Raises `SourceError`."""
        raise NotImplementedError

    def _finish(self) -> int:
        """Print what is to be said of all files; the exit status where nothing has failed."""
        raise NotImplementedError

    def _walk(self) -> Walk:
        from flake8_asyncwait.source.files import Walk
        from flake8_asyncwait.source.ignore import DEFAULT_EXCLUDE, Excluder

        given = self.args.exclude
        exclude = [*(DEFAULT_EXCLUDE if given is None else given), *self.args.extend_exclude]
        return Walk(Excluder(exclude), self.args.respect_gitignore, self._report_error)

    def _read(self, path: str) -> tuple[str, bytes]:
        """What reports call the file at `path`, and its bytes."""
        from flake8_asyncwait.source.text import read

        if path == STDIN:
            return self.args.stdin_filename, sys.stdin.buffer.read()
        return path, read(path)

    def _source(self, name: str, data: bytes) -> Source | None:
        """A file with the given bytes, or None where it cannot hold a site.

        What nothing is claimed about may be as broken as it likes: no error is raised for it.
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

    def _report_error(self, error: SourceError) -> None:
        from flake8_asyncwait.report.text import printable

        self.failed = True
        print(printable(str(error)), file=sys.stderr)


class _Check(_Run):
    """`asyncwait check`."""

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args)
        self.findings: list[Finding] = []
        self.undetermined = 0

    def _visit(self, path: str) -> None:
        name, data = self._read(path)
        source = self._source(name, data)
        if source is None:
            return
        from flake8_asyncwait.check import check_source  # not for files without a candidate

        checked = check_source(source, self.options)
        self.findings += checked.findings
        self.undetermined += len(checked.undetermined)
        if checked.findings:
            self._report(source, data, checked.findings)

    def _finish(self) -> int:
        if self.args.statistics:
            self._report_statistics()
        return FINDINGS if self.findings else CLEAN

    def _report(self, source: Source, data: bytes, findings: Sequence[Finding]) -> None:
        from flake8_asyncwait.fix.advise import advised, change_for
        from flake8_asyncwait.report import text

        lines = source.text.split("\n")
        for finding in advised(source.name, source.text, findings, self.options):
            mark = _proof(source, finding, self.options).mark if self.args.prove else ""
            if self.args.output_format == "text":
                print(text.text(source.name, finding, mark), flush=self.args.prove)
            else:
                change = change_for(source.name, source, data, finding, self.options)
                print(text.full(source.name, finding, lines, mark, change), end="\n\n")

    def _report_statistics(self) -> None:
        from flake8_asyncwait.report.text import statistics

        for line in statistics(self.findings, self.undetermined):
            print(line)


class _Prove(_Run):
    """`asyncwait prove`."""

    def run(self) -> int:
        """Prove the findings at the place, and return the exit status."""
        from flake8_asyncwait.check import check_source
        from flake8_asyncwait.report.text import proof
        from flake8_asyncwait.source.text import SourceError

        path, line, column = self.args.place
        try:
            source = self._source(*self._read(path))
            findings = [] if source is None else check_source(source, self.options).findings
        except SourceError as error:
            self._report_error(error)
            return FAILED
        found = [f for f in findings if f.line == line and column in (0, f.column + 1)]
        if source is None or not found:
            self._report_error(SourceError(path, "no finding here", line))
            return FAILED
        proofs = []
        for finding in found:
            proofs.append(_proof(source, finding, self.options))
            events, verdict = map(str, proofs[-1].events), proofs[-1].verdict
            print(proof(source.name, finding, events, verdict), end="\n\n")
        return max(one.status for one in proofs)


class _Fix(_Run):
    """`asyncwait fix`. Where stdout gets a diff or a file, what was done is told on stderr."""

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__(args)
        self.cures: list[Cure] = []
        self.changes = 0
        self.shown: set[str] = set()

    def _visit(self, path: str) -> None:
        name, data = self._read(path)
        done = self._fixed(name, data)
        self._put(path, name, done)
        self.changes += done.is_changed
        self.cures += done.cures
        for cure in done.cures:
            self._say(cure.told(name, self._is_dry))

    @property
    def _is_dry(self) -> bool:
        return bool(self.args.diff or self.args.check)

    def _fixed(self, name: str, data: bytes) -> FileFix:
        """What a fix makes of a file."""
        from flake8_asyncwait.check import check_source
        from flake8_asyncwait.fix.file import FileFix, fix_file

        nothing = FileFix(data, data)
        source = self._source(name, data)
        if source is None:
            return nothing
        findings = check_source(source, self.options).findings
        if not findings:
            return nothing
        return fix_file(name, source, data, self.options, self.args.helper, findings)

    def _put(self, path: str, name: str, done: FileFix) -> None:
        """Write a fixed file, or show it."""
        if self.args.diff:
            self._show(done.diff(name, self.shown))
        elif path == STDIN and not self.args.check:
            self._show(done.after)
        elif done.is_changed and not self._is_dry:
            done.write(path)

    def _show(self, data: bytes) -> None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)

    def _say(self, line: str) -> None:
        aside = self.args.diff or STDIN in self.args.paths
        print(line, file=sys.stderr if aside else sys.stdout)

    def _finish(self) -> int:
        from flake8_asyncwait.fix.cure import summary

        self._say(summary(self.cures, self._is_dry))
        left = any(cure.is_left for cure in self.cures)
        return FINDINGS if left or (self._is_dry and self.changes) else CLEAN


class _Template:
    """`asyncwait helper`."""

    def __init__(self, args: argparse.Namespace) -> None:
        pass

    def run(self) -> int:
        """Print the template."""
        from flake8_asyncwait.fix.helper import template

        print(template(), end="")
        return CLEAN


def _proof(source: Source, finding: Finding, options: Options) -> Proof:
    """What running the execution that a finding describes shows."""
    from flake8_asyncwait.replay.apart import prove_apart
    from flake8_asyncwait.replay.locate import Known

    steps = [(step.line, step.choice) for step in finding.witness]
    known = Known(options.task_factories, options.cancellers, options.wait_functions)
    return prove_apart(source.text, (finding.line, finding.column), finding.code, steps, known)


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
    _add_prove(
        commands.add_parser(
            "prove",
            help="run what a finding says on a real event loop",
            description="Lift the function of a finding out, give it stand-ins for all that it "
            "does not define, and run what the finding says on a real event loop. Nothing of the "
            "project is imported or run.",
            epilog="Exit status: 0 proved, 1 not reproduced, 2 the function could not be lifted, "
            "or there is no finding.",
        )
    )
    _add_fix(
        commands.add_parser(
            "fix",
            help="cure leaky asyncio.wait calls",
            description="Cure leaky asyncio.wait calls, where that changes nothing but the leak.",
            epilog="Exit status: 0 nothing is left to do, 1 findings are left, or with --diff or "
            "--check something would change, 2 could not do all of its work.",
        )
    )
    _add_helper(
        commands.add_parser(
            "helper",
            help="print the module that wait_any comes from",
            description="Print the module that wait_any comes from, to be put into a project.",
        )
    )
    return parser


def _add_check(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_Check)
    _add_common(parser, "check", "report")
    _add_output(parser.add_argument_group("how to report"))


def _add_prove(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_Prove)
    parser.add_argument(
        "place",
        type=_place,
        metavar="PATH:LINE[:COLUMN]",
        help="where the finding is, as check prints it",
    )
    _add_codes(parser.add_argument_group("what to prove (comma-separated codes or prefixes)"))
    _add_names(parser.add_argument_group("what to know of your code (comma-separated names)"))
    _add_stdin(parser.add_argument_group("how to report"))


def _add_fix(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_Fix)
    _add_common(parser, "fix", "fix")
    group = parser.add_argument_group("how to fix")
    group.add_argument(
        "--diff", action="store_true", help="print the changes as a diff, and write nothing"
    )
    group.add_argument(
        "--check", action="store_true", help="say what would be done, and write nothing"
    )
    group.add_argument(
        "--helper",
        type=_helper,
        metavar="MODULE:NAME",
        help="where wait_any is imported from; made there if it does not exist "
        "(default: _wait_any.py in the top package of the file)",
    )
    _add_stdin(group)


def _add_helper(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(command=_Template)


def _add_common(parser: argparse.ArgumentParser, do: str, codes: str) -> None:
    """The options that `check` and `fix` share: both look for the same."""
    parser.add_argument(
        "paths",
        nargs="*",
        default=["."],
        metavar="PATH",
        help=f"files and directories to {do}, - for standard input (default: .)",
    )
    _add_codes(parser.add_argument_group(f"what to {codes} (comma-separated codes or prefixes)"))
    _add_names(parser.add_argument_group("what to know of your code (comma-separated names)"))
    _add_files(parser.add_argument_group(f"which files to {do} (comma-separated globs)"))


def _add_codes(group: argparse._ArgumentGroup) -> None:
    for flag, default, text in (
        ("--select", None, "only these codes"),
        ("--extend-select", [], "these codes too, such as those that are off by default"),
        ("--ignore", [], "not these codes"),
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
        "--prove",
        action="store_true",
        help="run what each finding says on a real event loop, and say whether it came true",
    )
    _add_stdin(group)


def _add_stdin(group: argparse._ArgumentGroup) -> None:
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


def _place(value: str) -> tuple[str, int, int]:
    """A path, a line, and a column or 0: the last two count from 1."""
    match = re.fullmatch(r"(.+?):(\d+)(?::(\d+))?:?", value)
    if match is None:
        raise argparse.ArgumentTypeError(f"{value!r} is not PATH:LINE or PATH:LINE:COLUMN")
    return match[1], int(match[2]), int(match[3] or 0)


def _helper(value: str) -> Helper:
    from flake8_asyncwait.fix.helper import parse_helper

    try:
        return parse_helper(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _globs(value: str) -> list[str]:
    return [glob for glob in map(str.strip, value.split(",")) if glob]
