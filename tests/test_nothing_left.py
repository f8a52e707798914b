"""Whoever opens a thread, a socket or a file closes it: fifty of each leave nothing behind."""

from __future__ import annotations

import gc
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import anyio
import pytest

from almaflow.alma import calls
from almaflow.alma.client import AlmaClient
from almaflow.alma.http import HttpTransport
from almaflow.alma.simulator import SimulatedAlma
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.alma.simulator.scenario_webhooks import Webhook
from almaflow.alma.simulator.webhooks import Webhooks
from almaflow.cli.simulator_tls import simulator_tls
from almaflow.connectors.base import list_files
from almaflow.engine.engine import Engine
from almaflow.engine.log import Log
from almaflow.scheduler.companions import Companion
from almaflow.scheduler.measures import SchedulerState
from almaflow.scheduler.metrics import Metrics
from almaflow.scheduler.monitoring import RunMonitor
from almaflow.scheduler.notifications.digest import Digest
from almaflow.scheduler.notifications.heartbeats import Pings
from almaflow.settings import Project
from almaflow.store import Store
from tests.connectors.conftest import KINDS, Remote, remote, started
from tests.harness import Stage
from tests.scheduler.served import SETTINGS, Town
from tests.scheduler.telling import Heard

__all__ = ["remote", "started"]

pytestmark = pytest.mark.slow

FIFTY = 50

# A thread that has been let go needs a moment to end (seconds).
_MOMENT = 10.0


def _files() -> list[str]:
    """Return what each open file or socket of this process is, where the system shows it."""
    folder = Path("/proc/self/fd")
    found = []
    for name in os.listdir(folder) if folder.is_dir() else ():
        try:
            found.append(os.readlink(folder / name))
        except OSError:
            # The listing's own.
            continue
    return sorted(found)


@contextmanager
def nothing_is_left() -> Iterator[None]:
    """Fail when the block leaves threads, sockets or files."""
    gc.collect()
    # What is there now is not searched for garbage again.
    gc.freeze()
    threads, files = set(threading.enumerate()), _files()
    yield
    gc.collect()
    deadline = time.monotonic() + _MOMENT
    for thread in set(threading.enumerate()) - threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    left = [thread.name for thread in set(threading.enumerate()) - threads]
    assert left == []
    while len(_files()) > len(files) and time.monotonic() < deadline:
        threading.Event().wait(0.01)
    assert len(_files()) <= len(files), set(_files()) - set(files)


def test_engines_leave_nothing(tmp_path: Path) -> None:
    stage = Stage(tmp_path, durable=True)
    stage.write("files/ids.txt", "1\n")
    workflow = """
        steps:
          - fetch_files: {folder: files, pattern: "*.txt", to: fetched}
    """
    stage.run(workflow)

    with nothing_is_left():
        for _ in range(FIFTY):
            stage.run(workflow)


def test_clients_of_alma_leave_nothing() -> None:
    alma = SimulatedAlma(lambda: datetime.now(UTC))

    async def ask(url: str, name: str) -> None:
        client = AlmaClient(name, HttpTransport(url), key=alma.add_institution(name))
        try:
            async with anyio.create_task_group() as tasks:
                for _ in range(3):
                    tasks.start_soon(client.send, calls.general())
        finally:
            client.close()

    with SimulatorServer(alma) as server:
        anyio.run(ask, server.url, "first")
        with nothing_is_left():
            for number in range(FIFTY):
                anyio.run(ask, server.url, f"client-{number}")


def test_simulators_leave_nothing_even_with_clients_that_stay_connected() -> None:
    alma = SimulatedAlma(lambda: datetime.now(UTC))
    key = alma.add_institution("main")

    async def ask(client: AlmaClient) -> None:
        await client.send(calls.general())

    with nothing_is_left():
        for _ in range(FIFTY):
            with SimulatorServer(alma) as server:
                client = AlmaClient("main", HttpTransport(server.url), key=key)
                anyio.run(ask, client)
            client.close()


def test_simulators_with_tls_and_webhooks_leave_nothing(tmp_path: Path) -> None:
    alma = SimulatedAlma(lambda: datetime.now(UTC))
    listener = Webhook(url="http://127.0.0.1:1/nobody")

    with simulator_tls(tmp_path / "ca.pem", "127.0.0.1", "") as secure, nothing_is_left():
        for _ in range(FIFTY):
            webhooks = Webhooks(lambda: alma, [listener], look=0.001)
            with SimulatorServer(alma, tls=secure.server, webhooks=webhooks) as server:
                address = ("127.0.0.1", int(server.url.rpartition(":")[2]))
                with socket.create_connection(address) as half, socket.create_connection(address):
                    half.sendall(b"\x16\x03\x01")
                    context = ssl.create_default_context(cafile=str(secure.ca_file))
                    plain = socket.create_connection(address)
                    with context.wrap_socket(plain, server_hostname="localhost"):
                        pass


def test_metrics_servers_leave_nothing() -> None:
    with nothing_is_left():
        for _ in range(FIFTY):
            metrics = Metrics(SchedulerState)
            metrics.start(0)
            assert metrics._server is not None
            with urlopen(f"http://127.0.0.1:{metrics._server.port}/metrics") as answer:
                answer.read()
            metrics.stop()


@pytest.mark.parametrize("started", KINDS, indirect=True)
def test_connections_to_file_servers_leave_nothing(remote: Remote) -> None:
    (remote.folder / "a.csv").write_text("x")
    list_files(remote.place())

    with nothing_is_left():
        for _ in range(FIFTY):
            list_files(remote.place())


def every_companion(town: Town, engine: Engine, project: Project, log: Log) -> Sequence[Companion]:
    """Return what `almaflow serve` has next to its ledger."""
    store, writer, clock = engine.store, engine.writer, town.clock
    outbox = engine.outbox
    return [
        Digest(store, writer, project.settings, clock, outbox),
        RunMonitor(store, writer, clock, outbox),
        Pings(project, store, writer, clock, log),
    ]


def test_a_service_leaves_nothing_at_an_edit_of_its_settings(tmp_path: Path) -> None:
    town = Town(tmp_path)
    town.write("night", 'schedule: [{cron: "30 2 * * *"}]\nsteps: [{notify: tick}]\n')
    threads_in_term: list[set[str]] = []

    async def edit(store: Store) -> None:
        for number in range(FIFTY):
            # A change is read once two looks, three minutes apart, found it alike.
            await anyio.sleep(600)
            text = f"channels: {{c{number}: env:NONE}}\nserve: {{to: log, digest: '10:00'}}\n"
            (tmp_path / "almaflow.yaml").write_text(SETTINGS + text, encoding="utf-8")
            threads_in_term.append({thread.name for thread in threading.enumerate()})

    town.companions = partial(every_companion, town, log=Heard())
    with nothing_is_left():
        town.serve(beside=edit, hours=9)

    assert town.said.of("info").count("almaflow.yaml has changed; using the new version.") == FIFTY
    assert len(threads_in_term[-1]) <= len(threads_in_term[3]) + 2
