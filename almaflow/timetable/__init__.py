"""Timetables: reading what a schedule says, putting it into words, and when it is due.

Everything here is a pure function of texts and instants. What came due, what was missed and what
waits is the business of `service/`.

The modules are imported when something of them is used: reading the settings needs a zone at most,
and most commands need nothing else of this.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from almaflow.timetable.calendars import (
        MOST_RANGES,
        Calendar,
        DateRange,
        check_holidays,
        parse_date,
        parse_date_range,
    )
    from almaflow.timetable.cron import Cron, parse_cron
    from almaflow.timetable.dates import instant_of, parse_moment
    from almaflow.timetable.daytimes import (
        date_meant,
        day_time_cron,
        entry_meant,
        every_meant,
        time_meant,
    )
    from almaflow.timetable.descriptions import cron_in_words, dates_in_words, interval_in_words
    from almaflow.timetable.errors import TimetableInvalid
    from almaflow.timetable.ics import check_ics
    from almaflow.timetable.instants import next_instants
    from almaflow.timetable.intervals import check_interval, default_start, next_intervals
    from almaflow.timetable.maintenance import Maintenance, MaintenanceHours
    from almaflow.timetable.ticks import Timetable
    from almaflow.timetable.zones import find_zone

__all__ = [
    "MOST_RANGES",
    "Calendar",
    "Cron",
    "DateRange",
    "Maintenance",
    "MaintenanceHours",
    "Timetable",
    "TimetableInvalid",
    "check_holidays",
    "check_ics",
    "check_interval",
    "cron_in_words",
    "date_meant",
    "dates_in_words",
    "day_time_cron",
    "default_start",
    "entry_meant",
    "every_meant",
    "find_zone",
    "instant_of",
    "interval_in_words",
    "next_instants",
    "next_intervals",
    "parse_cron",
    "parse_date",
    "parse_date_range",
    "parse_moment",
    "time_meant",
]

_HOMES = {
    "MOST_RANGES": "calendars",
    "Calendar": "calendars",
    "DateRange": "calendars",
    "check_holidays": "calendars",
    "parse_date": "calendars",
    "parse_date_range": "calendars",
    "Cron": "cron",
    "parse_cron": "cron",
    "instant_of": "dates",
    "parse_moment": "dates",
    "date_meant": "daytimes",
    "day_time_cron": "daytimes",
    "entry_meant": "daytimes",
    "every_meant": "daytimes",
    "time_meant": "daytimes",
    "cron_in_words": "descriptions",
    "dates_in_words": "descriptions",
    "interval_in_words": "descriptions",
    "TimetableInvalid": "errors",
    "check_ics": "ics",
    "next_instants": "instants",
    "check_interval": "intervals",
    "default_start": "intervals",
    "next_intervals": "intervals",
    "Maintenance": "maintenance",
    "MaintenanceHours": "maintenance",
    "Timetable": "ticks",
    "find_zone": "zones",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
