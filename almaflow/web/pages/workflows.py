"""The workflows of the project: their timetables and last runs, and each with its file."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from fastapi import APIRouter, Request
from starlette.responses import Response

from almaflow.operations.catalog import list_workflows
from almaflow.operations.coming_ticks import coming_ticks
from almaflow.operations.run_list import list_runs
from almaflow.web.charts import length_bar
from almaflow.web.context import Context, FileHistories, Workflows
from almaflow.web.forms import run_address, workflow_address
from almaflow.web.live import cached
from almaflow.web.rendering import render

router = APIRouter()

_HISTORY = 30
# How far ahead ticks are searched for.
_FAR = timedelta(days=366)
# Coming ticks, revisions, and lines of one difference.
_TICKS, _REVISIONS, _LINES = 8, 10, 300


@router.get("/workflows")
def workflows(request: Request, context: Context, catalog: Workflows) -> Response:
    """Show every workflow, and the files that are not one."""

    def page() -> Response:
        listed = list_workflows(catalog, context.project(), context.store, context.now)
        return render(
            request, "workflows.html", listed=listed, address=workflow_address, run=run_address
        )

    return cached(request, page)


@router.get("/workflows/{name}")
def workflow(
    name: str, request: Request, context: Context, catalog: Workflows, histories: FileHistories
) -> Response:
    """Show a workflow: what it does, when it is due, how its runs ended, and its file."""
    project = context.project()
    active = catalog.workflow(project, name)

    def page() -> Response:
        listed = list_workflows(catalog, project, context.store, context.now).workflows
        runs = list_runs(context.store, _HISTORY, workflow=name)
        lengths = [run.ended_at - run.started_at for run in runs if run.started_at and run.ended_at]
        longest = max(lengths, default=timedelta())
        until = context.now + _FAR
        ticks = coming_ticks(active.entries, context.store, context.now, until, _TICKS)
        return render(
            request,
            "workflow.html",
            workflow=next(one for one in listed if one.name == name),
            inputs=active.loaded.workflow.inputs,
            lines=active.loaded.document.text.splitlines(),
            runs=runs,
            outcomes=Counter(str(run.outcome) for run in runs if run.outcome),
            ticks=ticks,
            history=histories.of(project.folder / active.path),
            most_revisions=_REVISIONS,
            most_lines=_LINES,
            length=lambda length: length_bar(length, longest),
            address=workflow_address(name),
            run_address=run_address,
        )

    return cached(request, page)
