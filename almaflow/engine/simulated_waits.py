"""How much a simulated run waits: its hours cost nothing, but each look at Alma in them does.

A live run looks as often as its file says. A simulated one that would look every second for a day
looks less often after its first looks, and ends when the whole run has waited too many times.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from almaflow.errors import RequestWrong
from almaflow.field_types import format_duration
from almaflow.late_dataclasses import dataclass

MOST_WAITS = 10_000
"""How many waits a simulated run may have, all its steps together."""

EXACT_WAITS = 100
"""How many waits of one attempt at a step are as long as the file says."""

# Later waits take at least this part of the time that the attempt has taken so far: a year of polls
# becomes some hundred, and the end of a job is seen at most that much late.
_STRETCH = 1 / 25


class SimulationTooLong(RequestWrong):
    """A simulated run has waited too many times to be played to its end."""


@dataclass
class SimulatedWaits:
    """Counts the waits of one simulated run."""

    waits: int = 0

    def next_look(
        self, path: str, waited: int, began: datetime, now: datetime, instant: datetime
    ) -> datetime:
        """Return when the step at *path*, which began at *began*, is to wake from a wait.

        *waited* are the waits of the attempt before this one; *instant* is what the step asks for.

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
