"""Processes: the rows of those that work with the store, and of those that have left or died."""

from __future__ import annotations

import secrets
from dataclasses import asdict
from datetime import datetime

from almaflow.outcome import Status
from almaflow.store.connection import Row, columns_of
from almaflow.store.errors import LeaseLost
from almaflow.store.records import ActiveProcess, Process
from almaflow.store.transaction import Transaction

_SELECT = f"SELECT {columns_of(Process)} FROM processes WHERE id = :process_id"
# A process leaves once.
_HERE = "id = :process_id AND left_at IS NULL"
_HERE_NOW = "SELECT id FROM processes WHERE left_at IS NULL ORDER BY entered_at, id"
_WORK = (
    "SELECT owner, id, status FROM runs WHERE owner IS NOT NULL AND status != 'finished'"
    " ORDER BY number"
)


def new_process(host: str, pid: int, version: str, now: datetime, info: str) -> Process:
    """Return a process that is not recorded yet; its id never comes again."""
    return Process(secrets.token_hex(8), host, pid, version, now, info=info)


def add(tx: Transaction, process: Process) -> None:
    """Record that *process* works with the store; remove the lock files of those that died."""
    tx.insert("processes", **asdict(process))
    files = tx.liveness.lock_files()
    gone = "SELECT id FROM processes WHERE id IN :ids AND left_at IS NOT NULL"
    for process_id in tx.column(gone, ids=list(files)):
        files[process_id].unlink(missing_ok=True)


def get(tx: Transaction, process_id: str) -> Process | None:
    """Return the process *process_id*, or None."""
    row = tx.row(_SELECT, process_id=process_id)
    return None if row is None else Process(**row)


def at_work(tx: Transaction) -> list[ActiveProcess]:
    """Return the processes that have not left, the oldest first; those found dead leave now."""
    here = [process_id for process_id in tx.column(_HERE_NOW) if is_alive(tx, process_id)]
    leader = tx.value("SELECT process_id FROM leader")
    work: dict[str, list[Row]] = {}
    for row in tx.rows(_WORK):
        work.setdefault(row["owner"], []).append(row)
    found: list[ActiveProcess] = []
    for process_id in here:
        process, runs = get(tx, process_id), work.get(process_id, [])
        assert process is not None
        waiting = sum(row["status"] == Status.WAITING for row in runs)
        ids = tuple(row["id"] for row in runs)
        found.append(ActiveProcess(process, process_id == leader, ids, waiting))
    return found


def leave(tx: Transaction, process_id: str) -> None:
    """Record that the process is gone; the first record of it stays."""
    statement = f"UPDATE processes SET left_at = :now WHERE {_HERE}"
    tx.execute(statement, process_id=process_id, now=tx.now)


def _bury(tx: Transaction, process_id: str) -> bool:
    """Record that another process is dead, unless a transaction under way has its row.

    That one renews its lease, or buries it as well.
    """
    free = f"SELECT id FROM processes WHERE {_HERE}{tx.unless_locked}"
    statement = f"UPDATE processes SET left_at = :now WHERE id IN ({free})"
    return tx.execute(statement, process_id=process_id, now=tx.now) == 1


def renew(tx: Transaction, process_id: str) -> None:
    """Record a sign of life.

    Raises:
        LeaseLost: the process has left, or was found dead.
    """
    statement = f"UPDATE processes SET beat = beat + 1 WHERE {_HERE}"
    if tx.execute(statement, process_id=process_id) == 0:
        raise LeaseLost(process_id)


def check(tx: Transaction, process_id: str) -> None:
    """Check that the process may claim runs or lead.

    Raises:
        LeaseLost: it has left, or was found dead.
    """
    process = get(tx, process_id)
    if process is not None and process.left_at is not None:
        raise LeaseLost(process_id)


def is_alive(tx: Transaction, process_id: str) -> bool:
    """Whether the process lives; if it is found dead, that is recorded.

    Ask this inside a writing transaction only: the question takes a free lock for a moment, and
    a second asker would take this for a sign of life.
    """
    process = get(tx, process_id)
    if process is None or process.left_at is not None:
        tx.liveness.forget(process_id)
        return False
    return tx.liveness.seems_alive(process) or not _bury(tx, process_id)


def checked(tx: Transaction, process_id: str) -> Process | None:
    """Return a process, None when it was never recorded; a dead one is recorded as left."""
    is_alive(tx, process_id)
    return get(tx, process_id)
