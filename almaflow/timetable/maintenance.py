"""Hours in which Alma is being maintained, as people announce them: `sun 02:00-06:00`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Self
from zoneinfo import ZoneInfo

from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.timetable.calendars import parse_date
from almaflow.timetable.dates import instant_of
from almaflow.timetable.errors import TimetableInvalid

_HOURS = late_pattern(r"(?:(?P<days>\S+)\s+)?(?P<start>\d\d:\d\d)\s*[-–]\s*(?P<end>\d\d:\d\d)")
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = timedelta(days=1)


@dataclass(frozen=True)
class MaintenanceHours:
    """From *start* until *end* (of the next day when it is not later) on a wall.

    They begin on the *weekdays* (0 is Monday) or on the one *day*.
    """

    start: time
    end: time
    weekdays: frozenset[int] = frozenset(range(7))
    day: date | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `02:00-06:00`, `sun 02:00-06:00`, `sat-sun …`, `mon,thu …` or `2026-12-05 …`.

        Raises:
            TimetableInvalid: it is none of them.
        """
        match = _HOURS.fullmatch(text.strip())
        if match is None:
            raise TimetableInvalid(
                f"`{text}` is not a time of maintenance. Use `02:00-06:00`, `sun 02:00-06:00` or "
                "`2026-12-05 20:00-23:00`."
            )
        start, end = _time(match["start"]), _time(match["end"])
        if start == end:
            raise TimetableInvalid(
                f"`{text}` begins and ends at the same time. Maintenance lasts less than a day."
            )
        days = match["days"]
        if days is None:
            return cls(start, end)
        if days[0].isdigit():
            return cls(start, end, day=parse_date(days))
        return cls(start, end, frozenset(_weekdays(days)))

    def end_at(self, now: datetime, zone: tzinfo) -> datetime | None:
        """Return when they are over (aware, UTC) if *now* (aware) is in them, else None."""
        today = now.astimezone(zone).date()
        for day in (today, today - _DAY):
            if day != self.day if self.day else day.weekday() not in self.weekdays:
                continue
            last = day if self.end > self.start else day + _DAY
            start, end = (
                instant_of(datetime.combine(at, clock), zone)
                for at, clock in ((day, self.start), (last, self.end))
            )
            if start <= now.astimezone(UTC) < end:
                return end
        return None


@dataclass(frozen=True)
class Maintenance:
    """All maintenance hours of an institution; the times are on a wall in *zone*."""

    hours: tuple[MaintenanceHours, ...] = ()
    zone: tzinfo = UTC

    @classmethod
    def of(cls, texts: Iterable[str], zone: str) -> Self:
        """Return what *texts*, each as `MaintenanceHours.parse` reads it, say.

        Raises:
            TimetableInvalid: one is none.
        """
        hours = tuple(MaintenanceHours.parse(text) for text in texts)
        return cls(hours, ZoneInfo(zone)) if hours else cls()

    def end_at(self, now: datetime) -> datetime | None:
        """Return when maintenance is over (aware, UTC) if there is any at *now*, else None."""
        ends = (hours.end_at(now, self.zone) for hours in self.hours)
        return max((end for end in ends if end is not None), default=None)


def _time(text: str) -> time:
    try:
        return time.fromisoformat(text)
    except ValueError:
        raise TimetableInvalid(
            f"`{text}` is not a valid time of day; hours are 00 to 23 and minutes 00 to 59."
        ) from None


def _weekdays(text: str) -> Iterable[int]:
    for part in text.lower().split(","):
        first, _, last = part.partition("-")
        begin, end = _weekday(first), _weekday(last or first)
        yield from ((begin + ahead) % 7 for ahead in range((end - begin) % 7 + 1))


def _weekday(name: str) -> int:
    for number, day in enumerate(_WEEKDAYS):
        if name in (day, day[:3]):
            return number
    raise TimetableInvalid(
        f"`{name}` is not a day of the week. Write it in English, such as `sun` or `mon-fri`."
    )
