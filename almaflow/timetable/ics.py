"""Calendar files (.ics): the days that their events take, as far as days off need them.

A calendar file comes from outside. Before the libraries see it, it is reduced to the few
properties that count, and everything that could make them work without end is refused: time zones
with rules of their own, rules that repeat within a day or never give one, long lists, far years.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import MAXYEAR, date, datetime, timedelta
from functools import lru_cache
from typing import Any

from almaflow.timetable.errors import TimetableInvalid

# Mistyped years are found, and no instant near them leaves Python's calendar.
FIRST_YEAR, LAST_YEAR = 1900, 2999

# Characters of a file, events, dates in the lists of all events (RDATE, EXDATE).
MOST_TEXT = 2 * 1024 * 1024
MOST_EVENTS = 5000
MOST_DATES = 10_000
# Days that one event takes: a closure of two years is long, one of a thousand is a mistake.
MOST_DAYS = 732
# What laying out all rules may cost: days from an event's first one to the end of the years for
# which a file is checked, each times the weight of its rule. A second has about two millions.
MOST_WORK = 10_000_000
_CHECKED_UNTIL = date(2100, 1, 1)

# How often a rule repeats, and what dateutil takes for one of its days compared with others.
_WEIGHTS = {"YEARLY": 1, "MONTHLY": 1, "WEEKLY": 5, "DAILY": 10}
# What a rule may say besides; with FREQ=DAILY only the first four, which always give a day soon.
_RULE_KEYS = {"INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"}
_MORE_RULE_KEYS = {"BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"}
_MOST_INTERVAL = 1000
# After 400 years the calendar repeats itself, weekdays included.
_CYCLE = 400

# The properties of an event that count here, and those that hold dates.
_DATES = {"DTSTART", "DTEND", "RDATE", "EXDATE", "RECURRENCE-ID"}
_KEPT = {*_DATES, "DURATION", "RRULE", "SUMMARY", "UID", "SEQUENCE"}
_LINE = re.compile(
    r"(?P<name>[A-Za-z-]+)(?P<parameters>(?:;[^:\"]*(?:\"[^\"]*\")?)*):(?P<value>.*)"
)
_YEAR = re.compile(r"(?<![0-9])([0-9]{4})[0-9]{4}(?:T[0-9]{6}Z?)?(?![0-9])")
_MOST_SUMMARY = 200


def check_ics(text: str) -> None:
    """Check that a calendar file can be read and laid out; Raises: TimetableInvalid."""
    _calendar(text)
    for year in (2000, 2026, _CHECKED_UNTIL.year):
        days_of_ics(text, year)


@lru_cache(maxsize=256)
def days_of_ics(text: str, year: int) -> Mapping[date, str]:
    """Return the days of a year that a calendar file has events on, with what they are called.

    An event with times takes the days that it touches, by the times as they are written; its end
    is not part of it. Events that repeat by a rule are laid out.

    Raises:
        TimetableInvalid: it is no calendar file, or beyond the bounds above.
    """
    # Here, not above: only who has such a calendar pays for it.
    from recurring_ical_events import of

    first, last = date(year, 1, 1), date(year, 12, 31)
    days: dict[date, str] = {}
    with _Translated():
        for event in of(_calendar(text)).between((year, 1, 1), (year + 1, 1, 1)):
            day = max(_day(event.start), first)
            while day <= min(_last_day(event.start, event.end), last):
                days.setdefault(day, str(event.get("SUMMARY", "")) or "an event")
                day += timedelta(days=1)
    return days


@lru_cache(maxsize=16)
def _calendar(text: str) -> Any:
    """Return the reduced calendar as icalendar has it; Raises: TimetableInvalid."""
    from icalendar import Calendar

    with _Translated():
        calendar = Calendar.from_ical("\r\n".join(_reduced(text)) + "\r\n")
        _check_events(calendar.walk("VEVENT"))
    return calendar


class _Translated:
    """Makes our error of whatever the libraries raise for a file from outside."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, OverflowError):
            raise TimetableInvalid(
                "An event ends after the year 9999; correct its end (DTEND, DURATION)."
            ) from error
        if isinstance(error, Exception) and not isinstance(error, TimetableInvalid):
            raise TimetableInvalid("It is no calendar file (.ics).") from error


def _reduced(text: str) -> Iterator[str]:
    """Yield the lines that count: of the calendar itself and of its events, nothing inside them."""
    if len(text) > MOST_TEXT:
        raise TimetableInvalid(
            f"It has more than {MOST_TEXT} characters; keep only the days off in it."
        )
    inside: list[str] = []
    events = dates = 0
    for line in _unfolded(text):
        found = _LINE.fullmatch(line)
        name, value = (found["name"].upper(), found["value"]) if found else ("", "")
        kind = value.strip().upper()
        if name == "BEGIN":
            inside.append(kind)
            events += inside[1:] == ["VEVENT"]
        if inside == ["VCALENDAR"] and name in ("BEGIN", "END", "VERSION", "PRODID"):
            yield line
        elif inside == ["VCALENDAR", "VEVENT"] and found is not None:
            if name in ("BEGIN", "END"):
                yield line
            elif name in _KEPT:
                dates += value.count(",") if name in _DATES else 0
                yield _event_line(name, found["parameters"], value)
        if name == "END":
            if inside[-1:] != [kind]:
                raise TimetableInvalid("It is no calendar file (.ics): BEGIN and END do not match.")
            inside.pop()
        if events > MOST_EVENTS or dates > MOST_DATES:
            raise TimetableInvalid(
                f"It has more than {MOST_EVENTS} events, or {MOST_DATES} dates in lists; keep only "
                "the days off in it."
            )
    if inside:
        raise TimetableInvalid("It is no calendar file (.ics): its end is missing.")


