"""`serve`, as it is typed: what is wrong before it begins, and a whole one until it is stopped."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
import urllib.request
from pathlib import Path

import pytest

from almaflow.cli.commands import serve, worker
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted
from almaflow.clock import SystemClock
from almaflow.outcome import Outcome
from almaflow.store import Store
from tests.cli.conftest import Almaflow, Write

PATIENCE = 30.0


def test_what_is_wrong_is_told_before_anything_begins(
    almaflow: Almaflow, write: Write, folder: Path
) -> None:
    without = almaflow("serve")
    write("almaflow.yaml", "institutions: {main: {region: eu, api_key: env:NO_SUCH_KEY}}\n")
    no_folder = almaflow("serve")
    write("workflows/a.yaml", "steps: [{notify: a}]\n")
    odd = almaflow("serve", "--log-format", "xml")

    assert (without.code, no_folder.code, odd.code) == (2, 2, 2)
    assert "There is no almaflow.yaml" in without.err
    assert f"The folder {folder / 'workflows'} for" in no_folder.err
    assert "`--log-format xml` is not valid. Use `text` or `json`." in odd.err
    assert not (folder / ".almaflow").exists()


def test_a_page_that_almaflow_yaml_names_is_not_left_out_when_its_port_is_busy(
    almaflow: Almaflow, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "l8xx-invented")
    write("workflows/a.yaml", "steps: [{notify: a}]\n")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        write(
            "almaflow.yaml",
            "institutions: {main: {region: eu, api_key: env:A_KEY}}\n"
            f"serve: {{page: 127.0.0.1:{port}}}\n",
        )
        typed = almaflow("serve")

    assert typed.code == 2
    assert f"127.0.0.1:{port}" in typed.err


class _Stopper(threading.Thread):
    """Waits until a run of a timetable has ended, reads the metrics, and stops the process."""

    def __init__(self, file: Path, port: int) -> None:
        super().__init__()
        self._file = file
        self._port = port
        self.metrics = ""

    def run(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and not self._has_run():
            time.sleep(0.1)
        address = f"http://127.0.0.1:{self._port}/metrics"
        with urllib.request.urlopen(address, timeout=5) as answer:
            self.metrics = answer.read().decode()
        os.kill(os.getpid(), signal.SIGTERM)

    def _has_run(self) -> bool:
        if not self._file.exists():
            return False
        store = Store.open(f"sqlite:///{self._file}", clock=SystemClock())
        try:
            return any(run.outcome is Outcome.SUCCEEDED for run in store.runs())
        finally:
            store.close()


def test_a_serve_runs_a_timetable_gives_metrics_and_stops_when_told(
    almaflow: Almaflow, write: Write, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_KEY", "l8xx-invented")
    write(
        "almaflow.yaml",
        """\
        institutions:
          main: {region: eu, api_key: env:A_KEY}
          other: {region: eu, api_key: env:NO_SUCH_KEY}
        default_institution: main
        serve: {page: "127.0.0.1:0"}
        """,
    )
    write("workflows/often.yaml", "schedule: [{every: 1s}]\nsteps: [{notify: tick}]\n")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    stopper = _Stopper(folder / ".almaflow" / "almaflow.db", port)

    stopper.start()
    typed = almaflow("serve", "--metrics", str(port))
    stopper.join()

    assert typed.code == EXIT_INTERRUPTED
    assert "Runs at other cannot continue: The environment variable `NO_SUCH_KEY`" in typed.out
    assert "1 workflow with 1 schedule entry is active." in typed.out
    assert "The page is at http://127.0.0.1:" in typed.out
    assert "notification to log: tick" in typed.out
    assert "Stopped. Unfinished runs continue" in typed.out
    assert "almaflow_leader 1.0" in stopper.metrics
    verified = almaflow("ticks", "--verify")
    assert verified.code == 0, verified.out


@pytest.fixture
def stopped_soon(monkeypatch: pytest.MonkeyPatch, write: Write) -> None:
    """A project whose `serve` and `worker` are stopped as soon as they begin."""

    def stop(work: object) -> None:
        raise Interrupted(signal.SIGTERM)

    for command in (serve, worker):
        monkeypatch.setattr(command, "run_interruptible", stop)
    monkeypatch.setenv("A_KEY", "l8xx-invented")
    monkeypatch.setenv("A_STORE", "sqlite:///a.db")
    write("workflows/a.yaml", "steps: [{notify: a}]\n")
    write(
        "almaflow.yaml",
        "store: env:A_STORE\nserve: {page: false}\n"
        "institutions: {main: {region: eu, api_key: env:A_KEY}}\n",
    )


@pytest.mark.usefixtures("stopped_soon")
def test_a_serve_that_is_stopped_says_who_continues_its_runs(almaflow: Almaflow) -> None:
    typed = almaflow("serve")

    assert typed.code == EXIT_INTERRUPTED
    assert "when `almaflow serve` is started again" in typed.out


@pytest.mark.quick
@pytest.mark.usefixtures("stopped_soon")
def test_who_shares_a_store_says_at_a_stop_that_others_continue_the_runs(
    almaflow: Almaflow, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_STORE", postgres_url)

    for command in ("serve", "worker"):
        typed = almaflow(command)

        assert typed.code == EXIT_INTERRUPTED
        assert "when `almaflow serve` is started again" not in typed.out
        assert "continue its runs" in typed.out
