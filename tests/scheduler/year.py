"""A year of timetables in virtual time: schedulers come and go, clocks are set, files change.

No engine works here: a run that a tick began ends after a while by itself, so that what is looked
at is the ledger alone. Who leads, what is laid out and what becomes a run is decided by the same
code that `serve` runs.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from almaflow.outcome import Outcome
from almaflow.scheduler.ledger_audit import verify
from almaflow.scheduler.tick_ledger import CycleResult, Ledger
from almaflow.scheduler.workflow_files import WorkflowWatcher, changed_sources, last_good
from almaflow.settings import Project, find_project
from almaflow.store import NotLeader, Store, TickEnding
from almaflow.store.writer import StoreWriter
from almaflow.timetable_entries import timetable_from_json

ALMAFLOW = """\
timezone: Europe/Zurich
institutions:
  main: {region: eu, api_key: "env:NO_KEY_IS_NEEDED"}
calendars:
  closed: {dates: [2026-08-01, 2026-12-24/2027-01-02]}
"""

ZONES = (
    *("Europe/Zurich", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe"),
    *("America/Sao_Paulo", "Asia/Tokyo", "Atlantic/Azores", "Pacific/Chatham"),
)
OVERLAPS = ("queue_one", "queue_all", "skip", "allow")
MISSED = ("latest", "all", "none")


class ManualClock:
    """A clock that stands until it is moved; *set_by* is what somebody set it wrong by."""

    def __init__(self, start: datetime) -> None:
        self.true = start
        self.set_by = timedelta()

    def now(self) -> datetime:
        return self.true + self.set_by

    def elapsed(self) -> float:
        return (self.true - datetime(2026, 1, 1, tzinfo=UTC)).total_seconds()

    async def sleep_until(self, instant: datetime) -> None:
        raise AssertionError("nobody sleeps here")


def workflow_text(number: int, chance: random.Random) -> str:
    """Return a workflow with one or two schedule entries: 1 in 10 daily, the others rarer."""
    hour, minute = chance.randrange(24), chance.randrange(60)
    zone = chance.choice(ZONES)
    rare = chance.choice(
        [
            f'cron: "{minute} {hour} * * {chance.randrange(7)}"',
            f'cron: "{minute} {hour} {chance.randrange(1, 29)} * *"',
            f'cron: "{minute} {hour} L * *"',
            f"every: {chance.choice([5, 9, 11])}d",
            f"dates: [2026-03-29T02:30, 2026-10-25T02:30, 2026-{chance.randrange(1, 13):02}-05]",
        ]
    )
    timing = f'cron: "{minute} {hour} * * *"' if number % 10 == 0 else rare
    entry = f"{timing}, timezone: {zone}, missed: {chance.choice(MISSED)}"
    if chance.random() < 0.3:
        entry += f", max_age: {chance.choice(['6h', '2d'])}"
    if chance.random() < 0.3:
        entry += ", jitter: 20m"
    if chance.random() < 0.3:
        entry += ", except: [closed]"
    entries = [f"  - {{{entry}}}"]
    if chance.random() < 0.2:
        entries.append(f'  - {{id: second, cron: "{minute} 12 1 * *"}}')
    lines = "\n".join(entries)
    overlap = chance.choice(OVERLAPS)
    return f"overlap: {overlap}\nschedule:\n{lines}\nsteps:\n  - notify: tick\n"


@dataclass
class Scheduler:
    """One `serve` as far as the ledger goes: a process of the store that may lead."""

    store: Store
    clock: ManualClock
    project: Project
    chance: random.Random
    process_id: str = ""
    ledger: Ledger | None = None

    def __post_init__(self) -> None:
        self.writer = StoreWriter(self.store)
        self.process_id = self.store.enter_process("host", 1, "1").id
        self.reader = WorkflowWatcher(self.project)

    async def cycle(self) -> CycleResult | None:
        """Do what a scheduler does when it is woken; None: it does not lead."""
        if self.store.lead(self.process_id) is not None:
            self.ledger = None
            return None
        if self.ledger is None:
            self.ledger = Ledger(
                self.store,
                self.writer,
                self.clock,
                self.chance,
                self.process_id,
                self.project,
                lambda folder: "commit",
            )
            await self.read()
        return await self.ledger.cycle()

    async def read(self) -> None:
        """Read the files anew."""
        assert self.ledger is not None
        sources = self.store.sources()
        kept = last_good(self.store, self.project, self.store.schedules(active=True))
        reading = self.reader.read(sources, kept)
        keep, drop = changed_sources(reading, sources, self.clock.now())
        for source, definition in keep:
            self.store.keep_source(self.process_id, source, definition)
        for path in drop:
            self.store.drop_source(self.process_id, path)
        await self.ledger.activate(reading.active)

    def stop(self) -> None:
        self.store.leave_process(self.process_id)


@dataclass
class Year:
    """A project with many workflows, its store, and the schedulers that work on it."""

    folder: Path
    workflows: int
    seed: int
    start: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)
    schedulers: list[Scheduler] = field(default_factory=list)
    under_way: list[tuple[datetime, str]] = field(default_factory=list)
    """When each run that goes on ends, and its id."""

    def __post_init__(self) -> None:
        self.chance = random.Random(self.seed)
        self.clock = ManualClock(self.start)
        (self.folder / "workflows").mkdir(parents=True)
        (self.folder / "almaflow.yaml").write_text(ALMAFLOW, encoding="utf-8")
        for number in range(self.workflows):
            self.write(number)
        self.store = Store.open("sqlite://", clock=self.clock)
        self.worker = self.store.enter_process("host", 2, "1").id

    def write(self, number: int) -> None:
        """Write a workflow, or write another one in its place."""
        file = self.folder / "workflows" / f"w{number:03}.yaml"
        file.write_text(workflow_text(number, self.chance), encoding="utf-8")

    def remove(self, number: int) -> None:
        (self.folder / "workflows" / f"w{number:03}.yaml").unlink(missing_ok=True)

    def break_file(self, number: int) -> None:
        """Let somebody save a file half-written."""
        file = self.folder / "workflows" / f"w{number:03}.yaml"
        file.write_text('schedule:\n  - {cron: "0 0 * *\n', encoding="utf-8")

    def serve(self) -> None:
        """Start one more scheduler."""
        project = find_project(self.folder)
        self.schedulers.append(Scheduler(self.store, self.clock, project, self.chance))

    def kill(self) -> None:
        """Stop the scheduler that was started first."""
        if self.schedulers:
            self.schedulers.pop(0).stop()

    async def files_changed(self) -> None:
        for one in self.schedulers:
            if one.ledger is not None:
                try:
                    await one.read()
                except NotLeader:
                    one.ledger = None

    async def go_on(self, until: datetime) -> None:
        """Let time pass up to *until*, true time: schedulers wake at what they know of."""
        while True:
            wakes = [until]
            for one in self.schedulers:
                happened = await one.cycle()
                if happened is None:
                    continue
                for _, record in happened.begun:
                    took = timedelta(hours=self.chance.choice([0, 0, 1, 30]))
                    self.under_way.append((self.clock.true + took, record.id))
                if happened.next_at is not None:
                    wakes.append(happened.next_at - self.clock.set_by)
            wakes += [ends for ends, _ in self.under_way]
            self._end_runs()
            if self.clock.true >= until:
                return
            self.clock.true = max(
                min(one for one in wakes if one > self.clock.true), self.clock.true
            )

    def _end_runs(self) -> None:
        over = [one for one in self.under_way if one[0] <= self.clock.true]
        self.under_way = [one for one in self.under_way if one[0] > self.clock.true]
        for _, run_id in over:
            claim = self.store.claim_run(run_id, self.worker)
            self.store.finish_run(claim, Outcome.SUCCEEDED)

    def faults(self) -> list[str]:
        """Return what is wrong with the ledger: nothing, it is to be hoped."""
        ticks = self.store.ticks()
        checked = verify(self.store.schedules(), ticks, timetable_from_json, self.clock.now())
        faults = [fault.text for fault in checked.faults]
        keys = Counter((tick.workflow, tick.entry, tick.at) for tick in ticks)
        faults += [f"{key} has {number} rows" for key, number in keys.items() if number != 1]
        runs = Counter(
            (run.workflow, run.key.split("/")[1], run.scheduled_at) for run in self.store.runs()
        )
        faults += [f"{key} ran {number} times" for key, number in runs.items() if number != 1]
        by_id = {run.id: run for run in self.store.runs()}
        for tick in ticks:
            run = by_id.get(tick.run_id or "")
            if (tick.ending is TickEnding.RUN) != (run is not None):
                faults.append(f"{tick} has ended as a run and has none, or the other way round")
            elif run is not None and run.scheduled_at != tick.at:
                faults.append(f"{tick} became the run of another tick")
        of_ticks = Counter(tick.run_id for tick in ticks if tick.run_id)
        faults += [
            f"run {one} stands for {number} ticks"
            for one, number in of_ticks.items()
            if number != 1
        ]
        return faults

    def endings(self) -> Mapping[str, int]:
        """Return how many ticks ended in each way."""
        return Counter(str(tick.ending) for tick in self.store.ticks())
