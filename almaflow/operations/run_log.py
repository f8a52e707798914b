"""The log of a run: what `logs`, the API and the page show."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from almaflow.late_dataclasses import dataclass
from almaflow.store import LogEntry, Store


@dataclass(frozen=True)
class LogLine:
    """One event of a run; *path* is a step's, or empty."""

    at: datetime
    kind: str
    path: str
    text: str
    data: Any
    """What programs read of it; its shape belongs to *kind*."""


@dataclass(frozen=True)
class RunLog:
    """The log of a run, oldest line first."""

    run: str
    events: tuple[LogLine, ...]


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
