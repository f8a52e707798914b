"""The runs: a grid of workflows and days, and a list with filters in the address."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from markupsafe import Markup
from starlette.responses import Response

from almaflow.errors import RequestWrong
from almaflow.operations.day_grid import day_grid
from almaflow.operations.run_list import STATES, RunSummary, list_runs, read_state
from almaflow.web.charts import length_bar
from almaflow.web.context import Context
from almaflow.web.live import cached
from almaflow.web.rendering import render

router = APIRouter()

_ROWS = 50
_DAYS = 14
# Characters of a name or an id in an address.
_LONGEST = 200


@router.get("/runs")
def runs(
    request: Request,
    context: Context,
    workflow: Annotated[str, Query(max_length=_LONGEST)] = "",
    state: Annotated[str, Query(max_length=_LONGEST)] = "",
    day: Annotated[str, Query(max_length=_LONGEST)] = "",
    before: Annotated[str, Query(max_length=_LONGEST)] = "",
) -> Response:
    """Show the runs that fit the filters, newest first."""
    chosen = {"workflow": workflow.strip(), "state": state.strip(), "day": day.strip()}
    return cached(request, lambda: _render(request, context, chosen, before))


def _render(request: Request, context: Context, chosen: dict[str, str], before: str) -> Response:
    first, last = _bounds(chosen["day"], context)
    listed = list_runs(
        context.store,
        _ROWS + 1,
        workflow=chosen["workflow"] or None,
        state=read_state(chosen["state"]) if chosen["state"] else None,
        since=first,
        until=last,
        older_than=before or None,
    )
    shown = listed[:_ROWS]
    given = {name: value for name, value in chosen.items() if value}
    older = urlencode(given | {"before": shown[-1].id}) if len(listed) > _ROWS else ""
    grid = None
    if not given and not before:
        grid = day_grid(context.store, context.now, context.zone, _DAYS)
    longest = max((_length(run, context.now) for run in shown), default=timedelta())
    return render(
        request,
        "runs.html",
        runs=shown,
        chosen=chosen,
        given=given,
        older=older,
        grid=grid,
        # A grid has thousands of cells, and nothing in a date needs an escape.
        dates=[Markup(day.isoformat()) for day in grid.days] if grid else [],
        states=STATES,
        address=lambda **more: "/runs?" + urlencode({**given, **more}),
        length=lambda run: length_bar(_length(run, context.now), longest),
    )


def _bounds(day: str, context: Context) -> tuple[datetime | None, datetime | None]:
    """Return the first and last instant of a day in the project's zone."""
    if not day:
        return None, None
    try:
        which = date.fromisoformat(day)
        first = datetime.combine(which, time(), context.zone)
        return first, datetime.combine(which + timedelta(days=1), time(), context.zone)
    except (ValueError, OverflowError):
        raise RequestWrong(f"`{day}` is not a day. Write it as 2026-11-03.") from None


def _length(run: RunSummary, now: datetime) -> timedelta:
    return timedelta() if run.started_at is None else (run.ended_at or now) - run.started_at
