"""The tick ledger: materializes due ticks, decides about them, and begins runs.

One cycle does all of it, whatever woke it: ticks that have passed since the last cycle get their
rows, open ticks are decided about, and those whose turn it is become runs. All of it follows from
the store and the clock, so it does not matter who does it, or how often.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field, replace
from datetime import datetime
from pathlib import Path

from almaflow.clock import Clock
from almaflow.errors import AlmaflowError, StoreError
from almaflow.late_dataclasses import dataclass
from almaflow.outcome import UNFINISHED
from almaflow.plan import Plan, make_plan
from almaflow.scheduler.policies import (
    EntryPolicy,
    Key,
    PolicyDecision,
    apply_catch_up,
    apply_overlap,
)
from almaflow.scheduler.workflow_files import ActiveWorkflow
from almaflow.settings import Project
from almaflow.store import (
    NewSchedule,
    NewTick,
    RunRecord,
    Schedule,
    SchedulePause,
    Store,
    Tick,
    TickCause,
    TickEnd,
    TickEnding,
    new_run_id,
)
from almaflow.store.writer import StoreWriter
from almaflow.thread_pool import ThreadPool
from almaflow.timetable_entries import TimetableEntry

# Rows in one transaction, so that laying out a long downtime does not hold the store.
_TOGETHER = 1000


TRIGGER = "timetable"
"""The `trigger` of the runs of ticks."""


@dataclass
class EntryCursor:
    """An active schedule entry while it is materialized: its row, and its next tick."""

    schedule: Schedule
    entry: TimetableEntry
    upcoming: datetime | None

    @property
    def key(self) -> Key:
        return self.schedule.workflow, self.schedule.entry


@dataclass
class CycleResult:
    """What a cycle did, for the code that notifies people."""

    begun: list[tuple[Tick, RunRecord]] = field(default_factory=list)
    ended: list[tuple[Tick, TickEnd]] = field(default_factory=list)
    skipped: list[NewTick] = field(default_factory=list)
    waiting: int = 0
    """How many ticks wait for another run to end."""
    next_at: datetime | None = None
    """When the next tick is to begin, of those that are known."""


class Ledger:
    """Keeps the ledger for the process that leads.

    Everything raises: NotLeader when another process leads by now; StoreError.
    """

    def __init__(
        self,
        store: Store,
        writer: StoreWriter,
        clock: Clock,
        chance: random.Random,
        process_id: str,
        project: Project,
        commit_of: Callable[[Path], str | None],
    ) -> None:
        self._store = store
        self._writer = writer
        self._clock = clock
        self._chance = chance
        self._process_id = process_id
        self._project = project
        self._commit_of = commit_of
        self._threads = ThreadPool("commits", 1)
        self._active: Mapping[str, ActiveWorkflow] = {}
        self._cursors: dict[Key, EntryCursor] = {}
        self._rules: dict[Key, EntryPolicy] = {}

    def close(self) -> None:
        """End the thread that reads commits."""
        self._threads.close()

    @property
    def cursors(self) -> Sequence[EntryCursor]:
        """The active entries."""
        return list(self._cursors.values())

    # --- active entries ---------------------------------------------------------------------------

    async def activate(self, active: Mapping[str, ActiveWorkflow]) -> None:
        """Make these workflows active from now on.

        The earlier entries are materialized up to now first, so that no tick is lost between the
        two.
        """
        now = self._clock.now()
        rows = await self._writer.call(lambda: self._store.schedules(active=True))
        schedules = {
            (one.name, entry.key): NewSchedule(
                workflow=one.name, entry=entry.key, timing=entry.to_json()
            )
            for one in active.values()
            for entry in one.entries
        }
        stays = {
            (row.workflow, row.entry)
            for row in rows
            if (row.workflow, row.entry) in schedules
            and schedules[row.workflow, row.entry].timing == row.timing
        }
        ends = [row for row in rows if (row.workflow, row.entry) not in stays]
        pauses = await self._pauses(min((row.covered_to for row in ends), default=now))
        for row in ends:
            await self._materialize(
                row, TimetableEntry.from_json(row.workflow, row.entry, row.timing), pauses
            )
        begin = [new for key, new in schedules.items() if key not in stays]
        if begin or ends:
            await self._writer.call(
                self._store.change_schedules, self._process_id, begin, [row.id for row in ends], now
            )
        await self._load_cursors(active)

    async def _load_cursors(self, active: Mapping[str, ActiveWorkflow]) -> None:
        rows = await self._writer.call(lambda: self._store.schedules(active=True))
        entries = {(one.name, it.key): it for one in active.values() for it in one.entries}
        self._active = active
        self._cursors = {}
        for row in rows:
            entry = entries[row.workflow, row.entry]
            cursor = EntryCursor(row, entry, entry.timetable.next(row.covered_to))
            self._cursors[cursor.key] = cursor
        self._rules = {
            (one.name, entry.key): EntryPolicy(
                entry.missed, entry.max_age, one.loaded.workflow.overlap
            )
            for one in active.values()
            for entry in one.entries
        }

    # --- a cycle ----------------------------------------------------------------------------------

    async def cycle(self) -> CycleResult:
        """Materialize, decide and begin all due ticks; returns what happened."""
        happened = CycleResult()
        await self._materialize_due(happened)
        await self._decide(happened)
        upcoming = [
            cursor.upcoming for cursor in self._cursors.values() if cursor.upcoming is not None
        ]
        happened.next_at = min([*upcoming, *filter(None, [happened.next_at])], default=None)
        return happened

    async def _materialize_due(self, happened: CycleResult) -> None:
        now = self._clock.now()
        due = [
            cursor
            for cursor in self._cursors.values()
            if cursor.upcoming is not None and cursor.upcoming <= now
        ]
        if not due:
            return
        pauses = await self._pauses(min(cursor.schedule.covered_to for cursor in due))
        ticks: list[NewTick] = []
        covered: dict[int, datetime] = {}
        for cursor in due:
            for at in cursor.entry.timetable.between(cursor.schedule.covered_to, now):
                ticks.append(_new_tick(cursor.schedule, cursor.entry, at, pauses))
                covered[cursor.schedule.id] = at
                if len(ticks) >= _TOGETHER:
                    await self._add(ticks, covered, happened)
                    ticks, covered = [], {}
            covered[cursor.schedule.id] = now
            cursor.upcoming = cursor.entry.timetable.next(now)
        await self._add(ticks, covered, happened)
        for cursor in due:
            covered_to = max(now, cursor.schedule.covered_to)
            cursor.schedule = replace(cursor.schedule, covered_to=covered_to)

    async def _materialize(
        self, row: Schedule, entry: TimetableEntry, pauses: Sequence[SchedulePause]
    ) -> None:
        """Lay out one entry up to now."""
        now = self._clock.now()
        ticks: list[NewTick] = []
        for at in entry.timetable.between(row.covered_to, now):
            ticks.append(_new_tick(row, entry, at, pauses))
            if len(ticks) >= _TOGETHER:
                await self._add(ticks, {row.id: at}, None)
                ticks = []
        if ticks:
            await self._add(ticks, {row.id: max(now, row.covered_to)}, None)

    async def _add(
        self,
        ticks: Sequence[NewTick],
        covered: Mapping[int, datetime],
        happened: CycleResult | None,
    ) -> None:
        await self._writer.call(self._store.materialize, self._process_id, ticks, covered)
        if happened is not None:
            happened.skipped += [tick for tick in ticks if tick.ending is not None]

    async def _pauses(self, since: datetime) -> Sequence[SchedulePause]:
        return await self._writer.call(lambda: self._store.pauses(since=since))

    # --- decisions --------------------------------------------------------------------------------

    async def _decide(self, happened: CycleResult) -> None:
        while True:
            ticks = await self._writer.call(self._store.open_ticks, _TOGETHER * 10)
            if not ticks:
                return
            now = self._clock.now()
            decided = await self._apply_catch_up(ticks, now, happened)
            waiting = [
                tick
                if tick.ready_at
                else replace(tick, ready_at=now, caught_up=decided.accepted[tick.id])
                for tick in ticks
                if tick.ready_at or tick.id in decided.accepted
            ]
            ended = {end.tick_id for end in decided.ends}
            lined_up = await self._apply_overlap(
                [tick for tick in waiting if tick.id not in ended], happened
            )
            if decided.is_nothing and lined_up.is_nothing:
                happened.waiting = len(waiting)
                later = [tick.starts_at for tick in ticks if not tick.ready_at]
                happened.next_at = min(later, default=None)
                return

    async def _apply_catch_up(
        self, ticks: Sequence[Tick], now: datetime, happened: CycleResult
    ) -> PolicyDecision:
        active = {one.workflow: _about(one) for one in await self._pauses(now) if one.holds(now)}
        decided = apply_catch_up(ticks, self._rules, active, now)
        if decided.accepted:
            await self._writer.call(
                self._store.accept_ticks, self._process_id, dict(decided.accepted)
            )
        await self._end(ticks, decided.ends, happened)
        return decided

    async def _apply_overlap(
        self, waiting: Sequence[Tick], happened: CycleResult
    ) -> PolicyDecision:
        going = await self._going() if waiting else {}
        decided = apply_overlap(waiting, self._rules, going)
        await self._end(waiting, decided.ends, happened)
        commits: dict[Path, str | None] = {}
        for tick in decided.starting:
            await self._begin(tick, commits, happened)
        return decided

    async def _going(self) -> Mapping[str, str]:
        runs = await self._writer.call(lambda: self._store.runs(statuses=UNFINISHED))
        # Newest first: of each workflow the oldest stays.
        return {run.workflow: run.id for run in runs}

    async def _end(
        self, ticks: Sequence[Tick], ends: Sequence[TickEnd], happened: CycleResult
    ) -> None:
        if not ends:
            return
        by_id = {tick.id: tick for tick in ticks}
        for start in range(0, len(ends), _TOGETHER):
            await self._writer.call(
                self._store.end_ticks, self._process_id, ends[start : start + _TOGETHER]
            )
        happened.ended += [(by_id[end.tick_id], end) for end in ends]

    async def _begin(
        self, tick: Tick, commits: dict[Path, str | None], happened: CycleResult
    ) -> None:
        active = self._active[tick.workflow]
        folder = Path(active.definition["folder"])
        if folder not in commits:
            commits[folder] = await self._threads.run(self._commit_of, folder)
        try:
            plan = self._plan(active, tick, commits[folder])
        except StoreError:
            raise
        except AlmaflowError as error:
            why = f"almaflow could not create a run for it: {error}"
            end = TickEnd(
                tick_id=tick.id, ending=TickEnding.MISSED, cause=TickCause.INVALID, reason=why
            )
            await self._end([tick], [end], happened)
            return
        record = await self._writer.call(
            self._store.start_tick, self._process_id, tick.id, plan.definition, plan.record()
        )
        if record is not None:
            happened.begun.append((tick, record))

    def _plan(self, active: ActiveWorkflow, tick: Tick, commit: str | None) -> Plan:
        now = self._clock.now()
        entry = self._cursors[tick.workflow, tick.entry].entry
        return make_plan(
            active.loaded,
            self._project,
            entry.inputs,
            run_id=new_run_id(now, self._chance),
            now=now,
            key=entry.run_key(tick.at),
            scheduled_at=tick.at,
            trigger=TRIGGER,
            definition={**active.definition, "commit": commit},
        )


def _new_tick(
    schedule: Schedule, entry: TimetableEntry, at: datetime, pauses: Sequence[SchedulePause]
) -> NewTick:
    """Return the tick of an entry at an instant; one that is not to run has its ending already."""
    ending, cause, reason = None, None, ""
    pause = next((one for one in pauses if one.workflow == entry.workflow and one.holds(at)), None)
    if day := entry.day_off(at):
        ending, cause, reason = TickEnding.SKIPPED, TickCause.EXCEPT, f"{day}."
    elif pause is not None:
        ending, cause, reason = TickEnding.SKIPPED, TickCause.PAUSE, _about(pause)
    return NewTick(
        schedule_id=schedule.id,
        workflow=schedule.workflow,
        entry=schedule.entry,
        at=at,
        starts_at=entry.starts_at(at),
        ending=ending,
        cause=cause,
        reason=reason,
    )


def _about(pause: SchedulePause) -> str:
    """Return the sentence about a pause: who, since when, why."""
    note = f": {pause.note.rstrip('.')}" if pause.note else ""
    return f"Paused by {pause.by} since {pause.since:%Y-%m-%d %H:%M} UTC{note}."
