"""Times of day, of the week and of the month as people write them, turned into cron expressions.

daily: "02:30"         30 2 * * *
weekly: mon,thu 06:00  0 6 * * mon,thu
monthly: 15 06:00      0 6 15 * *
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from functools import cache

from almaflow.late_patterns import late_pattern
from almaflow.timetable.cron import parse_cron
from almaflow.timetable.errors import TimetableInvalid

_TIME = late_pattern(r"([01]?\d|2[0-3]):([0-5]\d)", re.ASCII)
# 2:30, 2.30, 14h30, 0230, 02:30:00, 2:30 pm, 2 am, 6 Uhr
_LIKE_A_TIME = late_pattern(
    r"(?:at\s+)?(\d{1,2})(?:[:.h](\d{2}))?(?::\d{2})?\s*(h|am|pm|a\.m\.|p\.m\.|uhr|o'clock)?",
    re.ASCII | re.IGNORECASE,
)
_FOUR_DIGITS = late_pattern(r"([01]\d|2[0-3])([0-5]\d)", re.ASCII)
_NAMED_TIMES = {"midnight": "00:00", "noon": "12:00", "midday": "12:00"}

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


def time_meant(text: str) -> str:
    """Return the time of day, such as `02:30`, that *text* means; empty: it means none."""
    text = text.strip()
    if text.casefold() in _NAMED_TIMES:
        return _NAMED_TIMES[text.casefold()]
    match = _LIKE_A_TIME.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        digits = _FOUR_DIGITS.fullmatch(text)
        return f"{digits[1]}:{digits[2]}" if digits else ""
    hour, minute, half = int(match[1]), int(match[2] or 0), (match[3] or "").casefold()
    if half[:1] in ("a", "p"):
        hour = hour % 12 + (12 if half[0] == "p" else 0) if 1 <= hour <= 12 else 24
    return f"{hour:02}:{minute:02}" if hour < 24 and minute < 60 else ""


def instant_meant(text: str) -> str:
    """Return the time of day, the date or the instant that *text* means; empty: none of them."""
    plain = unicodedata.normalize("NFKC", text).strip()
    plain = re.sub(r"^tomorrow(?:\s+at)?\s+|^morgen\s+(?:um\s+)?", "", plain, flags=re.IGNORECASE)
    # `2026` alone is a year, not 20:26.
    time = "" if plain.isdecimal() else time_meant(plain)
    if whole := time or date_meant(plain.removesuffix("Z")):
        return whole
    day, _, time = plain.partition("T" if "T" in plain else " ")
    date, hour = date_meant(day.rstrip(",")), time_meant(time)
    return f"{date}T{hour}" if date and hour else ""


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = "|".join(f"{name}[a-z]*" for name in _MONTHS)


@cache
def _dates() -> Sequence[re.Pattern[str]]:
    """Return the forms in which people write dates; compiled when a person does."""
    return (
        re.compile(r"(?P<y>\d{4})[-./ ](?P<m>\d{1,2})[-./ ](?P<d>\d{1,2})", re.ASCII),
        re.compile(r"(?P<y>\d{4})(?P<m>\d{2})(?P<d>\d{2})", re.ASCII),
        re.compile(r"(?P<d>\d{1,2})\.\s?(?P<m>\d{1,2})\.\s?(?P<y>\d{4})", re.ASCII),
        re.compile(r"(?P<d>1[3-9]|2\d|3[01])[-/](?P<m>\d{1,2})[-/](?P<y>\d{4})", re.ASCII),
        re.compile(r"(?P<m>\d{1,2})[-/](?P<d>1[3-9]|2\d|3[01])[-/](?P<y>\d{4})", re.ASCII),
        re.compile(
            rf"(?P<d>\d{{1,2}})\.?[ -](?P<m>{_MONTH})\.?,?[ -](?P<y>\d{{4}})", re.IGNORECASE
        ),
        re.compile(rf"(?P<m>{_MONTH})\.? (?P<d>\d{{1,2}}),? (?P<y>\d{{4}})", re.IGNORECASE),
    )


def date_meant(text: str) -> str:
    """Return the date, such as `2026-12-24`, that *text* means; empty: none, or one of several."""
    for form in _dates():
        match = form.fullmatch(text.strip())
        if match is None:
            continue
        month = match["m"].casefold()[:3]
        number = _MONTHS.index(month) + 1 if month in _MONTHS else int(month)
        try:
            return date(int(match["y"]), number, int(match["d"])).isoformat()
        except ValueError:
            return ""
    return ""


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


# Weekdays of other languages, by those of English.
_OTHER_WEEKDAYS = {
    name: english
    for english, names in {
        "mon": "montag mo lundi lunes lunedì 星期一 周一 שני",
        "tue": "dienstag di mardi martes martedì 星期二 周二 שלישי",
        "wed": "mittwoch mi mercredi miércoles mercoledì 星期三 周三 רביעי",
        "thu": "donnerstag do jeudi jueves giovedì 星期四 周四 חמישי",
        "fri": "freitag fr vendredi viernes venerdì 星期五 周五 שישי",
        "sat": "samstag sonnabend sa samedi sábado sabato 星期六 周六 שבת",
        "sun": "sonntag so dimanche domingo domenica 星期日 星期天 周日 ראשון",
    }.items()
    for name in names.split()
}
_LETTERS = late_pattern(r"[^\W\d_]+")
_FILLERS = frozenset({"um", "uhr", "à", "a", "jeden", "יום", "und", "bis", "at", "every"})


def _in_english(text: str) -> str:
    """Return *text* with the weekdays of other languages in English, and with plain digits."""
    plain = unicodedata.normalize("NFKC", text).strip()
    plain = re.sub(r"\s+(?:bis|to)\s+", "-", plain)

    def word(match: re.Match[str]) -> str:
        name = match[0].casefold()
        found = _OTHER_WEEKDAYS.get(name) or _OTHER_WEEKDAYS.get(name.removesuffix("s"))
        return "" if name in _FILLERS else found or match[0]

    plain = " ".join(_LETTERS.sub(word, plain).split())
    return re.sub(r"(?<!\d)(\d:[0-5]\d)$", r"0\1", plain)


def _advice(key: str, text: str) -> str:
    """Return why *text* cannot be read, with what to write."""
    needs, example = _FORMS[key]
    plain = _in_english(text)
    if plain != text.strip():
        days, time = _split(plain)
        if time and _day_fields(key, days) is not None:
            value = f'"{time}"' if key == "daily" else f"{days} {time}"
            return f"`{key}` needs {needs}, but this is `{text}`. Write `{key}: {value}`."
    if time := time_meant(text):
        value = f'"{time}"' if key == "daily" else f"{example.split()[0]} {time}"
        return f"`{key}` needs {needs}, but this is `{text}`. Write `{key}: {value}`."
    days, _, rest = text.strip().rpartition(" ")
    time = time_meant(rest)
    if time and _day_fields(key, days) is not None:
        return f"`{rest}` is not written as a time of day here. Write `{key}: {days} {time}`."
    if _day_fields(key, text.strip()) is not None and key != "daily":
        return f"The time of day is missing. Write `{key}: {text.strip()} 06:00`, for example."
    return f"`{key}` needs {needs}, but this is `{text}`. An example is `{key}: {example}`."


_EVERY = late_pattern(rf"(day|hour|week|month|{_WEEKDAY})s?\s*(?:at\s+|,\s*)?(.*)", re.IGNORECASE)


def every_meant(text: object) -> str:
    """Return what to write for an `every` that names a day, such as `day at 02:30`.

    Empty: it does not.
    """
    entry = entry_meant(text) if isinstance(text, str) else ""
    return f"`every` takes a duration, such as `6h`. For `{text}`, write {entry}." if entry else ""


def entry_meant(text: str) -> str:
    """Return the key and value that a day in words means, in backticks; empty: it is none."""
    match = _EVERY.fullmatch(text.strip())
    if match is None:
        return ""
    unit, time = match[1].casefold(), time_meant(match[2])
    if re.fullmatch(r"[01]?\d|2[0-3]", match[2]):
        time = f"{int(match[2]):02}:00"
    if match[2] and not time:
        return ""
    if unit == "hour":
        advice = "`every: 1h`"
    elif unit == "day":
        advice = f'`daily: "{time or "02:30"}"`'
    elif unit == "month":
        advice = f"`monthly: 1 {time or '06:00'}`"
    else:
        advice = f"`weekly: {'mon' if unit == 'week' else unit[:3]} {time or '06:00'}`"
    return advice
