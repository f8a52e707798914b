"""A month day by day: what was due and its result, what comes, and what is special."""

from __future__ import annotations

from calendar import monthrange
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta, tzinfo
from functools import lru_cache
from itertools import chain, islice

from almaflow.late_dataclasses import dataclass
from almaflow.operations.coming_ticks import ComingTick, coming_ticks
from almaflow.operations.day_grid import worst
from almaflow.operations.ledger import TickView, list_ticks
from almaflow.store import SchedulePause, Store, overview
from almaflow.timetable import Calendar, Timetable
from almaflow.timetable_entries import TimetableEntry

MOST_TICKS = 5000
"""Ticks that are read, of each half; `MonthSheet` says which days lack some."""
# An entry that is due more often in a month would leave no place for others.
_DENSE = 24 * 31


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
    state: str
    """The worst outcome or status of its runs; empty when there is none."""


@dataclass(frozen=True)
class DayOff:
    """What a day is in a calendar that a timetable leaves out."""

    calendar: str
    what: str
    """Such as `Christmas Day`."""


@dataclass(frozen=True)
class Day:
    """One day, with what is special about it."""

    date: date
    due: tuple[Due, ...]
    remark: str
    """How clocks are changed; empty when they are not."""
    offs: tuple[DayOff, ...]
    paused: tuple[str, ...]
    """The workflows whose timetable is paused for a part of the day at least."""


@dataclass(frozen=True)
class DenseEntry:
    """A schedule entry that is due too often for a sheet."""

    workflow: str
    words: str


@dataclass(frozen=True)
class MonthSheet:
    """A month, and what it has no place for."""

    first: date
    days: tuple[Day, ...]
    pauses: tuple[SchedulePause, ...]
    dense: tuple[DenseEntry, ...]
    """What is to come and not among the days."""
    complete_from: date | None
    """The first day of which all past ticks were read; None: of every day."""
    complete_to: date | None
    """The last day of which all coming ticks were read; None: of every day."""


def read_month(
    first: date, zone: tzinfo, now: datetime, store: Store, entries: Sequence[TimetableEntry]
) -> MonthSheet:
    """Return the month that begins with *first*, in *zone*."""
    days = [
        first + timedelta(days=number) for number in range(monthrange(first.year, first.month)[1])
    ]
    since, until = _midnight(first, zone), _midnight(days[-1] + timedelta(days=1), zone)
    past = list_ticks(store, MOST_TICKS, since=since, until=min(_before(until), now)).ticks
    after = max(_before(since), now)
    dense: list[TimetableEntry] = []
    sparse: list[TimetableEntry] = []
    for entry in entries if after < until else ():
        (dense if len(_instants(entry.timetable, since, until)) > _DENSE else sparse).append(entry)

    def ahead_of(entry: TimetableEntry) -> Iterator[datetime]:
        return (at for at in _instants(entry.timetable, since, until) if at > after)

    coming = coming_ticks(sparse, store, after, until, MOST_TICKS, ahead_of)
    due: dict[date, list[Due]] = {}
    for day, one in chain(_past(store, past, zone), _coming(coming, zone)):
        due.setdefault(day, []).append(one)
    calendars = {one.name: one for entry in entries for one in entry.calendars}.values()
    pauses = [one for one in store.pauses(since=since) if one.since < until]
    cut = len(past) == MOST_TICKS, len(coming) == MOST_TICKS
    return MonthSheet(
        first,
        tuple(_of_day(day, due.get(day, ()), zone, calendars, pauses) for day in days),
        tuple(pauses),
        tuple(DenseEntry(one.workflow, one.words()) for one in dense),
        past[-1].at.astimezone(zone).date() + timedelta(days=1) if cut[0] else None,
        coming[-1].at.astimezone(zone).date() - timedelta(days=1) if cut[1] else None,
    )


def next_month(first: date) -> date:
    """Return the first day of the month after that of *first*."""
    return (first.replace(day=28) + timedelta(days=4)).replace(day=1)


def month_before(first: date) -> date:
    """Return the first day of the month before that of *first*."""
    return (first.replace(day=1) - timedelta(days=1)).replace(day=1)


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time(), zone)


def _before(until: datetime) -> datetime:
    """Return the last instant before *until*; both ends of a query count."""
    return until - timedelta(microseconds=1)


@lru_cache(maxsize=500)
def _instants(timetable: Timetable, since: datetime, until: datetime) -> Sequence[datetime]:
    """Return when a timetable is due in a month; of one that is due too often, the first ticks.

    They are kept, because a page that is open is made again whenever something happens.
    """
    return tuple(islice(timetable.between(_before(since), _before(until)), _DENSE + 1))


def _past(store: Store, ticks: Sequence[TickView], zone: tzinfo) -> Iterator[tuple[date, Due]]:
    with store.read() as tx:
        states = overview.states_of(tx, [one.run for one in ticks if one.run is not None])
    groups: dict[tuple[date, str, str, str], list[TickView]] = {}
    for tick in reversed(ticks):
        day = tick.at.astimezone(zone).date()
        reason = "" if tick.ending == "run" else tick.reason
        groups.setdefault((day, tick.workflow, tick.ending, reason), []).append(tick)
    for (day, workflow, ending, reason), found in groups.items():
        run = (found[0].run or "") if len(found) == 1 else ""
        state = worst([states[one.run] for one in found if one.run in states])
        yield day, Due(workflow, found[0].at, len(found), ending, reason, run, state)


def _coming(ticks: Iterable[ComingTick], zone: tzinfo) -> Iterator[tuple[date, Due]]:
    groups: dict[tuple[date, str, str], list[datetime]] = {}
    for tick in ticks:
        at = tick.at.astimezone(zone)
        groups.setdefault((at.date(), tick.workflow, tick.skipped or ""), []).append(at)
    for (day, workflow, skipped), found in groups.items():
        end = "skipped" if skipped else ""
        yield day, Due(workflow, found[0], len(found), end, skipped, "", "")


def _of_day(
    day: date,
    due: Iterable[Due],
    zone: tzinfo,
    calendars: Iterable[Calendar],
    pauses: Sequence[SchedulePause],
) -> Day:
    in_order = tuple(sorted(due, key=lambda one: one.first_at))
    found = ((one.name, one.day_off(day)) for one in calendars)
    offs = tuple(DayOff(name, what) for name, what in found if what)
    begin, end = _midnight(day, zone), _midnight(day + timedelta(days=1), zone)
    paused = Counter(
        one.workflow
        for one in pauses
        if one.since < end and (one.until is None or one.until > begin)
    )
    return Day(day, in_order, _clock_remark(day, zone), offs, tuple(paused))


def _clock_remark(day: date, zone: tzinfo) -> str:
    """Return how clocks are changed on a day; empty when they are not."""
    begin, end = (
        datetime.combine(day + timedelta(days=more), time(12), zone).utcoffset() for more in (-1, 0)
    )
    if begin is None or end is None or begin == end:
        return ""
    return "Clocks go forward." if end > begin else "Clocks go back."
