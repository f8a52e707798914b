"""The calendar: what was due and what became of it, and what comes, day by day."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.operations.coming_ticks import coming_ticks
from almaflow.operations.ledger import TickView, list_ticks
from almaflow.timetable import Calendar
from almaflow.timetable_entries import TimetableEntry
from almaflow.web.context import Context, WebContext, Workflows
from almaflow.web.forms import run_address, workflow_address
from almaflow.web.live import cached
from almaflow.web.rendering import render

router = APIRouter()

_BEHIND, _AHEAD = 7, 14
# Ticks that are read, of each half; rows of one day.
_MOST = 5000
_ROWS = 40


@dataclass(frozen=True)
class Due:
    """The ticks of one workflow on one day that had the same end, or that are still to come."""

    workflow: str
    first_at: datetime
    ticks: int
    end: str
    """`run`, `merged`, `skipped`, `missed`, `open`, or empty when it is still to come."""
    text: str
    """Why it did not run, or will not."""
    run: str
    """The id of its run, when it is the only one."""


@dataclass(frozen=True)
class Day:
    """One day, with what is special about it."""

    date: date
    due: tuple[Due, ...]
    more: int
    """How many rows are left out."""
    remark: str
    offs: tuple[DayOff, ...]


@dataclass(frozen=True)
class DayOff:
    """What a day is in a calendar that a timetable leaves out."""

    calendar: str
    what: str
    """Such as `Christmas Day`."""


@router.get("/calendar")
def calendar(
    request: Request,
    context: Context,
    catalog: Workflows,
    start: Annotated[str, Query(max_length=10)] = "",
) -> Response:
    """Show three weeks: one behind, two ahead, from a day on that the address may name."""
    today = context.now.astimezone(context.zone).date()
    first = _day(start) if start else today - timedelta(days=_BEHIND)

    def page() -> Response:
        active = catalog.snapshot(context.project()).active
        entries = [entry for one in active.values() for entry in one.entries]
        rows = [*_past(context, first), *_coming(context, first, entries)]
        calendars = {one.name: one for entry in entries for one in entry.calendars}
        days = [
            _of_day(first + timedelta(days=number), rows, context.zone, calendars.values())
            for number in range(_BEHIND + _AHEAD + 1)
        ]
        since, until = _bounds(context, first)
        pauses = [one for one in context.store.pauses(since=since) if one.since <= until]
        return render(
            request,
            "calendar.html",
            days=days,
            today=today,
            pauses=pauses[:_ROWS],
            earlier=first - timedelta(days=_BEHIND + _AHEAD + 1),
            later=first + timedelta(days=_BEHIND + _AHEAD + 1),
            run=run_address,
            workflow=workflow_address,
        )

    return cached(request, page)


def _day(text: str) -> date:
    try:
        day = date.fromisoformat(text)
        # Weeks before and after it are shown, too.
        if not 1970 < day.year < 2200:
            raise ValueError
    except ValueError:
        raise RequestWrong(f"`{text}` is not a day. Write it as 2026-11-03.") from None
    return day


def _bounds(context: WebContext, first: date) -> tuple[datetime, datetime]:
    last = first + timedelta(days=_BEHIND + _AHEAD + 1)
    return (
        datetime.combine(first, time(), context.zone),
        datetime.combine(last, time(), context.zone) - timedelta(microseconds=1),
    )


def _past(context: WebContext, first: date) -> Iterator[tuple[date, Due]]:
    since, until = _bounds(context, first)
    ticks = list_ticks(context.store, _MOST, since=since, until=min(until, context.now)).ticks
    groups: dict[tuple[date, str, str, str], list[TickView]] = {}
    for tick in reversed(ticks):
        day = tick.at.astimezone(context.zone).date()
        reason = "" if tick.ending == "run" else tick.reason
        groups.setdefault((day, tick.workflow, tick.ending, reason), []).append(tick)
    for (day, workflow, ending, reason), found in groups.items():
        run = (found[0].run or "") if len(found) == 1 else ""
        yield day, Due(workflow, found[0].at, len(found), ending, reason, run)


def _coming(
    context: WebContext, first: date, entries: Sequence[TimetableEntry]
) -> Iterator[tuple[date, Due]]:
    since, until = _bounds(context, first)
    after = max(since, context.now)
    if after >= until:
        return
    groups: dict[tuple[date, str, str], list[datetime]] = {}
    for tick in coming_ticks(entries, context.store, after, until, _MOST):
        at = tick.at.astimezone(context.zone)
        groups.setdefault((at.date(), tick.workflow, tick.skipped or ""), []).append(at)
    for (day, workflow, skipped), found in groups.items():
        yield day, Due(workflow, found[0], len(found), "skipped" if skipped else "", skipped, "")


def _of_day(
    day: date, rows: list[tuple[date, Due]], zone: tzinfo, calendars: Iterable[Calendar]
) -> Day:
    due = sorted((one for at, one in rows if at == day), key=lambda one: one.first_at)
    found = ((one.name, one.day_off(day)) for one in calendars)
    offs = tuple(DayOff(name, what) for name, what in found if what)
    more = max(0, len(due) - _ROWS)
    return Day(day, tuple(due[:_ROWS]), more, _clock_remark(day, zone), offs)


def _clock_remark(day: date, zone: tzinfo) -> str:
    """Return how clocks are changed on a day; empty when they are not."""
    begin, end = (
        datetime.combine(day + timedelta(days=more), time(12), zone).utcoffset() for more in (-1, 0)
    )
    if begin is None or end is None or begin == end:
        return ""
    return "Clocks go forward." if end > begin else "Clocks go back."
