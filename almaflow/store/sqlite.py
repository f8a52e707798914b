"""The store in SQLite: how its connection is set up, and what its errors mean.

A writing transaction begins IMMEDIATE: Python's sqlite3 would begin it only before the first
write, so that what was read before, such as who owns a run, could be out of date when it is
written.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

from almaflow.store.backend import ConnectionState
from almaflow.store.connection import Connection, bound
from almaflow.store.errors import (
    StoreDamaged,
    StoreFull,
    StoreLocked,
    StoreMoved,
    StoreReadOnly,
    StoreTrouble,
    StoreUnreachable,
)
from almaflow.store.location import StoreLocation, is_on_read_only_disk, refusal
from almaflow.store.locks import Locks
from almaflow.store.tables import SQLITE_TYPES

_BEGIN_WRITE: Final = "BEGIN IMMEDIATE"
_IN_MEMORY: Final = StoreLocation(None)


def _identity(file: Path | None) -> tuple[int, int] | None:
    """Return what tells a file from another one of the same name; None: there is no file."""
    try:
        status = os.stat(file) if file is not None else None
    except OSError:
        return None
    return None if status is None else (status.st_dev, status.st_ino)


class SQLiteConnection(Connection):
    """A connection to a file, or to a database in memory."""

    types = SQLITE_TYPES
    table_names = (
        "SELECT name FROM sqlite_master"
        " WHERE type = 'table' AND name NOT LIKE 'sqlite~_%' ESCAPE '~' ORDER BY name"
    )
    value_form = ":{}"
    list_form = "IN (SELECT value FROM json_each(:{}))"

    def __init__(self, driver: Any, location: StoreLocation = _IN_MEMORY) -> None:
        super().__init__(driver)
        self._location = location
        self._identity = _identity(location.file)

    def bound(self, value: Any) -> Any:
        """Return *value* as SQLite accepts it, a list as JSON."""
        plain = bound(value)
        return json.dumps(plain) if isinstance(plain, list) else plain

    def insert_and_number(self, statement: str, row: Mapping[str, Any]) -> int:
        number: int = self.run(statement, row).lastrowid
        return number

    def tell(self, statement: str) -> None:
        if statement == _BEGIN_WRITE and _identity(self._location.file) != self._identity:
            # In WAL mode, SQLite goes on writing to the file that has no name any more: other
            # processes would make a new store, and run everything a second time.
            raise StoreMoved(
                f"The file of the store {self._location} was removed or replaced while almaflow "
                "used it. Nothing was recorded.",
                "Put it back, or end all processes that use it",
            )
        self.driver.execute(statement).close()

    @property
    def in_transaction(self) -> bool:
        return bool(self.driver.in_transaction)


class SQLite:
    """A store in a file, or in memory."""

    begin_read: Final = "BEGIN"
    one_writer = True
    driver_error: Final[type[Exception]] = sqlite3.Error

    def __init__(self, location: StoreLocation, busy_timeout: timedelta) -> None:
        self._location = location
        self._seconds = busy_timeout.total_seconds()

    @staticmethod
    def begin_write(locks: Locks) -> str:
        """Return what begins a transaction during which no other process writes."""
        return _BEGIN_WRITE

    def connect(self) -> Connection:
        """Return a new connection, which begins transactions only where we say so."""
        if not self._is_empty():
            return self._connect()
        # A file that has something in it uses WAL already, or will never be able to.
        with self._alone():
            return self._connect()

    def _is_empty(self) -> bool:
        """Whether the store is a file that has nothing in it yet."""
        file = self._location.file
        return file is not None and (not file.exists() or file.stat().st_size == 0)

    def _connect(self) -> Connection:
        connection = self._connected(str(self._location.file or ":memory:"))
        try:
            # WAL lets others read while we write; with FULL a commit is on the disk when it
            # returns. Where a file system cannot do WAL, SQLite stays with its journal file, which
            # is as safe.
            for pragma in ("foreign_keys = ON", "journal_mode = WAL", "synchronous = FULL"):
                connection.execute(f"PRAGMA {pragma}").close()
        except BaseException:
            connection.close()
            raise
        return SQLiteConnection(connection, self._location)

    def connect_to_read(self) -> Connection:
        """Return a connection that only reads, also where nothing can be written or created."""
        file = self._location.file
        assert file is not None
        try:
            return SQLiteConnection(self._opened(file, "mode=ro"), self._location)
        except sqlite3.Error:
            # To read a database in WAL mode, SQLite creates files next to it, or uses those that
            # are there. Without a log of changes the file itself has everything
            # (sqlite.org/wal.html#read_only_databases).
            log = file.with_name(f"{file.name}-wal")
            if log.exists() and log.stat().st_size:
                raise
            return SQLiteConnection(self._opened(file, "immutable=1"), self._location)

    def _opened(self, file: Path, how: str) -> sqlite3.Connection:
        connection = self._connected(f"{file.as_uri()}?{how}", uri=True)
        try:
            connection.execute("SELECT count(*) FROM sqlite_master").close()
        except BaseException:
            connection.close()
            raise
        return connection

    def _connected(self, database: str, *, uri: bool = False) -> sqlite3.Connection:
        return sqlite3.connect(
            database,
            uri=uri,
            check_same_thread=False,  # one thread at a time is what the store's lock is for
            timeout=self._seconds,
            isolation_level=None,
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes from making the same store: the switch to WAL does not wait."""
        from filelock import FileLock, Timeout  # late: a store is made once

        lock = self._location.locks / "open.lock"
        try:
            with FileLock(lock, timeout=self._seconds, mode=0o600):
                yield
        except Timeout as error:
            raise self._locked() from error
        except OSError as error:
            raise refusal(self._location, error) from error

    def trouble(self, error: BaseException, state: ConnectionState) -> StoreTrouble:
        """Return what an *error* of the driver means."""
        # The low byte is SQLite's result code, the rest tells more of it
        # (sqlite.org/rescode.html). Errors of Python's sqlite3 itself have none.
        code = getattr(error, "sqlite_errorcode", 0)
        if code == sqlite3.SQLITE_IOERR_SHMSIZE:
            code = sqlite3.SQLITE_FULL  # no room for the file by which WAL is shared
        store, words = self._location, str(error).rstrip(".")
        match code & 0xFF:
            case 5 | 6:  # BUSY, LOCKED
                return self._locked()
            case 13:  # FULL
                return StoreFull(
                    f"There is no room for the store {store}: {words}. Nothing was recorded.",
                    "Free some space on that disk",
                )
            case 11 | 26:  # CORRUPT, NOTADB
                return StoreDamaged(
                    f"The file {store} is not a store of almaflow, or it is broken: {words}."
                    " Put back a backup, or name another file as `store` in almaflow.yaml."
                )
            case 8:  # READONLY
                return StoreReadOnly(
                    f"The store {store} cannot be written: {words}.",
                    "Check that this user may write the file and its folder, and that its disk is "
                    "not read-only",
                )
            case 14 if is_on_read_only_disk(store):  # CANTOPEN: no room for the files next to it
                return refusal(store, OSError(errno.EROFS, os.strerror(errno.EROFS)))
            case 14:  # CANTOPEN
                return StoreUnreachable(
                    f"The store {store} cannot be opened: {words}.",
                    "Check that it is a file, that this user may read and write it and its folder, "
                    "and that its disk and the limit of open files (`ulimit -n`) have room for one "
                    "more",
                )
            case 10:  # IOERR: also a quota, or a limit of the size of files (`ulimit -f`)
                return StoreTrouble(
                    f"The store {store} cannot be read or written: {words}. Nothing was recorded.",
                    "Check the disk, this user's quota on it and the largest file that this "
                    "process may write (`ulimit -f`)",
                )
        return StoreTrouble(
            f"The store {store} refused: {words}. Nothing was recorded.",
            "Check the disk and the file",
        )

    def _locked(self) -> StoreLocked:
        return StoreLocked(
            f"The store {self._location} is locked: another process holds it and does not let go."
            " Look for a backup, a database tool or another almaflow that uses this file, also for"
            " one that was stopped (Ctrl-Z). End it or wait for it, then try again."
        )
