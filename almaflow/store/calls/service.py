"""What a service keeps in the store beside the ledger: pauses, workflow files, notices."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from almaflow.store import leader, notices, pauses, sources
from almaflow.store.calls.base import StoreBase
from almaflow.store.schedule_records import NewNotice, NoticeRecord, Pause, Source


class ServiceCalls(StoreBase):
    """What is asked of pauses, files and notices."""

    # Pauses

    def pause(
        self, workflow: str, *, by: str, note: str = "", until: datetime | None = None
    ) -> Pause:
        """Pause a workflow from now on, and return the pause; one that stands ends now.

        *until* is when it ends by itself; None: somebody has to end it.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            return pauses.begin(connection, workflow, by, note, until, now)

    def unpause(self, workflow: str, *, by: str) -> Pause | None:
        """End the pause of a workflow and return it, None when it has none now."""
        now = self._clock.now()
        with self._database.write() as connection:
            return pauses.end(connection, workflow, by, now)

    def pauses(self, *, workflow: str | None = None, since: datetime | None = None) -> list[Pause]:
        """Return the pauses that touch the time from *since* on, oldest first; None: all."""
        with self._database.read() as connection:
            return pauses.find(connection, workflow, since)

    # Files

    def sources(self) -> list[Source]:
        """Return the workflow files as they were when they were last valid, by path."""
        with self._database.read() as connection:
            return sources.find(connection)

    def keep_source(
        self, process_id: str, source: Source, definition: Mapping[str, Any] | None
    ) -> Source:
        """Record a workflow file in place of what was known of it, and return it.

        *definition* is what a run of it executes, JSON-able; its hash is filled in. None: the
        hash in *source* stays, under which the store has it.

        Raises:
            NotLeader: *process_id* does not lead.
            ValueUnfit: the definition is larger than 16 MiB, or no JSON.
        """
        with self._database.write() as connection:
            leader.check(connection, process_id)
            return sources.keep(connection, source, definition)

    def drop_source(self, process_id: str, path: str) -> None:
        """Forget a workflow file.

        Raises:
            NotLeader: *process_id* does not lead.
        """
        with self._database.write() as connection:
            leader.check(connection, process_id)
            sources.drop(connection, path)

    # Notices

    def add_notices(self, new: Sequence[NewNotice]) -> int:
        """Record notices to be delivered, and return how many were new.

        A key that was told to the same channel is left alone.
        """
        now = self._clock.now()
        with self._database.write() as connection:
            return notices.add(connection, new, now)

    def due_notices(self, limit: int = 100) -> list[NoticeRecord]:
        """Return the notices that are to be tried now, those that wait longest first."""
        now = self._clock.now()
        with self._database.read() as connection:
            return notices.due(connection, now, limit)

    def undelivered_notices(self) -> int:
        """Return how many notices are still to be delivered, due or not."""
        with self._database.read() as connection:
            return notices.undelivered(connection)

    def notice_sent(self, notice_id: int) -> None:
        """Record that a notice got there, now."""
        now = self._clock.now()
        with self._database.write() as connection:
            notices.sent(connection, notice_id, now)

    def notice_failed(self, notice_id: int, error: str, again_at: datetime | None) -> None:
        """Record why a notice did not get there; None for *again_at* gives it up."""
        with self._database.write() as connection:
            notices.failed(connection, notice_id, error, again_at)

    def notices(
        self,
        *,
        since: datetime | None = None,
        workflow: str | None = None,
        limit: int | None = None,
    ) -> list[NoticeRecord]:
        """Return the notices made at or after *since*, newest first, at most *limit*."""
        with self._database.read() as connection:
            return notices.newest(connection, since, workflow, limit)
