"""The runs of a store, newest first: what `runs`, the API and the page list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from almaflow.errors import RequestWrong
from almaflow.json_data import copied
from almaflow.late_dataclasses import dataclass
from almaflow.operations.run_records import live_owners
from almaflow.outcome import Outcome, Status
from almaflow.problems import did_you_mean
from almaflow.store import RunRecord, Store

STATES = [*Status, *(outcome for outcome in Outcome if outcome is not Outcome.MISSED)]
"""What a run can be filtered by."""


@dataclass(frozen=True)
class RunSummary:
    """One run without its steps."""

    id: str
    """Names the run for good: when it was requested, and some letters."""
    workflow: str
    """The name of its workflow."""
    path: str
    """The workflow file, as it was named when the run was recorded."""
    institution: str
    """The institution that it works with; empty for a run of none."""
    trigger: str
    """Why it exists: `manual`, `timetable` or `job_ended`."""
    status: Status
    """Where the run is in its life."""
    reason: str
    """Why it waits, a line for each step that does."""
    outcome: Outcome | None
    """How it ended; None as long as it has not."""
    error: str
    """Why it did not go well; else empty."""
    attempt: int
    """The number of its last attempt, from 1."""
    held: bool
    """Interrupted by a person; it waits for `resume`."""
    worked_on: bool
    """Whether a live process executes it."""
    requested_at: datetime
    """When it was recorded."""
    scheduled_at: datetime
    """The scheduled time of its tick; without one, when it was requested."""
    started_at: datetime | None
    """When it began; None before."""
    ended_at: datetime | None
    """When it ended; None as long as it has not."""
    deadline_at: datetime | None
    """When its time limit expires; None without a limit, or before it began."""


@dataclass(frozen=True)
class RunList:
    """The document of `runs --json`."""

    runs: tuple[RunSummary, ...]
    """The runs that fit, newest first."""


def list_runs(
    store: Store,
    limit: int,
    *,
    workflow: str | None = None,
    state: Status | Outcome | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    older_than: str | None = None,
) -> list[RunSummary]:
    """Return the runs that fit all that is given, newest first, at most *limit*.

    *since* and *until* bound when they were requested, both included; *older_than* is the id of a
    run, and only runs that were recorded before it are listed.

    Raises:
        RunNotFound: there is no run *older_than*.
    """
    records = store.runs(
        limit,
        workflow=workflow,
        statuses=[state] if isinstance(state, Status) else None,
        outcomes=[state] if isinstance(state, Outcome) else None,
        requested_since=since,
        requested_until=until,
        before_run=older_than,
    )
    return summaries_of(store, records)


def summaries_of(store: Store, records: Sequence[RunRecord]) -> list[RunSummary]:
    """Return the summaries of *records*, in their order."""
    alive = live_owners(store, records)
    return [copied(RunSummary, one, worked_on=one.owner in alive) for one in records]


def read_state(text: str) -> Status | Outcome:
    """Return the status or outcome that *text* names; Raises: RequestWrong."""
    states: dict[str, Status | Outcome] = {str(one): one for one in STATES}
    state = states.get(text.strip().casefold().replace("-", "_"))
    if state is None:
        raise RequestWrong(
            f"`{text}` is not a status or an outcome{did_you_mean(text, states) or '.'} Use "
            f"one of {', '.join(states)}."
        )
    return state
