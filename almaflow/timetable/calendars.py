"""Calendars of days on which nothing runs: public holidays and ranges of dates."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from typing import Any, Self

from almaflow.late_dataclasses import dataclass
from almaflow.late_patterns import late_pattern
from almaflow.problems import did_you_mean
from almaflow.timetable.errors import TimetableInvalid
from almaflow.timetable.ics import FIRST_YEAR, LAST_LAID_OUT, LAST_YEAR, days_of_ics
from almaflow.timetable.spoken_times import date_meant

_DATE = late_pattern(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
MOST_RANGES = 1000
"""Entries under the `dates` of one calendar: every tick is compared with all of them."""
_CODE = late_pattern(r"[A-Z]{2,3}")


@dataclass(frozen=True)
class DateRange:
    """The days from *first* to *last*, both included."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        return self.first <= day <= self.last


def parse_date(text: str) -> date:
    """Read `2026-12-24`.

    Raises:
        TimetableInvalid: it is not such a date.
    """
    if not _DATE.fullmatch(text):
        meant = date_meant(text)
        write = f"Write `{meant}`." if meant else "Write year, month and day: `2026-12-24`."
        raise TimetableInvalid(f"`{text}` is not a valid date. {write}")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise TimetableInvalid(f"`{text}` is not a valid date: this day does not exist.") from None
    if not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise TimetableInvalid(
            f"`{text}` has a year outside the range {FIRST_YEAR} to {LAST_YEAR}."
        )
    return day


@lru_cache(maxsize=4096)
def parse_date_range(text: str) -> DateRange:
    """Read `2026-12-24/2027-01-02`, or one date for one day.

    Raises:
        TimetableInvalid: it is neither, or ends before it begins.
    """
    first_text, slash, last_text = text.partition("/")
    first = parse_date(first_text.strip())
    last = parse_date(last_text.strip()) if slash else first
    if last < first:
        raise TimetableInvalid(
            f"`{text}` ends before it begins. Use `{last_text.strip()}/{first_text.strip()}`."
        )
    return DateRange(first, last)


@dataclass(frozen=True)
class Calendar:
    """Days off: a country's public holidays, ranges of dates, the days of an ICS file."""

    name: str
    country: str | None = None
    subdivision: str | None = None
    ranges: tuple[str, ...] = ()
    ics: str | None = None
    """The text of the file."""

    def day_off(self, day: date) -> str:
        """Return what *day* is in this calendar, such as `Christmas Day`; empty: no day off."""
        for text in self.ranges:
            if day in parse_date_range(text):
                return f"within {text}" if "/" in text else "a day off"
        if self.country is not None and (
            known := _holidays_of(self.country, self.subdivision, day.year).get(day)
        ):
            return str(known)
        return self._event(day) if self.ics is not None else ""

    def _event(self, day: date) -> str:
        try:
            name = days_of_ics(self.ics or "").get(day, "")
        except TimetableInvalid as error:
            # A file is checked when it is read, so this one was kept by an older almaflow. What is
            # not known to be a working day is skipped, and the reason is recorded.
            return f"possibly a day off ({str(error).rstrip('.')})"
        if day.year > LAST_LAID_OUT:
            return f"possibly a day off (calendar files are read until the year {LAST_LAID_OUT})"
        return name

    def to_json(self) -> dict[str, Any]:
        """Return it as JSON data."""
        data = {"country": self.country, "subdivision": self.subdivision, "ics": self.ics}
        kept: dict[str, Any] = {key: value for key, value in data.items() if value is not None}
        return {"name": self.name, **kept, "ranges": list(self.ranges)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return the calendar that `to_json` made data of."""
        return cls(
            data["name"],
            data.get("country"),
            data.get("subdivision"),
            tuple(data["ranges"]),
            data.get("ics"),
        )


@lru_cache(maxsize=256)
def _holidays_of(country: str, subdivision: str | None, year: int) -> Mapping[date, str]:
    # Here, not above: see `_parts`.
    from holidays import country_holidays

    # Rebuilt for each year: the library's own lookup would grow by side effect.
    days = country_holidays(country, subdiv=subdivision, years=year, expand=False)
    return {day: str(name) for day, name in days.items()}


def check_holidays(country: str, subdivision: str | None = None) -> None:
    """Check that the public holidays of a country, or of a part of it, are known.

    *country* is an ISO 3166-1 code of two letters; *subdivision* what the holidays library calls
    the part: mostly the second half of an ISO 3166-2 code (`ZH`), or a name (`Zürich`).

    Raises:
        TimetableInvalid: they are not known; says what may be meant.
    """
    parts = _parts(country)
    if parts is None:
        code = country.upper()
        near = code != country and _parts(code) is not None
        raise TimetableInvalid(
            f"No public holidays are known for the country `{country}`; "
            + (f"did you mean `{code}`?" if near else "use its code of two letters, such as `CH`.")
        )
    if subdivision is None or subdivision in parts:
        return
    codes = [part for part in sorted(parts) if _CODE.fullmatch(part)] or sorted(parts)
    if not parts:
        advice = "; its public holidays are known for the whole country only."
    else:
        known = ", ".join(f"`{code}`" for code in codes)
        advice = did_you_mean(subdivision, parts) or f"; known are {known}."
    raise TimetableInvalid(
        f"`{country}` has no subdivision `{subdivision}` with its own public holidays{advice}"
    )


def _parts(country: str) -> frozenset[str] | None:
    """Return codes and names of the parts of a country; None when it is not known."""
    # Here, not above: it costs a tenth of a second, which only who has such a calendar pays.
    from holidays import country_holidays

    if not _CODE.fullmatch(country):
        # The library would also take names of its own classes.
        return None
    try:
        known = country_holidays(country)
    except NotImplementedError:
        return None
    return frozenset({*known.subdivisions, *known.subdivisions_aliases})
