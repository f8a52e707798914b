"""`almaflow serve`: leads or stands by, keeps the ledger, works on runs, tells people.

A term is the time in which one process of the store does so with one reading of almaflow.yaml. It
ends when the process lost its lease, another one leads, or almaflow.yaml has changed; then the
next begins. Runs are given back at its end and taken up again at the beginning of the next one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import field
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import anyio

from almaflow.clock import Clock, sleep
from almaflow.engine.engine import Engine
from almaflow.engine.log import Log
from almaflow.errors import DocumentsInvalid
from almaflow.late_dataclasses import dataclass
from almaflow.scheduler.clock_jumps import ClockJumps
from almaflow.scheduler.companions import STORE_RETRY_DELAY, Companion, Parts
from almaflow.scheduler.other_folders import OtherFolders, gone_since
from almaflow.scheduler.tick_ledger import CycleResult, Ledger
from almaflow.scheduler.workflow_files import (
    Signature,
    WorkflowSnapshot,
    WorkflowWatcher,
    changed_sources,
    last_good,
)
from almaflow.settings import Project
from almaflow.store import LeaseLost, NotLeader, Process, StoreTrouble, TickEnding, WorkflowSource
from almaflow.store.locks import LEDGER, RECORDS
from almaflow.task_groups import raise_one_error
from almaflow.thread_pool import ThreadPool
from almaflow.timetable.triggers import TimetableTrigger

HEARTBEAT = timedelta(seconds=15)
"""The longest time between two looks at the clock and the ledger."""

SCAN = timedelta(seconds=2)
"""How often it is looked whether files have changed."""

MOST_SCANS = 15
"""How many scans long files may change before they are read in the middle of a change."""

STAND_BY = timedelta(seconds=1)
"""How often a process that stands by looks whether the other one still leads."""


class TermOver(Exception):
    """This term ends, and another one begins."""


_SOURCE_LOCKS = frozenset({LEDGER, RECORDS})


@dataclass
class Scheduler:
    """One `serve`; `run()` keeps running until it is cancelled."""

    parts: Parts
    clock: Clock
    log: Log
    heartbeat: timedelta = HEARTBEAT
    scan: timedelta = SCAN
    leading: bool = field(default=False, init=False)
    """Whether this process keeps the ledger now."""
    started: bool = field(default=False, init=False)
    """Whether it has led, or stood by, before."""
    cycled: float | None = field(default=None, init=False)
    """When the ledger was last checked, on the clock's `elapsed`."""

    def is_alive(self) -> bool:
        """Whether the ledger is being kept: it was checked recently."""
        if not self.leading or self.cycled is None:
            return False
        return self.clock.elapsed() - self.cycled < 4 * self.heartbeat.total_seconds()

    async def run(self, project: Project) -> None:
        """Serve until cancelled; *project* is almaflow.yaml as it was read at the start.

        Raises:
            StoreError: the store cannot be used from the start.
        """
        while True:
            engine = self.parts.engine(project)
            engine.hold = False
            try:
                async with engine.running():
                    await _Term(self, engine, project).run()
            except TermOver:
                project = self._read_project(project)
            except (LeaseLost, NotLeader) as error:
                self.log(f"{error} Starting again.", level="warning")
            except StoreTrouble as error:
                if not self.started:
                    raise
                self.log(f"{error} Trying again.", level="error")
                await sleep(self.clock, STORE_RETRY_DELAY)
            finally:
                self.leading = False

    def _read_project(self, before: Project) -> Project:
        try:
            return self.parts.project()
        except DocumentsInvalid:
            # It was valid a moment ago; its writer is not done.
            return before


