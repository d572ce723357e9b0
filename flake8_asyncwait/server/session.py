"""One editor, and what is so as long as it is there: what it can do, which documents it has open,
and who works for it."""

from __future__ import annotations

import argparse
import asyncio
import logging
from collections.abc import Awaitable, Iterable
from typing import Any, TypeVar

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified
from pygls.lsp.server import LanguageServer
from pygls.uris import to_fs_path

from flake8_asyncwait.server import convert
from flake8_asyncwait.server.client import Client
from flake8_asyncwait.server.document import Document, Text
from flake8_asyncwait.server.pages import Pages
from flake8_asyncwait.server.workers import Workers
from flake8_asyncwait.verdict.finding import Finding

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Session:
    """What all features share. `args` are those of the command, which count before the settings of
    a project; `server` talks to the editor."""

    def __init__(self, args: argparse.Namespace, server: LanguageServer) -> None:
        self.args = args
        self.server = server
        self.documents: dict[str, Document] = {}
        # By the paths of their files: the bytes of the documents, as others read them.
        self.shown: dict[str, bytes] = {}
        self.pages = Pages()
        self._client: Client | None = None
        self._workers: Workers | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def begin(self, capabilities: types.ClientCapabilities) -> None:
        """Learn what the editor can do, and get ready."""
        self._client = Client(capabilities)
        self.workers.prepare()

    def stop(self) -> None:
        """Stop what is done beside the requests."""
        for task in self._tasks:
            task.cancel()

    def close(self) -> None:
        """Leave no process and no file behind, however the session has ended."""
        if self._workers is not None:
            self._workers.close()
        self.pages.remove()

    @property
    def client(self) -> Client:
        """What the editor can do."""
        assert self._client is not None
        return self._client

    @property
    def workers(self) -> Workers:
        """The processes that do the work."""
        if self._workers is None:
            self._workers = Workers(self.shown)
        return self._workers

    @property
    def encoding(self) -> types.PositionEncodingKind:
        """The encoding that positions count in."""
        return types.PositionEncodingKind(self.server.workspace.position_encoding)

    @property
    def folders(self) -> list[str]:
        """The folders that the editor works on."""
        workspace = self.server.workspace
        roots = [folder.uri for folder in workspace.folders.values()]
        if not roots and workspace.root_uri:
            roots = [workspace.root_uri]
        return [path for path in map(to_fs_path, roots) if path is not None]

    # What the editor is told

    def say(self, kind: types.MessageType, text: str) -> None:
        """Show the user a line."""
        self.server.window_show_message(types.ShowMessageParams(kind, text))

    def show_page(self, uri: str) -> bool:
        """Let the editor open a page; returns whether it can."""
        if self.client.shows_documents:
            self.server.window_show_document(types.ShowDocumentParams(uri, take_focus=True))
        return self.client.shows_documents

    def diagnostics(
        self, findings: Iterable[Finding], uri: str, text: Text
    ) -> list[types.Diagnostic]:
        """Findings in the text of `uri` as this editor shows them."""
        return convert.diagnostics(findings, uri, text, self.client, self.pages.of_rule)

    # What is done about a document

    async def work(self, name: str, document: Document, *arguments: object) -> Any:
        """What a function of `work` says of a document as it is now. Raises `WorkError`."""
        return await self.workers.ask(name, document.buffer, self.args, *arguments)

    async def settled(self, document: Document) -> None:
        """Wait until a document is checked as it is now."""
        if document.check is not None and not document.is_checked:
            await asyncio.wait({document.check})

    async def about(self, document: Document, work: Awaitable[T]) -> T:
        """The result of work on the text of a document as it is now. Raises
        `JsonRpcContentModified` as soon as it has changed."""
        request = asyncio.current_task()
        assert request is not None
        version = document.version
        document.requests.add(request)
        try:
            return await work
        except asyncio.CancelledError:
            if document.version == version and document.uri in self.documents:
                raise
            raise JsonRpcContentModified from None
        finally:
            document.requests.discard(request)

    def start(self, work: Awaitable[None]) -> asyncio.Task[None]:
        """Do something beside all else; an error in it is logged."""
        task: asyncio.Task[None] = asyncio.ensure_future(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


async def _logged(work: Awaitable[None]) -> None:
    try:
        await work
    except Exception as error:
        _log.exception("%s", error)
