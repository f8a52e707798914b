"""Runs: recorded under a key, claimed by one process at a time, finished once."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from almaflow.errors import StoreError
from almaflow.late_dataclasses import names_of
from almaflow.outcome import Outcome, Status
from almaflow.store import journal
from almaflow.store.connection import Row, assignments, columns_of
from almaflow.store.errors import ClaimLost, RunEnded, RunExists, RunNotEnded, RunNotFound
from almaflow.store.json_values import clean, from_json, to_json
from almaflow.store.records import CancelRequest, Claim, RunRecord
from almaflow.store.transaction import Transaction
from almaflow.waiting import Waiting

_FIELDS = names_of(RunRecord)
SELECT = f"SELECT {columns_of(RunRecord)} FROM runs"
NEWEST_FIRST = "ORDER BY number DESC"
FINISHED = f"status = '{Status.FINISHED}'"

# What a run has in `waits` when it does not wait.
_NOTHING = "[]"

NO_RUN = "There is no run {} in this store. `almaflow runs` lists them."

# How many runs an error lists, and among how many of the newest it searches for a similar id.
_LISTED = 5
_NEAR = 500


def add(tx: Transaction, definition: Mapping[str, Any], record: RunRecord) -> RunRecord:
    """Record a run under its key and return it, its `definition` filled in.

    *definition* is everything that the run executes: the text of its files, JSON-able.

    Raises:
        RunExists: the key is taken; carries the id of the run that has it.
        ValueUnfit: the definition, inputs, vars or outputs are larger than 16 MiB.
    """
    holder = tx.value('SELECT id FROM runs WHERE "key" = :key', key=record.key)
    if holder is not None:
        raise RunExists(record.key, holder)
    hash_ = add_definition(tx, definition, f"the definition of run {record.id}")
    record = dataclasses.replace(record, definition=hash_, error=clean(record.error))
    row = {name: getattr(record, name) for name in _FIELDS}
    row["waits"] = waits_to_json(record.waits)
    for name in ("inputs", "vars", "outputs"):
        if row[name] is not None:
            row[name] = to_json(row[name], f"{name} of run {record.id}")
    tx.insert("runs", **row)
    tx.changes.due.add(record.id)
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
    if tx.row("SELECT hash FROM definitions WHERE hash = :hash", hash=hash_) is None:
        tx.insert("definitions", hash=hash_, content=text)
    return hash_


def definition(tx: Transaction, hash_: str) -> dict[str, Any]:
    """Return what was recorded under *hash_*.

    Raises:
        StoreError: nothing was.
    """
    text = tx.value("SELECT content FROM definitions WHERE hash = :hash", hash=hash_)
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
    row = _row(tx, run_id)
    if row is None:
        raise RunNotFound(NO_RUN.format(run_id))
    return record_of(row)


def get_all(tx: Transaction, run_ids: Sequence[str]) -> dict[str, RunRecord]:
    """Return those of the runs that are there, by id."""
    rows = tx.rows(f"{SELECT} WHERE id IN :run_ids", run_ids=run_ids)
    return {row["id"]: record_of(row) for row in rows}


def find(tx: Transaction, part: str) -> RunRecord:
    """Return the one run whose id is or contains *part*; `last` is the newest.

    Raises:
        RunNotFound: there is none or more than one; the text lists which come near.
    """
    part = part.strip().lower()
    if part == "last":
        row = tx.row(f"{SELECT} {NEWEST_FIRST} LIMIT 1")
        if row is None:
            raise RunNotFound("No run is recorded in this store yet. `almaflow run` makes one.")
        return record_of(row)
    row = _row(tx, part)
    if row is not None:
        return record_of(row)
    rows = _containing(tx, part) if part else []
    if len(rows) == 1:
        return record_of(rows[0])
    if rows:
        more = ", …" if len(rows) > _LISTED else ""
        listed = ", ".join(row["id"] for row in rows[:_LISTED])
        raise RunNotFound(
            f"More than one run has `{part}` in its id: {listed}{more}. Write more of it."
        )
    raise RunNotFound(f"No run has `{part}` in its id{_near(tx, part)}")


def _row(tx: Transaction, run_id: str) -> Row | None:
    return tx.row(f"{SELECT} WHERE id = :run_id", run_id=run_id)


def _containing(tx: Transaction, part: str) -> list[Row]:
    """Return the newest runs whose id contains *part*, one more than an error lists."""
    statement = f"{SELECT} WHERE id LIKE :pattern ESCAPE '/' {NEWEST_FIRST} LIMIT {_LISTED + 1}"
    pattern = re.sub("([/%_])", r"/\1", part)
    return tx.rows(statement, pattern=f"%{pattern}%")


def _near(tx: Transaction, part: str) -> str:
    import difflib  # late: only a mistyped id needs it

    newest = tx.column(f"SELECT id FROM runs {NEWEST_FIRST} LIMIT {_NEAR}")
    # People copy the whole id or its last five characters, and err in one of them.
    ends = {id_[-len(part) :]: id_ for id_ in reversed(newest)} if part else {}
    near = [ends[end] for end in difflib.get_close_matches(part, ends, n=1, cutoff=0.7)]
    if near:
        return f"; did you mean `{near[0]}`?"
    if newest:
        return f". The newest are {', '.join(newest[:_LISTED])}; `almaflow runs` lists more."
    return ": none is recorded in this store yet."


def check(tx: Transaction, claim: Claim) -> None:
    """Check that the run is the claimant's.

    Raises:
        ClaimLost: it is not (any more).
    """
    row = tx.row("SELECT owner, epoch FROM runs WHERE id = :run_id", run_id=claim.run_id)
    if row is None or (row["owner"], row["epoch"]) != (claim.process_id, claim.epoch):
        raise ClaimLost(claim.run_id)


_CLAIMED = "id = :claimed_run AND owner = :claimed_by AND epoch = :claimed_epoch"


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
    statement = f"UPDATE runs SET {assignments(values)} WHERE {_CLAIMED}"
    if tx.execute(statement, **values, **ours) == 0:
        raise ClaimLost(claim.run_id)


def release(tx: Transaction, claim: Claim, held: bool) -> None:
    """Give an unfinished run back: it keeps its status and has no owner.

    A *held* run is for `resume` only; any process may claim another one.

    Raises:
        ClaimLost: the run is not the claimant's (any more).
    """
    change(tx, claim, owner=None, held=held)
    tx.changes.topics.add(f"left {claim.run_id}")
    if not held:
        tx.changes.due.add(claim.run_id)


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
    values: dict[str, Any] = {"status": Status.RUNNING}
    if record.started_at is None:
        values |= {"started_at": at, "deadline_at": deadline}
    change(tx, claim, **values, waits=_NOTHING)
    return dataclasses.replace(record, **values, waits=())


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
    tx.changes.topics.add(f"left {claim.run_id}")
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
    _change_unclaimed(tx, run_id, **fresh, waits=_NOTHING)
    tx.changes.due.add(run_id)
    record = dataclasses.replace(record, **fresh, waits=())
    journal.add_by_person(tx, record, effect, value)
    return record


def end_hold(tx: Transaction, run_id: str) -> RunRecord:
    """Let any process continue a run, even if it was interrupted for `resume`; return the run.

    A run that is not on hold stays as it is.

    Raises:
        RunNotFound: there is no such run.
        RunEnded: it is finished.
    """
    record = get(tx, run_id)
    if record.status is Status.FINISHED:
        raise RunEnded(run_id, str(record.outcome))
    if record.held:
        # A run that waits is taken only when it has a reply, and what it waits for may be there.
        _change_unclaimed(tx, run_id, held=False, status=Status.RUNNING)
        tx.changes.decided(run_id)
    return get(tx, run_id)


def ask_cancel(tx: Transaction, run_id: str, by: str) -> RunRecord:
    """Record that *by* wants the run cancelled; the first person who asked stays recorded.

    Raises:
        RunNotFound: there is no such run.
        RunEnded: it is finished.
    """
    record = get(tx, run_id)
    if record.status is Status.FINISHED:
        raise RunEnded(run_id, str(record.outcome))
    if record.cancel_requested_at is None:
        asked = {"cancel_requested_at": tx.now, "cancel_requested_by": clean(by)}
        _change_unclaimed(tx, run_id, **asked)
        tx.changes.decided(run_id)
    return get(tx, run_id)


def _change_unclaimed(tx: Transaction, run_id: str, **values: Any) -> None:
    """Write *values* into a run, whichever process owns it."""
    tx.execute(f"UPDATE runs SET {assignments(values)} WHERE id = :run_id", **values, run_id=run_id)


# Asked every second: the partial index `runs_by_cancel` holds just these rows.
_CANCELS = (
    "SELECT id, cancel_requested_at, cancel_requested_by FROM runs"
    f" WHERE cancel_requested_at IS NOT NULL AND NOT {FINISHED}"
)


def cancels(tx: Transaction, run_ids: Collection[str]) -> dict[str, CancelRequest]:
    """Return, by run id, what of *run_ids* is to be cancelled and is not finished."""
    ids = frozenset(run_ids)
    return {
        row["id"]: CancelRequest(row["cancel_requested_at"], row["cancel_requested_by"])
        for row in tx.rows(_CANCELS)
        if row["id"] in ids
    }


def record_of(row: Row) -> RunRecord:
    values = dict(row)
    for name in ("inputs", "vars", "outputs"):
        if values[name] is not None:
            values[name] = from_json(values[name])
    values["waits"] = tuple(map(Waiting.from_json, from_json(values["waits"])))
    values["status"] = Status(values["status"])
    if values["outcome"] is not None:
        values["outcome"] = Outcome(values["outcome"])
    return RunRecord(**values)
