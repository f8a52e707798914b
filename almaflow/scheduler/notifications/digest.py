"""The digest: once a day, what ran and what did not, what waits and what comes.

A digest is about the time since the one before it, so that nothing is repeated or omitted, also
where a day has 23 hours or 25, or no `serve` ran for some days.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import anyio

from almaflow.clock import Clock, sleep
from almaflow.engine.outbox import Outbox
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import UNFINISHED
from almaflow.scheduler.companions import STORE_RETRY_DELAY, Companion
from almaflow.scheduler.notifications.digest_messages import DigestPeriod, digest
from almaflow.scheduler.notifications.routing import to_channels
from almaflow.scheduler.workflow_files import WorkflowSnapshot
from almaflow.settings import Settings
from almaflow.settings.project import LOG_CHANNEL
from almaflow.store import RunRecord, SchedulePause, Store, StoreTrouble, Tick, TickEnding
from almaflow.store.writer import StoreWriter
from almaflow.thread_pool import ThreadPool
from almaflow.timetable import Timetable
from almaflow.timetable_entries import TimetableEntry

LATEST = timedelta(hours=12)
"""How late a digest is still sent; older ones become part of the next."""

# How far back to search for the last digest, and for ticks that were decided late.
_BACK = timedelta(days=32)

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)

_EVENT = "digest"


@dataclass(frozen=True)
class _Facts:
    """What the store knows of a day."""

    runs: Sequence[RunRecord]
    ticks: Sequence[Tick]
    unfinished: Sequence[RunRecord]
    pauses: Sequence[SchedulePause]
    """Those that hold now or later."""
    skipped: Sequence[Tick]
    """Future ticks that a person skipped."""


class Digest(Companion):
    """Puts the digest of each day into the outbox, when `serve` in almaflow.yaml names a time.

    It goes to `serve.to`, without one to the log.
    """

    def __init__(
        self, store: Store, writer: StoreWriter, settings: Settings, clock: Clock, outbox: Outbox
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._outbox = outbox
        self._zone = ZoneInfo(settings.timezone)
        self._channel = settings.serving.to or LOG_CHANNEL
        self._timetable = timetable_of(settings)
        self._threads = ThreadPool("digest", 1)
        self._reading = WorkflowSnapshot()

    async def read(self, reading: WorkflowSnapshot, before: WorkflowSnapshot | None) -> None:
        """Record the active workflows, for coming ticks and invalid files."""
        self._reading = reading

    async def run(self) -> None:
        """Send the digest of each day when it is due, until cancelled."""
        timetable = self._timetable
        if timetable is None:
            await anyio.sleep_forever()
            return
        with self._threads:
            while True:
                try:
                    await self.look()
                except StoreTrouble:
                    # The ledger meets and reports the same; the digest follows afterwards.
                    await sleep(self._clock, STORE_RETRY_DELAY)
                    continue
                await self._clock.sleep_until(next(timetable.after(self._clock.now())))

    async def look(self) -> None:
        """Send the digest that is due, unless that is done.

        Raises:
            StoreTrouble: the store refuses; another check does it.
        """
        now = self._clock.now()
        timetable = self._timetable
        at = None if timetable is None else _last(timetable, now - LATEST, now)
        if timetable is None or at is None:
            return
        key = self._key(at)
        digests = await self._writer.call(self._recent_digests, now - _BACK)
        if key in digests:
            return
        since = self._since(timetable, at, digests)
        day = await self._day(since, at, now, next(timetable.after(at)))
        await self._outbox.put(to_channels([self._channel], key, _EVENT, digest(day)))

    # --- which time -------------------------------------------------------------------------------

    def _key(self, at: datetime) -> str:
        return f"{_EVENT}/{at.astimezone(self._zone).date()}"

    def _recent_digests(self, since: datetime) -> Mapping[str, datetime]:
        """Return when each of the last digests was made, by key, the newest first."""
        notices = self._store.notices(since=since)
        return {one.key: one.created_at for one in notices if one.event == _EVENT}

    def _since(
        self, timetable: Timetable, at: datetime, digests: Mapping[str, datetime]
    ) -> datetime:
        """Return up to when the digest before the one of *at* tells."""
        earlier = [key for key in digests if key < self._key(at)]
        if not earlier:
            return _last(timetable, at - 2 * _DAY, at - _SECOND) or at - _DAY
        key = max(earlier)
        day = date.fromisoformat(key.removeprefix(f"{_EVENT}/"))
        midnight = datetime.combine(day, time(), self._zone)
        # The time of day may have been another one then; rather tell something twice.
        return min(next(timetable.after(midnight - _SECOND)), digests[key])

    # --- what is reported -------------------------------------------------------------------------

    async def _day(
        self, since: datetime, at: datetime, now: datetime, until: datetime
    ) -> DigestPeriod:
        facts = await self._writer.call(self._facts, since, at, now, until)
        active = self._reading.active.values()
        entries = [entry for one in active for entry in one.entries]
        upcoming = await self._threads.run(upcoming_of, entries, facts, now, until)
        return DigestPeriod(
            name=at.astimezone(self._zone).date(),
            zone=self._zone,
            since=since,
            at=at,
            runs=facts.runs,
            ticks=facts.ticks,
            unfinished=facts.unfinished,
            pauses=[pause for pause in facts.pauses if pause.holds(now)],
            invalid=self._reading.problems,
            upcoming=upcoming,
            until=until,
        )

    def _facts(self, since: datetime, at: datetime, now: datetime, until: datetime) -> _Facts:
        ended = self._store.runs(ended_since=since)
        ticks = self._store.ticks(
            since=since - _BACK, until=at, endings=[TickEnding.SKIPPED, TickEnding.MISSED]
        )
        return _Facts(
            runs=[run for run in ended if run.ended_at is not None and run.ended_at <= at],
            ticks=[tick for tick in ticks if since < _decided_at(tick) <= at],
            unfinished=self._store.runs(statuses=UNFINISHED),
            pauses=self._store.pauses(since=now),
            skipped=self._store.ticks(since=now, until=until, endings=[TickEnding.SKIPPED]),
        )


def timetable_of(settings: Settings) -> Timetable | None:
    """Return when digests are due, in the project's zone; None: never."""
    time_of_day = settings.serving.digest
    if time_of_day is None:
        return None
    hour, minute = map(int, time_of_day.split(":"))
    return Timetable(zone=ZoneInfo(settings.timezone), cron=f"{minute} {hour} * * *")


