"""Zones, calendars, and intervals and dates in words."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, datetime, timedelta

import pytest

from almaflow.timetable import (
    TimetableInvalid,
    check_holidays,
    find_zone,
    parse_date_range,
    parse_moment,
)
from almaflow.timetable.calendars import DateRange
from almaflow.timetable.descriptions import dates_in_words, interval_in_words


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        (timedelta(seconds=1), "every second"),
        (timedelta(seconds=90), "every 1 minute and 30 seconds"),
        (timedelta(minutes=1), "every minute"),
        (timedelta(minutes=10), "every 10 minutes"),
        (timedelta(hours=1), "every hour"),
        (timedelta(hours=6), "every 6 hours"),
        (timedelta(hours=1, minutes=30), "every 1 hour and 30 minutes"),
        (timedelta(days=1), "every 24 hours"),
        (timedelta(days=1, hours=2, minutes=1), "every 1 day, 2 hours and 1 minute"),
        (timedelta(days=7), "every 7 days"),
    ],
)
def test_an_interval_is_put_into_words(interval: timedelta, words: str) -> None:
    starts = datetime(2026, 1, 1)

    assert interval_in_words(interval, starts, "Europe/Zurich") == (
        f"{words}, counted from 2026-01-01 00:00, Europe/Zurich"
    )


def test_dates_are_put_into_words() -> None:
    days = [parse_moment(f"2026-12-{day:02}T02:30") for day in range(1, 9)]

    assert dates_in_words(days[:1], "UTC") == "at 2026-12-01 02:30, UTC"
    assert dates_in_words(days[:2], "UTC") == "at 2026-12-01 02:30 and 2026-12-02 02:30, UTC"
    assert dates_in_words(days, "UTC") == (
        "at 2026-12-01 02:30, 2026-12-02 02:30, 2026-12-03 02:30, 4 more and 2026-12-08 02:30, UTC"
    )
    assert dates_in_words([parse_moment("2026-12-01T02:30:05")], "UTC") == (
        "at 2026-12-01 02:30:05, UTC"
    )


def test_a_zone_is_found_by_its_name() -> None:
    assert find_zone("Europe/Zurich").key == "Europe/Zurich"


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("Zurich", "; did you mean `Europe/Zurich`?"),
        ("europe/zurich", "; did you mean `Europe/Zurich`?"),
        ("Europe/Zürich", "; did you mean `Europe/Zurich`?"),
        ("New York", "; did you mean `America/New_York`?"),
        ("right/Europe/Zurich", "; did you mean `Europe/Zurich`?"),
        ("posix/utc", "; did you mean `UTC`?"),
        ("W. Europe Standard Time", "; did you mean `Europe/Berlin`?"),
        ("../../etc/passwd", "."),
        ("", "."),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest_name(name: str, advice: str) -> None:
    with pytest.raises(TimetableInvalid) as caught:
        find_zone(name)

    assert str(caught.value) == (
        f"`{name}` is not a valid time zone{advice} Zones have IANA names, such as "
        "`Europe/Zurich` or `UTC`."
    )


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("UTC+2", "Etc/GMT-2"),
        ("GMT+1", "Etc/GMT-1"),
        ("+01:00", "Etc/GMT-1"),
        ("utc -5", "Etc/GMT+5"),
        ("-0500", "Etc/GMT+5"),
        ("UTC+0", "UTC"),
        ("UTC+5:30", "Europe/Zurich"),
        ("UTC+25", "Europe/Zurich"),
        ("EST", "America/New_York"),
        ("CEST", "Europe/Zurich"),
        ("Factory", "Europe/Zurich"),
        ("localtime", "Europe/Zurich"),
        ("posixrules", "Europe/Zurich"),
    ],
)
def test_an_offset_or_abbreviation_is_refused_with_a_name_to_write(name: str, written: str) -> None:
    with pytest.raises(TimetableInvalid) as caught:
        find_zone(name)

    assert f"`{written}`" in str(caught.value)
    assert find_zone(written).key == written


def test_a_range_of_dates_includes_both_ends() -> None:
    closed = parse_date_range("2026-12-24/2027-01-02")

    assert closed == DateRange(date(2026, 12, 24), date(2027, 1, 2))
    assert date(2026, 12, 24) in closed
    assert date(2027, 1, 2) in closed
    assert date(2027, 1, 3) not in closed


def test_a_single_date_is_a_range_of_one_day() -> None:
    assert parse_date_range("2026-12-24") == DateRange(date(2026, 12, 24), date(2026, 12, 24))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "2027-01-02/2026-12-24",
            "`2027-01-02/2026-12-24` ends before it begins. Use `2026-12-24/2027-01-02`.",
        ),
        ("2026-02-30", "`2026-02-30` is not a valid date: this day does not exist."),
        (
            "20261224",
            ("`20261224` is not a valid date. Write `2026-12-24`."),
        ),
        ("2026-12-24/", "`` is not a valid date. Write year, month and day: `2026-12-24`."),
        ("0026-12-24", "`0026-12-24` has a year outside the range 1900 to 2999."),
    ],
)
def test_a_wrong_range_of_dates_is_refused(text: str, message: str) -> None:
    with pytest.raises(TimetableInvalid) as caught:
        parse_date_range(text)

    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("country", "subdivision"), [("CH", None), ("CH", "ZH"), ("CH", "Zürich"), ("GB", "ENG")]
)
def test_known_public_holidays_are_accepted(country: str, subdivision: str | None) -> None:
    assert check_holidays(country, subdivision) is None  # type: ignore[func-returns-value]


@pytest.mark.parametrize(
    ("country", "subdivision", "message"),
    [
        (
            "XX",
            None,
            "No public holidays are known for the country `XX`; use its code of two letters, "
            "such as `CH`.",
        ),
        (
            "ch",
            None,
            "No public holidays are known for the country `ch`; did you mean `CH`?",
        ),
        (
            "HolidayBase",
            None,
            "No public holidays are known for the country `HolidayBase`; use its code of two "
            "letters, such as `CH`.",
        ),
        (
            "CH",
            "Zurich",
            "`CH` has no subdivision `Zurich` with its own public holidays; did you mean `Zürich`?",
        ),
        (
            "VA",
            "Rome",
            "`VA` has no subdivision `Rome` with its own public holidays; its public holidays "
            "are known for the whole country only.",
        ),
        (
            "GB",
            "X",
            "`GB` has no subdivision `X` with its own public holidays; known are `ENG`, `NIR`, "
            "`SCT`, `WLS`.",
        ),
    ],
)
def test_unknown_public_holidays_are_refused(
    country: str, subdivision: str | None, message: str
) -> None:
    with pytest.raises(TimetableInvalid) as caught:
        check_holidays(country, subdivision)

    assert str(caught.value) == message


def test_importing_timetables_does_not_pay_for_holidays() -> None:
    code = "import sys, almaflow.timetable; print({'holidays', 'apscheduler'} & set(sys.modules))"

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout

    assert loaded == "set()\n"
