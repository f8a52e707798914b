"""Runs: the list, one run, its log, and why it waits or ended."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from almaflow.operations.causes import Diagnoses, explain
from almaflow.operations.run_details import RunDetails, run_details
from almaflow.operations.run_list import RunList, list_runs
from almaflow.operations.run_log import RunLog, run_log
from almaflow.operations.shapes import whole
from almaflow.operations.typed_times import read_past
from almaflow.outcome import Outcome, Status
from almaflow.web.api.answers import (
    LONGEST_NAME,
    Limit,
    RunName,
    RunOrWorkflow,
    Since,
    Until,
    WorkflowFilter,
    answer,
    listed,
)
from almaflow.web.context import Context, Workflows

router = APIRouter()


@router.get("/runs", response_model=whole(RunList))
def runs(
    request: Request,
    context: Context,
    workflow: WorkflowFilter = None,
    status: Annotated[
        Status | Outcome | None, Query(description="A status, or the outcome of a finished run.")
    ] = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 20,
    cursor: Annotated[
        str | None, Query(max_length=LONGEST_NAME, description="Older than the run with this id.")
    ] = None,
) -> Response:
    """List runs, newest first; the header `Link` has the address of the next page."""
    zone, now = context.zone, context.now
    found = list_runs(
        context.store,
        limit,
        workflow=workflow,
        state=status,
        since=None if since is None else read_past(since, "since", now, zone),
        until=None if until is None else read_past(until, "until", now, zone),
        older_than=cursor,
    )
    next_ = found[-1].id if len(found) == limit else ""
    return listed(request, RunList(tuple(found)), next_)


@router.get("/runs/{run}", response_model=whole(RunDetails))
def one_run(context: Context, run: RunName) -> Response:
    """Show one run with its steps, its requests to Alma and its tick.

    The run is named by any unique part of its id, or as `last`.
    """
    return answer(run_details(context.store, run))


@router.get("/runs/{run}/log", response_model=whole(RunLog))
def log(
    context: Context,
    run: RunName,
    skip: Annotated[
        int, Query(ge=0, le=10_000_000, description="The number of lines to skip.")
    ] = 0,
    limit: Annotated[
        int, Query(ge=1, le=10_000, description="The largest number of lines.")
    ] = 1000,
) -> Response:
    """Show the log of a run, oldest line first."""
    return answer(run_log(context.store, run, skip=skip, limit=limit))


@router.get("/why/{name}", response_model=whole(Diagnoses))
def why(context: Context, workflows: Workflows, name: RunOrWorkflow) -> Response:
    """Explain why a run, or the runs of a workflow, wait or how they ended.

    Everything comes from the record; almaflow does not query Alma.
    """
    project = context.project()

    def is_workflow(name: str) -> bool:
        return name in workflows.snapshot(project).active

    found = explain(project, context.store, name, context.now, is_workflow)
    return answer(found.diagnoses())
