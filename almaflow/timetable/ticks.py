"""A timetable: when one schedule entry is due. A pure function of instants.

Cron arithmetic is cronsim's. What a clock change does to it is settled here (Debian cron's rules):
a time of day that is skipped comes as soon as the clocks have moved, one that is repeated comes
once; what runs every so many minutes or hours follows the clock on the wall.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count, takewhile
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from cronsim import CronSim

from almaflow.late_dataclasses import dataclass
from almaflow.timetable.cron import Cron, parse_cron
from almaflow.timetable.dates import instant_of, parse_moment
from almaflow.timetable.descriptions import cron_in_words, dates_in_words, interval_in_words

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


# No tick is searched for after the years that dates can have.
_END: Final = datetime(3000, 1, 1, tzinfo=UTC)
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True)
class Timetable:
    """One of *cron*, *every* and *dates*, in a zone; texts are as they are written in the file.

    No tick comes before *starts* or after *ends*; when *ends* is a day, all of it counts.
    """

    zone: ZoneInfo
    cron: str | None = None
    every: timedelta | None = None
    dates: tuple[str, ...] | None = None
    starts: str | None = None
    ends: str | None = None

    def after(self, instant: datetime) -> Iterator[datetime]:
        """Yield the ticks (aware, UTC) later than *instant* (aware), as they rise."""
        first = self._first()
        if first is not None and first > instant:
            # The first tick may be that instant itself.
            instant = first - _INSTANT
        last = self._last()
        return takewhile(lambda tick: tick <= last, self._endless(instant.astimezone(UTC)))

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the ticks later than *after*, *until* included."""
        return takewhile(lambda tick: tick <= until, self.after(after))

    def next(self, after: datetime) -> datetime | None:
        """Return the first tick later than *after*; None when there is none any more."""
        return next(self.after(after), None)

    def words(self) -> str:
        """Return what it says in plain English: `at 02:30 every day, Europe/Zurich`."""
        zone = str(self.zone)
        if self.cron is not None:
            words = cron_in_words(parse_cron(self.cron), zone)
        elif self.every is not None:
            words = interval_in_words(self.every, self._counted_from().astimezone(self.zone), zone)
        else:
            moments = [parse_moment(text) for text in self.dates or ()]
            on_wall = [
                moment.astimezone(self.zone) if moment.tzinfo else moment for moment in moments
            ]
            words = dates_in_words(sorted(one.replace(tzinfo=None) for one in on_wall), zone)
        if self.starts is not None and self.every is None:
            words += f", from {self.starts}"
        return f"{words}, until {self.ends}" if self.ends is not None else words

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        data = {
            "cron": self.cron,
            "every": None if self.every is None else self.every.total_seconds(),
            "dates": None if self.dates is None else list(self.dates),
            "starts": self.starts,
            "ends": self.ends,
        }
        return {"zone": str(self.zone)} | {
            name: value for name, value in data.items() if value is not None
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the timetable that `to_json` made data of."""
        return cls(
            zone=ZoneInfo(data["zone"]),
            cron=data.get("cron"),
            every=timedelta(seconds=data["every"]) if "every" in data else None,
            dates=tuple(data["dates"]) if "dates" in data else None,
            starts=data.get("starts"),
            ends=data.get("ends"),
        )

    def _endless(self, after: datetime) -> Iterator[datetime]:
        if self.cron is not None:
            return instants(parse_cron(self.cron), self.zone, after)
        if self.every is not None:
            return interval_instants(self.every, self._counted_from(), after)
        ticks = {instant_of(parse_moment(text), self.zone) for text in self.dates or ()}
        return iter(sorted(tick for tick in ticks if tick > after))

    def _counted_from(self) -> datetime:
        return self._first() or default_start(self.zone)

    def _first(self) -> datetime | None:
        return None if self.starts is None else instant_of(parse_moment(self.starts), self.zone)

    def _last(self) -> datetime:
        if self.ends is None:
            return _END
        moment = parse_moment(self.ends)
        if len(self.ends) > len("2026-12-24"):
            return instant_of(moment, self.zone)
        return instant_of(moment + timedelta(days=1), self.zone) - _INSTANT


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
