"""`asyncwait helper`."""

from __future__ import annotations

import argparse

from flake8_asyncwait.commands.status import CLEAN
from flake8_asyncwait.fix.helper import template


def run(_args: argparse.Namespace) -> int:
    """Print the module that `wait_any` comes from."""
    print(template(), end="")
    return CLEAN
