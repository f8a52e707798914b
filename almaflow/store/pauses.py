"""Pauses: the times in which somebody wants no tick of a workflow to run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, insert, or_, select, update

from almaflow.store.json_values import clean
from almaflow.store.schedule_records import Pause
from almaflow.store.tables import pauses

_ALL = select(pauses).order_by(pauses.c.id)
_STANDS = and_(
    pauses.c.workflow == bindparam("of_workflow"),
    or_(pauses.c.until.is_(None), pauses.c.until > bindparam("now")),
)
_STANDING = _ALL.where(_STANDS)
_END = update(pauses).where(_STANDS)


def begin(
    connection: Connection, workflow: str, by: str, note: str, until: datetime | None, at: datetime
) -> Pause:
    """Pause a workflow from *at* on, in place of a pause that stands, and return the new one."""
    end(connection, workflow, by, at)
    row: dict[str, Any] = {
        "workflow": workflow,
        "since": at,
        "until": until,
        "note": clean(note),
        "by": clean(by),
        "ended_by": "",
    }
    key = connection.execute(insert(pauses), row).inserted_primary_key
    assert key is not None
    return Pause(id=key[0], **row)


def end(connection: Connection, workflow: str, by: str, at: datetime) -> Pause | None:
    """End the pause that stands and return it, None when none does."""
    of_workflow = {"of_workflow": workflow, "now": at}
    row = connection.execute(_STANDING, of_workflow).first()
    if row is None:
        return None
    ended = {"until": at, "ended_by": clean(by)}
    connection.execute(_END, of_workflow | ended)
    return Pause(**(dict(row._mapping) | ended))


def find(connection: Connection, workflow: str | None, since: datetime | None) -> list[Pause]:
    """Return the pauses that had not ended at *since*, oldest first; None: all."""
    query = _ALL
    if workflow is not None:
        query = query.where(pauses.c.workflow == workflow)
    if since is not None:
        query = query.where(or_(pauses.c.until.is_(None), pauses.c.until > since))
    return [Pause(**row._mapping) for row in connection.execute(query)]
