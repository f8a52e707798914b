"""The events of a run, which go to its log in the store and to listeners."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from almaflow.late_dataclasses import dataclass


class EventKind(StrEnum):
    """The kinds of events."""

    RUN = "run"
    """The run began, ended, was resumed, held or cancelled."""
    BEGAN = "began"
    """A step, or an attempt after the first, began."""
    WAITING = "waiting"
    """A step waits; the text says for what."""
    PROGRESS = "progress"
    """The progress of a job; for listeners, not logged."""
    REQUEST = "request"
    """A request to Alma, as it is sent, secrets as names; for listeners, not logged."""
    ENDED = "ended"
    """A step ended; its data holds outcome and error."""
    SAID = "said"
    """A remark of a step."""
    NOTICE = "notice"
    """A message for people."""


@dataclass(frozen=True)
class RunEvent:
    """One event of a run; *path* is a step's, or empty for the run itself."""

    at: datetime
    run_id: str
    kind: EventKind
    path: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)


NOT_LOGGED = frozenset({EventKind.PROGRESS, EventKind.REQUEST})
"""Events for listeners only."""


class Listener(Protocol):
    """Receives the events of runs while they execute."""

    def receive(self, event: RunEvent) -> None:
        """Process one event. This must be quick and must not raise."""
        ...


class NullListener:
    """Ignores all events."""

    def receive(self, event: RunEvent) -> None:
        """Ignore the event."""
