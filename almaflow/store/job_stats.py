"""What is remembered of Alma's jobs from run to run: how long they take, what they do to names."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, bindparam, delete, insert, select, update

from almaflow.store.records import MarkerHabit
from almaflow.store.tables import durations, job_traits
from almaflow.store.transaction import Transaction

# How many runs of a job are remembered.
REMEMBERED: Final = 20

_OF_JOB = (
    select(durations.c.id)
    .where(
        durations.c.account == bindparam("account"),
        durations.c.job_id == bindparam("job_id"),
    )
    .order_by(durations.c.id.desc())
)
_TRAIT = select(job_traits).where(
    job_traits.c.account == bindparam("account"), job_traits.c.job_id == bindparam("job_id")
)


def add_duration(tx: Transaction, account: str, job_id: str, seconds: float) -> None:
    """Remember how long a run of a job took; the oldest beyond the newest 20 are forgotten."""
    job = {"account": account, "job_id": job_id}
    tx.execute(insert(durations), job | {"seconds": seconds, "at": tx.now})
    last = tx.execute(_OF_JOB.limit(1).offset(REMEMBERED), job).scalar()
    if last is not None:
        tx.execute(
            delete(durations).where(
                durations.c.account == account,
                durations.c.job_id == job_id,
                durations.c.id <= last,
            )
        )


def learned(tx: Transaction, limit: int = 10_000) -> list[dict[str, Any]]:
    """Return the newest *limit* durations as `{institution, job_id, seconds}`, oldest first.

    `institution` is the account, as it was given to `add_duration`.
    """
    rows = tx.execute(
        select(durations.c.account, durations.c.job_id, durations.c.seconds)
        .order_by(durations.c.id.desc())
        .limit(limit)
    ).all()
    return [
        {"institution": row.account, "job_id": row.job_id, "seconds": row.seconds}
        for row in reversed(rows)
    ]


def note_habit(tx: Transaction, account: str, job_id: str, habit: MarkerHabit) -> None:
    """Remember what Alma was last seen to do to the names of a job's instances."""
    job = {"account": account, "job_id": job_id}
    seen: dict[str, Any] = {
        "kept_length": habit.kept,
        "cut_length": habit.cut,
        "seen_at": tx.now,
    }
    ours = (job_traits.c.account == account) & (job_traits.c.job_id == job_id)
    if tx.execute(update(job_traits).where(ours), seen).rowcount == 0:
        tx.execute(insert(job_traits), job | seen)


def habits(tx: Transaction) -> dict[tuple[str, str], MarkerHabit]:
    """Return what Alma does to names, by account and job, where it was seen."""
    rows = tx.execute(select(job_traits))
    return {(row.account, row.job_id): _habit(row) for row in rows}


def habit_of(tx: Transaction, account: str, job_id: str) -> MarkerHabit:
    """Return what Alma was seen to do to the names of a job's instances."""
    row = tx.execute(_TRAIT, {"account": account, "job_id": job_id}).first()
    return MarkerHabit() if row is None else _habit(row)


def _habit(row: Row[Any]) -> MarkerHabit:
    return MarkerHabit(row.kept_length, row.cut_length)
