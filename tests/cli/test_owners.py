"""What commands do about a run of another process that may be frozen."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from almaflow.cli import bootstrap, handoff
from almaflow.cli.handoff import responds
from almaflow.cli.interrupt import run_interruptible
from almaflow.outcome import Outcome
from almaflow.plan import make_plan
from almaflow.store import LEASE, RENEW, Store, new_run_id
from almaflow.virtual_time import VirtualClock
from almaflow.workflow_loader import load_workflow
from tests.cli.conftest import Almaflow, Write, environment


@pytest.fixture
def lively(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here a process without a beat is what it is."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> VirtualClock:
    clock = VirtualClock(datetime(2026, 11, 1, 8, tzinfo=UTC))
    monkeypatch.setattr(handoff, "SystemClock", lambda: clock)
    virtual = partial(run_interruptible, virtual=True)
    monkeypatch.setattr(handoff, "run_interruptible", virtual)
    return clock


@pytest.fixture
def open_store(folder: Path, clock: VirtualClock) -> Iterator[Callable[[], Store]]:
    stores: list[Store] = []

    def opened() -> Store:
        stores.append(Store.open(f"sqlite:///{folder}/store.db", clock=clock))
        return stores[-1]

    yield opened
    for store in stores:
        store.close()


@pytest.fixture
def run_id(write: Write, open_store: Callable[[], Store], clock: VirtualClock) -> str:
    """A run that is queued."""
    write("w.yaml", "steps: [{notify: hello}]\n")
    project = bootstrap.open_project()
    run_id = new_run_id(clock.now(), random.Random(0))
    loaded = load_workflow(Path("w.yaml"), project, simulated=True)
    plan = make_plan(loaded, project, {}, run_id=run_id, now=clock.now(), simulated=True)
    return open_store().add_run(plan.definition, plan.record()).id


def test_a_process_that_is_silent_for_a_lease_does_not_respond(
    run_id: str,
    open_store: Callable[[], Store],
    clock: VirtualClock,
    capsys: pytest.CaptureFixture[str],
) -> None:
    frozen, store = open_store(), open_store()
    frozen.claim_run(run_id, frozen.enter_process("shelf", 4711, "0").id)

    assert not responds(store, store.run(run_id))

    assert LEASE.total_seconds() <= clock.elapsed() <= LEASE.total_seconds() + 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("4711") == 1


def test_a_process_that_gives_a_sign_of_life_responds_and_is_not_reported(
    run_id: str,
    open_store: Callable[[], Store],
    clock: VirtualClock,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    other, store = open_store(), open_store()
    process = other.enter_process("shelf", 4711, "0")
    other.claim_run(run_id, process.id)
    looked = Store.is_silent

    def renewed_before(self: Store, process_id: str) -> bool:
        if clock.elapsed() >= RENEW.total_seconds() - 1:
            other.renew_lease(process.id)
        return looked(self, process_id)

    monkeypatch.setattr(Store, "is_silent", renewed_before)

    assert responds(store, store.run(run_id))
    assert clock.elapsed() <= RENEW.total_seconds() + 1
    assert capsys.readouterr().err == ""


def test_a_run_that_ends_meanwhile_needs_nobody(
    run_id: str, open_store: Callable[[], Store]
) -> None:
    other, store = open_store(), open_store()
    record = store.run(run_id)
    claim = other.claim_run(run_id, other.enter_process("shelf", 4711, "0").id)
    other.finish_run(claim, Outcome.CANCELLED)

    assert responds(store, record)


def stop(process: subprocess.Popen[str], store: Path) -> None:
    """Stop a process where it does not hold the lock of the database: nobody could go on then."""
    with closing(sqlite3.connect(store, timeout=0)) as database:
        while True:
            process.send_signal(signal.SIGSTOP)
            # It has stopped only when the system says so.
            os.waitpid(process.pid, os.WUNTRACED)
            try:
                database.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                process.send_signal(signal.SIGCONT)
            else:
                database.execute("ROLLBACK")
                return


@pytest.mark.slow
@pytest.mark.parametrize("command", ["resume last", "resume --all", "cancel last"])
def test_a_process_that_was_stopped_loses_its_run_to_a_command(
    almaflow: Almaflow,
    write: Write,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
) -> None:
    monkeypatch.setenv("ALMA_API_KEY", "a-key-of-the-tests")
    write(
        "almaflow.yaml",
        "default_institution: main\n"
        'institutions: {main: {region: eu, api_key: "env:ALMA_API_KEY"}}\n',
    )
    write("w.yaml", "steps: [{wait: 3s}, {notify: hello}]\n")
    typed = [sys.executable, "-m", "almaflow"]
    process = subprocess.Popen(
        [*typed, "run", "w.yaml"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    process.stdout.readline()
    stop(process, folder / ".almaflow" / "almaflow.db")

    taken = subprocess.run(
        [*typed, *command.split()], capture_output=True, text=True, env=environment(), check=False
    )
    process.send_signal(signal.SIGCONT)
    _, lost = process.communicate(timeout=60)

    assert (taken.returncode, process.returncode) == (0, 1), (taken, lost)
    assert str(process.pid) in taken.stderr
    shown = almaflow("show", "last", "--json").json
    assert shown["outcome"] == ("cancelled" if command.startswith("cancel") else "succeeded")
