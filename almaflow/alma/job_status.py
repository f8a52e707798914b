"""The meaning of Alma's status codes of job instances (code table `systemJobStatus`).

Alma may add codes: an instance with an unknown code is running until it has an end time.

Source: `alma-api.md`, table 6.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from almaflow.alma.wire import JobInstance

_GOES_ON = {
    "PENDING": "accepted, waiting for resources or another job",
    "QUEUED": "accepted, not started",
    "INITIALIZING": "being prepared",
    "RUNNING": "running",
    "FINALIZING": "work finished, the report is being written",
}
_ENDED = {
    "COMPLETED_SUCCESS": "completed successfully",
    "COMPLETED_WARNING": "completed with warnings",
    "COMPLETED_FAILED": "completed with errors",
    "COMPLETED_NO_BULKS": "completed, there was nothing to work on",
    "FAILED": "failed",
    "SKIPPED": "skipped by Alma",
    "SYSTEM_ABORTED": "aborted by the system",
    "USER_ABORTED": "aborted by a person in Alma",
    "MANUAL_HANDLING_REQUIRED": "stopped; a person must act in Alma",
}

KNOWN_STATUSES = _GOES_ON | _ENDED
"""The codes that Alma is known to use, in the order of a run's life, and what they mean."""

TERMINAL_STATUSES = frozenset(_ENDED)
"""The known codes of an ended instance."""


def is_terminal(instance: JobInstance) -> bool:
    """Whether *instance* has ended, by its code, or for an unknown code by its end time.

    A known code decides alone: `FINALIZING` may have an end time and still be at work, and
    `progress` says nothing (100 is seen on runs that continue, 101.3 and 0 on ended ones).
    """
    if instance.status in KNOWN_STATUSES:
        return instance.status in TERMINAL_STATUSES
    return instance.end_time is not None