class _Term:
    """One term of a service."""

    def __init__(self, service: Scheduler, engine: Engine, project: Project) -> None:
        self._service = service
        self._engine = engine
        self._project = project
        self._store, self._writer = engine.store, engine.writer
        self._clock, self._log = service.clock, service.log
        self._wakeups = service.parts.wakeups()
        self._reader = WorkflowWatcher(project)
        self._reading: WorkflowSnapshot | None = None
        self._files = ThreadPool("files", 1)
        self._others = OtherFolders(project, self._reader, self._files, self._store, self._writer)
        self._companions: Sequence[Companion] = ()
        self._let_go: list[str] = []
        self._settings_problem = ""
        self._zone = ZoneInfo(project.settings.timezone)
        # The active workflows do not change during a cycle.
        self._turn = anyio.Lock()

    async def run(self) -> None:
        """Lead, when it is this process's turn, until the term is over."""
        parts = self._service.parts
        with self._files, raise_one_error():
            if not self._service.started:
                await self._others.refuse_other_project()
            async with anyio.create_task_group() as tasks:
                if parts.works_on_standby:
                    tasks.start_soon(parts.work, self._engine)
                await self._stand_by()
                self._service.leading = self._engine.outbox.delivers_log = True
                await self._lead()

    async def _lead(self) -> None:
        self._companions = self._service.parts.companions(self._engine, self._project)
        self._engine.left = self._hear_left
        ledger = Ledger(
            self._store,
            self._writer,
            self._clock,
            self._engine.chance,
            self._engine.process_id,
            self._project,
            self._service.parts.commit_of,
        )
        with closing(ledger):
            before = await self._files.run(self._reader.signature)
            await self._read(ledger)
            signature = await self._seen_since(before)
            try:
                with raise_one_error():
                    async with anyio.create_task_group() as tasks:
                        for companion in self._companions:
                            tasks.start_soon(companion.run)
                        tasks.start_soon(self._keep_ledger, ledger)
                        tasks.start_soon(self._keep_files, ledger, signature)
                        if not self._service.parts.works_on_standby:
                            tasks.start_soon(self._service.parts.work, self._engine)
            finally:
                self._wakeups.stop()

    # --- who leads --------------------------------------------------------------------------------

    async def _stand_by(self) -> None:
        """Return once this process leads."""
        reported: str | None = None
        while True:
            other = await self._writer.call(self._store.lead, self._engine.process_id)
            self._service.started = True
            if other is None:
                break
            if reported != other.id:
                reported = other.id
                self._log(_stands_by(other, self._store.address), leading=False)
            if news := await self._others.compare(self._clock.elapsed()):
                self._log(news, level="warning" if self._others.differ else "info")
            await sleep(self._clock, STAND_BY)
        self._log(
            f"This process runs the timetables. The store is {self._store.address}."
            if reported is None
            else "The other `serve` is gone; this one leads now.",
            leading=True,
        )

    def _hear_left(self, run_id: str) -> None:
        self._let_go.append(run_id)
        self._wakeups.wake()

    # --- the ledger -------------------------------------------------------------------------------

    async def _keep_ledger(self, ledger: Ledger) -> None:
        refused = ""
        watch = ClockJumps(self._clock)
        while True:
            if jump := watch.jump():
                self._log(jump, level="warning")
                for companion in self._companions:
                    companion.clock_set(jump)
                self._start_wakeups(ledger)
            try:
                happened = await self._cycle(ledger)
                if refused:
                    refused = ""
                    self._log("The store responds again.")
            except StoreTrouble as error:
                if str(error) != refused:
                    refused = str(error)
                    self._log(f"The ledger is waiting for the store: {error}", level="error")
                await sleep(self._clock, STORE_RETRY_DELAY)
                continue
            await self._wakeups.sleep(self._next_look(happened))

    async def _cycle(self, ledger: Ledger) -> CycleResult:
        while self._let_go:
            record = await self._writer.call(self._store.run, self._let_go[0])
            for companion in self._companions:
                await companion.ended(record)
            del self._let_go[0]
        async with self._turn:
            happened = await ledger.cycle()
        self._service.cycled = self._clock.elapsed()
        if happened.begun:
            self._engine.wake("new")
        assert self._reading is not None
        for companion in self._companions:
            await companion.happened(happened, self._reading)
        self._tell(happened)
        return happened

    def _tell(self, happened: CycleResult) -> None:
        for tick, record in happened.begun:
            self._log(
                f"This is the run of the tick of {self._wall(tick.at)}.",
                workflow=tick.workflow,
                run=record.id,
            )
        for tick, end in happened.ended:
            self._log(
                f"The tick of {self._wall(tick.at)} is {end.ending}. {end.reason}",
                level="warning" if end.ending is TickEnding.MISSED else "info",
                workflow=tick.workflow,
            )
        for skipped in happened.skipped:
            self._log(
                f"The tick of {self._wall(skipped.at)} is {skipped.ending}. {skipped.reason}",
                workflow=skipped.workflow,
            )

    def _wall(self, at: datetime) -> str:
        return at.astimezone(self._zone).isoformat(" ", "seconds")

    def _next_look(self, happened: CycleResult) -> datetime:
        now = self._clock.now()
        heartbeat = now + self._service.heartbeat
        if happened.next_at is None:
            return heartbeat
        return max(now, min(heartbeat, happened.next_at))

    def _start_wakeups(self, ledger: Ledger) -> None:
        triggers = {
            f"{lane.schedule.workflow}/{lane.schedule.entry}": TimetableTrigger(
                lane.entry.timetable
            )
            for lane in ledger.cursors
        }
        self._wakeups.start(triggers)

    # --- files ------------------------------------------------------------------------------------

    async def _keep_files(self, ledger: Ledger, seen: Signature) -> None:
        """Read the files again when they have changed, and have not changed between two scans.

        When they change at every scan, they are read all the same.
        """
        changed: Signature | None = None
        scans = 0
        while True:
            await sleep(self._clock, self._service.scan)
            now = await self._files.run(self._reader.signature)
            if now == seen:
                changed = None
            elif now != changed and scans < MOST_SCANS:
                changed, scans = now, scans + 1
            else:
                seen, changed, scans = now, None, 0
                self._end_term_for_settings()
                try:
                    await self._read(ledger)
                except StoreTrouble:
                    # Tried again with the next look.
                    seen = ()
                seen = seen and await self._seen_since(seen)
                self._wakeups.wake()

    async def _seen_since(self, before: Signature) -> Signature:
        """Return what reports the next change, after a reading that began with *before*.

        What is watched may be more by now. What has changed meanwhile is read again.
        """
        after = await self._files.run(self._reader.signature)
        return after if set(before) <= set(after) else before

    def _end_term_for_settings(self) -> None:
        """Raise `TermOver` when almaflow.yaml says something else, and is valid."""
        try:
            project = self._service.parts.project()
        except DocumentsInvalid as error:
            problem = str(error.problems[0])
            if problem != self._settings_problem:
                self._log(
                    "The current almaflow.yaml is invalid, so its last valid version stays "
                    f"active: {problem}",
                    level="error",
                )
                for companion in self._companions:
                    companion.settings(problem)
            self._settings_problem = problem
            return
        if self._settings_problem:
            self._settings_problem = ""
            self._log("almaflow.yaml is valid again.")
            for companion in self._companions:
                companion.settings("")
        if project.settings != self._project.settings:
            self._log("almaflow.yaml has changed; using the new version.")
            raise TermOver

    async def _read(self, ledger: Ledger) -> None:
        sources = await self._writer.call(self._store.sources)
        schedules = await self._writer.call(lambda: self._store.schedules(active=True))
        kept = last_good(self._store, self._project, schedules)
        reading = await self._files.run(self._reader.read, sources, kept)
        keep, drop = changed_sources(reading, sources, self._clock.now())
        await self._writer.call_locked(_SOURCE_LOCKS, partial(self._keep_sources, keep, drop))
        async with self._turn:
            await ledger.activate(reading.active)
        before, self._reading = self._reading, reading
        if before is None and (gone := gone_since(reading, sources, schedules)):
            self._log(gone, level="warning")
        self._tell_files(reading, before)
        self._start_wakeups(ledger)
        for companion in self._companions:
            await companion.read(reading, before)

    def _keep_sources(
        self, keep: Sequence[tuple[WorkflowSource, Mapping[str, Any] | None]], drop: Sequence[str]
    ) -> None:
        process_id = self._engine.process_id
        with self._store.batch(_SOURCE_LOCKS):
            for source, definition in keep:
                self._store.keep_source(process_id, source, definition)
            for path in drop:
                self._store.drop_source(process_id, path)

    def _tell_files(self, reading: WorkflowSnapshot, before: WorkflowSnapshot | None) -> None:
        for path, problem, is_active in reading.news(before):
            if problem:
                what = "its last valid version stays active" if is_active else "it does not run"
                self._log(f"{path} is invalid, so {what}: {problem}", level="error", file=path)
            else:
                self._log(f"{path} is valid again.", file=path)
        self._log(_summary(reading), workflows=len(reading.active))


def _summary(reading: WorkflowSnapshot) -> str:
    entries = sum(len(one.entries) for one in reading.active.values())
    workflows = len(reading.active)
    return (
        f"{workflows} workflow{'' if workflows == 1 else 's'} with {entries} schedule "
        f"entr{'y' if entries == 1 else 'ies'} {'is' if workflows == 1 else 'are'} active."
    )


def _stands_by(other: Process, address: str) -> str:
    return (
        f"Another `almaflow serve` leads on the store {address} (process {other.pid} on "
        f"{other.host}, since {other.entered_at:%Y-%m-%d %H:%M} UTC). This one is on standby "
        "and takes over when that one is gone."
    )
