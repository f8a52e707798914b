"""`serve`: timetables are kept, whatever happens to the process, the files and the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from almaflow.scheduler import scheduler
from almaflow.scheduler.auto_pause import AutoPause
from almaflow.store import RunRecord, Store
from almaflow.virtual_time import run_virtual
from tests.scheduler.served import SETTINGS, Town

NIGHTLY = 'schedule: [{cron: "30 2 * * *"}]\nsteps: [{notify: tick}]\n'
HOURLY = "schedule: [{every: 1h}]\nsteps: [{notify: tick}]\n"


@pytest.fixture
def town(tmp_path: Path) -> Town:
    return Town(tmp_path)


def test_every_tick_becomes_one_run_at_its_instant(town: Town) -> None:
    town.write("night", NIGHTLY)

    town.serve(days=2)

    assert town.endings() == ["03-03 01:30 run", "03-04 01:30 run"]
    assert town.outcomes() == ["succeeded", "succeeded"]
    first = town.runs()[0]
    tick = town.ticks()[0]
    assert tick.run_id == first.id
    assert first.scheduled_at == datetime(2026, 3, 3, 1, 30, tzinfo=UTC)
    assert first.key == f"night/{tick.entry}/2026-03-03T01:30:00Z"
    assert first.trigger == "timetable"
    assert first.started_at is not None
    assert first.started_at - first.scheduled_at < timedelta(seconds=1)
    with town.store() as store:
        assert store.definition(first.definition)["commit"] == "c0ffee"


def test_files_that_do_not_change_are_read_once(town: Town) -> None:
    (town.folder / "workflows" / "tag.xml").write_text("<job><parameters/></job>", "utf-8")
    town.write(
        "night",
        NIGHTLY.replace("{notify: tick}", "{submit_job: {job: M48, payload: tag.xml, set: '1'}}"),
    )

    town.serve(minutes=30)

    assert [text for _, text in town.said.lines if "schedule entr" in text] == [
        "1 workflow with 1 schedule entry is active."
    ]


def test_there_are_no_ticks_from_before_a_serve_saw_the_entry(town: Town) -> None:
    town.write("often", "schedule: [{every: 6h, missed: all}]\nsteps: [{notify: tick}]\n")

    town.serve(hours=1)

    assert town.endings() == []


def test_what_was_missed_is_caught_up_when_serve_is_back(town: Town) -> None:
    town.write("latest", NIGHTLY)
    town.write("all", NIGHTLY.replace('"}', '", missed: all}'))
    town.write("none", NIGHTLY.replace('"}', '", missed: none}'))
    town.serve(hours=1)

    town.away(days=3)
    town.serve(hours=1)

    nights = ["03-03 01:30", "03-04 01:30", "03-05 01:30"]
    assert town.endings("latest") == [
        f"{nights[0]} merged downtime",
        f"{nights[1]} merged downtime",
        f"{nights[2]} run",
    ]
    assert town.endings("all") == [f"{night} run" for night in nights]
    assert town.endings("none") == [f"{night} missed downtime" for night in nights]
    assert town.ticks("latest")[0].merged_into == town.ticks("latest")[2].at
    assert [run.scheduled_at.day for run in town.runs("all")] == [3, 4, 5]


def test_a_run_that_waits_when_serve_is_stopped_goes_on_when_it_is_started(town: Town) -> None:
    town.write("long", 'schedule: [{cron: "0 10 * * *"}]\nsteps: [{wait: 2h}]\n')
    town.serve(hours=1)
    assert town.outcomes() == ["running"]

    town.away(minutes=5)
    town.serve(hours=2)

    assert town.outcomes() == ["succeeded"]
    assert town.runs()[0].held is False


def test_two_serves_side_by_side_run_each_tick_once_and_one_goes_on_alone(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler, "STAND_BY", timedelta(minutes=1))
    town.write("often", HOURLY)

    async def other_for_a_day(store: Store) -> None:
        with town.store() as mine:
            await town.service(mine).run(town.stage.project)

    async def play() -> None:
        with town.store() as store:
            async with anyio.create_task_group() as tasks:
                scope = anyio.CancelScope()

                async def leader() -> None:
                    with scope:
                        await town.service(store).run(town.stage.project)

                tasks.start_soon(leader)
                await anyio.sleep(60)
                tasks.start_soon(other_for_a_day, store)
                await anyio.sleep(timedelta(hours=2).total_seconds())
                scope.cancel()
                await anyio.sleep(timedelta(hours=2).total_seconds())
                tasks.cancel_scope.cancel()

    run_virtual(play)

    assert "Another `almaflow serve` leads" in town.said
    assert "The other `serve` is gone; this one leads now." in town.said
    assert town.endings() == [f"03-02 {hour:02}:00 run" for hour in (9, 10, 11, 12)]


def test_an_invalid_edit_keeps_the_last_good_version_running_across_restarts_too(
    town: Town,
) -> None:
    town.write("often", HOURLY)

    async def break_it(store: Store) -> None:
        await anyio.sleep(600)
        town.write("often", HOURLY.replace("notify: tick", "notfy: tick"))

    town.serve(beside=break_it, hours=1)
    town.serve(hours=1)

    assert town.endings() == ["03-02 09:00 run", "03-02 10:00 run"]
    (problem,) = set(town.said.of("error"))
    assert "workflows/often.yaml is invalid, so its last valid version stays active" in problem
    assert "unknown-key" in problem

    async def mend(store: Store) -> None:
        await anyio.sleep(300)
        town.write("often", HOURLY.replace("1h", "30m"))

    town.serve(beside=mend, hours=1)

    assert "workflows/often.yaml is valid again." in town.said
    assert town.endings()[2:] == ["03-02 10:30 run", "03-02 11:00 run"]


def test_a_new_file_that_takes_the_name_of_another_one_does_not_run(town: Town) -> None:
    town.write("often", f"name: weeding\n{HOURLY}")

    async def copy(store: Store) -> None:
        await anyio.sleep(600)
        town.write("another", f"name: weeding\n{HOURLY.replace('1h', '5m')}")

    town.serve(beside=copy, hours=1)

    assert town.endings() == ["03-02 09:00 run"]
    assert (
        "workflows/another.yaml: two workflows are named `weeding`, the other one in "
        "workflows/often.yaml. Give each a different `name`." in town.said
    )


def test_a_removed_file_ends_its_ticks_and_not_its_runs(town: Town) -> None:
    file = town.write("long", "schedule: [{every: 1h}]\nsteps: [{wait: 150m}]\n")

    async def remove(store: Store) -> None:
        await anyio.sleep(timedelta(hours=2).total_seconds())
        file.unlink()

    town.serve(beside=remove, hours=5)

    assert town.endings() == ["03-02 09:00 run", "03-02 10:00 skipped removed"]
    assert town.outcomes() == ["succeeded"]


def test_a_changed_timetable_counts_from_when_it_was_read_and_loses_no_tick(town: Town) -> None:
    town.write("often", 'schedule: [{id: it, cron: "0 * * * *"}]\nsteps: [{notify: tick}]\n')
    town.serve(hours=1)
    town.write("often", 'schedule: [{id: it, cron: "20 * * * *"}]\nsteps: [{notify: tick}]\n')

    town.away(hours=2)
    town.serve(hours=1)

    assert town.endings() == [
        *("03-02 09:00 run", "03-02 10:00 merged downtime", "03-02 11:00 run"),
        "03-02 11:20 run",
    ]


def test_a_tick_in_a_pause_is_skipped_and_never_caught_up(town: Town) -> None:
    town.write("often", HOURLY)
    town.serve(hours=1)
    with town.store() as store:
        store.pause("often", by="ada", note="Alma is upgraded", until=None)
    town.serve(hours=1)
    town.away(hours=1)
    with town.store() as store:
        store.unpause("often", by="ada")

    town.serve(hours=1)

    assert town.endings() == [
        "03-02 09:00 run",
        "03-02 10:00 skipped pause",
        "03-02 11:00 skipped pause",
        "03-02 12:00 run",
    ]
    assert town.ticks()[1].reason == "Paused by ada since 2026-03-02 09:15 UTC: Alma is upgraded."


def test_a_tick_on_a_day_off_is_skipped(tmp_path: Path) -> None:
    town = Town(tmp_path, settings=SETTINGS + "calendars: {closed: {dates: [2026-03-04]}}\n")
    town.write("night", NIGHTLY.replace('"}', '", except: [closed]}'))

    town.serve(days=3)

    assert town.endings() == ["03-03 01:30 run", "03-04 01:30 skipped except", "03-05 01:30 run"]
    assert town.ticks()[1].reason == "2026-03-04 is a day off in the calendar `closed`."


def test_a_broken_calendar_file_stops_only_its_own_workflow(tmp_path: Path) -> None:
    town = Town(tmp_path, settings=SETTINGS + "calendars: {closed: {ics: closed.ics}}\n")
    (town.folder / "closed.ics").write_text(
        "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260101T000000Z\nDURATION:P99999999W\n"
        "END:VEVENT\nEND:VCALENDAR\n"
    )
    town.write("closing", NIGHTLY.replace('"}', '", except: [closed]}'))
    town.write("night", NIGHTLY)

    town.serve(days=1)

    assert {tick.workflow for tick in town.ticks()} == {"night"}


def test_a_run_started_by_hand_counts_as_one_that_goes_on(town: Town) -> None:
    town.write("often", "overlap: skip\n" + HOURLY)
    with town.store() as store:
        plan = town.stage.plan("name: often\nsteps: [{wait: 90m}]\n")
        store.add_run(plan.definition, plan.record())

    town.serve(hours=2)

    assert town.endings() == ["03-02 09:00 skipped overlap", "03-02 10:00 run"]


def test_inputs_of_an_entry_may_look_at_the_tick(town: Town) -> None:
    town.write(
        "night",
        """\
        inputs: {day: {type: date}, who: {enum: [night, day]}}
        schedule:
          - cron: "30 2 * * *"
            inputs: {day: "{{ run.scheduled_at | date('%Y-%m-%d') }}", who: night}
        steps: [{notify: "{{ inputs.day }}"}]
        """,
    )

    town.serve(days=1)

    assert str(town.runs()[0].inputs) == "{'day': {'$date': '2026-03-03'}, 'who': 'night'}"


def test_a_tick_of_which_no_run_can_be_made_is_missed_and_says_why(town: Town) -> None:
    town.write("odd", "institution: \"{{ 'la' + 'w' }}\"\n" + HOURLY)

    town.serve(hours=1)

    assert town.endings() == ["03-02 09:00 missed invalid"]
    assert "almaflow could not create a run for it: " in town.ticks()[0].reason
    assert any("is missed" in text for text in town.said.of("warning"))


def test_a_clock_that_is_set_forward_is_noticed_and_what_it_passed_is_caught_up(
    town: Town,
) -> None:
    town.write("often", HOURLY)

    async def set_it(store: Store) -> None:
        await anyio.sleep(600)
        town.clock.set(hours=3)

    town.serve(beside=set_it, hours=1)

    assert "The clock was set forward by 3:00:00." in town.said
    assert (
        town.endings()
        == [
            "03-02 09:00 merged downtime",
            "03-02 10:00 merged downtime",
            "03-02 11:00 merged downtime",
            "03-02 12:00 run",
        ]
        or town.endings()[-1] == "03-02 12:00 run"
    )


def test_a_clock_that_is_set_back_runs_no_tick_twice(town: Town) -> None:
    town.write("often", HOURLY)

    async def set_it(store: Store) -> None:
        await anyio.sleep(timedelta(hours=2).total_seconds())
        town.clock.set(hours=-2)

    town.serve(beside=set_it, hours=6)

    assert "The clock was set back by 2:00:00. No tick runs a second" in town.said
    assert town.endings() == [f"03-02 {hour:02}:00 run" for hour in (9, 10, 11, 12)]


def test_settings_that_change_begin_a_new_term_and_invalid_ones_change_nothing(
    town: Town,
) -> None:
    town.write("long", 'schedule: [{cron: "0 10 * * *"}]\nsteps: [{wait: 2h}]\n')

    async def edit(store: Store) -> None:
        await anyio.sleep(timedelta(hours=1).total_seconds())
        file = town.folder / "almaflow.yaml"
        file.write_text(SETTINGS + "channels: {a: env:A}\n", encoding="utf-8")
        await anyio.sleep(600)
        file.write_text(SETTINGS + "chanels: {a: env:A}\n", encoding="utf-8")

    town.serve(beside=edit, hours=4)

    assert "almaflow.yaml has changed; using the new version." in town.said
    assert any("almaflow.yaml is invalid, so" in text for text in town.said.of("error"))
    assert town.outcomes() == ["succeeded"]


def test_a_timetable_is_paused_after_so_many_bad_ends(town: Town) -> None:
    told: list[str] = []
    town.write("bad", "pause_after: 2\nschedule: [{every: 1h}]\nsteps: [{fail: no}]\n")

    def receive(pause: object, run: RunRecord) -> None:
        told.append(run.workflow)

    town.companions = lambda engine, project: [AutoPause(engine, town.said, receive)]
    town.serve(hours=4)

    assert town.endings() == [
        *("03-02 09:00 run", "03-02 10:00 run"),
        *("03-02 11:00 skipped pause", "03-02 12:00 skipped pause"),
    ]
    assert told == ["bad"]
    with town.store() as store:
        store.unpause("bad", by="ada")
    town.serve(hours=1)
    assert town.endings()[-1] == "03-02 13:00 run"


def test_a_tick_with_jitter_begins_later_and_at_the_same_instant_after_a_restart(
    town: Town,
) -> None:
    town.write("often", HOURLY.replace("1h", "1h, jitter: 50m"))
    town.serve(minutes=46)
    (tick,) = town.ticks()
    assert tick.starts_at > tick.at

    town.serve(hours=1)

    first = town.runs()[0]
    assert first.started_at is not None
    assert timedelta() <= first.started_at - tick.starts_at < timedelta(seconds=1)


def test_the_night_on_which_clocks_are_moved_has_each_tick_once(tmp_path: Path) -> None:
    town = Town(tmp_path, start=datetime(2026, 10, 24, 22, 45, tzinfo=UTC))
    town.write("night", NIGHTLY)
    town.write("hourly", 'schedule: [{cron: "30 * * * *"}]\nsteps: [{notify: tick}]\n')

    town.serve(hours=3)

    # 02:30 comes twice on the wall: at 00:30 and at 01:30 UTC.
    assert town.endings("night") == ["10-25 00:30 run"]
    assert town.endings("hourly") == [
        *("10-24 23:30 run", "10-25 00:30 run", "10-25 01:30 run"),
    ]
