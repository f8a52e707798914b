"""Answers: what people decide about steps that wait, until the run's process reads them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import bindparam, insert, select

from almaflow.outcome import Status
from almaflow.store import runs
from almaflow.store.errors import RunEnded
from almaflow.store.json_values import clean, from_json, to_json
from almaflow.store.records import Decision
from almaflow.store.tables import answers
from almaflow.store.transaction import Transaction

_AFTER = select(answers).where(answers.c.id > bindparam("after_id")).order_by(answers.c.id)

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
    key = tx.execute(insert(answers), row | {"value": text}).inserted_primary_key
    assert key is not None
    return Decision(id=key[0], value=value, **row)


def after(
    tx: Transaction, run_ids: Collection[str] | None = None, after_id: int = 0
) -> list[Decision]:
    """Return the answers newer than the answer *after_id*, oldest first; None: of all runs."""
    query = _AFTER
    if run_ids is not None and len(run_ids) <= _FEW:
        query = query.where(answers.c.run_id.in_(list(run_ids)))
    ids = None if run_ids is None else frozenset(run_ids)
    return [
        Decision(**(dict(row._mapping) | {"value": from_json(row.value)}))
        for row in tx.execute(query, {"after_id": after_id})
        if ids is None or row.run_id in ids
    ]
