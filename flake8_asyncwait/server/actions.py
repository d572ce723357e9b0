"""The code actions: what can be done about a finding, and about all of a document.

An action comes without its edit where the editor asks for that when it is chosen. Until then its
`data` says what it is: the document and its version, the finding, and `what` is done, which is the
outcome of a cure, as in `fix.cure`, `_ALL` or `_SILENCE`.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from lsprotocol import types
from pygls.exceptions import JsonRpcContentModified

from flake8_asyncwait.report.entry import Change
from flake8_asyncwait.rules import rule_of
from flake8_asyncwait.server import convert
from flake8_asyncwait.server.document import Document
from flake8_asyncwait.server.explain import EXPLAIN, PROVE
from flake8_asyncwait.server.session import Session
from flake8_asyncwait.server.work import Offers
from flake8_asyncwait.verdict.finding import Finding

FIX_ALL = "source.fixAll.asyncwait"
OPTIONS = types.CodeActionOptions(
    code_action_kinds=[types.CodeActionKind.QuickFix, FIX_ALL], resolve_provider=True
)
_ALL, _SILENCE = "all", "noqa"


class Actions:
    """The answers to an editor."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def offer(self, params: types.CodeActionParams) -> list[types.CodeAction]:
        """What can be done about the findings in a range, and about all of the document."""
        document = self._session.documents.get(params.text_document.uri)
        if document is None:
            return []
        return await self._session.about(document, self._offered(document, params))

    async def resolve(self, action: types.CodeAction) -> types.CodeAction:
        """The same action with its edit. Raises `JsonRpcContentModified` where the text has
        changed since."""
        data = action.data if isinstance(action.data, dict) else {}
        document = self._session.documents.get(str(data.get("uri")))
        if document is None or data.get("version") != document.version:
            raise JsonRpcContentModified
        action.edit = await self._session.about(document, self._edit(document, data))
        return action

    # What there is

    async def _offered(
        self, document: Document, params: types.CodeActionParams
    ) -> list[types.CodeAction]:
        await self._session.settled(document)
        only = params.context.only
        actions: list[types.CodeAction] = []
        if _is_wanted(types.CodeActionKind.QuickFix, only):
            for finding in document.within(params.range):
                actions += await self._quick_fixes(document, finding)
        may_be_cured = any(not rule_of(each.code).by_hand for each in document.findings)
        if may_be_cured and _is_wanted(FIX_ALL, only):
            data = _data(document, None, _ALL)
            actions.append(types.CodeAction("Cure all leaks in this file", FIX_ALL, data=data))
        if not self._session.client.resolves:
            for action in actions:
                if isinstance(action.data, dict):
                    action.edit = await self._edit(document, action.data)
        return actions

    async def _quick_fixes(self, document: Document, finding: Finding) -> list[types.CodeAction]:
        """The cures of a finding, that of `asyncwait fix` first, and what else can be done."""
        code = finding.code
        make = partial(
            types.CodeAction,
            kind=types.CodeActionKind.QuickFix,
            diagnostics=self._session.diagnostics([finding], document.uri, document.text),
        )
        offers = await self._offers(document, finding)
        actions = [
            make(
                convert.title(cure.outcome, code),
                is_preferred=True if cure is offers.cures[0] else None,
                data=_data(document, finding, cure.outcome),
            )
            for cure in offers.cures
        ]
        if not offers.cures and offers.reason and self._session.client.shows_disabled:
            why = types.CodeActionDisabled(offers.reason)
            actions.append(make(f"Cure {code}", disabled=why))
        if await self._change(document, finding, _SILENCE) is not None:
            data = _data(document, finding, _SILENCE)
            actions.append(make(f"Silence {code} on this line (# noqa: {code})", data=data))
        place: list[Any] = [document.uri, finding.line, finding.column + 1]
        for text, command, arguments in (
            (f"Explain {code}", EXPLAIN, [code]),
            (f"Prove {code}: run it, and show what happens", PROVE, place),
        ):
            actions.append(make(text, command=types.Command(text, command, arguments=arguments)))
        return actions

    # What each changes

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
        return convert.workspace_edit(
            change, document.uri, document.version, document.text, self._session.client
        )

    async def _change(
        self, document: Document, finding: Finding | None, what: str
    ) -> Change | None:
        """What an action changes, which is worked out once for each version."""
        key = finding, what
        if key not in document.changes:
            document.changes[key] = await self._worked_out(document, finding, what)
        return document.changes[key]

    async def _worked_out(
        self, document: Document, finding: Finding | None, what: str
    ) -> Change | None:
        change: Change | None = None
        if what == _ALL:
            creates = self._session.client.creates
            change = await self._session.work("cure_all", document, document.findings, creates)
        elif finding is not None and what == _SILENCE:
            change = await self._session.work("silence", document, finding)
        elif finding is not None:
            cures = (await self._offers(document, finding)).cures
            change = next((each.change for each in cures if each.outcome == what), None)
        return change

    async def _offers(self, document: Document, finding: Finding) -> Offers:
        """The cures of a finding, which are worked out once for each version."""
        if finding not in document.offers:
            creates = self._session.client.creates
            document.offers[finding] = await self._session.work("cures", document, finding, creates)
        return document.offers[finding]


def _data(document: Document, finding: Finding | None, what: str) -> dict[str, Any]:
    """What an action is known by when it is resolved."""
    data: dict[str, Any] = {"uri": document.uri, "version": document.version, "what": what}
    if finding is not None:
        data |= {"line": finding.line, "column": finding.column, "code": finding.code}
    return data


def _is_wanted(kind: str, only: Iterable[str] | None) -> bool:
    """Whether an editor asks for a kind, or for one above it; for None it asks for all."""
    return only is None or any(f"{_name(kind)}.".startswith(f"{_name(each)}.") for each in only)


def _name(kind: str) -> str:
    return str(getattr(kind, "value", kind))
