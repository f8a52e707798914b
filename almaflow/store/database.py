"""The connection and its transactions, and the border at which a driver's errors become ours.

Everything of the store goes through one connection, one transaction at a time. The next one
replaces a lost connection. Transactions begin by statements given to the driver itself: it is the
shortest way, and a commit for each effect of each run is what the store does most.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import copy
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import Connection, RootTransaction
from sqlalchemy.exc import DBAPIError

from almaflow.errors import StoreError
from almaflow.store import schema
from almaflow.store.backend import LinkState
from almaflow.store.backend_choice import backend_for
from almaflow.store.errors import StoreFull, StoreReadOnly, StoreTrouble, StoreUnreachable
from almaflow.store.location import StoreLocation, check_believed, prepare, read_url
from almaflow.store.sqlite import SQLite

# How long a transaction waits for another process's. Ours take milliseconds; a backup or a
# person with a database tool may take longer.
BUSY_TIMEOUT: Final = timedelta(seconds=5)


class Database:
    """One store's connection; safe to use from any thread, one thread at a time gets in."""

    def __init__(self, location: StoreLocation, busy_timeout: timedelta = BUSY_TIMEOUT) -> None:
        self.location = location
        self._backend = backend_for(location, busy_timeout)
        # What SQLAlchemy raises, and what the driver does where it is spoken to directly.
        self._foreign = (DBAPIError, self._backend.foreign)
        self._engine = self._backend.make_engine()
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
            with database._backend.opening():
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
        database._engine = SQLite(location, busy_timeout).make_reading_engine()
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

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a transaction that sees one state of the store and writes nothing."""
        with self._lock:
            self._check_alive()
            begin = self._backend.begin_read
            with self._part() if self._within else self._transaction(begin) as connection:
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a writing transaction, or a part of the one that this thread is in.

        It is committed at the end, an error takes all of it back. A part that ends with an
        error takes only itself back, unless that is a `StoreTrouble`: the database may have given
        up the whole transaction then, so nothing of it is kept.
        """
        with self._lock:
            self._check_alive()
            if self._unwritable is not None:
                raise copy(self._unwritable)
            begin = self._backend.begin_write
            with self._part() if self._within else self._transaction(begin) as connection:
                yield connection

    def close(self) -> None:
        """Close the connection, after the transaction under way."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
            self._engine.dispose()

    def _check_alive(self) -> None:
        if self._closed:
            raise StoreError(f"The store {self.location} is closed.")
        if self._trouble is not None:
            raise self._trouble

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
        try:
            with self._translated(), self._begun(begin):
                assert self._connection is not None
                self._within = True
                try:
                    yield self._connection
                    self._check_alive()
                except BaseException:
                    if self._is_gone():
                        # There is nothing to take back on it: the server has done so.
                        self._connection.invalidate()
                    raise
        finally:
            self._within = False
            self._trouble = None
            if self._is_gone():
                self._drop_connection()

    def _begun(self, begin: str) -> RootTransaction:
        """Begin a transaction, on a new connection when the old one is found to be lost.

        No transaction was open when it was cut, so nothing is lost.
        """
        if self._connection is not None:
            try:
                return self._begin(begin)
            except self._foreign:
                if not self._is_gone():
                    raise
                self._drop_connection()
        self._connection = self._engine.connect()
        return self._begin(begin)

    def _begin(self, begin: str) -> RootTransaction:
        assert self._connection is not None
        transaction = self._connection.begin()
        try:
            self._tell_driver(begin)
        except BaseException:
            if self._is_gone():
                self._connection.invalidate()
            transaction.rollback()
            raise
        return transaction

    def _is_gone(self) -> bool:
        """Whether the connection broke; one that we have closed ourselves did not."""
        connection = self._connection
        if connection is None or connection.closed:
            return False
        return connection.invalidated or self._backend.is_gone(self._driver(connection))

    def _drop_connection(self) -> None:
        assert self._connection is not None
        self._connection.invalidate()
        self._connection.close()
        self._connection = None

    @contextmanager
    def _part(self) -> Iterator[Connection]:
        assert self._connection is not None
        try:
            with self._translated():
                self._tell_driver("SAVEPOINT part")
                try:
                    yield self._connection
                except (*self._foreign, StoreTrouble):
                    # There may be no savepoint any more; the whole transaction is given up.
                    raise
                except BaseException:
                    self._tell_driver("ROLLBACK TO part")
                    self._tell_driver("RELEASE part")
                    raise
                self._tell_driver("RELEASE part")
        except StoreTrouble as trouble:
            self._trouble = trouble
            raise

    def _tell_driver(self, statement: str) -> None:
        assert self._connection is not None
        self._backend.tell(self._driver(self._connection), statement)

    @staticmethod
    def _driver(connection: Connection) -> Any:
        return connection.connection.dbapi_connection

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """Turn errors of the driver into `StoreTrouble`, the cause kept."""
        try:
            yield
        except self._foreign as error:
            cause = error.orig if isinstance(error, DBAPIError) else error
            assert cause is not None
            state: LinkState = "gone" if self._is_gone() else "connected"
            if self._connection is None:
                state = "connecting"
            raise self._backend.trouble(cause, state) from error

    def _make_tables(self, now: datetime) -> None:
        with self.read() as connection:
            made = schema.is_made(connection, str(self.location))
        if not made:
            with self.write() as connection:
                schema.make(connection, str(self.location), now)
