"""A process that works on every run of a project and says when all of them wait.

Run as `python -m tests.bench.worker COUNT` in the project's folder. It prints `all wait` as soon as
COUNT runs are at a step that waits, and goes on until its standard input ends.
"""

from __future__ import annotations

import gc
import sys
from pathlib import Path

import anyio
import anyio.to_thread

from almaflow.cli.bootstrap import live_engine
from almaflow.clock import SystemClock
from almaflow.runs.events import EventKind, RunEvent
from almaflow.settings import find_project
from almaflow.store import Store


class Ears:
    """Hears which runs have come to a step that waits, or that asks Alma for its job."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._waiting: set[str] = set()

    def receive(self, event: RunEvent) -> None:
        polls = event.kind is EventKind.REQUEST and "/instances/" in event.data["request"]["path"]
        if event.kind is not EventKind.WAITING and not polls:
            return
        self._waiting.add(event.run_id)
        if len(self._waiting) == self._count:
            self._count = -1
            print("all wait", flush=True)


async def work(count: int) -> None:
    project = find_project(Path.cwd())
    store = Store.open(project.store_url, clock=SystemClock())
    engine = live_engine(project, store, Ears(count))
    async with engine.running(), anyio.create_task_group() as tasks:

        async def until_told() -> None:
            await anyio.to_thread.run_sync(sys.stdin.read)
            tasks.cancel_scope.cancel()

        tasks.start_soon(until_told)
        await engine.keep_working(watch=True)


if __name__ == "__main__":
    # As `almaflow` does: what was imported is not looked at by the collector again.
    gc.freeze()
    anyio.run(work, int(sys.argv[1]))
