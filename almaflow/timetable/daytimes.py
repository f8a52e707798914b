"""Times of day, of the week and of the month as people write them, turned into cron expressions.

daily: "02:30"         30 2 * * *
weekly: mon,thu 06:00  0 6 * * mon,thu
monthly: 15 06:00      0 6 15 * *
"""

from __future__ import annotations

import re

from almaflow.late_patterns import late_pattern
from almaflow.timetable.cron import parse_cron
from almaflow.timetable.errors import TimetableInvalid
from almaflow.timetable.spoken_schedules import words_of_text
from almaflow.timetable.spoken_times import ends_day, time_alone_meant, time_meant

_TIME = late_pattern(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHORTEST_MONTH = 28
_WEEKDAY = "mon(?:day)?|tue(?:s|sday)?|wed(?:nesday)?|thu(?:rs|rsday)?|fri(?:day)?"
_WEEKDAY = rf"(?:{_WEEKDAY}|sat(?:urday)?|sun(?:day)?)s?"
_WEEKDAYS = late_pattern(rf"{_WEEKDAY}(?:\s*[-,]\s*{_WEEKDAY})*", re.IGNORECASE)
_GROUPS = {"weekdays": "mon-fri", "workdays": "mon-fri", "weekend": "sat,sun"}
_DAY = late_pattern(r"(\d{1,2})(?:st|nd|rd|th|\.)?", re.IGNORECASE | re.ASCII)
_LAST_DAYS = ("l", "last", "last day")

_FORMS = {
    "daily": ("a time of day", '"02:30"'),
    "weekly": ("one or more weekdays and a time of day", "mon 06:00"),
    "monthly": ("a day of the month and a time of day", "1 06:00"),
}


def day_time_cron(key: str, text: str) -> str:
    """Return the cron expression of *text* under *key*: `daily`, `weekly` or `monthly`.

    Raises: TimetableInvalid.
    """
    days, time = _split(text.strip())
    match = _TIME.fullmatch(time)
    fields = _day_fields(key, days)
    if match is None or fields is None:
        raise TimetableInvalid(_advice(key, text))
    expression = f"{int(match[2])} {int(match[1])} {fields}"
    parse_cron(expression)
    return expression


def _split(text: str) -> tuple[str, str]:
    """Return what is in front of the time at the end of *text*, and that time."""
    match = re.search(rf"(?:^|[\s,])\s*({_TIME.pattern})$", text)
    if match is None:
        return text, ""
    days = re.sub(r"(?:,|\bat)$", "", text[: match.start()].strip(), flags=re.IGNORECASE)
    return days.strip(), match[1]


def _day_fields(key: str, days: str) -> str | None:
    """Return day, month and weekday of a cron expression; None: *days* cannot be read."""
    if key == "daily":
        return "* * *" if days.casefold() in ("", "every day") else None
    if key == "weekly":
        days = _GROUPS.get(days.casefold(), days)
        if not _WEEKDAYS.fullmatch(days):
            return None
        short = re.sub(r"[a-z]+", lambda name: name[0][:3], days.casefold())
        return f"* * {re.sub(' ', '', short)}"
    if days.casefold() in _LAST_DAYS:
        return "L * *"
    day = _DAY.fullmatch(days)
    return f"{int(day[1])} * *" if day and 1 <= int(day[1]) <= 31 else None


def _next_days(key: str, days: str) -> str:
    """Return the days that begin when *days* end, as *key* has them; empty: none, or several."""
    fields = _day_fields(key, days) or ""
    if key == "weekly":
        after = dict(zip(_DAYS, (*_DAYS[1:], _DAYS[0]), strict=True))
        return re.sub(r"\w+", lambda name: after[name[0]], fields.removeprefix("* * "))
    day = fields.partition(" ")[0]
    if key == "monthly" and day.isdecimal():
        return str(int(day) + 1) if int(day) < _SHORTEST_MONTH else ""
    return "1" if key == "monthly" and day == "L" else ""


def _time_of_daily(key: str, text: str) -> str:
    """Return the time of day that *text* means where no day belongs next to it; empty: none."""
    is_hour = text.isdecimal() and len(text) <= len("23") and int(text) < 24
    alone = f"{int(text):02}:00" if is_hour else time_alone_meant(text)
    return alone if key == "daily" else ""


def _advice(key: str, text: str) -> str:
    """Return why *text* cannot be read, with what to write."""
    needs, example = _FORMS[key]
    if time := time_meant(text) or _time_of_daily(key, text):
        value = f'"{time}"' if key == "daily" else f"{example.split()[0]} {time}"
        return f"`{key}` needs {needs}, but this is `{text}`. Write `{key}: {value}`."
    days, _, rest = text.strip().rpartition(" ")
    time = time_meant(rest)
    if ends_day(rest) and (next_days := _next_days(key, days)):
        return (
            f"`{rest}` is 00:00 of the next day, and times end at 23:59. Write `{key}: {next_days} "
            "00:00`."
        )
    if time and _day_fields(key, days) is not None:
        return f"`{rest}` is not written as a time of day here. Write `{key}: {days} {time}`."
    if _day_fields(key, text.strip()) is not None and key != "daily":
        return f"The time of day is missing. Write `{key}: {text.strip()} 06:00`, for example."
    words = words_of_text(text)
    # A number alone may be a weekday.
    if words and (key == "monthly" or not words.startswith("monthly")):
        place = "" if words.startswith(f"{key}:") else f" in place of `{key}`"
        return f"`{key}` needs {needs}, but this is `{text}`. Write `{words}`{place}."
    return f"`{key}` needs {needs}, but this is `{text}`. An example is `{key}: {example}`."
