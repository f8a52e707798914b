"""One time of day for all hosts of a store: that of the database.

Hosts read each other's instants: until when a run waits, when a job was started, which tick is
next. A host whose clock is an hour slow would wait an hour too long with a run that it continues,
and one whose clock is an hour fast would start jobs beyond Alma's limits.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from almaflow.clock import SystemClock
from almaflow.engine.log import Log
from almaflow.store import Store

NOTICED: Final = timedelta(seconds=2)
"""Clocks that differ by less are left alone: they agree as well as those of other programs."""


def share_time(store: Store) -> timedelta:
    """Correct this process's clock by the database's; return how much the machine's is ahead.

    That is nothing when they agree, and negative when it is behind. A slow network does not count
    as a difference.

    Raises:
        StoreTrouble: the store refused.
    """
    clock = SystemClock()
    with store.read() as tx:
        asked_at = clock.now()
        there = tx.value("SELECT clock_timestamp()")
        answered_at = clock.now()
    ahead = max(asked_at - there, timedelta()) + min(answered_at - there, timedelta())
    if abs(ahead) >= NOTICED:
        SystemClock.correct(ahead)
    return SystemClock.ahead()


class ClockReports:
    """Reports to *log* once by how much the machine's clock differs from the database's."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._reported = timedelta()

    def note(self, ahead: timedelta) -> None:
        """Report how much the machine's clock is ahead, when that is new."""
        if abs(ahead - self._reported) < NOTICED:
            return
        self._reported = ahead
        if abs(ahead) < NOTICED:
            self._log("This machine's clock agrees with the database's again.")
            return
        how = "fast" if ahead > timedelta() else "slow"
        seconds = timedelta(seconds=round(abs(ahead).total_seconds()))
        self._log(
            f"This machine's clock is {seconds} {how}, compared with the database's, so almaflow"
            " uses the time of the database. Check the time synchronization of both machines.",
            level="warning",
        )
