"""Waiting for a slot within Alma's limits: 3 API-started jobs at a time, 5 starts of a job an hour.

The store decides which submission may start (`store/job_slots.py`), for every process that shares
it. Submissions that may not start yet wait here: the runs that hold the slots are polled,
once for all waiters of this process at an institution, and the waiter whose turn it is wakes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field
from datetime import datetime, timedelta

import anyio
from anyio.abc import TaskGroup

from almaflow.alma import calls
from almaflow.alma.errors import AlmaError, AlmaRefused
from almaflow.alma.job_status import is_terminal
from almaflow.clock import Clock
from almaflow.engine.alma_writes.institutions import InstitutionConnection
from almaflow.late_dataclasses import dataclass
from almaflow.runs.job_durations import Durations
from almaflow.steps.base import PollSettings
from almaflow.store import JobSlot, NoSlot, SlotLimits, Store, StoreTrouble, SubmissionKey
from almaflow.store.writer import StoreWriter

# Only this number of waiters at the front of the queue is woken by changes.
_AT_THE_FRONT = 10


QueueKey = tuple[str, SubmissionKey]


@dataclass
class _Group:
    """The waiting submissions at one institution."""

    connection: InstitutionConnection
    poll: PollSettings
    waiting: dict[QueueKey, anyio.Event] = field(default_factory=dict)
    changed: anyio.Event = field(default_factory=anyio.Event)
    again_at: datetime | None = None
    """The earliest instant at which a submission may be sent even if no job ends before."""
    look_now: bool = False
    """A job has ended there: its slot may be free."""
    seen: tuple[int, ...] | None = None
    """The submissions that held the slots at the last poll; None before the first."""

    @property
    def limits(self) -> SlotLimits:
        return SlotLimits(self.connection.running_jobs, self.connection.starts_per_hour)

    @property
    def pace(self) -> timedelta:
        """The time between two polls of the jobs that hold the slots."""
        return self.poll.first


class Admission:
    """The submissions of this process that wait for a slot."""

    def __init__(
        self, store: Store, writer: StoreWriter, clock: Clock, durations: Durations
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._durations = durations
        self._groups: dict[str, _Group] = {}
        self._tasks: TaskGroup | None = None

    def work_in(self, tasks: TaskGroup) -> None:
        """Poll and wake in *tasks* for as long as they run."""
        self._tasks = tasks

    @contextmanager
    def waiting(
        self,
        connection: InstitutionConnection,
        poll: PollSettings,
        key: QueueKey,
        again_at: datetime | None,
    ) -> Iterator[anyio.Event]:
        """Yield an event that is set when it is worth asking for the slot again.

        *again_at* is when a submission may be sent although no job has ended before; *poll* says
        how often the jobs that hold the slots are polled.
        """
        assert self._tasks is not None, "an engine works only while it is running"
        account = connection.account
        group = self._groups.get(account)
        if group is None:
            group = self._groups[account] = _Group(connection, poll)
            self._tasks.start_soon(self._look_after, account, group)
        event = anyio.Event()
        group.waiting[key] = event
        if again_at is not None and (group.again_at is None or again_at < group.again_at):
            group.again_at = again_at
            group.changed.set()
        try:
            yield event
        finally:
            group.waiting.pop(key, None)
            if not group.waiting:
                group.changed.set()

    def slot_freed(self, account: str) -> None:
        """Wake the waiting submissions, because a job has ended."""
        if account in self._groups:
            self._groups[account].changed.set()

    def job_ended(self, account: str) -> None:
        """Look at the jobs that hold the slots of an account, because one has ended."""
        if account in self._groups:
            self._groups[account].look_now = True
            self._groups[account].changed.set()

    def reason(
        self, busy: NoSlot, job_id: str, connection: InstitutionConnection, refusal: str
    ) -> str:
        """Return why a submission waits, with an estimate where there is one."""
        match busy.reason:
            case "running":
                end = self._first_end(connection.account, busy.holders)
                text = f"; first expected end {end:%H:%M} UTC" if end else ""
                count = len(busy.holders)
                jobs = "1 API-started job is" if count == 1 else f"{count} API-started jobs are"
                return f"{jobs} running at {connection.name}{text}"
            case "hour":
                most = connection.starts_per_hour
                times = "once" if most == 1 else f"{most} times"
                return (
                    f"job {job_id} was started {times} within an hour at {connection.name}"
                    f"{_next(busy.again_at)}"
                )
            case "later":
                text = refusal or f"Alma refuses job {job_id} at {connection.name} for now"
                return f"{text}{_next(busy.again_at)}"
        ahead = "1 submission" if busy.ahead == 1 else f"{busy.ahead} submissions"
        return f"{ahead} at {connection.name} asked before this one"

    def _first_end(self, account: str, holders: Sequence[JobSlot]) -> datetime | None:
        """Return when the first of the jobs that hold the slots is expected to end."""
        now = self._clock.now()
        ends = [
            max(now, place.taken_at + usual)
            for place in holders
            if place.taken_at is not None
            and (usual := self._durations.expected(account, place.job_id)) is not None
        ]
        return min(ends, default=None)

    async def _look_after(self, account: str, group: _Group) -> None:
        """Poll and wake until no submission waits at *account* any more."""
        look_at = self._clock.now() + group.pace
        while group.waiting:
            # Changes from here on are checked in the next round.
            group.changed = anyio.Event()
            await self._wake(account, group)
            until = min(look_at, group.again_at or look_at)
            with anyio.move_on_after(max(0.0, (until - self._clock.now()).total_seconds())):
                await group.changed.wait()
            if group.look_now or self._clock.now() >= look_at:
                group.look_now = False
                await self._look_at_holders(account, group)
                look_at = self._clock.now() + self._pace(group)
        del self._groups[account]

    def _pace(self, group: _Group) -> timedelta:
        sparing = group.connection.saves_calls(self._clock.now())
        return max(group.poll.first, group.poll.max) if sparing else group.pace

    async def _wake(self, account: str, group: _Group) -> None:
        """Wake the submissions whose turn it is, and the first ones when the holders changed."""
        if group.again_at is not None and group.again_at <= self._clock.now():
            group.again_at = None
        try:
            turns = await self._writer.call(self._store.turns, account, group.limits)
            holders = await self._writer.call(self._store.holders, account)
        except StoreTrouble:
            # The next write reports the error; the next poll comes anyway.
            return
        seen = tuple(place.id for place in holders)
        # A submission that has just begun to wait has seen the current holders.
        changed = group.seen is not None and seen != group.seen
        front = list(group.waiting)[:_AT_THE_FRONT] if changed else []
        group.seen = seen
        for key in [*((place.run_id, place.spot) for place in turns), *front]:
            event = group.waiting.get(key)
            if event is not None:
                event.set()

    async def _look_at_holders(self, account: str, group: _Group) -> None:
        """Ask Alma whether the jobs that hold the slots have ended."""
        try:
            for place in await self._writer.call(self._store.holders, account):
                for instance_id in [place.instance_id] if place.instance_id else place.candidates:
                    if await self._has_ended(group.connection, place.job_id, instance_id):
                        await self._writer.call(self._store.free_slot, account, instance_id)
        except StoreTrouble:
            return

    @staticmethod
    async def _has_ended(connection: InstitutionConnection, job_id: str, instance_id: str) -> bool:
        try:
            return is_terminal(await connection.client.send(calls.instance(instance_id, job_id)))
        except AlmaRefused as error:
            # An instance that Alma does not know is not running.
            return bool(error.codes & {"402216", "402218"})
        except AlmaError:
            return False


def _next(again_at: datetime | None) -> str:
    return f"; next try at {again_at:%H:%M:%S} UTC" if again_at else ""
