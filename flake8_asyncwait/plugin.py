"""The door for flake8: the only module that knows it."""

from __future__ import annotations

import ast
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from flake8_asyncwait import __version__
from flake8_asyncwait.check import check
from flake8_asyncwait.options import Options, dotted_names, resolve_codes
from flake8_asyncwait.sites.gate import may_name_site
from flake8_asyncwait.undetermined import Net

if TYPE_CHECKING:
    from flake8.options.manager import OptionManager

    from flake8_asyncwait.verdict.finding import Finding

_NAME_LISTS = {
    "task-factories": "names of functions that return a task which their caller owns",
    "cancellers": "names of functions that cancel the tasks they are given",
    "wait-functions": "names of functions that wrap asyncio.wait with its own signature",
}


class Plugin:
    """Finds leaky `asyncio.wait` calls in one file. flake8 makes one of these for each file."""

    name = "flake8-asyncwait"
    version = __version__
    options: ClassVar[Options] = Options()
    stdin_name: ClassVar[str | None] = None

    def __init__(self, tree: ast.Module, lines: Sequence[str], filename: str) -> None:
        """`lines` are those of the file with their ends; flake8 has removed a BOM."""
        self._tree = tree
        self._lines = lines
        self._filename = filename
        self._path = None if filename == self.stdin_name else filename

    @classmethod
    def add_options(cls, manager: OptionManager) -> None:
        """Tell flake8 of the options, for the command line and for its configuration files."""
        for name, help_text in _NAME_LISTS.items():
            manager.add_option(
                f"--asyncwait-{name}",
                parse_from_config=True,
                comma_separated_list=True,
                default=[],
                metavar="NAMES",
                help=f"comma-separated {help_text}",
            )
        manager.add_option(
            "--asyncwait-no-project",
            parse_from_config=True,
            action="store_true",
            help="do not look into other modules of the project",
        )

    @classmethod
    def parse_options(cls, options: Namespace) -> None:
        """Keep what the user set.

        Codes that are off by default are left out here, and not through flake8's
        `extend_default_ignore`: an `ignore =` in a configuration file would drop that list and so
        turn them on. Raises flake8's `ExecutionError` for a name that is not one.
        """
        codes = resolve_codes(
            options.select,
            options.extend_select or (),
            [*(options.ignore or ()), *(options.extend_ignore or ())],
        )
        cls.options = Options(
            codes=codes,
            task_factories=_names(options, "task-factories"),
            cancellers=_names(options, "cancellers"),
            wait_functions=_names(options, "wait-functions"),
            project=not options.asyncwait_no_project,
        )
        # Standard input looks into itself only, whatever it is called.
        cls.stdin_name = options.stdin_display_name if "-" in options.filenames else None

    def run(self) -> Iterator[tuple[int, int, str, type[Any]]]:
        """The findings as flake8 wants them: lines from 1, columns from 0. No error is raised: what
        fails is told on stderr."""
        text = "".join(self._lines)
        if not may_name_site(text, self.options.wait_functions):
            return
        net = Net()
        findings: tuple[Finding, ...] = ()
        with net.over():
            checked = check(text, self.options, self._tree, self._path)
            net.caught += checked.internal
            findings = checked.findings
        for error in dict.fromkeys(net.caught):
            _say(f"{self._filename}:{error.line}: {error.reason}")
        for finding in findings:
            yield finding.line, finding.column, f"{finding.code} {finding.message}", type(self)


def _say(line: str) -> None:
    """Print a line on stderr: one line that no terminal obeys, whatever the file is called."""
    from flake8_asyncwait.report.text import beginning

    print(beginning(line).encode("ascii", "backslashreplace").decode(), file=sys.stderr)


def _names(options: Namespace, name: str) -> frozenset[str]:
    try:
        return dotted_names(getattr(options, f"asyncwait_{name.replace('-', '_')}"))
    except ValueError as error:
        from flake8.exceptions import ExecutionError

        raise ExecutionError(f"--asyncwait-{name}: {error}") from error
