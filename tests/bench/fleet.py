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

# Single starts, steps of the long run, and runs that wait.
STARTS, STEPS, WAITING = 100, 500, 2_000

PATIENCE = 1200.0


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

    def kill_one(self) -> None:
        """Kill a worker, which can say goodbye to nobody."""
        worker = self._workers.pop()
        worker.send_signal(signal.SIGKILL)
        worker.wait()

    @property
    def memories(self) -> list[float]:
        """The MiB that each worker has in memory."""
        return [memory_of(worker.pid) for worker in self._workers]

    def number(self, condition: str) -> int:
        """Return how many runs fulfil a condition of SQL."""
        with self.store.read() as tx:
            return int(tx.value(f"SELECT count(*) FROM runs WHERE {condition}"))

    def transactions(self) -> int:
        """Return how many transactions the database has seen."""
        query = "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
        with self.store.read() as tx:
            return int(tx.value(query))

    def backends(self) -> list[int]:
        """Return the server's processes that work for the database."""
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
        with self.store.read() as tx:
            return list(tx.column(query))

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

    def wait_for_all(self) -> None:
        wait_until(lambda: self.number("status != 'finished'") == 0)


def memory_of(pid: int) -> float:
    """Return the MiB that a process has in memory."""
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


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
    """What it costs to share the runs: start, step and memory."""
    with running_server() as server, fleet_on(server, folder) as fleet:
        fleet.start(1)
        yield _start(fleet)
        yield _step(fleet, _bare_task(server))
        yield from _memory(fleet)


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
    wait_until(lambda: fleet.number("status = 'waiting'") == WAITING)
    yield Figure(f"until {WAITING} runs wait", time.monotonic() - began)
    yield Amount(f"memory of a worker with {WAITING} waiting runs", fleet.memories[0], "MiB", 300)


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
