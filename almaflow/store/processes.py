"""Processes: who works with the store, and whether it still lives.

A process holds a lease: it counts up its `beat` in the store every few seconds, and whoever sees
the same beat for as long as the lease takes it for dead. How long that is, the watcher measures
by a clock of its own that only goes forward, so the times of day of two machines need not agree.

Beside it a process holds a lock on a file of its own, `<process id>.lock`. The system frees such
a lock when the process ends, however it ends, so on the same machine one that can be taken is a
dead one's, at once. Where there is no such file, only the beat tells.
"""

from __future__ import annotations

import platform
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from sqlalchemy import Connection, insert, select, update

from almaflow.clock import Clock
from almaflow.store.errors import LeaseLost
from almaflow.store.location import StoreLocation, refusal
from almaflow.store.records import Process
from almaflow.store.tables import processes

# How long a process lives without a sign of life, and how often it is to give one.
LEASE: Final = timedelta(seconds=20)
RENEW: Final = timedelta(seconds=5)


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
        "beat": process.beat,
        "lock_file": process.lock_file,
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


def renew(connection: Connection, process_id: str) -> None:
    """Record a sign of life.

    Raises:
        LeaseLost: the process has left, or was found dead.
    """
    ours = update(processes).where(processes.c.id == process_id, processes.c.left_at.is_(None))
    if connection.execute(ours.values(beat=processes.c.beat + 1)).rowcount == 0:
        raise LeaseLost(process_id)


def check(connection: Connection, process_id: str) -> None:
    """See that the process may take something on.

    Raises:
        LeaseLost: it has left, or was found dead.
    """
    process = get(connection, process_id)
    if process is not None and process.left_at is not None:
        raise LeaseLost(process_id)


@dataclass
class _Watch:
    """What a watcher knows of a beat: when it last looked, and how long the beat stood still."""

    beat: int
    looked: float
    silent: float = 0.0
    moved: bool = False


class Lives:
    """Tells who of a store's processes live: its own, and others by their locks and beats."""

    def __init__(self, location: StoreLocation, clock: Clock, lease: timedelta) -> None:
        self._location = location
        self._clock = clock
        self.lease = lease
        self._held: dict[str, FileLock | None] = {}
        self._watches: dict[str, _Watch] = {}

    # Ours

    def hold(self, process: Process) -> Process:
        """Show from now on that *process*, which is this one, lives; return it with its lock.

        Raises:
            StoreError: the lock file cannot be made.
        """
        self._held[process.id] = None
        if self._location.in_memory:
            return process
        file = self._location.locks / f"{process.id}.lock"
        lock = _lock(file)
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.acquire(timeout=0)
        except OSError as error:
            if self._location.file is None:
                # The store is a server; this machine need not have a place for us.
                return process
            del self._held[process.id]
            raise refusal(self._location, error) from error
        self._held[process.id] = lock
        return replace(process, lock_file=str(file))

    def free(self, process_id: str) -> None:
        """Stop showing that *process_id* lives; that it left is recorded."""
        lock = self._held.pop(process_id, None)
        if lock is not None:
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)

    def drop(self) -> None:
        """Stop showing that anybody of this process lives, as its death would.

        The files stay: a lock that can be taken tells others what happened.
        """
        for lock in self._held.values():
            if lock is not None:
                lock.release()
        self._held.clear()

    def sweep(self, connection: Connection) -> None:
        """Take away the lock files that those who were found dead left behind."""
        if self._location.in_memory:
            return
        files = {file.stem: file for file in self._location.locks.glob("*.lock")}
        gone = select(processes.c.id).where(
            processes.c.id.in_(list(files)), processes.c.left_at.is_not(None)
        )
        for process_id in connection.execute(gone).scalars():
            files[process_id].unlink(missing_ok=True)

    # Others

    def alive(self, connection: Connection, process_id: str) -> bool:
        """Whether the process lives; that it was found dead is recorded.

        To be asked inside a writing transaction only: the question takes a free lock for a
        moment, and a second asker would take this for a sign of life.
        """
        process = get(connection, process_id)
        if process is None or process.left_at is not None:
            self._watches.pop(process_id, None)
            return False
        if self.seems_alive(process):
            return True
        leave(connection, process_id, self._clock.now())
        return False

    def is_silent(self, process_id: str) -> bool:
        """Whether no sign of life came from a process since it was first looked at.

        A process that is frozen seems to live until it has been silent for a lease. So a command
        that looks only once cannot tell the two apart; it has to go on looking.
        """
        watch = self._watches.get(process_id)
        return watch is not None and not watch.moved

    def seems_alive(self, process: Process) -> bool:
        """Whether a process that has not left shows that it lives; nothing is recorded."""
        if self._location.in_memory or process.id in self._held:
            return True
        if process.host == platform.node() and _can_be_locked(process.lock_file):
            return False
        return self._silence(process) < self.lease.total_seconds()

    def _silence(self, process: Process) -> float:
        """Return for how many seconds this watcher has seen the process stand still.

        The time between two looks counts half a lease at most: when the machine was suspended
        in between, so was the process, and it needs a moment to show that it lives.
        """
        now = self._clock.elapsed()
        watch = self._watches.get(process.id)
        if watch is None or watch.beat != process.beat:
            moved = watch is not None
            watch = self._watches[process.id] = _Watch(process.beat, now, moved=moved)
        watch.silent += min(now - watch.looked, self.lease.total_seconds() / 2)
        watch.looked = now
        return watch.silent


def _can_be_locked(lock_file: str) -> bool:
    """Whether the file is there and nobody holds it; False as well when we cannot tell."""
    lock = _lock(Path(lock_file))
    try:
        if not lock_file or not Path(lock_file).is_file():
            return False
        lock.acquire(timeout=0)
    except (Timeout, OSError):
        # It is held, or another user's: then the beat tells.
        return False
    lock.release()
    return True


def _lock(file: Path) -> FileLock:
    # Not bound to a thread: a process is entered on one thread and may leave on another.
    return FileLock(file, mode=0o600, thread_local=False)
