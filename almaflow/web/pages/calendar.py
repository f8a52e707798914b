"""The calendar: a month sheet of what was due and what comes, and one of its days in full."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from almaflow.errors import RequestWrong
from almaflow.web.context import Context, Workflows
from almaflow.web.forms import run_address, workflow_address
from almaflow.web.live import cached
from almaflow.web.month_sheet import month_before, next_month, read_month
from almaflow.web.rendering import render

router = APIRouter()

# Rows of one day: in its field of the sheet, and below it.
_IN_FIELD, _ROWS = 5, 100
_PAUSES = 40


@router.get("/calendar")
def calendar(
    request: Request,
    context: Context,
    catalog: Workflows,
    month: Annotated[str, Query(max_length=7)] = "",
    day: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Show the present month, or the one that the address names, or the one of the day it names."""
    today = context.now.astimezone(context.zone).date()
    chosen = _day(day, day) if day else _day(f"{month}-01", month) if month else today
    first = chosen.replace(day=1)
    if month and not day and (today.year, today.month) == (first.year, first.month):
        chosen = today

    def page() -> Response:
        active = catalog.snapshot(context.project()).active
        entries = [entry for one in active.values() for entry in one.entries]
        sheet = read_month(first, context.zone, context.now, context.store, entries)
        return render(
            request,
            "calendar.html",
            sheet=sheet,
            chosen=sheet.days[chosen.day - 1],
            today=today,
            pauses=sheet.pauses[:_PAUSES],
            in_field=_IN_FIELD,
            rows=_ROWS,
            earlier=month_before(first),
            later=next_month(first),
            run=run_address,
            workflow=workflow_address,
        )

    return cached(request, page)


def _day(text: str, written: str) -> date:
    try:
        day = date.fromisoformat(text)
        # The months before and after it are linked to, too.
        if not 1970 < day.year < 2200 or len(text) != len("2026-11-03"):
            raise ValueError
    except ValueError:
        example = "2026-11-03" if written == text else "2026-11"
        kind = "day" if written == text else "month"
        raise RequestWrong(f"`{written}` is not a {kind}. Write it as {example}.") from None
    return day
