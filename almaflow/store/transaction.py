"""A transaction of the store, as the functions that read and write its rows see it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from almaflow.clock import Clock
from almaflow.store.connection import Connection
from almaflow.store.liveness import Liveness
from almaflow.store.locks import NO_LOCK, Locks
from almaflow.store.run_queue import Changes


class Transaction:
    """What a function needs to read and write rows: an open transaction, the time, liveness.

    The methods for statements are those of `Connection`.
    """

    def __init__(
        self,
        connection: Connection,
        clock: Clock,
        liveness: Liveness,
        changes: Changes,
        locks: Locks = NO_LOCK,
    ) -> None:
        self.rows: Final = connection.rows
        self.row: Final = connection.row
        self.column: Final = connection.column
        self.value: Final = connection.value
        self.execute: Final = connection.execute
        self.execute_all: Final = connection.execute_all
        self.insert: Final = connection.insert
        self.insert_all: Final = connection.insert_all
        self.insert_numbered: Final = connection.insert_numbered
        self.unless_locked: Final = connection.unless_locked
        self.driver: Final = connection.driver
        """The driver's own connection."""
        self.liveness: Final = liveness
        self.changes: Final = changes
        """The events that other processes are notified of when the transaction is committed."""
        self.locks: Final = locks
        """What no other transaction changes meanwhile."""
        self._clock = clock

    @property
    def now(self) -> datetime:
        """The time of the store's clock."""
        return self._clock.now()
