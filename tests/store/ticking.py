"""What tests of the ledger share: a leader, entries of timetables, and ticks of theirs."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from almaflow.store import NewSchedule, NewTick, Schedule, Store
from tests.store.conftest import HOST, NOON

WORKFLOW = "withdraw"
ENTRY = "nightly"
TIMING = {"cron": "30 2 * * *", "zone": "Europe/Zurich"}


def enter_leader(store: Store, pid: int = 1) -> str:
    """Let a new process lead, and return its id."""
    process = store.enter_process(HOST, pid, "0.1.0")
    assert store.lead(process.id) is None
    return process.id


def new_entry(entry: str = ENTRY, workflow: str = WORKFLOW, **timing: Any) -> NewSchedule:
    return NewSchedule(workflow=workflow, entry=entry, timing=TIMING | timing)


def stand(store: Store, leader: str, entry: str = ENTRY, at: datetime = NOON) -> Schedule:
    """Let an entry stand from *at* on."""
    return store.change_schedules(leader, [new_entry(entry)], [], at)[0]


def tick_of(schedule: Schedule, number: int = 1, **fields: Any) -> NewTick:
    """Return the tick that comes *number* minutes after noon."""
    at = NOON + timedelta(minutes=number)
    defaults: dict[str, Any] = {
        "schedule_id": schedule.id,
        "workflow": schedule.workflow,
        "entry": schedule.entry,
        "at": at,
        "starts_at": at,
    }
    return NewTick(**(defaults | fields))


def lay(store: Store, leader: str, schedule: Schedule, *numbers: int) -> list[int]:
    """Give rows to ticks, and return their ids in the order of the numbers."""
    ticks = [tick_of(schedule, number) for number in numbers]
    store.materialize(leader, ticks, {schedule.id: max(tick.at for tick in ticks)})
    rows = {(row.entry, row.at): row.id for row in store.ticks(workflow=schedule.workflow)}
    return [rows[tick.entry, tick.at] for tick in ticks]
