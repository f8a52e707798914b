"""Times of day, dates and instants as people write them, in the forms that almaflow reads."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from datetime import date, timedelta
from functools import cache

from almaflow.late_patterns import late_pattern

# 2:30, 2.30, 14h30, 0230, 02:30:00, 2:30 pm, 2 am, 6 Uhr
_LIKE_A_TIME = late_pattern(
    r"(?:(?:at|um|à)\s+)?(\d{1,2})(?:[:.h](\d{2}))?(?::\d{2})?\s*(h|am|pm|a\.m\.|p\.m\.|uhr|o'clock)?",
    re.ASCII | re.IGNORECASE,
)
_FOUR_DIGITS = late_pattern(r"([01]\d|2[0-3])([0-5]\d)", re.ASCII)
_NAMED_TIMES = {"midnight": "00:00", "noon": "12:00", "midday": "12:00"}


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


def time_alone_meant(text: str) -> str:
    """Return the time of day that *text*, without any day, means: `24:00` is midnight, too."""
    return time_meant(text) or ("00:00" if ends_day(text) else "")


def ends_day(text: str) -> bool:
    """Whether *text* is midnight at the end of a day: `24:00`, `24 Uhr`, `24h`."""
    match = _LIKE_A_TIME.fullmatch(text.strip())
    # `24h` alone is a duration.
    if match is None or not (match[2] or (match[3] or "h").casefold() != "h"):
        return False
    return match[1] == "24" and int(match[2] or 0) == 0


def instant_meant(text: str) -> str:
    """Return the time of day, the date or the instant that *text* means; empty: none of them."""
    plain = unicodedata.normalize("NFKC", text).strip()
    plain = re.sub(r"^tomorrow(?:\s+at)?\s+|^morgen\s+(?:um\s+)?", "", plain, flags=re.IGNORECASE)
    # `2026` alone is a year, not 20:26.
    time = "" if plain.isdecimal() else time_alone_meant(plain)
    if whole := time or date_meant(plain.removesuffix("Z")):
        return whole
    day, _, time = plain.partition("T" if "T" in plain else " ")
    meant, hour = date_meant(day.rstrip(",")), time_meant(time)
    if meant and ends_day(time) and meant < date.max.isoformat():
        meant, hour = (date.fromisoformat(meant) + timedelta(days=1)).isoformat(), "00:00"
    return f"{meant}T{hour}" if meant and hour else ""


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH = r"[^\W\d_]{3,}"
# Where the first three letters are not those of English; without accents.
_OTHER_MONTHS = {
    name: english
    for english, names in {
        "jan": "enero gennaio ינואר",
        "feb": "fev fevrier פברואר",
        "mar": "מרץ",
        "apr": "avr avril abr abril אפריל",
        "may": "mai mag maggio מאי",
        "jun": "juin giugno יוני",
        "jul": "juillet luglio יולי",
        "aug": "aout ago agosto אוגוסט",
        "sep": "settembre ספטמבר",
        "oct": "okt oktober ottobre אוקטובר",
        "nov": "נובמבר",
        "dec": "dez dezember dic diciembre dicembre דצמבר",
    }.items()
    for name in names.split()
}


def without_accents(text: str) -> str:
    """Return *text* in lower case, without accents, its digits and signs in their plain forms."""
    apart = unicodedata.normalize("NFKD", text.casefold())
    return "".join(one for one in apart if not unicodedata.combining(one))


def month_meant(name: str) -> str:
    """Return the month, such as `oct`, that its name in some language means; empty: none."""
    plain = without_accents(name)
    if plain in _OTHER_MONTHS:
        return _OTHER_MONTHS[plain]
    return plain[:3] if plain[:3] in _MONTHS else ""


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
            rf"(?P<d>\d{{1,2}})(?:\.|er)?[ -](?:de )?(?P<m>{_MONTH})\.?,?[ -](?:de )?(?P<y>\d{{4}})"
        ),
        re.compile(rf"(?P<m>{_MONTH})\.? (?P<d>\d{{1,2}}),? (?P<y>\d{{4}})"),
    )


def date_meant(text: str) -> str:
    """Return the date, such as `2026-12-24`, that *text* means; empty: none, or one of several."""
    for form in _dates():
        match = form.fullmatch(without_accents(text.strip()))
        if match is None:
            continue
        month = match["m"] if match["m"].isdecimal() else month_meant(match["m"])
        try:
            number = int(month) if month.isdecimal() else _MONTHS.index(month) + 1
            return date(int(match["y"]), number, int(match["d"])).isoformat()
        except ValueError:
            return ""
    return ""
