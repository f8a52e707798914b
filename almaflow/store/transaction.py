"""A transaction of the store, as the functions that read and write its rows see it."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import Connection

from almaflow.clock import Clock
from almaflow.store.liveness import Liveness


class Transaction:
    """What a function needs to read and write rows: an open transaction, the time, who lives."""

    def __init__(self, connection: Connection, clock: Clock, liveness: Liveness) -> None:
        self.execute: Final = connection.execute
        self.liveness: Final = liveness
        self._clock = clock

    @property
    def now(self) -> datetime:
        """The time of the store's clock."""
        return self._clock.now()
