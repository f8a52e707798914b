"""A timetable: when one schedule entry is due. A pure function of instants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any, Final, Self
from zoneinfo import ZoneInfo

from almaflow.late_dataclasses import dataclass
from almaflow.timetable.cron import parse_cron
from almaflow.timetable.dates import instant_of, parse_moment
from almaflow.timetable.descriptions import cron_in_words, dates_in_words, interval_in_words
from almaflow.timetable.instants import instants
from almaflow.timetable.intervals import default_start, interval_instants

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
