"""The store in PostgreSQL: how its connection is set up, and what its errors mean.

One process writes at a time, as in SQLite: a writing transaction takes a lock of ours right after
its begin, before anything is read. It is READ COMMITTED, so that what it reads then is what the
one before it left; under a stricter level it would see the store as it was before the wait.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import psycopg
from sqlalchemy import Engine, create_engine, event
from sqlalchemy.pool import NullPool

from almaflow.store.backend import LinkState
from almaflow.store.errors import (
    StoreDamaged,
    StoreFull,
    StoreLocked,
    StoreLost,
    StoreReadOnly,
    StoreTrouble,
    StoreUnreachable,
)
from almaflow.store.location import StoreLocation

# The number of our lock; it reads `almaflow`.
_LOCK: Final = int.from_bytes(b"almaflow")

# Seconds until a server that does not answer is given up, instead of the hours that an operating
# system waits for. The address of the store may say otherwise.
_PATIENCE: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}

# A process that is stopped inside a transaction would lock out all others. Ours take milliseconds.
_IDLE_IN_TRANSACTION: Final = timedelta(seconds=20)


class Postgres:
    """A store in a database of its own."""

    begin_read: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    begin_write: Final = (
        f"BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_advisory_xact_lock({_LOCK})"
    )
    foreign: Final[type[Exception]] = psycopg.Error

    def __init__(self, location: StoreLocation, busy_timeout: timedelta) -> None:
        assert location.url is not None
        self._location = location
        self._url = location.url
        # Of 0 the server would make "for ever".
        self._milliseconds = max(1, round(busy_timeout.total_seconds() * 1000))

    def make_engine(self) -> Engine:
        """Return an engine whose connections begin transactions where we say, nowhere else."""
        patience = {name: it for name, it in _PATIENCE.items() if name not in self._url.query}
        engine = create_engine(
            self._url,
            poolclass=NullPool,
            connect_args={"autocommit": True, "application_name": "almaflow", **patience},
        )
        event.listen(engine, "connect", self._set_up)
        return engine

    def _set_up(self, connection: psycopg.Connection[Any], _: object) -> None:
        idle = round(_IDLE_IN_TRANSACTION.total_seconds() * 1000)
        for statement in (
            f"SET lock_timeout = {self._milliseconds}",
            f"SET idle_in_transaction_session_timeout = {idle}",
            # A commit is on the disk when it returns, whatever the server's habit; a habit that
            # waits for more, such as a second server, stays.
            "SELECT set_config('synchronous_commit', 'on', false)"
            " WHERE current_setting('synchronous_commit') = 'off'",
        ):
            connection.execute(statement).close()

    def tell(self, driver: Any, statement: str) -> None:
        """Give the driver a statement that has no result that matters."""
        driver.execute(statement, prepare=False).close()

    def is_gone(self, driver: Any) -> bool:
        """Whether the connection is of no use any more."""
        return bool(driver.closed)

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Keep nobody away: what opening does to a store it does in one transaction."""
        yield

    def trouble(self, error: BaseException, state: LinkState) -> StoreTrouble:
        """Return what an *error* of the driver means, given how the connection is.

        Source: PostgreSQL's documentation, appendix "PostgreSQL Error Codes".
        """
        store = self._location
        words = " ".join(str(error).split()).rstrip(".?")
        match getattr(error, "sqlstate", None):
            case "55P03" | "40P01":  # lock not available, deadlock
                return StoreLocked(
                    f"The store {store} is locked: another process holds it and does not let go."
                    " Look for a database tool or another almaflow with an open transaction in"
                    " this database, end it or wait for it, then try again."
                )
            case "53100":  # disk full
                return StoreFull(
                    f"There is no room for the store {store}: {words}. Nothing was recorded.",
                    "Free some space on the server's disk",
                )
            case "XX001" | "XX002":  # data or index corrupted
                return StoreDamaged(
                    f"The store {store} is broken: {words}. Put back a backup, or name another"
                    " database as `store` in almaflow.yaml."
                )
            case "25006" | "42501":  # read only, no privilege
                return StoreReadOnly(
                    f"The store {store} cannot be written: {words}. Check that its server is not a"
                    " standby, and that this user may create tables and write to them."
                )
        if state == "connecting":
            return StoreUnreachable(
                f"The store {store} cannot be reached: {words}. See that the server runs, and"
                " that `store` in almaflow.yaml names it, its database and a user who may"
                " connect."
            )
        if state == "gone":
            return StoreLost(
                f"The connection to the store {store} is lost: {words}. It is not known whether"
                " the last change was recorded.",
                "Check that the server runs",
            )
        return StoreTrouble(
            f"The store {store} refused: {words}. Nothing was recorded.",
            "Check the server's log",
        )
