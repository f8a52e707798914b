"""Timetables of other schedulers in our words: AWS, Quartz, Jenkins, and forms to fill in.

rate(1 day), timedelta(days=1)       every: 1d
cron(0 3 * * ? *), 0 0 3 * * ?       daily: "03:00"
0 6 * * MO-FR                        weekly: mon-fri 06:00
H 2 * * 1-5                          weekly: mon-fri 02:00, and jitter: 1h
H H(0-3) * * *                       daily: "00:00", and jitter: 4h
FREQ=WEEKLY;BYDAY=MO;BYHOUR=6        weekly: mon 06:00
{days: [mon, thu], at: "06:00"}      weekly: mon,thu 06:00
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from almaflow.durations import duration_meant
from almaflow.late_patterns import late_pattern
from almaflow.timetable.cron import parse_cron
from almaflow.timetable.daytimes import day_time_cron
from almaflow.timetable.errors import TimetableInvalid
from almaflow.timetable.spoken_schedules import weekday_meant, words_of_text
from almaflow.timetable.spoken_times import month_meant, time_meant

_RATE = late_pattern(r"rate\(\s*(\d{1,5})\s+(minute|hour|day)s?\s*\)", re.IGNORECASE)
_DELTA = late_pattern(r"(?:datetime\.)?timedelta\(\s*(\w+)\s*=\s*(\d{1,5})\s*\)")
_CALL = late_pattern(r"cron\((.*)\)", re.IGNORECASE)
_ANY = ("*", "?")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
# Jenkins' hash of the job's name: any number, one of a range, and with a step.
_SPREAD = late_pattern(r"H(?:\((\d{1,2})-(\d{1,2})\))?(?:/(\d{1,2}))?")
# The fields of cron in which Jenkins spreads, and how wide `H` alone is.
_SPREAD_FIELDS = (("m", 60), ("h", 24))


# Each of them, as generators of Quartz write it.
_EACH = ("0/1", "1/1", "*/1")


def words_of_cron(text: str) -> str:
    """Return our keys and values for an expression of another scheduler; empty: it is none."""
    text = text.strip()
    if match := _RATE.fullmatch(text):
        return f"every: {int(match[1])}{match[2][0].lower()}"
    if match := _DELTA.fullmatch(text):
        duration = duration_meant(f"{match[2]} {match[1]}")
        return f"every: {duration}" if duration else ""
    if text.upper().startswith(("FREQ=", "RRULE:")):
        return _of_rule(text)
    call = _CALL.fullmatch(text)
    fields = ["*" if one in _EACH else one for one in (call[1] if call else text).split()]
    if any(map(_SPREAD.fullmatch, fields)):
        return _of_jenkins(fields)
    if not call and "?" not in fields:
        return _in_other_names(fields)
    if len(fields) in (6, 7) and not call and "?" in (fields[3], fields[5]):
        fields = fields[1:]  # Quartz: seconds in front
    year = fields[5] if len(fields) == 6 else "*"
    if len(fields) not in (5, 6) or not (year in _ANY or re.fullmatch(r"20\d\d", year)):
        return ""
    minute, hour, day, month, weekday = ("*" if one == "?" else one for one in fields[:5])
    weekday = re.sub(r"(?<![#\w])[1-7](?=L?\b)", lambda it: _DAYS[int(it[0]) - 1], weekday)
    weekday = re.sub(r"(?<=\w)l\b", "L", weekday.lower())
    words = _in_words(minute, hour, day, month, weekday)
    if words and year not in _ANY:
        words = f"{words}, starts: {year}-01-01, ends: {int(year) + 1}-01-01"
    return words


def _of_jenkins(fields: Sequence[str]) -> str:
    """Return our words for fields with `H`; what it spreads is in `jitter`."""
    if len(fields) != 5:
        return ""
    numbers, jitter = [], ""
    for place, field in enumerate(fields):
        match = _SPREAD.fullmatch(field)
        if match is None:
            numbers.append(field)
            continue
        if place >= len(_SPREAD_FIELDS):
            numbers.append("1" if place < len(fields) - 1 else "mon")
            continue
        unit, width = _SPREAD_FIELDS[place]
        first, last = int(match[1] or 0), int(match[2] or width - 1)
        base = f"{first}-{last}" if match[1] else "*"
        numbers.append(f"{base}/{match[3]}" if match[3] else str(first))
        # A day would reach the next tick.
        size = min(last - first + 1, 60 if unit == "m" else 23)
        if not match[3]:
            jitter = "1h" if (size, unit) == (60, "m") else f"{size}{unit}"
    minute, hour, day, month, weekday = numbers
    words = _in_words(minute, hour, day, month, weekday)
    return f"{words}, jitter: {jitter}" if words and jitter else words


def _in_other_names(fields: Sequence[str]) -> str:
    """Return our words for an expression with weekdays or months of other languages."""
    if len(fields) != 5:
        return ""
    month = re.sub(r"[^\W\d_]+", lambda it: month_meant(it[0]) or it[0], fields[3])
    weekday = re.sub(
        r"(?<![#\d])[^\W\d_]+", lambda it: weekday_meant(it[0]) or it[0].lower(), fields[4]
    )
    if [month, weekday] == [one.lower() for one in fields[3:]]:
        return ""
    minute, hour, day = fields[:3]
    return _in_words(minute, hour, day, month, weekday)


def _of_rule(text: str) -> str:
    """Return our words for a rule of iCalendar that names a time of day."""
    pairs = (one.partition("=") for one in text.upper().removeprefix("RRULE:").split(";"))
    rule = {name: value for name, _, value in pairs if name}
    hour, minute = rule.pop("BYHOUR", ""), rule.pop("BYMINUTE", "0")
    often, days = rule.pop("FREQ", ""), rule.pop("BYDAY", "")
    date = rule.pop("BYMONTHDAY", "")
    rule = {key: value for key, value in rule.items() if (key, value) not in _USUAL}
    if rule or (hour and not (hour.isdecimal() and minute.isdecimal())):
        return ""
    days = ",".join(weekday_meant(_RULE_DAYS.get(one, "")) for one in days.split(",") if days)
    what = {"DAILY": "daily", "WEEKLY": days or "weekly", "HOURLY": "hourly"}
    what["MONTHLY"] = date and f"monthly {date}"
    time = f" {hour.zfill(2)}:{minute.zfill(2)}" if hour else ""
    return words_of_text(f"{what.get(often) or '?'}{time}")


_USUAL = (("INTERVAL", "1"), ("BYSECOND", "0"), ("WKST", "MO"), ("WKST", "SU"))
_RULE_DAYS = {one[:2].upper(): one for one in _DAYS}


def _day_of_number(match: re.Match[str]) -> str:
    return _DAYS[int(match[0]) % 7]


def _in_words(minute: str, hour: str, day: str, month: str, weekday: str) -> str:
    """Return the shortest form of five fields of cron; empty: they are not valid."""
    try:
        parse_cron(f"{minute} {hour} {day} {month} {weekday}")
    except TimetableInvalid:
        return ""
    if minute.isdecimal() and hour.isdecimal() and month == "*":
        time = f"{int(hour):02}:{int(minute):02}"
        days = re.sub("[0-7]", _day_of_number, weekday)
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
# An entry of another scheduler in one text.
_WHOLES = ("rrule", "oncalendar", "on_calendar", "recurrence_rule")
_PARTS = {
    *(*_TIMES, *_WEEKDAYS, *_MONTH_DAYS, *_HOW_OFTEN, *_NAMES, *_WHOLES, "hour", "minute", "daily")
}


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
    if whole := next((texts[key] for key in _WHOLES if key in texts and len(texts) == 1), []):
        return words_of_cron(whole[0]) or words_of_text(whole[0])
    if len(texts.get("daily", ())) > 1:
        return words_of_text(" ".join(texts["daily"]))
    times = {one for key in (*_TIMES, *_NAMES) for one in texts.get(key, ())}
    if "hour" in texts:
        minute = next(iter(texts.get("minute", ("0",))))
        times.add(f"{''.join(texts['hour'])}:{minute.zfill(2)}")
    if "hour" in texts:
        # With an hour next to them, days in numbers are those of cron.
        for key in texts.keys() & {"weekday", "dow"}:
            texts[key] = [re.sub("[0-7]", _day_of_number, one) for one in texts[key]]
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
