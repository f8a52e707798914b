"""Maintenance hours: how people write them, and when they are over."""

from __future__ import annotations

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from almaflow.timetable import Maintenance, MaintenanceHours, TimetableInvalid

ZURICH = "Europe/Zurich"


def over(at: str, *texts: str, zone: str = ZURICH) -> str:
    """Return when maintenance is over at an instant, both in UTC; empty when there is none."""
    end = Maintenance.of(texts, zone).end_at(datetime.fromisoformat(at + "+00:00"))
    return "" if end is None else end.isoformat()[:16]


# 2026-03-01 is a Sunday; Zürich is an hour ahead of UTC, two in summer.
@pytest.mark.parametrize(
    ("text", "at", "end"),
    [
        ("02:00-06:00", "2026-03-02T01:00", "2026-03-02T05:00"),
        ("02:00-06:00", "2026-03-02T05:00", ""),
        ("02:00 – 06:00", "2026-03-02T04:59", "2026-03-02T05:00"),
        ("sun 02:00-06:00", "2026-03-01T02:00", "2026-03-01T05:00"),
        ("Sunday 02:00-06:00", "2026-03-02T02:00", ""),
        ("sat-mon 02:00-06:00", "2026-03-02T02:00", "2026-03-02T05:00"),
        ("mon,wed 02:00-06:00", "2026-03-03T02:00", ""),
        ("sun 22:00-02:00", "2026-03-02T00:30", "2026-03-02T01:00"),
        ("sun 22:00-02:00", "2026-03-01T00:30", ""),
        ("sun 22:00-00:00", "2026-03-01T22:30", "2026-03-01T23:00"),
        ("2026-03-03 20:00-23:00", "2026-03-03T19:00", "2026-03-03T22:00"),
        ("2026-03-03 20:00-23:00", "2026-03-10T19:00", ""),
        # The clocks go forward at 02:00 and back at 03:00.
        ("sun 02:00-06:00", "2026-03-29T01:00", "2026-03-29T04:00"),
        ("sun 02:00-06:00", "2026-10-25T00:30", "2026-10-25T05:00"),
    ],
)
def test_hours_are_those_on_the_wall(text: str, at: str, end: str) -> None:
    assert over(at, text) == end


def test_the_last_of_several_hours_counts() -> None:
    assert over("2026-03-02T01:00", "02:00-03:00", "mon 01:00-07:00") == "2026-03-02T06:00"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2-6",
        "sonntag 02:00-06:00",
        "25:00-26:00",
        "02:00-02:00",
        "sun 02:00",
        "2026-13-01 02:00-03:00",
    ],
)
def test_what_is_not_hours_is_refused(text: str) -> None:
    with pytest.raises(TimetableInvalid):
        MaintenanceHours.parse(text)


@given(st.text(max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        MaintenanceHours.parse(text)
    except TimetableInvalid:
        return


@given(
    st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.times(), st.times(),
    st.sampled_from([ZURICH, "UTC", "Australia/Lord_Howe", "America/New_York"]),
)  # fmt: skip
def test_hours_are_over_within_a_day_and_after_now(
    wall: datetime, start: object, end: object, zone: str
) -> None:
    first, last = str(start)[:5], str(end)[:5]
    if first == last:
        return
    at = wall.isoformat()[:16]

    result = over(at, f"{first}-{last}", zone=zone)

    assert result == "" or at < result
    hours = (datetime.fromisoformat(result or at) - datetime.fromisoformat(at)).total_seconds()
    assert hours <= 25 * 3600
