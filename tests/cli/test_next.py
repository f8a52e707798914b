"""`next`: when workflows are due."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from almaflow.clock import SystemClock
from almaflow.store import Store
from tests.cli.conftest import Almaflow, Write

NOW = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)

SETTINGS = """\
timezone: Europe/Zurich
calendars: {closed: {dates: [2026-10-26]}}
"""


@pytest.fixture(autouse=True)
def project(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SystemClock, "now", lambda self: NOW)
    write("almaflow.yaml", SETTINGS)
    write(
        "workflows/night.yaml",
        'schedule: [{cron: "30 2 * * *", except: [closed]}]\nsteps: [{notify: a}]\n',
    )
    write(
        "workflows/often.yaml",
        "schedule: [{id: it, every: 18h, starts: 2026-10-24T01:00}]\nsteps: [{notify: a}]\n",
    )
    write("workflows/by-hand.yaml", "steps: [{notify: a}]\n")


def test_the_ticks_of_all_workflows_are_shown_in_order_around_a_switch(
    almaflow: Almaflow, folder: Path
) -> None:
    typed = almaflow("next", "--count", "6")

    assert (typed.code, typed.err) == (0, "")
    assert [line.split("  ")[:2] for line in typed.out.splitlines()] == [
        ["Sat 2026-10-24 19:00:00+02:00", "often"],
        ["Sun 2026-10-25 02:30:00+02:00", "night"],
        ["Sun 2026-10-25 12:00:00+01:00", "often"],
        ["Mon 2026-10-26 02:30:00+01:00", "night"],
        ["Mon 2026-10-26 06:00:00+01:00", "often"],
        ["Tue 2026-10-27 00:00:00+01:00", "often"],
    ]
    assert typed.out.splitlines()[3].endswith(
        "skipped: 2026-10-26 is a day off in the calendar `closed`"
    )
    assert sorted(os.listdir(folder / ".almaflow")) == ["checked.json", "checked.mark"]


def test_one_workflow_is_shown_as_json_up_to_an_instant(almaflow: Almaflow) -> None:
    typed = almaflow("next", "often", "--until", "2026-10-25T20:00", "--json")

    assert [(one["at"], one["entry"], one["skipped"]) for one in typed.json] == [
        ("2026-10-24T19:00:00+02:00", "it", None),
        ("2026-10-25T12:00:00+01:00", "it", None),
    ]


def test_pauses_and_what_is_skipped_already_are_told(almaflow: Almaflow, folder: Path) -> None:
    (folder / ".almaflow").mkdir()
    store = Store.open(f"sqlite:///{folder / '.almaflow' / 'almaflow.db'}", clock=SystemClock())
    store.pause("night", by="ada", note="Alma is upgraded", until=None)
    store.close()

    line = almaflow("next", "night", "-n", "1").out

    assert line.endswith("  skipped: paused by ada: Alma is upgraded\n")


def test_where_nothing_is_due_it_says_how_to_write_a_timetable(
    almaflow: Almaflow, write: Write
) -> None:
    typed = almaflow("next", "by-hand")

    assert typed.code == 2
    assert "by-hand has no timetable." in typed.err
    assert "`schedule: [{cron:" in typed.err
    assert almaflow("next", "nigth").code == 2


def test_an_invalid_file_is_named_and_the_others_are_shown(
    almaflow: Almaflow, write: Write
) -> None:
    write("workflows/night.yaml", "schedule: [{cron: nightly}]\nsteps: [{notify: a}]\n")

    typed = almaflow("next", "-n", "1")

    assert typed.code == 0
    assert "often" in typed.out
    assert typed.err == (
        "workflows/night.yaml is invalid and therefore omitted; `almaflow validate` shows why.\n"
    )


def test_when_every_timetable_is_invalid_the_invalid_files_are_named(
    almaflow: Almaflow, write: Write
) -> None:
    for name in ("night", "often"):
        write(f"workflows/{name}.yaml", "schedule: [{cron: nightly}]\nsteps: [{notify: a}]\n")

    typed = almaflow("next")

    assert typed.code == 0
    assert "No workflow has a timetable" not in typed.err
    assert {"workflows/night.yaml", "workflows/often.yaml"} <= set(typed.err.split())


def test_validate_says_in_plain_english_when_a_workflow_runs(almaflow: Almaflow) -> None:
    assert (
        "  runs at 02:30 every day, Europe/Zurich, except on days of closed\n"
        in almaflow("validate", "-v").out
    )


BROKEN = """\
BEGIN:VCALENDAR
BEGIN:VEVENT
DTSTART:20260101T000000
DTEND:99991231T235959
END:VEVENT
END:VCALENDAR
"""


def test_a_broken_calendar_costs_only_its_own_workflows(almaflow: Almaflow, write: Write) -> None:
    write("almaflow.yaml", "calendars: {closed: {ics: closed.ics}}\n")
    write("closed.ics", BROKEN)

    typed = almaflow("next", "-n", "1")

    assert typed.code == 0
    assert "often" in typed.out
    assert "night.yaml is invalid and therefore omitted;" in typed.err
    assert almaflow("next", "night").code == 2
    checked = almaflow("validate", "--format", "json")
    assert checked.code == 1
    assert "bad-calendar" in checked.out


def test_a_window_that_has_passed_is_shown(almaflow: Almaflow) -> None:
    typed = almaflow("next", "night", "--from", "2026-10-20", "--until", "2026-10-22", "--json")

    assert typed.code == 0
    assert [one["at"] for one in typed.json] == [
        "2026-10-20T02:30:00+02:00",
        "2026-10-21T02:30:00+02:00",
    ]


@pytest.mark.parametrize("window", [["--from", "2026-10-22"], []])
def test_a_window_that_ends_before_it_begins_is_refused(
    almaflow: Almaflow, window: list[str]
) -> None:
    assert almaflow("next", *window, "--until", "2026-10-20").code == 2
