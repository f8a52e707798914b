"""The machine that the processes of a schedule run on, and their deaths.

A stage of `tests/harness.py` made cheap, for thousands of schedules: the store is a copy of one in
which the runs are recorded already, and is called on the loop's own thread. Its clock can be set
and the machine suspended; Alma's clock goes on meanwhile.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel

from almaflow.alma.simulator import Fault, Reply, SimulatedAlma, parse_scenario
from almaflow.engine.engine import Engine
from almaflow.settings import Project, find_project
from almaflow.store import JournalEntry, LogEntry, RunRecord, Store
from almaflow.store.locks import EVERYTHING, Locks
from almaflow.virtual_time import VirtualClock
from tests.harness import AtOnce, Boundary, Crash, Ears, Stage, _unwrapped
from tests.sweep.scenes import LIBRARY, Scene
from tests.sweep.schedules import Death, Schedule, Shift

# Nobody asks for anything while a process works, so it need not look often.
LOOK = timedelta(hours=6)

KEY = "l8xx0123456789abcdef0123456789abcdef"

# A lease is renewed often where that tells something: when the machine is suspended.
LEASE, SHORT_LEASE = timedelta(days=1000), timedelta(hours=1)

# How often a live sleep looks at the clock; see `clock.SystemClock`, which does it more often.
_LOOK_AT_CLOCK = 300.0


class Wall:
    """The machine's clocks: they count true time, and what people and suspensions do to them."""

    def __init__(self, true: VirtualClock) -> None:
        self._true = true
        self._set = timedelta()
        self._asleep = timedelta()
        self.steady = True
        """Whether nobody touches it while a process sleeps."""

    def alma(self) -> datetime:
        """Return what Alma's clock shows."""
        return self._true.now() + self._asleep

    def now(self) -> datetime:
        return self.alma() + self._set

    def elapsed(self) -> float:
        return self._true.elapsed() + self._asleep.total_seconds()

    async def sleep_until(self, instant: datetime) -> None:
        if self.steady:
            await anyio.sleep(max(0.0, (instant - self.now()).total_seconds()))
            return
        await anyio.lowlevel.checkpoint()
        while (left := (instant - self.now()).total_seconds()) > 0:  # noqa: ASYNC110
            await anyio.sleep(min(left, _LOOK_AT_CLOCK))

    def shift(self, shift: Shift) -> None:
        by = timedelta(minutes=shift.minutes)
        if shift.kind == "set":
            self._set += by
        else:
            # Suspended or off: time passes, and nothing here moves.
            self._asleep += by


class Mortal(Boundary):
    """A boundary that counts every transaction, and at which what is dead stays dead."""

    @contextmanager
    def around(self, what: str) -> Iterator[None]:
        if self.crashed:
            # What else was under way in the process does not go on without it.
            raise Crash
        with super().around(what):
            yield

    @contextmanager
    def of_process(self, store: Store) -> Iterator[None]:
        self.crash = store.close
        database = store._database
        write = database.write

        @contextmanager
        def counted(locks: Locks = EVERYTHING) -> Iterator[Any]:
            if database._within:
                with write(locks) as connection:
                    yield connection
                return
            with self.around("commit"), write(locks) as connection:
                yield connection

        database.write = counted  # type: ignore[method-assign]
        try:
            yield
        except BaseException:
            if not self.crashed:
                raise
        finally:
            store.close()


@dataclass
class MadeSet:
    """A set that was made through the API; *members* as they were last seen."""

    name: str
    members: set[str]


@dataclass
class WholeRun:
    """What the store tells of one run."""

    record: RunRecord
    journal: list[JournalEntry]
    log: list[LogEntry]


class Prepared:
    """A scene with its runs recorded, to be played again and again."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene = scene
        self.folder = folder
        stage = Stage(folder, durable=True)
        for name, text in scene.files.items():
            stage.write(name, text)
        self.run_ids = [stage.add(scene.workflow).id for _ in range(scene.runs)]

    def copy(self, folder: Path) -> None:
        shutil.copyfile(self.folder / "almaflow.db", folder / "almaflow.db")


@dataclass
class Tally:
    """What the processes of a machine went through."""

    deaths: int = 0
    faults: int = 0
    shifts: int = 0
    processes: int = 0
    answers: int = 0
    """How often a person had to say what became of a submission."""
    retries: int = 0
    """How often a person had to retry a run that failed because Alma lost a write twice."""
    late: int = 0
    """Runs whose `finally` came to its time's end, as almaflow or Alma was away for so long."""
    counts: dict[str, int] = field(default_factory=dict)


