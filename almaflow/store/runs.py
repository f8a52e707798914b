"""Runs: recorded under a key, claimed by one process at a time, finished once."""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, bindparam, insert, select, update

from almaflow.errors import StoreError
from almaflow.outcome import Outcome, Status
from almaflow.store.errors import ClaimLost, RunEnded, RunExists, RunNotEnded, RunNotFound
from almaflow.store.json_values import clean, from_json, to_json
from almaflow.store.records import Cancel, Claim, RunRecord
from almaflow.store.tables import definitions, runs
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


def add(connection: Connection, definition: Mapping[str, Any], record: RunRecord) -> RunRecord:
    """Record a run under its key, with what it executes, and return it as it is stored.

    Raises:
        RunExists: the key is taken.
        ValueUnfit: the definition, the inputs or the vars are too large.
    """
    taken = connection.execute(select(runs.c.id).where(runs.c.key == record.key)).scalar()
    if taken is not None:
        raise RunExists(record.key, taken)
    hash_ = add_definition(connection, definition, f"the definition of run {record.id}")
    record = dataclasses.replace(record, definition=hash_, error=clean(record.error))
    row = {name: getattr(record, name) for name in _FIELDS}
    row["waits"] = waits_to_json(record.waits)
    for name in ("inputs", "vars", "outputs"):
        if row[name] is not None:
            row[name] = to_json(row[name], f"{name} of run {record.id}")
    connection.execute(insert(runs), row)
    return record


def waits_to_json(waits: Iterable[Waiting]) -> str:
    """Return *waits* as the store keeps them."""
    return to_json([wait.to_json() for wait in waits], "what a run waits for")


def add_definition(connection: Connection, content: Mapping[str, Any], what: str) -> str:
    """Keep *content*, once, and return the hash that it is found by; *what* names it in the error.

    Raises:
        ValueUnfit: it is too large, or no JSON.
    """
    text = to_json(content, what)
    hash_ = hashlib.sha256(text.encode()).hexdigest()
    known = select(definitions.c.hash).where(definitions.c.hash == hash_)
    if connection.execute(known).first() is None:
        connection.execute(insert(definitions), {"hash": hash_, "content": text})
    return hash_


def definition(connection: Connection, hash_: str) -> dict[str, Any]:
    """Return what was recorded under *hash_*.

    Raises:
        StoreError: nothing was.
    """
    text = connection.execute(
        select(definitions.c.content).where(definitions.c.hash == hash_)
    ).scalar()
    if text is None:
        raise StoreError(
            f"The store has no definition {hash_}: it was changed from outside. Put back a backup."
        )
    content: dict[str, Any] = from_json(text)
    return content


def get(connection: Connection, run_id: str) -> RunRecord:
    """Return the run *run_id*.

    Raises:
        RunNotFound: there is none.
    """
    row = connection.execute(_BY_ID, {"run_id": run_id}).first()
    if row is None:
        raise RunNotFound(f"There is no run {run_id} in this store. `almaflow runs` lists them.")
    return _record(row)


def get_all(connection: Connection, run_ids: Sequence[str]) -> dict[str, RunRecord]:
    """Return those of the runs that are there, by id."""
    rows = connection.execute(_SELECT.where(runs.c.id.in_(run_ids))).all()
    return {row.id: _record(row) for row in rows}


def find(connection: Connection, part: str) -> RunRecord:
    """Return the one run whose id is or contains *part*; `last` is the newest.

    Raises:
        RunNotFound: there is none or more than one; the text lists which come near.
    """
    part = part.strip().lower()
    query = _SELECT.order_by(runs.c.number.desc())
    if part == "last":
        row = connection.execute(query.limit(1)).first()
        if row is None:
            raise RunNotFound("No run is recorded in this store yet. `almaflow run` makes one.")
        return _record(row)
    row = connection.execute(_BY_ID, {"run_id": part}).first()
    if row is not None:
        return _record(row)
    containing = runs.c.id.contains(part, autoescape=True)
    rows = connection.execute(query.where(containing).limit(_LISTED + 1)).all() if part else []
    if len(rows) == 1:
        return _record(rows[0])
    if rows:
        more = ", …" if len(rows) > _LISTED else ""
        listed = ", ".join(row.id for row in rows[:_LISTED])
        raise RunNotFound(
            f"More than one run has `{part}` in its id: {listed}{more}. Write more of it."
        )
    raise RunNotFound(f"No run has `{part}` in its id{_near(connection, part)}")


def _near(connection: Connection, part: str) -> str:
    query = select(runs.c.id).order_by(runs.c.number.desc()).limit(_NEAR)
    newest = list(connection.execute(query).scalars())
    # People copy the whole id or its last five characters, and err in one of them.
    ends = {id_[-len(part) :]: id_ for id_ in reversed(newest)} if part else {}
    near = [ends[end] for end in difflib.get_close_matches(part, ends, n=1, cutoff=0.7)]
    if near:
        return f"; did you mean `{near[0]}`?"
    if newest:
        return f". The newest are {', '.join(newest[:_LISTED])}; `almaflow runs` lists more."
    return ": none is recorded in this store yet."


def newest(
    connection: Connection,
    limit: int | None,
    workflow: str | None,
    statuses: Collection[Status] | None,
    outcomes: Collection[Outcome] | None,
    ended_since: datetime | None = None,
) -> list[RunRecord]:
    """Return the runs that fit, newest first, at most *limit*; None means all."""
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
    return [_record(row) for row in connection.execute(query)]