def upcoming_of(
    entries: Iterable[TimetableEntry], facts: _Facts, after: datetime, until: datetime
) -> dict[str, list[datetime]]:
    """Return when runs of each workflow are to begin later than *after*, up to *until*.

    Omitted are days off, ticks in a pause that is known, and ticks that a person skipped.
    """
    unwanted = {(tick.workflow, tick.entry, tick.at) for tick in facts.skipped}
    upcoming: dict[str, list[datetime]] = {}
    for entry in entries:
        pauses = [pause for pause in facts.pauses if pause.workflow == entry.workflow]
        for at in entry.timetable.between(after, until):
            paused = any(pause.holds(at) for pause in pauses)
            if paused or (entry.workflow, entry.key, at) in unwanted or entry.day_off(at):
                continue
            upcoming.setdefault(entry.workflow, []).append(entry.starts_at(at))
    return {name: sorted(times) for name, times in upcoming.items()}


def _last(timetable: Timetable, after: datetime, until: datetime) -> datetime | None:
    """Return the last instant of a timetable in a time that is short."""
    return max(timetable.between(after, until), default=None)


def _decided_at(tick: Tick) -> datetime:
    """Return when a tick came to its end: one that was skipped beforehand, when it was due."""
    return max(tick.at, tick.ended_at or tick.at)
