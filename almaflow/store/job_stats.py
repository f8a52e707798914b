"""What is remembered of Alma's jobs from run to run: durations, and what Alma does to names."""

from __future__ import annotations

from typing import Any, Final

from almaflow.store.connection import Row, assignments
from almaflow.store.records import MarkerHabit
from almaflow.store.transaction import Transaction

# How many runs of a job are remembered.
REMEMBERED: Final = 20

_OF_JOB = "account = :account AND job_id = :job_id"
_TRAITS = "SELECT account, job_id, kept_length, cut_length FROM job_traits"


def add_duration(tx: Transaction, account: str, job_id: str, seconds: float) -> None:
    """Remember how long a run of a job took; the oldest beyond the newest 20 are forgotten."""
    job = {"account": account, "job_id": job_id}
    tx.insert("durations", **job, seconds=seconds, at=tx.now)
    last = tx.value(
        f"SELECT id FROM durations WHERE {_OF_JOB} ORDER BY id DESC LIMIT 1 OFFSET {REMEMBERED}",
        **job,
    )
    if last is not None:
        tx.execute(f"DELETE FROM durations WHERE {_OF_JOB} AND id <= :last", **job, last=last)


def learned(tx: Transaction, limit: int = 10_000) -> list[Row]:
    """Return the newest *limit* durations as `{institution, job_id, seconds}`, oldest first.

    `institution` is the account, as it was given to `add_duration`.
    """
    rows = tx.rows(
        "SELECT account AS institution, job_id, seconds FROM durations ORDER BY id DESC"
        " LIMIT :limit",
        limit=limit,
    )
    return rows[::-1]


def note_habit(tx: Transaction, account: str, job_id: str, habit: MarkerHabit) -> None:
    """Remember what Alma was last seen to do to the names of a job's instances."""
    job = {"account": account, "job_id": job_id}
    seen: dict[str, Any] = {"kept_length": habit.kept, "cut_length": habit.cut, "seen_at": tx.now}
    changed = tx.execute(
        f"UPDATE job_traits SET {assignments(seen)} WHERE {_OF_JOB}", **seen, **job
    )
    if changed == 0:
        tx.insert("job_traits", **job, **seen)


def habits(tx: Transaction) -> dict[tuple[str, str], MarkerHabit]:
    """Return what Alma does to names, by account and job, where it was seen."""
    return {(row["account"], row["job_id"]): _habit(row) for row in tx.rows(_TRAITS)}


def habit_of(tx: Transaction, account: str, job_id: str) -> MarkerHabit:
    """Return what Alma was seen to do to the names of a job's instances."""
    row = tx.row(f"{_TRAITS} WHERE {_OF_JOB}", account=account, job_id=job_id)
    return MarkerHabit() if row is None else _habit(row)


def _habit(row: Row) -> MarkerHabit:
    return MarkerHabit(row["kept_length"], row["cut_length"])
