"""Calendars of days on which nothing runs: public holidays and ranges of dates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from almaflow.problems import did_you_mean
from almaflow.timetable.errors import TimetableInvalid

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Mistyped years are found, and no instant near them leaves Python's calendar.
_FIRST_YEAR, _LAST_YEAR = 1900, 2999
_CODE = re.compile(r"[A-Z]{2,3}")


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
        TimetableInvalid: it is no such date.
    """
    if not _DATE.fullmatch(text):
        raise TimetableInvalid(f"`{text}` is no date; write year, month, day: `2026-12-24`.")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        raise TimetableInvalid(f"`{text}` is no date: the calendar has no such day.") from None
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise TimetableInvalid(
            f"`{text}`: the year is out of range; it is {_FIRST_YEAR} to {_LAST_YEAR}."
        )
    return day


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
            f"`{text}` ends before it begins; write `{last_text.strip()}/{first_text.strip()}`."
        )
    return DateRange(first, last)


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
            + (f"did you mean `{code}`?" if near else "write its code of two letters, as `CH`.")
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
        f"`{country}` has no part called `{subdivision}` with public holidays of its own{advice}"
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
