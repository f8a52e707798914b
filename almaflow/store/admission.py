"""Admission: whose turn it is to send a job to Alma, decided inside the transaction that sends.

First come, first served, within two limits of an account: a number of runs at a time, and a number
of starts of one job within an hour. These do not hold up the submissions behind them: one whose
job has used up its hour, one that Alma has deferred, and one whose run no live process works on.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final, Literal

from almaflow.store import job_slots, processes
from almaflow.store.connection import Row
from almaflow.store.errors import MoveWrong
from almaflow.store.records import Claim, JobSlot, NoSlot, SlotLimits, SlotState, SubmissionKey
from almaflow.store.transaction import Transaction

# How long a start counts: an hour by Alma's clock, and what the way there and ours may differ.
COUNTS: Final = timedelta(hours=1, seconds=2)

# A start that is further in the future was recorded before the clock was set back. It is unknown
# how long ago that was, and Alma refuses when it still counts. Hosts' clocks differ by less.
_AHEAD_OF_US: Final = timedelta(minutes=5)

# How long a submission with an unknown outcome counts as running.
FORGOTTEN: Final = timedelta(hours=24)

_STARTS = (
    "SELECT taken_at FROM places WHERE account = :account AND job_id = :job_id"
    f" AND state IN ('{SlotState.TAKEN}', '{SlotState.FREED}')"
    " AND taken_at > :since AND taken_at < :until ORDER BY taken_at"
)
_BEFORE = f"account = :account AND state = '{SlotState.QUEUED}' AND places.id < :ticket"
_EARLIER = (
    "SELECT places.id, places.job_id, places.not_before, runs.owner"
    f" FROM places JOIN runs ON runs.id = places.run_id WHERE {_BEFORE}"
)
_TOLD_LATER = f"{_EARLIER} AND job_id = :job_id AND not_before > :now"
# The submissions that may go are near the front, so the queue is read in parts.
_PART: Final = 200
_NEXT_PART = f"{_EARLIER} AND places.id > :after ORDER BY places.id LIMIT :most"
_AHEAD = f"SELECT count(*) FROM places WHERE {_BEFORE}"

# A ticket behind all others.
_BEHIND_ALL: Final = 2**63 - 1


def take(
    tx: Transaction, claim: Claim, spot: SubmissionKey, limits: SlotLimits
) -> JobSlot | NoSlot:
    """Give a queued submission its slot when it is its turn, else return why it is not.

    One that has its slot already keeps it.

    Raises:
        ClaimLost: the run is not the claimant's (any more).
        MoveWrong: a defect: it did not ask for a slot, or gave it back.
    """
    slot = job_slots.own(tx, claim, spot)
    if slot is not None and slot.state is SlotState.TAKEN:
        return slot
    if slot is None or slot.state is not SlotState.QUEUED:
        raise MoveWrong(
            f"The {spot.effect} of step {spot.path} (attempt {spot.attempt}) in run"
            f" {claim.run_id} cannot take a slot: it"
            f" {'asked for none' if slot is None else f'is `{slot.state}`'}. This is a defect"
            " of almaflow: please report it with the output of `almaflow show`."
        )
    queue = _Queue(tx, slot.account, limits)
    busy = queue.why_busy(slot)
    if busy is not None:
        return busy
    job_slots.change(tx, slot, state=SlotState.TAKEN, taken_at=queue.now, not_before=None)
    slot = job_slots.find(tx, claim.run_id, spot)
    assert slot is not None
    return slot


def look(tx: Transaction, run_id: str, spot: SubmissionKey, limits: SlotLimits) -> NoSlot | None:
    """Return what a queued submission waits for; None when it would get its slot now."""
    slot = job_slots.find(tx, run_id, spot)
    if slot is None or slot.state is not SlotState.QUEUED:
        return None
    return _Queue(tx, slot.account, limits).why_busy(slot)


def turns(tx: Transaction, account: str, limits: SlotLimits) -> list[JobSlot]:
    """Return the queued submissions of an account that would get a slot now, by ticket."""
    return _Queue(tx, account, limits).turns()


class _Queue:
    """The queue of an account at one instant."""

    def __init__(self, tx: Transaction, account: str, limits: SlotLimits) -> None:
        self.now: Final = tx.now
        self._tx = tx
        self._account = account
        self._limits = limits
        self._starts: dict[str, list[datetime]] = {}
        self._alive: dict[str | None, bool] = {None: False}

    def why_busy(self, slot: JobSlot) -> NoSlot | None:
        """Return what keeps a queued slot from being taken now, None when nothing does."""
        running = self._running()
        free = self._limits.running - len(running)
        reason: Literal["running", "hour", "later", "turn"] | None = None
        again_at = self._told_later(slot)
        if again_at is not None:
            reason = "later"
        elif again_at := self._room_again(slot.job_id, 0):
            reason = "hour"
        elif free <= 0:
            reason = "running"
        else:
            granted = self._grant(free, slot.id)
            if again_at := self._room_again(slot.job_id, _count(granted, slot.job_id)):
                reason = "hour"
            elif len(granted) >= free:
                reason = "turn"
        return None if reason is None else NoSlot(reason, running, again_at, self._ahead(slot))

    def turns(self) -> list[JobSlot]:
        """Return those that would get a slot now, by ticket."""
        granted = self._grant(self._limits.running - len(self._running()), _BEHIND_ALL)
        return job_slots.with_tickets(self._tx, list(granted))

    def _grant(self, free: int, ticket: int) -> dict[int, str]:
        """Give *free* slots to those before *ticket* who can go; return their jobs by ticket."""
        granted: dict[int, str] = {}
        later: set[str] = set()
        for row in self._before(ticket):
            if len(granted) >= free:
                break
            job_id, not_before = row["job_id"], row["not_before"]
            if job_id in later or not self._works(row["owner"]):
                continue
            if not_before is not None and not_before > self.now:
                later.add(job_id)
            elif not self._room_again(job_id, _count(granted, job_id)):
                granted[row["id"]] = job_id
        return granted

    def _before(self, ticket: int) -> Iterator[Row]:
        """Yield the submissions that wait and asked before *ticket*, in the order of asking."""
        after: int | None = 0
        while after is not None:
            rows = self._tx.rows(
                _NEXT_PART, account=self._account, ticket=ticket, after=after, most=_PART
            )
            yield from rows
            after = rows[-1]["id"] if len(rows) == _PART else None

    def _told_later(self, slot: JobSlot) -> datetime | None:
        """Return until when a job has to wait because Alma put it off, None when it has not.

        No submission passes one of the same job that was put off: Alma would put it off too.
        """
        earlier = self._tx.rows(
            _TOLD_LATER, account=self._account, ticket=slot.id, job_id=slot.job_id, now=self.now
        )
        bounds = [] if slot.not_before is None else [slot.not_before]
        bounds += [row["not_before"] for row in earlier if self._works(row["owner"])]
        return max((instant for instant in bounds if instant > self.now), default=None)

    def _room_again(self, job_id: str, granted: int) -> datetime | None:
        """Return when the hour of a job has room again, None when it has some now.

        *granted* starts happen now, before ours.
        """
        if job_id not in self._starts:
            self._starts[job_id] = self._tx.column(
                _STARTS,
                account=self._account,
                job_id=job_id,
                since=self.now - COUNTS,
                until=self.now + _AHEAD_OF_US,
            )
        starts = [*self._starts[job_id], *[self.now] * granted]
        over = len(starts) - self._limits.starts_per_hour
        return None if over < 0 else sorted(starts)[over] + COUNTS

    def _running(self) -> tuple[JobSlot, ...]:
        """Return what counts as running, oldest first; an unknown submission does for a day."""
        since = self.now - FORGOTTEN
        return tuple(
            one
            for one in job_slots.holders(self._tx, self._account)
            if one.instance_id is not None
            or since < (one.taken_at or self.now) < self.now + FORGOTTEN
        )

    def _works(self, owner: str | None) -> bool:
        """Whether a live process works on a run."""
        if owner not in self._alive:
            self._alive[owner] = processes.is_alive(self._tx, str(owner))
        return self._alive[owner]

    def _ahead(self, slot: JobSlot) -> int:
        return int(self._tx.value(_AHEAD, account=self._account, ticket=slot.id))


def _count(granted: dict[int, str], job_id: str) -> int:
    return sum(1 for one in granted.values() if one == job_id)
