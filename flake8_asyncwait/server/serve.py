"""The server as pygls runs it: which message goes where. It never waits for work: that is done by
`Workers`."""

from __future__ import annotations

import argparse
import asyncio
import logging
import signal
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from lsprotocol import types
from pygls.exceptions import FeatureRequestError
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method

from flake8_asyncwait import __version__
from flake8_asyncwait.server import actions, pull
from flake8_asyncwait.server.actions import Actions
from flake8_asyncwait.server.checks import Checks
from flake8_asyncwait.server.explain import EXPLAIN, PROVE, Explain
from flake8_asyncwait.server.pull import Pull
from flake8_asyncwait.server.session import Session

_WATCHED = ("**/*.py", "**/pyproject.toml")
# What somebody sends who wants the server to end; Windows has no SIGHUP.
_ENDS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_log = logging.getLogger(__name__)


class _Protocol(LanguageServerProtocol):
    """pygls, but for the documents: these are `Document`s, whose positions and lines are exact."""

    _server: Server

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        self._server.checks.did_open(params.text_document)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        self._server.checks.did_change(params.text_document, params.content_changes)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        self._server.checks.did_close(params.text_document.uri)


class Server(LanguageServer):
    """One session with an editor. `args` are those of the command."""

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__("asyncwait", __version__, protocol_cls=_Protocol)
        self.session = Session(args, self)
        self.checks = Checks(self.session)
        self.is_shut_down = False
        self._register(Pull(self.session), Actions(self.session), Explain(self.session))

    def _register(self, pulled: Pull, offered: Actions, words: Explain) -> None:
        """Tell pygls what there is, besides `_Protocol`."""
        features: list[tuple[str, Callable[..., Any], object]] = [
            (types.INITIALIZE, self.initialize, None),
            (types.INITIALIZED, self.initialized, None),
            (types.SHUTDOWN, self.shut_down, None),
            (types.TEXT_DOCUMENT_DID_SAVE, self.checks.did_save, None),
            (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, self.checks.did_change_files, None),
            (types.WORKSPACE_DID_CHANGE_CONFIGURATION, self.checks.did_change_files, None),
            (types.TEXT_DOCUMENT_HOVER, words.hover, None),
            (types.TEXT_DOCUMENT_CODE_ACTION, offered.offer, actions.OPTIONS),
            (types.CODE_ACTION_RESOLVE, offered.resolve, None),
            (types.TEXT_DOCUMENT_DIAGNOSTIC, pulled.document, pull.OPTIONS),
            (types.WORKSPACE_DIAGNOSTIC, pulled.workspace, None),
        ]
        for name, method, options in features:
            self.feature(name, options)(partial(method))
        self.command(EXPLAIN)(_command(words.explain))
        self.command(PROVE)(_command(words.prove))

    def initialize(self, params: types.InitializeParams) -> None:
        """The editor says what it can do."""
        self.session.begin(params.capabilities)
        for number in _ENDS:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as `nohup` has it
                signal.signal(number, partial(_soon, asyncio.get_running_loop(), self._end))

    def _end(self, number: int) -> None:
        """End the process by a signal, which would have ended it at once, but leave nothing behind.
        pygls would wait until the editor says something."""
        self.session.close()
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    def initialized(self, params: types.InitializedParams) -> None:
        """Ask to be told of files that others change."""
        if self.session.client.watches:
            watched = types.DidChangeWatchedFilesRegistrationOptions(
                [types.FileSystemWatcher(glob) for glob in _WATCHED]
            )
            method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            registration = types.Registration("asyncwait-files", method, watched)
            self.client_register_capability(types.RegistrationParams([registration]))

    def shut_down(self, params: None) -> None:
        """The editor is about to leave."""
        self.is_shut_down = True
        self.session.stop()

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log an error that nobody is answered with: nobody is interrupted over it."""
        if source is not FeatureRequestError:
            _log.error("%s", error)


def _soon(
    loop: asyncio.AbstractEventLoop, end: Callable[[int], None], number: int, _: object
) -> None:
    """Let a loop `end` the process, unless it is about to end: a signal comes in the middle of
    anything."""
    if not loop.is_closed():
        loop.call_soon_threadsafe(end, number)


def _command(method: Callable[..., Awaitable[object]]) -> Callable[..., Awaitable[object]]:
    """A command as pygls takes it, which looks for types that it knows among the annotations. It
    would pass itself for an `object`, and Python 3.10 has no class `Any`: so there are none."""

    async def command(*arguments: object) -> object:
        return await method(*arguments)

    command.__annotations__ = {}
    return command
