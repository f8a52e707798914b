"""The log of a run: what `logs`, the API and the page show."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from almaflow.late_dataclasses import dataclass
from almaflow.operations.run_records import is_worked_on
from almaflow.outcome import Status
from almaflow.store import LogEntry, Store


@dataclass(frozen=True)
class LogLine:
    """One event of a run; *path* is a step's, or empty."""

    at: datetime
    """When it happened."""
    kind: str
    """What happened, as a word for programs, such as `began`."""
    path: str
    """The path of the step; empty for the run."""
    text: str
    """A sentence for people; empty where the kind says it all."""
    data: Any
    """What programs read of it; its shape belongs to *kind*."""


@dataclass(frozen=True)
class RunLog:
    """The log of a run, oldest line first."""

    run: str
    """The id of the run."""
    events: tuple[LogLine, ...]
    """Its lines, oldest first."""


@dataclass(frozen=True)
class RunHead:
    """A run, as far as whoever reads its log needs it."""

    id: str
    zone: ZoneInfo
    """The time zone of its workflow."""
    status: Status
    worked_on: bool
    """Whether a live process executes it."""


def run_head(store: Store, name: str) -> RunHead:
    """Return the run that *name*, a part of its id or `last`, means; Raises: RunNotFound."""
    record = store.find_run(name)
    zone = ZoneInfo(store.definition(record.definition).get("timezone", "UTC"))
    return RunHead(record.id, zone, record.status, is_worked_on(store, record))


def run_log(store: Store, name: str, *, skip: int = 0, limit: int | None = None) -> RunLog:
    """Return the log of a run, without its first *skip* lines, at most *limit* of the others.

    Raises:
        RunNotFound: *name* means no run, or more than one.
    """
    record = store.find_run(name)
    events = store.events(record.id, skip=skip, limit=limit)
    return RunLog(record.id, tuple(map(_line, events)))


def _line(event: LogEntry) -> LogLine:
    return LogLine(event.at, event.kind, event.path, event.text, event.data)
