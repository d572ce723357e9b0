"""What an editor can do, as it has said itself."""

from __future__ import annotations

from lsprotocol import types
from pygls.capabilities import get_capability


class Client:
    """The capabilities that answers depend on."""

    def __init__(self, capabilities: types.ClientCapabilities) -> None:
        can = capabilities
        published = can.text_document and can.text_document.publish_diagnostics
        self.shows_related = bool(published and published.related_information)
        tags = published.tag_support.value_set if published and published.tag_support else ()
        self.shows_deprecated = types.DiagnosticTag.Deprecated in tags
        action = can.text_document and can.text_document.code_action
        resolved = action.resolve_support.properties if action and action.resolve_support else ()
        self.resolves = "edit" in resolved and bool(action and action.data_support)
        self.shows_disabled = bool(action and action.disabled_support)
        edit = can.workspace and can.workspace.workspace_edit
        operations = edit.resource_operations if edit and edit.resource_operations else ()
        self.creates = types.ResourceOperationKind.Create in operations
        # Where else would it take what creates files? Neovim 0.7 does not say so.
        self.takes_versions = self.creates or bool(edit and edit.document_changes)
        window = can.window and can.window.show_document
        self.shows_documents = bool(window and window.support)
        hover = get_capability(can, "text_document.hover.content_format", None)
        self.hovers_markdown = types.MarkupKind.Markdown in (hover or ())
        self.watches = bool(
            get_capability(can, "workspace.did_change_watched_files.dynamic_registration", False)
        )
        # One that asks for diagnostics would show twice what it is told unasked.
        self.asks = bool(can.text_document and can.text_document.diagnostic)
        self.refreshes = self.asks and bool(
            get_capability(can, "workspace.diagnostics.refresh_support", False)
        )
