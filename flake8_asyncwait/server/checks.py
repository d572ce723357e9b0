"""The documents come, change and go, and each is checked when nothing happens to it for a while."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.uris import to_fs_path

from flake8_asyncwait.server.document import Document
from flake8_asyncwait.server.session import Session
from flake8_asyncwait.server.work import Buffer, Found
from flake8_asyncwait.server.workers import WorkError
from flake8_asyncwait.source.opened import is_path
from flake8_asyncwait.source.text import SourceError, encoded

# How long after a change the text is checked, in seconds; where a check is not quick, so long as
# that takes.
DEBOUNCE, LONGEST_DEBOUNCE = 0.04, 1.0
_QUICK = 0.1
_OTHERS = 0.3  # the same for the other documents, which may look into the changed one
_NEWER = 1.0  # how long nothing has to happen until a newer syntax is thought of
_log = logging.getLogger(__name__)


class Checks:
    """What is done when the editor tells of documents and files, and what it is told of them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._settings_errors: set[str] = set()
        self._published: set[str] = set()

    # What the editor tells

    def did_open(self, item: types.TextDocumentItem) -> None:
        """A document was opened."""
        self._forget(item.uri)
        document = Document(item, self._buffer(item), self._session.encoding, _is_python(item))
        self._session.documents[item.uri] = document
        self._show(document)
        self._check_soon(document, 0)
        self._check_others(document)

    def did_change(
        self,
        item: types.VersionedTextDocumentIdentifier,
        changes: Iterable[types.TextDocumentContentChangeEvent],
    ) -> None:
        """A document was changed: what is done about its text until then is in vain."""
        document = self._session.documents.get(item.uri)
        if document is None:
            return
        document.change(item.version, changes)
        for request in document.requests:
            request.cancel()
        self._show(document)
        is_quick = document.seconds < _QUICK
        self._check_soon(
            document, DEBOUNCE if is_quick else min(document.seconds, LONGEST_DEBOUNCE)
        )
        self._check_others(document)

    def did_save(self, params: types.DidSaveTextDocumentParams) -> None:
        """A document was saved: what is on the disk now may count for others."""
        document = self._session.documents.get(params.text_document.uri)
        if document is None:
            self._check_others(None)
        elif document.check is None or document.check.done():
            self._check_soon(document, 0)

    def did_close(self, uri: str) -> None:
        """A document was closed, maybe without being saved."""
        if self._forget(uri):
            self._publish(uri, None, [])
            self._check_others(None)

    def did_change_files(self, params: object) -> None:
        """Others have changed files, or settings."""
        self._check_others(None)
        self._refresh()

    def _forget(self, uri: str) -> bool:
        """Stop all that is about a document; returns whether it was open."""
        document = self._session.documents.pop(uri, None)
        if document is None:
            return False
        if document.check is not None:
            document.check.cancel()
        for request in document.requests:
            request.cancel()
        if document.path is not None:
            self._session.shown.pop(document.path, None)
        return True

    def _show(self, document: Document) -> None:
        """Let others see the text of a document."""
        if document.path is not None:
            with contextlib.suppress(SourceError):
                self._session.shown[document.path] = encoded(document.path, document.text.text)

    def _buffer(self, item: types.TextDocumentItem) -> Buffer:
        """A document as workers get it."""
        path = to_fs_path(item.uri)
        if path is not None and is_path(path):
            path = os.path.abspath(path)
            return Buffer(path, "", os.path.dirname(path))
        name = os.path.basename(unquote(urlsplit(item.uri).path))
        name = name if name and is_path(name) else "untitled"
        folder = next(iter(self._session.folders), os.getcwd())
        return Buffer(os.path.join(os.path.abspath(os.sep), name), "", folder, is_loose=True)

    # Checks

    def _check_soon(self, document: Document, delay: float) -> None:
        """Check a document after a while, if nothing else happens to it."""
        if document.check is not None:
            document.check.cancel()
        if document.is_python:
            document.check = self._session.start(self._check(document, delay))

    def _check_others(self, changed: Document | None) -> None:
        """Check the other documents after a while: they may look into the one that has changed,
        or be what other settings are for."""
        for other in self._session.documents.values():
            if other is changed:
                continue
            if other.check is None or other.check.done():
                self._check_soon(other, _OTHERS)
            else:
                other.is_outdated = True

    async def _check(self, document: Document, delay: float, tries_newer: bool = False) -> None:
        """Check a document after a while, and again if others have changed meanwhile. Whether it is
        in the syntax of a newer Python is tried once nobody types."""
        await asyncio.sleep(delay)
        document.is_outdated = False
        started = time.monotonic()
        try:
            found = await self._found(document, tries_newer)
        finally:  # also where it was cancelled: it takes longer than somebody waits to type on
            document.seconds = time.monotonic() - started
        if found.findings is not None or not tries_newer:
            self._settle(document, found)
        if document.is_outdated:
            document.check = self._session.start(self._check(document, _OTHERS))
        elif found.may_be_newer:
            document.check = self._session.start(self._check(document, _NEWER, tries_newer=True))

    async def _found(self, document: Document, tries_newer: bool) -> Found:
        """What a worker finds in a document."""
        try:
            found: Found = await self._session.work("check", document, tries_newer)
        except WorkError as error:
            _log.error("%s: %s", document.uri, error)
            return Found(None)
        return found

    def _settle(self, document: Document, found: Found) -> None:
        """Take over what was found in a document, and tell of it."""
        for line in found.errors:
            _log.error("%s", line)
        self._tell_once(found.settings_error)
        before = document.findings
        if found.findings is not None:
            document.findings = found.findings
        if document.is_checked and document.findings != before:
            self._refresh()  # who has asked does not know
        document.settle()
        told = self._session.diagnostics(document.findings, document.uri, document.text)
        self._publish(document.uri, document.version, told)

    # What the editor is told

    def _tell_once(self, line: str) -> None:
        """Show the user what is wrong with the settings, when it is found first."""
        if line and line not in self._settings_errors:
            self._settings_errors.add(line)
            self._session.say(types.MessageType.Warning, line)

    def _publish(self, uri: str, version: int | None, found: list[types.Diagnostic]) -> None:
        """Tell of the diagnostics of a document; without a version it is closed."""
        if self._session.client.asks or (version is None and uri not in self._published):
            return
        self._published.add(uri)
        if version is None:
            self._published.discard(uri)
        told = types.PublishDiagnosticsParams(uri, found, version)
        self._session.server.text_document_publish_diagnostics(told)

    def _refresh(self) -> None:
        """Let an editor that asks ask again."""
        if self._session.client.refreshes:
            self._session.server.workspace_diagnostic_refresh(None)


def _is_python(item: types.TextDocumentItem) -> bool:
    """Whether a document is one that we check: cells of notebooks share their names with others,
    and their tasks live on."""
    scheme = urlsplit(item.uri).scheme
    is_python = item.language_id == "python" or item.uri.endswith((".py", ".pyi"))
    return is_python and scheme in ("file", "untitled", "")
