"""When timetables are due, above all when the clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from almaflow.timetable import (
    Cron,
    TimetableInvalid,
    find_zone,
    instant_of,
    parse_cron,
    parse_moment,
)
from almaflow.timetable.ticks import default_start, instants, interval_instants
from tests.examples import examples

HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def next_instants(cron: Cron, zone: ZoneInfo, after: datetime, count: int) -> list[datetime]:
    return list(islice(instants(cron, zone, after), count))


def due(zone: str, cron: str, after: str, count: int) -> list[str]:
    """Return the next instants as ISO 8601 in the zone; *after* is on its wall or has an offset."""
    place = ZoneInfo(zone)
    base = datetime.fromisoformat(after)
    found = next_instants(
        parse_cron(cron), place, base if base.tzinfo else base.replace(tzinfo=place), count
    )
    return [instant.astimezone(place).isoformat(timespec="minutes") for instant in found]


@pytest.mark.parametrize(
    ("zone", "cron", "after", "expected"),
    [
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-03-28T12:00",
            ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
        ),
        (
            "Europe/Berlin",
            "30 2 * * *",
            "2026-10-24T12:00",
            ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"],
        ),
        (
            "Europe/Berlin",
            "30 * * * *",
            "2026-10-25T02:00",
            ["2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00", "2026-10-25T03:30+01:00"],
        ),
        ("Europe/Berlin", "0 0 1 * *", "2026-03-15T00:00", ["2026-04-01T00:00+02:00"]),
        ("America/New_York", "0 0 * * mon", "2026-03-08T00:00", ["2026-03-09T00:00-04:00"]),
        (
            "Africa/Cairo",
            "0 0 * * *",
            "2026-04-23T12:00",
            ["2026-04-24T01:00+03:00", "2026-04-25T00:00+03:00"],
        ),
        (
            "Australia/Lord_Howe",
            "30 1 * * *",
            "2026-04-04T12:00",
            ["2026-04-05T01:30+11:00", "2026-04-06T01:30+10:30"],
        ),
    ],
)
def test_clock_changes_neither_lose_nor_double_a_tick(
    zone: str, cron: str, after: str, expected: list[str]
) -> None:
    assert due(zone, cron, after, len(expected)) == expected


def test_asked_inside_the_repeated_hour_the_answer_lies_ahead() -> None:
    assert due("Europe/Berlin", "50 2 * * *", "2026-10-25T02:45+01:00", 1) == [
        "2026-10-26T02:50+01:00"
    ]


def test_a_tick_that_a_clock_change_moved_does_not_come_again() -> None:
    assert due("Europe/Berlin", "30 2 * * *", "2026-03-29T03:00+02:00", 1) == [
        "2026-03-30T02:30+02:00"
    ]


def test_the_base_itself_is_not_an_answer() -> None:
    assert due("UTC", "0 0 * * *", "2026-01-01T00:00+00:00", 1) == ["2026-01-02T00:00+00:00"]


def test_a_base_within_a_second_is_passed() -> None:
    base = datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)

    assert next_instants(parse_cron("* * * * *"), ZoneInfo("UTC"), base, 1) == [
        datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    ]


def test_a_change_by_half_an_hour_leaves_out_nothing() -> None:
    assert due("Australia/Lord_Howe", "*/10 2 * * *", "2026-04-05T01:45+10:30", 2) == [
        "2026-04-05T02:00+10:30",
        "2026-04-05T02:10+10:30",
    ]


def test_a_skipped_midnight_is_no_time_of_an_interval() -> None:
    assert due("Africa/Cairo", "*/30 0 * * *", "2026-04-23T00:30", 2) == [
        "2026-04-25T00:00+03:00",
        "2026-04-25T00:30+03:00",
    ]


def test_a_repeated_hour_is_found_although_the_next_one_is_a_year_away() -> None:
    assert due("Europe/Berlin", "*/30 2 25 10 *", "2026-10-25T02:45+02:00", 3) == [
        "2026-10-25T02:00+01:00",
        "2026-10-25T02:30+01:00",
        "2027-10-25T02:00+02:00",
    ]


def matches(cron: Cron, wall: datetime) -> bool:
    """Whether a minute on the wall is one of *cron*'s, told by hand from the sets of values."""
    day = wall.day in cron.day.values
    weekday = wall.isoweekday() % 7 in cron.weekday.values
    return (
        wall.minute in cron.minute.values
        and wall.hour in cron.hour.values
        and wall.month in cron.month.values
        and ((day and weekday) if cron.both_days else (day or weekday))
    )


