"""The command `asyncwait`.

Exit status: 0 nothing found, 1 findings, 2 the command could not do (all of) its work. Of `fix`: 1
where findings are left, or where there is something to fix and it was not to be done. Of `prove`: 0
proved, 1 not reproduced.
"""

from __future__ import annotations

import gc
import os
import sys

from flake8_asyncwait import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

# Nothing else is imported here: an interrupt would meet Python's traceback, and not `main`.


def program() -> NoReturn:
    """Run the command as a process of its own, which ends with the exit status."""
    # Most of what a run makes, modules above all, it keeps: to look for cycles in that as often as
    # Python would by itself takes 3 % of the time, and frees next to nothing.
    gc.set_threshold(20_000)
    # Else Python would take every module and every result apart first, which takes longer than to
    # look at a hundred files.
    os._exit(main())


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the arguments `argv`, by default those of the process.

    Returns the exit status, once all output is written.
    """
    try:
        from flake8_asyncwait.commands.streams import open_all

        open_all()
        return _main(sys.argv[1:] if argv is None else argv)
    except KeyboardInterrupt:
        from flake8_asyncwait.commands.status import FAILED
        from flake8_asyncwait.commands.streams import say

        say("interrupted")
        return FAILED


def _main(arguments: Sequence[str]) -> int:
    """Run the command, and say what went wrong."""
    from flake8_asyncwait.commands.status import FAILED
    from flake8_asyncwait.commands.streams import say, silence
    from flake8_asyncwait.source.text import SourceError, os_error

    try:
        status = _run(arguments)
        sys.stdout.flush()
    except SourceError as error:
        _complain(str(error))
        return FAILED
    except FileNotFoundError as error:
        say(str(os_error("working directory", error)))
        return FAILED
    except OSError as error:
        # What files give rise to is a `SourceError`: this is about our own output.
        if not isinstance(error, BrokenPipeError):  # else who reads it has had enough
            say(str(os_error("standard output", error)))
        silence(sys.stdout)
        return FAILED
    return status


def _run(arguments: Sequence[str]) -> int:
    """Run the command, and return its status."""
    from flake8_asyncwait.commands.status import CLEAN, FAILED

    if arguments and arguments[0] == "--version":
        print(f"asyncwait {__version__}")
        return CLEAN
    # Only now: their imports take longer than Python takes to start.
    from importlib import import_module

    from flake8_asyncwait.commands.parser import UsageError, parse

    try:
        args = parse(arguments)
    except SystemExit:  # its help is printed
        return CLEAN
    except UsageError as error:
        _complain(str(error))
        return FAILED
    os.getcwd()  # what is asked of paths later would fail without one
    status: int = import_module(f"flake8_asyncwait.{args.module}").run(args)
    return status


def _complain(line: str) -> None:
    from flake8_asyncwait.commands.streams import say
    from flake8_asyncwait.report.text import beginning

    say(beginning(line))
