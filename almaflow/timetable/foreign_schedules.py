"""Timetables of other schedulers in our words: AWS, Quartz, Jenkins, and forms to fill in.

rate(1 day)                          every: 1d
cron(0 3 * * ? *), 0 0 3 * * ?       daily: "03:00"
H 2 * * 1-5                          weekly: mon-fri 02:00, and jitter: 1h
{days: [mon, thu], at: "06:00"}      weekly: mon,thu 06:00
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from almaflow.timetable.cron import parse_cron
from almaflow.timetable.daytimes import day_time_cron, time_meant
from almaflow.timetable.errors import TimetableInvalid

_RATE = re.compile(r"rate\(\s*(\d{1,5})\s+(minute|hour|day)s?\s*\)", re.IGNORECASE)
_CALL = re.compile(r"cron\((.*)\)", re.IGNORECASE)
_ANY = ("*", "?")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def words_of_cron(text: str) -> str:
    """Return our keys and values for an expression of AWS, Quartz or Jenkins; empty: it is none."""
    if match := _RATE.fullmatch(text.strip()):
        return f"every: {int(match[1])}{match[2][0].lower()}"
    call = _CALL.fullmatch(text.strip())
    fields = (call[1] if call else text).split()
    is_spread = bool(fields) and fields[0] == "H"
    if not call and not is_spread and "?" not in fields:
        return ""
    if len(fields) in (6, 7) and not call and "?" in (fields[3], fields[5]):
        fields = fields[1:]  # Quartz: seconds in front
    numbered = call is not None or not is_spread
    year = fields[5] if len(fields) == 6 else "*"
    if len(fields) not in (5, 6) or not (year in _ANY or re.fullmatch(r"20\d\d", year)):
        return ""
    minute, hour, day, month, weekday = ("*" if one == "?" else one for one in fields[:5])
    if is_spread:
        minute = "0"
    if numbered:
        weekday = re.sub(r"(?<![#\w])[1-7](?=L?\b)", lambda it: _DAYS[int(it[0]) - 1], weekday)
    weekday = re.sub(r"(?<=\w)l\b", "L", weekday.lower())
    words = _in_words(minute, hour, day, month, weekday)
    if words and year not in _ANY:
        words = f"{words}, starts: {year}-01-01, ends: {int(year) + 1}-01-01"
    return f"{words}, jitter: 1h" if words and is_spread else words


def _in_words(minute: str, hour: str, day: str, month: str, weekday: str) -> str:
    """Return the shortest form of five fields of cron; empty: they are not valid."""
    try:
        parse_cron(f"{minute} {hour} {day} {month} {weekday}")
    except TimetableInvalid:
        return ""
    if minute.isdecimal() and hour.isdecimal() and month == "*":
        time = f"{int(hour):02}:{int(minute):02}"
        days = re.sub(r"[0-7]", lambda it: _DAYS[int(it[0]) % 7], weekday)
        if day == "*" and weekday == "*":
            return _written("daily", time)
        if day == "*" and re.fullmatch(r"[a-z]{3}([-,][a-z]{3})*", days):
            return _written("weekly", f"{days} {time}")
        if weekday == "*" and (day.isdecimal() or day == "L"):
            return f"monthly: {'last' if day == 'L' else int(day)} {time}"
    return f'cron: "{minute} {hour} {day} {month} {weekday}"'


_TIMES = ("time", "at", "start_time", "run_at", "time_of_day")
_WEEKDAYS = ("weekly", "days", "day", "day_of_week", "weekday", "weekdays", "dow", "on_days", "on")
_MONTH_DAYS = ("monthly", "day_of_month", "dom", "day")
_HOW_OFTEN = ("type", "frequency", "recurrence", "repeat", "freq", "schedule_type")
_NAMES = {
    f"{name}{rest}": name
    for name, rest in zip(
        _DAYS, ("day", "day", "sday", "nesday", "rsday", "day", "urday"), strict=True
    )
}
_PARTS = {*_TIMES, *_WEEKDAYS, *_MONTH_DAYS, *_HOW_OFTEN, *_NAMES, "hour", "minute", "daily"}


def words_of_parts(entry: Mapping[str, Any], known: Sequence[str]) -> tuple[list[str], str]:
    """Return the keys of a schedule entry that are parts of one, and that one with its value.

    *known* are the keys of an entry. Both are empty when no part is of another scheduler, or when
    it is not certain what is meant.
    """
    parts: dict[str, Any] = {key: entry[key] for key in entry if key.lower() in _PARTS}
    if all(key in known and isinstance(parts[key], str) for key in parts):
        return [], ""
    values: dict[str, Any] = {}
    for key, value in parts.items():
        if isinstance(value, Mapping):
            values.update({str(inner).lower(): one for inner, one in value.items()})
            values.setdefault(key.lower(), "")
        else:
            values[key.lower()] = value
    words = _joined(values)
    return (list(parts), words) if words else ([], "")


def _joined(values: Mapping[str, Any]) -> str:
    texts = {key: _texts(value) for key, value in values.items()}
    times = {one for key in (*_TIMES, *_NAMES) for one in texts.get(key, ())}
    if "hour" in texts:
        minute = next(iter(texts.get("minute", ("0",))))
        times.add(f"{''.join(texts['hour'])}:{minute.zfill(2)}")
    days = [_NAMES[key] for key in texts if key in _NAMES]
    days += [one for key in _WEEKDAYS for one in texts.get(key, ()) if not one.isdecimal()]
    with_time = [one.rpartition(" ") for one in days]
    if days and not times and all(time_meant(time) for *_, time in with_time):
        days, times = [day for day, *_ in with_time], {time for *_, time in with_time}
    dates = [one for key in _MONTH_DAYS for one in texts.get(key, ()) if one != "true"]
    often = {one.lower() for key in _HOW_OFTEN for one in texts.get(key, ())}
    time = next((time_meant(one) or one for one in times), "") if len(times) == 1 else ""
    if days and not often - {"weekly"} and (time or not times):
        return _valid("weekly", f"{','.join(days)} {time or '06:00'}")
    if dates and not days and time and not often - {"monthly"}:
        return _valid("monthly", f"{dates[0]} {time}")
    if time and not dates and not often - {"daily"} and often | values.keys() & {"daily", "hour"}:
        return _valid("daily", time)
    return ""


def _texts(value: Any) -> list[str]:
    if isinstance(value, list):
        return [text for one in value for text in _texts(one)]
    text = str(getattr(value, "text", value))
    return [text] if text else []


def _valid(key: str, value: str) -> str:
    try:
        day_time_cron(key, value)
    except TimetableInvalid:
        return ""
    return _written(key, value)


def _written(key: str, value: str) -> str:
    """Return the key and its value as they are written, also between braces."""
    needs_quotes = key == "daily" or "," in value
    return f'{key}: "{value}"' if needs_quotes else f"{key}: {value}"
