"""Timetables in words, in the languages of libraries, and those of systemd, in our words.

every Monday at 6am           weekly: mon 06:00
täglich um 6 und 18 Uhr       cron: "0 6,18 * * *"
le 1er du mois à 6h           monthly: 1 06:00
first Monday of the month     cron: "0 6 * * mon#1"
alle 15 Minuten               every: 15m
Mon..Fri *-*-* 06:00:00       weekly: mon-fri 06:00
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from almaflow.durations import duration_meant
from almaflow.late_patterns import late_pattern
from almaflow.timetable.spoken_times import time_meant, without_accents

# Longer texts are not a timetable that a person wrote (characters).
_LONGEST = 80
_WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")

# What a word means, without accents; a sign that is not here makes a text unknown.
_MEANINGS: Mapping[str, str] = {
    word: meaning
    for meaning, words in {
        "mon": "mon monday montag mo lundi lun lunes lunedi 星期一 周一 שני",
        "tue": "tue tues tuesday dienstag di mardi mar martes martedi 星期二 周二 שלישי",
        "wed": "wed wednesday mittwoch mi mercredi mer miercoles mercoledi 星期三 周三 רביעי",
        "thu": "thu thurs thursday donnerstag do jeudi jeu jueves giovedi 星期四 周四 חמישי",
        "fri": "fri friday freitag fr vendredi ven viernes venerdi 星期五 周五 שישי",
        "sat": "sat saturday samstag sonnabend sa samedi sam sabado sabato 星期六 周六 שבת",
        "sun": "sun sunday sonntag so dimanche dim domingo domenica 星期日 星期天 周日 ראשון",
        "mon-fri": "weekday weekdays workday workdays werktag werktags werktage werktagen ouvrable "
        "ouvrables laborables",
        "sat,sun": "weekend weekends wochenende wochenenden",
        "day": "day days daily nightly night everyday tag tage taglich nacht nachtlich jour jours "
        "quotidien nuit dia dias diario diariamente noche giorno giorni notte 每天 "
        "每日 יום ימים יומי",
        "week": "week weekly woche wochentlich semaine semaines hebdomadaire semana semanal "
        "semanalmente settimana settimanale 每周 שבוע שבועי",
        "month": "month monthly monat monats monatlich mois mensuel mes mensual mensualmente mese "
        "mensile 每月 חודש חודשי",
        "hour": "hour hourly stunde stundlich heure horaire hora ora 每小时 שעה",
        "1": "first erster ersten erste premier premiere primer primero primera primo",
        "2": "second zweiter zweiten zweite deuxieme segundo segunda",
        "3": "third dritter dritten dritte troisieme tercer tercero tercera",
        "4": "fourth vierter vierten vierte quatrieme cuarto cuarta",
        "last": "last letzter letzten letzte dernier derniere ultimo ultima אחרון",
        "-": "- bis to through until thru al au hasta ..",
        "": "every each at on the of in um am uhr jeden jede jedes alle immer der des den und and "
        ", ; et y e le la les tous toutes chaque de du los las el todos todas cada il ogni alle "
        "tutti i o'clock כל ב בשעה st nd rd th er im vom",
        "~": "a",
    }.items()
    for word in words.split()
}
_TIME = late_pattern(
    r"(?<![\w:.-])(?:\d{1,2}[:h]\d{2}(?::\d{2})?|\d{1,2}\.\d{2}(?=\s*(?:uhr|h\b)|$)|\d{1,2}(?=\s*"
    r"(?:uhr|h\b|heures?|horas?|[ap]\.?m\b|o'clock)))"
    r"(?:\s*(?:uhr|heures?|horas?|h(?!\w)|[ap]\.?m\.?(?!\w)|o'clock))?"
    r"|(?:(?<=\bat )|(?<=\bum )|(?<=\blas ))\d{1,2}(?![\w.:])"
)
_HOURS_JOINED = late_pattern(r"(\d{1,2})(?=\s*(?:,|und|and|et|y)\s*\d{1,2}\s*(?:uhr|h\b|[ap]m))")
_NAMED_TIMES = late_pattern(r"\b(?:midnight|noon|midday|mitternacht|minuit|midi|medianoche)\b")
_OTHER_TIMES = {"mitternacht": "00:00", "minuit": "00:00", "medianoche": "00:00", "midi": "12:00"}
_CALENDAR = late_pattern(r"\*-\*-(\*|\d{1,2})(?=\s|$)")
_EVERY = late_pattern(r"^(?:every|each|alle|toutes les|tous les|cada|ogni|כל|每)\s*(?=\d)")
_WORD = late_pattern(r"[^\W\d_](?:[\w'-]*[^\W_])?|\d+|\.\.|[-,;.]")


def words_of_text(text: str) -> str:
    """Return our key and value for a timetable in words; empty: it is not certain what is meant.

    A time of day that is missing is 06:00, of every day 02:30.
    """
    plain = _plain(text)
    if len(plain) > _LONGEST:
        return ""
    if (every := _EVERY.match(plain)) and (duration := duration_meant(plain[every.end() :])):
        return f"every: {duration}"
    plain = _CALENDAR.sub(lambda match: match[1].replace("*", " day "), plain)
    plain, times = _without_times(plain)
    meanings = [_meaning(word) for word in _WORD.findall(plain)]
    if None in meanings or _WORD.sub("", plain).strip(" .:"):
        return ""
    words = [one for one in meanings if one]
    # `lundi à vendredi` is a range, `lundi à 6h` is not.
    places = [place for place, one in enumerate(words) if one == "~"]
    for place in places:
        around = {*words[place - 1 : place], *words[place + 1 : place + 2]}
        words[place] = "-" if place and around <= {*_WEEKDAYS} and len(around) == 2 else ""
    return _entry([one for one in words if one], times)


def weekday_meant(word: str) -> str:
    """Return the weekday, such as `mon`, that a word of another language means; empty: none."""
    meaning = _meaning(_plain(word)) or ""
    return meaning if meaning in _WEEKDAYS else ""


def _plain(text: str) -> str:
    """Return *text* in lower case, without accents and with one kind of sign for each purpose."""
    return " ".join(re.sub("[–—־]", "-", without_accents(text)).split())


def _without_times(text: str) -> tuple[str, Sequence[str]]:
    """Return *text* without its times of day, and these."""
    times: list[str] = []

    def keep(match: re.Match[str]) -> str:
        word = re.sub("heures?|horas?", "h", match[0])
        meant = _OTHER_TIMES.get(word) or time_meant(f"{word}h" if word.isdecimal() else word)
        times.append(meant)
        return " " if meant else match[0]

    text = _HOURS_JOINED.sub(r"\1h", text)
    text = _NAMED_TIMES.sub(keep, _TIME.sub(keep, text))
    return text, list(dict.fromkeys(filter(None, times)))


def _meaning(word: str) -> str | None:
    """Return what a word means: empty, nothing; None, it is not known."""
    if word.isdecimal():
        return str(int(word)) if len(word) <= 2 and 1 <= int(word) <= 31 else None
    if word == ".":
        return ""
    for one in (word, word.removesuffix("s"), word.removesuffix(".")):
        if one in _MEANINGS:
            return _MEANINGS[one]
    first, dash, last = word.partition("-")
    days = [_MEANINGS.get(first), _MEANINGS.get(last)]
    return "-".join(filter(None, days)) if dash and all(one in _WEEKDAYS for one in days) else None


def _entry(words: Sequence[str], times: Sequence[str]) -> str:
    """Return the entry that is meant by *words*, all of them known, at *times*."""
    days = _weekdays(words)
    numbers = [one for one in words if one.isdecimal() or one == "last"]
    units = {one for one in words if one in ("day", "week", "month", "hour")}
    if "-" in words and not days:
        return ""
    if len(numbers) > 1:
        is_certain = times and not days and "last" not in numbers and units <= {"day", "month"}
        return _cron(f"{','.join(numbers)} * *", times) if is_certain else ""
    if days and numbers and units <= {"month"} and days in _WEEKDAYS:
        return _cron(f"* * {days}{'L' if numbers[0] == 'last' else f'#{numbers[0]}'}", times)
    if days and not numbers and units <= {"week", "day"}:
        return _at("weekly", days, times)
    is_of_month = "month" in units or numbers == ["last"] or (times and not units)
    if numbers and not days and units <= {"day", "month"} and is_of_month:
        return _at("monthly", numbers[0], times)
    if not words and times:
        return _at("daily", "", times)
    if days or numbers or len(units) != 1:
        return ""
    if units == {"hour"}:
        return "every: 1h" if not times else ""
    if units == {"day"}:
        return _at("daily", "", times or ["02:30"])
    return _at("weekly", "mon", times) if units == {"week"} else _at("monthly", "1", times)


def _weekdays(words: Sequence[str]) -> str:
    """Return the weekdays among *words* as `weekly` takes them."""
    days = ""
    for place, word in enumerate(words):
        if word.partition("-")[0].partition(",")[0] in _WEEKDAYS:
            is_range = place > 0 and words[place - 1] == "-"
            days += f"{('-' if is_range else ',') if days else ''}{word}"
    return days


def _at(key: str, days: str, times: Sequence[str]) -> str:
    if len(times) > 1:
        fields = {"daily": "* * *", "weekly": f"* * {days}"}
        day = "L" if days == "last" else days
        return _cron(fields.get(key, f"{day} * *"), times)
    value = f"{days} {times[0] if times else '06:00'}".strip()
    return f'{key}: "{value}"' if key == "daily" or "," in value else f"{key}: {value}"


def _cron(days: str, times: Sequence[str]) -> str:
    """Return the cron expression of several times of day, all at the same minute."""
    hours, minutes = zip(*(one.split(":") for one in times or ["06:00"]), strict=True)
    if len(set(minutes)) > 1:
        return ""
    listed = ",".join(str(one) for one in sorted(map(int, hours)))
    return f'cron: "{int(minutes[0])} {listed} {days}"'
