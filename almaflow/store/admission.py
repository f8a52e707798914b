"""Admission: whose turn it is to send a job to Alma, decided inside the transaction that sends.

First come, first served, within two limits of an account: so many runs at a time, and so many
starts of one job within an hour. Who cannot go now does not hold up those behind: whoever's job
has used up its hour, was told "later" by Alma, or whose run nobody alive works on.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import Connection, bindparam, func, select

from almaflow.store import places
from almaflow.store.errors import MoveWrong
from almaflow.store.processes import Lives
from almaflow.store.records import Busy, Claim, Place, PlaceLimits, PlaceState, Spot
from almaflow.store.tables import places as table
from almaflow.store.tables import runs

# How long a start counts: an hour by Alma's clock, and what the way there and ours may differ.
COUNTS: Final = timedelta(hours=1, seconds=2)

# How long a submission of which nobody knows what it became counts as running.
FORGOTTEN: Final = timedelta(hours=24)

_STARTS = (
    select(table.c.taken_at)
    .where(
        table.c.account == bindparam("account"),
        table.c.job_id == bindparam("job_id"),
        table.c.state.in_([PlaceState.TAKEN, PlaceState.FREED]),
        table.c.taken_at > bindparam("since"),
    )
    .order_by(table.c.taken_at)
)
_BEFORE = (
    table.c.account == bindparam("account"),
    table.c.state == PlaceState.QUEUED,
    table.c.id < bindparam("ticket"),
)
_EARLIER = (
    select(table.c.id, table.c.job_id, table.c.not_before, runs.c.owner)
    .select_from(table.join(runs, runs.c.id == table.c.run_id))
    .where(*_BEFORE)
    .order_by(table.c.id)
)
_TOLD_LATER = _EARLIER.where(
    table.c.job_id == bindparam("job_id"), table.c.not_before > bindparam("now")
)
_AHEAD = select(func.count()).select_from(table).where(*_BEFORE)


def take(
    connection: Connection,
    claim: Claim,
    spot: Spot,
    limits: PlaceLimits,
    now: datetime,
    lives: Lives,
) -> Place | Busy:
    """Give a queued submission its place when it is its turn, else return why it is not.

    One that has its place already keeps it.

    Raises:
        ClaimLost: the run is not the claimant's (any more).
        MoveWrong: a defect: it did not ask for a place, or gave it back.
    """
    place = places.own(connection, claim, spot)
    if place is not None and place.state is PlaceState.TAKEN:
        return place
    if place is None or place.state is not PlaceState.QUEUED:
        raise MoveWrong(
            f"The {spot.effect} of step {spot.path} (attempt {spot.attempt}) in run"
            f" {claim.run_id} cannot take a place: it"
            f" {'asked for none' if place is None else f'is `{place.state}`'}. This is a defect"
            " of almaflow: please report it with the output of `almaflow show`."
        )
    busy = _Turn(connection, place, limits, now, lives).why_busy()
    if busy is not None:
        return busy
    places.change(connection, place, state=PlaceState.TAKEN, taken_at=now, not_before=None)
    taken = places.find(connection, claim.run_id, spot)
    assert taken is not None
    return taken


def look(
    connection: Connection, place: Place, limits: PlaceLimits, now: datetime, lives: Lives
) -> Busy | None:
    """Return why a queued submission would not get its place now, None when it would."""
    return _Turn(connection, place, limits, now, lives).why_busy()


def turns(
    connection: Connection, account: str, limits: PlaceLimits, now: datetime, lives: Lives
) -> list[Place]:
    """Return the queued submissions of an account that would get a place now, by ticket."""
    waiting = places.queue(connection, account)
    if not waiting:
        return []
    # Seen from behind the last ticket, everybody stands before us.
    last = dataclasses.replace(waiting[-1], id=waiting[-1].id + 1)
    return _Turn(connection, last, limits, now, lives).who_can_go(waiting)


class _Turn:
    """One look at the queue of an account, for one submission that waits in it."""

    def __init__(
        self,
        connection: Connection,
        place: Place,
        limits: PlaceLimits,
        now: datetime,
        lives: Lives,
    ) -> None:
        self._connection = connection
        self._place = place
        self._limits = limits
        self._now = now
        self._lives = lives
        self._starts: dict[str, list[datetime]] = {}
        self._alive: dict[str | None, bool] = {None: False}

    def why_busy(self) -> Busy | None:
        """Return what keeps the place from being taken now, None when nothing does."""
        job_id = self._place.job_id
        holders = places.holders(self._connection, self._place.account)
        running = tuple(one for one in holders if self._runs(one))
        free = self._limits.running - len(running)
        reason: Literal["running", "hour", "later", "turn"] | None = None
        again_at = self._told_later()
        if again_at is not None:
            reason = "later"
        elif self._room_again(job_id, 0):
            reason, again_at = "hour", self._room_again(job_id, 0)
        elif free <= 0:
            reason = "running"
        else:
            granted = self._grant(free)
            if self._room_again(job_id, granted[job_id]):
                reason, again_at = "hour", self._room_again(job_id, granted[job_id])
            elif granted.total() >= free:
                reason = "turn"
        return None if reason is None else Busy(reason, running, again_at, self._ahead())

    def who_can_go(self, waiting: Sequence[Place]) -> list[Place]:
        """Return those of *waiting* who asked earlier and would get a place now."""
        holders = places.holders(self._connection, self._place.account)
        running = sum(1 for one in holders if self._runs(one))
        tickets = set(self._granted(self._limits.running - running))
        return [one for one in waiting if one.id in tickets]

    def _grant(self, free: int) -> Counter[str]:
        """Give *free* places to those who asked earlier and can go; return how many by job."""
        return Counter(self._granted(free).values())

    def _granted(self, free: int) -> dict[int, str]:
        """Return the jobs of those who asked earlier and get one of *free* places, by ticket."""
        granted: dict[int, str] = {}
        counts: Counter[str] = Counter()
        later: set[str] = set()
        with self._connection.execute(_EARLIER, self._before_ours()) as rows:
            for row in rows:
                if len(granted) >= free:
                    break
                if row.job_id in later or not self._works(row.owner):
                    continue
                if row.not_before is not None and row.not_before > self._now:
                    later.add(row.job_id)
                elif not self._room_again(row.job_id, counts[row.job_id]):
                    counts[row.job_id] += 1
                    granted[row.id] = row.job_id
        return granted

    def _told_later(self) -> datetime | None:
        """Return until when our job has to wait because Alma said so, None when it has not.

        Nobody passes a submission of the same job that was told so, as it would hear the same.
        """
        ours = self._before_ours() | {"job_id": self._place.job_id, "now": self._now}
        told = [self._place.not_before] if self._place.not_before is not None else []
        told += [
            row.not_before
            for row in self._connection.execute(_TOLD_LATER, ours)
            if self._works(row.owner)
        ]
        return max((instant for instant in told if instant > self._now), default=None)

    def _room_again(self, job_id: str, granted: int) -> datetime | None:
        """Return when the hour of a job has room again, None when it has some now.

        *granted* starts happen now, before ours.
        """
        if job_id not in self._starts:
            since = self._now - COUNTS
            of_job = {"account": self._place.account, "job_id": job_id, "since": since}
            self._starts[job_id] = list(self._connection.execute(_STARTS, of_job).scalars())
        starts = [*self._starts[job_id], *[self._now] * granted]
        over = len(starts) - self._limits.starts_per_hour
        return None if over < 0 else sorted(starts)[over] + COUNTS

    def _runs(self, holder: Place) -> bool:
        """Whether a holder counts as running; of one that is unknown this is an end."""
        since = holder.taken_at
        return holder.instance_id is not None or since is None or since > self._now - FORGOTTEN

    def _works(self, owner: str | None) -> bool:
        """Whether somebody alive works on a run."""
        if owner not in self._alive:
            self._alive[owner] = self._lives.alive(self._connection, str(owner))
        return self._alive[owner]

    def _ahead(self) -> int:
        return self._connection.execute(_AHEAD, self._before_ours()).scalar_one()

    def _before_ours(self) -> dict[str, object]:
        return {"account": self._place.account, "ticket": self._place.id}
