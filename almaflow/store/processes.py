"""Processes: the rows of those that work with the store, and of those that have left or died."""

from __future__ import annotations

import secrets
from datetime import datetime

from sqlalchemy import insert, select, update

from almaflow.store.errors import LeaseLost
from almaflow.store.records import Process
from almaflow.store.tables import processes
from almaflow.store.transaction import Transaction


def new_process(host: str, pid: int, version: str, now: datetime) -> Process:
    """Return a process that is not recorded yet; its id never comes again."""
    return Process(secrets.token_hex(8), host, pid, version, now)


def add(tx: Transaction, process: Process) -> None:
    """Record that *process* works with the store; remove the lock files of those that died."""
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
    tx.execute(insert(processes), row)
    files = tx.liveness.lock_files()
    gone = select(processes.c.id).where(
        processes.c.id.in_(list(files)), processes.c.left_at.is_not(None)
    )
    for process_id in tx.execute(gone).scalars():
        files[process_id].unlink(missing_ok=True)


def get(tx: Transaction, process_id: str) -> Process | None:
    """Return the process *process_id*, or None."""
    row = tx.execute(select(processes).where(processes.c.id == process_id)).first()
    return None if row is None else Process(**row._mapping)


def leave(tx: Transaction, process_id: str) -> None:
    """Record that the process is gone; the first record of it stays."""
    tx.execute(
        update(processes).where(processes.c.id == process_id, processes.c.left_at.is_(None)),
        {"left_at": tx.now},
    )


def renew(tx: Transaction, process_id: str) -> None:
    """Record a sign of life.

    Raises:
        LeaseLost: the process has left, or was found dead.
    """
    ours = update(processes).where(processes.c.id == process_id, processes.c.left_at.is_(None))
    if tx.execute(ours.values(beat=processes.c.beat + 1)).rowcount == 0:
        raise LeaseLost(process_id)


def check(tx: Transaction, process_id: str) -> None:
    """See that the process may take something on.

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
    if tx.liveness.seems_alive(process):
        return True
    leave(tx, process_id)
    return False


def checked(tx: Transaction, process_id: str) -> Process | None:
    """Return a process, None when it was never recorded; one that is found dead has left."""
    is_alive(tx, process_id)
    return get(tx, process_id)
