"""Runs that a newer almaflow recorded: this process leaves them alone, and reports that once."""

from __future__ import annotations

from collections.abc import Collection

from almaflow import recorded_steps
from almaflow.engine.log import Log
from almaflow.store import Store
from almaflow.store.writer import StoreWriter


class NewerRuns:
    """Reports to *log* which unfinished runs this process cannot read, when some are new."""

    def __init__(self, store: Store, log: Log) -> None:
        self._store = store
        self._log = log
        self._reported: Collection[str] = ()

    async def look(self, writer: StoreWriter) -> None:
        """Search for such runs, through the *writer* of the store.

        Raises:
            StoreTrouble: the store refused.
        """
        run_ids = await writer.call(self._store.newer_runs, recorded_steps.FORMAT)
        if not set(run_ids) <= set(self._reported):
            self._log(
                f"{len(run_ids)} unfinished {'run was' if len(run_ids) == 1 else 'runs were'}"
                f" recorded by a newer almaflow, such as {run_ids[-1]}; this process leaves them"
                " to one that is as new. Update almaflow on this machine.",
                level="warning",
            )
        self._reported = run_ids
