"""Claims: which runs a process may take, taking them, and loading what was taken.

Thousands of runs may lose their process at the same time, so all of it is done for many in few
questions.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from almaflow.outcome import Status
from almaflow.store import journal, processes, runs
from almaflow.store.connection import columns_of
from almaflow.store.errors import RunEnded, RunHeld
from almaflow.store.records import Claim, JournalEntry, LoadedRun, Process
from almaflow.store.run_queue import DueRun, RunQueue
from almaflow.store.transaction import Transaction

# In words that the database finds in the conditions of its partial indexes.
_UNFINISHED = "status != 'finished'"

_OWNERS = "SELECT DISTINCT owner FROM runs WHERE owner IS NOT NULL"

_FREE = "SELECT number, id FROM runs WHERE NOT held AND format <= :max_format"
_CAN_CONTINUE = (
    f"owner IS NULL AND {_UNFINISHED} AND (status != '{Status.WAITING}'"
    " OR cancel_requested_at IS NOT NULL OR deadline_at <= :now"
    " OR EXISTS (SELECT 1 FROM answers WHERE run_id = runs.id AND answers.id > runs.answers_seen))"
)
_UNOWNED_NOW = f"{_FREE} AND {_CAN_CONTINUE} ORDER BY number"
_QUEUEABLE = f"SELECT {columns_of(DueRun)} FROM runs WHERE id IN :run_ids"
_DUE = f"{_QUEUEABLE} AND NOT held AND {_CAN_CONTINUE}"
_OF_DEAD = f"{_FREE} AND {_UNFINISHED} AND owner IN :dead ORDER BY number"
_OWNED = f"{_OWNERS} AND {_UNFINISHED} AND NOT held AND format <= :max_format"

_NEWER = f"SELECT id FROM runs WHERE {_UNFINISHED} AND format > :max_format ORDER BY number"
_OFFERED = "SELECT id, held, format FROM runs WHERE id IN :run_ids"
_LOOK = f"SELECT id, owner, epoch FROM runs WHERE {_UNFINISHED} AND id IN :run_ids"
_TAKE = (
    "UPDATE runs SET owner = :process_id, epoch = epoch + 1, held = FALSE,"
    " answers_seen = (SELECT coalesce(max(id), 0) FROM answers) WHERE id IN :run_ids"
)


def orphans(tx: Transaction, max_format: int = 1) -> list[str]:
    """Return the unfinished runs that a process may claim now, oldest first.

    They are the runs of dead processes, and those without an owner that can continue: queued or
    running ones, and waiting ones that got an answer since they were last claimed, are to be
    cancelled, or have run out of time. Runs on hold, and those recorded in a format above
    *max_format*, are left out. Owners that are found dead are recorded as such.
    """
    dead = [owner for owner in tx.column(_OWNERS) if not processes.is_alive(tx, owner)]
    free = tx.rows(_UNOWNED_NOW, now=tx.now, max_format=max_format)
    if dead:
        left = tx.rows(_OF_DEAD, dead=dead, max_format=max_format)
        free = sorted([*free, *left], key=lambda row: int(row["number"]))
    return [row["id"] for row in free]


def newer(tx: Transaction, max_format: int) -> list[str]:
    """Return the unfinished runs in a format above *max_format*, oldest first."""
    return tx.column(_NEWER, max_format=max_format)


def due(tx: Transaction, run_ids: Collection[str]) -> list[DueRun]:
    """Return those of the runs that have no owner and can continue, oldest first; see `orphans`."""
    rows = tx.rows(f"{_DUE} ORDER BY number", run_ids=list(run_ids), now=tx.now)
    return [DueRun(**row) for row in rows]


def queue_due(tx: Transaction, queue: RunQueue) -> None:
    """Queue the runs that the transaction made due."""
    runs = due(tx, tx.changes.due) if tx.changes.due else ()
    if runs:
        queue.put(tx.driver, runs)


def unqueued(tx: Transaction, queue: RunQueue | None, max_format: int) -> Sequence[str]:
    """Return those of `orphans` that are not in *queue*; none without one."""
    run_ids = orphans(tx, max_format)
    return queue.without_task(tx.driver, run_ids) if queue is not None and run_ids else ()


def queue_missing(tx: Transaction, queue: RunQueue, run_ids: Sequence[str]) -> None:
    """Queue those of the runs that are not in *queue*, oldest first."""
    missing = queue.without_task(tx.driver, run_ids)
    rows = tx.rows(f"{_QUEUEABLE} ORDER BY number", run_ids=list(missing))
    queue.put(tx.driver, [DueRun(**row) for row in rows])


def silent_owners(tx: Transaction, max_format: int = 1) -> list[Process]:
    """Return the owners of runs that seem to be alive, but have given no sign of life yet.

    They are those that `orphans` and `claim` of this store have checked. Each gives a sign of
    life, or is dead, within one lease in which it is checked repeatedly.
    """
    owners = tx.column(_OWNED, max_format=max_format)
    silent = [processes.get(tx, owner) for owner in owners if tx.liveness.is_silent(owner)]
    return [process for process in silent if process is not None and process.left_at is None]


def claim(tx: Transaction, run_id: str, process_id: str, *, again: bool = False) -> Claim:
    """Make *process_id* the owner of an unfinished run, which is no longer on hold then.

    *again* takes a run that *process_id* owns already: it knows that it does not work on it.

    Raises:
        RunNotFound: there is no such run.
        RunEnded: it is finished.
        RunHeld: a live process owns it, which may be *process_id* itself.
        LeaseLost: *process_id* has left, or was found dead.
    """
    record = runs.get(tx, run_id)
    if record.status is Status.FINISHED:
        raise RunEnded(run_id, str(record.outcome))
    is_ours = again and record.owner == process_id
    if record.owner is not None and not is_ours and processes.is_alive(tx, record.owner):
        owner = processes.get(tx, record.owner)
        assert owner is not None
        silent = tx.liveness.is_silent(owner.id)
        raise RunHeld(run_id, owner.pid, owner.host, owner.entered_at, silent=silent)
    processes.check(tx, process_id)
    _take(tx, [run_id], process_id)
    return Claim(run_id, process_id, record.epoch + 1)


class Offered(NamedTuple):
    """What a process does with the runs that a queue offers to it; others are not to be taken."""

    claims: Sequence[Claim]
    newer: Collection[str]
    """Ids of runs that a newer almaflow recorded."""


def claim_offered(
    tx: Transaction, run_ids: Sequence[str], process_id: str, max_format: int
) -> Offered:
    """Claim those of the runs that are not finished, on hold, newer or a live process's.

    One that *process_id* owns already is claimed again: it is not offered while it is worked on.

    Raises:
        LeaseLost: *process_id* has left, or was found dead.
    """
    there = tx.rows(_OFFERED, run_ids=run_ids)
    newer = {row["id"] for row in there if row["format"] > max_format}
    free = [row["id"] for row in there if row["id"] not in newer and not row["held"]]
    return Offered(claim_all(tx, free, process_id, again=True), newer)


def claim_all(
    tx: Transaction, run_ids: Sequence[str], process_id: str, *, again: bool = False
) -> list[Claim]:
    """Claim many runs, as `claim` does; those that cannot be claimed are left out.

    Raises:
        LeaseLost: *process_id* has left, or was found dead.
    """
    processes.check(tx, process_id)
    alive: dict[str | None, bool] = {None: False}
    if again:
        alive[process_id] = False
    epochs: dict[str, int] = {}
    for row in tx.rows(_LOOK, run_ids=run_ids):
        owner = row["owner"]
        if owner not in alive:
            alive[owner] = processes.is_alive(tx, owner)
        if not alive[owner]:
            epochs[row["id"]] = row["epoch"] + 1
    claims = [Claim(id_, process_id, epochs[id_]) for id_ in run_ids if id_ in epochs]
    _take(tx, [one.run_id for one in claims], process_id)
    return claims


def _take(tx: Transaction, run_ids: Sequence[str], process_id: str) -> None:
    tx.execute(_TAKE, process_id=process_id, run_ids=run_ids)


def load(tx: Transaction, claims: Sequence[Claim]) -> list[LoadedRun]:
    """Return claimed runs with their journals; runs whose claim was lost are left out."""
    run_ids = [one.run_id for one in claims]
    records = runs.get_all(tx, run_ids)
    entries: dict[str, list[JournalEntry]] = {run_id: [] for run_id in run_ids}
    for entry in journal.of_runs(tx, run_ids):
        entries[entry.run_id].append(entry)
    return [
        LoadedRun(one, record, entries[one.run_id])
        for one in claims
        if (record := records.get(one.run_id)) is not None
        and (record.owner, record.epoch) == (one.process_id, one.epoch)
    ]
