"""Dates, durations and the zone: months that stop, hours that are real, days of the calendar."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from almaflow.expressions import Period, evaluate, parse_expression, to_text

ZURICH = ZoneInfo("Europe/Zurich")


def value_of(source: str, **names: Any) -> Any:
    return evaluate(parse_expression(source), names)


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZURICH)


@pytest.mark.parametrize(
    ("start", "source", "end"),
    [
        (date(2026, 3, 31), "it - months(1)", date(2026, 2, 28)),
        (date(2024, 3, 31), "it - months(1)", date(2024, 2, 29)),
        (date(2026, 1, 31), "months(3) + it", date(2026, 4, 30)),
        (date(2026, 1, 15), "it - months(13)", date(2024, 12, 15)),
        (date(2026, 1, 31), "it + months(1) + days(1)", date(2026, 3, 1)),
        (date(2026, 1, 31), "it + (months(1) + days(1))", date(2026, 3, 1)),
        (date(2026, 1, 31), "it - days(2) * 3", date(2026, 1, 25)),
        (date(2026, 1, 31), "it + -days(1)", date(2026, 1, 30)),
        (date(2026, 1, 31), "it + +days(1) - (days(3) - days(1))", date(2026, 1, 30)),
        (date(2026, 1, 31), "it + hours(48)", date(2026, 2, 2)),
    ],
)
def test_dates_move_by_the_calendar(start: date, source: str, end: date) -> None:
    assert value_of(source, it=start) == end


def test_a_day_keeps_the_hour_and_hours_are_real_when_clocks_change() -> None:
    evening = instant("2026-03-28T12:00")

    assert value_of("it + days(1)", it=evening).isoformat() == "2026-03-29T12:00:00+02:00"
    assert value_of("it + hours(24)", it=evening).isoformat() == "2026-03-29T13:00:00+02:00"


def test_an_hour_that_was_skipped_does_not_come_out() -> None:
    moved = value_of("it + months(1)", it=instant("2026-02-28T02:30") + timedelta(days=1))

    assert moved.isoformat() == "2026-04-01T02:30:00+02:00"
    assert value_of("it + days(1)", it=instant("2026-03-28T02:30")).isoformat() == (
        "2026-03-29T03:30:00+02:00"
    )


def test_a_difference_is_elapsed_time() -> None:
    names = {"a": instant("2026-03-29T00:00"), "b": instant("2026-03-29T06:00")}

    assert value_of("b - a", **names) == Period(elapsed=timedelta(hours=5))
    assert value_of("b - a < hours(6) and b > a and b != a", **names) is True
    assert value_of("(b - a).total_seconds()", **names) == 5 * 3600.0
    assert value_of("((a - b) | abs).total_seconds()", **names) == 5 * 3600.0
    assert value_of("hours(2) | abs == hours(2)") is True
    assert value_of("a.date() - b.date() == days(0)", **names) is True


def test_instants_of_different_zones_are_compared_as_instants() -> None:
    utc = datetime.fromisoformat("2026-10-25T00:30+00:00")
    first, second = instant("2026-10-25T02:30"), instant("2026-10-25T02:30").replace(fold=1)

    assert value_of("a == b", a=utc, b=first) is True
    assert value_of("a < b", a=first, b=second) is True
    assert value_of("a < b", a=datetime(2026, 1, 1), b=utc) is True
    assert value_of("a + hours(1)", a=datetime(2026, 1, 1)) == datetime(2026, 1, 1, 1)


def test_durations_of_the_same_length_are_equal_but_months_have_none() -> None:
    assert value_of("days(1) == hours(24)") is True
    assert value_of("months(1) == days(30)") is False
    assert value_of("months(2) == months(1) * 2 and 2 * months(1) != months(1)") is True
    assert value_of("it.total_seconds()", it=timedelta(minutes=1)) == 60


def test_a_date_has_parts() -> None:
    names = {"it": instant("2026-03-31T14:05:06"), "day": date(2026, 3, 31)}

    assert value_of("[it.year, it.month, it.day, it.hour, it.minute, it.second]", **names) == [
        2026,
        3,
        31,
        14,
        5,
        6,
    ]
    assert value_of("[day.year, day.weekday(), it.weekday(), day.isoweekday()]", **names) == [
        2026,
        1,
        1,
        2,
    ]
    assert value_of("it.isoweekday() == 2 and it.date() == day", **names) is True
    assert value_of("day.isoformat() ~ ' ' ~ it.isoformat()", **names) == (
        "2026-03-31 2026-03-31T14:05:06+02:00"
    )


def test_the_date_filter_writes_dates_and_instants_as_they_stand_in_their_zone() -> None:
    assert value_of("it | date('%d.%m.%Y %H:%M')", it=instant("2026-03-31T00:05")) == (
        "31.03.2026 00:05"
    )
    assert value_of("it | date('%Y-%m')", it=date(2026, 3, 31)) == "2026-03"


def test_epoch_ms_counts_a_date_from_midnight_in_the_zone_of_now() -> None:
    now = instant("2026-03-31T14:05")
    midnight = int(instant("2026-03-31T00:00").timestamp() * 1000)

    assert value_of("it | epoch_ms", it=date(2026, 3, 31), now=now) == midnight
    assert value_of("it | epoch_ms", it=date(1970, 1, 2)) == 86_400_000
    assert value_of("now | epoch_ms", now=now) == int(now.timestamp() * 1000)
    assert value_of("it | epoch_ms", it=datetime(1970, 1, 1, 1)) == 3_600_000
    assert value_of("it | epoch_ms", it=date(1970, 1, 2), now="not a date") == 86_400_000


def test_durations_have_a_form_as_text() -> None:
    assert to_text(timedelta(days=1, seconds=1)) == "1d1s"
    assert to_text(Period(months=2)) == "2 months"
