"""Processes: who works with the store, and whether it still lives.

A process holds a lock on a file of its own, `<store>.locks/<process id>.lock`. The system frees
such a lock when the process ends, however it ends, so one that can be taken is a dead one's.
"""

from __future__ import annotations

import secrets
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import Connection, insert, select, update

from almaflow.store.location import StoreLocation, refusal
from almaflow.store.records import Process
from almaflow.store.tables import processes


def new_process(host: str, pid: int, version: str, now: datetime) -> Process:
    """Return a process that is not recorded yet; its id never comes again."""
    return Process(secrets.token_hex(8), host, pid, version, now)


def add(connection: Connection, process: Process) -> None:
    """Record that *process* works with the store."""
    row = {
        "id": process.id,
        "host": process.host,
        "pid": process.pid,
        "version": process.version,
        "entered_at": process.entered_at,
        "left_at": process.left_at,
    }
    connection.execute(insert(processes), row)


def get(connection: Connection, process_id: str) -> Process | None:
    """Return the process *process_id*, or None."""
    row = connection.execute(select(processes).where(processes.c.id == process_id)).first()
    return None if row is None else Process(**row._mapping)


def leave(connection: Connection, process_id: str, at: datetime) -> None:
    """Record that the process is gone; the first record of it stays."""
    connection.execute(
        update(processes).where(processes.c.id == process_id, processes.c.left_at.is_(None)),
        {"left_at": at},
    )


class LifeLocks:
    """The locks by which the processes of one store show that they live."""

    def __init__(self, location: StoreLocation) -> None:
        self._location = location
        self._held: dict[str, FileLock | None] = {}

    def hold(self, process_id: str) -> None:
        """Show from now on that *process_id*, which is this process, lives.

        Raises:
            StoreError: the lock file cannot be made.
        """
        if self._location.file is None:
            self._held[process_id] = None
            return
        lock = _lock(self._file(process_id))
        try:
            lock.acquire(timeout=0)
        except OSError as error:
            raise refusal(self._location, error) from error
        self._held[process_id] = lock

    def free(self, process_id: str) -> None:
        """Stop showing that *process_id* lives."""
        lock = self._held.pop(process_id, None)
        if lock is not None:
            lock.release()
            self._file(process_id).unlink(missing_ok=True)

    def free_all(self) -> None:
        """Stop showing that anybody of this process lives."""
        for process_id in list(self._held):
            self.free(process_id)

    def is_alive(self, process: Process) -> bool:
        """Whether *process* still works.

        To be asked inside a writing transaction only: the question takes a free lock for a
        moment, and a second asker would take this for a sign of life.
        """
        if process.left_at is not None:
            return False
        if self._location.file is None or process.id in self._held:
            return True
        file = self._file(process.id)
        if not file.exists():
            return False
        lock = _lock(file)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return True
        except OSError as error:
            raise refusal(self._location, error) from error
        lock.release()
        file.unlink(missing_ok=True)
        return False

    def _file(self, process_id: str) -> Path:
        return self._location.locks / f"{process_id}.lock"


def _lock(file: Path) -> FileLock:
    # Not bound to a thread: a process is entered on one thread and may leave on another.
    return FileLock(file, mode=0o600, thread_local=False)
