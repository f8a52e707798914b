"""The digest tells each day once, and every day whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from almaflow.outcome import Outcome, Status
from almaflow.scheduler.notifications.digest import Digest
from almaflow.scheduler.notifications.digest_messages import DigestPeriod, digest
from almaflow.scheduler.workflow_files import ActiveWorkflow, WorkflowSnapshot
from almaflow.settings import Settings, find_project
from almaflow.store import NewSchedule, NewTick, RunRecord, StoreTrouble, TickCause, TickEnding
from almaflow.timetable_entries import entries_of
from almaflow.waiting import Waiting
from almaflow.workflow_loader import load_text
from tests.scheduler.telling import NOON, Room, run
from tests.waits import question, wait

BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
EMPTY = DigestPeriod(
    name=NOON.date(),
    zone=UTC,
    since=NOON - timedelta(days=1),
    at=NOON,
    runs=(),
    ticks=(),
    unfinished=(),
    pauses=(),
    invalid={},
    upcoming={},
    until=NOON + timedelta(days=1),
)
HOUR = timedelta(hours=1)


def settings(at: str | None = "07:00", zone: str = "UTC", to: str | None = "office") -> Settings:
    serve = {"digest": at, "to": to}
    return Settings.model_validate({"timezone": zone, "serve": serve})


def digest_in(room: Room, given: Settings | None = None) -> Digest:
    return Digest(room.store, room.writer, given or settings(), room.clock, room.outbox)


def active(folder: Path, text: str, zone: str = "UTC", more: str = "") -> WorkflowSnapshot:
    """Return what is read where the only workflow is the one whose text is given."""
    (folder / "almaflow.yaml").write_text(f"timezone: {zone}\n{more}\n")
    project = find_project(folder)
    loaded = load_text(text, "workflows/nightly.yaml")
    entries = tuple(entries_of(loaded.name, loaded.workflow, project))
    one = ActiveWorkflow("workflows/nightly.yaml", loaded, {}, entries)
    return WorkflowSnapshot({one.name: one}, {}, frozenset({one.path}))


def ended(
    number: int, at: datetime, outcome: Outcome = Outcome.SUCCEEDED, **more: Any
) -> RunRecord:
    return run(number, status=Status.FINISHED, outcome=outcome, ended_at=at, **more)


def made(room: Room) -> list[tuple[str, str]]:
    """Return the key of each digest and what it says it is about, oldest first."""
    return [(one.key, one.text.split("\n\n")[0]) for one in room.notices()]


# --- when -----------------------------------------------------------------------------------------


def test_each_day_is_told_once_at_its_time() -> None:
    room = Room()

    room.play(digest_in(room).run, days=3)

    assert made(room) == [
        ("digest/2026-11-01", "From 2026-10-31 07:00 UTC to 2026-11-01 07:00 UTC."),
        ("digest/2026-11-02", "From 2026-11-01 07:00 UTC to 2026-11-02 07:00 UTC."),
        ("digest/2026-11-03", "From 2026-11-02 07:00 UTC to 2026-11-03 07:00 UTC."),
        ("digest/2026-11-04", "From 2026-11-03 07:00 UTC to 2026-11-04 07:00 UTC."),
    ]
    created = [one.created_at for one in room.notices()[1:]]
    assert created == [datetime(2026, 11, day, 7, tzinfo=UTC) for day in (2, 3, 4)]
    assert {one.channel for one in room.notices()} == {"office"}


@pytest.mark.parametrize(
    ("start", "at", "expected"),
    [
        # The clocks go forward from 02:00 to 03:00: that day has 23 hours, and no 02:30.
        (
            datetime(2026, 3, 28, 12, tzinfo=BERLIN),
            "02:30",
            ["2026-03-29 03:00 CEST", "2026-03-30 02:30 CEST"],
        ),
        # They go back from 03:00 to 02:00: that day has 25 hours, and 02:30 twice.
        (
            datetime(2026, 10, 24, 15, tzinfo=BERLIN),
            "02:30",
            ["2026-10-25 02:30 CEST", "2026-10-26 02:30 CET"],
        ),
        (
            datetime(2026, 10, 24, 20, tzinfo=BERLIN),
            "07:00",
            ["2026-10-25 07:00 CET", "2026-10-26 07:00 CET"],
        ),
    ],
)
def test_a_clock_change_neither_doubles_nor_loses_a_digest(
    start: datetime, at: str, expected: list[str]
) -> None:
    room = Room(start=start.astimezone(UTC))

    room.play(digest_in(room, settings(at, "Europe/Berlin")).run, hours=46)

    told = [text.removeprefix("From ").rstrip(".").split(" to ") for _, text in made(room)]
    assert [until for _, until in told][-2:] == expected
    # Each begins where the one before ended.
    assert [since for since, _ in told][-1] == expected[0]


def test_a_restart_tells_no_day_again() -> None:
    room = Room(start=NOON - 6 * HOUR)

    for _ in range(4):
        room.play(digest_in(room).run, hours=2)

    assert [key for key, _ in made(room)] == ["digest/2026-11-01"]


def test_another_channel_hears_of_the_next_day_only() -> None:
    room = Room(start=NOON - 6 * HOUR)
    room.play(digest_in(room).run, hours=2)

    room.play(digest_in(room, settings(to="library")).run, hours=24)

    told = [(one.key, one.channel) for one in room.notices()]
    assert told == [("digest/2026-11-01", "office"), ("digest/2026-11-02", "library")]


def test_days_without_a_serve_are_part_of_the_next_digest() -> None:
    room = Room(start=NOON - 6 * HOUR)
    room.play(digest_in(room).run, hours=2)
    room.play(days=3)

    room.play(digest_in(room).run, hours=1)

    assert made(room) == [
        ("digest/2026-11-01", "From 2026-10-31 07:00 UTC to 2026-11-01 07:00 UTC."),
        ("digest/2026-11-04", "From 2026-11-01 07:00 UTC to 2026-11-04 07:00 UTC."),
    ]


def test_a_time_that_is_changed_leaves_no_hole() -> None:
    room = Room(start=NOON - 6 * HOUR)
    room.play(digest_in(room).run, hours=2)

    room.play(digest_in(room, settings("18:00")).run, hours=40)

    assert [text for _, text in made(room)][1:] == [
        "From 2026-11-01 07:00 UTC to 2026-11-02 18:00 UTC."
    ]


def test_a_store_that_refuses_only_puts_it_off(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room()
    notices, refusals = room.store.notices, iter(range(3))

    def refuse(**asked: Any) -> Any:
        if next(refusals, None) is not None:
            raise StoreTrouble("The disk is full.")
        return notices(**asked)

    monkeypatch.setattr(room.store, "notices", refuse)

    room.play(digest_in(room).run, minutes=1)

    assert [key for key, _ in made(room)] == ["digest/2026-11-01"]


def test_without_a_time_there_is_none_and_without_a_channel_the_log_has_it() -> None:
    silent, logged = Room(), Room()

    silent.play(digest_in(silent, settings(None)).run, days=2)
    logged.play(digest_in(logged, settings(to=None)).run, logged.outbox.run, minutes=1)

    assert silent.notices() == []
    [(level, text)] = logged.log.lines
    assert level == "info"
    assert text.startswith("almaflow: digest of 2026-11-01: 0 runs\n")


# --- what -----------------------------------------------------------------------------------------


def test_a_quiet_day_says_that_there_is_nothing_to_do() -> None:
    room = Room()

    room.play(digest_in(room).run, minutes=1)

    [notice] = room.notices()
    assert notice.title == "almaflow: digest of 2026-11-01: 0 runs"
    assert notice.text == (
        "From 2026-10-31 07:00 UTC to 2026-11-01 07:00 UTC.\n\nMore: almaflow runs, almaflow "
        "ticks, almaflow next\n\nYou do not need to do anything."
    )


def test_a_run_belongs_to_the_one_day_in_which_it_ended() -> None:
    room = Room(start=NOON - 6 * HOUR)
    seven = NOON - 5 * HOUR
    second = timedelta(seconds=1)
    for number, at in enumerate((seven - DAY, seven, seven + second, seven + DAY), start=1):
        room.store.add_run({}, ended(number, at, workflow=f"w{number}"))

    room.play(digest_in(room).run, hours=30)

    first, following = (one.text for one in room.notices())
    assert [name for name in ("w1", "w2", "w3", "w4") if f"- {name}: " in first] == ["w2"]
    assert [name for name in ("w1", "w2", "w3", "w4") if f"- {name}: " in following] == ["w3", "w4"]


def test_it_tells_what_ran_what_did_not_what_waits_and_what_comes(tmp_path: Path) -> None:
    room = Room()
    store, then = room.store, NOON - 8 * HOUR
    store.add_run({}, ended(1, then))
    store.add_run({}, ended(2, then, Outcome.WARNING))
    store.add_run({}, ended(3, then, Outcome.FAILED, error="The set is empty.\nMore."))
    store.add_run(
        {}, run(4, workflow="weed", status=Status.WAITING, waits=(question("Go?", "ask"),))
    )
    store.add_run({}, run(5, workflow="load"))
    process = store.enter_process("host", 1, "0")
    assert store.lead(process.id) is None
    one = NewSchedule(workflow="nightly", entry="e", timing={})
    [row] = store.change_schedules(process.id, [one], [], then - DAY)
    given = {"schedule_id": row.id, "workflow": "nightly", "entry": "e"}
    missed = {"ending": TickEnding.MISSED, "cause": TickCause.MAX_AGE, "reason": "Older than 2h."}
    ticks = [
        NewTick(**given, at=at, starts_at=at, **missed)  # type: ignore[arg-type]
        for at in (then, then + HOUR)
    ]
    # The store takes the present for when a tick was decided about.
    early = Room(start=then + HOUR)
    early.store = store
    store._clock = early.clock
    store.materialize(process.id, ticks, {})
    store.pause("weed", by="anna", note="Stocktaking.")
    store._clock = room.clock
    text = "name: nightly\nsteps: [{wait: 1m}]\nschedule: [{cron: '30 2 * * *'}, {every: 1h}]\n"
    reading = active(tmp_path, text)
    reading = replace(reading, problems={"workflows/bad.yaml": "3:1: no key.\n  | x"})
    it = digest_in(room)

    async def read() -> None:
        await it.read(reading, None)
        await it.run()

    room.play(read, minutes=1)

    [notice] = room.notices()
    assert notice.title == (
        "almaflow: digest of 2026-11-01: 3 runs, 1 did not end well, 2 ticks missed, 1 waiting "
        "for a person, 1 paused, 1 file invalid"
    )
    assert notice.text == (
        "From 2026-10-31 07:00 UTC to 2026-11-01 07:00 UTC.\n\nWhat ran:\n- nightly: 1 "
        "succeeded, 1 with a warning, 1 failed\n\nDid not end well:\n- nightly (main), run "
        "20261101-120000-aaa03, failed: The set is empty.\n\nMissed:\n- nightly 2 times: Older "
        "than 2h.\n\nWaiting for a person:\n- weed (main), run 20261101-120000-aaa04: ask: a "
        "person has to approve: Go?\n\n1 run goes on.\n\nPaused:\n- weed, by anna, since "
        "2026-11-01 05:00 UTC: Stocktaking.\n\nInvalid files:\n- workflows/bad.yaml: 3:1: no "
        "key.\n\nComes until 2026-11-02 07:00 UTC:\n- nightly: 20 times, first at "
        "13:00\n\nMore: almaflow runs, almaflow ticks, almaflow next\n\nCheck what did not end "
        "well (`almaflow retry RUN` retries the steps that failed); answer what is waiting "
        "(`almaflow why RUN` shows how); run missed workflows by hand if they are still needed "
        "(`almaflow run NAME`); end the pauses that are no longer needed (`almaflow unpause "
        "NAME`); correct the files (`almaflow validate` shows every problem)."
    )


@pytest.mark.parametrize(
    ("waiting", "more", "waits"),
    [
        (question("Go?", "ask"), {}, True),
        (wait("Nobody can tell whether Alma accepted it."), {}, True),
        (wait("Interrupted."), {"held": True}, True),
        # Its process stopped, and the next one goes on with it.
        (wait("the job is running in Alma", "load"), {}, False),
        (wait("the job is running in Alma", "load"), {"owner": "p1"}, False),
    ],
)
def test_only_what_a_person_has_to_move_waits_for_somebody(
    waiting: Waiting, more: dict[str, Any], waits: bool
) -> None:
    record = run(1, status=Status.WAITING, waits=(waiting,), **more)
    day = replace(EMPTY, unfinished=[record])

    said = digest(day)

    assert ("1 waiting for a person" in said.title) is waits
    assert ("Waiting for a person:" in said.text) is waits
    assert ("1 run goes on." in said.text) is not waits


def test_of_many_lines_the_first_are_told_and_how_many_more() -> None:
    runs = [ended(n, NOON, Outcome.FAILED, workflow=f"w{n:02}", error="No.") for n in range(1, 31)]

    text = digest(replace(EMPTY, runs=runs)).text

    assert text.count("- and 10 more") == 2
    assert "run 20261101-120000-aaa20, failed: No." in text
    assert "run 20261101-120000-aaa21" not in text


def test_what_comes_leaves_out_days_off_pauses_and_what_somebody_skips(tmp_path: Path) -> None:
    room = Room()
    text = (
        "name: nightly\nsteps: [{wait: 1m}]\nschedule:\n"
        "- {cron: '0 14 * * *', id: in_the_pause}\n- {cron: '0 16 * * *', id: skipped}\n"
        "- {cron: '0 18 * * *', id: off, except: [closed]}\n- {cron: '0 20 * * *', id: wanted}\n"
    )
    closed = "calendars: {closed: {dates: [2026-11-01]}}"
    reading = active(tmp_path, text, more=closed)
    four = NOON + 4 * HOUR
    process = room.store.enter_process("host", 1, "0")
    assert room.store.lead(process.id) is None
    new = NewSchedule(workflow="nightly", entry="skipped", timing={})
    [row] = room.store.change_schedules(process.id, [new], [], NOON)
    room.store.skip_tick(
        NewTick(schedule_id=row.id, workflow="nightly", entry="skipped", at=four, starts_at=four)
    )
    room.store.pause("nightly", by="anna", until=NOON + 3 * HOUR)
    it = digest_in(room)

    async def read() -> None:
        await it.read(reading, None)
        await it.run()

    room.play(read, minutes=1)

    [notice] = room.notices()
    assert "Comes until 2026-11-02 07:00 UTC:\n- nightly: 20:00\n\n" in notice.text


def test_a_time_that_comes_twice_is_told_with_its_zone(tmp_path: Path) -> None:
    room = Room(start=datetime(2026, 10, 24, 20, tzinfo=BERLIN).astimezone(UTC))
    text = "name: nightly\nsteps: [{wait: 1m}]\nschedule: [{cron: '30 1-2 * * *'}]\n"
    it = digest_in(room, settings("19:00", "Europe/Berlin"))

    async def read() -> None:
        await it.read(active(tmp_path, text, "Europe/Berlin"), None)
        await it.run()

    room.play(read, minutes=1)

    [notice] = room.notices()
    assert "Comes until 2026-10-25 19:00 CET:\n- nightly: 01:30, 02:30 CEST" in notice.text
