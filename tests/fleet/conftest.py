"""Hosts that share the runs of one store in PostgreSQL, each with an engine and a worker.

They are tasks of one event loop in real time: procrastinate and PostgreSQL know no other.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import anyio
import pytest

from almaflow.clock import SystemClock
from almaflow.engine.engine import Engine
from almaflow.fleet import worker as worker_module
from almaflow.fleet.task_queue import TaskQueue
from almaflow.fleet.worker import Worker
from almaflow.outcome import Status
from almaflow.store import RunRecord, Store
from tests.harness import Ears, Stage
from tests.postgres import PostgresServer

# For how long a process lives here without a sign of life.
LEASE = timedelta(seconds=2)

# How long a test waits for what it expects.
PATIENCE = 20


class RealClock(SystemClock):
    """The time of day, under the name that a stage knows it by, too."""

    @property
    def true_now(self) -> Any:
        return self.now


class Fleet:
    """A store, the Alma of its runs, and the hosts that work on them."""

    def __init__(self, folder: Path, url: str, **more: Any) -> None:
        self.stage = Stage(folder, postgres=url, **more)
        self.stage.clock = RealClock()  # type: ignore[assignment]
        self.url = url

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        """Open the store as a process does."""
        store = Store.open(self.url, clock=RealClock(), lease=LEASE, queue=TaskQueue())
        try:
            yield store
        finally:
            store.close()

    @asynccontextmanager
    async def host(self, queue: str = "main", folder: Path | None = None) -> AsyncIterator[Engine]:
        """Be a host with a worker; its end is a stop in order. *folder* has its project."""
        async with self.store() as store:
            engine = self.stage.engine(store, Ears())
            if folder is not None:
                engine.project = replace(engine.project, folder=folder)
            engine.hold = False
            worker = Worker(self.url, RealClock(), engine.log, [queue])
            async with engine.running(), anyio.create_task_group() as tasks:
                tasks.start_soon(worker.work_in, engine)
                yield engine
                tasks.cancel_scope.cancel()

    def add(self, store: Store, workflow: str, **changes: Any) -> RunRecord:
        """Record a run."""
        plan = self.stage.plan(workflow)
        record = replace(plan.record(), institution="main")
        return store.add_run(plan.definition, replace(record, **changes))


async def until(store: Store, run_id: str, is_so: Callable[[RunRecord], bool]) -> RunRecord:
    """Return the run as it is when something is so of it; fail when that takes too long."""
    with anyio.fail_after(PATIENCE):
        while not is_so(record := store.run(run_id)):  # noqa: ASYNC110
            await anyio.sleep(0.02)
    return record


def is_finished(record: RunRecord) -> bool:
    """Whether a run has ended."""
    return record.status is Status.FINISHED


def waits(record: RunRecord) -> bool:
    """Whether a run waits."""
    return record.status is Status.WAITING


@pytest.fixture
def fleet(tmp_path: Path, postgres: PostgresServer) -> Iterator[Fleet]:
    """A fleet without hosts."""
    with postgres.new_database() as url:
        yield Fleet(tmp_path, url)


@pytest.fixture
def quick_rescue(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let workers find out within seconds that another one is dead."""
    monkeypatch.setattr(worker_module, "HEARTBEAT", timedelta(seconds=0.5))
    monkeypatch.setattr(worker_module, "STALLED", LEASE)
    monkeypatch.setattr(worker_module, "SWEEP", timedelta(seconds=0.5))


def play(story: Callable[[], Awaitable[None]]) -> None:
    """Run the story of a test on an event loop of asyncio's, as procrastinate demands it."""
    anyio.run(story, backend="asyncio")
