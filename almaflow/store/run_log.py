"""Events: what a run has to tell, line by line, for `logs`."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, insert, select

from almaflow.store.json_values import clean, from_json, to_json
from almaflow.store.records import Event, Line
from almaflow.store.tables import events

_INSERT = insert(events)
_AFTER = (
    select(events)
    .where(events.c.run_id == bindparam("run_id"), events.c.id > bindparam("after_id"))
    .order_by(events.c.id)
)


def add_all(connection: Connection, run_id: str, lines: Sequence[Line]) -> None:
    """Append lines to the log of a run, in one question."""
    rows = [
        {
            "run_id": run_id,
            "at": line.at,
            "kind": line.kind,
            "path": line.path,
            "text": clean(line.text),
            "data": to_json(line.data, f"the data of event {line.kind} of run {run_id}"),
        }
        for line in lines
    ]
    if rows:
        connection.execute(_INSERT, rows)


def after(connection: Connection, run_id: str, after_id: int) -> list[Event]:
    """Return the events of a run that are newer than the event *after_id*, oldest first."""
    rows = connection.execute(_AFTER, {"run_id": run_id, "after_id": after_id})
    return [Event(**(dict(row._mapping) | {"data": from_json(row.data)})) for row in rows]
