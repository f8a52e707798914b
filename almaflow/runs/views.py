"""The view of a run for people and programs, from its record, journal and log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Any

from almaflow.json_data import as_data, copied
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import Outcome, Status
from almaflow.recorded_steps import unreadable
from almaflow.runs.events import EventKind
from almaflow.runs.step_views import JournalByStep, StepView, display_value, waits_of
from almaflow.store import JournalEntry, LogEntry, RunRecord
from almaflow.waiting import WaitingKind


@dataclass(frozen=True)
class MessageView:
    """A message of the run; *path* is a step's, or empty."""

    at: datetime
    """When it was written."""
    path: str
    """The path of the step; empty for the run."""
    text: str
    """The message."""
    to: str = ""
    """The channel of a notification; empty for a line of the log."""


@dataclass(frozen=True)
class RunAttemptView:
    """One attempt at the run; every attempt after the first was requested with `retry`."""

    number: int
    """Counts from 1."""
    asked_at: datetime | None
    """When `retry` was requested."""
    by: str
    """Who requested it; empty for the first attempt."""
    start: str
    """The step that `--from` named; empty when it did not."""
    ended_at: datetime | None
    """When it ended; None as long as it has not."""
    outcome: Outcome | None
    """How it ended; None as long as it has not."""
    error: str
    """Why it did not go well; else empty."""


@dataclass(frozen=True)
class WaitView:
    """A step that waits, and for what."""

    path: str
    """The path of the step; empty for the run."""
    reason: str
    """What it waits for, as a clause for people."""
    kind: WaitingKind
    """What it waits for, for programs."""


@dataclass(frozen=True)
class RunView:
    """One run and its current state."""

    id: str
    """Names the run for good: when it was requested, and some letters."""
    workflow: str
    """The name of its workflow."""
    file: str
    """The workflow file, as it was named when the run was recorded."""
    institution: str
    """The institution that it works with; empty for a run of none."""
    trigger: str
    """Why it exists: `manual`, `timetable` or `job_ended`."""
    status: Status
    """Where the run is in its life."""
    reason: str
    """Why it waits, a line for each step that does."""
    waits: tuple[WaitView, ...]
    """The steps that wait; empty when the run waits for a person."""
    outcome: Outcome | None
    """How it ended; None as long as it has not."""
    error: str
    """Why it did not go well; else empty."""
    attempt: int
    """The number of its last attempt, from 1."""
    attempts: tuple[RunAttemptView, ...]
    """Every attempt, oldest first."""
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
    seconds: float | None
    """From begin to end; None until it has ended."""
    cancel_requested_at: datetime | None
    """When a person asked to cancel it; None when no person did."""
    cancel_requested_by: str
    """Who asked to cancel it; else empty."""
    inputs: Mapping[str, Any]
    """The values of its inputs, by name."""
    vars: Mapping[str, Any]
    """The values of the workflow's `vars`, by name."""
    outputs: Mapping[str, Any] | None
    """The values of the workflow's `outputs`, by name; None before they are known."""
    commit: str | None
    """The git commit of the file, None outside a checkout or when not known."""
    timezone: str
    """The time zone of its workflow."""
    unreadable: str
    """Why this version of almaflow cannot continue it, and what to do; empty when it can."""
    steps: tuple[StepView, ...]
    """Its steps in the order of the file."""
    messages: tuple[MessageView, ...]
    """What its steps said, oldest first."""

    def as_data(self) -> dict[str, Any]:
        """Return the view as JSON data, with instants as ISO 8601 text."""
        data: dict[str, Any] = as_data(self)
        return data


def view_of(
    record: RunRecord,
    definition: Mapping[str, Any] | None,
    entries: Sequence[JournalEntry],
    events: Iterable[LogEntry],
    *,
    worked_on: bool = False,
    zone: tzinfo | None = None,
) -> RunView:
    """Make the view of a run.

    *definition* is what was recorded of the workflow and has the steps; without it (another version
    recorded the run) the steps come from the journal. *worked_on* says whether a live process
    executes the run: then a request without a response is still in progress. Texts give times in
    *zone*; None: in that of the workflow.
    """
    steps = JournalByStep(record, definition, entries, worked_on, zone).views()
    log = list(events)
    step_paths = [step.path for step in steps]
    waits = (WaitView(one.path, one.full_text, one.kind) for one in waits_of(record, step_paths))
    return copied(
        RunView,
        record,
        file=record.path,
        waits=tuple(waits),
        attempts=tuple(_attempts(record, entries, log)),
        worked_on=worked_on,
        seconds=_seconds(record.started_at, record.ended_at),
        inputs=display_value(record.inputs),
        vars=display_value(record.vars),
        outputs=None if record.outputs is None else display_value(record.outputs),
        commit=None if definition is None else definition.get("commit"),
        timezone="UTC" if definition is None else definition["timezone"],
        unreadable=unreadable(record),
        steps=steps,
        messages=tuple(_messages(log)),
    )


def lost_steps(view: RunView) -> list[StepView]:
    """Return the steps for which it is not known whether Alma accepted what they sent."""
    return [step for step in view.steps if step.outcome is Outcome.UNKNOWN]


def _attempts(
    record: RunRecord, entries: Iterable[JournalEntry], log: Iterable[LogEntry]
) -> Iterator[RunAttemptView]:
    """Yield the attempts at the run, the oldest first."""
    retries = {one.attempt: one for one in entries if not one.path and one.effect == "retry"}
    ends = [one for one in log if one.kind == EventKind.RUN and "outcome" in (one.data or {})]
    for number in range(1, record.attempt + 1):
        retry = retries.get(number)
        recorded = {} if retry is None else retry.value
        if number == record.attempt:
            ended_at, outcome, error = record.ended_at, record.outcome, record.error
        elif number <= len(ends):
            end = ends[number - 1]
            ended_at, outcome, error = end.at, Outcome(end.data["outcome"]), end.text
        else:
            # Its log was not kept.
            ended_at, outcome, error = None, None, ""
        yield RunAttemptView(
            number=number,
            asked_at=None if retry is None else retry.created_at,
            by=recorded.get("by", ""),
            start=recorded.get("from") or "",
            ended_at=ended_at,
            outcome=outcome,
            error=error,
        )


def _messages(events: Iterable[LogEntry]) -> Iterable[MessageView]:
    for event in events:
        if event.kind in (EventKind.SAID, EventKind.NOTICE):
            to = (event.data or {}).get("to", "")
            yield MessageView(event.at, event.path, event.text, to)


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    if start is None or end is None:
        return None
    return round((end - start) / timedelta(seconds=1), 3)
