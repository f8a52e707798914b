"""Calendar files (.ics): the days that their events take, as far as days off need them.

A calendar file comes from outside. Before the libraries see it, it is reduced to the few
properties that count (no time zones), and what could make them work without end is refused: rules
that repeat within a day or never give one, long lists, far years.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Any

from almaflow.late_patterns import late_pattern
from almaflow.text_files import printable
from almaflow.timetable.errors import TimetableInvalid

# Mistyped years are found, and no instant near them leaves Python's calendar.
FIRST_YEAR, LAST_YEAR = 1900, 2999
# Events are laid out until the end of this year.
LAST_LAID_OUT = 2100

# Characters of a file, lines that count, events, dates in lists (RDATE, EXDATE), levels.
MOST_TEXT = 2 * 1024 * 1024
MOST_LINES = 50_000
MOST_EVENTS = 5000
MOST_DATES = 10_000
_MOST_LEVELS = 8
# Days that one event takes: a closure of two years is long, one of a thousand is a mistake.
MOST_DAYS = 732
# Days that all events take until `LAST_LAID_OUT`; one that repeats daily from 1970 has 48,000.
MOST_LAID_OUT = 300_000
# Characters of all rules together. What a rule costs to search grows with its length; each is
# searched through five hundred years at most, which takes up to a millisecond a character.
MOST_RULES = 5000

_FREQUENCIES = {"YEARLY", "MONTHLY", "WEEKLY", "DAILY"}
# What a rule may say besides: nothing that repeats within a day.
_RULE_KEYS = {"INTERVAL", "COUNT", "UNTIL", "BYDAY", "WKST"}
_MORE_RULE_KEYS = {"BYMONTH", "BYMONTHDAY", "BYYEARDAY", "BYWEEKNO", "BYSETPOS"}
_MOST_INTERVAL = 1000
# After 400 years the calendar repeats itself, weekdays included. A rule is laid out this much
# later: dateutil searches a day up to the year 9999, which then is 2399.
_LATER = 19 * 400

# The properties of an event that count here, and those that hold dates.
_DATES = {"DTSTART", "DTEND", "RDATE", "EXDATE", "RECURRENCE-ID"}
_KEPT = {*_DATES, "DURATION", "RRULE", "SUMMARY", "UID", "SEQUENCE"}
_LINE = late_pattern(
    r"(?P<name>[A-Za-z0-9-]++)(?P<parameters>(?:;(?:[^:\"]|\"[^\"]*+\")*+)?):(?P<value>.*)",
    re.DOTALL,
)
_YEAR = late_pattern(r"(?<![0-9])([0-9]{4})[0-9]{4}(?:T[0-9]{6}Z?)?(?![0-9])")
_MOST_SUMMARY = 200

_NOT_A_CALENDAR = "This is not a valid calendar file (.ics)."
# How many different lines are tried to find the one that cannot be read, and how much is shown.
_MOST_BLAMED = 2000
_MOST_SHOWN = 80


def days_of_ics(text: str) -> Mapping[date, str]:
    """Return the days until `LAST_LAID_OUT` that a calendar file has events on, with their names.

    An event with times takes the days that it touches, by the times as they are written; its end
    is not part of it. Events that repeat by a rule are laid out.

    Raises:
        TimetableInvalid: it is not a calendar file, or beyond the bounds above.
    """
    days = _days_or_reason(text)
    if isinstance(days, str):
        raise TimetableInvalid(days)
    return days


@lru_cache(maxsize=32)
def _days_or_reason(text: str) -> Mapping[date, str] | str:
    """Return the days, else why there are none: both are asked for with every workflow."""
    days: dict[date, str] = {}
    try:
        with _Translated():
            _lay_out(_events(text), days)
    except TimetableInvalid as error:
        return str(error)
    return days


def _events(text: str) -> list[Any]:
    """Return the events that count: of several with one UID and day, those of the last edit."""
    days: dict[Any, Any] = {}
    lines = list(_reduced(text))
    if (calendar := _parsed(lines)) is None:
        raise _blamed(lines)
    for place, event in enumerate(calendar.walk("VEVENT")):
        key = (_uid(event) or place, _replaced(event))
        if key not in days or int(event.get("SEQUENCE", 0)) >= int(days[key].get("SEQUENCE", 0)):
            days[key] = event
    return list(days.values())


def _parsed(lines: Sequence[str]) -> Any:
    """Return the calendar that *lines* are; None when it, or a property of an event, is wrong."""
    # Here, not above: only who has such a calendar pays for it.
    from icalendar import Calendar

    try:
        calendar = Calendar.from_ical("\r\n".join(lines) + "\r\n")
    except Exception:
        return None
    # In an event the library keeps what it cannot read, and goes by the rest.
    return None if any(event.errors for event in calendar.walk("VEVENT")) else calendar


def _blamed(lines: Sequence[str]) -> TimetableInvalid:
    """Return the error about the first line of an event that cannot be read."""
    properties = (
        one for one in lines if not one.startswith(("BEGIN", "END:", "VERSION", "PRODID"))
    )
    for line in islice(dict.fromkeys(properties), _MOST_BLAMED):
        if (
            _parsed(["BEGIN:VCALENDAR", "BEGIN:VEVENT", line, "END:VEVENT", "END:VCALENDAR"])
            is None
        ):
            what = printable(line if len(line) <= _MOST_SHOWN else f"{line[:_MOST_SHOWN]}…")
            return TimetableInvalid(f"The line `{what}` of an event cannot be read. Correct it.")
    return TimetableInvalid(_NOT_A_CALENDAR)


def _lay_out(events: Sequence[Any], days: dict[date, str]) -> None:
    """Put the days of all events in *days*; what was put first keeps its name."""
    rules = sum(len(rule.to_ical()) for event in events for rule in _listed(event, "RRULE"))
    if rules > MOST_RULES:
        raise TimetableInvalid(
            f"The rules (RRULE) of this calendar have more than {MOST_RULES} characters in "
            "total. Keep only the days off in it."
        )
    replaced: dict[str, set[date]] = {}
    for event in events:
        if (day := _replaced(event)) is not None:
            replaced.setdefault(_uid(event), set()).add(day)
    laid_out = 0
    for event in events:
        name = str(event.get("SUMMARY", "")) or "an event"
        length = _known_length(name, event)
        without = {*_dates(event, "EXDATE")}
        if _replaced(event) is None:
            without |= replaced.get(_uid(event), set())
        for first in _beginnings(name, event):
            laid_out += length
            if laid_out > MOST_LAID_OUT:
                raise TimetableInvalid(
                    f"The events of this calendar cover more than {MOST_LAID_OUT} days until "
                    f"{LAST_LAID_OUT}. Use later beginnings (DTSTART) or earlier ends of rules "
                    "(UNTIL)."
                )
            if first not in without:
                for number in range(length):
                    days.setdefault(first + timedelta(days=number), name)


def _beginnings(name: str, event: Any) -> Iterator[date]:
    """Yield the first day of an event, and of each repetition."""
    yield _day(event.start)
    yield from _dates(event, "RDATE")
    for rule in _listed(event, "RRULE"):
        _check_rule(name, rule)
        none = True
        for day in _repetitions(rule, _day(event.start)):
            none = False
            yield day
        if none:
            raise TimetableInvalid(
                f"The rule (RRULE) of `{name}` yields no day until {LAST_LAID_OUT}. Correct it."
            )


def _repetitions(rule: Any, start: date) -> Iterator[date]:
    """Yield the days of a rule until `LAST_LAID_OUT`; it is tried `_LATER`, where a search ends."""
    until = min((_day(end) for end in rule.get("UNTIL", ())), default=date.max)
    plain = {key: value for key, value in rule.items() if key != "UNTIL"}
    late = datetime(start.year + _LATER, start.month, start.day)
    for moment in _instants(type(rule)(plain).to_ical().decode(), late):
        day = moment.date().replace(year=moment.year - _LATER)
        if day > until or day.year > LAST_LAID_OUT:
            return
        yield day


def _instants(rule: str, start: datetime) -> Iterator[datetime]:
    """Yield the instants of a rule; Raises: TimetableInvalid."""
    from dateutil.rrule import rrulestr

    try:
        # Some mistakes are found only while the instants are searched.
        yield from rrulestr(rule, dtstart=start)
    except (ValueError, TypeError, IndexError) as error:
        what = printable(rule[:_MOST_SHOWN])
        raise TimetableInvalid(f"The rule `RRULE:{what}` cannot be read. Correct it.") from error


def _listed(event: Any, name: str) -> list[Any]:
    """Return the values of a property that may be written several times."""
    values = event.get(name, [])
    return values if isinstance(values, list) else [values]


def _dates(event: Any, name: str) -> Iterator[date]:
    for listed in _listed(event, name):
        yield from (_day(one.dt) for one in listed.dts)


def _uid(event: Any) -> str:
    return str(event.get("UID", ""))


def _replaced(event: Any) -> date | None:
    """Return the day of the repetition that an event takes the place of."""
    recurrence = event.get("RECURRENCE-ID")
    return None if recurrence is None else _day(recurrence.dt)


def _known_length(name: str, event: Any) -> int:
    """Return how many days an event takes; Raises: TimetableInvalid, also when it has no times."""
    try:
        return _length(name, event)
    except (TimetableInvalid, OverflowError):
        raise
    except Exception as error:
        raise TimetableInvalid(
            f"The beginning and the end of `{name}` (DTSTART, DTEND, DURATION) are missing, "
            "repeated or contradictory. Correct them."
        ) from error


def _length(name: str, event: Any) -> int:
    """Return how many days an event takes; Raises: TimetableInvalid."""
    duration = event.get("DURATION")
    if event.end < event.start or (duration is not None and duration.dt < timedelta()):
        raise TimetableInvalid(
            f"`{name}` ends before it begins. Correct its end (DTEND, DURATION)."
        )
    days = (_last_day(event.start, event.end) - _day(event.start)).days + 1
    if days > MOST_DAYS:
        raise TimetableInvalid(
            f"`{name}` covers more than {MOST_DAYS} days. Correct its end (DTEND, DURATION)."
        )
    return days


class _Translated:
    """Makes our error of whatever the libraries raise for a file from outside."""

    def __enter__(self) -> None: ...

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if isinstance(error, OverflowError):
            raise TimetableInvalid(
                "An event ends after the year 9999. Correct its end (DTEND, DURATION)."
            ) from error
        if isinstance(error, Exception) and not isinstance(error, TimetableInvalid):
            raise TimetableInvalid(_NOT_A_CALENDAR) from error


def _reduced(text: str) -> Iterator[str]:
    """Yield the lines that count: of the calendar itself and of its events, nothing inside them."""
    if len(text) > MOST_TEXT:
        raise TimetableInvalid(
            f"This calendar has more than {MOST_TEXT} characters. Keep only the days off in it."
        )
    inside: list[str] = []
    events = dates = lines = 0
    for line in _unfolded(text):
        match = _LINE.fullmatch(line)
        name, value = (match["name"].upper(), match["value"]) if match else ("", "")
        kind = value.strip().upper()
        if name == "BEGIN":
            inside.append(kind)
            events += inside[1:] == ["VEVENT"]
        if inside == ["VCALENDAR"] and name in ("BEGIN", "END", "VERSION", "PRODID"):
            yield line
        elif inside == ["VCALENDAR", "VEVENT"] and match is not None:
            if name in ("BEGIN", "END"):
                yield line
            elif name in _KEPT:
                lines += 1
                dates += value.count(",") if name in _DATES else 0
                yield _event_line(name, match["parameters"], value)
        if name == "END":
            if inside[-1:] != [kind]:
                raise TimetableInvalid(
                    "This is not a valid calendar file (.ics): BEGIN and END do not match."
                )
            inside.pop()
        if len(inside) > _MOST_LEVELS:
            raise TimetableInvalid(
                "This is not a valid calendar file (.ics): it is nested too deeply."
            )
        if events > MOST_EVENTS or dates > MOST_DATES or lines > MOST_LINES:
            raise TimetableInvalid(
                f"This calendar has more than {MOST_EVENTS} events, {MOST_DATES} dates in "
                f"lists or {MOST_LINES} lines about them. Keep only the days off in it."
            )
    if inside:
        raise TimetableInvalid("This is not a valid calendar file (.ics): its end is missing.")


def _event_line(name: str, parameters: str, value: str) -> str:
    """Return a line of an event without its time zone: times count as they are written."""
    if name == "SUMMARY":
        return f"{name}:{value[:_MOST_SUMMARY]}"
    if name in _DATES:
        for year in _YEAR.findall(value):
            if not FIRST_YEAR <= int(year) <= LAST_LAID_OUT:
                raise TimetableInvalid(
                    f"An event has the year {year} ({name}), but years must be {FIRST_YEAR} to "
                    f"{LAST_LAID_OUT}."
                )
        kind = next((it for it in parameters.upper().split(";") if it.startswith("VALUE=")), "")
        if kind == "VALUE=PERIOD":
            raise TimetableInvalid(
                f"An event has periods ({name}). Write a separate event for each period."
            )
        return f"{name}{';' + kind if kind else ''}:{value.upper().replace('Z', '')}"
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


def _check_rule(name: str, rule: Any) -> None:
    frequency = str(rule.get("FREQ", [""])[0])
    known = _RULE_KEYS if frequency == "DAILY" else _RULE_KEYS | _MORE_RULE_KEYS
    if frequency not in _FREQUENCIES:
        raise TimetableInvalid(
            f"`{name}` repeats {frequency.lower() or 'in an unknown way'} (RRULE), but days "
            "off can only repeat DAILY, WEEKLY, MONTHLY or YEARLY."
        )
    if more := sorted(set(rule) - known - {"FREQ"}):
        raise TimetableInvalid(
            f"`{name}` repeats {frequency} with {more[0]} (RRULE), which almaflow does not "
            "support. List its days (RDATE)."
        )
    if "COUNT" in rule and "UNTIL" in rule:
        raise TimetableInvalid(
            f"`{name}` repeats with both COUNT and UNTIL (RRULE), which iCalendar does not "
            "allow. Keep one of them."
        )
    interval = rule.get("INTERVAL", [1])[0]
    if not 1 <= interval <= _MOST_INTERVAL:
        raise TimetableInvalid(
            f"`{name}` has INTERVAL={interval} (RRULE), but it must be 1 to {_MOST_INTERVAL}."
        )


def _last_day(start: date, end: date) -> date:
    """Return the last day of an event, itself included."""
    if isinstance(end, datetime):
        return max(_day(start), (end - timedelta(microseconds=1)).date())
    return max(_day(start), end - timedelta(days=1))


def _day(moment: date) -> date:
    return moment.date() if isinstance(moment, datetime) else moment
