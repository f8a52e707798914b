"""Tells people what a term of the service sees: ticks missed and late, files, pauses, the clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import anyio

from almaflow.clock import Clock, sleep
from almaflow.engine.outbox import Outbox
from almaflow.scheduler.companions import STORE_RETRY_DELAY, Companion
from almaflow.scheduler.notifications.routing import (
    about_clock,
    about_file,
    about_pause,
    notices_for_ticks,
)
from almaflow.scheduler.tick_ledger import CycleResult
from almaflow.scheduler.workflow_files import WorkflowSnapshot
from almaflow.settings import FILE_NAME, Settings
from almaflow.store import (
    NewNotification,
    NotificationRecord,
    RunRecord,
    SchedulePause,
    Store,
    StoreTrouble,
    Tick,
    TickCause,
    TickEnd,
    TickEnding,
)
from almaflow.store.writer import StoreWriter
from almaflow.workflow import Workflow

# How far back missed ticks are still reported after a process died before it reported them.
_MADE_UP = timedelta(hours=1)
_MOST = 1000


class TickNotifications(Companion):
    """Makes notices of what happens; none is lost because the store refuses for a while."""

    def __init__(
        self, store: Store, writer: StoreWriter, settings: Settings, clock: Clock, outbox: Outbox
    ) -> None:
        self._store = store
        self._writer = writer
        self._settings = settings
        self._clock = clock
        self._outbox = outbox
        self._workflows: Mapping[str, Workflow] = {}
        self._waiting: list[NewNotification] = []
        self._news = anyio.Event()

    # --- what is heard ----------------------------------------------------------------------------

    async def happened(self, happened: CycleResult, reading: WorkflowSnapshot) -> None:
        """Report the ticks that were missed, and those that began late."""
        self._workflows = _workflows_of(reading)
        self._tell(
            notices_for_ticks(happened.ended, happened.begun, self._workflows, self._settings)
        )

    async def read(self, reading: WorkflowSnapshot, before: WorkflowSnapshot | None) -> None:
        """Report files that became invalid, or valid again."""
        self._workflows = _workflows_of(reading)
        if before is None:
            await self._make_up()
        for path, problem, is_active in reading.news(before):
            self.file(path, problem, stands=is_active)

    def file(self, path: str, problem: str, *, stands: bool = True) -> None:
        """Report a file as it is after an edit; *problem* is empty when it is valid again."""
        now = self._clock.now()
        self._tell(about_file(path, problem, self._settings, now, stands=stands))

    def settings(self, problem: str) -> None:
        """Report almaflow.yaml as it is after an edit."""
        self.file(FILE_NAME, problem)

    def paused(self, pause: SchedulePause, run: RunRecord) -> None:
        """Report that a timetable was paused automatically after *run*."""
        workflow = self._workflows.get(pause.workflow)
        self._tell(about_pause(pause, run, workflow, self._settings))

    def clock_set(self, text: str) -> None:
        """Report that the clock was set; *text* describes it."""
        self._tell(about_clock(text, self._settings, self._clock.now()))

    # --- what is reported -------------------------------------------------------------------------

    def _tell(self, notices: Iterable[NewNotification]) -> None:
        self._waiting += notices
        if self._waiting:
            self._news.set()

    async def run(self) -> None:
        """Put the notifications into the outbox, until cancelled."""
        while True:
            await self._news.wait()
            self._news = anyio.Event()
            notices, self._waiting = self._waiting, []
            try:
                await self._outbox.put(notices)
            except StoreTrouble:
                # The ledger meets and reports the same; these follow afterwards.
                self._waiting = notices + self._waiting
                self._news.set()
                await sleep(self._clock, STORE_RETRY_DELAY)

    async def _make_up(self) -> None:
        """Report missed ticks whose end was recorded right before a process died."""
        since = self._clock.now() - _MADE_UP
        ticks, notified = await self._writer.call(self._missed_and_notified, since)
        told_at: dict[str, datetime] = {}
        for notice in notified:
            if notice.event == "missed":
                newest = told_at.get(notice.workflow, notice.created_at)
                told_at[notice.workflow] = max(newest, notice.created_at)
        ended = [
            (tick, _end_of(tick))
            for tick in ticks
            if tick.ended_at is not None and tick.ended_at > told_at.get(tick.workflow, since)
        ]
        self._tell(notices_for_ticks(ended, [], self._workflows, self._settings))

    def _missed_and_notified(
        self, since: datetime
    ) -> tuple[Sequence[Tick], Sequence[NotificationRecord]]:
        ticks = self._store.ticks(endings=[TickEnding.MISSED], limit=_MOST)
        return ticks, self._store.notices(since=since)


def _workflows_of(reading: WorkflowSnapshot) -> Mapping[str, Workflow]:
    return {name: one.loaded.workflow for name, one in reading.active.items()}


def _end_of(tick: Tick) -> TickEnd:
    return TickEnd(
        tick_id=tick.id,
        ending=TickEnding.MISSED,
        cause=tick.cause or TickCause.DOWNTIME,
        reason=tick.reason,
    )
