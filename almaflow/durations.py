"""Lengths of time as people write them: `90s`, `10m`, `4h`, `2d`, `1h30m`."""

from __future__ import annotations

import re
from contextlib import suppress
from datetime import timedelta

from almaflow.late_patterns import late_pattern

_DURATION = late_pattern(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
# A century is longer than anything almaflow waits for; more would overflow an instant.
_LONGEST = timedelta(days=36525)


def parse_duration(text: str) -> timedelta:
    """Read `90s`, `10m`, `4h`, `2d`, `1h30m`; largest unit first, each at most once.

    Raises:
        ValueError: *text* is not a valid duration, or is over a hundred years; with the remedy.
    """
    match = _DURATION.fullmatch(text.strip())
    if not text.strip() or match is None:
        raise ValueError(f"`{text}` is not a valid duration. {_advice(text.strip())}")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        duration = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        duration = timedelta.max
    if duration > _LONGEST:
        raise ValueError(f"`{text}` is longer than a hundred years.")
    return duration


# Longer texts are not a duration that a person wrote (characters).
_LOOK = 60
_WORDS = late_pattern(r"(\d+)\s*([^\W\d_]+)\.?,?\s*(?:(?:and|und|et|y|e)\s+)?")
_PART = late_pattern(r"(\d+)[.,](\d+)\s*([^\W\d_]+)\.?")
_ISO = late_pattern(r"p(?:\d+[wd])*(?:t(?:\d+[hms])+)?", re.ASCII)
_CLOCK = late_pattern(r"(\d+):(\d\d)(?::(\d\d))?", re.ASCII)
_UNITS = {
    unit: letter
    for letter, units in {
        "w": "w wk wks week weeks woche wochen semaine semaines semana semanas שבוע שבועות 周 星期",
        "d": "d day days tag tage tagen jour jours día días giorno giorni יום ימים 天 日",
        "h": "h hr hrs hour hours std stunde stunden heure heures hora horas ora ore שעה שעות 小时",
        "m": "m min mins minute minutes minuten minuto minutos minuti דקה דקות 分钟 分",
        "s": "s sec secs second seconds sek sekunde sekunden seconde secondes segundos שניות 秒",
    }.items()
    for unit in units.split()
}
# `1h30`, as in French; `half an hour`, `eine halbe Stunde`.
_NEXT_UNIT = late_pattern(r"(\d+)\s*([dhm])\s*([0-5]?\d)")
_SMALLER = {"d": "h", "h": "m", "m": "s"}
_HALF = late_pattern(
    r"(?:half|halbe|eine halbe|ein halber|une demi|demi|media|mezza)[ -](?:an? )?(\w+)"
)
_MONTHS = late_pattern(r"(\d{1,3})?\s*(?:months?|mo|monate?n?|mois|mes|meses|mesi?)", re.IGNORECASE)
_ENDLESS = (
    *("infinity", "inf", "infinite", "unlimited", "never", "none", "forever", "null"),
    "unbegrenzt",
)
_ARTICLES = ("an ", "a ", "one ", "eine ", "einen ", "ein ", "une ", "un ", "una ")
_NUMBERS = {
    word: number
    for number, words in {
        2: "two zwei deux dos due",
        3: "three drei trois tres tre",
        4: "four vier quatre",
        5: "five fünf cinq",
        6: "six sechs",
        7: "seven sieben sept",
        8: "eight acht huit",
        10: "ten zehn dix",
        12: "twelve zwölf douze",
        15: "fifteen fünfzehn quinze",
        20: "twenty zwanzig vingt",
        24: "twenty-four vierundzwanzig",
        30: "thirty dreißig trente",
    }.items()
    for word in words.split()
}
_MILLISECONDS = late_pattern(r"(\d{4,})\s*(?:ms|millis|milliseconds|millisekunden|millisecondes)")
_SECONDS = {"w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1}


def _advice(text: str) -> str:
    """Return what to write instead of *text*, which is not a duration."""
    if text.isdecimal() and not text.strip("0"):
        return "Write a duration with a unit, such as `10m`; to have none, remove the key."
    if text.isdecimal() and text.isascii() and len(text) < _LOOK:
        return f"Write it with a unit: `{text}s`, `{text}m`, `{text}h` or `{text}d`."
    if clock := _CLOCK.fullmatch(text[:_LOOK]):
        first, second, third = (int(one or 0) for one in clock.groups())
        if clock[3]:
            whole = timedelta(hours=first, minutes=second, seconds=third)
            return f"Write `{format_duration(whole)}`."
        until = f' A time of day is written `until: "{text}"`.' if len(clock[1]) > 1 else ""
        return f"Write `{first}h{second}m` for hours and minutes, or `{first}m{second}s`.{until}"
    if meant := _in_units(text[:_LOOK].casefold()):
        return f"Write `{meant}`."
    if months := _MONTHS.fullmatch(text[:_LOOK]):
        return f"Months differ in length. Write days, such as `{int(months[1] or 1) * 30}d`."
    if text.casefold() in _ENDLESS:
        return "A duration has an end. Remove the key, or write a long one, such as `7d`."
    return (
        "Write a number and a unit, such as `90s`, `10m`, `4h` or `2d`, or several, such as "
        "`1h30m`."
    )


def duration_meant(text: str) -> str:
    """Return the duration, such as `13d`, that *text* is or means in words; empty: none."""
    with suppress(ValueError):
        return format_duration(parse_duration(text))
    return _in_units(text[:_LOOK].casefold())


def _in_units(text: str) -> str:
    """Return the duration that words such as `2 hours`, `1.5h` or `PT30M` mean; empty: none."""
    text = text.rstrip(";,. ").removeprefix("+")
    if small := _MILLISECONDS.fullmatch(text):
        return format_duration(timedelta(milliseconds=int(small[1])))
    if half := _HALF.fullmatch(text):
        return {"h": "30m", "m": "30s", "d": "12h"}.get(_UNITS.get(half[1], ""), "")
    if rest := _NEXT_UNIT.fullmatch(text):
        return f"{rest[1]}{rest[2]}{int(rest[3])}{_SMALLER[rest[2]]}"
    if (part := _PART.fullmatch(text)) and part[3] in _UNITS:
        seconds = float(f"{part[1]}.{part[2]}") * _SECONDS[_UNITS[part[3]]]
        return format_duration(timedelta(seconds=round(seconds)))
    if any(map(str.isdigit, text)) and _ISO.fullmatch(text):
        return text.replace("p", "").replace("t", "")
    for article in _ARTICLES:
        text = re.sub(rf"^{article}", "1 ", text)
    first, _, unit = text.partition(" ")
    text = f"{_NUMBERS[first]} {unit}" if first in _NUMBERS else text
    parts = _WORDS.findall(text)
    is_whole = not _WORDS.sub("", text).strip()
    units = [_UNITS.get(word, "") for _, word in parts]
    if not parts or not is_whole or not all(units) or len(set(units)) != len(units):
        return ""
    meant = {unit: number for (number, _), unit in zip(parts, units, strict=True)}
    return "".join(f"{meant[unit]}{unit}" for unit in "wdhms" if unit in meant)


def format_duration(duration: timedelta) -> str:
    """Write *duration* as `1h30m`; parts of a second are dropped, nothing is `0s`."""
    seconds = int(duration.total_seconds())
    sign = "-" if seconds < 0 else ""
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, seconds = divmod(abs(seconds), size)
        if count:
            parts.append(f"{count}{unit}")
    return sign + ("".join(parts) or "0s")
