"""The server itself: what it does when the editor says or asks something. It never waits for work:
that is done by `Workers`."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Awaitable, Callable, Iterable
from functools import partial
from hashlib import blake2b
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified, JsonRpcException
from pygls.lsp.server import LanguageServer
from pygls.protocol import LanguageServerProtocol, lsp_method
from pygls.uris import from_fs_path, to_fs_path

from flake8_asyncwait import __version__
from flake8_asyncwait.report.entry import Change
from flake8_asyncwait.rules import rule_of
from flake8_asyncwait.rules.explain import plain
from flake8_asyncwait.server import tell
from flake8_asyncwait.server.client import Client
from flake8_asyncwait.server.document import Document, Text
from flake8_asyncwait.server.pages import Pages
from flake8_asyncwait.server.work import Buffer, Found, Offers, Scan
from flake8_asyncwait.server.workers import WorkError, Workers
from flake8_asyncwait.source.text import SourceError, encoded
from flake8_asyncwait.verdict.finding import Finding

EXPLAIN, PROVE = "asyncwait.explain", "asyncwait.prove"
# How long after a change the text is checked, in seconds: where checks take longer, so long.
DEBOUNCE, LONGEST_DEBOUNCE = 0.04, 1.0
_OTHERS = 0.3  # the same for the other documents, which may look into the changed one
_NEWER = 1.0  # how long nothing has to happen until a newer syntax is thought of
_SERVER_CANCELLED = -32802
_WATCHED = ("**/*.py", "**/pyproject.toml")
_log = logging.getLogger(__name__)

T = TypeVar("T")


class _Protocol(LanguageServerProtocol):
    """pygls, but for the documents: these are `Document`s, whose positions and lines are exact."""

    _server: Server

    @lsp_method(types.TEXT_DOCUMENT_DID_OPEN)
    def lsp_text_document__did_open(self, params: types.DidOpenTextDocumentParams) -> None:
        self._server.did_open(params.text_document)

    @lsp_method(types.TEXT_DOCUMENT_DID_CHANGE)
    def lsp_text_document__did_change(self, params: types.DidChangeTextDocumentParams) -> None:
        self._server.did_change(params.text_document, params.content_changes)

    @lsp_method(types.TEXT_DOCUMENT_DID_CLOSE)
    def lsp_text_document__did_close(self, params: types.DidCloseTextDocumentParams) -> None:
        self._server.did_close(params.text_document.uri)


class Server(LanguageServer):
    """One editor, and the documents that it has open.

    `args` are those of the command, which count before the settings of a project. What is proved
    `is_trusted` where the system has no wall.
    """

    def __init__(self, args: argparse.Namespace) -> None:
        super().__init__("asyncwait", __version__, protocol_cls=_Protocol)
        self.args = args
        self.pages = Pages()
        self.documents: dict[str, Document] = {}
        self.shown: dict[str, bytes] = {}
        self.is_shut_down = False
        self._workers: Workers | None = None
        self._client: Client | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._told: set[str] = set()
        # Whether the editor asks for diagnostics itself; where it does, it is not told unasked.
        self._is_asked = False
        self._published: set[str] = set()
        self._scanned = Scan("", {})
        self._register()

    def _register(self) -> None:
        """Tell pygls what there is, besides `_Protocol`."""
        features: list[tuple[str, Callable[..., Any], object]] = [
            (types.INITIALIZE, self.initialize, None),
            (types.INITIALIZED, self.initialized, None),
            (types.SHUTDOWN, self.shut_down, None),
            (types.TEXT_DOCUMENT_DID_SAVE, self.did_save, None),
            (types.WORKSPACE_DID_CHANGE_WATCHED_FILES, self.did_change_files, None),
            (types.WORKSPACE_DID_CHANGE_CONFIGURATION, self.did_change_files, None),
            (types.TEXT_DOCUMENT_HOVER, self.hover, None),
            (types.TEXT_DOCUMENT_CODE_ACTION, self.code_actions, _ACTION_OPTIONS),
            (types.CODE_ACTION_RESOLVE, self.resolve, None),
            (types.TEXT_DOCUMENT_DIAGNOSTIC, self.diagnostic, _DIAGNOSTIC_OPTIONS),
            (types.WORKSPACE_DIAGNOSTIC, self.workspace_diagnostic, None),
        ]
        for name, method, options in features:
            self.feature(name, options)(partial(method))

        # pygls reads the parameters of a command off the function that it is given.
        async def explain(*arguments: Any) -> object:
            return await self.explain(*arguments)

        async def prove(*arguments: Any) -> object:
            return await self.prove(*arguments)

        self.command(EXPLAIN)(explain)
        self.command(PROVE)(prove)

    # What is so for the whole session

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
        return types.PositionEncodingKind(self.workspace.position_encoding)

    @property
    def folders(self) -> list[str]:
        """The folders that the editor works on."""
        roots = [folder.uri for folder in self.workspace.folders.values()]
        if not roots and self.workspace.root_uri:
            roots = [self.workspace.root_uri]
        return [path for path in map(to_fs_path, roots) if path is not None]

    def initialize(self, params: types.InitializeParams) -> None:
        """Learn what the editor can do, and get ready."""
        self._client = Client(params.capabilities)
        self.workers.prepare()

    def initialized(self, params: types.InitializedParams) -> None:
        """Ask to be told of files that others change."""
        if self.client.watches:
            watched = types.DidChangeWatchedFilesRegistrationOptions(
                [types.FileSystemWatcher(glob) for glob in _WATCHED]
            )
            method = types.WORKSPACE_DID_CHANGE_WATCHED_FILES
            registration = types.Registration("asyncwait-files", method, watched)
            self.client_register_capability(types.RegistrationParams([registration]))

    def shut_down(self, params: None) -> None:
        """Stop the work."""
        self.is_shut_down = True
        for task in self._tasks:
            task.cancel()

    def close(self) -> None:
        """Leave no process and no file behind, however the session has ended."""
        if self._workers is not None:
            self._workers.close()
        self.pages.remove()

    def report_server_error(self, error: Exception, source: object) -> None:
        """Log an error: nobody is interrupted over it."""
        _log.error("%s", error)

    # Documents come, change and go

    def did_open(self, item: types.TextDocumentItem) -> None:
        """A document was opened."""
        buffer = self._buffer(item)
        document = Document(item, buffer, self.encoding, _is_python(item))
        self.documents[item.uri] = document
        self._show(document)
        self._check_soon(document, 0)
        self._check_others(document)

    def did_change(
        self,
        item: types.VersionedTextDocumentIdentifier,
        changes: Iterable[types.TextDocumentContentChangeEvent],
    ) -> None:
        """A document was changed: what is done about its text until then is in vain."""
        document = self.documents.get(item.uri)
        if document is None:
            return
        document.change(item.version, changes)
        for request in document.requests:
            request.cancel()
        self._show(document)
        delay = min(max(DEBOUNCE, document.seconds), LONGEST_DEBOUNCE)
        self._check_soon(document, delay)
        self._check_others(document)

    def did_save(self, params: types.DidSaveTextDocumentParams) -> None:
        """A document was saved: what is on the disk now may count for others."""
        document = self.documents.get(params.text_document.uri)
        if document is None:
            self._check_others(None)
        elif document.check is None or document.check.done():
            self._check_soon(document, 0)

    def did_close(self, uri: str) -> None:
        """A document was closed, maybe without being saved."""
        document = self.documents.pop(uri, None)
        if document is None:
            return
        if document.check is not None:
            document.check.cancel()
        for request in document.requests:
            request.cancel()
        if document.path is not None:
            self.shown.pop(document.path, None)
        self._publish(uri, None, [])
        self._check_others(document)

    def did_change_files(self, params: object) -> None:
        """Others have changed files, or settings."""
        self._check_others(None)
        self._refresh()

    def _show(self, document: Document) -> None:
        """Let others see the text of a document."""
        if document.path is not None:
            with contextlib.suppress(SourceError):
                self.shown[document.path] = encoded(document.path, document.text.text)

    def _buffer(self, item: types.TextDocumentItem) -> Buffer:
        """A document as workers get it."""
        path = to_fs_path(item.uri)
        if path is not None:
            path = os.path.abspath(path)
            return Buffer(path, "", os.path.dirname(path))
        name = os.path.basename(unquote(urlsplit(item.uri).path)) or "untitled"
        folder = next(iter(self.folders), os.getcwd())
        return Buffer(os.path.join(os.path.abspath(os.sep), name), "", folder, is_loose=True)

    # Checks

    def _check_soon(self, document: Document, delay: float) -> None:
        """Check a document after a while, if nothing else happens to it."""
        if document.check is not None:
            document.check.cancel()
        if document.is_python:
            document.check = self._start(self._check(document, delay))

    def _check_others(self, changed: Document | None) -> None:
        """Check the other documents after a while: they may look into the one that has changed,
        or be what other settings are for."""
        for other in self.documents.values():
            if other is not changed and (other.check is None or other.check.done()):
                self._check_soon(other, _OTHERS)

    async def _check(self, document: Document, delay: float) -> None:
        await asyncio.sleep(delay)
        started = time.monotonic()
        try:
            found = await self._found(document, tries_newer=False)
        finally:  # also where it was cancelled: it takes longer than somebody waits to type on
            document.seconds = time.monotonic() - started
        self._settle(document, found)
        if found.may_be_newer:
            document.check = self._start(self._check_newer(document))

    async def _check_newer(self, document: Document) -> None:
        """Check a document that may be in the syntax of a newer Python, once nobody types."""
        await asyncio.sleep(_NEWER)
        found = await self._found(document, tries_newer=True)
        if found.findings is not None:
            self._settle(document, found)

    async def _found(self, document: Document, tries_newer: bool) -> Found:
        """What a worker finds in a document."""
        try:
            found: Found = await self.workers.ask("check", document.buffer, self.args, tries_newer)
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
        self._publish(document.uri, document.version, self._diagnostics(document))

    def _tell_once(self, line: str) -> None:
        """Show the user what is wrong with the settings, when it is found first."""
        if line and line not in self._told:
            self._told.add(line)
            self._say(types.MessageType.Warning, line)

    def _say(self, kind: types.MessageType, text: str) -> None:
        self.window_show_message(types.ShowMessageParams(kind, text))

    def _diagnostics(self, document: Document) -> list[types.Diagnostic]:
        return tell.diagnostics(
            document.findings, document.uri, document.text, self.client, self.pages.of_rule
        )

    def _publish(self, uri: str, version: int | None, found: list[types.Diagnostic]) -> None:
        if self._is_asked or (not found and uri not in self._published and version is None):
            return
        self._published.add(uri)
        if version is None:
            self._published.discard(uri)
        self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri, found, version))

    def _stop_publishing(self) -> None:
        """From now on the editor asks: what it was told unasked it would show twice."""
        for uri in list(self._published):
            self._publish(uri, None, [])
        self._is_asked = True

    def _refresh(self) -> None:
        """Let an editor that asks ask again."""
        if self._is_asked and self.client.refreshes:
            self.workspace_diagnostic_refresh(None)

    # Requests

    async def diagnostic(
        self, params: types.DocumentDiagnosticParams
    ) -> types.DocumentDiagnosticReport:
        """The diagnostics of a document, once it is checked."""
        if not self._is_asked:
            self._stop_publishing()
        document = self.documents.get(params.text_document.uri)
        if document is None:
            return types.RelatedFullDocumentDiagnosticReport([])
        try:
            await self._about(document, self._settled(document))
        except JsonRpcContentModified:
            again = types.DiagnosticServerCancellationData(retrigger_request=True)
            raise JsonRpcException("content modified", _SERVER_CANCELLED, again) from None
        known = _known(document.findings)
        if known == params.previous_result_id:
            return types.RelatedUnchangedDocumentDiagnosticReport(known)
        return types.RelatedFullDocumentDiagnosticReport(
            self._diagnostics(document), result_id=known
        )

    async def workspace_diagnostic(
        self, params: types.WorkspaceDiagnosticParams
    ) -> types.WorkspaceDiagnosticReport:
        """The diagnostics of all files below the folders. One that is known is not told again, and
        where no file has changed, none is read again."""
        known = {each.uri: each.value for each in params.previous_result_ids}
        scan: Scan = await self.workers.ask("scan", self.folders, self.args, self._scanned.state)
        if scan.found is not None:
            self._scanned = scan
        found = self._scanned.found or {}
        reports: list[types.WorkspaceDocumentDiagnosticReport] = []
        uris = {path: from_fs_path(path) or path for path in found}
        for path, (findings, text) in found.items():
            reports.append(self._report(uris[path], findings, text, known))
        gone = known.keys() - uris.values()
        reports += [self._report(uri, (), "", known) for uri in sorted(gone)]
        return types.WorkspaceDiagnosticReport(reports)

    def _report(
        self, uri: str, findings: tuple[Finding, ...], text: str, known: dict[str, str]
    ) -> types.WorkspaceDocumentDiagnosticReport:
        """What there is to say of a file. Where it is open, the editor has another version."""
        result = _known(findings)
        document = self.documents.get(uri)
        version = document.version if document is not None else None
        if known.get(uri) == result:
            return types.WorkspaceUnchangedDocumentDiagnosticReport(uri, result, version)
        where = Text(text, self.encoding)
        told = tell.diagnostics(findings, uri, where, self.client, self.pages.of_rule)
        return types.WorkspaceFullDocumentDiagnosticReport(uri, told, version, result_id=result)

    async def hover(self, params: types.HoverParams) -> types.Hover | None:
        """How a finding leaks, in words."""
        document = self.documents.get(params.text_document.uri)
        if document is None:
            return None
        await self._about(document, self._settled(document))
        at = params.position
        for finding in _within(document, types.Range(at, at)):
            return tell.hover(finding, document.text, self.client, self.pages.of_rule)
        return None

    async def code_actions(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """What can be done about the findings in a range, and about all of the document."""
        document = self.documents.get(params.text_document.uri)
        if document is None:
            return []
        return await self._about(document, self._actions(document, params))

    async def resolve(self, action: types.CodeAction) -> types.CodeAction:
        """The same action with its edit. Raises `JsonRpcContentModified` where the text has
        changed since."""
        data = action.data if isinstance(action.data, dict) else {}
        document = self.documents.get(str(data.get("uri")))
        if document is None or data.get("version") != document.version:
            raise JsonRpcContentModified
        action.edit = await self._about(document, self._edit(document, data))
        return action

    async def explain(self, code: str, *_: object) -> str:
        """Open the page of a code. Returns what `asyncwait explain` prints."""
        rule = rule_of(code)
        if not self._open(self.pages.of_rule(code)):
            self._say(types.MessageType.Info, plain(rule))
        return plain(rule)

    async def prove(self, uri: str, line: int, column: int = 0, *_: object) -> str:
        """Prove the finding on a line (from 1) and, if it is not 0, in a column (from 1). Returns
        what `asyncwait prove` prints, and opens it."""
        document = self.documents.get(uri)
        if document is None:
            raise WorkError("the document is not open")
        await self._about(document, self._settled(document))
        found = next(
            (
                each
                for each in document.findings
                if each.line == line and column in (0, each.column + 1)
            ),
            None,
        )
        if found is None:
            told, code = "no finding here", ""
        else:
            proof = self.workers.ask(
                "show_proof", document.buffer, self.args, found, bool(self.args.trust)
            )
            told, code = await self._about(document, proof), found.code
        if not code or not self._open(self.pages.of_proof(code, line, told)):
            self._say(types.MessageType.Info, told)
        return str(told)

    def _open(self, uri: str) -> bool:
        """Let the editor show a page; returns whether it can."""
        if self.client.shows_documents:
            self.window_show_document(types.ShowDocumentParams(uri, take_focus=True))
        return self.client.shows_documents

    # Code actions

    async def _actions(
        self, document: Document, params: types.CodeActionParams
    ) -> list[types.CodeAction]:
        await self._settled(document)
        wanted = _Wanted(params.context.only)
        actions: list[types.CodeAction] = []
        if wanted.includes(types.CodeActionKind.QuickFix):
            for finding in _within(document, params.range):
                actions += await self._quick_fixes(document, finding)
        may_be_cured = any(not rule_of(each.code).by_hand for each in document.findings)
        if may_be_cured and wanted.includes(tell.FIX_ALL):
            data = _data(document, None, "all")
            actions.append(types.CodeAction("Cure all leaks in this file", tell.FIX_ALL, data=data))
        if not self.client.resolves:
            for action in actions:
                if isinstance(action.data, dict):
                    action.edit = await self._edit(document, action.data)
        return actions

    async def _quick_fixes(self, document: Document, finding: Finding) -> list[types.CodeAction]:
        offers = await self._offers(document, finding)
        told = tell.diagnostics(
            [finding], document.uri, document.text, self.client, self.pages.of_rule
        )
        kind, code = types.CodeActionKind.QuickFix, finding.code
        make = partial(types.CodeAction, kind=kind, diagnostics=told)
        actions = [
            make(
                tell.title(offer.outcome, code),
                is_preferred=True if number == 0 else None,
                data=_data(document, finding, offer.outcome),
            )
            for number, offer in enumerate(offers.cures)
        ]
        if not offers.cures and offers.reason and self.client.shows_disabled:
            why = types.CodeActionDisabled(offers.reason)
            actions.append(make(f"Cure {code}", disabled=why))
        if await self._change(document, finding, "noqa") is not None:
            data = _data(document, finding, "noqa")
            actions.append(make(f"Silence {code} on this line (# noqa: {code})", data=data))
        place: list[Any] = [document.uri, finding.line, finding.column + 1]
        for text, command, arguments in (
            (f"Explain {code}", EXPLAIN, [code]),
            (f"Prove {code}: run it, and show what happens", PROVE, place),
        ):
            actions.append(make(text, command=types.Command(text, command, arguments=arguments)))
        return actions

    async def _offers(self, document: Document, finding: Finding) -> Offers:
        """The cures of a finding, which are worked out once for each version."""
        if finding not in document.offers:
            document.offers[finding] = await self.workers.ask(
                "cures", document.buffer, self.args, finding, self.client.creates
            )
        return document.offers[finding]

    async def _edit(self, document: Document, data: dict[str, Any]) -> types.WorkspaceEdit:
        """The edit of an action, by its data; it may be one that changes nothing."""
        place = data.get("line"), data.get("column"), data.get("code")
        finding = next(
            (each for each in document.findings if (each.line, each.column, each.code) == place),
            None,
        )
        change = await self._change(document, finding, str(data.get("what")))
        if change is None:
            return types.WorkspaceEdit()
        return tell.workspace_edit(
            change, document.uri, document.version, document.text, self.client
        )

    async def _change(
        self, document: Document, finding: Finding | None, what: str
    ) -> Change | None:
        """What an action changes: the cure of a finding, its comment, or the cure of all."""
        key = finding, what
        if key not in document.changes:
            document.changes[key] = await self._worked_out(document, finding, what)
        return document.changes[key]

    async def _worked_out(
        self, document: Document, finding: Finding | None, what: str
    ) -> Change | None:
        about = document.buffer, self.args
        if what == "all":
            found = list(document.findings)
            every: Change | None = await self.workers.ask(
                "cure_all", *about, found, self.client.creates
            )
            return every
        if finding is None:
            return None
        if what == "noqa":
            comment: Change | None = await self.workers.ask("silence", *about, finding)
            return comment
        cures = (await self._offers(document, finding)).cures
        return next((each.change for each in cures if each.outcome == what), None)

    # Waiting

    async def _settled(self, document: Document) -> None:
        """Wait until a document is checked as it is now."""
        if document.check is not None and not document.is_checked:
            await asyncio.wait({document.check})

    async def _about(self, document: Document, work: Awaitable[T]) -> T:
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

    def _start(self, work: Any) -> asyncio.Task[None]:
        """Do something beside all else; an error in it is logged."""
        task: asyncio.Task[None] = asyncio.ensure_future(_logged(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


_ACTION_OPTIONS = types.CodeActionOptions(
    code_action_kinds=[types.CodeActionKind.QuickFix, tell.FIX_ALL], resolve_provider=True
)
_DIAGNOSTIC_OPTIONS = types.DiagnosticOptions(
    inter_file_dependencies=True, workspace_diagnostics=True, identifier=tell.SOURCE
)


class _Wanted:
    """The kinds of action that an editor asks for; None stands for all."""

    def __init__(self, only: Iterable[str] | None) -> None:
        self._only = None if only is None else [str(getattr(kind, "value", kind)) for kind in only]

    def includes(self, kind: str) -> bool:
        """Whether a kind, or one above it, is asked for."""
        name = str(getattr(kind, "value", kind))
        return self._only is None or any(f"{name}.".startswith(f"{each}.") for each in self._only)


def _data(document: Document, finding: Finding | None, what: str) -> dict[str, Any]:
    """What an action is known by when it is resolved."""
    data: dict[str, Any] = {"uri": document.uri, "version": document.version, "what": what}
    if finding is not None:
        data |= {"line": finding.line, "column": finding.column, "code": finding.code}
    return data


def _within(document: Document, where: types.Range) -> list[Finding]:
    """The findings whose call a range meets."""
    start, end = document.text.place(where.start), document.text.place(where.end)
    return [
        each
        for each in document.findings
        if start <= (each.end_line, each.end_column) and (each.line, each.column) <= end
    ]


def _known(findings: tuple[Finding, ...]) -> str:
    """What the findings of a document are known by."""
    return blake2b(repr(findings).encode("utf-8", "backslashreplace"), digest_size=12).hexdigest()


def _is_python(item: types.TextDocumentItem) -> bool:
    """Whether a document is one that we check: cells of notebooks share their names with others,
    and their tasks live on."""
    scheme = urlsplit(item.uri).scheme
    is_python = item.language_id == "python" or item.uri.endswith((".py", ".pyi"))
    return is_python and scheme in ("file", "untitled", "")


async def _logged(work: Awaitable[None]) -> None:
    try:
        await work
    except Exception as error:
        _log.exception("%s", error)
