"""`serve` in virtual time on the simulated Alma: a project, and services that come and go."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio

from almaflow.engine.engine import Engine
from almaflow.scheduler.companions import Companion, Parts
from almaflow.scheduler.scheduler import Scheduler
from almaflow.settings import Project
from almaflow.store import RunRecord, Store, Tick
from almaflow.virtual_time import run_virtual
from tests.harness import AtOnce, Ears, Stage
from tests.scheduler.wakeups import ClockWakeups

SETTINGS = """\
timezone: Europe/Zurich
institutions:
  main: {region: eu, api_key: "env:NO_KEY_IS_NEEDED"}
"""

# Nobody looks as often as in earnest: days pass here.
LOOK, SCAN, HEARTBEAT = timedelta(minutes=30), timedelta(minutes=3), timedelta(minutes=10)
LEASE = timedelta(hours=2)

# Monday 2026-03-02, 09:15 in Zurich.
START = datetime(2026, 3, 2, 8, 15, tzinfo=UTC)


@dataclass
class Said:
    """What services said."""

    lines: list[tuple[str, str]] = field(default_factory=list)

    def __call__(self, text: str, level: str = "info", **data: Any) -> None:
        self.lines.append((level, text))

    def of(self, level: str) -> list[str]:
        return [text for one, text in self.lines if one == level]

    def __contains__(self, part: str) -> bool:
        return any(part in text for _, text in self.lines)


class Town:
    """A project with a store in a file, in which services are started and stopped."""

    def __init__(self, folder: Path, *, settings: str = SETTINGS, **options: Any) -> None:
        options = {"start": START} | options
        self.stage = Stage(folder, settings=settings, durable=True, **options)
        self.folder = folder
        self.clock = self.stage.clock
        self.said = Said()
        self.companions: Callable[[Engine, Project], Sequence[Companion]] = lambda *_: ()
        (folder / "workflows").mkdir(exist_ok=True)

    def write(self, name: str, text: str) -> Path:
        """Write a workflow file."""
        return self.stage.write(f"workflows/{name}.yaml", text)

    @contextmanager
    def store(self) -> Iterator[Store]:
        store = self.stage.open_store(lease=LEASE)
        try:
            yield store
        finally:
            store.close()

    def service(self, store: Store) -> Scheduler:
        def engine(project: Project) -> Engine:
            made = self.stage.engine(store, Ears(), LOOK)
            # Days of service are tens of thousands of calls, and a turn of a thread for each.
            made._writer = made.outbox._writer = AtOnce(store)
            return made

        return Scheduler(
            Parts(
                engine=engine,
                project=lambda: self.stage.project,
                wakeups=lambda: ClockWakeups(self.clock),
                companions=lambda engine, project: self.companions(engine, project),
                commit_of=lambda folder: "c0ffee",
            ),
            self.clock,
            self.said,
            heartbeat=HEARTBEAT,
            scan=SCAN,
        )

    def serve(
        self,
        *,
        beside: Callable[[Store], Coroutine[Any, Any, None]] | None = None,
        **duration: float,
    ) -> None:
        """Serve for so long, then stop as SIGTERM does; *beside* is what happens meanwhile."""

        async def main() -> None:
            with self.store() as store:
                async with anyio.create_task_group() as tasks:
                    tasks.start_soon(self.service(store).run, self.stage.project)
                    if beside is not None:
                        tasks.start_soon(beside, store)
                    await anyio.sleep(timedelta(**duration).total_seconds())
                    tasks.cancel_scope.cancel()

        run_virtual(main)

    def away(self, **duration: float) -> None:
        """Let time pass while nobody serves."""
        self.stage.pass_time(**duration)

    def ticks(self, workflow: str | None = None) -> list[Tick]:
        """Return the ledger, oldest first."""
        with self.store() as store:
            return sorted(store.ticks(workflow=workflow), key=lambda tick: (tick.at, tick.entry))

    def endings(self, workflow: str | None = None) -> list[str]:
        """Return the ledger in words: `03-03 02:30 run`, in UTC, with the cause if there is one."""
        return [
            f"{tick.at:%m-%d %H:%M} {tick.ending or 'open'}"
            + (f" {tick.cause}" if tick.cause else "")
            for tick in self.ticks(workflow)
        ]

    def runs(self, workflow: str | None = None) -> list[RunRecord]:
        """Return the runs, oldest first."""
        with self.store() as store:
            return store.runs(workflow=workflow)[::-1]

    def outcomes(self, workflow: str | None = None) -> list[str]:
        return [str(run.outcome or run.status) for run in self.runs(workflow)]
