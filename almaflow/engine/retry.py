"""How long to wait before a request to Alma is sent again."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

from almaflow.alma import error_advice
from almaflow.alma.errors import (
    AlmaBusy,
    AlmaError,
    AlmaRefused,
    AlmaUnreachable,
    ResponseLost,
    Threshold,
)
from almaflow.late_dataclasses import dataclass
from almaflow.waiting import Waiting, WaitingKind

# Back-off after a transient fault, doubling.
SHORTEST, LONGEST = timedelta(seconds=1), timedelta(minutes=1)

# Back-off after Alma refused a job because of a limit that others share.
QUEUE_SHORTEST, QUEUE_LONGEST = timedelta(seconds=30), timedelta(minutes=2)

# A host that has never responded is given up after this time: it is probably the wrong one.
NEVER_ANSWERED = timedelta(minutes=1)


def as_lost(error: AlmaRefused) -> ResponseLost:
    """Return *error*, which is not Alma's (such as a maintenance page), as a lost response."""
    return ResponseLost(
        error.text, what=error.what, http_status=error.http_status, advice=error.advice
    )


def never_answered(error: AlmaError, institution: str) -> AlmaError:
    """Return the error to raise when the host has never responded as Alma does."""
    if isinstance(error, AlmaUnreachable):
        return error
    return ResponseLost(
        f"For a minute, no response from the host of {institution} was a response of Alma. The "
        f"last: {error.text}",
        what=error.what,
        http_status=error.http_status,
        messages=error.messages,
        advice=error_advice.WRONG_HOST,
    )


@dataclass
class Retries:
    """The failed tries of one request; *since* is the instant of the first."""

    since: datetime
    failures: int = 0

    def are_hopeless(self, now: datetime) -> bool:
        """Whether a host that has never responded is given up now."""
        return self.failures > 1 and now - self.since >= NEVER_ANSWERED


def back_off(tries: int, shortest: timedelta, longest: timedelta) -> timedelta:
    """Return the wait after *tries* failures (1 is the first), without jitter."""
    # After 30 doublings *longest* is reached in any case; more would overflow.
    return min(longest, shortest * 2.0 ** min(tries - 1, 30))


def retry_delay(error: AlmaError, tries: int, now: datetime, chance: random.Random) -> timedelta:
    """Return how long to wait before the same request is sent again.

    *tries* counts the failures so far, *now* is aware. Up to a quarter of the wait is left out by
    chance, so that many runs do not come back at the same instant.
    """
    if isinstance(error, AlmaBusy) and error.threshold is Threshold.DAY:
        return next_quota_reset(now, chance) - now
    shortest, longest = SHORTEST, LONGEST
    if isinstance(error, AlmaBusy) and error.threshold in (Threshold.JOBS, Threshold.OVERLAP):
        shortest, longest = QUEUE_SHORTEST, QUEUE_LONGEST
    return with_jitter(back_off(tries, shortest, longest), shortest, chance)


def with_jitter(wait: timedelta, shortest: timedelta, chance: random.Random) -> timedelta:
    """Return *wait* without up to a quarter of it."""
    return max(shortest, wait * (0.75 + 0.25 * chance.random()))


def next_quota_reset(now: datetime, chance: random.Random) -> datetime:
    """Return when the quota of the next day begins, up to a minute later by chance.

    Alma does not document the time zone of that midnight; its times are UTC.
    """
    start = (now.astimezone(UTC) + timedelta(days=1)).replace(
        hour=0, minute=0, second=0, microsecond=0
    )
    return start + timedelta(minutes=1) * chance.random()


def waiting_for(error: AlmaError, institution: str) -> Waiting:
    """Return the wait of a step after *error*."""
    return Waiting(WaitingKind.ALMA, _reason(error, institution))


def _reason(error: AlmaError, institution: str) -> str:
    if isinstance(error, AlmaBusy):
        return {
            Threshold.CALLS: f"{institution}'s calls per second or minute are used up",
            Threshold.DAY: f"{institution}'s calls for today are used up",
            Threshold.JOBS: f"Alma's limit of API-started jobs is reached at {institution}",
            Threshold.OVERLAP: f"another run in {institution} conflicts with this job",
        }[error.threshold]
    how = "does not respond" if error.http_status is None else "does not respond as expected"
    return f"Alma at {institution} {how} ({error.text.rstrip('.')})"
