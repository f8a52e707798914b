"""What a service lets be measured: the calls that it makes while it works, and its present state.

`Measures` notes nothing; `metrics.Metrics` gives it all to Prometheus.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from almaflow.store import RunRecord
from almaflow.store.schedule_records import TickEnding


@dataclass(frozen=True)
class Picture:
    """How a service stands right now."""

    leads: bool = False
    """Whether this process lays out ticks, and is not a standby."""
    unfinished: Sequence[RunRecord] = ()
    """All runs of the store that have not ended."""
    queued_runs: frozenset[str] = frozenset()
    """Ids of the runs of which a step waits for one of Alma's places."""
    open_ticks: int = 0
    """Ticks that have come and have no ending yet."""
    undelivered: int = 0
    """Notices that have not got to their channel yet."""
    paused: Sequence[str] = ()
    """Names of the workflows that are paused."""
    invalid: Sequence[str] = ()
    """Files whose last edit is invalid."""
    remaining_calls: Mapping[str, int] = field(default_factory=dict)
    """By institution, the calls left for this day, where Alma has said so."""


Look = Callable[[], Picture]
"""Asked from another thread whenever somebody reads the metrics; may raise `StoreError`."""


class Measures:
    """Notes nothing; every method is quick and never raises."""

    def ticks_ended(self, workflow: str, ending: TickEnding, number: int = 1) -> None:
        """Note that *number* ticks of a workflow ended."""

    def tick_began(self, workflow: str, late: timedelta) -> None:
        """Note that a tick became a run, so long after it was to begin."""

    def woke_up(self, late: timedelta) -> None:
        """Note that the service looked at its timetables, so long after it was to."""

    def run_ended(self, record: RunRecord) -> None:
        """Note that a run of this process ended; *record* has its outcome and instants."""

    def start(self, port: int) -> None:
        """Begin to give the metrics on a port of this machine; Raises: RequestWrong."""

    def stop(self) -> None:
        """Give the port back."""
