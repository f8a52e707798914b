"""The store's processes: who works with it, and whether it lives."""

from __future__ import annotations

from dataclasses import replace

from almaflow.store import processes
from almaflow.store.calls.base import StoreBase
from almaflow.store.errors import StoreTrouble
from almaflow.store.records import Process


class ProcessCalls(StoreBase):
    """What is asked of processes."""

    def enter_process(self, host: str, pid: int, version: str) -> Process:
        """Record this process; it lives until it leaves, the store closes or it dies.

        From now on it is to renew its lease every few seconds (`processes.RENEW`).
        """
        process = processes.new_process(host, pid, version, self._clock.now())
        process = self._lives.hold(process)
        try:
            with self._database.write() as connection:
                processes.add(connection, process)
                self._lives.sweep(connection)
        except BaseException:
            self._lives.free(process.id)
            raise
        return process

    def renew_lease(self, process_id: str) -> None:
        """Give a sign of life of this process.

        Raises:
            LeaseLost: it was found dead, or has left; what it had claimed may be others' now.
        """
        with self._database.write() as connection:
            processes.renew(connection, process_id)

    def leave_process(self, process_id: str) -> None:
        """Record that this process is done; runs that it still owns may be taken over."""
        with self._database.write() as connection:
            processes.leave(connection, process_id, self._clock.now())
        self._lives.free(process_id)

    def is_silent(self, process_id: str) -> bool:
        """Whether a process that seems to live gave no sign of it since `process` looked first."""
        return self._lives.is_silent(process_id)

    def process(self, process_id: str) -> Process | None:
        """Return a process, None when it was never recorded; a dead one has left.

        That it is dead is recorded if the store can be written.
        """
        try:
            with self._database.write() as connection:
                self._lives.alive(connection, process_id)
                return processes.get(connection, process_id)
        except StoreTrouble:
            return self._process_as_read(process_id)

    def _process_as_read(self, process_id: str) -> Process | None:
        with self._database.read() as connection:
            process = processes.get(connection, process_id)
        if process is None or process.left_at is not None or self._lives.seems_alive(process):
            return process
        return replace(process, left_at=self._clock.now())
