"""A project whose timetables were served, for commands that look at the ledger or change it.

It is noon of 2 November 2026, UTC, whenever anything asks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from almaflow.cli import bootstrap
from almaflow.plan import Plan, make_plan
from almaflow.store import (
    NewSchedule,
    NewTick,
    RunRecord,
    Schedule,
    Store,
    Tick,
    TickCause,
    TickEnd,
    TickEnding,
)
from almaflow.timetable_entries import TimetableEntry, entries_of
from almaflow.workflow_loader import load_workflow
from tests.cli.conftest import Write

NOW = datetime(2026, 11, 2, 12, tzinfo=UTC)
BEGAN = datetime(2026, 10, 29, 12, tzinfo=UTC)

ALMAFLOW = """\
timezone: Europe/Zurich
institutions: {main: {region: eu, api_key: env:NO_KEY_IS_NEEDED}}
calendars: {closed: {dates: [2026-11-03]}}
"""
NIGHTLY = """\
schedule: [{id: night, cron: "30 2 * * *"}]
steps: [{notify: hi}]
"""


class Served:
    """The store of a project, as a `serve` that leads has it open."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.process_id = store.enter_process("shelf", 4711, "0").id
        assert store.lead(self.process_id) is None
        self.entries: dict[int, TimetableEntry] = {}

    def take(self, file: str = "workflows/nightly.yaml", at: datetime = BEGAN) -> Schedule:
        """Let the entries of a workflow file stand from *at* on; returns the first."""
        project = bootstrap.open_project()
        loaded = load_workflow(Path(file), project)
        entries = entries_of(loaded.name, loaded.workflow, project)
        new = [
            NewSchedule(workflow=loaded.name, entry=one.key, timing=one.to_json())
            for one in entries
        ]
        rows = self.store.change_schedules(self.process_id, new, [], at)
        self.entries |= {row.id: entry for row, entry in zip(rows, entries, strict=True)}
        return rows[0]

    def materialize(self, row: Schedule, until: datetime = NOW) -> list[Tick]:
        """Give rows to an entry's ticks, and return them, the oldest first."""
        entry = self.entries[row.id]
        new = [
            NewTick(
                schedule_id=row.id,
                workflow=row.workflow,
                entry=row.entry,
                at=at,
                starts_at=entry.starts_at(at),
            )
            for at in entry.timetable.between(row.covered_to, until)
        ]
        self.store.materialize(self.process_id, new, {row.id: until})
        return list(reversed(self.store.ticks(workflow=row.workflow)))

    def begin(self, tick: Tick) -> RunRecord:
        """Let a tick become a run."""
        plan = _plan(
            tick.workflow,
            run_id=f"{tick.at:%Y%m%d-%H%M%S}-aaaaa",
            key=f"{tick.workflow}/{tick.entry}/{tick.at:%Y-%m-%dT%H:%M:%SZ}",
            scheduled_at=tick.at,
            trigger="timetable",
        )
        run = self.store.start_tick(self.process_id, tick.id, plan.definition, plan.record())
        assert run is not None
        return run

    def by_hand(self, workflow: str = "nightly") -> RunRecord:
        """Queue a run that somebody asked for."""
        plan = _plan(workflow, run_id="20261102-120000-hhhhh")
        return self.store.add_run(plan.definition, plan.record())

    def end(
        self, tick: Tick, ending: TickEnding, cause: TickCause, reason: str, **more: Any
    ) -> None:
        """End a tick that becomes no run of its own."""
        end = TickEnd(tick_id=tick.id, ending=ending, cause=cause, reason=reason, **more)
        self.store.end_ticks(self.process_id, [end])


def _plan(workflow: str, **fields: Any) -> Plan:
    project = bootstrap.open_project()
    loaded = load_workflow(Path(f"workflows/{workflow}.yaml"), project)
    return make_plan(loaded, project, {}, now=NOW, **fields)


def change(folder: Path, statement: str) -> None:
    """Change the store by hand."""
    connection = sqlite3.connect(folder / ".almaflow" / "almaflow.db")
    connection.execute(statement)
    connection.commit()
    connection.close()


@contextmanager
def served(write: Write, workflows: Sequence[str] = ("nightly",)) -> Iterator[Served]:
    """Give the project of the folder with its store open."""
    write("almaflow.yaml", ALMAFLOW)
    for name in workflows:
        write(f"workflows/{name}.yaml", NIGHTLY)
    with bootstrap.open_store(bootstrap.open_project()) as store:
        yield Served(store)
