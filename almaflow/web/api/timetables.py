"""Timetables: the workflows, their coming ticks, and the ledger of those that came."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from almaflow.errors import RequestWrong
from almaflow.operations.catalog import WorkflowList, list_workflows
from almaflow.operations.coming_ticks import FAR, ComingTick, coming_ticks
from almaflow.operations.ledger import TickList, TickState, list_ticks
from almaflow.operations.shapes import whole
from almaflow.operations.typed_times import read_end, read_past
from almaflow.web.api.answers import Limit, Since, Until, WorkflowFilter, answer, listed
from almaflow.web.context import Context, WebContext, Workflows

router = APIRouter()


@router.get("/workflows", response_model=whole(WorkflowList))
def all_workflows(context: Context, workflows: Workflows) -> Response:
    """List the workflows with their timetables, pauses and last runs, and the invalid files."""
    return answer(list_workflows(workflows, context.project(), context.store, context.now))


@router.get("/next", response_model=list[whole(ComingTick)])  # type: ignore[misc]
def coming(
    context: Context,
    workflows: Workflows,
    workflow: WorkflowFilter = None,
    since: Since = None,
    until: Until = None,
    limit: Limit = 10,
) -> Response:
    """List coming ticks with days off, pauses and the ticks that are to be skipped."""
    project = context.project()
    active = workflows.snapshot(project).active.values()
    chosen = active if workflow is None else [workflows.workflow(project, workflow)]
    entries = [entry for one in chosen for entry in one.entries]
    after, last = _period(context, since, until)
    return answer(coming_ticks(entries, context.store, after, last, limit))


def _period(context: WebContext, since: str | None, until: str | None) -> tuple[datetime, datetime]:
    zone, now = context.zone, context.now
    after = now if since is None else read_past(since, "since", now, zone)
    last = after + FAR if until is None else read_end(until, "until", now, zone)
    if last < after:
        raise RequestWrong("`until` is before the beginning. Use a later end.")
    return after, last


@router.get("/ticks", response_model=whole(TickList))
def ticks(
    request: Request,
    context: Context,
    workflows: Workflows,
    workflow: WorkflowFilter = None,
    since: Since = None,
    until: Until = None,
    ending: Annotated[
        list[TickState] | None, Query(max_length=5, description="With these results; `open` alone.")
    ] = None,
    limit: Limit = 20,
    cursor: Annotated[
        str | None, Query(max_length=60, description="What `Link` of the page before names.")
    ] = None,
) -> Response:
    """List ticks of the ledger with their results, newest first.

    The header `Link` has the address of the next page.
    """
    zone, now = context.zone, context.now
    if workflow is not None and not context.store.schedules(workflow=workflow):
        # Refuses a name that means nothing; a workflow that was deleted has its schedules.
        workflows.workflow(context.project(), workflow)
    page = list_ticks(
        context.store,
        limit,
        workflow=workflow,
        since=None if since is None else read_past(since, "since", now, zone),
        until=None if until is None else read_past(until, "until", now, zone),
        states=ending or (),
        cursor=cursor,
    )
    return listed(request, TickList(page.ticks), page.cursor if len(page.ticks) == limit else "")