def _event_line(name: str, parameters: str, value: str) -> str:
    """Return a line of an event without its time zone: times count as they are written."""
    if name == "SUMMARY":
        return f"{name}:{value[:_MOST_SUMMARY]}"
    if name in _DATES:
        for year in _YEAR.findall(value):
            if not FIRST_YEAR <= int(year) <= LAST_YEAR:
                raise TimetableInvalid(
                    f"An event has the year {year} ({name}); it may be {FIRST_YEAR} to {LAST_YEAR}."
                )
        kind = next((it for it in parameters.upper().split(";") if it.startswith("VALUE=")), "")
        if kind == "VALUE=PERIOD":
            raise TimetableInvalid(f"An event has periods ({name}); write one event for each.")
        return f"{name}{';' + kind if kind else ''}:{value.upper().replace('Z', '')}"
    if name == "DURATION" and value.strip().startswith("-"):
        raise TimetableInvalid("An event has a negative length; correct its DURATION.")
    # An end of a rule (UNTIL) is read like the other times.
    return f"{name}:{value.upper().replace('Z', '') if name == 'RRULE' else value}"


def _unfolded(text: str) -> Iterator[str]:
    """Yield the lines of a file; one that begins with a space continues the one before it."""
    line = ""
    for part in re.split(r"\r\n|\n|\r", text):
        if part[:1] in (" ", "\t"):
            line += part[1:]
            continue
        if line:
            yield line
        line = part
    if line:
        yield line


def _check_events(events: Iterable[Any]) -> None:
    work = 0
    for event in events:
        name = str(event.get("SUMMARY", "")) or "an event"
        start = _day(event.DTSTART)
        if (_last_day(event.start, event.end) - start).days >= MOST_DAYS:
            raise TimetableInvalid(
                f"`{name}` takes more than {MOST_DAYS} days; correct its end (DTEND, DURATION)."
            )
        if event.end < event.start:
            raise TimetableInvalid(
                f"`{name}` ends before it begins; correct its end (DTEND, DURATION)."
            )
        for rule in _rules(event):
            _check_rule(name, rule, event.start)
            weight = _WEIGHTS[str(rule["FREQ"][0])]
            work += weight * max(0, (_CHECKED_UNTIL - start).days)
    if work > MOST_WORK:
        raise TimetableInvalid(
            "It has too many events that repeat since long ago; write newer beginnings (DTSTART)."
        )


def _rules(event: Any) -> list[Any]:
    rules = event.get("RRULE", [])
    return rules if isinstance(rules, list) else [rules]


def _check_rule(name: str, rule: Any, start: date) -> None:
    frequency = str(rule.get("FREQ", [""])[0])
    known = _RULE_KEYS if frequency == "DAILY" else _RULE_KEYS | _MORE_RULE_KEYS
    if frequency not in _WEIGHTS:
        raise TimetableInvalid(
            f"`{name}` repeats {frequency.lower() or 'in no way that is known'} (RRULE); days off "
            "repeat DAILY, WEEKLY, MONTHLY or YEARLY."
        )
    if more := sorted(set(rule) - known - {"FREQ"}):
        raise TimetableInvalid(
            f"`{name}` repeats {frequency} with {more[0]} (RRULE), which is not read here; list "
            "its days (RDATE)."
        )
    if "COUNT" in rule and "UNTIL" in rule:
        raise TimetableInvalid(
            f"`{name}` repeats with both COUNT and UNTIL (RRULE), which iCalendar forbids; keep "
            "one of them."
        )
    interval = rule.get("INTERVAL", [1])[0]
    if not 1 <= interval <= _MOST_INTERVAL:
        raise TimetableInvalid(
            f"`{name}` has INTERVAL={interval} (RRULE); it may be 1 to {_MOST_INTERVAL}."
        )
    if not _gives_a_day(rule, start):
        raise TimetableInvalid(f"`{name}` has a rule (RRULE) that never gives a day; correct it.")


def _gives_a_day(rule: Any, start: date) -> bool:
    """Whether a rule gives a day within a cycle of the calendar.

    It is tried at the end of Python's calendar, where a search without a result ends soon.
    """
    from dateutil.rrule import rrulestr

    cycles = (MAXYEAR - start.year) // _CYCLE - 1
    late = datetime(start.year + cycles * _CYCLE, start.month, start.day)
    plain = {key: value for key, value in rule.items() if key not in ("UNTIL", "COUNT")}
    text = type(rule)(plain).to_ical().decode()
    return next(iter(rrulestr(text, dtstart=late)), None) is not None


def _last_day(start: date, end: date) -> date:
    """Return the last day of an event, itself included."""
    if isinstance(end, datetime):
        return max(_day(start), (end - timedelta(microseconds=1)).date())
    return max(_day(start), end - timedelta(days=1))


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
