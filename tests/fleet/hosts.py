"""Hosts of a fleet: real processes of `almaflow worker` and `almaflow serve`, each with a name, a
clock and a way to the database of its own.

They are forked by a server that has imported everything, so a host costs a fraction of a second.
With a `pace` below 1 everything that a fleet waits for comes so much sooner: leases, heartbeats,
the search for the dead.
"""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import os
import platform
import signal
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from almaflow import late_dataclasses, recorded_steps
from almaflow.__main__ import main
from almaflow.clock import SystemClock
from almaflow.engine import claimed_runs, engine
from almaflow.fleet import worker
from almaflow.recorded_steps import FORMAT
from almaflow.scheduler import scheduler
from almaflow.settings import find_project
from almaflow.store import Store, postgres
from almaflow.store.liveness import LEASE
from almaflow.workflow_loader import load_text
from tests.workers import WORKFLOW

# What is imported and built here, no host has to: also what commands import when they need it.
SETTINGS = """\
default_institution: main
timezone: UTC
institutions:
  main: {base_url: "https://example.org", api_key: "env:KEY", limits: {calls_per_second: 5}}
"""
TIMETABLE = (
    "schedule: [{every: 5s}, {dates: [2020-01-01]}]\noverlap: queue_all\nsteps: [{get: /}]\n"
)
for _name in (
    "almaflow.alma.http",
    "almaflow.check.given_inputs",
    "almaflow.check.schedules",
    "almaflow.cli.app",
    "almaflow.cli.commands.serve",
    "almaflow.cli.commands.worker",
    "almaflow.cli.error_handler",
    "almaflow.connectors.registry",
    "almaflow.document.tree",
    "almaflow.scheduler.auto_pause",
    "almaflow.scheduler.companions",
    "almaflow.scheduler.measures",
    "almaflow.scheduler.monitoring",
    "almaflow.scheduler.notifications.digest",
    "almaflow.scheduler.notifications.events",
    "almaflow.scheduler.notifications.heartbeats",
    "almaflow.scheduler.timers",
    "almaflow.steps.get",
    "anyio._backends._asyncio",
    "anyio.to_thread",
    "apscheduler.executors.asyncio",
    "filelock",
    "procrastinate.builtin_tasks",
    "procrastinate.worker",
    "pydantic.type_adapter",
    "requests",
    "typer._adapters",
    "tzdata",
):
    importlib.import_module(_name)
with TemporaryDirectory(prefix="almaflow-host-") as _folder:
    Path(_folder, "almaflow.yaml").write_text(SETTINGS, "utf-8")
    find_project(Path(_folder))
for _text in (WORKFLOW, TIMETABLE):
    load_text(_text, "work.yaml")
for _class in [*late_dataclasses._OPTIONS]:
    late_dataclasses.built(_class)
# A host that searched all this for garbage would get a copy of each page of it.
gc.freeze()

# How long anybody waits for the end of a process (seconds).
PATIENCE = 30.0


@dataclass(frozen=True)
class Place:
    """Where a host is: what it is called and what it sees."""

    name: str
    folder: Path
    environment: Mapping[str, str]
    command: tuple[str, ...] = ("worker",)
    clock_off: timedelta = timedelta()
    """How far its clock is ahead of the true time."""
    pace: float = 1.0
    format: int = FORMAT
    """The newest format of recorded runs that its almaflow can read."""
    network: str = ""
    """The network namespace in which it is; empty: that of the test."""


@dataclass
class Host:
    """A process at a place, which can be killed, frozen and started again."""

    place: Place
    process: BaseProcess = field(init=False)

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Start it; it must not be running."""
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["__main__", __name__])
        self.process = context.Process(target=_run, args=(self.place,), daemon=True)
        self.process.start()

    @property
    def pid(self) -> int:
        """The process id of the running process."""
        assert self.process.pid is not None
        return self.process.pid

    @property
    def has_ended(self) -> bool:
        """Whether the process has ended."""
        return self.process.exitcode is not None

    def send(self, number: int) -> None:
        """Send a signal, unless the process has ended."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def end(self, number: int = signal.SIGKILL) -> int:
        """End it by a signal; return its exit code, which is negative for a signal."""
        self.send(number)
        if number != signal.SIGKILL:
            self.send(signal.SIGCONT)
        self.process.join(PATIENCE)
        code = self.process.exitcode
        assert code is not None, f"{self.place.name} does not end"
        return code

    def log(self) -> str:
        """Return what all its processes have written so far; empty before one has begun."""
        file = _log_file(self.place)
        return file.read_text("utf-8") if file.exists() else ""


def _log_file(place: Place) -> Path:
    return place.folder / f"{place.name}.log"


# --- in the host ----------------------------------------------------------------------------------


def _run(place: Place) -> None:
    os.environ.update(place.environment)
    os.chdir(place.folder)
    log = os.open(_log_file(place), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(log, stream)
    if place.network:
        _enter(place.network)
    platform.node = lambda: place.name
    _set_clock(place.clock_off)
    recorded_steps.FORMAT = place.format
    if place.pace != 1.0:
        _hurry(place.pace)
    words = [*place.command, *(("--name", place.name) if place.command == ("worker",) else ())]
    code = main(words)
    # A thread that waits for the database would keep the process.
    os._exit(code)


def _enter(network: str) -> None:
    """Move this process into a network namespace that `ip netns add` has made."""
    import ctypes

    with open(f"/run/netns/{network}", "rb") as file:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.setns(file.fileno(), 0) != 0:
            raise OSError(ctypes.get_errno(), f"the network {network} cannot be entered")


def _set_clock(off: timedelta) -> None:
    """Set the time of day wrong, as that of a machine is: for everything in this process."""
    true_now = SystemClock.now

    def wrong_now(self: SystemClock) -> datetime:
        return true_now(self) + off

    if off:
        SystemClock.now = wrong_now  # type: ignore[method-assign]


def _hurry(pace: float) -> None:
    """Let leases be shorter, and heartbeats and searches come sooner."""
    modules: tuple[tuple[Any, tuple[str, ...]], ...] = (
        (worker, ("HEARTBEAT", "STALLED", "SWEEP", "CLOCK", "LOOK", "AGAIN")),
        (claimed_runs, ("STORE_AGAIN",)),
        (engine, ("STORE_AGAIN",)),
        (scheduler, ("STORE_RETRY_DELAY",)),
    )
    for module, names in modules:
        for name in names:
            setattr(module, name, getattr(module, name) * pace)
    # The search for the dead costs most, and on a test's machine the processor is what is short.
    worker.SWEEP *= 4  # type: ignore[misc]
    # What is stopped in the middle of a transaction is thrown out before its lease is over.
    postgres._IDLE_IN_TRANSACTION = LEASE * pace * 0.3  # type: ignore[misc]
    defaults = Store.open.__func__.__kwdefaults__  # type: ignore[attr-defined]
    defaults["lease"] = LEASE * pace


def wait_for(what: object, patience: float = PATIENCE) -> float:
    """Return after how many seconds calling *what* gives something true."""
    assert callable(what)
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < patience, "it does not come"
        time.sleep(0.02)
    return time.monotonic() - began
