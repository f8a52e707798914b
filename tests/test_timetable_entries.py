"""Schedule entries ready to be laid out: timetables, days off, keys, jitter, triggers."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from almaflow.errors import RequestWrong
from almaflow.settings import find_project
from almaflow.timetable import Calendar, Timetable, time_meant
from almaflow.timetable.triggers import TimetableTrigger
from almaflow.timetable_entries import (
    TimetableEntry,
    calendars_of_json,
    entries_of,
    timetable_from_json,
)
from almaflow.workflow_loader import load_workflow

BERLIN = ZoneInfo("Europe/Berlin")

# The instants that the design expects, by Debian cron's rules.
GOLDEN = [
    ("Europe/Berlin", "30 2 * * *", "2026-03-28T12:00", ["03-29T03:00+02:00", "03-30T02:30+02:00"]),
    ("Europe/Berlin", "30 2 * * *", "2026-10-24T12:00", ["10-25T02:30+02:00", "10-26T02:30+01:00"]),
    (
        "Europe/Berlin",
        "30 * * * *",
        "2026-10-25T02:00",
        ["10-25T02:30+02:00", "10-25T02:30+01:00", "10-25T03:30+01:00"],
    ),
    ("Europe/Berlin", "0 0 1 * *", "2026-03-02T00:00", ["04-01T00:00+02:00"]),
    ("America/New_York", "0 0 * * mon", "2026-03-03T00:00", ["03-09T00:00-04:00"]),
    ("Africa/Cairo", "0 0 * * *", "2026-04-23T12:00", ["04-24T01:00+03:00"]),
    (
        "Australia/Lord_Howe",
        "30 1 * * *",
        "2026-04-04T12:00",
        ["04-05T01:30+11:00", "04-06T01:30+10:30"],
    ),
]


@pytest.mark.parametrize(("zone", "cron", "after", "expected"), GOLDEN)
def test_ticks_come_as_the_design_says(
    zone: str, cron: str, after: str, expected: list[str]
) -> None:
    timetable = Timetable(ZoneInfo(zone), cron=cron)
    begin = datetime.fromisoformat(after).replace(tzinfo=timetable.zone)

    found = [
        tick.astimezone(timetable.zone) for tick in islice(timetable.after(begin), len(expected))
    ]

    assert [f"{tick:%m-%dT%H:%M}{tick:%z}" for tick in found] == [
        one[:-3] + one[-2:] for one in expected
    ]


def test_nothing_is_due_before_it_starts_or_after_it_ends() -> None:
    timetable = Timetable(BERLIN, cron="0 3 * * *", starts="2026-05-04T03:00", ends="2026-05-06")

    found = list(timetable.after(datetime(2026, 1, 1, tzinfo=UTC)))

    assert [tick.astimezone(BERLIN).day for tick in found] == [4, 5, 6]
    assert timetable.next(found[-1]) is None
    assert timetable.words() == (
        "at 03:00 every day, Europe/Berlin, from 2026-05-04T03:00, until 2026-05-06"
    )


def test_an_interval_is_counted_from_its_start_whatever_the_clocks_do() -> None:
    timetable = Timetable(BERLIN, every=timedelta(hours=12), starts="2026-03-28T06:00")

    found = islice(timetable.after(datetime(2026, 1, 1, tzinfo=UTC)), 4)

    assert [tick.astimezone(BERLIN).strftime("%d %H") for tick in found] == [
        *("28 06", "28 18", "29 07", "29 19")
    ]


def test_dates_come_once_each_and_in_order() -> None:
    timetable = Timetable(BERLIN, dates=("2026-12-24T18:00", "2026-01-05", "2026-01-05T00:00"))

    found = list(timetable.after(datetime(2025, 1, 1, tzinfo=UTC)))

    assert [f"{tick.astimezone(BERLIN):%m-%d %H:%M}" for tick in found] == [
        "01-05 00:00",
        "12-24 18:00",
    ]


@pytest.mark.parametrize(
    "timetable",
    [
        Timetable(BERLIN, cron="0 3 * * *", starts="2026-05-04", ends="2026-05-06"),
        Timetable(BERLIN, every=timedelta(minutes=90)),
        Timetable(BERLIN, dates=("2026-12-24T18:00",)),
    ],
)
def test_a_timetable_comes_back_from_the_store_as_it_was(timetable: Timetable) -> None:
    assert Timetable.from_json(json.loads(json.dumps(timetable.to_json()))) == timetable


ICS = """\
BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
SUMMARY:Founders' day
DTSTART;VALUE=DATE:20200504
RRULE:FREQ=YEARLY
END:VEVENT
BEGIN:VEVENT
SUMMARY:Moving house
DTSTART:20260610T120000
DTEND:20260612T000000
END:VEVENT
BEGIN:VEVENT
DTSTART;VALUE=DATE:20260701
DTEND;VALUE=DATE:20260703
END:VEVENT
END:VCALENDAR
"""


@pytest.mark.parametrize(
    ("day", "what"),
    [
        ("2026-08-01", "National Day"),
        ("2026-12-31", "within 2026-12-24/2027-01-02"),
        ("2026-11-20", "a day off"),
        ("2027-05-04", "Founders' day"),
        ("2026-06-11", "Moving house"),
        ("2026-06-12", ""),
        ("2026-07-02", "an event"),
        ("2026-07-03", ""),
        ("2026-03-03", ""),
    ],
)
def test_a_calendar_knows_holidays_ranges_and_events(day: str, what: str) -> None:
    calendar = Calendar("closed", "CH", "ZH", ("2026-12-24/2027-01-02", "2026-11-20"), ICS)

    assert calendar.day_off(date.fromisoformat(day)) == what
    assert Calendar.from_json(json.loads(json.dumps(calendar.to_json()))) == calendar


def test_a_trigger_fires_at_each_tick_and_at_one_that_is_due_right_now() -> None:
    trigger = TimetableTrigger(Timetable(BERLIN, cron="30 2 * * *"))
    due = datetime(2026, 3, 29, 1, 0, tzinfo=UTC)

    assert trigger.get_next_fire_time(None, due) == due
    assert trigger.get_next_fire_time(due, due) == due + timedelta(hours=23, minutes=30)
    assert trigger.get_next_fire_time(due, due + timedelta(days=2)) == datetime(
        2026, 4, 1, 0, 30, tzinfo=UTC
    )
    ended = TimetableTrigger(Timetable(BERLIN, dates=("2026-01-01",)))
    assert ended.get_next_fire_time(None, due) is None


def test_the_delay_of_a_tick_is_the_same_whenever_it_is_asked_for() -> None:
    entry = TimetableEntry(
        "weed", "night", Timetable(BERLIN, cron="30 2 * * *"), jitter=timedelta(hours=1)
    )
    ticks = list(islice(entry.timetable.after(datetime(2026, 1, 1, tzinfo=UTC)), 200))

    delays = {entry.starts_at(tick) - tick for tick in ticks}

    assert all(timedelta() <= delay < timedelta(hours=1) for delay in delays)
    assert len(delays) > 100
    again = TimetableEntry.from_json("weed", "night", json.loads(json.dumps(entry.to_json())))
    assert [again.starts_at(tick) for tick in ticks] == [entry.starts_at(tick) for tick in ticks]
    assert entry.run_key(ticks[0]) == "weed/night/2026-01-01T01:30:00Z"


def entries(
    folder: Path, schedule: str, settings: str = "timezone: Europe/Zurich\n"
) -> list[TimetableEntry]:
    (folder / "almaflow.yaml").write_text(settings, encoding="utf-8")
    file = folder / "weed.yaml"
    file.write_text(
        f"inputs: {{who: {{default: x}}}}\nschedule: [{schedule}]\nsteps: [{{notify: a}}]\n",
        encoding="utf-8",
    )
    project = find_project(folder)
    loaded = load_workflow(file, project)
    return entries_of(loaded.name, loaded.workflow, project)


def test_an_entry_is_known_by_its_id_else_by_what_it_says_of_times_zone_and_inputs(
    tmp_path: Path,
) -> None:
    def key(schedule: str) -> str:
        return entries(tmp_path, schedule)[0].key

    plain = key('{cron: "0 3 * * *"}')
    assert key('{id: night, cron: "0 3 * * *"}') == "night"
    assert len(plain) == 10
    assert key('{cron: "0 3 * * *", missed: all, jitter: 5m, max_age: 2d}') == plain
    others = [
        key('{cron: "0 4 * * *"}'),
        key('{cron: "0 3 * * *", timezone: UTC}'),
        key('{cron: "0 3 * * *", inputs: {who: y}}'),
        key('{cron: "0 3 * * *", ends: 2027-01-01}'),
    ]
    assert len({plain, *others}) == 5


def test_times_of_day_are_the_same_entries_as_their_cron_expressions(tmp_path: Path) -> None:
    forms = {
        'daily: "2:30"': 'cron: "30 2 * * *"',
        'weekly: "Mondays, Thu at 06:00"': 'cron: "0 6 * * mon,thu"',
        "weekly: weekdays 06:05": 'cron: "5 6 * * mon-fri"',
        "monthly: 15th 06:00": 'cron: "0 6 15 * *"',
        "monthly: last 23:59": 'cron: "59 23 L * *"',
    }
    for short, long in forms.items():
        assert entries(tmp_path, f"{{{short}}}") == entries(tmp_path, f"{{{long}}}")


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("2:30 pm", "14:30"),
        ("12 am", "00:00"),
        ("12:05 p.m.", "12:05"),
        ("14h30", "14:30"),
        ("6h", "06:00"),
        ("2.30", "02:30"),
        ("02:30:00", "02:30"),
        ("at 9:05", "09:05"),
        ("0230", "02:30"),
        ("noon", "12:00"),
        *((text, "") for text in ("", "13 pm", "25:00", "6", "mon", "2:60", "0 2 * * *")),
    ],
)
def test_a_time_of_day_is_recognised_as_people_write_it(text: str, time: str) -> None:
    assert time_meant(text) == time


def test_two_entries_that_say_the_same_are_one(tmp_path: Path) -> None:
    assert len(entries(tmp_path, '{cron: "0 3 * * *"}, {cron: "0 3 * * *"}')) == 1


def test_days_off_are_dates_in_the_entrys_zone_and_kept_with_it(tmp_path: Path) -> None:
    (entry,) = entries(
        tmp_path,
        '{cron: "30 23 * * *", timezone: America/New_York, except: [closed], jitter: 5m}',
        "calendars: {closed: {dates: [2026-12-24]}}\n",
    )
    # The evening of the 24th in New York is the 25th in UTC.
    tick = datetime(2026, 12, 25, 4, 30, tzinfo=UTC)

    assert entry.day_off(tick) == "2026-12-24 is a day off in the calendar `closed`"
    assert entry.day_off(tick + timedelta(days=1)) == ""
    assert entry.words() == (
        "at 23:30 every day, America/New_York, except on days of closed, each up to 5m later"
    )
    assert calendars_of_json(entry.to_json()) == {"closed": entry.calendars[0]}
    assert timetable_from_json(entry.to_json()) == entry.timetable


def test_a_calendar_that_is_gone_is_the_one_that_was_kept(tmp_path: Path) -> None:
    said = '{cron: "0 3 * * *", except: [closed]}'
    (entry,) = entries(tmp_path, said, "calendars: {closed: {dates: [2026-12-24]}}\n")
    project = find_project(tmp_path)
    workflow = load_workflow(tmp_path / "weed.yaml", project).workflow
    (tmp_path / "almaflow.yaml").write_text("calendars: {open: {dates: [2026-01-01]}}\n")
    project = find_project(tmp_path)

    with pytest.raises(RequestWrong, match="has no calendar `closed`"):
        entries_of("weed", workflow, project)
    kept = calendars_of_json(entry.to_json())
    assert entries_of("weed", workflow, project, kept)[0].calendars == entry.calendars
