"""The connection and its transactions, and the one border at which SQLite's errors become ours.

Everything of the store goes through one connection, one transaction at a time. A writing
transaction begins IMMEDIATE: Python's sqlite3 would begin it only before the first write, so
that what was read before, such as who owns a run, could be out of date when it is written.
Transactions begin and end by statements given to the driver itself: it is the shortest way, and
a commit for each effect of each run is what the store does most.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any, Final

from filelock import FileLock, Timeout
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from almaflow.errors import StoreError
from almaflow.store import schema
from almaflow.store.errors import (
    StoreDamaged,
    StoreFull,
    StoreLocked,
    StoreReadOnly,
    StoreTrouble,
    StoreUnreachable,
)
from almaflow.store.location import StoreLocation, prepare, read_url, refusal

# How long a transaction waits for another process's. Ours take milliseconds; a backup or a
# person with a database tool may take longer.
BUSY_TIMEOUT: Final = timedelta(seconds=5)

# What SQLAlchemy raises, and what the driver does where it is spoken to directly.
_FOREIGN = (DBAPIError, sqlite3.Error)


class Database:
    """One store's connection; safe to use from any thread, one thread at a time gets in."""

    def __init__(self, location: StoreLocation, busy_timeout: timedelta = BUSY_TIMEOUT) -> None:
        self.location = location
        self._busy_timeout = busy_timeout
        self._engine = _make_engine(location, busy_timeout)
        self._lock = threading.RLock()
        self._connection: Connection | None = None
        self._within = False
        self._trouble: StoreTrouble | None = None
        self._closed = False

    @classmethod
    def open(cls, url: str, now: datetime, busy_timeout: timedelta = BUSY_TIMEOUT) -> Database:
        """Open the store at *url*; make it when it is new, bring it up to date when it is older.

        Raises:
            StoreUrlWrong: *url* names no store.
            StoreError: it cannot be used; nothing is half-made.
        """
        location = read_url(url)
        prepare(location)
        database = cls(location, busy_timeout)
        try:
            with database._alone():
                database._bring_up_to_date(now)
        except BaseException:
            database.close()
            raise
        return database

    @property
    def in_memory(self) -> bool:
        """Whether the store is gone when it is closed."""
        return self.location.file is None

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give a transaction that sees one state of the store and writes nothing."""
        with self._lock:
            self._check_alive()
            with self._part() if self._within else self._transaction("BEGIN") as connection:
                yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give a writing transaction, or a part of the one that this thread is in.

        It is committed at the end, an error takes all of it back. A part that ends with an
        error takes only itself back, unless that is a `StoreTrouble`: SQLite may have given up
        the whole transaction then, so nothing of it is kept.
        """
        with self._lock:
            self._check_alive()
            how = self._part() if self._within else self._transaction("BEGIN IMMEDIATE")
            with how as connection:
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
            with translated(self.location):
                if self._connection is None:
                    self._connection = self._engine.connect()
                with self._connection.begin():
                    self._tell_driver(begin)
                    self._within = True
                    yield self._connection
                    self._check_alive()
        finally:
            self._within = False
            self._trouble = None

    @contextmanager
    def _part(self) -> Iterator[Connection]:
        assert self._connection is not None
        try:
            with translated(self.location):
                self._tell_driver("SAVEPOINT part")
                try:
                    yield self._connection
                except (*_FOREIGN, StoreTrouble):
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
        driver: Any = self._connection.connection.dbapi_connection
        driver.execute(statement).close()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from opening the same store: the switch to WAL does not wait."""
        if self.in_memory:
            yield
            return
        try:
            with FileLock(
                self.location.locks / "open.lock",
                timeout=self._busy_timeout.total_seconds(),
                mode=0o600,
            ):
                yield
        except Timeout as error:
            raise _locked(self.location) from error
        except OSError as error:
            raise refusal(self.location, error) from error

    def _bring_up_to_date(self, now: datetime) -> None:
        with self.read() as connection:
            current = schema.is_current(connection, str(self.location))
        if not current:
            with self.write() as connection:
                schema.bring_up_to_date(connection, str(self.location), now)


def _make_engine(location: StoreLocation, busy_timeout: timedelta) -> Engine:
    engine = create_engine(
        f"sqlite:///{location.file or ':memory:'}",
        poolclass=StaticPool,
        connect_args={
            "check_same_thread": False,  # one thread at a time is what the lock is for
            "timeout": busy_timeout.total_seconds(),
            "isolation_level": None,  # transactions begin where we say, nowhere else
        },
    )
    event.listen(engine, "connect", _set_up)
    return engine


def _set_up(connection: Any, _: object) -> None:
    # WAL lets others read while we write; with FULL a commit is on the disk when it returns.
    # Where a file system cannot do WAL, SQLite stays with its journal file, which is as safe.
    for pragma in ("foreign_keys = ON", "journal_mode = WAL", "synchronous = FULL"):
        connection.execute(f"PRAGMA {pragma}").close()


@contextmanager
def translated(location: StoreLocation) -> Iterator[None]:
    """Turn errors of the database library into `StoreTrouble`, the cause kept."""
    try:
        yield
    except _FOREIGN as error:
        raise _trouble(location, error) from error


def _trouble(location: StoreLocation, error: DBAPIError | sqlite3.Error) -> StoreTrouble:
    # The low byte is SQLite's result code, the rest tells more of it (sqlite.org/rescode.html).
    # Errors of Python's sqlite3 itself have none.
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", 0)
    if code == sqlite3.SQLITE_IOERR_SHMSIZE:
        code = sqlite3.SQLITE_FULL  # no room for the file by which WAL is shared
    words = str(cause).rstrip(".")
    match code & 0xFF:
        case 5 | 6:  # BUSY, LOCKED
            return _locked(location)
        case 13:  # FULL
            return StoreFull(
                f"There is no room for the store {location}: {words}. Nothing was recorded."
                " Make room on that disk, then `almaflow resume` the run."
            )
        case 11 | 26:  # CORRUPT, NOTADB
            return StoreDamaged(
                f"The file {location} is not a store of almaflow, or it is broken: {words}."
                " Put back a backup, or name another file as `store` in almaflow.yaml."
            )
        case 8:  # READONLY
            return StoreReadOnly(
                f"The store {location} cannot be written: {words}. See that this user may write"
                " the file and its folder."
            )
        case 14:  # CANTOPEN
            return StoreUnreachable(
                f"The store {location} cannot be opened: {words}. See that it is a file, and"
                " that this user may read and write it and its folder."
            )
    return StoreTrouble(
        f"The store {location} refused: {words}. Nothing was recorded. Look at the disk and"
        " at the file, then try again."
    )


def _locked(location: StoreLocation) -> StoreLocked:
    return StoreLocked(
        f"The store {location} is locked: another process holds it and does not let go. Look"
        " for a backup, a database tool or another almaflow that uses this file, end it or wait"
        " for it, then try again."
    )
