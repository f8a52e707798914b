"""Timetables: reading what a schedule says, putting it into words, and when it is due.

Everything here is a pure function of texts and instants. What came due, what was missed and what
waits is the business of `scheduler/`.

The modules are imported when something of them is used: reading the settings needs a zone at most,
and most commands need nothing else of this.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from almaflow.late_names import late_names

if TYPE_CHECKING:
    from almaflow.timetable.calendars import MOST_RANGES, Calendar, check_holidays, parse_date_range
    from almaflow.timetable.cron import Cron, parse_cron
    from almaflow.timetable.dates import instant_of, parse_moment
    from almaflow.timetable.daytimes import day_time_cron
    from almaflow.timetable.errors import TimetableInvalid
    from almaflow.timetable.foreign_schedules import words_of_cron, words_of_parts
    from almaflow.timetable.ics import days_of_ics
    from almaflow.timetable.maintenance import Maintenance, MaintenanceHours
    from almaflow.timetable.spoken_schedules import words_of_text
    from almaflow.timetable.spoken_times import date_meant, time_meant
    from almaflow.timetable.ticks import Timetable
    from almaflow.timetable.zones import find_zone

__getattr__ = late_names(
    __name__,
    {
        "calendars": ("MOST_RANGES", "Calendar", "check_holidays", "parse_date_range"),
        "cron": ("Cron", "parse_cron"),
        "dates": ("instant_of", "parse_moment"),
        "daytimes": ("day_time_cron",),
        "errors": ("TimetableInvalid",),
        "foreign_schedules": ("words_of_cron", "words_of_parts"),
        "ics": ("days_of_ics",),
        "maintenance": ("Maintenance", "MaintenanceHours"),
        "spoken_schedules": ("words_of_text",),
        "spoken_times": ("date_meant", "time_meant"),
        "ticks": ("Timetable",),
        "zones": ("find_zone",),
    },
)
