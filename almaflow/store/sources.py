"""Sources: workflow files as they were when they were last valid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from almaflow.store import runs
from almaflow.store.connection import assignments, columns_of
from almaflow.store.json_values import clean
from almaflow.store.schedule_records import WorkflowSource
from almaflow.store.transaction import Transaction


def find(tx: Transaction) -> list[WorkflowSource]:
    """Return all files, by path."""
    rows = tx.rows(f"SELECT {columns_of(WorkflowSource)} FROM sources ORDER BY path")
    return [WorkflowSource(**row) for row in rows]


def keep(
    tx: Transaction, source: WorkflowSource, definition: Mapping[str, Any] | None
) -> WorkflowSource:
    """Record a file, replacing what was known of it, and return it with its hash.

    None for *definition*: the store has it under the hash that the source names.

    Raises:
        ValueUnfit: the definition is too large, or no JSON.
    """
    source = replace(source, problem=clean(source.problem))
    if definition is not None:
        hash_ = runs.add_definition(tx, definition, f"the workflow of {source.path}")
        source = replace(source, definition=hash_)
    row = asdict(source)
    if tx.execute(f"UPDATE sources SET {assignments(row)} WHERE path = :path", **row) == 0:
        tx.insert("sources", **row)
    return source


def drop(tx: Transaction, path: str) -> None:
    """Forget a file."""
    tx.execute("DELETE FROM sources WHERE path = :path", path=path)
