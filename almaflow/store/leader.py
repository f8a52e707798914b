"""The leader: the one process that lays out ticks and starts their runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, insert, select, update

from almaflow.store import processes
from almaflow.store.errors import NotLeader
from almaflow.store.processes import Lives
from almaflow.store.records import Process
from almaflow.store.tables import leader
from almaflow.store.tables import processes as process_table

_THE_ROW: Final = 1

_NAMED = select(leader.c.process_id)
_LEADS = (
    select(leader.c.process_id)
    .select_from(leader.join(process_table, process_table.c.id == leader.c.process_id))
    .where(process_table.c.left_at.is_(None))
)


def lead(connection: Connection, process_id: str, at: datetime, lives: Lives) -> Process | None:
    """Make *process_id* the leader unless another one lives; return that one, else None.

    Raises:
        LeaseLost: *process_id* has left, or was found dead.
    """
    processes.check(connection, process_id)
    other = current(connection, lives)
    if other is not None:
        return None if other.id == process_id else other
    row: dict[str, Any] = {"process_id": process_id, "since": at}
    if connection.execute(update(leader), row).rowcount == 0:
        connection.execute(insert(leader), row | {"id": _THE_ROW})
    return None


def current(connection: Connection, lives: Lives) -> Process | None:
    """Return the leader that lives, or None; that it was found dead is recorded."""
    process_id = connection.execute(_NAMED).scalar()
    if process_id is None or not lives.alive(connection, process_id):
        return None
    return processes.get(connection, process_id)


def check(connection: Connection, process_id: str) -> None:
    """See that the process leads, and nobody has found it dead.

    Raises:
        NotLeader: it does not, or somebody has.
    """
    if connection.execute(_LEADS).scalar() != process_id:
        raise NotLeader(process_id)
