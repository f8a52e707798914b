"""Claims: which runs a process may take, taking them, and loading what was taken.

Thousands of runs may lose their process at the same time, so all of it is done for many in few
questions.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import (
    and_,
    bindparam,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)

from almaflow.outcome import Status
from almaflow.store import journal, processes, runs
from almaflow.store.errors import RunEnded, RunHeld
from almaflow.store.records import Claim, Entry, LoadedRun, Process
from almaflow.store.tables import answers
from almaflow.store.tables import runs as table
from almaflow.store.transaction import Transaction, batches

# In words that the database finds in the conditions of its partial indexes.
_UNFINISHED = table.c.status != literal_column("'finished'")
_UNOWNED = and_(table.c.owner.is_(None), _UNFINISHED)

_OWNERS = select(table.c.owner).where(table.c.owner.is_not(None)).distinct()

_NEW_ANSWER = exists().where(answers.c.run_id == table.c.id, answers.c.id > table.c.answers_seen)
_FREE = (
    select(table.c.number, table.c.id)
    .where(table.c.held.is_(False), table.c.format <= bindparam("max_format"))
    .order_by(table.c.number)
)
_UNOWNED_NOW = _FREE.where(
    _UNOWNED,
    or_(
        table.c.status != Status.WAITING,
        table.c.cancel_requested_at.is_not(None),
        table.c.deadline_at <= bindparam("now"),
        _NEW_ANSWER,
    ),
)
_OF_DEAD = _FREE.where(_UNFINISHED, table.c.owner.in_(bindparam("dead", expanding=True)))

_LOOK = select(table.c.id, table.c.owner, table.c.epoch).where(
    _UNFINISHED, table.c.id.in_(bindparam("run_ids", expanding=True))
)
_TAKE = update(table).where(table.c.id.in_(bindparam("run_ids", expanding=True)))


def orphans(tx: Transaction, max_format: int = 1) -> list[str]:
    """Return the unfinished runs that a process may claim now, oldest first.

    They are the runs of dead processes, and those without an owner that can continue: queued or
    running ones, and waiting ones that got an answer since they were last claimed, are to be
    cancelled, or have run out of time. Runs on hold, and those recorded in a format above
    *max_format*, are left out. Owners that are found dead are recorded as such.
    """
    owners = list(tx.execute(_OWNERS).scalars())
    dead = [owner for owner in owners if not processes.is_alive(tx, owner)]
    free = tx.execute(_UNOWNED_NOW, {"now": tx.now, "max_format": max_format}).all()
    if dead:
        left = tx.execute(_OF_DEAD, {"dead": dead, "max_format": max_format}).all()
        free = sorted([*free, *left], key=lambda row: row.number)
    return [row.id for row in free]


def silent_owners(tx: Transaction, max_format: int = 1) -> list[Process]:
    """Return the owners of runs that seem to be alive, but have given no sign of life yet.

    They are those that `orphans` and `claim` of this store have checked. Each gives a sign of
    life, or is dead, within one lease in which it is checked repeatedly.
    """
    free = select(table.c.owner).where(
        _UNFINISHED,
        table.c.owner.is_not(None),
        table.c.held.is_(False),
        table.c.format <= max_format,
    )
    owners = tx.execute(free.distinct()).scalars()
    silent = [processes.get(tx, owner) for owner in owners if tx.liveness.is_silent(owner)]
    return [process for process in silent if process is not None and process.left_at is None]


def claim(tx: Transaction, run_id: str, process_id: str) -> Claim:
    """Make *process_id* the owner of an unfinished run, which is no longer on hold then.

    Raises:
        RunNotFound: there is no such run.
        RunEnded: it is finished.
        RunHeld: a live process owns it, which may be *process_id* itself.
        LeaseLost: *process_id* has left, or was found dead.
    """
    record = runs.get(tx, run_id)
    if record.status is Status.FINISHED:
        raise RunEnded(run_id, str(record.outcome))
    if record.owner is not None and processes.is_alive(tx, record.owner):
        owner = processes.get(tx, record.owner)
        assert owner is not None
        silent = tx.liveness.is_silent(owner.id)
        raise RunHeld(run_id, owner.pid, owner.host, owner.entered_at, silent=silent)
    processes.check(tx, process_id)
    _take(tx, [run_id], process_id)
    return Claim(run_id, process_id, record.epoch + 1)


def claim_all(tx: Transaction, run_ids: Sequence[str], process_id: str) -> list[Claim]:
    """Claim many runs, as `claim` does; those that cannot be claimed are left out.

    Raises:
        LeaseLost: *process_id* has left, or was found dead.
    """
    processes.check(tx, process_id)
    alive: dict[str | None, bool] = {None: False}
    epochs: dict[str, int] = {}
    for some in batches(run_ids):
        for row in tx.execute(_LOOK, {"run_ids": some}).all():
            if row.owner not in alive:
                alive[row.owner] = processes.is_alive(tx, row.owner)
            if not alive[row.owner]:
                epochs[row.id] = row.epoch + 1
    claims = [Claim(id_, process_id, epochs[id_]) for id_ in run_ids if id_ in epochs]
    for some in batches([one.run_id for one in claims]):
        _take(tx, some, process_id)
    return claims


def _take(tx: Transaction, run_ids: Sequence[str], process_id: str) -> None:
    newest_answer = select(func.coalesce(func.max(answers.c.id), 0)).scalar_subquery()
    tx.execute(
        _TAKE.values(
            owner=process_id, epoch=table.c.epoch + 1, held=False, answers_seen=newest_answer
        ),
        {"run_ids": list(run_ids)},
    )


def load(tx: Transaction, claims: Sequence[Claim]) -> list[LoadedRun]:
    """Return claimed runs with their journals; runs whose claim was lost are left out."""
    loaded: list[LoadedRun] = []
    for some in batches(claims):
        run_ids = [one.run_id for one in some]
        records = runs.get_all(tx, run_ids)
        entries: dict[str, list[Entry]] = {run_id: [] for run_id in run_ids}
        for entry in journal.of_runs(tx, run_ids):
            entries[entry.run_id].append(entry)
        for one in some:
            record = records.get(one.run_id)
            if record is not None and (record.owner, record.epoch) == (one.process_id, one.epoch):
                loaded.append(LoadedRun(one, record, entries[one.run_id]))
    return loaded
