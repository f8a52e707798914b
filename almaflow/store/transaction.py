"""A transaction of the store, as the functions that read and write its rows see it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import Connection

from almaflow.clock import Clock
from almaflow.store.liveness import Liveness

T = TypeVar("T")

# How many values one statement names; a database takes some thousand.
_TOGETHER: Final = 500


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


def batches(values: Sequence[T]) -> Iterator[list[T]]:
    """Yield *values* in parts that one statement can name."""
    for start in range(0, len(values), _TOGETHER):
        yield list(values[start : start + _TOGETHER])
