"""A store as it is after many nights, for pages and routes that have to stay fast.

    nights = make_nights(folder, workflows=100, nights=100)     # 10,000 runs

Every workflow ran once a night. Most runs went well; the last night has some that failed, run,
wait for a person, or were never started. It is 08:30 in Zurich when anything asks.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from almaflow.late_dataclasses import names_of
from almaflow.outcome import Outcome, Status
from almaflow.plan import Plan, make_plan
from almaflow.settings import Project, Settings
from almaflow.store import EntryState, JournalEntry, RunRecord, Store, Tick, TickCause, TickEnding
from almaflow.store.json_values import to_json
from almaflow.store.runs import add_definition, waits_to_json
from almaflow.store.transaction import Transaction
from almaflow.timetable_entries import entries_of
from almaflow.waiting import Waiting, WaitingKind
from almaflow.workflow_loader import LoadedWorkflow, load_workflow
from tests.journals import sent, step
from tests.web.pages import NOW, SETTINGS, HandClock

_TEXT = """\
name: {name}
description: Export what changed, and load it into the discovery system.
schedule: [{{id: night, cron: "{minute} {hour} * * *"}}]
inputs:
  limit: {{type: integer, default: 500}}
steps:
  - id: find
    find_set: {{name: "Changed records"}}
  - id: export
    submit_job: {{job: M48, set: "59"}}
  - id: pause
    wait: 1m
  - id: load
    submit_job: {{job: M48, set: "59"}}
finally:
  - notify: done
