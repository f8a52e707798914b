"""A worker: takes runs of its queues from procrastinate and works on them until it is stopped.

A *term* is the time in which it is one process of the store with one connection to procrastinate.
When the database cannot be reached, or others have taken the process for dead, the term ends and
the next one begins; its runs are then those that it is offered again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from contextlib import suppress
from datetime import timedelta
from typing import Any, Final

import anyio
import psycopg
from procrastinate import App
from procrastinate.exceptions import ConnectorException

from almaflow import recorded_steps
from almaflow.clock import Clock, sleep
from almaflow.engine.engine import Engine
from almaflow.engine.log import Log
from almaflow.fleet import CONCURRENCY
from almaflow.fleet.asyncio_task import cancelled_gently
from almaflow.fleet.shared_time import ClockReports, share_time
from almaflow.fleet.task_queue import abandon, make_app, queue_name
from almaflow.fleet.wake_ups import WakeUps
from almaflow.late_dataclasses import dataclass
from almaflow.store import LeaseLost, StoreTrouble
from almaflow.task_groups import raise_one_error

HEARTBEAT: Final = timedelta(seconds=5)
"""How often a worker shows procrastinate that it lives."""

STALLED: Final = timedelta(seconds=20)
"""How long a worker may be silent until its tasks are given to others."""

SWEEP: Final = timedelta(seconds=2.5)
"""How often tasks of dead workers, and runs without a task, are searched for."""

CLOCK: Final = timedelta(seconds=10)
"""How often the clock is compared with the database's."""

LOOK: Final = timedelta(seconds=30)
"""How often a worker looks for what it was not notified of."""

AGAIN: Final = timedelta(seconds=5)
"""How long a database that cannot be reached is left alone."""


class QueueLost(StoreTrouble):
    """procrastinate cannot reach its tables; runs continue when it can again."""

    def __init__(self, error: Exception) -> None:
        # An error of procrastinate's says nothing; its cause does, in several lines.
        cause = error.__cause__ or error
        words = isinstance(cause, psycopg.Error) and cause.diag.message_primary
        reason = " ".join((words or str(cause)).split()).rstrip(".?")
        # No advice to run the command again: the worker, or `serve`, tries again automatically.
        super().__init__(f"The queue of runs cannot be reached: {reason}.")


def _report(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Report what nobody waited for, but that a task could not be ended: another worker has it."""
    if not isinstance(context.get("exception"), ConnectorException):
        loop.default_exception_handler(context)


@dataclass
class Worker:
    """Works on the runs of *queues*, which are names of institutions, and those without one.

    At most *concurrency* of them are here at a time, waiting ones included.
    """

    conninfo: str
    clock: Clock
    log: Log
    queues: Collection[str]
    concurrency: int = CONCURRENCY
    name: str = "worker"

    async def run(self, new_engine: Callable[[], Engine]) -> None:
        """Work until cancelled; then every run of this worker is given back.

        *new_engine* makes the engine of a term.

        Raises:
            StoreError: the store cannot be used from the start.
        """
        began = False
        while True:
            engine = new_engine()
            engine.hold = False
            try:
                async with engine.running():
                    began = True
                    await self.work_in(engine)
            except LeaseLost as error:
                self.log(f"{error} Starting again.", level="warning")
            except StoreTrouble as error:
                if not began:
                    raise
                self.log(f"{error} Trying again.", level="error")
                await sleep(self.clock, AGAIN)

    async def work_in(self, engine: Engine) -> None:
        """Work with a running *engine* until cancelled.

        Raises:
            QueueLost: the database cannot be reached.
        """
        await self._connected(engine, self._work)

    async def listen_in(self, engine: Engine) -> None:
        """Leave the runs to others, but see to it that they get them, until cancelled.

        Raises:
            QueueLost: the database cannot be reached.
        """
        await self._connected(engine, lambda app: anyio.sleep_forever())

    async def _connected(
        self, engine: Engine, work: Callable[[App], Coroutine[Any, Any, None]]
    ) -> None:
        engine.look = LOOK
        app = make_app(self.conninfo, engine.execute)
        try:
            async with app.open_async():
                with raise_one_error():
                    async with anyio.create_task_group() as tasks:
                        tasks.start_soon(cancelled_gently, self._sweep(app, engine))
                        tasks.start_soon(self._keep_time, engine)
                        tasks.start_soon(WakeUps(app, engine).listen)
                        await work(app)
        except (ConnectorException, psycopg.Error) as error:
            raise QueueLost(error) from error

    async def _work(self, app: App) -> None:
        asyncio.get_running_loop().set_exception_handler(_report)
        await cancelled_gently(
            app.run_worker_async(
                queues=[
                    queue_name(name, format)
                    for name in ("", *self.queues)
                    for format in range(recorded_steps.OLDEST_FORMAT, recorded_steps.FORMAT + 1)
                ],
                name=self.name,
                concurrency=self.concurrency,
                update_heartbeat_interval=HEARTBEAT.total_seconds(),
                stalled_worker_timeout=STALLED.total_seconds(),
                shutdown_graceful_timeout=0,
                delete_jobs="always",
                install_signal_handlers=False,
            )
        )
        # It ends automatically when it cannot listen any more.
        raise QueueLost(ConnectionError("the connection that listens for runs was lost"))

    async def _sweep(self, app: App, engine: Engine) -> None:
        """Remove the tasks of dead workers, and queue runs that have none."""
        manager, stalled = app.job_manager, STALLED.total_seconds()
        while True:
            with suppress(ConnectorException, StoreTrouble):
                # Not offered again: its run may have another task already, which the lock of this
                # one keeps back.
                await abandon(
                    app, list(await manager.get_stalled_jobs(seconds_since_heartbeat=stalled))
                )
                await manager.prune_stalled_workers(stalled)
                await engine.queue_orphans()
            await sleep(self.clock, SWEEP)

    async def _keep_time(self, engine: Engine) -> None:
        """Keep to the database's time, and report when the clock of this machine does not."""
        reports = ClockReports(self.log)
        while True:
            with suppress(StoreTrouble):
                reports.note(await engine.writer.call(share_time, engine.store))
            await sleep(self.clock, CLOCK)
