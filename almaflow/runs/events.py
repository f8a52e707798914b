"""What happens in a run, reported to its log in the store and to listeners."""

from __future__ import annotations

from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from almaflow.late_dataclasses import dataclass


class EventKind(StrEnum):
    """What a line of a run's log is about."""

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
    """A step has something to say."""
    NOTICE = "notice"
    """A message for people."""


@dataclass(frozen=True)
class RunEvent:
    """One thing that happened in a run; *path* is a step's, or empty for the run itself."""

    at: datetime
    run_id: str
    kind: EventKind
    path: str
    text: str
    data: dict[str, Any] = field(default_factory=dict)


NOT_LOGGED = frozenset({EventKind.PROGRESS, EventKind.REQUEST})
"""Events for listeners only."""


class Listener(Protocol):
    """A listener that follows runs while they execute."""

    def receive(self, event: RunEvent) -> None:
        """Take note of what happened; must be quick and must not raise."""
        ...


class NoListener:
    """Nobody looks on."""

    def receive(self, event: RunEvent) -> None:
        """Drop it."""
