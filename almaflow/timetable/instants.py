"""When a timetable is due: pure functions from instants to instants.

Cron arithmetic is cronsim's. What a clock change does to it is settled here (Debian cron's rules):
a time of day that is skipped comes as soon as the clocks have moved, one that is repeated comes
once; what runs every so many minutes or hours follows the clock on the wall.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim

from almaflow.timetable.cron import Cron

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


def instants(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Yield the instants (aware, UTC) of *cron* in *zone* later than *after* (aware).

    They rise, and each follows from the one before as it does from *after*.
    """
    find = _at_fixed_times if cron.at_fixed_times else _by_the_wall_clock
    return find(cron, zone, after.astimezone(UTC))


def _at_fixed_times(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    instants = (found.astimezone(UTC) for found in CronSim(cron.expression, after.astimezone(zone)))
    # cronsim 2.8 forgets, in the hour that is repeated, that it was asked in its second half, and
    # answers with times of the first.
    return (instant for instant in instants if instant > after)


def _by_the_wall_clock(cron: Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    """Ask cronsim for times without a zone, from one clock change to the next.

    With a zone cronsim 2.8 goes by whole hours, which leaves out times where the clocks move by
    half an hour (Lord Howe), and it answers with times that are skipped at midnight (Cairo).
    """
    offset = _offset(zone, after)
    base = after + offset
    while True:
        walls = CronSim(cron.expression, base.replace(tzinfo=None))
        instant = next(walls).replace(tzinfo=UTC) - offset
        while (change := _next_change(zone, offset, after, instant)) is None:
            yield instant
            after, instant = instant, next(walls).replace(tzinfo=UTC) - offset
        after, offset = change, _offset(zone, change)
        # cronsim answers with times after its base, and the instant of the change itself counts.
        base = change + offset - _SECOND


def _next_change(
    zone: ZoneInfo, offset: timedelta, after: datetime, until: datetime
) -> datetime | None:
    """Return the first instant after *after*, *until* included, at which *offset* is no more.

    No zone's clocks are moved and moved back within a day.
    """
    while after < until:
        probe = min(after + _DAY, until)
        if _offset(zone, probe) != offset:
            while probe - after > _SECOND:
                middle = after + (probe - after) // 2
                if _offset(zone, middle) == offset:
                    after = middle
                else:
                    probe = middle
            return probe.replace(microsecond=0)
        after = probe
    return None


def _offset(zone: ZoneInfo, instant: datetime) -> timedelta:
    return instant.astimezone(zone).utcoffset() or timedelta()
