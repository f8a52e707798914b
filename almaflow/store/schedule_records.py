"""What the store keeps of timetables, as values: entries, ticks, pauses, files, notices.

Every instant is aware and UTC; what is called a value is plain JSON data.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from almaflow.late_dataclasses import dataclass


class TickEnding(StrEnum):
    """How a tick ended; each ends once."""

    RUN = "run"
    """It became the run that its row names, however that run ended."""
    MERGED = "merged"
    """The run of a later tick of its entry covers it."""
    SKIPPED = "skipped"
    """It was not to run: a day off, a pause, another run in progress, a person's wish."""
    MISSED = "missed"
    """It was to run and did not."""


class TickCause(StrEnum):
    """Why a tick did not become a separate run; the row's `reason` says it in words."""

    EXCEPT = "except"
    PAUSE = "pause"
    SKIP_NEXT = "skip_next"
    OVERLAP = "overlap"
    """A run of the workflow was in progress."""
    REMOVED = "removed"
    """Its entry, or its file, is there no more."""
    DOWNTIME = "downtime"
    """It passed while no `serve` was running."""
    MAX_AGE = "max_age"
    INVALID = "invalid"
    """No run could be made of it: its inputs cannot be evaluated, or the like."""


@dataclass(frozen=True, kw_only=True)
class NewSchedule:
    """A schedule entry as it is from now on."""

    workflow: str
    entry: str
    """The entry's `id`, else the hash of what it says."""
    timing: Mapping[str, Any]
    """All that its ticks follow from: `schedules.Entry.to_json`."""


@dataclass(frozen=True, kw_only=True)
class Schedule(NewSchedule):
    """A schedule entry as it was from one instant to another.

    Its ticks are those later than `begins_at`, up to `ended_at`. Those up to `covered_to` have
    rows.
    """

    id: int
    begins_at: datetime
    covered_to: datetime
    ended_at: datetime | None = None
    """None: it is active."""


@dataclass(frozen=True, kw_only=True)
class NewTick:
    """A tick that is due; one with an *ending* never becomes anything else."""

    schedule_id: int
    workflow: str
    entry: str
    at: datetime
    """The scheduled instant: with workflow and entry, what the tick is."""
    starts_at: datetime
    """When its run is to begin: `at`, and its jitter."""
    ending: TickEnding | None = None
    cause: TickCause | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True)
class Tick(NewTick):
    """A row of the ledger."""

    id: int
    found_at: datetime
    """When it got its row."""
    ready_at: datetime | None = None
    """When it was let through to run, and waits for another run to end; None: not yet."""
    caught_up: bool = False
    """It was found after it had been missed, and is run all the same."""
    run_id: str | None = None
    merged_into: datetime | None = None
    """The `at` of the tick of the same entry whose run covers it."""
    ended_at: datetime | None = None
    """When the ending was recorded."""


@dataclass(frozen=True, kw_only=True)
class TickEnd:
    """The ending of a tick that does not become a separate run."""

    tick_id: int
    ending: TickEnding
    cause: TickCause
    reason: str
    """A sentence for people."""
    merged_into: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class SchedulePause:
    """A time in which no tick of a workflow runs."""

    id: int
    workflow: str
    since: datetime
    until: datetime | None
    """When it ends automatically, or ended; None: a person has to end it."""
    note: str
    by: str
    ended_by: str = ""
    """The person who ended it; empty when no person did."""

    def holds(self, at: datetime) -> bool:
        """Whether an instant lies in it."""
        return self.since <= at and (self.until is None or at < self.until)


@dataclass(frozen=True, kw_only=True)
class WorkflowSource:
    """A workflow file as it was when it was last valid."""

    path: str
    """The file, relative to the project's folder."""
    workflow: str
    definition: str
    """Hash under which the store has what a run of it executes."""
    read_at: datetime
    problem: str = ""
    """What is wrong with the file now, as it is shown; empty when nothing is."""


@dataclass(frozen=True, kw_only=True)
class NewNotification:
    """Something to be sent to a channel; *key* identifies it, so that it is sent once."""

    key: str
    event: str
    workflow: str
    """Empty when it concerns no single one."""
    run_id: str | None
    channel: str
    title: str
    text: str


@dataclass(frozen=True, kw_only=True)
class NotificationRecord(NewNotification):
    """A notice and how far it has got."""

    id: int
    created_at: datetime
    tries: int
    next_at: datetime | None
    """When it is tried (again); None when it is delivered or abandoned."""
    sent_at: datetime | None
    error: str
    """Why the last attempt failed; empty when there was none or it succeeded."""


@dataclass(frozen=True)
class Pruned:
    """What was, or would be, taken out of the store."""

    runs: int
    ticks: int
    notices: int
    schedules: int
    definitions: int
    processes: int


@dataclass(frozen=True, kw_only=True)
class NewJobEnd:
    """What a webhook of Alma says about a job that has ended."""

    account: str
    """The institution's, as of the slots."""
    instance_id: str
    job_id: str
    """`M0` or empty in old reports."""
    job_name: str
    name: str
    """The name of the instance."""
    status: str
    ended_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class JobEnd(NewJobEnd):
    """The same, as it is recorded."""

    id: int
    received_at: datetime


@dataclass(frozen=True)
class JobEndStart:
    """A workflow that is to start because a job has ended."""

    workflow: str
    job_end: JobEnd
