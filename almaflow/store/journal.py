"""The journal: one entry for each effect of a run, whose state only moves forward.

    (new)   → intent | done
    intent  → untaken | lost | refused | done
    untaken → intent            sent again; Alma certainly did not take it
    lost    → done | refused    reconciliation found its outcome
    lost    → untaken           searched for until sure, and not found
    lost    → lost              searched for until sure, and only a person can decide
    lost    → intent            sent again, only when asked to (`resubmit`)

`refused` and `done` are final. An entry that begins as `done` sends nothing: a step's begin
or end. Each intent counts one sending.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from almaflow.store.connection import Row, assignments, columns_of
from almaflow.store.errors import ClaimLost, MoveWrong
from almaflow.store.json_values import from_json, to_json
from almaflow.store.records import KEEP, Claim, EntryState, JournalEntry, Keep, RunRecord
from almaflow.store.transaction import Transaction

_MOVES: dict[EntryState | None, frozenset[EntryState]] = {
    None: frozenset({EntryState.INTENT, EntryState.DONE}),
    EntryState.INTENT: frozenset(
        {EntryState.UNTAKEN, EntryState.LOST, EntryState.REFUSED, EntryState.DONE}
    ),
    EntryState.UNTAKEN: frozenset({EntryState.INTENT}),
    EntryState.LOST: frozenset(
        {EntryState.UNTAKEN, EntryState.REFUSED, EntryState.DONE, EntryState.LOST}
    ),
    EntryState.REFUSED: frozenset(),
    EntryState.DONE: frozenset(),
}

# The owner and the entry in one question: this runs before every effect.
_LOOK = (
    "SELECT runs.owner, runs.epoch AS run_epoch, journal.id, journal.state, journal.value,"
    " journal.request_hash, journal.sends, journal.created_at"
    " FROM runs LEFT JOIN journal ON journal.run_id = runs.id AND journal.path = :path"
    " AND journal.attempt = :attempt AND journal.effect = :effect"
    " WHERE runs.id = :run_id"
)
_THERE = "SELECT path, attempt, effect FROM journal WHERE run_id = :run_id AND path IN :paths"
_SELECT = f"SELECT {columns_of(JournalEntry)} FROM journal"


def record(
    tx: Transaction,
    claim: Claim,
    path: str,
    attempt: int,
    effect: str,
    state: EntryState,
    *,
    value: Any | Keep = KEEP,
    request_hash: str = "",
    resubmit: bool = False,
) -> JournalEntry:
    """Create a journal entry or move it to *state*, and return it as it is recorded.

    *value* replaces the recorded one; `KEEP` leaves it (a new entry then has None).
    *request_hash* is given with the first intent; given again it must be the same.
    *resubmit* allows the one move from lost to a new intent.

    Raises:
        ClaimLost: the run is not the claimant's (any more); stop working on it.
        MoveWrong: a defect: the entry cannot go to *state*, or its request has changed.
        ValueUnfit: *value* is larger than 16 MiB, or cannot be written as JSON.
    """
    key: dict[str, Any] = {
        "run_id": claim.run_id,
        "path": path,
        "attempt": attempt,
        "effect": effect,
    }
    row = tx.row(_LOOK, **key)
    if row is None or (row["owner"], row["run_epoch"]) != (claim.process_id, claim.epoch):
        raise ClaimLost(claim.run_id)
    name = f"{effect} of step {path} (attempt {attempt}) in run {claim.run_id}"
    before = None if row["id"] is None else EntryState(row["state"])
    _check_move(name, before, state, resubmit)
    if before is not None and request_hash not in ("", row["request_hash"]):
        raise MoveWrong(
            f"The request for {name} is not the one that was recorded, so it is not sent. This is"
            " a defect of almaflow: please report it with the output of `almaflow show`."
        )
    if isinstance(value, Keep):
        text = "null" if before is None else row["value"]
        value = from_json(text)
    else:
        text = to_json(value, f"the value for {name}")
    values: dict[str, Any] = {
        "state": state,
        "value": text,
        "sends": (row["sends"] or 0) + (state is EntryState.INTENT),
        "changed_at": (now := tx.now),
        "epoch": claim.epoch,
    }
    if before is None:
        first: dict[str, Any] = {"request_hash": request_hash, "created_at": now}
        tx.insert("journal", **key, **values, **first)
    else:
        first = {"request_hash": row["request_hash"], "created_at": row["created_at"]}
        changes = assignments(values)
        tx.execute(f"UPDATE journal SET {changes} WHERE id = :id", id=row["id"], **values)
    return JournalEntry(**(key | values | first | {"value": value}))


def add_done(
    tx: Transaction, claim: Claim, new: Sequence[tuple[str, int, str, Any]]
) -> list[JournalEntry]:
    """Add entries of the claimed run that are done: path, attempt, effect and value of each.

    Whose run it is has been checked. Raises: MoveWrong, ValueUnfit.
    """
    if not new:
        return []
    paths = sorted({path for path, *_ in new})
    there = {
        (row["path"], row["attempt"], row["effect"])
        for row in tx.rows(_THERE, run_id=claim.run_id, paths=paths)
    }
    now = tx.now
    rows: list[dict[str, Any]] = []
    for path, attempt, effect, value in new:
        name = f"{effect} of step {path} (attempt {attempt}) in run {claim.run_id}"
        if (path, attempt, effect) in there:
            _check_move(name, EntryState.DONE, EntryState.DONE, False)
        there.add((path, attempt, effect))
        row: dict[str, Any] = {
            "run_id": claim.run_id,
            "path": path,
            "attempt": attempt,
            "effect": effect,
            "state": EntryState.DONE,
            "value": to_json(value, f"the value for {name}"),
            "request_hash": "",
            "sends": 0,
            "created_at": now,
            "changed_at": now,
            "epoch": claim.epoch,
        }
        rows.append(row)
    tx.insert_all("journal", rows)
    return [
        JournalEntry(**row | {"value": value}) for row, (*_, value) in zip(rows, new, strict=True)
    ]


def add_by_person(tx: Transaction, record: RunRecord, effect: str, value: Any) -> None:
    """Record what a person did to a run that no process works on: a done entry without a step."""
    row: dict[str, Any] = {
        "run_id": record.id,
        "path": "",
        "attempt": record.attempt,
        "effect": effect,
        "state": EntryState.DONE,
        "value": to_json(value, f"the value for {effect} of run {record.id}"),
        "request_hash": "",
        "sends": 0,
        "created_at": (now := tx.now),
        "changed_at": now,
        "epoch": record.epoch,
    }
    tx.insert("journal", **row)


def _check_move(name: str, before: EntryState | None, state: EntryState, resubmit: bool) -> None:
    if state in _MOVES[before]:
        return
    if resubmit and (before, state) == (EntryState.LOST, EntryState.INTENT):
        return
    raise MoveWrong(
        f"The record of {name} cannot become `{state}`: it"
        f" {'is not there yet' if before is None else f'is `{before}`'}. Nothing was recorded."
        " This is a defect of almaflow: please report it with the output of `almaflow show`."
    )


def of_run(tx: Transaction, run_id: str) -> list[JournalEntry]:
    """Return the entries of a run in the order in which they were made."""
    rows = tx.rows(f"{_SELECT} WHERE run_id = :run_id ORDER BY id", run_id=run_id)
    return [_entry(row) for row in rows]


def value_of(tx: Transaction, run_id: str, path: str, attempt: int, effect: str) -> Any:
    """Return the value of an entry; None when there is none."""
    row = tx.row(_LOOK, run_id=run_id, path=path, attempt=attempt, effect=effect)
    return None if row is None or row["id"] is None else from_json(row["value"])


def of_runs(tx: Transaction, run_ids: Sequence[str]) -> Iterator[JournalEntry]:
    """Yield the entries of many runs; those of each in the order in which they were made."""
    for row in tx.rows(f"{_SELECT} WHERE run_id IN :run_ids ORDER BY id", run_ids=run_ids):
        yield _entry(row)


def _entry(row: Row) -> JournalEntry:
    state, value = EntryState(row["state"]), from_json(row["value"])
    return JournalEntry(**row | {"state": state, "value": value})
