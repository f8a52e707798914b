"""Checks the runs that have not ended: those that are slow, stuck, or wait for a person.

The recipients in the workflow's `notify`, as recorded with the run, are notified once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta, tzinfo
from functools import partial
from math import ceil
from typing import Any
from zoneinfo import ZoneInfo

from almaflow.clock import Clock, sleep
from almaflow.engine.outbox import Outbox
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import UNFINISHED, Outcome, Status
from almaflow.scheduler.companions import Companion
from almaflow.scheduler.notifications import messages
from almaflow.scheduler.notifications.messages import NotificationText
from almaflow.scheduler.notifications.routing import channels_of, to_channels
from almaflow.scheduler.recorded_definitions import RecordedDefinitions
from almaflow.store import NewNotification, RunRecord, Store, StoreTrouble
from almaflow.store.writer import StoreWriter
from almaflow.thread_pool import ThreadPool
from almaflow.waiting import WaitingKind
from almaflow.workflow import Workflow

LOOK = timedelta(minutes=1)

ALONE = timedelta(minutes=10)
"""How long nobody works on a run before it is stuck."""

SILENT = timedelta(hours=6)
"""How long nothing happens in a run before it is stuck."""

# The usual duration: how many good runs it is based on at most, and at least. How many finished
# runs are searched.
_LEARNED, _BELIEVED, _LOOKED_AT = 20, 5, 60

# A run is slow when it exceeds nine of ten by this factor, and by at least this time.
_FACTOR, _AT_LEAST = 1.5, timedelta(minutes=5)

_EVENTS = ("slow", "stuck", "waiting")

# Waits during which nothing is expected to happen.
_QUIET = (WaitingKind.TIME, WaitingKind.PERSON)


@dataclass(frozen=True)
class UsualDuration:
    """How long runs of a workflow take: nine of ten of *runs* took *longest* at most."""

    longest: timedelta
    runs: int

    @property
    def slow(self) -> timedelta:
        """From what time on a run is slow."""
        return max(self.longest * _FACTOR, self.longest + _AT_LEAST)


@dataclass(frozen=True)
class _About:
    """What a run's definition says of notices, and in which zone its people live."""

    workflow: Workflow
    zone: tzinfo


def _about(workflow: Workflow, definition: Mapping[str, Any]) -> _About | None:
    """Return what a definition says; None: no person is to be notified of anything."""
    if not any(channels_of(workflow, event) for event in _EVENTS):
        return None
    return _About(workflow, ZoneInfo(definition["timezone"]))


class RunMonitor(Companion):
    """Looks every minute; what it finds goes to *outbox*."""

    def __init__(self, store: Store, writer: StoreWriter, clock: Clock, outbox: Outbox) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._outbox = outbox
        self._threads = ThreadPool("watching", 1)
        self._abouts = RecordedDefinitions(store, writer, self._threads, _about)
        self._usual: dict[tuple[str, int], UsualDuration | None] = {}
        self._told: set[str] = set()

    async def run(self) -> None:
        """Look every minute, until cancelled."""
        with self._threads:
            while True:
                # The ledger meets and reports the same trouble; the next check comes in a minute.
                with suppress(StoreTrouble):
                    await self.look()
                await sleep(self._clock, LOOK)

    async def look(self) -> None:
        """Check one time.

        Raises:
            StoreTrouble: the store refuses; another check repeats no notification.
        """
        unfinished = await self._writer.call(partial(self._store.runs, statuses=UNFINISHED))
        abouts = [(run, await self._abouts.of(run.definition)) for run in unfinished]
        runs = [(run, about) for run, about in abouts if about is not None]
        changes = await self._writer.call(self._store.last_changes, [run.id for run, _ in runs])
        now = self._clock.now()
        notices: list[NewNotification] = []
        for run, about in runs:
            changed_at = changes.get(run.id, run.requested_at)
            notices += await self._look_at(run, about, changed_at, now)
        new = [one for one in notices if one.key not in self._told]
        await self._outbox.put(new)
        # Keys of runs that have ended need not be remembered: nobody looks at those.
        self._told = {one.key for one in notices}
        going = {(run.id, run.attempt) for run in unfinished}
        self._usual = {key: usual for key, usual in self._usual.items() if key in going}

    # --- one run ----------------------------------------------------------------------------------

    async def _look_at(
        self, run: RunRecord, about: _About, changed_at: datetime, now: datetime
    ) -> list[NewNotification]:
        usual = await self._usual_of(run)
        notices = [
            *_waiting(run, about.zone),
            *_alone(run, changed_at, now, about.zone),
            *_silent(run, changed_at, now, usual, about.zone),
            *_slow(run, now, usual, about.zone),
        ]
        return [
            notice
            for key, event, text in notices
            for notice in to_channels(
                channels_of(about.workflow, event),
                key,
                event,
                text,
                workflow=run.workflow,
                run_id=run.id,
            )
        ]

    async def _usual_of(self, run: RunRecord) -> UsualDuration | None:
        """Return what is usual for a run, None when too little is known; learned once for each."""
        key = (run.id, run.attempt)
        if key not in self._usual:
            before = await self._writer.call(
                self._store.runs_before, run.workflow, run.id, _LOOKED_AT
            )
            self._usual[key] = usual_of(before)
        return self._usual[key]


