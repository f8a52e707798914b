"""Intervals: every so much elapsed time, counted from an instant, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from almaflow.timetable.errors import TimetableInvalid

# Nothing in a library is due more often, and a ledger with a row for each would only fill up.
SHORTEST = timedelta(seconds=1)


def check_interval(interval: timedelta) -> None:
    """Check that *interval* can be a timetable.

    Raises:
        TimetableInvalid: it is shorter than a second.
    """
    if interval < SHORTEST:
        raise TimetableInvalid("An interval is at least one second; write `every: 10m`, say.")


def default_start(zone: ZoneInfo) -> datetime:
    """Return the instant (aware, UTC) that intervals are counted from unless `starts` is given."""
    return datetime(2000, 1, 1, tzinfo=zone).astimezone(UTC)


def next_intervals(
    interval: timedelta, starts_at: datetime, after: datetime, count: int
) -> list[datetime]:
    """Return the first *count* instants (aware, UTC) later than *after*, none before *starts_at*.

    *starts_at*, aware as *after* is, comes first itself.
    """
    starts_at = starts_at.astimezone(UTC)
    gone = (after.astimezone(UTC) - starts_at) // interval
    first = starts_at + max(0, gone + 1) * interval
    return [first + number * interval for number in range(count)]
