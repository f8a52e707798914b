"""Calendar files from outside: what is read, and what is refused before it costs anything."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from almaflow.timetable import Calendar, TimetableInvalid, days_of_ics
from almaflow.timetable.ics import MOST_TEXT
from tests.examples import examples
from tests.work import calls_made_by

EVENT = "BEGIN:VEVENT\n{}\nEND:VEVENT\n"


def calendar(*events: str, more: str = "") -> str:
    inside = "".join(EVENT.format(event) for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\n{more}{inside}END:VCALENDAR\n"


def days(*events: str, year: int = 2026, more: str = "") -> list[str]:
    text = calendar(*events, more=more)
    return [f"{day:%m-%d}" for day in sorted(days_of_ics(text)) if day.year == year]


# A zone whose changes come every second; laid out, it would never end.
ZONE = """\
BEGIN:VTIMEZONE
TZID:Endless
BEGIN:STANDARD
DTSTART:16010101T000000
RRULE:FREQ=SECONDLY
TZOFFSETFROM:+0100
TZOFFSETTO:+0000
END:STANDARD
END:VTIMEZONE
"""


@pytest.mark.parametrize(
    ("event", "found"),
    [
        ("DTSTART;VALUE=DATE:20260301", ["03-01"]),
        ("DTSTART;TZID=Endless:20260301T100000\nDTEND;TZID=Endless:20260302T100000",
         ["03-01", "03-02"]),
        ("DTSTART;TZID=\"a:b;c\":20260301T100000Z\nDURATION:PT1H", ["03-01"]),
        ("DTSTART;VALUE=DATE:20251230\nDTEND;VALUE=DATE:20260103", ["01-01", "01-02"]),
        ("DTSTART;VALUE=DATE:20200229\nRRULE:FREQ=YEARLY", []),
        ("DTSTART;VALUE=DATE:20200504\nRRULE:FREQ=YEARLY;UNTIL=20270101T000000Z", ["05-04"]),
        ("DTSTART;VALUE=DATE:20260105\nRRULE:FREQ=WEEKLY;COUNT=3", ["01-05", "01-12", "01-19"]),
        ("DTSTART;VALUE=DATE:20261001\nRRULE:FREQ=MONTHLY;COUNT=1000000000",
         ["10-01", "11-01", "12-01"]),
        ("DTSTART;VALUE=DATE:20261001\nRRULE:FREQ=MONTHLY;UNTIL=99991231T235959Z",
         ["10-01", "11-01", "12-01"]),
        ("DTSTART;VALUE=DATE:20261001\nRRULE:FREQ=MONTHLY\nEXDATE;VALUE=DATE:20261101",
         ["10-01", "12-01"]),
        ("DTSTART;VALUE=DATE:20260101\nRDATE;VALUE=DATE:20260203,20260\n 304",
         ["01-01", "02-03", "03-04"]),
        ("DTSTART;VALUE=DATE:20260101\nDESCRIPTION:FREQ\nX-FOO:1\nBEGIN:VALARM\nTRIGGER:-P1D\n"
         "END:VALARM", ["01-01"]),
    ],
)  # fmt: skip
def test_the_days_of_events_are_read(event: str, found: list[str]) -> None:
    assert days(event, more=ZONE) == found


REFUSED = {
    "a length beyond the calendar": "DTSTART:20260101T000000Z\nDURATION:P99999999W",
    "a length that no number holds": f"DTSTART:20260101T000000Z\nDURATION:P{'9' * 500}D",
    "an end in the year 9999": "DTSTART:20260101T000000\nDTEND:99991231T235959",
    "the year 1": "DTSTART;VALUE=DATE:00010101",
    "the year 9999": "DTSTART;VALUE=DATE:99991231",
    "a day that takes years": "DTSTART;VALUE=DATE:20260101\nDTEND;VALUE=DATE:20360101",
    "a negative length": "DTSTART:20260102T000000\nDURATION:-P1D",
    "an end before the beginning": "DTSTART:20260102T000000\nDTEND:20260101T000000",
    "a rule of seconds": "DTSTART:20260101T000000\nRRULE:FREQ=SECONDLY",
    "a rule of minutes": "DTSTART:20260101T000000\nRRULE:FREQ=MINUTELY;COUNT=1000000000",
    "many hours of a day": "DTSTART:20260101T000000\nRRULE:FREQ=DAILY;BYHOUR=0,1,2;BYSECOND=0,1",
    "both ends": "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=MONTHLY;COUNT=1000000000;UNTIL=20260301",
    "no interval": "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;INTERVAL=0",
    "a large interval": f"DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;INTERVAL={'9' * 30}",
    "a day that never comes": "DTSTART;VALUE=DATE:19000101\nRRULE:FREQ=YEARLY;BYMONTH=2;"
    "BYMONTHDAY=30",
    "a weekday that never comes": "DTSTART;VALUE=DATE:19000101\nRRULE:FREQ=WEEKLY;BYSETPOS=300",
    "a day of a daily rule": "DTSTART;VALUE=DATE:19000101\nRRULE:FREQ=DAILY;BYMONTH=2;"
    "BYMONTHDAY=30",
    "no beginning": "SUMMARY:x",
    "a beginning twice": "DTSTART;VALUE=DATE:20260101\nDTSTART;VALUE=DATE:20260102",
    "two rules": "DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY\nRRULE:FREQ=HOURLY",
    "words": "DTSTART:tomorrow",
    "a month that is none": "DTSTART;VALUE=DATE:20261301",
    "periods": "DTSTART:20260101T000000\nRDATE;VALUE=PERIOD:20260101T000000/P99999999W",
    "a long list": "DTSTART;VALUE=DATE:20260101\nRDATE;VALUE=DATE:" + "20260101," * 20_000
    + "20260101",
}  # fmt: skip


@pytest.mark.parametrize("event", REFUSED.values(), ids=REFUSED)
def test_what_has_no_bound_is_refused_soon(event: str) -> None:
    def refuse() -> None:
        with pytest.raises(TimetableInvalid):
            days_of_ics(calendar(event))

    # Dates laid out one by one until the year 2100 would be millions of calls.
    assert calls_made_by(refuse) < 1_000_000


@pytest.mark.parametrize(
    "line",
    [
        "RRULE:FREQ=FORTNIGHTLY",
        "RRULE:FREQ=MONTHLY;BYDAY=99MO",
        "RRULE:FREQ=DAILY;INTERVAL=99999999999999999999",
        "EXDATE:FOO",
        "DURATION:P1Y",
        "DTSTART:20261399T000000",
        "DTSTART;VALUE=DATE:20260230",
    ],
)
def test_the_line_that_cannot_be_read_is_named(line: str) -> None:
    lines = ["SUMMARY:closed", *([] if "DTSTART" in line else ["DTSTART;VALUE=DATE:20260101"])]

    with pytest.raises(TimetableInvalid) as raised:
        days_of_ics(calendar("\n".join([*lines, line])))

    assert line in str(raised.value)


@pytest.mark.parametrize(
    "event",
    [
        "UID:2",
        "DTSTART:20260101T000000\nDTSTART:20260102T000000",
        "DTSTART:20260101T000000\nDTEND;VALUE=DATE:20260102",
    ],
)
def test_an_event_without_usable_times_is_named(event: str) -> None:
    with pytest.raises(TimetableInvalid) as raised:
        days_of_ics(calendar("SUMMARY:the inventory\n" + event))

    assert "the inventory" in str(raised.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "BEGIN:VCALENDAR",
        "END:VCALENDAR",
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nEND:VCALENDAR\nEND:VEVENT\n",
        "BEGIN:VEVENT\n" * 100_000,
        calendar("DTSTART" + ";" * 100_000),
        "x" * (MOST_TEXT + 1),
        calendar(*["DTSTART;VALUE=DATE:20260101"] * 5001),
        calendar(*["DTSTART;VALUE=DATE:19000101\nRRULE:FREQ=DAILY"] * 9),
        calendar(*["DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY;COUNT=1"] * 500),
        calendar(*["DTSTART;VALUE=DATE:20260101\nDURATION:P700D"] * 500),
    ],
    ids=range(11),
)
def test_what_is_no_calendar_or_too_large_is_refused(text: str) -> None:
    with pytest.raises(TimetableInvalid):
        days_of_ics(text)


def test_an_event_that_replaces_a_repetition_counts_instead_of_it_in_its_last_version() -> None:
    weekly = "UID:a\nDTSTART;VALUE=DATE:20261214\nRRULE:FREQ=WEEKLY;COUNT=2"
    moved = "UID:a\nRECURRENCE-ID;VALUE=DATE:20261221\nSEQUENCE:{}\nDTSTART;VALUE=DATE:202612{}"

    assert days(weekly, moved.format(2, 22), moved.format(1, 23)) == ["12-14", "12-22"]


def test_days_after_the_last_year_that_is_laid_out_are_not_known_to_be_working_days() -> None:
    kept = Calendar("closed", ics=calendar("DTSTART;VALUE=DATE:20260101\nRRULE:FREQ=DAILY"))

    assert kept.day_off(date(2100, 12, 31)) == "an event"
    assert kept.day_off(date(2101, 1, 1)).startswith("possibly a day off")


def test_many_holidays_that_repeat_every_year_are_read() -> None:
    events = [f"DTSTART;VALUE=DATE:1970{1 + n % 12:02}{1 + n % 28:02}\nRRULE:FREQ=YEARLY"
              for n in range(100)]  # fmt: skip

    assert len(days(*events)) == 84


def test_a_calendar_that_an_older_version_kept_does_not_stop_anything() -> None:
    kept = Calendar("closed", ics=calendar(REFUSED["an end in the year 9999"]))

    assert kept.day_off(date(2026, 3, 1)).startswith("possibly a day off (An event has the year")


LINES = st.sampled_from(
    [
        *("BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "BEGIN:VTIMEZONE"),
        *("DTSTART;VALUE=DATE:20260101", "DTSTART:20260101T000000Z", "DTEND:20260109T000000"),
        *("DURATION:P1D", "RDATE:20260101", "EXDATE:20260101", "SUMMARY:x", " folded", "END:X"),
        *("RECURRENCE-ID:20260101", "UID:1", "SEQUENCE:x", "RRULE:FREQ=", "RRULE:COUNT=-1"),
    ]
)
RULES = st.builds(
    "RRULE:FREQ={};INTERVAL={};{}={}".format,
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY", "HOURLY", "X"]),
    st.integers(-1, 2000),
    st.sampled_from(["BYDAY", "BYMONTHDAY", "BYSETPOS", "BYWEEKNO", "COUNT", "UNTIL", "WKST"]),
    st.sampled_from(["MO", "31", "-1", "5MO", "53", "366", "20260101", "0", "", "1,2,3"]),
)


@settings(max_examples=examples(20), deadline=None)
@given(st.lists(LINES | RULES | st.text(), max_size=12))
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    text = calendar("DTSTART;VALUE=DATE:20260101\n" + "\n".join(lines))
    try:
        days_of_ics(text)
    except TimetableInvalid:
        return
    assert all(1900 <= day.year <= 2102 for day in days_of_ics(text))


def test_the_public_holidays_of_every_country_are_known_for_all_years_that_ticks_have() -> None:
    """Whatever `holidays` computes at the edges of the years, it never fails."""
    from holidays import list_supported_countries

    for country in list_supported_countries():
        for year in (1900, 2999):
            Calendar("x", country=country).day_off(date(year, 1, 1))


def test_the_cases_from_outside(tmp_path: Path) -> None:
    """Two files that were valid, and then stopped every workflow of a `serve`."""
    for event in (REFUSED["a length beyond the calendar"], REFUSED["an end in the year 9999"]):
        with pytest.raises(TimetableInvalid):
            days_of_ics(calendar(event, more="PRODID:x\n"))
