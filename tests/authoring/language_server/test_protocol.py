"""The language server as an editor sees it: messages over pipes, within this process or to one."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from lsprotocol import types as lsp
from pygls.io_ import run_async
from pygls.lsp.client import LanguageClient
from pygls.lsp.server import LanguageServer

from almaflow.authoring.language_server import server as server_module
from almaflow.authoring.language_server.server import make_server
from almaflow.problems import Location, Problem

TEXT = 'name: w\nsteps:\n  - id: ü\U0001f600\n    wait: 1m\n  - fial: "x"\n'


class Editor(LanguageClient):
    """A client that keeps what the server reports."""

    def __init__(self) -> None:
        super().__init__("editor", "1")
        self.found: asyncio.Queue[lsp.PublishDiagnosticsParams] = asyncio.Queue()

        @self.feature(lsp.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)  # type: ignore[untyped-decorator]
        def receive(params: lsp.PublishDiagnosticsParams) -> None:
            self.found.put_nowait(params)

    async def problems(self) -> list[tuple[str, int]]:
        """Return code and line, from 0, of the errors that are reported next."""
        found = (await self.found.get()).diagnostics
        return [(str(one.code), one.range.start.line) for one in found if one.severity == 1]


class Pipe:
    """What one end writes and the other one reads, within this process."""

    def __init__(self) -> None:
        self.reader = asyncio.StreamReader()
        self.is_open = True

    def write(self, data: bytes) -> None:
        if self.is_open:
            self.reader.feed_data(data)

    def close(self) -> None:
        self.is_open = False
        self.reader.feed_eof()


def beside_server(work: Callable[[Editor, LanguageServer], Awaitable[None]]) -> None:
    async def session() -> None:
        editor, server, stop = Editor(), make_server(), threading.Event()
        asked, answered = Pipe(), Pipe()
        editor.protocol.set_writer(asked)
        server.protocol.set_writer(answered)
        ends = asyncio.gather(
            run_async(stop, asked.reader, server.protocol),
            run_async(stop, answered.reader, editor.protocol),
        )
        try:
            await begin(editor)
            await work(editor, server)
        finally:
            asked.close()
            answered.close()
            await ends
            server.shutdown()  # type: ignore[no-untyped-call]

    asyncio.run(asyncio.wait_for(session(), 60))


def in_editor_beside(work: Callable[[Editor], Awaitable[None]]) -> None:
    beside_server(lambda editor, server: work(editor))


async def begin(editor: Editor) -> None:
    await editor.initialize_async(
        lsp.InitializeParams(capabilities=lsp.ClientCapabilities(), process_id=None)
    )
    editor.initialized(lsp.InitializedParams())


def in_editor(work: Callable[[Editor], Awaitable[None]]) -> None:
    async def session() -> None:
        editor = Editor()
        await editor.start_io(sys.executable, "-m", "almaflow", "lsp")
        try:
            await begin(editor)
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


@pytest.mark.parametrize(
    "session",
    [in_editor_beside, pytest.param(in_editor, marks=pytest.mark.slow)],
)
def test_an_editor_sees_problems_completions_explanations_and_fixes(
    tmp_path: Path, session: Callable[[Callable[[Editor], Awaitable[None]]], None]
) -> None:
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

    session(work)


def test_a_name_leads_to_its_declaration_and_other_words_to_nothing(tmp_path: Path) -> None:
    text = 'name: w\nsteps:\n  - id: a\n    wait: 1m\n  - fail: "{{ steps.a.outcome }}"\n'

    async def work(editor: Editor) -> None:
        document = opened(editor, tmp_path / "w.yaml", text)
        at = lsp.Position(4, 20)
        found = await editor.text_document_definition_async(lsp.DefinitionParams(document, at))
        place = lsp.Range(lsp.Position(2, 8), lsp.Position(2, 9))
        assert found == lsp.Location(document.uri, place)

        nowhere = lsp.Position(0, 6)
        nothing = await editor.text_document_definition_async(
            lsp.DefinitionParams(document, nowhere)
        )
        assert nothing is None
        unknown = opened(editor, tmp_path / "x.yaml", "x: y\n")
        silent = await editor.text_document_hover_async(
            lsp.HoverParams(unknown, lsp.Position(0, 3))
        )
        assert silent is None

    in_editor_beside(work)


def test_what_is_saved_is_checked_again_in_every_open_file(tmp_path: Path) -> None:
    settings, file = tmp_path / "almaflow.yaml", tmp_path / "w.yaml"
    settings.write_text("chanels: {}\n")
    text = "name: w\nsteps:\n  - fail: x\nnotify:\n  - {on: failed, to: mail}\n"

    async def work(editor: Editor) -> None:
        document = opened(editor, settings, settings.read_text())
        assert await editor.problems() == [("unknown-key", 0)]
        settings.write_text("channels: {}\n")
        workflow = opened(editor, file, text)
        assert await editor.problems() == [("unknown-channel", 4)]

        settings.write_text("channels: {mail: env:M}\n")
        editor.text_document_did_save(lsp.DidSaveTextDocumentParams(document))
        again = [await editor.found.get(), await editor.found.get()]
        assert {one.uri for one in again} == {document.uri, workflow.uri}
        assert not [each for one in again for each in one.diagnostics if each.severity == 1]

    in_editor_beside(work)


def test_settings_get_neither_completions_nor_explanations(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        document = opened(editor, tmp_path / "almaflow.yaml", "timezone: UTC\n")
        at = lsp.Position(0, 3)
        listed = await editor.text_document_completion_async(lsp.CompletionParams(document, at))
        assert listed == lsp.CompletionList(is_incomplete=False, items=())
        assert await editor.text_document_hover_async(lsp.HoverParams(document, at)) is None

    in_editor_beside(work)


def test_a_closed_file_has_no_problems_any_more(tmp_path: Path) -> None:
    async def work(editor: Editor) -> None:
        document = opened(editor, tmp_path / "w.yaml", TEXT)
        await editor.found.get()
        editor.text_document_did_close(lsp.DidCloseTextDocumentParams(document))
        assert await editor.found.get() == lsp.PublishDiagnosticsParams(document.uri, ())
        # Also a file of which no opening was heard.
        other = lsp.TextDocumentIdentifier((tmp_path / "other.yaml").as_uri())
        editor.text_document_did_close(lsp.DidCloseTextDocumentParams(other))
        assert await editor.found.get() == lsp.PublishDiagnosticsParams(other.uri, ())

        whole = lsp.Range(lsp.Position(0, 0), lsp.Position(9, 0))
        actions = await editor.text_document_code_action_async(
            lsp.CodeActionParams(document, whole, lsp.CodeActionContext([]))
        )
        assert actions == ()

    in_editor_beside(work)


def test_what_was_found_in_an_older_text_is_not_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "w.yaml"
    checks: list[str] = []

    async def work(editor: Editor, server: LanguageServer) -> None:
        def checked(path: Path, text: str, *others: object) -> list[Problem]:
            checks.append(text)
            if len(checks) == 1:
                # A letter is typed while the text is checked.
                server.workspace.get_text_document(file.as_uri()).version = 2
            return [Problem(Location("w.yaml"), f"check-{len(checks)}", "Wrong.")]

        monkeypatch.setattr(server_module, "_checked", checked)
        document = opened(editor, file, TEXT)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(editor.found.get(), 0.2)
        assert checks == [TEXT]

        editor.text_document_did_save(lsp.DidSaveTextDocumentParams(document))
        found = await editor.found.get()
        assert ([one.code for one in found.diagnostics], found.version) == (["check-2"], 2)

    beside_server(work)


def test_letters_that_are_typed_fast_are_checked_together_and_the_last_one_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "w.yaml"
    checks: list[str] = []
    check = server_module._checked

    def counted(path: Path, text: str, *others: Any) -> Sequence[Problem]:
        checks.append(text)
        return check(path, text, *others)

    async def work(editor: Editor) -> None:
        document = opened(editor, file, "steps:\n  - fail: x\n")
        await editor.found.get()
        for number in range(1, 21):
            text = f"steps:\n  - fail: x\n    unknown_{'x' * number}: y\n"
            version = lsp.VersionedTextDocumentIdentifier(1 + number, document.uri)
            whole = lsp.TextDocumentContentChangeWholeDocument(text)
            editor.text_document_did_change(lsp.DidChangeTextDocumentParams(version, [whole]))
        found = await editor.found.get()
        while found.version != 21:
            found = await editor.found.get()
        assert [one.code for one in found.diagnostics if one.severity == 1] == ["unknown-key"]

    monkeypatch.setattr(server_module, "_checked", counted)
    in_editor_beside(work)

    assert checks[-1].endswith(f"unknown_{'x' * 20}: y\n")
    assert len(checks) < 10


@pytest.mark.parametrize(
    ("line", "snippets", "wanted"),
    [
        ("  - create", False, "create_set:\n    name: \n    content: "),
        ("  - create", True, "create_set:\n    name: $1\n    content: $2"),
        ("    create", True, "create_set:\n  name: $1\n  content: $2"),
        ("  -", True, " create_set:\n    name: $1\n    content: $2"),
        ("  - find", False, "find_set: "),
        ("  - find", True, "find_set: $1"),
    ],
)
def test_the_first_lines_of_a_step_are_inserted_as_the_editor_can(
    tmp_path: Path, line: str, *, snippets: bool, wanted: str
) -> None:
    item = lsp.ClientCompletionItemOptions(snippet_support=snippets)
    completion = lsp.CompletionClientCapabilities(completion_item=item)
    capabilities = lsp.ClientCapabilities(
        text_document=lsp.TextDocumentClientCapabilities(completion=completion)
    )

    async def work(editor: Editor, server: LanguageServer) -> None:
        server.protocol.client_capabilities = capabilities
        document = opened(editor, tmp_path / "w.yaml", f"steps:\n  - id: x\n{line}")
        at = lsp.Position(2, len(line))
        listed = await editor.text_document_completion_async(lsp.CompletionParams(document, at))
        assert isinstance(listed, lsp.CompletionList)
        first = next(one for one in listed.items if one.label in wanted)
        assert isinstance(first.text_edit, lsp.TextEdit)
        assert first.text_edit.new_text == wanted
        assert (first.insert_text_format == lsp.InsertTextFormat.Snippet) is ("$" in wanted)

    beside_server(work)


def framed(message: bytes) -> bytes:
    return b"Content-Length: %d\r\n\r\n%s" % (len(message), message)


def test_messages_that_are_none_get_a_line_each_and_the_end_is_that_of_any_session() -> None:
    hover = b'{"jsonrpc": "2.0", "id": 2, "method": "textDocument/hover"'
    odd = [
        *(b"{", b"\xff", b"[" * 100_000, hover + b"}", hover + b', "params": [1]}'),
        hover + b', "params": {"textDocument": {"uri": "x"}, "position": {"line": -1}}}',
    ]
    session = [
        b'{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}}',
        *odd,
        b'{"jsonrpc": "2.0", "id": 3, "method": "shutdown"}',
        b'{"jsonrpc": "2.0", "method": "exit"}',
    ]

    ended = subprocess.run(
        [sys.executable, "-m", "almaflow", "lsp"],
        input=b"".join(map(framed, session)),
        capture_output=True,
        check=False,
    )

    assert (ended.returncode, len(ended.stderr.splitlines())) == (0, len(odd))
    assert b"Traceback" not in ended.stderr
