"""`asyncwait server`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from typing import BinaryIO, cast

from flake8_asyncwait.commands.status import CLEAN, FAILED
from flake8_asyncwait.commands.streams import say
from flake8_asyncwait.undetermined import error_text


def run(args: argparse.Namespace) -> int:
    """Serve an editor over standard input and output until it leaves, and return the status."""
    try:
        from flake8_asyncwait.server.bounded import Bounded
        from flake8_asyncwait.server.serve import Server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("pygls", "lsprotocol"):
            raise
        say("asyncwait server: needs pygls: pip install 'flake8-asyncwait[server]'")
        return FAILED
    _log_lines()
    server = Server(args)
    # pygls closes it in the end; and whatever else is printed must not get between its messages.
    output = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        server.start_io(cast(BinaryIO, Bounded(sys.stdin.buffer)), output)
    finally:
        server.session.close()
    return CLEAN if server.is_shut_down else FAILED


class _Line(logging.Formatter):
    """An entry of the log as one line, with the type and the text of an error."""

    def format(self, record: logging.LogRecord) -> str:
        text = " ".join(record.getMessage().split())
        error = record.exc_info[1] if record.exc_info else None
        if isinstance(error, Exception):
            text += f" ({error_text(error)})"
        return f"asyncwait server: {text}"


def _log_lines() -> None:
    """Log what goes wrong to standard error, where editors look for it."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Line())
    handler.addFilter(_is_error)
    logging.basicConfig(level=logging.WARNING, handlers=[handler])


def _is_error(record: logging.LogRecord) -> bool:
    """Whether an entry tells of an error: that a text has changed meanwhile is none."""
    from pygls.exceptions import JsonRpcContentModified

    error = record.exc_info[1] if record.exc_info else None
    return not isinstance(error, JsonRpcContentModified)
