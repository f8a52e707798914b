"""What is remembered of Alma's jobs from run to run: how long they take, what they do to names."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from almaflow.store.tables import durations, job_traits

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
_TRAIT = select(job_traits.c.keeps_marker).where(
    job_traits.c.account == bindparam("account"), job_traits.c.job_id == bindparam("job_id")
)


def add_duration(
    connection: Connection, account: str, job_id: str, seconds: float, at: datetime
) -> None:
    """Remember how long a run of a job took; the oldest beyond the newest 20 are forgotten."""
    job = {"account": account, "job_id": job_id}
    connection.execute(insert(durations), job | {"seconds": seconds, "at": at})
    last = connection.execute(_OF_JOB.limit(1).offset(REMEMBERED), job).scalar()
    if last is not None:
        connection.execute(
            delete(durations).where(
                durations.c.account == account,
                durations.c.job_id == job_id,
                durations.c.id <= last,
            )
        )


def learned(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """Return the newest *limit* durations as `{institution, job_id, seconds}`, oldest first."""
    rows = connection.execute(
        select(durations.c.account, durations.c.job_id, durations.c.seconds)
        .order_by(durations.c.id.desc())
        .limit(limit)
    ).all()
    return [
        {"institution": row.account, "job_id": row.job_id, "seconds": row.seconds}
        for row in reversed(rows)
    ]


def note_marker(
    connection: Connection, account: str, job_id: str, kept: bool, at: datetime
) -> None:
    """Remember whether Alma keeps our marker in the names of a job's runs; the newest counts."""
    job = {"account": account, "job_id": job_id}
    seen: dict[str, Any] = {"keeps_marker": kept, "seen_at": at}
    ours = (job_traits.c.account == account) & (job_traits.c.job_id == job_id)
    if connection.execute(update(job_traits).where(ours), seen).rowcount == 0:
        connection.execute(insert(job_traits), job | seen)


def markers(connection: Connection) -> dict[tuple[str, str], bool]:
    """Return whether Alma keeps our marker, by account and job, where it was seen."""
    rows = connection.execute(select(job_traits).where(job_traits.c.keeps_marker.is_not(None)))
    return {(row.account, row.job_id): row.keeps_marker for row in rows}


def keeps_marker(connection: Connection, account: str, job_id: str) -> bool | None:
    """Return whether Alma keeps our marker for this job, None when it was never seen."""
    return connection.execute(_TRAIT, {"account": account, "job_id": job_id}).scalar()
