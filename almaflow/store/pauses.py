"""Pauses: the times in which a person wants no tick of a workflow to run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, insert, or_, select, update

from almaflow.store.json_values import clean
from almaflow.store.schedule_records import Pause
from almaflow.store.tables import pauses
from almaflow.store.transaction import Transaction

_ALL = select(pauses).order_by(pauses.c.id)
_STANDS = and_(
    pauses.c.workflow == bindparam("of_workflow"),
    or_(pauses.c.until.is_(None), pauses.c.until > bindparam("now")),
)
_STANDING = _ALL.where(_STANDS)
_END = update(pauses).where(_STANDS)


def begin(
    tx: Transaction, workflow: str, *, by: str, note: str = "", until: datetime | None = None
) -> Pause:
    """Pause a workflow from now on, and return the pause; one that is active ends now.

    *until* is when the pause ends automatically; None: a person has to end it.
    """
    end(tx, workflow, by=by)
    row: dict[str, Any] = {
        "workflow": workflow,
        "since": tx.now,
        "until": until,
        "note": clean(note),
        "by": clean(by),
        "ended_by": "",
    }
    key = tx.execute(insert(pauses), row).inserted_primary_key
    assert key is not None
    return Pause(id=key[0], **row)


def end(tx: Transaction, workflow: str, *, by: str) -> Pause | None:
    """End the active pause of a workflow and return it, None when it has none now."""
    now = tx.now
    of_workflow = {"of_workflow": workflow, "now": now}
    row = tx.execute(_STANDING, of_workflow).first()
    if row is None:
        return None
    ended = {"until": now, "ended_by": clean(by)}
    tx.execute(_END, of_workflow | ended)
    return Pause(**(dict(row._mapping) | ended))


def find(
    tx: Transaction, *, workflow: str | None = None, since: datetime | None = None
) -> list[Pause]:
    """Return the pauses that had not ended at *since*, oldest first; None: all."""
    query = _ALL
    if workflow is not None:
        query = query.where(pauses.c.workflow == workflow)
    if since is not None:
        query = query.where(or_(pauses.c.until.is_(None), pauses.c.until > since))
    return [Pause(**row._mapping) for row in tx.execute(query)]
