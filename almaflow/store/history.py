"""When something last happened in runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from almaflow.store.transaction import Transaction

_RECORDS = (
    "SELECT run_id, max(changed_at) AS changed_at FROM journal WHERE run_id IN :run_ids"
    " GROUP BY run_id",
    "SELECT run_id, max(at) AS at FROM events WHERE run_id IN :run_ids GROUP BY run_id",
)


def last_changes(tx: Transaction, run_ids: Sequence[str]) -> dict[str, datetime]:
    """Return when something was last recorded in the journal or the log of each run.

    A run without such a record is left out.
    """
    latest: dict[str, datetime] = {}
    for statement in _RECORDS:
        for row in tx.rows(statement, run_ids=run_ids):
            run_id, at = row.values()
            latest[run_id] = max(at, latest.get(run_id, at))
    return latest
