"""Events: what a run has to tell, line by line, for `logs`."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, insert, select

from almaflow.store.records import Event
from almaflow.store.tables import events
from almaflow.store.values import clean, from_json, to_json

_INSERT = insert(events)
_AFTER = (
    select(events)
    .where(events.c.run_id == bindparam("run_id"), events.c.id > bindparam("after_id"))
    .order_by(events.c.id)
)


def add(
    connection: Connection, run_id: str, at: datetime, kind: str, path: str, text: str, data: Any
) -> None:
    """Append one line to the log of a run."""
    row = {
        "run_id": run_id,
        "at": at,
        "kind": kind,
        "path": path,
        "text": clean(text),
        "data": to_json(data, f"the data of event {kind} of run {run_id}"),
    }
    connection.execute(_INSERT, row)


def after(connection: Connection, run_id: str, after_id: int) -> list[Event]:
    """Return the events of a run that are newer than the event *after_id*, oldest first."""
    rows = connection.execute(_AFTER, {"run_id": run_id, "after_id": after_id})
    return [Event(**(dict(row._mapping) | {"data": from_json(row.data)})) for row in rows]
