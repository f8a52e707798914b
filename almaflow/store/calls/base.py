"""What all methods of the store stand on: its database, its clock, who lives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Self

from almaflow.clock import Clock
from almaflow.store.database import BUSY_TIMEOUT, Database
from almaflow.store.processes import LEASE, Lives


class StoreBase:
    """An open store, its transactions and its end."""

    def __init__(self, database: Database, clock: Clock, lease: timedelta = LEASE) -> None:
        self._database = database
        self._clock = clock
        self._lives = Lives(database.location, clock, lease)

    @classmethod
    def open(
        cls,
        url: str,
        *,
        clock: Clock,
        busy_timeout: timedelta = BUSY_TIMEOUT,
        lease: timedelta = LEASE,
    ) -> Self:
        """Open, make or bring up to date the store at *url*.

        *url* is `sqlite:///PATH`, `sqlite://` for a store in memory, or
        `postgresql://user@host/database`. *busy_timeout* is how long a transaction waits for
        another process's, *lease* for how long a process lives without a sign of life.

        Raises:
            StoreUrlWrong: *url* names no store.
            StoreError: it cannot be used.
        """
        return cls(Database.open(url, clock.now(), busy_timeout), clock, lease)

    def close(self) -> None:
        """Close the store; processes that did not leave count as dead from now on."""
        self._lives.drop()
        self._database.close()

    @property
    def in_memory(self) -> bool:
        """Whether everything is gone when the store is closed."""
        return self._database.in_memory

    @property
    def address(self) -> str:
        """The store's file, its server and database, or `in memory`, for messages."""
        return str(self._database.location)

    @property
    def lease(self) -> timedelta:
        """For how long a process lives without a sign of life."""
        return self._lives.lease

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Let the calls of this thread inside the `with` share one transaction.

        What they did is durable when the `with` ends, and taken back when it ends with an
        error. A call that fails takes back itself; the error may be caught inside, unless it is
        a `StoreTrouble`. Other threads wait meanwhile.
        """
        with self._database.write():
            yield