_Found = Iterator[tuple[str, str, NotificationText]]
"""Key, event and text of notices."""


def _waiting(run: RunRecord, zone: tzinfo) -> _Found:
    """Yield what a person has to reply to: each question, and each lost submission, once."""
    if is_suspended(run):
        key = f"waiting/{run.id}/{run.attempt}/{run.epoch}"
        yield key, "waiting", messages.to_resolve(run, zone)
    elif run.status is Status.WAITING and not run.held:
        for wait in run.waits:
            if wait.kind is WaitingKind.PERSON:
                key = f"waiting/{run.id}/{run.attempt}/{wait.path}"
                yield key, "waiting", messages.to_approve(run, wait.path, wait.text)


def is_suspended(run: RunRecord) -> bool:
    """Whether a submission's outcome is not known: then the whole run waits."""
    let_go = run.status is Status.WAITING and run.owner is None and not run.held
    return let_go and not any(wait.path for wait in run.waits)


def asks_a_person(run: RunRecord) -> bool:
    """Whether a step of a run waits for a person's answer."""
    return any(wait.kind is WaitingKind.PERSON for wait in run.waits)


def _alone(run: RunRecord, changed_at: datetime, now: datetime, zone: tzinfo) -> _Found:
    """Yield that nobody works on a run, for each time that it was left."""
    if run.owner is None and not is_suspended(run) and now - changed_at >= ALONE:
        key = f"stuck/{run.id}/{run.attempt}/{run.epoch}"
        yield key, "stuck", messages.left_alone(run, changed_at, zone)


def _silent(
    run: RunRecord, changed_at: datetime, now: datetime, usual: UsualDuration | None, zone: tzinfo
) -> _Found:
    """Yield that nothing happens in a run, unless it says until when, or a person is asked."""
    if run.owner is None or any(wait.kind in _QUIET for wait in run.waits):
        return
    if now - changed_at >= max(SILENT, usual.longest if usual is not None else SILENT):
        key = f"stuck/{run.id}/{run.attempt}/silent"
        yield key, "stuck", messages.silent(run, changed_at, now, zone)


def _slow(run: RunRecord, now: datetime, usual: UsualDuration | None, zone: tzinfo) -> _Found:
    """Yield that a run takes longer than usual."""
    if usual is None or run.started_at is None or now - run.started_at <= usual.slow:
        return
    yield (
        f"slow/{run.id}/{run.attempt}",
        "slow",
        messages.slow(run, now, usual.longest, usual.runs, zone),
    )


def usual_of(before: Sequence[RunRecord]) -> UsualDuration | None:
    """Return how long the newest good runs took; None when there are too few.

    *before* are finished runs, newest first. Those that had nothing to do tell nothing.
    """
    took = [
        run.ended_at - run.started_at
        for run in before
        if run.outcome in (Outcome.SUCCEEDED, Outcome.WARNING)
        and run.started_at is not None
        and run.ended_at is not None
    ][:_LEARNED]
    if len(took) < _BELIEVED:
        return None
    return UsualDuration(sorted(took)[ceil(0.9 * len(took)) - 1], len(took))
