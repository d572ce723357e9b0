"""The command `asyncwait`.

Exit status: 0 nothing found, 1 findings, 2 the command could not do (all of) its work. Of `fix`: 1
where findings are left, or where there is something to fix and it was not to be done. Of `prove`: 0
proved, 1 not reproduced.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from flake8_asyncwait import __version__

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn


def program() -> NoReturn:
    """Run the command as a process of its own, which ends with the exit status."""
    # Most of what a run makes, modules above all, it keeps: to look for cycles in that as often as
    # Python would by itself takes 3 % of the time, and frees next to nothing.
    gc.set_threshold(20_000)
    status = main()
    sys.stdout.flush()
    # Else Python would take every module and every result apart first, which takes longer than to
    # look at a hundred files.
    os._exit(status)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command with the arguments `argv`, by default those of the process.

    Returns the exit status. Raises `SystemExit` for usage errors and `--help`.
    """
    arguments = sys.argv[1:] if argv is None else argv
    if list(arguments) == ["--version"]:
        print(f"asyncwait {__version__}")
        return 0
    # Only now: their imports take longer than Python takes to start.
    from flake8_asyncwait.commands.parser import make_parser
    from flake8_asyncwait.commands.run import FAILED
    from flake8_asyncwait.source.text import SourceError, os_error

    args = make_parser(arguments).parse_args(arguments)
    _print_anything()
    try:
        os.getcwd()  # what is asked of paths later would fail without one
        status: int = import_module(f"flake8_asyncwait.commands.{args.command}").run(args)
        sys.stdout.flush()
    except SourceError as error:
        from flake8_asyncwait.report.text import printable

        print(printable(str(error)), file=sys.stderr)
        return FAILED
    except FileNotFoundError as error:
        print(os_error("working directory", error), file=sys.stderr)
        return FAILED
    except OSError as error:
        # What files give rise to is a `SourceError`: this is about our own output.
        if not isinstance(error, BrokenPipeError):  # else who reads it has had enough
            print(os_error("standard output", error), file=sys.stderr)
        # Python would complain once more as it ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return FAILED
    return status


def _print_anything() -> None:
    """Never fail to print a file name or a line of source because of the terminal's encoding."""
    import io

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
