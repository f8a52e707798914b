"""Liveness: whether the processes of a store are alive, as this process sees it.

A process holds a lease: it counts up its `beat` in the store every few seconds. A process that
shows the same beat for as long as the lease counts as dead. The watcher measures that time by its
own clock, which only moves forward, so the clocks of two machines need not agree.

A process also holds a lock on its own file, `<process id>.lock`. The system releases such a
lock when the process ends, however it ends. So on the same machine a lock that can be taken belongs
to a dead process. Where there is no such file, only the beat shows whether a process lives.
"""

from __future__ import annotations

import platform
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from almaflow.clock import Clock
from almaflow.late_dataclasses import dataclass
from almaflow.store.location import StoreLocation, refusal
from almaflow.store.records import Process

if TYPE_CHECKING:
    from filelock import FileLock

# How long a process lives without a sign of life, and how often it is to give one.
LEASE: Final = timedelta(seconds=20)
RENEW: Final = timedelta(seconds=5)


@dataclass
class _Watch:
    """What a watcher knows of a beat: when it last polled, and how long the beat has not moved."""

    beat: int
    polled: float
    silent: float = 0.0
    moved: bool = False


class Liveness:
    """Shows that this process is alive, and judges others by their locks and beats."""

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
                # The store is on a server; this machine need not have a folder for us.
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
        """Stop showing that this process lives, as its death would.

        The files stay: a lock that can be taken tells others what happened.
        """
        for lock in self._held.values():
            if lock is not None:
                lock.release()
        self._held.clear()

    def lock_files(self) -> dict[str, Path]:
        """Return the lock files of this machine, by process id."""
        if self._location.in_memory:
            return {}
        return {file.stem: file for file in self._location.locks.glob("*.lock")}

    # Others

    def forget(self, process_id: str) -> None:
        """Stop watching a process that has left."""
        self._watches.pop(process_id, None)

    def is_silent(self, process_id: str) -> bool:
        """Whether no sign of life came from a process since it was first checked.

        A process that is frozen seems to live until it has been silent for a lease. So a command
        that polls only once cannot tell the two apart; it has to keep checking.
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
        """Return for how many seconds this watcher has seen no sign of life.

        The time between two polls counts half a lease at most: when the machine was suspended
        in between, so was the process, and it needs a moment to show that it lives.
        """
        now = self._clock.elapsed()
        watch = self._watches.get(process.id)
        if watch is None or watch.beat != process.beat:
            moved = watch is not None
            watch = self._watches[process.id] = _Watch(process.beat, now, moved=moved)
        watch.silent += min(now - watch.polled, self.lease.total_seconds() / 2)
        watch.polled = now
        return watch.silent


def _can_be_locked(lock_file: str) -> bool:
    """Whether the file exists and no process locks it; False as well when that is unknown."""
    from filelock import Timeout

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
    from filelock import FileLock  # late: a command that only reads takes no lock

    # Not bound to a thread: a process is entered on one thread and may leave on another.
    return FileLock(file, mode=0o600, thread_local=False)
