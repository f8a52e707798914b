"""A timetable as people write it: cron's five fields, or a few words."""

from __future__ import annotations

from almaflow.errors import RequestWrong
from almaflow.late_patterns import late_pattern
from almaflow.timetable import TimetableInvalid, parse_cron

_WORDS = late_pattern(r"(?:every )?([a-z]+)(?: at)? (\d{1,2})[:.](\d{2})", 2)
_DAYS = {
    **dict.fromkeys(("daily", "day", "night"), "* * *"),
    **dict.fromkeys(("weekdays", "weekday", "workdays"), "* * mon-fri"),
    **dict.fromkeys(("monthly", "month"), "1 * *"),
    **{
        name: f"* * {full[:3]}"
        for full in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
        for name in (full, full[:3], f"{full}s")
    },
}


def cron_of(text: str) -> str:
    """Return the five fields that *text* means, such as `0 4 * * sun` for `sunday 04:00`.

    Raises:
        RequestWrong: it means none.
    """
    words = _WORDS.fullmatch(" ".join(text.split()))
    days = _DAYS.get(words[1].casefold()) if words else None
    cron = f"{int(words[3])} {int(words[2])} {days}" if words and days else text.strip()
    try:
        parse_cron(cron)
    except TimetableInvalid as error:
        raise RequestWrong(
            f"`{text}` is not a timetable: {error} Write five fields of cron, such as `30 2 * * "
            "mon`, or words, such as `daily 02:30`, `weekdays 20:00`, `sunday 04:00` or `monthly "
            "02:30`."
        ) from error
    return cron
