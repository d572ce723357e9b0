"""`asyncwait --help`, and `asyncwait` alone."""

from __future__ import annotations

import argparse

from flake8_asyncwait.commands.parser import COMMANDS
from flake8_asyncwait.commands.rules import listed
from flake8_asyncwait.commands.status import CLEAN, FAILED
from flake8_asyncwait.commands.streams import say

_TEXT = """\
usage: asyncwait COMMAND ...

Find asyncio.wait calls that leak running tasks.

commands:
{commands}

codes:
{codes}

asyncwait COMMAND --help lists the options of a command, asyncwait --version prints the version.
The documentation is in docs/ of the repository and of the source distribution: docs/tutorial.md
takes ten minutes.
"""


def run(args: argparse.Namespace) -> int:
    """Print the help: as an error where it was not asked for, as nothing was done."""
    told = _TEXT.format(commands=_commands(), codes=_indented(listed("text")))
    if args.is_asked_for:
        print(told, end="")
        return CLEAN
    say(told.rstrip())
    return FAILED


def _commands() -> str:
    """A line for each command, with an example."""
    width = max(len(command.help) for command in COMMANDS)
    return _indented(
        "\n".join(f"{each.name:<8} {each.help:<{width}}  {each.example}" for each in COMMANDS)
    )


def _indented(lines: str) -> str:
    return "\n".join(f"  {line}" for line in lines.split("\n"))
