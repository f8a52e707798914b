"""The lease of this process: its right to act, renewed while it lives.

A process that waits for this one sees its heartbeats in the store. A process that was suspended for
longer than its lease does not know what happened meanwhile. It sends nothing until it has renewed
the lease; it has lost the lease if another process found it dead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta

from almaflow.clock import Clock, sleep
from almaflow.store import RENEW, Process, Store, StoreTrouble
from almaflow.store.writer import StoreWriter

# How many times a lease is renewed before it would expire.
RENEWALS = 4

# After a failed renewal, the next one follows sooner.
AGAIN = timedelta(seconds=1)


class Lease:
    """The lease of one process, counted on a clock that keeps running while the machine sleeps."""

    def __init__(self, store: Store, writer: StoreWriter, clock: Clock, process_id: str) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._process_id = process_id
        self._renewed_at = clock.elapsed()

    def holds(self) -> bool:
        """Whether the lease is valid right now. Any thread may ask."""
        left = self._renewed_at + self._store.lease.total_seconds() - self._clock.elapsed()
        return self._store.in_memory or left > 0

    async def renew(self) -> None:
        """Renew it now; Raises: LeaseLost when this process was found dead."""
        # The lease counts from before the renewal, because other processes count from when they see
        # it.
        asked_at = self._clock.elapsed()
        await self._writer.call(self._store.renew_lease, self._process_id)
        self._renewed_at = asked_at

    async def keep(self) -> None:
        """Renew it for as long as this runs; Raises: LeaseLost."""
        if self._store.in_memory:
            return
        while True:
            pause = self._store.lease / RENEWALS
            try:
                await self.renew()
            except StoreTrouble:
                # The next write reports an error of the store; the lease may still be valid.
                pause = min(pause, AGAIN)
            await sleep(self._clock, pause)


class HeartbeatWatch:
    """Reports each process that sends no heartbeat to *watching*, once.

    A live process sends one within `RENEW`, so almaflow reports nothing before that time.
    """

    def __init__(self, clock: Clock, watching: Callable[[int, str], None]) -> None:
        self._clock = clock
        self._watching = watching
        self._noticed_at: dict[str, float] = {}
        self._reported: set[str] = set()

    def note(self, silent: Sequence[Process]) -> None:
        """Record which processes are silent now."""
        now = self._clock.elapsed()
        for process in silent:
            began = self._noticed_at.setdefault(process.id, now)
            if process.id not in self._reported and now - began > RENEW.total_seconds() + 1:
                self._reported.add(process.id)
                self._watching(process.pid, process.host)
