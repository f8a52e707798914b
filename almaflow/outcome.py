"""Where a run or step is in its life (`Status`) and how it ended (`Outcome`)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class Status(StrEnum):
    """Where something is in its life. An Alma instance has Alma's own codes instead."""

    QUEUED = "queued"
    """Recorded, not begun."""
    RUNNING = "running"
    """A process works on it."""
    WAITING = "waiting"
    """Nothing to do until something happens; the reason describes what."""
    FINISHED = "finished"
    """It has an outcome."""


UNFINISHED = (Status.QUEUED, Status.RUNNING, Status.WAITING)


class Outcome(StrEnum):
    """How something ended, for a step and for a run."""

    SUCCEEDED = "succeeded"
    """It did its work."""
    WARNING = "warning"
    """It did its work, and something wants a look: Alma's warning or an allowed failure."""
    FAILED = "failed"
    """It could not do its work, or an expectation did not hold."""
    SKIPPED = "skipped"
    """It did not run because nothing asked for it, or there was nothing to do."""
    TIMED_OUT = "timed_out"
    """Its deadline passed."""
    CANCELLED = "cancelled"
    """A person cancelled it."""
    UNKNOWN = "unknown"
    """It was sent to Alma, and it is not known whether Alma accepted it."""
    MISSED = "missed"
    """A tick that did not run. Of the ledger only."""

    @property
    def is_good(self) -> bool:
        """Whether the block around it continues: succeeded, warning or skipped."""
        return self in _GOOD


_GOOD = frozenset({Outcome.SUCCEEDED, Outcome.WARNING, Outcome.SKIPPED})

MAY_CONTINUE = frozenset({Outcome.FAILED, Outcome.TIMED_OUT})
"""The outcomes after which `on_failure: continue` continues."""

# From best to worst. Unknown outweighs everything: a person has to check.
_ORDER = (
    Outcome.SKIPPED,
    Outcome.SUCCEEDED,
    Outcome.WARNING,
    Outcome.MISSED,
    Outcome.FAILED,
    Outcome.TIMED_OUT,
    Outcome.CANCELLED,
    Outcome.UNKNOWN,
)


def worst(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the worst of *outcomes*; of none, `SUCCEEDED`."""
    return max(outcomes, key=_ORDER.index, default=Outcome.SUCCEEDED)
