"""Intervals: every so much elapsed time, counted from an instant, whatever the clocks do."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from zoneinfo import ZoneInfo


def default_start(zone: ZoneInfo) -> datetime:
    """Return the instant (aware, UTC) that intervals are counted from unless `starts` is given."""
    return datetime(2000, 1, 1, tzinfo=zone).astimezone(UTC)


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
