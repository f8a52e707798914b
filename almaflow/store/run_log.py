"""Events: the log of a run, line by line, for `logs`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from almaflow.store.connection import columns_of
from almaflow.store.json_values import clean, from_json, to_json
from almaflow.store.records import LogEntry, NewLogEntry
from almaflow.store.transaction import Transaction

_AFTER = (
    f"SELECT {columns_of(LogEntry)} FROM events"
    " WHERE run_id = :run_id AND id > :after_id ORDER BY id"
)
# SQLite takes an OFFSET after a LIMIT only. No run has more events than this.
_ALL = 2**62


def add(
    tx: Transaction, run_id: str, kind: str, path: str = "", text: str = "", data: Any = None
) -> None:
    """Append a line to the log of a run, now; *path* is a step's, or empty.

    Raises:
        ValueUnfit: *data* is larger than 16 MiB, or cannot be written as JSON.
    """
    add_all(tx, run_id, [NewLogEntry(tx.now, kind, path, text, data)])


def add_all(tx: Transaction, run_id: str, lines: Sequence[NewLogEntry]) -> None:
    """Append lines to the log of a run, in their order; Raises: ValueUnfit."""
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
    tx.insert_all("events", rows)


def after(
    tx: Transaction, run_id: str, after_id: int = 0, *, skip: int = 0, limit: int | None = None
) -> list[LogEntry]:
    """Return the events of a run that are newer than the event *after_id*, oldest first.

    The first *skip* of them are left out, and at most *limit* returned.
    """
    bounds = {"limit": _ALL if limit is None else limit, "skip": skip}
    statement = f"{_AFTER} LIMIT :limit OFFSET :skip"
    rows = tx.rows(statement, run_id=run_id, after_id=after_id, **bounds)
    return [LogEntry(**row | {"data": from_json(row["data"])}) for row in rows]
