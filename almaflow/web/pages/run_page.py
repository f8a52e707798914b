"""One run: what it did step by step, its log, and its file as it was."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup
from starlette.responses import RedirectResponse, Response

from almaflow.late_dataclasses import dataclass
from almaflow.operations.run_details import RunDetails, run_details
from almaflow.operations.run_log import LogLine, run_log
from almaflow.outcome import Status
from almaflow.runs.step_views import StepView
from almaflow.web.charts import bar, span_of
from almaflow.web.context import Context, WebContext
from almaflow.web.forms import run_address, workflow_address
from almaflow.web.live import cached
from almaflow.web.rendering import look_of, render

router = APIRouter()

# Lines of the log that the page shows; `almaflow logs` shows all.
_LINES = 500
# Steps that are shown; a run over thousands of items has more.
_STEPS = 400
_DEEPEST = 8


@dataclass(frozen=True)
class ShownStep:
    """A step with what the page makes of it."""

    view: StepView
    depth: int
    """How many blocks are around it."""
    label: str
    """The end of its path."""
    bar: Markup | None
    """When it ran, within the run; None when it did not."""

    @property
    def state(self) -> str:
        """Its outcome, or its status before it has one."""
        return str(self.view.outcome or self.view.status)

    @property
    def is_open(self) -> bool:
        """Whether its details are shown from the start: it failed, or is under way."""
        outcome = self.view.outcome
        return self.view.attempts > 0 and (outcome is None or not outcome.is_good)

    @property
    def counters(self) -> list[dict[str, str]]:
        """The counters of its job."""
        found = self.view.outputs.get("counters")
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    @property
    def link(self) -> str:
        """The address of the job's report in Alma; empty when there is none."""
        link = self.view.outputs.get("link")
        return link if isinstance(link, str) and link.startswith("https://") else ""

    @property
    def outputs(self) -> dict[str, Any]:
        """Its other outputs."""
        return {
            name: value
            for name, value in self.view.outputs.items()
            if name not in ("counters", "link") and value not in ("", None, [])
        }


TRIGGERS = {
    "manual": "a person",
    "timetable": "its timetable",
    "job_ended": "the end of a job in Alma",
}
"""How people call what started a run."""


@router.get("/runs/{run}")
def run(run: str, request: Request, context: Context) -> Response:
    """Show a run; any unique part of its id names it."""
    found = context.store.find_run(run)
    if found.id != run:
        return RedirectResponse(run_address(found.id))
    return cached(request, lambda: _render(request, context, run_details(context.store, run)))


def _render(request: Request, context: WebContext, details: RunDetails) -> Response:
    record = context.store.run(details.id)
    definition = context.store.definition(record.definition)
    log = run_log(context.store, details.id).events
    before = context.store.runs(1, workflow=details.workflow, before_run=details.id)
    shown = details.steps[:_STEPS]
    live = "hx-request" in request.headers
    return render(
        request,
        "run_live.html" if live else "run.html",
        run=details,
        steps=[_shown(one, details, context) for one in shown],
        left_out=len(details.steps) - len(shown),
        log=_last(log),
        said=_said,
        triggers=TRIGGERS,
        earlier=max(0, len(log) - _LINES),
        lines=str(definition.get("text", "")).splitlines(),
        before=before[0] if before else None,
        address=run_address,
        workflow=workflow_address(details.workflow),
        actions=list(_actions(details)),
    )


def _last(log: tuple[LogLine, ...]) -> tuple[LogLine, ...]:
    return log[-_LINES:]


def _said(line: LogLine) -> str:
    """Return what a line of the log says; the begin and the end of a step have no text."""
    if line.text:
        return line.text
    outcome = line.data.get("outcome") if isinstance(line.data, dict) else None
    return look_of(outcome).word if outcome else line.kind


def _shown(view: StepView, details: RunDetails, context: WebContext) -> ShownStep:
    first = details.started_at or details.requested_at
    last = details.ended_at or context.now
    span = span_of(view.started_at, view.ended_at, first, last)
    tone = look_of(str(view.outcome or view.status)).tone
    drawn = None if span is None else bar([(f"{tone}-bar", span)], f"when {view.path} ran")
    parts = view.path.split("/")
    return ShownStep(view, min(len(parts) - 1, _DEEPEST), parts[-1], drawn)


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
