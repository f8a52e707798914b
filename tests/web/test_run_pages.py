"""Runs, a run, workflows and notices: what the pages show, and which filters they know."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from almaflow.operations.day_grid import day_grid
from almaflow.outcome import Outcome, Status
from almaflow.settings import Settings
from almaflow.store import NewLogEntry, NewNotification, NewSchedule, NewTick, TickEnding
from almaflow.waiting import Waiting, WaitingKind
from tests.web.night import make_night, write_workflows
from tests.web.pages import NOW, SETTINGS, Site, page
from tests.web.recorded import record_run


def ended(site: Site, number: int, outcome: Outcome, **fields: object) -> str:
    at = NOW - timedelta(hours=number)
    return record_run(
        site,
        number,
        status=Status.FINISHED,
        outcome=outcome,
        started_at=at,
        ended_at=at + timedelta(minutes=5),
        **fields,
    )


def test_the_list_is_filtered_by_state_workflow_and_day(site: Site) -> None:
    good, bad = ended(site, 1, Outcome.SUCCEEDED), ended(site, 30, Outcome.FAILED)
    everything = page(site, "/runs")
    assert good in everything
    assert bad in everything
    failed = page(site, "/runs?state=failed")
    assert bad in failed
    assert good not in failed
    of_the_day = page(site, "/runs?day=2026-11-03")
    assert good in of_the_day
    assert bad not in of_the_day
    assert good not in page(site, "/runs?workflow=other")


@pytest.mark.parametrize(
    "query", ["state=odd", "day=2026-13-40", "day=9999-12-31", "before=nobody"]
)
def test_a_wrong_filter_is_answered_with_a_sentence(site: Site, query: str) -> None:
    response = site.client.get(f"/runs?{query}")
    assert response.status_code in (400, 404)


def test_older_runs_are_on_the_next_page(site: Site) -> None:
    ids = [ended(site, number, Outcome.SUCCEEDED) for number in range(55, 0, -1)]
    first = page(site, "/runs")
    assert ids[-1] in first
    assert ids[0] not in first
    assert f"before={ids[5]}" in first
    assert ids[0] in page(site, f"/runs?before={ids[5]}")


def test_the_grid_shows_the_worst_outcome_of_a_day(site: Site) -> None:
    ended(site, 1, Outcome.SUCCEEDED)
    ended(site, 2, Outcome.FAILED)
    assert "2 runs on 2026-11-03: failed" in page(site, "/runs")


def test_the_grid_counts_the_runs_of_each_workflow_by_days_of_the_project(site: Site) -> None:
    zone = ZoneInfo("Europe/Zurich")
    midnight = datetime(2026, 11, 3, tzinfo=zone)
    for workflow, minutes in (("a", -1), ("a", 0), ("b", 1), ("b", 2), ("b", -60 * 24 * 14)):
        at = midnight + timedelta(minutes=minutes)
        record_run(site, requested_at=at, workflow=workflow, status=Status.RUNNING)

    grid = day_grid(site.store, midnight + timedelta(hours=9), zone, 14)

    days = {
        name: {cell.day.day: cell.runs for cell in cells if cell.runs} for name, cells in grid.rows
    }
    assert days == {"a": {2: 1, 3: 1}, "b": {3: 2}}
    assert {cell.state for _, cells in grid.rows for cell in cells} == {"", "running"}


def test_a_run_shows_its_steps_its_error_and_its_file(site: Site) -> None:
    run = ended(site, 1, Outcome.FAILED, error="<b>It</b> failed.", text="steps: [{wait: 7m}]\n")
    text = page(site, f"/runs/{run}")
    assert "&lt;b&gt;It&lt;/b&gt; failed." in text
    assert "wait-1" in text
    assert "steps: [{wait: 7m}]" in text
    assert f"/runs/{run}/retry" in text


def test_a_part_of_an_id_leads_to_the_run(site: Site) -> None:
    run = ended(site, 1, Outcome.SUCCEEDED)
    response = site.client.get("/runs/last")
    assert response.headers["location"] == f"/runs/{run}"
    page(site, "/runs/nobody", 404)


def test_workflows_are_listed_with_timetable_and_last_run(site: Site) -> None:
    ids = make_night(site)
    text = page(site, "/workflows")
    assert "export-bibs" in text
    one = page(site, "/workflows/export-bibs")
    assert ids["failed"] in one
    assert "/workflows/export-bibs/run" in one
    page(site, "/workflows/nobody", 400)


def test_notices_say_what_was_not_delivered(site: Site) -> None:
    notice = NewNotification(
        key="k",
        event="failed",
        workflow="nightly",
        run_id=None,
        channel="systems",
        title="<i>nightly</i> failed",
        text="It failed.",
    )
    site.store.add_notices([notice])
    (kept,) = site.store.notices()
    site.store.notice_failed(kept.id, "The server refused.", None)
    text = page(site, "/notices")
    assert "&lt;i&gt;nightly&lt;/i&gt; failed" in text
    assert "The server refused." in text


def test_the_calendar_shows_coming_ticks_and_changes_of_clocks(site: Site) -> None:
    make_night(site)
    text = page(site, "/calendar")
    assert "export-bibs" in text
    assert "weeding-list" in text
    assert "Clocks go back." in page(site, "/calendar?month=2026-10")
    for wrong in ("month=2026-13", "month=2026-1", "month=20261101", "day=2026-11-31", "day=x"):
        page(site, f"/calendar?{wrong}", 400)


@pytest.mark.parametrize(
    ("month", "before", "after", "days"),
    [
        ("2026-11", "2026-10", "2026-12", 30),
        ("2026-01", "2025-12", "2026-02", 31),
        ("2026-12", "2026-11", "2027-01", 31),
        ("2028-02", "2028-01", "2028-03", 29),
    ],
)
def test_the_calendar_shows_a_month_and_leads_to_those_around(
    site: Site, month: str, before: str, after: str, days: int
) -> None:
    text = page(site, f"/calendar?month={month}")
    assert f'rel="prev" href="/calendar?month={before}"' in text
    assert f'rel="next" href="/calendar?month={after}"' in text
    assert len(re.findall(rf'href="/calendar\?day={month}-\d\d#day"', text)) == days


def test_the_calendar_leaves_out_what_is_due_too_often_and_names_it(site: Site) -> None:
    write_workflows(site)
    (site.folder / "workflows" / "sync-patrons.yaml").write_text(
        "schedule: [{every: 5m}]\nsteps: [{wait: 1s}]\n", "utf-8"
    )
    text = page(site, "/calendar?month=2026-12")
    assert "is due too often for a sheet" in text
    assert text.count("export-bibs") >= 31


@pytest.mark.parametrize(
    ("day", "due"), [("2026-11-30", False), ("2026-12-01", True), ("2027-01-01", True)]
)
def test_a_month_of_the_calendar_begins_with_its_first_midnight(
    site: Site, day: str, due: bool
) -> None:
    write_workflows(site)
    (site.folder / "workflows" / "first-minute.yaml").write_text(
        "schedule: [{cron: '0 0 1 * *'}]\nsteps: [{wait: 1m}]\n", "utf-8"
    )

    text = page(site, f"/calendar?day={day}").partition('id="day"')[2]

    assert ("first-minute" in text) == due


def test_the_calendar_names_days_off_and_pauses(site: Site) -> None:
    closed = {"dates": ["2026-11-05"], "country": "CH", "subdivision": "ZH"}
    calendars = Settings.model_validate({**SETTINGS, "calendars": {"closed": closed}}).calendars
    site.project.settings.calendars.update(calendars)
    write_workflows(site)
    (site.folder / "workflows" / "export-bibs.yaml").write_text(
        "schedule: [{cron: '0 2 * * *', except: [closed]}]\nsteps: [{wait: 1m}]\n"
    )
    site.store.pause("weeding-list", by="anna", note="stocktaking", until=NOW + timedelta(days=2))

    text = page(site, "/calendar?day=2026-11-05")
    sheet = page(site, "/calendar?month=2026-11")

    assert sheet.count('<p class="note">paused: <bdi>weeding-list</bdi></p>') == 3
    assert '<p class="note">off: <bdi>a day off</bdi></p>' in sheet
    assert "Day off in the calendar <bdi>closed</bdi>: <bdi>a day off</bdi>" in text
    assert "will be skipped" in text
    assert re.search(r"weeding-list</bdi></a></span>\s*<span class=\"what\">is paused from", text)
    assert "<bdi>stocktaking</bdi>" in text
    assert "New Year" in page(site, "/calendar?day=2027-01-01")


def test_the_log_says_how_steps_began_and_ended(site: Site) -> None:
    run = ended(site, 1, Outcome.SUCCEEDED)
    lines = [
        NewLogEntry(NOW, "began", "wait-1", "", {}),
        NewLogEntry(NOW, "ended", "wait-1", "", {"outcome": "timed_out"}),
    ]
    site.store.add_events(run, lines)
    text = page(site, f"/runs/{run}")
    assert "<bdi>began</bdi>" in text
    assert "<bdi>timed out</bdi>" in text


def test_the_documentation_explains_every_topic_that_it_lists(site: Site) -> None:
    text = page(site, "/documentation")
    topics = re.findall(r'href="(/documentation/language/[^"]+)"', text)
    assert len(topics) > 25
    for address in topics:
        assert "<pre" in page(site, address)
    page(site, "/documentation/language/<b>nothing</b>", 404)
    page(site, "/documentation/language/submit_job.expect.that")


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        (WaitingKind.PERSON, "approve"),
        (WaitingKind.RESOLVE, "resolve"),
        (WaitingKind.JOB, "cancel"),
    ],
)
def test_a_run_that_waits_offers_what_helps(site: Site, kind: WaitingKind, action: str) -> None:
    waits = (Waiting(kind, "it waits", "wait-1"),)
    run = record_run(site, status=Status.WAITING, waits=waits, started_at=NOW)
    text = page(site, f"/runs/{run}")
    assert f"/runs/{run}/{action}" in text
    assert f"/runs/{run}/resume" not in text


def test_a_run_on_hold_can_be_resumed(site: Site) -> None:
    run = record_run(site, status=Status.WAITING, held=True)
    assert f"/runs/{run}/resume" in page(site, f"/runs/{run}")


def test_the_calendar_says_what_became_of_past_ticks(site: Site) -> None:
    process = site.store.enter_process("host", 1, "1")
    site.store.lead(process.id)
    make_night(site)
    entry = site.app.state.catalog.snapshot(site.project).active["export-bibs"].entries[0]
    schedule = NewSchedule(workflow="nightly", entry="e", timing=entry.to_json())
    site.store.change_schedules(process.id, [schedule], [], NOW - timedelta(days=3))
    (kept,) = site.store.schedules()
    ticks = [
        NewTick(
            schedule_id=kept.id,
            workflow="nightly",
            entry="e",
            at=NOW - timedelta(days=1, hours=number),
            starts_at=NOW - timedelta(days=1, hours=number),
            ending=ending,
            cause=None,
            reason=f"because {ending}",
        )
        for number, ending in enumerate((TickEnding.MISSED, TickEnding.SKIPPED, None))
    ]
    site.store.materialize(process.id, ticks, {})
    text = page(site, "/calendar?day=2026-11-02")
    assert "missed" in text
    assert "because missed" in text
    assert "because skipped" in text
    assert "waits for its turn" in text
