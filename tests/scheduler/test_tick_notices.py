"""What a term of the service sees is told, whatever happens to the store meanwhile."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import anyio
import pytest

from almaflow.scheduler.notifications.events import TickNotifications
from almaflow.scheduler.tick_ledger import CycleResult
from almaflow.scheduler.workflow_files import ActiveWorkflow, WorkflowSnapshot
from almaflow.settings import Settings
from almaflow.store import (
    NewSchedule,
    NewTick,
    SchedulePause,
    StoreTrouble,
    TickCause,
    TickEnd,
    TickEnding,
)
from almaflow.workflow_loader import load_text
from tests.scheduler.telling import NOON, Room, run, tick

TO = Settings.model_validate({"serve": {"to": "office"}})
NIGHTLY = ActiveWorkflow(
    "workflows/nightly.yaml",
    load_text("name: nightly\nsteps: [{wait: 1m}]\n", "workflows/nightly.yaml"),
    {},
    (),
)
VALID = WorkflowSnapshot({"nightly": NIGHTLY}, {}, frozenset({"workflows/nightly.yaml"}))
INVALID = WorkflowSnapshot(
    {"nightly": NIGHTLY}, {"workflows/nightly.yaml": "3:1: no."}, frozenset(VALID.files)
)


def end(**fields: Any) -> TickEnd:
    given: dict[str, Any] = {
        "tick_id": 1,
        "ending": TickEnding.MISSED,
        "cause": TickCause.MAX_AGE,
        "reason": "Old.",
    }
    return TickEnd(**(given | fields))


def told(room: Room) -> list[tuple[str, str]]:
    return [(one.channel, one.title) for one in room.notices()]


def notices_in(room: Room) -> TickNotifications:
    return TickNotifications(room.store, room.writer, TO, room.clock, room.outbox)


def test_missed_ticks_are_told() -> None:
    room = Room()
    it = notices_in(room)

    room.play(it.run, lambda: it.happened(CycleResult(ended=[(tick(), end())]), VALID), seconds=1)

    assert told(room) == [("office", "almaflow: nightly did not run at 2026-11-01 12:00 UTC")]


def test_a_file_is_told_when_it_becomes_invalid_and_when_it_is_valid_again() -> None:
    room = Room()
    it = notices_in(room)

    async def edit() -> None:
        await it.read(VALID, None)
        await it.read(INVALID, VALID)
        await it.read(INVALID, INVALID)
        await it.read(VALID, INVALID)

    room.play(it.run, edit, seconds=1)

    assert [title for _, title in told(room)] == [
        "almaflow: workflows/nightly.yaml is invalid",
        "almaflow: workflows/nightly.yaml is valid again",
    ]


def test_a_restart_tells_of_no_file_again() -> None:
    room = Room()

    for _ in range(2):
        it = notices_in(room)
        room.play(it.run, lambda it=it: it.read(INVALID, None), seconds=1)  # type: ignore[misc]

    assert len(told(room)) == 1


def test_a_file_that_is_taken_away_is_not_valid_again() -> None:
    room = Room()
    it = notices_in(room)

    room.play(it.run, lambda: it.read(WorkflowSnapshot(), INVALID), seconds=1)

    assert told(room) == []


def test_pauses_and_clocks_that_were_set_and_settings_are_told() -> None:
    room = Room()
    it = notices_in(room)

    async def happen() -> None:
        pause = SchedulePause(
            id=1, workflow="nightly", since=NOON, until=None, note="x", by="almaflow"
        )
        it.paused(pause, run())
        it.clock_set("The clock was set back by 1:00:00.")
        it.settings("almaflow.yaml:1:1: no.")

    room.play(it.run, happen, seconds=1)

    assert [title for _, title in told(room)] == [
        "almaflow: nightly is paused",
        "almaflow: the clock of this machine was changed",
        "almaflow: almaflow.yaml is invalid",
    ]


def test_nothing_is_lost_while_the_store_refuses(monkeypatch: pytest.MonkeyPatch) -> None:
    room = Room()
    it = notices_in(room)
    add, refusals = room.store.add_notices, [StoreTrouble("Busy.")] * 3

    def refuse(new: Any) -> int:
        if refusals:
            raise refusals.pop()
        return add(new)

    monkeypatch.setattr(room.store, "add_notices", refuse)

    async def happen() -> None:
        it.clock_set("First.")
        await anyio.sleep(5)
        it.clock_set("Second.")

    room.play(it.run, happen, minutes=1)

    assert [one.text.partition("\n")[0] for one in room.notices()] == ["First.", "Second."]


def test_what_was_missed_right_before_a_death_is_told_afterwards_and_once() -> None:
    room = Room()
    leader = room.store.enter_process("host", 1, "0.1.0").id
    room.store.lead(leader)
    [entry] = room.store.change_schedules(
        leader, [NewSchedule(workflow="nightly", entry="e", timing={})], [], NOON
    )
    ticks = [
        NewTick(schedule_id=entry.id, workflow="nightly", entry="e", at=at, starts_at=at)
        for at in (NOON + timedelta(seconds=number) for number in (1, 2))
    ]
    room.store.materialize(leader, ticks, {})
    ends = [end(tick_id=one.id) for one in room.store.open_ticks()]
    room.store.end_ticks(leader, ends)
    room.play(seconds=1)

    for _ in range(2):
        it = notices_in(room)
        room.play(it.run, lambda it=it: it.read(VALID, None), seconds=1)  # type: ignore[misc]
    room.play(hours=2)
    late = notices_in(room)
    room.play(late.run, lambda: late.read(VALID, None), seconds=1)

    assert told(room) == [("office", "almaflow: nightly did not run 2 times")]
