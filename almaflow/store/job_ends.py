"""Job ends: what Alma's webhooks reported, and which workflows start because of it.

A job end is an institution's account and the instance; each is recorded once, however often it is
reported. The scheduler decides about each once: a row for every workflow that is to start.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from almaflow.late_dataclasses import names_of
from almaflow.store import runs
from almaflow.store.connection import columns_of
from almaflow.store.errors import RunExists
from almaflow.store.json_values import clean
from almaflow.store.records import RunRecord
from almaflow.store.schedule_records import JobEnd, JobEndStart, NewJobEnd
from almaflow.store.transaction import Transaction

TOPIC = "job_end"
"""What is announced to other processes when there is a new one."""

_SELECT = f"SELECT {columns_of(JobEnd)} FROM job_ends"
_AFTER = f"{_SELECT} WHERE id > :number ORDER BY id LIMIT :limit"
_UNDECIDED = f"{_SELECT} WHERE NOT decided ORDER BY id LIMIT :limit"
_THERE = "SELECT id FROM job_ends WHERE account = :account AND instance_id = :instance_id"
_WAITING = (
    f"SELECT workflow, {columns_of(JobEnd, 'job_ends')}"
    " FROM job_end_starts JOIN job_ends ON job_ends.id = job_end_id"
    " WHERE run_id IS NULL AND reason = '' ORDER BY job_end_id, workflow"
)
# The marker counts as well: a report may come before the response to the submission.
_STARTER = """
    SELECT runs.workflow FROM places JOIN runs ON runs.id = places.run_id
    WHERE places.account = :account AND (
        places.instance_id = :instance_id
        OR (places.marker != '' AND :name LIKE '%' || places.marker || '%')
    )
"""
ITSELF = "The workflow started this job itself."
"""Why a workflow does not start when a job ends that it started."""

_THE_START = "job_end_id = :job_end_id AND workflow = :workflow AND run_id IS NULL AND reason = ''"


def add(tx: Transaction, new: NewJobEnd) -> bool:
    """Record that a job has ended; False: it was reported before."""
    if tx.row(_THERE, account=new.account, instance_id=new.instance_id) is not None:
        return False
    row = {name: getattr(new, name) for name in names_of(NewJobEnd)}
    texts = {name: clean(row[name]) for name in ("job_name", "name", "status")}
    tx.insert("job_ends", **row | texts, received_at=tx.now, decided=False)
    tx.changes.topics.add(TOPIC)
    return True


def after(tx: Transaction, number: int, limit: int = 1000) -> list[JobEnd]:
    """Return the job ends that were recorded after the one with this id, oldest first."""
    return [JobEnd(**row) for row in tx.rows(_AFTER, number=number, limit=limit)]


def newest_id(tx: Transaction) -> int:
    """Return the id of the newest job end, 0 when there is none."""
    return int(tx.value("SELECT max(id) FROM job_ends") or 0)


def undecided(tx: Transaction, limit: int = 1000) -> list[JobEnd]:
    """Return the job ends about which the scheduler has not decided, oldest first."""
    return [JobEnd(**row) for row in tx.rows(_UNDECIDED, limit=limit)]


def decide(tx: Transaction, job_end_id: int, workflows: Sequence[str]) -> str:
    """Record which workflows start because of a job end, unless that is recorded.

    A workflow whose own run started the job does not: it would start itself for ever. Return its
    name, or nothing.
    """
    row = tx.row(f"{_SELECT} WHERE id = :id AND NOT decided", id=job_end_id)
    if row is None:
        return ""
    starter = str(tx.value(_STARTER, **row) or "") if workflows else ""
    reasons = {name: ITSELF if name == starter else "" for name in workflows}
    rows = [
        {"job_end_id": job_end_id, "workflow": name, "reason": reason}
        for name, reason in reasons.items()
    ]
    tx.insert_all("job_end_starts", rows)
    tx.execute("UPDATE job_ends SET decided = TRUE WHERE id = :id", id=job_end_id)
    return starter if starter in reasons else ""


def waiting(tx: Transaction) -> list[JobEndStart]:
    """Return the workflows that are to start and have not yet, in the order of the job ends."""
    return [JobEndStart(row.pop("workflow"), JobEnd(**row)) for row in tx.rows(_WAITING)]


def start(
    tx: Transaction, which: JobEndStart, definition: Mapping[str, Any], record: RunRecord
) -> RunRecord | None:
    """Record the run that a workflow starts with; a run that has its key already is that run.

    Return None when it has started, or was skipped, before.

    Raises:
        ValueUnfit: the definition, the inputs or the vars are too large.
    """
    key = {"job_end_id": which.job_end.id, "workflow": which.workflow}
    if tx.row(f"SELECT workflow FROM job_end_starts WHERE {_THE_START}", **key) is None:
        return None
    try:
        run = runs.add(tx, definition, record)
    except RunExists as there:
        run = runs.get(tx, there.run_id)
    tx.execute(
        f"UPDATE job_end_starts SET run_id = :run_id WHERE {_THE_START}", run_id=run.id, **key
    )
    return run


def skip(tx: Transaction, those: Sequence[JobEndStart], reason: str) -> None:
    """Record why workflows do not start because of a job end, unless they have."""
    statement = f"UPDATE job_end_starts SET reason = :reason WHERE {_THE_START}"
    for one in those:
        tx.execute(
            statement, reason=clean(reason), job_end_id=one.job_end.id, workflow=one.workflow
        )
