"""The leader: the one process that lays out ticks and starts their runs."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import insert, select, update

from almaflow.store import processes
from almaflow.store.errors import NotLeader
from almaflow.store.records import Process
from almaflow.store.tables import leader
from almaflow.store.tables import processes as process_table
from almaflow.store.transaction import Transaction

_THE_ROW: Final = 1

_NAMED = select(leader.c.process_id)
_LEADS = (
    select(leader.c.process_id)
    .select_from(leader.join(process_table, process_table.c.id == leader.c.process_id))
    .where(process_table.c.left_at.is_(None))
)


def lead(tx: Transaction, process_id: str) -> Process | None:
    """Make *process_id* the leader unless another one lives; return that one, else None.

    Raises:
        LeaseLost: *process_id* has left, or was found dead.
    """
    processes.check(tx, process_id)
    other = current(tx)
    if other is not None:
        return None if other.id == process_id else other
    row: dict[str, Any] = {"process_id": process_id, "since": tx.now}
    if tx.execute(update(leader), row).rowcount == 0:
        tx.execute(insert(leader), row | {"id": _THE_ROW})
    return None


def current(tx: Transaction) -> Process | None:
    """Return the leader that lives, or None; that it was found dead is recorded."""
    process_id = tx.execute(_NAMED).scalar()
    if process_id is None or not processes.is_alive(tx, process_id):
        return None
    return processes.get(tx, process_id)


def check(tx: Transaction, process_id: str) -> None:
    """See that the process leads, and nobody has found it dead.

    Raises:
        NotLeader: it does not, or somebody has.
    """
    if tx.execute(_LEADS).scalar() != process_id:
        raise NotLeader(process_id)
