"""The store kept small and kept safe."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from almaflow.store import backups, retention
from almaflow.store.calls.base import StoreBase
from almaflow.store.schedule_records import Pruned


class KeepingCalls(StoreBase):
    """What is asked of the store as a whole."""

    def prune(self, before: datetime, *, dry_run: bool = False) -> Pruned:
        """Take out what ended before an instant, and return how much; or say what would go.

        Runs with all that hangs on them, ticks, notices, pauses, entries that stand no more,
        definitions that nobody names and processes that have left. What stays: unfinished runs,
        those of which a job may still run in Alma, the newest finished run of each workflow, ticks
        of runs that stay, and whatever keeps a tick from running again. What is younger than a
        day stays in any case. Not one transaction but many: others work meanwhile.
        """
        before = min(before, self._clock.now() - retention.YOUNGEST)
        if not dry_run:
            return retention.prune(self._database.write, before)
        with self._database.read() as connection:
            return retention.count(connection, before)

    def pruned_before(self) -> datetime | None:
        """Return up to when ticks may have been taken out; None: none ever was."""
        with self._database.read() as connection:
            return retention.pruned_before(connection)

    def backup(self, path: Path) -> None:
        """Copy the store into the new file *path*, for its owner only, while others use it.

        Raises:
            StoreError: the store is no file, *path* is there already, or cannot be written.
        """
        backups.copy(self._database.location, path)
