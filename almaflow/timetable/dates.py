"""Single dates, with or without a time of day, and what they mean in a zone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, tzinfo

from almaflow.late_patterns import late_pattern
from almaflow.timetable.calendars import parse_date
from almaflow.timetable.errors import TimetableInvalid
from almaflow.timetable.spoken_times import instant_meant

_MOMENT = late_pattern(
    r"(?P<date>[^T ]+)(?:[T ](?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)"
    r"(?P<offset>Z|[+-][0-9]{2}:[0-9]{2})?)?"
)
_ISO_DATE = late_pattern(r"[0-9]+-[0-9]+-[0-9]+")
_MINUTE = timedelta(minutes=1)


def parse_moment(text: str) -> datetime:
    """Read `2026-12-24`, `2026-12-24T02:30` or, with an offset, `2026-12-24T02:30:00+01:00`.

    A date alone is its midnight. The result is aware when there is an offset, else naive: a time
    on the wall of some zone (see `instant_of`).

    Raises:
        TimetableInvalid: it is neither.
    """
    match = _MOMENT.fullmatch(text)
    if match is None or (match["time"] and not _ISO_DATE.fullmatch(match["date"])):
        meant = instant_meant(text)
        meant = meant if "-" in meant else ""
        write = f"Write `{meant}`." if meant else "Write `2026-12-24T02:30` or `2026-12-24`."
        raise TimetableInvalid(f"`{text}` is not a valid date or time. {write}")
    day = parse_date(match["date"])
    rest = f"T{match['time'] or '00:00'}{match['offset'] or ''}"
    try:
        return datetime.fromisoformat(f"{day.isoformat()}{rest}")
    except ValueError:
        meant = instant_meant(text)
        write = f" Write `{meant}`." if "-" in meant else ""
        raise TimetableInvalid(
            f"`{text}` is not a valid time of day; hours are 00 to 23 and minutes 00 to 59.{write}"
        ) from None


def instant_of(moment: datetime, zone: tzinfo) -> datetime:
    """Return the instant (aware, UTC) of *moment*; when it is naive, on a wall in *zone*.

    A time that a clock change skips is the first one after it; of one that comes twice, the first.
    """
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    wall = moment.replace(fold=0)
    while True:
        instant = wall.replace(tzinfo=zone).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == wall:
            return instant
        wall = wall.replace(second=0) + _MINUTE
