"""Runs: recorded under a key, claimed by one process at a time, finished once."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, bindparam, insert, select, update

from almaflow.errors import StoreError
from almaflow.outcome import Outcome, Status
from almaflow.store import journal
from almaflow.store.errors import ClaimLost, RunEnded, RunExists, RunNotEnded, RunNotFound
from almaflow.store.json_values import clean, from_json, to_json
from almaflow.store.records import Cancel, Claim, RunRecord
from almaflow.store.tables import definitions, runs
from almaflow.store.transaction import Transaction
from almaflow.waiting import Waiting

_FIELDS = tuple(field.name for field in dataclasses.fields(RunRecord))
_SELECT: Select[Any] = select(*(runs.c[name] for name in _FIELDS))
_BY_ID = _SELECT.where(runs.c.id == bindparam("run_id"))

# What a run has in `waits` when it does not wait.
_NOTHING = "[]"

_OWNER = select(runs.c.owner, runs.c.epoch).where(runs.c.id == bindparam("run_id"))

# How many runs an error lists, and how many of the newest it looks through for a near one.
_LISTED = 5
_NEAR = 500


def add(tx: Transaction, definition: Mapping[str, Any], record: RunRecord) -> RunRecord:
    """Record a run under its key and return it, its `definition` filled in.

    *definition* is everything that the run executes: the text of its files, JSON-able.

    Raises:
        RunExists: the key is taken; carries the id of the run that has it.
        ValueUnfit: the definition, inputs, vars or outputs are larger than 16 MiB.
    """
    holder = tx.execute(select(runs.c.id).where(runs.c.key == record.key)).scalar()
    if holder is not None:
        raise RunExists(record.key, holder)
    hash_ = add_definition(tx, definition, f"the definition of run {record.id}")
    record = dataclasses.replace(record, definition=hash_, error=clean(record.error))
    row = {name: getattr(record, name) for name in _FIELDS}
    row["waits"] = waits_to_json(record.waits)
    for name in ("inputs", "vars", "outputs"):
        if row[name] is not None:
            row[name] = to_json(row[name], f"{name} of run {record.id}")
    tx.execute(insert(runs), row)
    return record


def waits_to_json(waits: Iterable[Waiting]) -> str:
    """Return *waits* as the store keeps them."""
    return to_json([wait.to_json() for wait in waits], "what a run waits for")


def add_definition(tx: Transaction, content: Mapping[str, Any], what: str) -> str:
    """Keep *content*, once, and return the hash that it is found by; *what* names it in the error.

    Raises:
        ValueUnfit: it is too large, or cannot be written as JSON.
    """
    text = to_json(content, what)
    hash_ = hashlib.sha256(text.encode()).hexdigest()
    known = select(definitions.c.hash).where(definitions.c.hash == hash_)
    if tx.execute(known).first() is None:
        tx.execute(insert(definitions), {"hash": hash_, "content": text})
    return hash_


def definition(tx: Transaction, hash_: str) -> dict[str, Any]:
    """Return what was recorded under *hash_*.

    Raises:
        StoreError: nothing was.
    """
    text = tx.execute(select(definitions.c.content).where(definitions.c.hash == hash_)).scalar()
    if text is None:
        raise StoreError(
            f"The store has no definition {hash_}: it was changed from outside. Put back a backup."
        )
    content: dict[str, Any] = from_json(text)
    return content


def get(tx: Transaction, run_id: str) -> RunRecord:
    """Return the run *run_id*.

    Raises:
        RunNotFound: there is none.
    """
    row = tx.execute(_BY_ID, {"run_id": run_id}).first()
    if row is None:
        raise RunNotFound(f"There is no run {run_id} in this store. `almaflow runs` lists them.")
    return _record(row)


def get_all(tx: Transaction, run_ids: Sequence[str]) -> dict[str, RunRecord]:
    """Return those of the runs that are there, by id."""
    rows = tx.execute(_SELECT.where(runs.c.id.in_(run_ids))).all()
    return {row.id: _record(row) for row in rows}


def find(tx: Transaction, part: str) -> RunRecord:
    """Return the one run whose id is or contains *part*; `last` is the newest.

    Raises:
        RunNotFound: there is none or more than one; the text lists which come near.
    """
    part = part.strip().lower()
    query = _SELECT.order_by(runs.c.number.desc())
    if part == "last":
        row = tx.execute(query.limit(1)).first()
        if row is None:
            raise RunNotFound("No run is recorded in this store yet. `almaflow run` makes one.")
        return _record(row)
    row = tx.execute(_BY_ID, {"run_id": part}).first()
    if row is not None:
        return _record(row)
    containing = runs.c.id.contains(part, autoescape=True)
    rows = tx.execute(query.where(containing).limit(_LISTED + 1)).all() if part else []
    if len(rows) == 1:
        return _record(rows[0])
    if rows:
        more = ", …" if len(rows) > _LISTED else ""
        listed = ", ".join(row.id for row in rows[:_LISTED])
        raise RunNotFound(
            f"More than one run has `{part}` in its id: {listed}{more}. Write more of it."
        )
    raise RunNotFound(f"No run has `{part}` in its id{_near(tx, part)}")


def _near(tx: Transaction, part: str) -> str:
    query = select(runs.c.id).order_by(runs.c.number.desc()).limit(_NEAR)
    newest = list(tx.execute(query).scalars())
    # People copy the whole id or its last five characters, and err in one of them.
    ends = {id_[-len(part) :]: id_ for id_ in reversed(newest)} if part else {}
    near = [ends[end] for end in difflib.get_close_matches(part, ends, n=1, cutoff=0.7)]
    if near:
        return f"; did you mean `{near[0]}`?"
    if newest:
        return f". The newest are {', '.join(newest[:_LISTED])}; `almaflow runs` lists more."
    return ": none is recorded in this store yet."


def newest(
    tx: Transaction,
    limit: int | None = None,
    *,
    workflow: str | None = None,
    statuses: Collection[Status] | None = None,
    outcomes: Collection[Outcome] | None = None,
    ended_since: datetime | None = None,
) -> list[RunRecord]:
    """Return the runs that fit all that is given, newest first, at most *limit*.

    *ended_since* leaves out those that ended at that instant, before it, or not yet.
    """
    query = _SELECT.order_by(runs.c.number.desc())
    if workflow is not None:
        query = query.where(runs.c.workflow == workflow)
    if statuses is not None:
        query = query.where(runs.c.status.in_(statuses))
    if outcomes is not None:
        query = query.where(runs.c.outcome.in_(outcomes))
    if ended_since is not None:
        query = query.where(runs.c.ended_at > ended_since)
    if limit is not None:
        query = query.limit(limit)
    return [_record(row) for row in tx.execute(query)]


_NUMBER = select(runs.c.number).where(runs.c.id == bindparam("run_id")).scalar_subquery()
_BEFORE = _SELECT.where(
    runs.c.workflow == bindparam("workflow"),
    runs.c.status == Status.FINISHED,
    runs.c.number < _NUMBER,
).order_by(runs.c.number.desc())


def before(tx: Transaction, workflow: str, run_id: str, limit: int) -> list[RunRecord]:
    """Return finished runs of *workflow* recorded before a run, newest first, at most *limit*.

    *run_id* can be a run of another workflow. If it does not exist, the list is empty.
    """
    asked = {"workflow": workflow, "run_id": run_id}
    return [_record(row) for row in tx.execute(_BEFORE.limit(limit), asked)]


def check(tx: Transaction, claim: Claim) -> None:
    """See that the run is the claimant's.

    Raises:
        ClaimLost: it is not (any more).
    """
    row = tx.execute(_OWNER, {"run_id": claim.run_id}).first()
    if row is None or (row.owner, row.epoch) != (claim.process_id, claim.epoch):
        raise ClaimLost(claim.run_id)


# Made once: this runs with every change of every run.
_CHANGE = update(runs).where(
    runs.c.id == bindparam("claimed_run"),
    runs.c.owner == bindparam("claimed_by"),
    runs.c.epoch == bindparam("claimed_epoch"),
)


def change(tx: Transaction, claim: Claim, **values: Any) -> None:
    """Write *values* into the claimed run.

    Raises:
        ClaimLost: the run is not the claimant's (any more).
    """
    ours = {
        "claimed_run": claim.run_id,
        "claimed_by": claim.process_id,
        "claimed_epoch": claim.epoch,
    }
    if tx.execute(_CHANGE, values | ours).rowcount == 0:
        raise ClaimLost(claim.run_id)


def release(tx: Transaction, claim: Claim, held: bool) -> None:
    """Give an unfinished run back: it keeps its status and has no owner.

    A *held* run is for `resume` only; any process may claim another one.

    Raises:
        ClaimLost: the run is not the claimant's (any more).
    """
    change(tx, claim, owner=None, held=held)


def set_status(
    tx: Transaction, claim: Claim, status: Status, waits: Sequence[Waiting] = ()
) -> None:
    """Record where the run is in its life, and what it waits for.

    Raises:
        ClaimLost: the run is not the claimant's (any more).
    """
    change(tx, claim, status=status, waits=waits_to_json(waits))


def start(tx: Transaction, claim: Claim, at: datetime, deadline: datetime | None) -> RunRecord:
    """Record that the run begins and return it; a resumed run keeps its first instants.

    Raises:
        ClaimLost: the run is not the claimant's (any more).
    """
    record = get(tx, claim.run_id)
    values: dict[str, Any] = {"status": Status.RUNNING, "waits": _NOTHING}
    if record.started_at is None:
        values |= {"started_at": at, "deadline_at": deadline}
    change(tx, claim, **values)
    return get(tx, claim.run_id)


def finish(
    tx: Transaction,
    claim: Claim,
    outcome: Outcome,
    error: str = "",
    outputs: Mapping[str, Any] | None = None,
) -> None:
    """Record that the run ended now, and release it.

    Raises:
        ClaimLost: the run is not the claimant's (any more).
        ValueUnfit: the outputs are larger than 16 MiB.
    """
    what = f"outputs of run {claim.run_id}"
    change(
        tx,
        claim,
        status=Status.FINISHED,
        waits=_NOTHING,
        outcome=outcome,
        error=clean(error),
        outputs=None if outputs is None else to_json(outputs, what),
        ended_at=tx.now,
        owner=None,
        held=False,
    )


def reopen(
    tx: Transaction, run_id: str, *, attempt: int, value: Any = None, effect: str = "retry"
) -> RunRecord:
    """Queue a finished run again with the same inputs, and return it.

    *attempt* is the number of the attempt that begins, one more than the run's last. The journal
    gets an entry *effect* of that attempt, without a path, with *value*.

    Raises:
        RunNotFound: there is no such run.
        RunNotEnded: it is not finished, or was queued again meanwhile.
        ValueUnfit: the value is larger than 16 MiB, or cannot be written as JSON.
    """
    record = get(tx, run_id)
    if record.status is not Status.FINISHED:
        raise RunNotEnded(
            f"Run {run_id} is not finished, it is {record.status}."
            f" `almaflow show {run_id}` shows its progress; if no process works on it,"
            f" `almaflow resume {run_id}` continues it."
        )
    if attempt != record.attempt + 1:
        raise RunNotEnded(
            f"Run {run_id} was queued again meanwhile: its attempt {record.attempt} has ended."
            f" For details: `almaflow show {run_id}`"
        )
    fresh: dict[str, Any] = dict.fromkeys(
        ["outcome", "outputs", "started_at", "ended_at", "deadline_at", "cancel_requested_at"]
    )
    fresh |= {"status": Status.QUEUED, "attempt": attempt, "owner": None, "held": False}
    fresh |= {"error": "", "cancel_requested_by": ""}
    tx.execute(update(runs).where(runs.c.id == run_id), fresh | {"waits": _NOTHING})
    record = dataclasses.replace(record, **fresh, waits=())
    journal.add_by_person(tx, record, effect, value)
    return record


def ask_cancel(tx: Transaction, run_id: str, by: str) -> RunRecord:
    """Record that *by* wants the run cancelled; who asked first stays recorded.

    Raises:
        RunNotFound: there is no such run.
        RunEnded: it is finished.
    """
    record = get(tx, run_id)
    if record.status is Status.FINISHED:
        raise RunEnded(run_id, str(record.outcome))
    if record.cancel_requested_at is None:
        tx.execute(
            update(runs).where(runs.c.id == run_id),
            {"cancel_requested_at": tx.now, "cancel_requested_by": clean(by)},
        )
    return get(tx, run_id)


# Asked every second: the partial index `runs_by_cancel` holds just these rows.
_CANCELS = select(runs.c.id, runs.c.cancel_requested_at, runs.c.cancel_requested_by).where(
    runs.c.cancel_requested_at.is_not(None), runs.c.status != Status.FINISHED
)


def cancels(tx: Transaction, run_ids: Collection[str]) -> dict[str, Cancel]:
    """Return, by run id, what of *run_ids* is to be cancelled and is not finished."""
    ids = frozenset(run_ids)
    return {
        row.id: Cancel(row.cancel_requested_at, row.cancel_requested_by)
        for row in tx.execute(_CANCELS)
        if row.id in ids
    }


def _record(row: Row[Any]) -> RunRecord:
    values = dict(row._mapping)
    for name in ("inputs", "vars", "outputs"):
        if values[name] is not None:
            values[name] = from_json(values[name])
    values["waits"] = tuple(map(Waiting.from_json, from_json(values["waits"])))
    values["status"] = Status(values["status"])
    if values["outcome"] is not None:
        values["outcome"] = Outcome(values["outcome"])
    return RunRecord(**values)
