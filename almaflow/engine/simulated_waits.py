"""Limits the waits of a simulated run: its hours cost nothing, but each poll in them does.

A live run polls as often as its file says. A simulated run that would poll every second for a day
polls less often after a while, and ends when the whole run has waited too many times.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from almaflow.durations import format_duration
from almaflow.errors import RequestWrong
from almaflow.late_dataclasses import dataclass

MOST_WAITS = 10_000
"""The largest number of waits of a simulated run, over all its steps."""

EXACT_WAITS = 100
"""The number of waits of one attempt that are as long as the file says."""

# Later waits take at least this part of the time that the attempt has taken so far: a year of polls
# becomes some hundred, and the end of a job is seen at most that much late.
_STRETCH = 1 / 25


class SimulationTooLong(RequestWrong):
    """A simulated run has waited too many times and is ended."""


@dataclass
class SimulatedWaits:
    """Counts the waits of one simulated run."""

    waits: int = 0

    def next_look(
        self, path: str, waited: int, began: datetime, now: datetime, instant: datetime
    ) -> datetime:
        """Return when a wait of the step at *path*, which began at *began*, ends.

        *waited* counts the attempt's earlier waits; *instant* is the end that the step asks for.

        Raises:
            SimulationTooLong: the run has waited `MOST_WAITS` times.
        """
        if self.waits >= MOST_WAITS:
            raise SimulationTooLong(_too_long(path, waited, now - began))
        self.waits += 1
        if waited < EXACT_WAITS:
            return instant
        return max(instant, now + (now - began) * _STRETCH)


def _too_long(path: str, waited: int, took: timedelta) -> str:
    return (
        f"The simulated run waited {MOST_WAITS:,} times, the most that a simulation plays; step "
        f"{path} waited last, {waited:,} times in {format_duration(took)}. Make `poll` longer "
        "under `defaults`, or give the run fewer items or jobs that end sooner."
    )
