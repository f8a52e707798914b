"""The runs of a store, newest first: what `runs`, the API and the page list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from almaflow.errors import RequestWrong
from almaflow.json_data import copied
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome, Status
from almaflow.problems import did_you_mean
from almaflow.store import RunRecord, Store

STATES = [*Status, *(outcome for outcome in Outcome if outcome is not Outcome.MISSED)]
"""What a run can be filtered by."""


@dataclass(frozen=True)
class RunSummary:
    """One run without its steps."""

    id: str
    workflow: str
    path: str
    """The workflow file, as it was named when the run was recorded."""
    institution: str
    trigger: str
    status: Status
    reason: str
    """Why it waits, a line for each step that does."""
    outcome: Outcome | None
    error: str
    attempt: int
    held: bool
    """Interrupted by a person; it waits for `resume`."""
    worked_on: bool
    """Whether a live process executes it."""
    requested_at: datetime
    scheduled_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    deadline_at: datetime | None


@dataclass(frozen=True)
class RunList:
    """The document of `runs --json`."""

    runs: tuple[RunSummary, ...]


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


def live_owners(store: Store, records: Iterable[RunRecord]) -> set[str | None]:
    """Return the ids of the live processes that execute some of *records*."""
    owners = {record.owner for record in records if record.owner is not None}
    processes = (store.process(owner) for owner in owners)
    return {one.id for one in processes if one is not None and one.left_at is None}


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
