"""Durations and dates as people write them, with the form to write."""

from __future__ import annotations

import pytest

from almaflow.durations import parse_duration
from almaflow.expressions.text_filters import check_date_format
from almaflow.timetable import date_meant
from almaflow.timetable.daytimes import day_time_cron
from almaflow.timetable.errors import TimetableInvalid
from almaflow.timetable.spoken_times import instant_meant
from almaflow.timetable.zones import find_zone


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("2 hours", "Write `2h`."),
        ("1 hour and 30 minutes", "Write `1h30m`."),
        ("1 day, 2 hrs", "Write `1d2h`."),
        ("30 MIN.", "Write `30m`."),
        ("an hour", "Write `1h`."),
        ("30 Minuten", "Write `30m`."),
        ("2 Std.", "Write `2h`."),
        ("1 Tag und 2 Stunden", "Write `1d2h`."),
        ("30 分钟", "Write `30m`."),
        ("שעה", "Write a number and a unit"),
        ("2 שעות", "Write `2h`."),
        ("1,5 Stunden", "Write `1h30m`."),
        ("0.5h", "Write `30m`."),
        ("PT1H30M", "Write `1h30m`."),
        ("P2D", "Write `2d`."),
        ("90 sec", "Write `90s`."),
        ("10", "Write it with a unit: `10s`, `10m`, `10h` or `10d`."),
        ("1:30", "Write `1h30m` for hours and minutes, or `1m30s`."),
        ("01:30:05", "Write `1h30m5s`."),
        *((text, "Write a number and a unit") for text in ("soon", "", "1 h 2 h", "x" * 999)),
    ],
)
def test_the_duration_that_is_meant_is_shown(text: str, advice: str) -> None:
    with pytest.raises(ValueError, match="is not a valid duration") as caught:
        parse_duration(text)

    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("24.12.2026", "2026-12-24"),
        ("1. 2. 2026", "2026-02-01"),
        ("2026/12/24", "2026-12-24"),
        ("2026-1-2", "2026-01-02"),
        ("20261224", "2026-12-24"),
        ("24/12/2026", "2026-12-24"),
        ("12/24/2026", "2026-12-24"),
        ("24 Dec 2026", "2026-12-24"),
        ("December 24, 2026", "2026-12-24"),
        # A day or a month, nobody can tell; days that do not exist; what is no date.
        *((text, "") for text in ("1/2/2026", "31.2.2026", "2026-13-01", "soon", "", "24.12.26")),
    ],
)
def test_the_date_that_is_meant_is_shown_when_it_is_certain(text: str, meant: str) -> None:
    assert date_meant(text) == meant


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("6am", "06:00"),
        ("06:00 Uhr", "06:00"),
        ("tomorrow 06:00", "06:00"),
        ("24.12.2026 18:00", "2026-12-24T18:00"),
        ("24.12.2026", "2026-12-24"),
        ("2026-12-24Z", "2026-12-24"),
        ("24:00", "00:00"),
        ("24 Uhr", "00:00"),
        ("24.12.2026 um 6 Uhr", "2026-12-24T06:00"),
        ("2026-12-31T24:00", "2027-01-01T00:00"),
        ("9999-12-31T24:00", ""),
        ("24:30", ""),
        ("later", ""),
    ],
)
def test_the_instant_that_is_meant_is_shown(text: str, meant: str) -> None:
    assert instant_meant(text) == meant


@pytest.mark.parametrize(
    ("key", "text", "meant"),
    [
        ("weekly", "Montag 06:00", "weekly: mon 06:00"),
        ("weekly", "Mo-Fr 06:00", "weekly: mon-fri 06:00"),
        ("weekly", "dienstags um 6:30 Uhr", "weekly: tue 06:30"),
        ("weekly", "lundi 06:00", "weekly: mon 06:00"),
        ("weekly", "周一 06：00", "weekly: mon 06:00"),
        ("weekly", "יום ראשון 06:00", "weekly: sun 06:00"),
        ("daily", "02：30", 'daily: "02:30"'),
        ("daily", "24:00", 'daily: "00:00"'),
        ("daily", "2", 'daily: "02:00"'),
        ("weekly", "sun 24:00", "weekly: mon 00:00"),
        ("weekly", "mon-fri 24:00", "weekly: tue-sat 00:00"),
        ("monthly", "15 24:00", "monthly: 16 00:00"),
        ("monthly", "last 24:00", "monthly: 1 00:00"),
    ],
)
def test_the_weekday_that_is_meant_is_shown(key: str, text: str, meant: str) -> None:
    with pytest.raises(TimetableInvalid) as caught:
        day_time_cron(key, text)

    assert f"Write `{meant}`." in str(caught.value)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("W. Europe Standard Time", "Europe/Berlin"),
        ("Eastern Standard Time", "America/New_York"),
        ("China Standard Time", "Asia/Shanghai"),
        ("Asia/Beijing", "Asia/Shanghai"),
        ("München", "Europe/Berlin"),
        ("Israel Standard Time", "Asia/Jerusalem"),
        ("Bern", "Europe/Zurich"),
    ],
)
def test_the_zone_that_is_meant_is_shown(name: str, meant: str) -> None:
    with pytest.raises(TimetableInvalid) as caught:
        find_zone(name)

    assert f"did you mean `{meant}`?" in str(caught.value)


@pytest.mark.parametrize(
    ("format", "meant"),
    [
        ("YYYY-MM-DD", "%Y-%m-%d"),
        ("dd.MM.yyyy", "%d.%m.%Y"),
        ("TT.MM.JJJJ", "%d.%m.%Y"),
        ("yyyy-MM-ddTHH:mm:ss", "%Y-%m-%dT%H:%M:%S"),
        ("yyyymmdd", "%Y%m%d"),
        ("yy", "%y"),
    ],
)
def test_a_date_format_of_other_programs_is_refused_with_ours(format: str, meant: str) -> None:
    assert f"Write `{meant}` in place" in check_date_format(format)


@pytest.mark.parametrize("format", ["%Y", "week", "Q", "T", "%Y-MM"])
def test_other_texts_may_be_date_formats(format: str) -> None:
    assert check_date_format(format) == ""
