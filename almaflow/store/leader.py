"""The leader: the one process that materializes ticks and starts their runs.

It is a row, not an advisory lock of a connection. The row works alike in SQLite; each write of a
leader is checked against it in the same transaction, so one that was frozen records nothing; and
the others can read who leads. A lock ends with its connection: whoever connects again would have to
find out whether it had led all the time. The lock of the ledger (see `locks`) keeps two from
becoming the leader at the same time.
"""

from __future__ import annotations

from typing import Final

from almaflow.store import processes
from almaflow.store.errors import NotLeader
from almaflow.store.records import Process
from almaflow.store.transaction import Transaction

_THE_ROW: Final = 1

_NAMED: Final = "SELECT process_id FROM leader"
_LEADS: Final = (
    "SELECT process_id FROM leader JOIN processes ON processes.id = leader.process_id"
    " WHERE processes.left_at IS NULL"
)
_REPLACE: Final = "UPDATE leader SET process_id = :process_id, since = :since"


def lead(tx: Transaction, process_id: str) -> Process | None:
    """Make *process_id* the leader unless another one lives; return that one, else None.

    Raises:
        LeaseLost: *process_id* has left, or was found dead.
    """
    processes.check(tx, process_id)
    other = current(tx)
    if other is not None:
        return None if other.id == process_id else other
    if tx.execute(_REPLACE, process_id=process_id, since=tx.now) == 0:
        tx.insert("leader", id=_THE_ROW, process_id=process_id, since=tx.now)
    return None


def current(tx: Transaction) -> Process | None:
    """Return the leader that lives, or None; that it was found dead is recorded."""
    process_id = tx.value(_NAMED)
    if process_id is None or not processes.is_alive(tx, process_id):
        return None
    return processes.get(tx, process_id)


def check(tx: Transaction, process_id: str) -> None:
    """Check that the process leads, and that no other process considers it dead.

    Raises:
        NotLeader: it does not lead, or is considered dead.
    """
    if tx.value(_LEADS) != process_id:
        raise NotLeader(process_id)
