"""Diagnostics for an editor that asks for them: of one document, and of the whole workspace."""

from __future__ import annotations

from hashlib import blake2b

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified, JsonRpcException
from pygls.uris import from_fs_path

from flake8_asyncwait.server.convert import SOURCE
from flake8_asyncwait.server.document import Text
from flake8_asyncwait.server.session import Session
from flake8_asyncwait.server.work import Scan
from flake8_asyncwait.verdict.finding import Finding

OPTIONS = types.DiagnosticOptions(
    inter_file_dependencies=True, workspace_diagnostics=True, identifier=SOURCE
)
_SERVER_CANCELLED = -32802


class Pull:
    """The answers, and the last scan of the workspace."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._scanned = Scan("", {})

    async def document(
        self, params: types.DocumentDiagnosticParams
    ) -> types.DocumentDiagnosticReport:
        """The diagnostics of a document, once it is checked."""
        session = self._session
        document = session.documents.get(params.text_document.uri)
        if document is None:
            return types.RelatedFullDocumentDiagnosticReport([])
        try:
            await session.about(document, session.settled(document))
        except JsonRpcContentModified:
            again = types.DiagnosticServerCancellationData(retrigger_request=True)
            raise JsonRpcException("content modified", _SERVER_CANCELLED, again) from None
        known = _known(document.findings)
        if known == params.previous_result_id:
            return types.RelatedUnchangedDocumentDiagnosticReport(known)
        told = session.diagnostics(document.findings, document.uri, document.text)
        return types.RelatedFullDocumentDiagnosticReport(told, result_id=known)

    async def workspace(
        self, params: types.WorkspaceDiagnosticParams
    ) -> types.WorkspaceDiagnosticReport:
        """The diagnostics of all files below the folders. One that is known is not told again, and
        where no file has changed, none is read again."""
        session = self._session
        known = {each.uri: each.value for each in params.previous_result_ids}
        scan: Scan = await session.workers.ask(
            "scan", session.folders, session.args, self._scanned.state
        )
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
        document = self._session.documents.get(uri)
        version = document.version if document is not None else None
        if known.get(uri) == result:
            return types.WorkspaceUnchangedDocumentDiagnosticReport(uri, result, version)
        told = self._session.diagnostics(findings, uri, Text(text, self._session.encoding))
        return types.WorkspaceFullDocumentDiagnosticReport(uri, told, version, result_id=result)


def _known(findings: tuple[Finding, ...]) -> str:
    """What the findings of a document are known by."""
    return blake2b(repr(findings).encode("utf-8", "backslashreplace"), digest_size=12).hexdigest()
