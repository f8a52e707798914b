"""The store in PostgreSQL: how its connection is set up, and what its errors mean.

A writing transaction takes its locks (see `locks`) right after its begin, in the same request to
the server, before anything is read. It is READ COMMITTED, so that what it reads then is what those
before it left; under a stricter level it would see the store as it was before the wait.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo
from psycopg.pq import TransactionStatus

from almaflow.store.backend import ConnectionState
from almaflow.store.connection import Connection
from almaflow.store.errors import (
    StoreConflict,
    StoreDamaged,
    StoreFull,
    StoreLocked,
    StoreLost,
    StoreTrouble,
)
from almaflow.store.location import StoreLocation
from almaflow.store.locks import EVERYTHING, Lock, LockKind, Locks
from almaflow.store.pooler import check_pooling
from almaflow.store.postgres_refusals import (
    check_server,
    check_settings,
    no_entry,
    no_right,
    read_only,
)
from almaflow.store.tables import POSTGRES_TYPES
from almaflow.store.url import StoreUrl

# Seconds until we stop waiting for a server that does not respond; an operating system would wait
# for hours. The address of the store may say otherwise.
_PATIENCE: Final = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 20_000,  # milliseconds
}

# What an address cannot change.
_OURS: Final = {"application_name": "almaflow", "client_encoding": "utf8"}

# A process that is stopped inside a transaction would lock out all others. Ours take milliseconds.
_IDLE_IN_TRANSACTION: Final = timedelta(seconds=3)


class PostgresConnection(Connection):
    """A connection to a database of a server."""

    types = POSTGRES_TYPES
    table_names = (
        "SELECT c.relname FROM pg_catalog.pg_class c"
        " JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND c.relpersistence != 't'"
        " AND n.nspname != 'pg_catalog' AND pg_catalog.pg_table_is_visible(c.oid)"
        " ORDER BY c.relname"
    )
    value_form = "%({})s"
    list_form = "= ANY(%({})s)"
    percent_form = "%%"
    unless_locked = " FOR NO KEY UPDATE SKIP LOCKED"

    def insert_and_number(self, statement: str, row: Mapping[str, Any]) -> int:
        number: int = self.run(f"{statement} RETURNING id", row).fetchone()[0]
        return number

    def tell(self, statement: str) -> None:
        """Give the server a statement as it is, or several with semicolons between them."""
        self.driver.execute(statement, prepare=False).close()

    def tell_all(self, statements: Sequence[str]) -> None:
        """Give the server several statements in one request."""
        self.tell("; ".join(statements))

    @property
    def in_transaction(self) -> bool:
        return bool(self.driver.info.transaction_status != TransactionStatus.IDLE)

    @property
    def is_gone(self) -> bool:
        return bool(self.driver.closed)


def conninfo(location: StoreLocation) -> str:
    """Return the address of a database as libpq takes it, its password included.

    What connects with it finds out as soon as the store does that the network is gone.
    """
    assert location.url is not None, "the store is not in PostgreSQL"
    return make_conninfo(**_PATIENCE | _settings(location.url) | _OURS)


def _settings(url: StoreUrl) -> dict[str, Any]:
    """Return what libpq calls the parts of a URL, and the settings of its query."""
    parts = {
        "host": url.host,
        "port": url.port,
        "user": url.user,
        "password": url.password,
        "dbname": url.database or None,
    }
    return {name: it for name, it in parts.items() if it is not None} | dict(url.query)


def _lock_statements(locks: Locks) -> Iterator[str]:
    """Yield what takes *locks*: advisory locks by number, then rows of runs by id."""
    (everything,) = EVERYTHING
    if everything in locks:
        yield f"SELECT pg_advisory_xact_lock({everything.number})"
        return
    yield f"SELECT pg_advisory_xact_lock_shared({everything.number})"
    numbers = sorted((lock.kind, lock.number) for lock in locks if lock.kind is not LockKind.RUN)
    if numbers:
        calls = ", ".join(f"pg_advisory_xact_lock({number})" for _, number in numbers)
        yield f"SELECT {calls}"
    run_ids = ", ".join(sorted(_literal(lock) for lock in locks if lock.kind is LockKind.RUN))
    if run_ids:
        # What others may do meanwhile: add rows that refer to the run. The server locks in the
        # order of the rows that it returns.
        yield f"SELECT 1 FROM runs WHERE id IN ({run_ids}) ORDER BY id FOR NO KEY UPDATE"


def _literal(lock: Lock) -> str:
    return sql.Literal(lock.name).as_string()


class Postgres:
    """A store in a separate database."""

    begin_read: Final = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
    one_writer = False
    driver_error: Final[type[Exception]] = psycopg.Error

    def __init__(self, location: StoreLocation, busy_timeout: timedelta) -> None:
        assert location.url is not None
        self._location = location
        self._url = location.url
        self._all_settings = _PATIENCE | _settings(self._url) | _OURS
        # Of 0 the server would make "for ever".
        self._milliseconds = max(1, round(busy_timeout.total_seconds() * 1000))

    @staticmethod
    def begin_write(locks: Locks) -> str:
        """Return what begins a transaction and takes its *locks*, in their order."""
        return "; ".join(["BEGIN ISOLATION LEVEL READ COMMITTED", *_lock_statements(locks)])

    def connect(self) -> Connection:
        """Return a new connection, which begins transactions only where we say so."""
        try:
            connection = self._connection()
        except psycopg.Error as error:
            check_settings(self._location, error, self._all_settings)
            raise
        try:
            check_server(self._location, connection)
            check_pooling(self._location, connection, self._connection)
            self._set_up(connection)
        except BaseException:
            connection.close()
            raise
        return PostgresConnection(connection)

    def _connection(self) -> psycopg.Connection[Any]:
        return psycopg.connect(**self._all_settings, autocommit=True)

    def _set_up(self, connection: psycopg.Connection[Any]) -> None:
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

    def trouble(self, error: BaseException, state: ConnectionState) -> StoreTrouble:
        """Return what an *error* of the driver means, given how the connection is.

        Source: PostgreSQL's documentation, appendix "PostgreSQL Error Codes".
        """
        store = self._location
        words = " ".join(str(error).split()).rstrip(".?")
        assert isinstance(error, psycopg.Error)
        match error.sqlstate:
            case "40P01" | "40001":  # deadlock, serialization failure
                return StoreConflict(
                    f"The store {store} is busy: its server took back a change that waited for"
                    " others. Nothing was recorded. Look for a database tool with an open"
                    " transaction in this database, end it, then try again."
                )
            case "55P03":  # lock not available
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
            case "25006":  # read only
                return read_only(store, error)
            case "42501" | "3F000":  # no privilege, no schema in which this user has one
                return no_right(store, error)
        if state == "connecting":
            return no_entry(store, error, self._all_settings)
        if state == "gone":
            return StoreLost(
                f"The connection to the store {store} is lost: {words}. It is not known whether"
                " the last change was recorded.",
                "Check that the server runs",
            )
        return StoreTrouble(
            f"The store {store} refused: {words}. Nothing was recorded.", "Check the server's log"
        )