def skipped(before: datetime, after: datetime) -> list[datetime]:
    """Return the minutes that no wall shows between two that follow each other."""
    first, last = before.replace(tzinfo=None) + MINUTE, after.replace(tzinfo=None)
    return [first + number * MINUTE for number in range((last - first) // MINUTE)]


ZONES = ["Europe/Berlin", "America/Havana", "Africa/Cairo", "Australia/Lord_Howe", "UTC"]
CHANGES = ["2026-03-29", "2026-10-25", "2026-04-24", "2026-10-30", "2026-04-05", "2026-11-01"]
MINUTES = st.sampled_from(["*", "0", "30", "*/20", "5,50", "10-12"])
HOURS = st.sampled_from(["*", "0", "1", "2", "3", "*/2", "0-3", "1,2", "23"])
DAYS = st.sampled_from(["* *", "*/2 *", "1-7 *", "* mon-fri", "1 sun", "*/3 sat,sun"])
BASES = st.builds(
    lambda day, minutes: (
        datetime.fromisoformat(f"{day}T00:00+00:00") + timedelta(minutes=minutes, seconds=7)
    ),
    st.sampled_from(CHANGES),
    st.integers(-36 * 60, 36 * 60),
)


def expressions(minutes: str, hours: str, days: str) -> str:
    day, weekday = days.split()
    return f"{minutes} {hours} {day} * {weekday}"


CRONS = st.builds(expressions, MINUTES, HOURS, DAYS)


@settings(max_examples=examples(20), deadline=None)
@given(zone=st.sampled_from(ZONES), expression=CRONS, base=BASES)
def test_the_ticks_are_those_found_minute_by_minute(
    zone: str, expression: str, base: datetime
) -> None:
    cron, place = parse_cron(expression), ZoneInfo(zone)
    minutes = [base.replace(second=0) + number * MINUTE for number in range(1, 30 * 60)]
    walls = [minute.astimezone(place) for minute in minutes]
    expected = {minute for minute, wall in zip(minutes, walls, strict=True) if matches(cron, wall)}
    if cron.at_fixed_times:
        # A time of a repeated hour comes once, one of a skipped hour as soon as that is over.
        expected -= {minute for minute in expected if minute.astimezone(place).fold}
        expected |= {
            after.astimezone(UTC)
            for before, after in pairwise(walls)
            if any(matches(cron, wall) for wall in skipped(before, after))
        }

    *found, beyond = next_instants(cron, place, base, len(expected) + 1)

    assert found == sorted(expected)
    assert beyond > minutes[-1]


@settings(max_examples=examples(30), deadline=None)
@given(zone=st.sampled_from(ZONES), expression=CRONS, base=BASES)
def test_what_comes_does_not_depend_on_when_it_is_asked(
    zone: str, expression: str, base: datetime
) -> None:
    cron, place = parse_cron(expression), ZoneInfo(zone)

    found = next_instants(cron, place, base, 12)

    assert found == sorted(set(found))
    for number, instant in enumerate(found[:-1]):
        assert next_instants(cron, place, instant, 1) == [found[number + 1]]


def test_an_interval_is_elapsed_time_whatever_the_clocks_do() -> None:
    zone = ZoneInfo("Europe/Berlin")
    starts_at = datetime(2026, 3, 28, 12, tzinfo=zone)

    found = list(islice(interval_instants(timedelta(hours=24), starts_at, starts_at), 2))

    assert [at.astimezone(zone).hour for at in found] == [13, 13]


def test_an_interval_begins_with_its_start() -> None:
    starts_at = datetime(2026, 6, 1, tzinfo=UTC)

    found = list(islice(interval_instants(6 * HOUR, starts_at, starts_at - 100 * HOUR), 2))

    assert found == [starts_at, starts_at + 6 * HOUR]


def test_an_interval_that_began_long_ago_is_counted_from_there() -> None:
    starts_at = default_start(ZoneInfo("Europe/Zurich"))

    found = list(
        islice(interval_instants(6 * HOUR, starts_at, datetime(2026, 6, 1, 5, tzinfo=UTC)), 1)
    )

    assert starts_at == datetime(1999, 12, 31, 23, tzinfo=UTC)
    assert found == [datetime(2026, 6, 1, 11, tzinfo=UTC)]


@pytest.mark.parametrize(
    ("moment", "instant"),
    [
        ("2026-12-24", "2026-12-23T23:00+00:00"),
        ("2026-12-24T02:30", "2026-12-24T01:30+00:00"),
        ("2026-12-24 02:30:15", "2026-12-24T01:30:15+00:00"),
        ("2026-12-24T02:30Z", "2026-12-24T02:30+00:00"),
        ("2026-12-24T02:30-05:00", "2026-12-24T07:30+00:00"),
        # skipped: as soon as the clocks have moved; repeated: the first
        ("2026-03-29T02:30:15", "2026-03-29T01:00+00:00"),
        ("2026-10-25T02:30", "2026-10-25T00:30+00:00"),
    ],
)
def test_a_moment_means_an_instant_in_its_zone(moment: str, instant: str) -> None:
    assert instant_of(parse_moment(moment), find_zone("Europe/Zurich")) == (
        datetime.fromisoformat(instant)
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "tomorrow noon, please",
            "`tomorrow noon, please` is not a valid date or time. Write `2026-12-24T02:30` or "
            "`2026-12-24`.",
        ),
        (
            "24.12.2026",
            "`24.12.2026` is not a valid date. Write `2026-12-24`.",
        ),
        (
            "2026-12-24T24:00",
            "`2026-12-24T24:00` is not a valid time of day; hours are 00 to 23 and minutes 00 "
            "to 59. Write `2026-12-25T00:00`.",
        ),
        (
            "12/24/2026 6:00",
            "`12/24/2026 6:00` is not a valid date or time. Write `2026-12-24T06:00`.",
        ),
        (
            "2026-12-24T02:30+99:00",
            "`2026-12-24T02:30+99:00` is not a valid time of day; hours are 00 to 23 and "
            "minutes 00 to 59.",
        ),
    ],
)
def test_a_moment_that_is_none_is_refused(text: str, message: str) -> None:
    with pytest.raises(TimetableInvalid) as caught:
        parse_moment(text)

    assert str(caught.value) == message
