"""From findings and cures to what the protocol has for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from lsprotocol import types

from flake8_asyncwait.fix.cure import CREATE_TASK, DRAIN, EXCEPT, FINALLY, WAIT_ANY
from flake8_asyncwait.options import DEFAULT_ON
from flake8_asyncwait.report.entry import Change
from flake8_asyncwait.report.text import printable, words
from flake8_asyncwait.server.client import Client
from flake8_asyncwait.server.document import Text
from flake8_asyncwait.verdict.finding import Finding, Step

SOURCE = "asyncwait"
_TITLES = {
    WAIT_ANY: "Wait with wait_any()",
    FINALLY: "Cancel the tasks in a finally",
    EXCEPT: "Cancel the tasks in an except",
    CREATE_TASK: "Wrap the coroutine in asyncio.create_task()",
    DRAIN: "Await the cancelled tasks",
}
# What is no longer allowed in a newer Python: the protocol has a tag for that.
_DEPRECATED = frozenset({"AWT203"})

Page = Callable[[str], str]  # the URI of the page of a code


def diagnostics(
    findings: Iterable[Finding], uri: str, text: Text, client: Client, page: Page
) -> list[types.Diagnostic]:
    """The findings of the document `uri`."""
    return [_diagnostic(each, uri, text, client, page) for each in findings]


def _diagnostic(
    finding: Finding, uri: str, text: Text, client: Client, page: Page
) -> types.Diagnostic:
    is_on = finding.code in DEFAULT_ON
    severity = types.DiagnosticSeverity.Warning if is_on else types.DiagnosticSeverity.Information
    diagnostic = types.Diagnostic(
        range=range_of(finding, text),
        severity=severity,
        code=finding.code,
        code_description=types.CodeDescription(page(finding.code)),
        source=SOURCE,
        message=printable(finding.message),
    )
    if client.shows_related and finding.witness:
        diagnostic.related_information = [_related(step, uri, text) for step in finding.witness]
    if client.shows_deprecated and finding.code in _DEPRECATED:
        diagnostic.tags = [types.DiagnosticTag.Deprecated]
    return diagnostic


def range_of(finding: Finding, text: Text) -> types.Range:
    """Where a finding stands: the call."""
    return text.range((finding.line, finding.column), (finding.end_line, finding.end_column))


def _related(step: Step, uri: str, text: Text) -> types.DiagnosticRelatedInformation:
    """A step of a witness: the code on its line, or in another file where that begins."""
    place = step.line, 0
    where, what = text.range(place, place), uri
    if step.path:
        at = types.Position(step.line - 1, 0)
        where, what = types.Range(at, at), Path(step.path).as_uri()
    elif line := text.line(step.line - 1).rstrip():
        start = len(line) - len(line.lstrip())
        where = text.range((step.line, start), (step.line, len(line)))
    return types.DiagnosticRelatedInformation(types.Location(what, where), printable(step.what))


def hover(finding: Finding, text: Text, client: Client, page: Page) -> types.Hover:
    """What there is to say of a finding."""
    told = words(finding)
    if not client.hovers_markdown:
        content = types.MarkupContent(types.MarkupKind.PlainText, f"{finding.code} {told}")
    else:
        fence = "```"
        while fence in told:
            fence += "`"
        link = f"[{finding.code}]({page(finding.code)})"
        shown = f"{link}\n\n{fence}text\n{told}\n{fence}"
        content = types.MarkupContent(types.MarkupKind.Markdown, shown)
    return types.Hover(content, range_of(finding, text))


def title(outcome: str, code: str) -> str:
    """What a cure is called."""
    return f"{_TITLES[outcome]} ({code})"


def workspace_edit(
    change: Change, uri: str, version: int, text: Text, client: Client
) -> types.WorkspaceEdit:
    """A change as the editor takes it: the new module before the file that imports it. A module
    is only in a change where the editor `creates` files."""
    edits = [text.text_edit(edit) for edit in change.edits]
    if not client.takes_versions:
        return types.WorkspaceEdit(changes={uri: edits})
    document = types.OptionalVersionedTextDocumentIdentifier(uri, version)
    changes: list[types.CreateFile | types.TextDocumentEdit] = []
    if change.new_module is not None:
        changes += _creation(Path(change.new_module.path).as_uri(), change.new_module.text)
    changes.append(types.TextDocumentEdit(document, edits))
    return types.WorkspaceEdit(document_changes=changes)


def _creation(uri: str, text: str) -> Sequence[types.CreateFile | types.TextDocumentEdit]:
    """The steps that make a file; the editor refuses all of them where there is one already.

    What is replaced is its one empty line, up to the next: else Neovim would keep it as the last.
    """
    empty = types.Range(types.Position(0, 0), types.Position(1, 0))
    return [
        types.CreateFile(uri, options=types.CreateFileOptions(overwrite=False)),
        types.TextDocumentEdit(
            types.OptionalVersionedTextDocumentIdentifier(uri, None),
            [types.TextEdit(empty, text)],
        ),
    ]
