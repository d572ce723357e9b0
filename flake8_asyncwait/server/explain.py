"""What a finding means, in words: the hover, and the commands that explain and prove it."""

from __future__ import annotations

from lsprotocol import types

from flake8_asyncwait.rules import rule_of
from flake8_asyncwait.rules.explain import plain
from flake8_asyncwait.server import convert
from flake8_asyncwait.server.session import Session
from flake8_asyncwait.server.workers import WorkError

EXPLAIN, PROVE = "asyncwait.explain", "asyncwait.prove"


class Explain:
    """The answers to an editor."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def hover(self, params: types.HoverParams) -> types.Hover | None:
        """How the finding at a position leaks."""
        session = self._session
        document = session.documents.get(params.text_document.uri)
        if document is None:
            return None
        await session.about(document, session.settled(document))
        at = params.position
        for finding in document.within(types.Range(at, at)):
            return convert.hover(finding, document.text, session.client, session.pages.of_rule)
        return None

    async def explain(self, code: str, *_: object) -> str:
        """Open the page of a code. Returns what `asyncwait explain` prints."""
        told = plain(rule_of(code))
        if not self._session.show_page(self._session.pages.of_rule(code)):
            self._session.say(types.MessageType.Info, told)
        return told

    async def prove(self, uri: str, line: int, column: int = 0, *_: object) -> str:
        """Prove the finding on a line (from 1) and, if it is not 0, in a column (from 1). Returns
        what `asyncwait prove` prints, and opens it."""
        session = self._session
        document = session.documents.get(uri)
        if document is None:
            raise WorkError("the document is not open")
        await session.about(document, session.settled(document))
        for finding in document.findings:
            if finding.line == line and column in (0, finding.column + 1):
                break
        else:
            session.say(types.MessageType.Info, "no finding here")
            return "no finding here"
        proof = session.work("show_proof", document, finding, bool(session.args.trust))
        told: str = await session.about(document, proof)
        if not session.show_page(session.pages.of_proof(finding.code, line, told)):
            session.say(types.MessageType.Info, told)
        return told
