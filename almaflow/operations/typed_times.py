"""Instants and ages as people type them."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from almaflow.durations import parse_duration
from almaflow.errors import RequestWrong
from almaflow.late_patterns import late_pattern
from almaflow.timetable import TimetableInvalid, instant_of, parse_moment

HOW = "A date, a date with a time of day, or"
"""The beginning of the help of such an option."""

_TIME = late_pattern(r"([01][0-9]|2[0-3]):[0-5][0-9]")


def read_past(text: str, option: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant that an option names: a date, a time in *zone*, or a duration before now.

    Raises:
        RequestWrong: it is none of them.
    """
    age = _duration(text)
    if age is not None:
        return now - age
    return _moment(text, option, zone, "an age, such as `2d`")


def read_future(text: str, option: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant that `read_end` reads; Raises: RequestWrong, also when it has passed."""
    at = read_end(text, option, now, zone)
    if at <= now:
        raise RequestWrong(f"`{option} {text}` is in the past. Use an instant in the future.")
    return at


def read_end(text: str, option: str, now: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant that an option names: a date, a moment in *zone*, or a time from now.

    A date means its midnight, and a time of day alone the next such time. The instant may have
    passed.

    Raises:
        RequestWrong: it is none of them.
    """
    duration = _duration(text)
    if duration is not None:
        return now + duration
    if not _TIME.fullmatch(text):
        return _moment(text, option, zone, "how long from now, such as `3h`")
    today = now.astimezone(zone).date()
    days = (today + timedelta(days=number) for number in range(3))
    return next(
        instant
        for day in days
        if (instant := instant_of(parse_moment(f"{day}T{text}"), zone)) > now
    )


def read_age(text: str, option: str) -> timedelta:
    """Return the duration of an option; Raises: RequestWrong."""
    try:
        age = parse_duration(text)
    except ValueError as error:
        raise RequestWrong(f"`{option}`: {error}") from error
    if not age:
        raise RequestWrong(f"`{option} {text}` is not a valid age. Use one such as `400d`.")
    return age


def _duration(text: str) -> timedelta | None:
    try:
        return parse_duration(text)
    except ValueError:
        return None


def _moment(text: str, option: str, zone: ZoneInfo, other: str) -> datetime:
    try:
        return instant_of(parse_moment(text), zone)
    except TimetableInvalid as error:
        raise RequestWrong(f"`{option}`: {error} Or write {other}.") from error
