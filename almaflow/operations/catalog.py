"""The workflows of a project as files and store have them now, for a process that stays."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from almaflow.clock import Clock
from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass
from almaflow.operations.ledger import PauseView, pause_view
from almaflow.operations.run_list import RunSummary, summaries_of
from almaflow.problems import did_you_mean
from almaflow.scheduler.workflow_files import (
    ActiveWorkflow,
    Signature,
    WorkflowSnapshot,
    WorkflowWatcher,
    last_good,
)
from almaflow.settings import Project
from almaflow.store import Store
from almaflow.timetable_entries import TimetableEntry

# How often the files are checked for changes, and how far ahead the next tick is searched for.
_LOOK = timedelta(seconds=1)
_FAR = timedelta(days=366)


@dataclass(frozen=True)
class EntryView:
    """One schedule entry of a workflow."""

    entry: str
    """The key of the schedule entry: its id, or a hash of what it says."""
    timetable: str
    """The timetable in plain English."""
    next_at: datetime | None
    """Its next tick, in the zone of the timetable; None when there is none within a year."""


@dataclass(frozen=True)
class WorkflowSummary:
    """One workflow of the project."""

    name: str
    """The name of the workflow."""
    file: str
    """Relative to the project's folder."""
    description: str
    """What its file says about it; else empty."""
    environment: str
    """Where it may run: `production`, `sandbox` or `any`."""
    problem: str
    """What is wrong with the file now; the last valid version is active then. Empty: nothing."""
    inputs: tuple[str, ...]
    """The names of its inputs."""
    schedule: tuple[EntryView, ...]
    """Its schedule entries; empty when it has no timetable."""
    pause: PauseView | None
    """The pause that lasts now."""
    last_run: RunSummary | None
    """Its newest run; None before the first."""


@dataclass(frozen=True)
class WorkflowList:
    """The workflows of a project by name, and the files that are not a workflow."""

    workflows: tuple[WorkflowSummary, ...]
    """The valid workflows, by name."""
    invalid: dict[str, str]
    """What is wrong, by file, with those of which no version was ever valid."""


class Catalog:
    """Reads workflow files again when they change; safe to use from any thread."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._lock = threading.Lock()
        self._project: Project | None = None
        self._signature: Signature | None = None
        self._checked = float("-inf")

    def snapshot(self, project: Project) -> WorkflowSnapshot:
        """Return the workflows of *project*, at most a second old."""
        with self._lock:
            if project is not self._project:
                self._project, self._signature = project, None
                self._watcher = WorkflowWatcher(project)
            elapsed = self._clock.elapsed()
            if self._signature is None or elapsed - self._checked >= _LOOK.total_seconds():
                self._read(project)
                self._checked = elapsed
            return self._snapshot

    def _read(self, project: Project) -> None:
        signature = self._watcher.signature()
        if signature == self._signature:
            return
        kept = last_good(self._store, project, self._store.schedules())
        self._snapshot = self._watcher.read(self._store.sources(), kept)
        # What was read names more files that count, such as payloads.
        self._signature = self._watcher.signature()

    def workflow(self, project: Project, name: str) -> ActiveWorkflow:
        """Return the workflow *name*; Raises: RequestWrong when there is none."""
        active = self.snapshot(project).active
        if name not in active:
            raise RequestWrong(f"There is no workflow `{name}`{did_you_mean(name, active) or '.'}")
        return active[name]


def list_workflows(catalog: Catalog, project: Project, store: Store, now: datetime) -> WorkflowList:
    """Return every workflow of the project with its next ticks, pause and last run."""
    snapshot = catalog.snapshot(project)
    last = {run.workflow: run for run in summaries_of(store, store.last_runs())}
    pauses = {one.workflow: one for one in store.pauses(since=now) if one.holds(now)}
    active = sorted(snapshot.active.values(), key=lambda one: one.name)
    named = {one.path for one in active}
    return WorkflowList(
        tuple(
            WorkflowSummary(
                name=one.name,
                file=one.path,
                description=one.loaded.workflow.description or "",
                environment=one.loaded.workflow.environment,
                problem=one.problem,
                inputs=tuple(one.loaded.workflow.inputs),
                schedule=tuple(entry_view(entry, now) for entry in one.entries),
                pause=pause_view(pauses[one.name]) if one.name in pauses else None,
                last_run=last.get(one.name),
            )
            for one in active
        ),
        {file: text for file, text in sorted(snapshot.problems.items()) if file not in named},
    )


def entry_view(entry: TimetableEntry, now: datetime) -> EntryView:
    """Return a schedule entry with its next tick."""
    at = next(entry.timetable.between(now, now + _FAR), None)
    zone = entry.timetable.zone
    return EntryView(entry.key, entry.words(), None if at is None else at.astimezone(zone))
