"""Timetables as triggers of APScheduler.

APScheduler's own `CronTrigger` loses midnight and first-of-month runs at daylight saving, doubles
runs in autumn and counts weekdays from Monday, so the instants are ours and only the waiting is
its.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from apscheduler.triggers.base import BaseTrigger

from almaflow.timetable.ticks import Timetable

_INSTANT = timedelta(microseconds=1)


class TimetableTrigger(BaseTrigger):  # type: ignore[misc]
    """Fires at the ticks of a timetable."""

    def __init__(self, timetable: Timetable) -> None:
        self.timetable = timetable

    def get_next_fire_time(
        self, previous_fire_time: datetime | None, now: datetime
    ) -> datetime | None:
        """Return the first tick (aware, UTC) after the previous one, at *now* or later."""
        after = now - _INSTANT
        if previous_fire_time is not None and previous_fire_time > after:
            after = previous_fire_time
        return self.timetable.next(after)
