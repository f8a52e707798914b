"""Pauses: the times in which a person wants no tick of a workflow to run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from almaflow.store.connection import columns_of, where
from almaflow.store.json_values import clean
from almaflow.store.schedule_records import SchedulePause
from almaflow.store.transaction import Transaction

_SELECT = f"SELECT {columns_of(SchedulePause)} FROM pauses"
_ACTIVE = "workflow = :workflow AND (until IS NULL OR until > :now)"


def begin(
    tx: Transaction, workflow: str, *, by: str, note: str = "", until: datetime | None = None
) -> SchedulePause:
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
    return SchedulePause(id=tx.insert_numbered("pauses", **row), **row)


def end(tx: Transaction, workflow: str, *, by: str) -> SchedulePause | None:
    """End the active pause of a workflow and return it, None when it has none now."""
    now = tx.now
    row = tx.row(f"{_SELECT} WHERE {_ACTIVE} ORDER BY id", workflow=workflow, now=now)
    if row is None:
        return None
    ended_by = clean(by)
    tx.execute(
        f"UPDATE pauses SET until = :now, ended_by = :ended_by WHERE {_ACTIVE}",
        workflow=workflow,
        now=now,
        ended_by=ended_by,
    )
    return SchedulePause(**row | {"until": now, "ended_by": ended_by})


def find(
    tx: Transaction, *, workflow: str | None = None, since: datetime | None = None
) -> list[SchedulePause]:
    """Return the pauses that had not ended at *since*, oldest first; None: all."""
    conditions, values = where(
        {"workflow = :workflow": workflow, "(until IS NULL OR until > :since)": since}
    )
    rows = tx.rows(f"{_SELECT}{conditions} ORDER BY id", **values)
    return [SchedulePause(**row) for row in rows]
