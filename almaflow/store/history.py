"""When something last happened in runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, func, select

from almaflow.store.tables import events, journal
from almaflow.store.transaction import Transaction, batches

_CHANGED = (
    select(journal.c.run_id, func.max(journal.c.changed_at).label("at"))
    .where(journal.c.run_id.in_(bindparam("run_ids", expanding=True)))
    .group_by(journal.c.run_id)
)
_TOLD = (
    select(events.c.run_id, func.max(events.c.at).label("at"))
    .where(events.c.run_id.in_(bindparam("run_ids", expanding=True)))
    .group_by(events.c.run_id)
)


def last_changes(tx: Transaction, run_ids: Sequence[str]) -> dict[str, datetime]:
    """Return when something was last recorded in the journal or the log of each run.

    A run without such a record is left out.
    """
    latest: dict[str, datetime] = {}
    for some in batches(run_ids):
        for query in (_CHANGED, _TOLD):
            for row in tx.execute(query, {"run_ids": some}):
                latest[row.run_id] = max(row.at, latest.get(row.run_id, row.at))
    return latest
