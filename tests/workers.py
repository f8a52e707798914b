"""Real processes that work on the runs of a project, to be killed and frozen.

They are forked by a server that has imported everything already, so a process costs milliseconds
and not a second. Each opens the store by itself and talks to Alma over HTTP.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import anyio
import anyio._backends._asyncio  # what is imported here, no process has to import
import anyio.to_thread

from almaflow.alma.http import HttpTransport
from almaflow.alma.transport import WireRequest, WireResponse
from almaflow.cli.bootstrap import live_engine
from almaflow.clock import SystemClock
from almaflow.engine.journal import RunJournal
from almaflow.runs.events import NullListener
from almaflow.settings import find_project
from almaflow.store import Store
from almaflow.store.liveness import LEASE
from almaflow.workflow_loader import load_text

# The workflow of most tests with workers. It is read here once, and not by each process.
WORKFLOW = """\
inputs: {at: {type: string}}
institution: "{{ inputs.at }}"
defaults: {poll: {first: 1s, max: 1s}}
steps:
  - id: items
    create_set:
      name: "items {{ run.id }}"
      content: ITEM
      members: ["39031000000011", "39031000000029", "39031000000037"]
      id_type: BARCODE
  - id: work
    submit_job: {job: M48, set: "{{ steps.items.set_id }}"}
  - delete_set: "{{ steps.items.set_id }}"
outputs: {status: "{{ steps.work.status }}"}
"""
MEMBERS = 3
load_text(WORKFLOW, "work.yaml")

# How long anybody waits for something that takes a moment (seconds), before giving up.
PATIENCE = 30.0


@dataclass(frozen=True)
class Work:
    """What a worker is told.

    *freeze_at* is where it stops itself by SIGSTOP, the first time it gets there: `intent`, before
    a submission is recorded; `send`, before the first byte of one leaves; `poll`, before it looks
    at the run of its job.
    """

    folder: Path
    environment: Mapping[str, str]
    watch: bool = False
    lease: timedelta = LEASE
    freeze_at: str = ""


class Worker:
    """A process that works on all runs that it can get."""

    def __init__(self, work: Work) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([__name__])
        self._process: BaseProcess = context.Process(target=_main, args=(work,), daemon=True)
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def kill(self) -> int:
        """Kill it by SIGKILL, unless it has ended; return its exit code."""
        self._process.kill()
        return self.ended()

    def freeze(self) -> None:
        """Let it stand still, wherever it is."""
        os.kill(self.pid, signal.SIGSTOP)

    def wake(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    @property
    def is_frozen(self) -> bool:
        """Whether it stands still by SIGSTOP."""
        state = Path(f"/proc/{self.pid}/stat").read_text("ascii").rpartition(")")[2].split()[0]
        return state == "T"

    def ended(self, patience: float = PATIENCE) -> int:
        """Wait for its end; return its exit code, which is negative for a signal."""
        self._process.join(patience)
        code = self._process.exitcode
        assert code is not None, "the process does not end"
        self._process.close()
        return code

    def ends_within(self, seconds: float) -> bool:
        """Whether it ends by itself in that time."""
        self._process.join(seconds)
        return self._process.exitcode is not None


def wait_for(what: object, patience: float = PATIENCE) -> None:
    """Return once calling *what* gives something true."""
    assert callable(what)
    until = time.monotonic() + patience
    while not what():
        assert time.monotonic() < until, "it does not come"
        time.sleep(0.005)


# --- in the worker --------------------------------------------------------------------------------


def _main(work: Work) -> None:
    os.environ.update(work.environment)
    os.chdir(work.folder)
    anyio.run(_work, work)


async def _work(work: Work) -> None:
    project = find_project(work.folder)
    store = Store.open(project.store_url, clock=SystemClock(), lease=work.lease)
    if work.freeze_at:
        _freeze_once(work.freeze_at, store)
    engine = live_engine(project, store, NullListener())
    engine.look = timedelta(milliseconds=100)
    async with engine.running():
        await engine.keep_working(watch=work.watch)
    store.close()


def _freeze_once(where: str, store: Store) -> None:
    frozen: list[bool] = []

    def freeze() -> None:
        if not frozen:
            frozen.append(True)
            # Not inside a transaction, which would keep everybody out of the store.
            with store._database._lock:
                os.kill(os.getpid(), signal.SIGSTOP)

    intend, exchange = RunJournal.intend, HttpTransport.exchange

    async def intend_later(*arguments: Any, **more: Any) -> Any:
        freeze()
        return await intend(*arguments, **more)

    async def exchange_later(transport: HttpTransport, request: WireRequest) -> WireResponse:
        if _WORDS[where] in request.target:
            freeze()
        return await exchange(transport, request)

    if where == "intent":
        RunJournal.intend = intend_later  # type: ignore[method-assign]
    else:
        HttpTransport.exchange = exchange_later  # type: ignore[method-assign,assignment]


# What the address of a request has in it that leaves after a process was frozen.
_WORDS = {"send": "op=run", "poll": "/instances/"}
