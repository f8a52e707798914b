"""Answers: what people decide about steps that wait, until the run's process reads them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from almaflow.outcome import Status
from almaflow.store import runs
from almaflow.store.connection import columns_of, where
from almaflow.store.errors import RunEnded
from almaflow.store.json_values import clean, from_json, to_json
from almaflow.store.records import Decision
from almaflow.store.transaction import Transaction

# Up to this many runs are asked for by name; for more, everything new is read and filtered.
_FEW: Final = 100


def add(tx: Transaction, run_id: str, path: str, kind: str, value: Any, by: str) -> Decision:
    """Record what *by* decided about the step *path* of a run, and return it.

    *kind* is `approve` or `resolve`.

    Raises:
        RunNotFound: there is no such run.
        RunEnded: it is finished.
        ValueUnfit: the value is too large, or no JSON.
    """
    record = runs.get(tx, run_id)
    if record.status is Status.FINISHED:
        raise RunEnded(run_id, str(record.outcome))
    row: dict[str, Any] = {"run_id": run_id, "path": path, "kind": kind, "by": clean(by)}
    row["at"] = tx.now
    text = to_json(value, f"the answer to step {path} of run {run_id}")
    tx.changes.decided(run_id)
    answer_id = tx.insert_numbered("answers", **row, value=text)
    return Decision(id=answer_id, value=value, **row)


def after(
    tx: Transaction, run_ids: Collection[str] | None = None, after_id: int = 0
) -> list[Decision]:
    """Return the answers newer than the answer *after_id*, oldest first; None: of all runs."""
    ids = None if run_ids is None else frozenset(run_ids)
    few = ids if ids is not None and len(ids) <= _FEW else None
    conditions, values = where({"id > :after_id": after_id, "run_id IN :run_ids": few})
    statement = f"SELECT {columns_of(Decision)} FROM answers{conditions} ORDER BY id"
    return [
        Decision(**row | {"value": from_json(row["value"])})
        for row in tx.rows(statement, **values)
        if ids is None or row["run_id"] in ids
    ]
