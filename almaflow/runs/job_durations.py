"""How long the jobs of an institution usually take, learned from the runs in the store."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

# The number of runs of a job that are kept, and the smallest number from which a duration is
# estimated.
REMEMBERED, BELIEVED = 20, 2

# Longer durations are ignored: Alma's instants are wrong then, or of no use.
LONGEST_LEARNED = timedelta(days=30)


class Durations:
    """The last durations of each job, by institution and job id."""

    def __init__(self, learned: Iterable[Mapping[str, Any]] = ()) -> None:
        """*learned* are `{institution, job_id, seconds}`, oldest first."""
        self._seconds: dict[tuple[str, str], deque[float]] = defaultdict(
            lambda: deque(maxlen=REMEMBERED)
        )
        for record in learned:
            self.learn(record)

    def learn(self, record: Mapping[str, Any]) -> None:
        """Add the duration of one run of a job."""
        self._seconds[record["institution"], record["job_id"]].append(record["seconds"])

    def expected(self, institution: str, job_id: str) -> timedelta | None:
        """Return the median duration of a job; None when too few runs are known."""
        seconds = self._seconds.get((institution, job_id), ())
        if len(seconds) < BELIEVED:
            return None
        from statistics import median

        return timedelta(seconds=median(seconds))