"""

# How the runs of a night end, by chance; the rest succeeded.
_BAD = ((0.93, Outcome.WARNING), (0.95, Outcome.FAILED), (0.985, Outcome.CANCELLED))


@dataclass(frozen=True)
class Nights:
    """The project, its open store and the clock."""

    project: Project
    store: Store
    clock: HandClock
    names: tuple[str, ...]
    """Of the workflows."""
    failed: str
    """The id of the last run that failed."""


def make_nights(
    folder: Path,
    *,
    workflows: int = 100,
    nights: int = 100,
    url: str = "",
    seed: int = 0,
) -> Nights:
    """Fill a new store, by default a file in *folder*, and return it open."""
    project = Project(folder, Settings.model_validate(SETTINGS), None)
    clock = HandClock(NOW)
    store = Store.open(url or f"sqlite:///{folder / 'almaflow.db'}", clock=clock)
    loaded = [_workflow(folder, project, number) for number in range(workflows)]
    process = store.enter_process("shelf", 4711, "1.2.3")
    assert store.lead(process.id) is None
    filling = _Filling(project, process.id, random.Random(seed), nights)
    with store.write() as tx:
        due = [night for one in loaded for night in filling.add(tx, one)]
        for night in sorted(due, key=lambda night: night.tick.at):
            filling.play(tx, night)
    store.pause(loaded[-1].name, by="anna", note="until the migration is done", until=None)
    names = tuple(one.name for one in loaded)
    return Nights(project, store, clock, names, filling.failed)


def _workflow(folder: Path, project: Project, number: int) -> LoadedWorkflow:
    name = f"workflow-{number:03}"
    file = folder / "workflows" / f"{name}.yaml"
    file.parent.mkdir(exist_ok=True)
    text = _TEXT.format(name=name, minute=number % 60, hour=1 + number % 4)
    file.write_text(text, encoding="utf-8")
    return load_workflow(file, project, f"workflows/{name}.yaml")


@dataclass(frozen=True)
class _Night:
    """A tick, and what its run executes."""

    tick: Tick
    plan: Plan
    definition: str
    """Its hash."""


class _Filling:
    """Writes the rows of workflows, then those of their runs, oldest first."""

    def __init__(
        self, project: Project, process_id: str, chance: random.Random, nights: int
    ) -> None:
        self._project = project
        self._process_id = process_id
        self._chance = chance
        self._nights = nights
        self._number = 0
        self.failed = ""

    def add(self, tx: Transaction, loaded: LoadedWorkflow) -> Iterator[_Night]:
        """Add what the store has of a workflow, and return its ticks."""
        [entry] = entries_of(loaded.name, loaded.workflow, self._project)
        began = NOW - timedelta(days=self._nights)
        schedule_id = tx.insert_numbered(
            "schedules",
            workflow=loaded.name,
            entry=entry.key,
            timing=to_json(entry.to_json(), "a timetable"),
            begins_at=began,
            covered_to=NOW,
            ended_at=None,
        )
        plan = make_plan(loaded, self._project, {}, now=NOW, run_id="r", trigger="timetable")
        hash_ = add_definition(tx, plan.definition, "a definition")
        tx.insert(
            "sources",
            path=loaded.document.file,
            workflow=loaded.name,
            definition=hash_,
            read_at=began,
            problem="",
        )
        for at in entry.timetable.between(began, NOW):
            tick = Tick(
                schedule_id=schedule_id,
                workflow=loaded.name,
                entry=entry.key,
                at=at,
                starts_at=at,
                id=0,
                found_at=at,
                ready_at=at,
                ended_at=at,
            )
            yield _Night(tick, plan, hash_)

    def play(self, tx: Transaction, night: _Night) -> None:
        """Add a tick with its run."""
        self._number += 1
        tick, at = night.tick, night.tick.at
        last = NOW - at < timedelta(days=1)
        if self._chance.random() > 0.99:
            why: dict[str, Any] = {"cause": TickCause.DOWNTIME, "reason": "No `serve` was running."}
            tick = replace(tick, ending=TickEnding.MISSED, **why)
        else:
            record = self._record(night.plan, night.definition, at, last)
            _add_run(tx, record, list(_journal(record)))
            tick = replace(tick, ending=TickEnding.RUN, run_id=record.id)
        row = {name: getattr(tick, name) for name in names_of(Tick) if name != "id"}
        tx.insert("ticks", **row)

    def _record(self, plan: Plan, hash_: str, at: datetime, last: bool) -> RunRecord:
        letters = "".join(self._chance.choices("abcdefghjkmnpqrstuvwxyz23456789", k=5))
        record = replace(
            plan.record(),
            id=f"{at:%Y%m%d-%H%M%S}-{letters}",
            key=f"{plan.name}/night/{at.isoformat()}",
            definition=hash_,
            requested_at=at,
            scheduled_at=at,
            started_at=at,
        )
        dice = self._chance.random()
        if last and dice > 0.94:
            return self._unfinished(record, at)
        outcome = Outcome.SUCCEEDED
        for bound, bad in _BAD:
            outcome = bad if dice > bound else outcome
        if outcome is Outcome.FAILED:
            self.failed = record.id
        error = "step load: Alma ended the job as COMPLETED_FAILED." * (outcome is Outcome.FAILED)
        ended_at = at + timedelta(minutes=5 + 20 * self._chance.random())
        return replace(
            record,
            status=Status.FINISHED,
            outcome=outcome,
            error=error,
            ended_at=ended_at,
            outputs={},
        )

    def _unfinished(self, record: RunRecord, at: datetime) -> RunRecord:
        if self._number % 2:
            wait = Waiting(WaitingKind.ALMA, "job M48 runs in Alma", "load", status="RUNNING")
        else:
            wait = Waiting(WaitingKind.PERSON, "Load 1,200 records?", "load")
        return replace(record, status=Status.WAITING, waits=(wait,), owner=self._process_id)


def _add_run(tx: Transaction, record: RunRecord, entries: list[JournalEntry]) -> None:
    row = {name: getattr(record, name) for name in names_of(RunRecord)}
    row["waits"] = waits_to_json(record.waits)
    for name in ("inputs", "vars", "outputs"):
        row[name] = None if row[name] is None else to_json(row[name], name)
    tx.insert("runs", **row)
    rows = [{name: getattr(one, name) for name in names_of(JournalEntry)} for one in entries]
    tx.insert_all(
        "journal",
        [one | {"run_id": record.id, "value": to_json(one["value"], "a value")} for one in rows],
    )
    lines: list[tuple[str, str, str, Any]] = [
        ("run", "", "The run begins.", {}),
        *(("step", one.path, f"{one.effect} of {one.path}", {}) for one in entries),
    ]
    if record.outcome is not None:
        lines.append(("run", "", record.error, {"outcome": str(record.outcome)}))
    tx.insert_all(
        "events",
        [
            {
                "run_id": record.id,
                "at": record.requested_at,
                "kind": kind,
                "path": path,
                "text": text,
                "data": to_json(data, "data"),
            }
            for kind, path, text, data in lines
        ],
    )


def _journal(record: RunRecord) -> Iterator[JournalEntry]:
    at = record.requested_at
    is_bad = record.outcome is Outcome.FAILED
    yield from step("find", began_at=at)
    yield from step("export", began_at=at + timedelta(minutes=1))
    yield sent("export", EntryState.DONE)
    yield from step("pause", began_at=at + timedelta(minutes=3))
    if record.outcome is None:
        yield from step("load", "", began_at=at + timedelta(minutes=4))
    else:
        ended = "failed" if is_bad else "succeeded"
        yield from step("load", ended, began_at=at + timedelta(minutes=4), error=record.error)
    yield sent("load", EntryState.DONE)
