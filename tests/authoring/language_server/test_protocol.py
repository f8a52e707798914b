"""The language server as an editor sees it: a process, and messages over its pipes."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from lsprotocol import types as lsp
from pygls.lsp.client import LanguageClient

TEXT = 'name: w\nsteps:\n  - id: ü\U0001f600\n    wait: 1m\n  - fial: "x"\n'


class Editor(LanguageClient):
    """A client that keeps what the server reports."""

    def __init__(self) -> None:
        super().__init__("editor", "1")
        self.found: asyncio.Queue[lsp.PublishDiagnosticsParams] = asyncio.Queue()

        @self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)  # type: ignore[untyped-decorator]
        def receive(params: lsp.PublishDiagnosticsParams) -> None:
            self.found.put_nowait(params)


def in_editor(work: Callable[[Editor], Awaitable[None]]) -> None:
    async def session() -> None:
        editor = Editor()
        await editor.start_io(sys.executable, "-m", "almaflow", "lsp")
        try:
            await editor.initialize_async(
                lsp.InitializeParams(capabilities=lsp.ClientCapabilities(), process_id=None)
            )
            editor.initialized(lsp.InitializedParams())
            await work(editor)
            await editor.shutdown_async(None)
            editor.exit(None)
        finally:
            await editor.stop()  # type: ignore[no-untyped-call]

    asyncio.run(asyncio.wait_for(session(), 60))


def opened(editor: Editor, file: Path, text: str) -> lsp.TextDocumentIdentifier:
    item = lsp.TextDocumentItem(file.as_uri(), "yaml", 1, text)
    editor.text_document_did_open(lsp.DidOpenTextDocumentParams(item))
    return lsp.TextDocumentIdentifier(item.uri)


@pytest.mark.slow
def test_an_editor_sees_problems_completions_explanations_and_fixes(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"

    async def work(editor: Editor) -> None:
        document = opened(editor, file, TEXT)
        found = (await editor.found.get()).diagnostics
        slip = next(one for one in found if one.range.start.line == 4)
        assert slip.source == "almaflow"
        assert slip.range.start.character == 4
        # Units of UTF-16: the emoji counts two.
        odd = next(one for one in found if one.range.start.line == 2)
        assert odd.range.end.character == 11

        actions = await editor.text_document_code_action_async(
            lsp.CodeActionParams(document, slip.range, lsp.CodeActionContext([slip]))
        )
        edits = [
            edit.new_text
            for one in actions or ()
            if isinstance(one, lsp.CodeAction) and one.edit is not None
            for edit in (one.edit.changes or {})[document.uri]
        ]
        assert edits == ["fail"]

        at = lsp.Position(4, 5)
        listed = await editor.text_document_completion_async(lsp.CompletionParams(document, at))
        assert isinstance(listed, lsp.CompletionList)
        assert [one.label for one in listed.items][:2] == ["find_set", "fail"]
        hover = await editor.text_document_hover_async(
            lsp.HoverParams(document, lsp.Position(3, 6))
        )
        assert hover is not None
        assert isinstance(hover.contents, lsp.MarkupContent)
        assert "wait" in hover.contents.value

        whole = lsp.TextDocumentContentChangeWholeDocument("name: w\nsteps:\n  - fail: x\n")
        version = lsp.VersionedTextDocumentIdentifier(2, document.uri)
        editor.text_document_did_change(lsp.DidChangeTextDocumentParams(version, [whole]))
        after = await editor.found.get()
        assert [one for one in after.diagnostics if one.severity == 1] == []

    in_editor(work)
