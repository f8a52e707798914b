"""What a service counts of itself, and the picture of how it stands."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from almaflow.engine.engine import Engine
from almaflow.outcome import Outcome, Status
from almaflow.scheduler.measures import Measures, Measuring, picture_of
from almaflow.scheduler.tick_ledger import CycleResult
from almaflow.scheduler.workflow_files import WorkflowSnapshot
from almaflow.settings import Project, Settings
from almaflow.store import (
    NewNotification,
    NewSchedule,
    NewTick,
    RunRecord,
    Store,
    Tick,
    TickCause,
    TickEnd,
    TickEnding,
    WorkflowSource,
)
from almaflow.store.overview import UnfinishedRuns
from almaflow.virtual_time import VirtualClock, run_virtual

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


class Noted(Measures):
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.notes: list[tuple[Any, ...]] = []

    def ticks_ended(self, workflow: str, ending: TickEnding, number: int = 1) -> None:
        self.notes.append(("ended", workflow, ending.value, number))

    def tick_began(self, workflow: str, late: timedelta) -> None:
        self.notes.append(("began", workflow, late))

    def woke_up(self, late: timedelta) -> None:
        self.notes.append(("woke", late))

    def run_ended(self, record: RunRecord) -> None:
        self.notes.append(("run", record.id))


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(NOON)


@pytest.fixture
def store(clock: VirtualClock) -> Iterator[Store]:
    opened = Store.open("sqlite://", clock=clock)
    yield opened
    opened.close()


@pytest.fixture
def engine(store: Store, clock: VirtualClock) -> Engine:
    def nowhere(name: str) -> Any:
        raise AssertionError("nobody speaks to Alma here")

    project = Project(Path(), Settings(), None)
    return Engine(store=store, clock=clock, project=project, open_connection=nowhere)


def new_tick(**fields: Any) -> NewTick:
    given = {"schedule_id": 1, "workflow": "nightly", "entry": "e", "at": NOON, "starts_at": NOON}
    return NewTick(**{**given, **fields})


def tick(**fields: Any) -> Tick:
    new = new_tick()
    given = {name: getattr(new, name) for name in new.__dataclass_fields__}
    return Tick(**{**given, "id": 1, "found_at": NOON, **fields})


def run(**fields: Any) -> RunRecord:
    return RunRecord(
        id="a", workflow="nightly", key="a", requested_at=NOON, scheduled_at=NOON, **fields
    )


def test_ticks_and_runs_are_counted_as_they_happen(engine: Engine, clock: VirtualClock) -> None:
    noted = Noted()
    measuring = Measuring(noted, engine, clock)
    end = TickEnd(tick_id=1, ending=TickEnding.MISSED, cause=TickCause.MAX_AGE, reason="old")
    happened = CycleResult(
        begun=[(tick(starts_at=NOON - MINUTE), run())],
        ended=[(tick(), end), (tick(), end)],
        skipped=[new_tick(ending=TickEnding.SKIPPED), new_tick()],
    )

    async def main() -> None:
        await measuring.read(WorkflowSnapshot(), None)
        await measuring.happened(happened, WorkflowSnapshot())
        await measuring.ended(run(status=Status.WAITING))
        await measuring.ended(run(status=Status.FINISHED, outcome=Outcome.FAILED))

    run_virtual(main)

    assert noted.notes == [
        ("began", "nightly", MINUTE),
        ("ended", "nightly", "missed", 2),
        ("ended", "nightly", "skipped", 1),
        ("ended", "nightly", "run", 1),
        ("run", "a"),
    ]


def test_how_late_it_woke_up_is_told_when_something_was_due(
    engine: Engine, clock: VirtualClock
) -> None:
    noted = Noted()
    measuring = Measuring(noted, engine, clock)

    async def main() -> None:
        await measuring.happened(CycleResult(next_at=NOON - MINUTE), WorkflowSnapshot())
        await measuring.happened(CycleResult(next_at=NOON + MINUTE), WorkflowSnapshot())
        await measuring.happened(CycleResult(), WorkflowSnapshot())

    run_virtual(main)

    assert noted.notes == [("woke", MINUTE)]


def test_the_picture_is_what_the_store_says_now(
    store: Store, engine: Engine, clock: VirtualClock
) -> None:
    process = store.enter_process("shelf", 1, "0").id
    store.lead(process)
    new = NewSchedule(workflow="nightly", entry="e", timing={})
    (row,) = store.change_schedules(process, [new], [], NOON - MINUTE)
    store.materialize(process, [new_tick(schedule_id=row.id)], {row.id: NOON})
    store.pause("weeding", by="anna")
    source = WorkflowSource(path="a.yaml", workflow="a", definition="", read_at=NOON, problem="bad")
    store.keep_source(process, source, {})
    notice = NewNotification(
        key="k", event="missed", workflow="a", run_id=None, channel="c", title="t", text="t"
    )
    store.add_notices([notice])
    store.notice_failed(store.due_notices()[0].id, "nobody answers", NOON + MINUTE)
    store.add_run({}, run())

    picture = picture_of(store, clock, lambda: True, lambda: {"main": 7})()

    assert (picture.leads, picture.open_ticks, picture.undelivered) == (True, 1, 1)
    assert list(picture.unfinished) == [UnfinishedRuns(1, Status.QUEUED, owned=False)]
    assert (picture.paused, picture.invalid) == (["weeding"], ["a.yaml"])
    assert picture.remaining_calls == {"main": 7}
    assert engine.remaining_calls() == {}
