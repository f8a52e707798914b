"""The protocol: what an editor asks, and what it is answered (pygls)."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count
from pathlib import Path

from lsprotocol import types as lsp
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path
from pygls.workspace import TextDocument

from almaflow import __version__
from almaflow.authoring.language_server.checked_text import (
    Neighbours,
    Overtaken,
    check_other,
    check_text,
    is_workflow,
    project_of,
)
from almaflow.authoring.language_server.completions import (
    Suggestion,
    SuggestionKind,
    Surroundings,
    suggestions,
)
from almaflow.authoring.language_server.cursor import cursor_at
from almaflow.authoring.language_server.lookups import declaration_of, meaning_at
from almaflow.late_dataclasses import dataclass
from almaflow.problems import Problem, Severity
from almaflow.settings import Project, Settings
from almaflow.workflow import Workflow, kinds

# Of a message that it cannot read, pygls logs the whole traceback, and then the error in one line.
logging.getLogger("pygls.protocol").addHandler(logging.NullHandler())

PAUSE = 0.01
"""Seconds from a change to its check; an editor may send one change as several messages."""

_LEVELS = {
    Severity.ERROR: lsp.DiagnosticSeverity.Error,
    Severity.WARNING: lsp.DiagnosticSeverity.Warning,
}
_KINDS = {
    SuggestionKind.KEY: lsp.CompletionItemKind.Property,
    SuggestionKind.STEP: lsp.CompletionItemKind.Class,
    SuggestionKind.VALUE: lsp.CompletionItemKind.Value,
    SuggestionKind.NAME: lsp.CompletionItemKind.Variable,
    SuggestionKind.FILE: lsp.CompletionItemKind.File,
}


class _Open:
    """What is kept of an open file: its last check, and the last workflow that fitted.

    *asked* counts the checks that were asked for; *task* does them until the latest is *checked*.
    """

    def __init__(self) -> None:
        self.problems: Sequence[Problem] = ()
        self.workflow: Workflow | None = None
        self.asked = 0
        self.checked = 0
        self.task: asyncio.Task[None] | None = None


def make_server() -> LanguageServer:
    """Return a server that answers over what it is started on."""
    server = LanguageServer("almaflow", __version__)
    opened: dict[str, _Open] = {}

    neighbours = Neighbours()
    # Two checks side by side would each take twice as long: Python runs one thread at a time.
    turn = asyncio.Lock()

    async def keep_checked(uri: str, state: _Open) -> None:
        while state.checked != state.asked and opened.get(uri) is state:
            await asyncio.sleep(PAUSE)
            async with turn:
                if opened.get(uri) is state:
                    await check(uri, state)

    async def check(uri: str, state: _Open) -> None:
        asked = state.checked = state.asked
        document = server.workspace.get_text_document(uri)
        file, version, text = _file_of(document), document.version, document.source
        try:
            problems = await asyncio.to_thread(
                _checked, file, text, state, neighbours, lambda: state.asked == asked
            )
        except Overtaken:
            return
        if opened.get(uri) is state and document.version == version:
            state.problems = problems
            found = [_diagnostic(document, problem) for problem in problems]
            server.text_document_publish_diagnostics(
                lsp.PublishDiagnosticsParams(uri, found, document.version)
            )

    def soon(uri: str) -> None:
        state = opened.setdefault(uri, _Open())
        state.asked += 1
        if state.task is None or state.task.done():
            state.task = asyncio.ensure_future(keep_checked(uri, state))

    @server.feature(lsp.INITIALIZED)
    def initialized(params: lsp.InitializedParams) -> None:
        # The first completion and check would otherwise wait until everything is imported.
        server.thread_pool.submit(_warm_up)

    @server.feature(lsp.TEXT_DOCUMENT_DID_OPEN)
    def did_open(params: lsp.DidOpenTextDocumentParams) -> None:
        soon(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CHANGE)
    def did_change(params: lsp.DidChangeTextDocumentParams) -> None:
        soon(params.text_document.uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_SAVE)
    def did_save(params: lsp.DidSaveTextDocumentParams) -> None:
        # What was saved may be what another open file uses.
        neighbours.forget()
        for uri in opened:
            soon(uri)

    @server.feature(lsp.TEXT_DOCUMENT_DID_CLOSE)
    def did_close(params: lsp.DidCloseTextDocumentParams) -> None:
        opened.pop(params.text_document.uri, None)
        server.text_document_publish_diagnostics(
            lsp.PublishDiagnosticsParams(params.text_document.uri, [])
        )

    @server.feature(
        lsp.TEXT_DOCUMENT_COMPLETION,
        lsp.CompletionOptions(trigger_characters=[".", " ", ":", "{", "|", "-"]),
    )
    def completion(params: lsp.CompletionParams) -> lsp.CompletionList:
        document = server.workspace.get_text_document(params.text_document.uri)
        line, column = _position(document, params.position)
        file, project = _file_of(document), project_of(_file_of(document))
        if not is_workflow(file, document.source, project):
            return lsp.CompletionList(is_incomplete=False, items=[])
        cursor = cursor_at(document.source, line, column)
        state = opened.get(params.text_document.uri) or _Open()
        around = Surroundings(state.workflow, project, file.parent)
        before = document.lines[line][:column] if line < len(document.lines) else ""
        typing = _Typing(params.position, before, snippets=_takes_snippets(server))
        items = [
            _item(_after(before, one) if cursor.expression is None else one, place, typing)
            for place, one in enumerate(suggestions(cursor, around))
        ]
        return lsp.CompletionList(is_incomplete=True, items=items)

    @server.feature(lsp.TEXT_DOCUMENT_HOVER)
    def hover(params: lsp.HoverParams) -> lsp.Hover | None:
        document = server.workspace.get_text_document(params.text_document.uri)
        project = project_of(_file_of(document))
        if not is_workflow(_file_of(document), document.source, project):
            return None
        line, column = _position(document, params.position)
        text = meaning_at(document.source, line, column, project)
        return lsp.Hover(lsp.MarkupContent(lsp.MarkupKind.Markdown, text)) if text else None

    @server.feature(lsp.TEXT_DOCUMENT_DEFINITION)
    def definition(params: lsp.DefinitionParams) -> lsp.Location | None:
        document = server.workspace.get_text_document(params.text_document.uri)
        line, column = _position(document, params.position)
        found = declaration_of(document.source, line, column, _file_of(document))
        if found is None:
            return None
        begin = lsp.Position(found.line, found.column)
        end = lsp.Position(found.line, found.column + found.length)
        uri = from_fs_path(str(found.file)) or ""
        return lsp.Location(uri, lsp.Range(begin, end))

    @server.feature(
        lsp.TEXT_DOCUMENT_CODE_ACTION,
        lsp.CodeActionOptions(code_action_kinds=[lsp.CodeActionKind.QuickFix]),
    )
    def actions(params: lsp.CodeActionParams) -> list[lsp.CodeAction]:
        document = server.workspace.get_text_document(params.text_document.uri)
        state = opened.get(params.text_document.uri) or _Open()
        lines = range(params.range.start.line, params.range.end.line + 1)
        return [
            _fix(document, problem)
            for problem in state.problems
            if problem.fix and problem.location.line - 1 in lines
        ]

    return server


def _warm_up() -> None:
    kinds()
    check_text(Path("workflow.yaml"), "steps: [{stop: {}}]", Project(Path(), Settings(), None))


def _checked(
    file: Path, text: str, state: _Open, neighbours: Neighbours, is_wanted: Callable[[], bool]
) -> Sequence[Problem]:
    """Check a text; in a thread, so that the server answers meanwhile."""
    project = project_of(file)
    if not is_workflow(file, text, project):
        return check_other(file, project)
    checked = check_text(file, text, project, neighbours, is_wanted)
    state.workflow = checked.workflow or state.workflow
    return checked.problems


def _diagnostic(document: TextDocument, problem: Problem) -> lsp.Diagnostic:
    level = _LEVELS.get(problem.severity, lsp.DiagnosticSeverity.Information)
    return lsp.Diagnostic(
        range=_range(document, problem),
        message=problem.message,
        severity=level,
        code=problem.code,
        source="almaflow",
    )


def _range(document: TextDocument, problem: Problem) -> lsp.Range:
    """Return the underlined characters as the editor counts them."""
    place = problem.location
    begin = lsp.Position(place.line - 1, place.column - 1)
    end = lsp.Position(place.line - 1, place.column - 1 + place.length)
    return document.position_codec.range_to_client_units(document.lines, lsp.Range(begin, end))


def _fix(document: TextDocument, problem: Problem) -> lsp.CodeAction:
    edit = lsp.TextEdit(_range(document, problem), problem.fix)
    return lsp.CodeAction(
        title=f"Write `{problem.fix}`",
        kind=lsp.CodeActionKind.QuickFix,
        diagnostics=[_diagnostic(document, problem)],
        edit=lsp.WorkspaceEdit(changes={document.uri: [edit]}),
        is_preferred=True,
    )


@dataclass(frozen=True)
class _Typing:
    """Where a suggestion is inserted: the position, and the line *before* it."""

    at: lsp.Position
    before: str
    snippets: bool
    """Whether the editor knows places to fill in; a text of several lines needs that in some."""


def _takes_snippets(server: LanguageServer) -> bool:
    text = server.client_capabilities.text_document
    item = text.completion.completion_item if text and text.completion else None
    return bool(item and item.snippet_support)


def _after(before: str, one: Suggestion) -> Suggestion:
    """Return *one* with the space that YAML needs after `-` and `:`."""
    return replace(one, text=f" {one.text}") if re.search(r"(?:^\s*-|:)$", before) else one


def _item(one: Suggestion, place: int, typing: _Typing) -> lsp.CompletionItem:
    at, text = typing.at, one.text
    begin = lsp.Position(at.line, at.character - len(one.replaced.encode("utf-16-le")) // 2)
    if not typing.before.lstrip().startswith("-"):
        # The keys of a step are in the column of its first key, which a `- ` moves by two.
        text = text.replace("\n    ", "\n  ")
    # As plain text, Neovim inserts the first line only, without the space at its end.
    snippet = typing.snippets and ("\n" in text or text.endswith(" "))
    return lsp.CompletionItem(
        label=one.label,
        kind=_KINDS[one.kind],
        detail=one.detail or None,
        documentation=lsp.MarkupContent(lsp.MarkupKind.Markdown, one.about) if one.about else None,
        sort_text=f"{place:04}",
        filter_text=one.replaced or None,
        text_edit=lsp.TextEdit(lsp.Range(begin, at), _as_snippet(text) if snippet else text),
        insert_text_format=lsp.InsertTextFormat.Snippet if snippet else None,
        insert_text_mode=lsp.InsertTextMode.AdjustIndentation,
    )


def _as_snippet(text: str) -> str:
    """Return *text* with a place to fill in after each key that it ends a line with."""
    lines = re.sub(r"[$}\\]", r"\\\g<0>", text).split("\n")
    fields = count(1)
    return "\n".join(f"{line}${next(fields)}" if line.endswith(": ") else line for line in lines)


def _position(document: TextDocument, at: lsp.Position) -> tuple[int, int]:
    """Return line and column in characters, counted from 0."""
    found = document.position_codec.position_from_client_units(document.lines, at)
    return found.line, found.character


def _file_of(document: TextDocument) -> Path:
    return Path(to_fs_path(document.uri) or document.filename or "untitled.yaml")
