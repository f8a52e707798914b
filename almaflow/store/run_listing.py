"""Runs by what they have in common: lists of them, newest first."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from almaflow.outcome import Outcome, Status
from almaflow.store.connection import at_most, where
from almaflow.store.errors import RunNotFound
from almaflow.store.records import RunRecord
from almaflow.store.runs import FINISHED, NEWEST_FIRST, NO_RUN, SELECT, record_of
from almaflow.store.transaction import Transaction


def newest(
    tx: Transaction,
    limit: int | None = None,
    *,
    workflow: str | None = None,
    statuses: Collection[Status] | None = None,
    outcomes: Collection[Outcome] | None = None,
    ended_since: datetime | None = None,
    requested_since: datetime | None = None,
    requested_until: datetime | None = None,
    before_run: str | None = None,
) -> list[RunRecord]:
    """Return the runs that fit all that is given, newest first, at most *limit*.

    *ended_since* leaves out those that ended at that instant, before it, or not yet. The instants
    of *requested_since* and *requested_until* are included. Of *before_run*, the id of a run, only
    runs that were recorded earlier are returned.

    Raises:
        RunNotFound: there is no run *before_run*.
    """
    number = None if before_run is None else _number(tx, before_run)
    conditions, values = where(
        {
            "number < :number": number,
            "workflow = :workflow": workflow,
            "status IN :statuses": statuses,
            "outcome IN :outcomes": outcomes,
            "ended_at > :ended_since": ended_since,
            "requested_at >= :requested_since": requested_since,
            "requested_at <= :requested_until": requested_until,
        }
    )
    rows = tx.rows(f"{SELECT}{conditions} {NEWEST_FIRST}{at_most(limit)}", **values, limit=limit)
    return [record_of(row) for row in rows]


def _number(tx: Transaction, run_id: str) -> int:
    number: int | None = tx.value("SELECT number FROM runs WHERE id = :run_id", run_id=run_id)
    if number is None:
        raise RunNotFound(NO_RUN.format(run_id))
    return number


def last_of_each(tx: Transaction) -> list[RunRecord]:
    """Return the newest run of each workflow."""
    rows = tx.rows(f"{SELECT} WHERE number IN (SELECT max(number) FROM runs GROUP BY workflow)")
    return [record_of(row) for row in rows]


def before(tx: Transaction, workflow: str, run_id: str, limit: int) -> list[RunRecord]:
    """Return finished runs of *workflow* recorded before a run, newest first, at most *limit*.

    *run_id* can be a run of another workflow. If it does not exist, the list is empty.
    """
    rows = tx.rows(
        f"{SELECT} WHERE workflow = :workflow AND {FINISHED}"
        " AND number < (SELECT number FROM runs WHERE id = :run_id)"
        f" {NEWEST_FIRST} LIMIT :limit",
        workflow=workflow,
        run_id=run_id,
        limit=limit,
    )
    return [record_of(row) for row in rows]


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
