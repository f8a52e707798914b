"""One run: what it did step by step and when, its log, and its file as it was."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import RedirectResponse, Response

from almaflow.late_dataclasses import dataclass
from almaflow.operations.run_comparison import compare_heads, run_before
from almaflow.operations.run_details import RunDetails, run_view_and_log
from almaflow.operations.run_log import LogLine
from almaflow.outcome import Status
from almaflow.runs.recorded_files import RecordedFile, StepLine, recorded_files, step_lines
from almaflow.runs.timeline import Share, StretchKind, shares, timeline
from almaflow.waiting import WaitingKind
from almaflow.web.context import Context, WebContext
from almaflow.web.forms import run_address, workflow_address
from almaflow.web.live import cached
from almaflow.web.rendering import look_of, render
from almaflow.web.run_boxes import (
    ITEMS,
    Frame,
    Group,
    Window,
    boxes_of,
    draw,
    every_box,
    in_words,
    taken_arms,
)

router = APIRouter()

# Lines of the log that the page shows; `almaflow logs` shows all.
_LINES = 500
# Lines of a recorded file, and files.
_SOURCE, _FILES = 3000, 20
_LONGEST_PATH = 1000

TRIGGERS = {
    "manual": "a person",
    "timetable": "its timetable",
    "job_ended": "the end of a job in Alma",
}
"""How people call what started a run."""

WAITS = {
    WaitingKind.PERSON: "waiting for a person",
    WaitingKind.SLOT: "waiting for a slot, because Alma limits jobs that are started by the API",
    WaitingKind.UNCONFIRMED: "checking whether Alma accepted a request",
    WaitingKind.ALMA: "waiting for Alma to respond",
    WaitingKind.TIME: "waiting for a time",
    WaitingKind.RESOLVE: "waiting for a person to resolve a submission",
    WaitingKind.RESUME: "waiting for a person to resume it",
}
"""What a run did while it waited."""


@dataclass(frozen=True)
class Source:
    """A recorded file with what its lines link to."""

    file: RecordedFile
    prefix: str
    """Of the anchors of its lines."""
    lines: Sequence[str]
    left_out: int
    steps: dict[int, str]
    """By line: the anchor of the step that begins there."""


@router.get("/runs/{run}")
def run(
    run: str,
    request: Request,
    context: Context,
    items: Annotated[str, Query(max_length=_LONGEST_PATH)] = "",
    first: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
) -> Response:
    """Show a run; any unique part of its id names it. *items* and *first* choose some items."""
    found = context.store.find_run(run)
    if found.id != run:
        return RedirectResponse(run_address(found.id))
    return cached(request, lambda: _render(request, context, run, Window(items, first)))


def _render(request: Request, context: WebContext, run: str, window: Window) -> Response:
    details, log = run_view_and_log(context.store, run, context.zone)
    record = context.store.run(details.id)
    definition = context.store.definition(record.definition)
    groups, left_out = boxes_of(details.steps, window)
    last = details.ended_at or context.now
    stretches = timeline(details.steps, log, last)
    lines = step_lines(definition)
    began = details.started_at or details.requested_at
    draw(groups, Frame(began, last, stretches, lines, taken_arms(log)))
    blocks = _blocks(details)
    leaves = [one for path, some in stretches.items() if path not in blocks for one in some]
    before = run_before(context.store, record)
    sources = list(_sources(recorded_files(definition), lines, groups))
    prefixes = {source.file.name: source.prefix for source in sources}
    return render(
        request,
        "run.html",
        run=details,
        groups=groups,
        left_out=left_out,
        shares=[(_words(one), one) for one in shares(leaves)],
        items_page=ITEMS,
        log=log[-_LINES:],
        said=_said,
        triggers=TRIGGERS,
        earlier=max(0, len(log) - _LINES),
        sources=sources,
        line_anchor=lambda at: f"{prefixes.get(at.file, '')}L{at.line}",
        in_words=in_words,
        before=before,
        changes=None if before is None else compare_heads(before, record),
        address=run_address,
        here=run_address(details.id),
        page_of=lambda path, first: f"?{urlencode({'items': path, 'first': first})}",
        workflow=workflow_address(details.workflow),
        actions=list(_actions(details)),
    )


def _blocks(details: RunDetails) -> set[str]:
    """Return what is around the steps of a run, which are not counted twice."""
    return {
        "/".join(parts[:length])
        for one in details.steps
        for parts in (one.path.split("/"),)
        for length in range(1, len(parts))
    }


def _words(share: Share) -> str:
    if share.waiting is not None:
        return WAITS.get(share.waiting, "waiting for something else")
    return "jobs in Alma" if share.kind is StretchKind.IN_ALMA else "almaflow at work"


def _sources(
    files: Sequence[RecordedFile], lines: dict[str, StepLine], groups: Sequence[Group]
) -> Iterator[Source]:
    """Yield the recorded files; the first is that of the run itself."""
    begin: dict[tuple[str, int], str] = {}
    for group in groups:
        for box in every_box(group):
            if box.line is not None:
                begin.setdefault((box.line.file, box.line.line), box.anchor)
    for number, file in enumerate(files[:_FILES]):
        text = file.text.splitlines()
        steps = {line: anchor for (name, line), anchor in begin.items() if name == file.name}
        left_out = max(0, len(text) - _SOURCE)
        yield Source(file, f"F{number}-" if number else "", text[:_SOURCE], left_out, steps)


def _said(line: LogLine) -> str:
    """Return what a line of the log says; the begin and the end of a step have no text."""
    if line.text:
        return line.text
    outcome = line.data.get("outcome") if isinstance(line.data, dict) else None
    return look_of(outcome).word if outcome else line.kind


def _actions(details: RunDetails) -> Any:
    """Yield the actions that make sense now: name of the address, and label."""
    if details.status is Status.FINISHED:
        if details.outcome is not None and not details.outcome.is_good:
            yield "retry", "Retry"
        return
    kinds = {str(one.kind) for one in details.waits}
    if details.held:
        yield "resume", "Resume"
    if "person" in kinds:
        yield "approve", "Approve or reject"
    if "resolve" in kinds:
        yield "resolve", "Resolve"
    yield "cancel", "Cancel"
