"""Many machines: workers that share the runs of one store in PostgreSQL, beside bare procrastinate.

Each worker is a process of `almaflow worker` on this machine; the server is the one of the tests,
which does not wait for the disk, for almaflow and for procrastinate alike.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from procrastinate import App, PsycopgConnector

from almaflow.cli.bootstrap import run_queue
from almaflow.clock import SystemClock
from almaflow.outcome import Status
from almaflow.plan import make_plan
from almaflow.settings import find_project
from almaflow.store import Store
from almaflow.workflow_loader import load_workflow
from tests.bench.figures import Amount, Figure, NotMeasured
from tests.bench.project import ROOT, checks
from tests.postgres import PostgresServer, running_server

KEY = "l8xx0123456789abcdef0123456789abcdef"
SETTINGS = """\
store: env:BENCH_STORE
institutions: {main: {region: eu, api_key: env:BENCH_KEY}}
"""

# Runs of ten steps for each number of workers, single starts, and steps of the long run.
RUNS, STARTS, STEPS, WAITING = 200, 100, 500, 2_000

PATIENCE = 300.0


class Fleet:
    """A project on a new database, and the workers that are started for it."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        (folder / "workflows").mkdir(exist_ok=True)
        (folder / "almaflow.yaml").write_text(SETTINGS, "utf-8")
        os.environ.update(BENCH_STORE=url, BENCH_KEY=KEY)
        self.store = Store.open(url, clock=SystemClock(), queue=run_queue(url))
        self._workers: list[subprocess.Popen[bytes]] = []

    def start(self, count: int) -> None:
        """Start workers, and wait until each of them works with the store."""
        words = [sys.executable, "-m", "almaflow", "worker"]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        with (self.folder / "workers.log").open("ab") as log:
            for _ in range(count):
                self._workers.append(
                    subprocess.Popen(
                        words, cwd=self.folder, env=environment, stdout=log, stderr=log
                    )
                )
        wait_until(lambda: len(self.store.at_work()) >= count)

    def stop(self) -> None:
        for worker in self._workers:
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        self._workers.clear()
        self.store.close()

    @property
    def memory(self) -> float:
        """The MiB that the first worker has in memory."""
        status = Path(f"/proc/{self._workers[0].pid}/status").read_text("ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1]) / 1024

    def record(self, text: str, count: int) -> list[str]:
        """Record runs of a workflow and return their ids."""
        project, now = find_project(self.folder), SystemClock().now()
        file = self.folder / "workflows/bench.yaml"
        file.write_text(text, "utf-8")
        plan = make_plan(load_workflow(file, project), project, {}, run_id="x", now=now)
        start = len(self.store.runs())
        ids = [f"{now:%Y%m%d-%H%M%S}-{number:05}" for number in range(start, start + count)]
        with self.store.batch():
            for run_id in ids:
                record = replace(plan.record(), id=run_id, key=run_id)
                self.store.add_run(plan.definition, record)
        return ids

    def unfinished(self, *statuses: Status) -> int:
        return len(self.store.runs(statuses=statuses))

    def wait_for_all(self) -> None:
        live = (Status.QUEUED, Status.RUNNING, Status.WAITING)
        wait_until(lambda: not self.unfinished(*live))


def wait_until(is_so: Callable[[], bool]) -> None:
    """Return once something is so; Raises: NotMeasured."""
    until = time.monotonic() + PATIENCE
    while not is_so():
        if time.monotonic() > until:
            raise NotMeasured("the workers took too long")
        time.sleep(0.02)


@contextmanager
def fleet_on(server: PostgresServer, folder: Path) -> Iterator[Fleet]:
    with server.new_database() as url:
        fleet = Fleet(folder, url)
        try:
            yield fleet
        finally:
            fleet.stop()


def many_machines(folder: Path, repeat: int) -> Iterator[Figure | Amount]:
    """What it costs to share the runs: start, step, memory, and what more workers bring."""
    with running_server() as server:
        with fleet_on(server, folder) as fleet:
            fleet.start(1)
            yield _start(fleet)
            yield _step(fleet, _bare_task(server))
            yield from _memory(fleet)
        for count in (1, 2, 4):
            with fleet_on(server, folder) as fleet:
                yield _shared(fleet, count)


def _start(fleet: Fleet) -> Figure:
    delays = []
    for _ in range(STARTS):
        (run_id,) = fleet.record(checks(1), 1)
        fleet.wait_for_all()
        record = fleet.store.run(run_id)
        assert record.started_at is not None
        delays.append((record.started_at - record.requested_at).total_seconds())
    slowest = sorted(delays)[STARTS * 99 // 100 - 1]
    what = f"from record to start, 99th percentile of {STARTS}"
    return Figure(what, slowest, at_most=1.0, bound="under 1 s")


def _step(fleet: Fleet, task: float) -> Figure:
    def duration(count: int) -> float:
        (run_id,) = fleet.record(checks(count), 1)
        fleet.wait_for_all()
        record = fleet.store.run(run_id)
        assert record.started_at is not None
        assert record.ended_at is not None
        return (record.ended_at - record.started_at).total_seconds()

    ours = (duration(STEPS + 50) - duration(50)) / STEPS
    beside = "procrastinate's task"
    return Figure("one more step on PostgreSQL", ours, beside, task, 1.5 * task, "at most 1.5×")


def _memory(fleet: Fleet) -> Iterator[Figure | Amount]:
    began = time.monotonic()
    fleet.record("steps: [{wait: 10h}]\n", WAITING)
    wait_until(lambda: fleet.unfinished(Status.WAITING) == WAITING)
    yield Figure(f"until {WAITING} runs wait", time.monotonic() - began)
    yield Amount(f"memory of a worker with {WAITING} waiting runs", fleet.memory, "MiB", 300)


def _shared(fleet: Fleet, count: int) -> Figure:
    fleet.record(checks(10), RUNS)
    began = time.monotonic()
    fleet.start(count)
    fleet.wait_for_all()
    each = (time.monotonic() - began) / RUNS
    what = (
        f"a run of ten steps, {count} worker{'' if count == 1 else 's'} ({1 / each:.0f} a second)"
    )
    return Figure(what, each)


def _bare_task(server: PostgresServer) -> float:
    """Return the seconds that procrastinate takes for one more task that does nothing."""

    async def measured(url: str) -> float:
        app = App(connector=PsycopgConnector(conninfo=url))

        @app.task(name="nothing")
        async def nothing() -> None:
            return None

        async with app.open_async():
            await app.schema_manager.apply_schema_async()
            await nothing.batch_defer_async(*({} for _ in range(STEPS)))
            began = time.monotonic()
            await app.run_worker_async(wait=False, install_signal_handlers=False)
            return (time.monotonic() - began) / STEPS

    with server.new_database(empty=True) as url:
        return asyncio.run(measured(url))