_NUMBER = select(runs.c.number).where(runs.c.id == bindparam("run_id")).scalar_subquery()
_BEFORE = _SELECT.where(
    runs.c.workflow == bindparam("workflow"),
    runs.c.status == Status.FINISHED,
    runs.c.number < _NUMBER,
).order_by(runs.c.number.desc())


def before(connection: Connection, workflow: str, run_id: str, limit: int) -> list[RunRecord]:
    """Return finished runs of *workflow* recorded before a run, newest first, at most *limit*."""
    asked = {"workflow": workflow, "run_id": run_id}
    return [_record(row) for row in connection.execute(_BEFORE.limit(limit), asked)]


def check(connection: Connection, claim: Claim) -> None:
    """See that the run is the claimant's.

    Raises:
        ClaimLost: it is not (any more).
    """
    row = connection.execute(_OWNER, {"run_id": claim.run_id}).first()
    if row is None or (row.owner, row.epoch) != (claim.process_id, claim.epoch):
        raise ClaimLost(claim.run_id)


# Made once: this runs with every change of every run.
_CHANGE = update(runs).where(
    runs.c.id == bindparam("claimed_run"),
    runs.c.owner == bindparam("claimed_by"),
    runs.c.epoch == bindparam("claimed_epoch"),
)


def change(connection: Connection, claim: Claim, **values: Any) -> None:
    """Write *values* into the claimed run.

    Raises:
        ClaimLost: the run is not the claimant's (any more).
    """
    ours = {
        "claimed_run": claim.run_id,
        "claimed_by": claim.process_id,
        "claimed_epoch": claim.epoch,
    }
    if connection.execute(_CHANGE, values | ours).rowcount == 0:
        raise ClaimLost(claim.run_id)


def start(connection: Connection, claim: Claim, at: datetime, deadline: datetime | None) -> None:
    """Record that the run begins, once: of a resumed one the first instants stay."""
    record = get(connection, claim.run_id)
    values: dict[str, Any] = {"status": Status.RUNNING, "waits": _NOTHING}
    if record.started_at is None:
        values |= {"started_at": at, "deadline_at": deadline}
    change(connection, claim, **values)


def finish(
    connection: Connection,
    claim: Claim,
    at: datetime,
    outcome: Outcome,
    error: str,
    outputs: Mapping[str, Any] | None,
) -> None:
    """Record the run's end and let go of it."""
    what = f"outputs of run {claim.run_id}"
    change(
        connection,
        claim,
        status=Status.FINISHED,
        waits=_NOTHING,
        outcome=outcome,
        error=clean(error),
        outputs=None if outputs is None else to_json(outputs, what),
        ended_at=at,
        owner=None,
        held=False,
    )


def reopen(connection: Connection, run_id: str, attempt: int) -> RunRecord:
    """Let a finished run begin anew as its attempt number *attempt*, the one after its last.

    Raises:
        RunNotFound: there is no such run.
        RunNotEnded: it is not finished, or was begun anew meanwhile.
    """
    record = get(connection, run_id)
    if record.status is not Status.FINISHED:
        raise RunNotEnded(
            f"Run {run_id} is not finished, it is {record.status}."
            f" `almaflow show {run_id}` tells how far it is; `almaflow resume {run_id}` goes on"
            " with it when nobody does."
        )
    if attempt != record.attempt + 1:
        raise RunNotEnded(
            f"Run {run_id} was begun anew meanwhile: its attempt {record.attempt} has ended."
            f" `almaflow show {run_id}` tells how."
        )
    fresh: dict[str, Any] = dict.fromkeys(
        ["outcome", "outputs", "started_at", "ended_at", "deadline_at", "cancel_requested_at"]
    )
    fresh |= {"status": Status.QUEUED, "attempt": attempt, "owner": None, "held": False}
    fresh |= {"error": "", "cancel_requested_by": ""}
    connection.execute(update(runs).where(runs.c.id == run_id), fresh | {"waits": _NOTHING})
    return dataclasses.replace(record, **fresh, waits=())


def ask_cancel(connection: Connection, run_id: str, by: str, at: datetime) -> RunRecord:
    """Record that *by* wants the run cancelled; who asked first stays recorded.

    Raises:
        RunNotFound: there is no such run.
        RunEnded: it is finished.
    """
    record = get(connection, run_id)
    if record.status is Status.FINISHED:
        raise RunEnded(run_id, str(record.outcome))
    if record.cancel_requested_at is None:
        connection.execute(
            update(runs).where(runs.c.id == run_id),
            {"cancel_requested_at": at, "cancel_requested_by": clean(by)},
        )
    return get(connection, run_id)


# Asked every second: the partial index `runs_by_cancel` holds just these rows.
_CANCELS = select(runs.c.id, runs.c.cancel_requested_at, runs.c.cancel_requested_by).where(
    runs.c.cancel_requested_at.is_not(None), runs.c.status != Status.FINISHED
)


def cancels(connection: Connection, run_ids: Collection[str]) -> dict[str, Cancel]:
    """Return, by run id, what of *run_ids* is to be cancelled and is not finished."""
    wanted = frozenset(run_ids)
    return {
        row.id: Cancel(row.cancel_requested_at, row.cancel_requested_by)
        for row in connection.execute(_CANCELS)
        if row.id in wanted
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
