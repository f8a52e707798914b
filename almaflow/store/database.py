"""The connection and its transactions, and the border at which a driver's errors become ours.

Everything of the store goes through one connection, one transaction at a time. The next one
replaces a lost connection. The drivers begin no transaction: every BEGIN, COMMIT and ROLLBACK is
here.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from datetime import datetime, timedelta
from typing import Final

from almaflow.errors import StoreError
from almaflow.store import schema
from almaflow.store.backend import Backend, ConnectionState
from almaflow.store.connection import Connection, Savepoints
from almaflow.store.errors import (
    StoreFull,
    StoreReadOnly,
    StoreTrouble,
    StoreUnreachable,
    StoreUrlWrong,
)
from almaflow.store.location import StoreLocation, check_believed, prepare, read_url
from almaflow.store.locks import EVERYTHING, Locks
from almaflow.store.sqlite import SQLite

# How long a transaction waits for another process's. Ours take milliseconds; a backup or a
# person with a database tool may take longer.
BUSY_TIMEOUT: Final = timedelta(seconds=5)


class Database:
    """One store's connection; safe to use from any thread, one thread at a time gets in."""

    def __init__(self, location: StoreLocation, busy_timeout: timedelta = BUSY_TIMEOUT) -> None:
        self.location = location
        self._backend = backend_for(location, busy_timeout)
        self._driver_error = self._backend.driver_error
        self._connect = self._backend.connect
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._within = False
        self._trouble: StoreTrouble | None = None
        self._closed = False
        self._unwritable: StoreTrouble | None = None

    @classmethod
    def open(cls, url: str, now: datetime, busy_timeout: timedelta = BUSY_TIMEOUT) -> Database:
        """Open the store at *url*; make it when it is new, bring it up to date when it is older.

        One that is there but cannot be written, as on a read-only or full disk, is opened for
        reading; writing to it raises what prevents that.

        Raises:
            StoreUrlWrong: *url* names no store, or its driver is not installed.
            StoreError: it cannot be used; nothing is half-made.
        """
        location = read_url(url)
        check_believed(location)
        try:
            return cls._open_to_write(location, now, busy_timeout)
        except (StoreReadOnly, StoreFull, StoreUnreachable) as trouble:
            database = cls._open_to_read(location, busy_timeout, trouble)
            if database is None:
                raise
            return database

    @classmethod
    def _open_to_write(
        cls, location: StoreLocation, now: datetime, busy_timeout: timedelta
    ) -> Database:
        prepare(location)
        database = cls(location, busy_timeout)
        try:
            database._make_tables(now)
        except BaseException:
            database.close()
            raise
        return database

    @classmethod
    def _open_to_read(
        cls, location: StoreLocation, busy_timeout: timedelta, trouble: StoreTrouble
    ) -> Database | None:
        """Return a store that *trouble* keeps from being written; None when it has no tables."""
        if location.file is None or not location.file.is_file() or not location.file.stat().st_size:
            return None
        database = cls(location, busy_timeout)
        database._connect = SQLite(location, busy_timeout).connect_to_read
        database._unwritable = trouble
        made = False
        try:
            with suppress(StoreTrouble), database.read() as connection:
                made = schema.is_made(connection, str(location))
        finally:
            if not made:
                database.close()
        return database if made else None

    @property
    def in_memory(self) -> bool:
        """Whether the store is gone when it is closed."""
        return self.location.in_memory

    @property
    def one_writer(self) -> bool:
        """Whether only one process writes at a time, whatever it locks."""
        return self._backend.one_writer

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a transaction that sees one state of the store and writes nothing."""
        with self._lock:
            self._check_alive()
            begin = self._backend.begin_read
            with self._part() if self._within else self._transaction(begin) as connection:
                yield connection

    @contextmanager
    def write(self, locks: Locks = EVERYTHING) -> Iterator[Connection]:
        """Give a writing transaction with *locks*, or a part of the one that this thread is in.

        It is committed at the end; an error rolls back all of it. A part that ends with an error
        rolls back only itself, unless the error is a `StoreTrouble`: the database may have ended
        the whole transaction then, so nothing of it is kept.
        """
        with self._lock:
            self._check_alive()
            if self._unwritable is not None:
                raise copy(self._unwritable)
            begin = self._backend.begin_write(locks)
            with self._part() if self._within else self._transaction(begin) as connection:
                yield connection

    @contextmanager
    def hint(self) -> Iterator[Connection]:
        """Give the connection without a transaction, for what may as well be lost."""
        with self._lock, self._translated():
            self._check_alive()
            if self._connection is None:
                self._connection = self._connect()
            yield self._connection

    def close(self) -> None:
        """Close the connection, after the transaction under way."""
        with self._lock:
            self._closed = True
            self._drop_connection()

    def _check_alive(self) -> None:
        if self._closed:
            raise StoreError(f"The store {self.location} is closed.")
        if self._trouble is not None:
            raise self._trouble

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        try:
            with self._translated():
                try:
                    connection = self._begun(begin)
                    connection.savepoints = Savepoints(connection.tell_all)
                    self._within = True
                    yield connection
                    self._check_alive()
                    connection.tell("COMMIT")
                except BaseException:
                    self._roll_back()
                    raise
        finally:
            self._within = False
            self._trouble = None
            if self._is_gone():
                self._drop_connection()

    def _begun(self, begin: str) -> Connection:
        """Begin a transaction, on a new connection when the old one is found to be lost.

        No transaction was open when it was cut, so nothing is lost.
        """
        if self._connection is not None:
            try:
                self._connection.tell(begin)
                return self._connection
            except self._driver_error:
                if not self._is_gone():
                    raise
                self._drop_connection()
        self._connection = self._connect()
        self._connection.tell(begin)
        return self._connection

    def _roll_back(self) -> None:
        """Roll back the transaction, unless none has begun or the database has done so already."""
        connection = self._connection
        if connection is None or connection.is_gone or not connection.in_transaction:
            return
        try:
            connection.tell("ROLLBACK")
        except self._driver_error:
            # The database rolls back what a connection that ends has not committed. The error that
            # led here says what happened.
            connection.close()

    def _is_gone(self) -> bool:
        """Whether the connection broke; one that we have closed ourselves did not."""
        return self._connection is not None and self._connection.is_gone

    def _drop_connection(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    @contextmanager
    def _part(self) -> Iterator[Connection]:
        connection = self._connection
        assert connection is not None
        try:
            with self._translated():
                connection.savepoints.begin()
                try:
                    yield connection
                except (self._driver_error, StoreTrouble):
                    # There may be no savepoint any more; nothing of the transaction is kept.
                    raise
                except BaseException:
                    connection.savepoints.take_back()
                    raise
                connection.savepoints.end()
        except StoreTrouble as trouble:
            self._trouble = trouble
            raise

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn errors of the driver into `StoreTrouble`, the cause kept."""
        try:
            yield
        except self._driver_error as error:
            state: ConnectionState = "gone" if self._is_gone() else "connected"
            if self._connection is None:
                state = "connecting"
            raise self._backend.trouble(error, state) from error

    def _make_tables(self, now: datetime) -> None:
        with self.read() as connection:
            made = schema.is_made(connection, str(self.location))
        if not made:
            with self.write() as connection:
                schema.make(connection, str(self.location), now)


def backend_for(location: StoreLocation, busy_timeout: timedelta) -> Backend:
    """Return the backend of the store at *location*.

    Raises:
        StoreUrlWrong: its driver is not installed.
    """
    if location.url is None:
        return SQLite(location, busy_timeout)
    try:
        from almaflow.store.postgres import Postgres
    except ImportError as error:
        raise StoreUrlWrong.without_driver(location, error) from error
    return Postgres(location, busy_timeout)
