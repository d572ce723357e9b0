"""What the command line may say, and what is wrong with it where it says something else."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING

from flake8_asyncwait import __version__
from flake8_asyncwait.options import ALL_CODES, dotted_names, split_list, unknown_codes

if TYPE_CHECKING:
    from flake8_asyncwait.fix.helper import Helper


def make_parser() -> argparse.ArgumentParser:
    """The parser of the command line; `command` is the name of the module that runs it."""
    top = argparse.ArgumentParser(
        prog="asyncwait", description="Find asyncio.wait calls that leak running tasks."
    )
    top.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = top.add_subparsers(required=True, dest="command", metavar="COMMAND")
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
    commands.add_parser(
        "helper",
        help="print the module that wait_any comes from",
        description="Print the module that wait_any comes from, to be put into a project.",
    )
    return top


def _add_check(parser: argparse.ArgumentParser) -> None:
    _add_common(parser, "check", "report")
    _add_output(parser.add_argument_group("how to report"))


def _add_prove(parser: argparse.ArgumentParser) -> None:
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
