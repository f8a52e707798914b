"""Intervals: every so much elapsed time, counted from an instant, whatever the clocks do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count, islice
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
        raise TimetableInvalid("An interval must be at least one second, such as `every: 10m`.")


def default_start(zone: ZoneInfo) -> datetime:
    """Return the instant (aware, UTC) that intervals are counted from unless `starts` is given."""
    return datetime(2000, 1, 1, tzinfo=zone).astimezone(UTC)


def next_intervals(
    interval: timedelta, starts_at: datetime, after: datetime, number: int
) -> list[datetime]:
    """Return the first *number* of `interval_instants`."""
    return list(islice(interval_instants(interval, starts_at, after), number))


def interval_instants(
    interval: timedelta, starts_at: datetime, after: datetime
) -> Iterator[datetime]:
    """Yield the instants (aware, UTC) later than *after*, none before *starts_at*.

    *starts_at*, aware as *after* is, comes first itself.
    """
    starts_at = starts_at.astimezone(UTC)
    gone = (after.astimezone(UTC) - starts_at) // interval
    first = starts_at + max(0, gone + 1) * interval
    return (first + times * interval for times in count())