class Machine(Stage):
    """A machine, its store and an Alma, for one schedule."""

    def __init__(self, prepared: Prepared, folder: Path, schedule: Schedule) -> None:
        # Alma is asked who it is before the first write, so it has answered once by then.
        super().__init__(folder, durable=True, connection={"environment": "production"})
        # The pattern that masks one key is compiled once, and not for each process.
        self.key = KEY
        self.prepared = prepared
        self.schedule = schedule
        self.wall = Wall(self.clock)
        self.clock = self.wall  # type: ignore[assignment]
        scenario = parse_scenario(LIBRARY | dict(prepared.scene.scenario))
        self.alma = SimulatedAlma(self.wall.alma, scenario)
        for fault in schedule.faults:
            if not prepared.scene.named:
                # Nothing tells another user's run of a job that takes no name from ours.
                fault = {key: fault[key] for key in fault if key != "another_run"}
            self.alma.add_fault(Fault.model_validate(fault))
        self._count_faults()
        self.lease = SHORT_LEASE if any(one.kind == "asleep" for one in schedule.shifts) else LEASE
        self.tally = Tally()
        self.made: dict[str, MadeSet] = {}
        prepared.copy(folder)
        self.observer = self.open_store()
        """Looks at the store from outside, all the time."""

    @cached_property
    def project(self) -> Project:
        # Nothing writes settings into its folder, so it is looked for once.
        return find_project(self.folder)

    def process(self, death: Death | None, shifts: list[Shift]) -> bool:
        """Be a process that works on all runs, until they get no further or it dies.

        Returns whether it died.
        """
        for shift in shifts:
            if shift.kind == "down" or shift.at == 0:
                self._shift(shift)
        later = [shift for shift in shifts if shift.kind != "down" and shift.at > 0]
        self.wall.steady = not later
        if death is None:
            self.boundary = Mortal()
        else:
            self.boundary = Mortal(death.what, death.at, death.after)
        store = self.open_store(lease=self.lease)
        engine = self.engine(store, Ears())

        async def main() -> bool:
            async with engine.running(), anyio.create_task_group() as tasks:
                tasks.start_soon(self._shift_later, later)
                await engine.keep_working()
                tasks.cancel_scope.cancel()
            return True

        with self.boundary.of_process(store):
            _unwrapped(main)
        self.tally.processes += 1
        self.tally.deaths += self.boundary.crashed
        self.tally.counts = dict(self.boundary.counts)
        return self.boundary.crashed

    async def _shift_later(self, shifts: list[Shift]) -> None:
        passed = 0
        for shift in shifts:
            await anyio.sleep((shift.at - passed) * 60)
            passed = shift.at
            self._shift(shift)

    def _shift(self, shift: Shift) -> None:
        self.wall.shift(shift)
        self.tally.shifts += 1

    def engine(self, store: Store, ears: Ears, look: timedelta | None = LOOK) -> Engine:
        engine = super().engine(store, ears, look)
        engine._writer = engine.outbox._writer = AtOnce(store)
        return engine

    def _handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        with self.boundary.around("request"):
            if method == "DELETE":
                self.look_at_sets()
            reply = self.alma.handle(method, target, headers, body)
            if method == "POST":
                self.look_at_sets()
            return reply

    def _count_faults(self) -> None:
        """Count the requests that something really happens to."""
        meet = self.alma.faults.meet

        def counted(*arguments: Any) -> Fault | None:
            struck = meet(*arguments)
            self.tally.faults += struck is not None
            return struck

        self.alma.faults.meet = counted  # type: ignore[method-assign,assignment]

    def look_at_sets(self) -> None:
        """Keep which sets were made through the API, and what they hold."""
        known = self.prepared.scene.sets
        for id_, alma_set in self.alma.institution("main").sets.items():
            if alma_set.created_by != "exl_api":
                continue
            name = alma_set.name.partition(" ")[0]
            # Those that Alma works out itself would only be listed for this.
            members = set(alma_set.members) if known.get(name) is not None else set()
            self.made[id_] = MadeSet(alma_set.name, members)

    def told(self) -> list[WholeRun]:
        """Return all runs as the store has them."""
        store = self.observer
        return [
            WholeRun(store.run(run_id), store.journal(run_id), store.events(run_id))
            for run_id in self.prepared.run_ids
        ]

    def end(self) -> None:
        """Let go of the store."""
        self.observer.close()
