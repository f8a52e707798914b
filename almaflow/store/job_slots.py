"""Slots: the rows of all submissions that have, had or want a slot of an account.

`admission` decides which submission may be sent. A row is queued, taken when its submission may be
sent, freed when its instance in Alma has ended, or refused when there was none.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from almaflow.store import runs
from almaflow.store.connection import Row, assignments, columns_of
from almaflow.store.errors import InstanceTaken
from almaflow.store.json_values import from_json, to_json
from almaflow.store.locks import check_covered, lock_of_account
from almaflow.store.records import Claim, JobSlot, SlotState, SubmissionKey
from almaflow.store.transaction import Transaction

_SELECT = f"SELECT {columns_of(JobSlot)} FROM places"
_OF_SPOT = "run_id = :run_id AND path = :path AND attempt = :attempt AND effect = :effect"
_LEFT = frozenset({SlotState.FREED, SlotState.REFUSED})
_TAKEN = f"account = :account AND state = '{SlotState.TAKEN}'"


def find(tx: Transaction, run_id: str, spot: SubmissionKey) -> JobSlot | None:
    """Return the slot of a submission, None when it never asked for one."""
    row = tx.row(f"{_SELECT} WHERE {_OF_SPOT}", **_key(run_id, spot))
    return None if row is None else _slot(row)


def own(tx: Transaction, claim: Claim, spot: SubmissionKey) -> JobSlot | None:
    """Return the slot of a submission of the claimed run, None when it never asked for one.

    Raises:
        ClaimLost: the run is not the claimant's (any more).
    """
    runs.check(tx, claim)
    slot = find(tx, claim.run_id, spot)
    if slot is not None:
        check_covered([lock_of_account(slot.account)], tx.locks)
    return slot


def ask(
    tx: Transaction,
    claim: Claim,
    spot: SubmissionKey,
    account: str,
    job_id: str,
    set_id: str | None,
    marker: str,
    named: bool,
) -> JobSlot:
    """Queue a submission and return its slot; one that was queued before keeps what it has.

    *set_id* is the set that the job works on, *marker* is ours for it, and *named* says whether
    the submission brings the marker to Alma.

    Raises:
        ClaimLost: the run is not the claimant's (any more).
    """
    slot = own(tx, claim, spot)
    if slot is not None:
        return slot
    row: dict[str, Any] = _key(claim.run_id, spot) | {
        "account": account,
        "job_id": job_id,
        "set_id": set_id,
        "marker": marker,
        "named": named,
        "state": SlotState.QUEUED,
        "asked_at": tx.now,
        "refusals": 0,
    }
    return JobSlot(
        id=tx.insert_numbered("places", **row, candidates="[]"),
        not_before=None,
        taken_at=None,
        instance_id=None,
        candidates=(),
        freed_at=None,
        **row,
    )


def put_off(tx: Transaction, claim: Claim, spot: SubmissionKey, again_at: datetime) -> None:
    """Queue a submission again, at its old ticket: Alma said "later", not before *again_at*."""
    slot = own(tx, claim, spot)
    if slot is not None:
        change(
            tx,
            slot,
            state=SlotState.QUEUED,
            refusals=slot.refusals + 1,
            not_before=again_at,
            taken_at=None,
        )


def drop(tx: Transaction, claim: Claim, spot: SubmissionKey) -> None:
    """Remove a submission: Alma certainly did not accept it, or it left the queue."""
    slot = own(tx, claim, spot)
    if slot is not None:
        change(tx, slot, state=SlotState.REFUSED)


def settle(tx: Transaction, claim: Claim, spot: SubmissionKey, instance_id: str) -> None:
    """Record as what Alma runs a submission; from now on it counts until that is seen ended.

    Raises:
        ClaimLost: the run is not the claimant's (any more).
        InstanceTaken: another submission of the account is that instance.
    """
    slot = own(tx, claim, spot)
    if slot is None or slot.instance_id == instance_id:
        return
    other = _of_instance(tx, slot.account, instance_id)
    if other is not None:
        raise InstanceTaken(other)
    change(
        tx,
        slot,
        state=SlotState.TAKEN,
        taken_at=slot.taken_at or tx.now,
        instance_id=instance_id,
        candidates="[]",
        freed_at=None,
    )


def suspect(tx: Transaction, claim: Claim, spot: SubmissionKey, candidates: Sequence[str]) -> None:
    """Record which instances an unknown submission could be."""
    slot = own(tx, claim, spot)
    if slot is not None:
        text = to_json(list(candidates), f"the candidates of {spot.path} in run {claim.run_id}")
        change(tx, slot, candidates=text)


def free_spot(tx: Transaction, claim: Claim, spot: SubmissionKey) -> None:
    """Free the slot of a submission that Alma did not accept; it still counts as a start."""
    slot = own(tx, claim, spot)
    if slot is not None:
        change(tx, slot, state=SlotState.FREED, freed_at=tx.now)


def free(tx: Transaction, account: str, instance_id: str) -> bool:
    """Record that an instance was seen ended; return whether it had a slot.

    An unknown submission is free once all that it could be have ended.
    """
    at = tx.now
    ended = _of_instance(tx, account, instance_id)
    was_held = ended is not None and ended.state is SlotState.TAKEN
    if ended is not None and was_held:
        change(tx, ended, state=SlotState.FREED, freed_at=at)
    for slot in _all(tx, f"{_TAKEN} AND candidates != '[]'", account=account):
        if instance_id in slot.candidates:
            was_held = True
            left = [one for one in slot.candidates if one != instance_id]
            over = {} if left else {"state": SlotState.FREED, "freed_at": at}
            change(tx, slot, candidates=to_json(left, "candidates"), **over)
    return was_held


def holders(tx: Transaction, account: str) -> list[JobSlot]:
    """Return the submissions that have the slots of an account, oldest first."""
    return sorted(
        _all(tx, _TAKEN, account=account),
        key=lambda slot: (slot.taken_at or slot.asked_at, slot.id),
    )


def queue(tx: Transaction, account: str | None = None) -> list[JobSlot]:
    """Return the submissions that wait for a slot, by ticket; None: of all accounts."""
    queued = f"state = '{SlotState.QUEUED}'"
    if account is not None:
        queued = f"account = :account AND {queued}"
    return _all(tx, queued, account=account)


def with_tickets(tx: Transaction, tickets: Sequence[int]) -> list[JobSlot]:
    """Return the slots with these tickets, in their order."""
    return _all(tx, "id IN :tickets", tickets=tickets)


def of_run(tx: Transaction, run_id: str) -> list[JobSlot]:
    """Return the slots of a run in the order of asking."""
    return _all(tx, "run_id = :run_id", run_id=run_id)


def instances(tx: Transaction, account: str, job_id: str) -> set[str]:
    """Return the instances of a job that submissions of ours are known to be."""
    known = (
        "SELECT instance_id FROM places WHERE account = :account AND job_id = :job_id"
        " AND instance_id IS NOT NULL"
    )
    return set(tx.column(known, account=account, job_id=job_id))


def others_lost(
    tx: Transaction, account: str, job_id: str, run_id: str, spot: SubmissionKey
) -> list[JobSlot]:
    """Return the other submissions of a job whose instance is not known, by ticket."""
    unknown = f"{_TAKEN} AND job_id = :job_id AND instance_id IS NULL"
    slots = _all(tx, unknown, account=account, job_id=job_id)
    return [slot for slot in slots if (slot.run_id, slot.spot) != (run_id, spot)]


def on_set(tx: Transaction, account: str, set_id: str) -> list[JobSlot]:
    """Return the submissions that work on a set, as far as the store knows, by ticket."""
    return _all(tx, f"{_TAKEN} AND set_id = :set_id", account=account, set_id=set_id)


def change(tx: Transaction, slot: JobSlot, **values: Any) -> None:
    """Write *values* into the row of *slot*."""
    statement = f"UPDATE places SET {assignments(values)} WHERE id = :ticket"
    tx.execute(statement, **values, ticket=slot.id)
    if values.get("state") in _LEFT:
        tx.changes.topics.add(f"slots {slot.account}")


def _of_instance(tx: Transaction, account: str, instance_id: str) -> JobSlot | None:
    condition = "account = :account AND instance_id = :instance_id"
    slots = _all(tx, condition, account=account, instance_id=instance_id)
    return slots[0] if slots else None


def _all(tx: Transaction, condition: str, **values: Any) -> list[JobSlot]:
    rows = tx.rows(f"{_SELECT} WHERE {condition} ORDER BY id", **values)
    return [_slot(row) for row in rows]


def _key(run_id: str, spot: SubmissionKey) -> dict[str, Any]:
    return {"run_id": run_id, "path": spot.path, "attempt": spot.attempt, "effect": spot.effect}


def _slot(row: Row) -> JobSlot:
    candidates = tuple(from_json(row["candidates"]))
    return JobSlot(**row | {"state": SlotState(row["state"]), "candidates": candidates})
