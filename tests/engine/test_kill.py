"""A real process that is really killed, against an Alma on a real socket."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from almaflow.alma.simulator import SimulatedAlma, parse_scenario
from almaflow.alma.simulator.http import SimulatorServer
from almaflow.clock import SystemClock
from almaflow.outcome import Outcome, Status
from almaflow.store import EntryState, RunRecord, Store

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL")

# How long a test waits for something that takes a moment (seconds), before it gives up.
PATIENCE = 30.0

SET = {"id": "59317390720001276", "name": "Links", "content": "PORTFOLIO", "members": 10}
WORKFLOW = f"""
steps:
  - id: work
    submit_job:
      job: M901
      set: "{SET["id"]}"
      poll: {{first: 1s, max: 1s}}
"""
KEY = "l8xx0123456789abcdef"


class Desk:
    """A project folder on a machine, and an Alma that it reaches over HTTP."""

    def __init__(self, folder: Path, alma: SimulatedAlma, url: str) -> None:
        self.folder = folder
        self.alma = alma
        (folder / "almaflow.yaml").write_text(
            f"institutions:\n  main: {{base_url: {url}, api_key: env:KEY, environment: sandbox,"
            " settle: 1s}\n"
            "store: sqlite:///almaflow.db\n",
            encoding="utf-8",
        )
        (folder / "work.yaml").write_text(WORKFLOW, encoding="utf-8")

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start `almaflow` in the folder."""
        root = Path(__file__).parents[2]
        environment = {**os.environ, "KEY": KEY, "PYTHONPATH": str(root), "NO_PROXY": "*"}
        return subprocess.Popen(
            [sys.executable, "-m", "almaflow", *arguments],
            cwd=self.folder,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str]:
        """Run `almaflow` to its end; return its exit code and what it printed."""
        process = self.start(*arguments)
        try:
            said, _ = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
        return process.returncode, said

    def killed(self, when: Callable[[], bool], *arguments: str) -> None:
        """Start `almaflow` and kill it as soon as *when* holds."""
        process = self.start(*arguments)
        until = time.monotonic() + PATIENCE
        while not when():
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < until
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()

    @property
    def record(self) -> RunRecord:
        with self._store() as store:
            return store.find_run("last")

    def state(self, effect: str) -> EntryState:
        with self._store() as store:
            entries = store.journal(store.find_run("last").id)
        return next(entry.state for entry in entries if entry.effect == effect)

    def _store(self) -> closing[Store]:
        return closing(Store.open(f"sqlite:///{self.folder / 'almaflow.db'}", clock=SystemClock()))


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    servers: list[SimulatorServer] = []

    def make(**scenario: Any) -> Desk:
        alma = SimulatedAlma(lambda: datetime.now(UTC), parse_scenario({"sets": [SET], **scenario}))
        alma.add_institution("main", environment="sandbox", key=KEY)
        server = SimulatorServer(alma).start()
        servers.append(server)
        return Desk(tmp_path, alma, server.url)

    yield make
    for server in servers:
        server.stop()


@pytest.mark.slow  # real processes in real time
def test_a_process_that_is_killed_while_it_follows_its_job_is_taken_up_again(
    make_desk: Callable[..., Desk],
) -> None:
    desk = make_desk(jobs=[{"job": "M901", "duration": "2s"}])
    desk.killed(lambda: bool(desk.alma.received("get_instance")), "run", "work.yaml")
    assert desk.record.status is not Status.FINISHED

    code, said = desk.run("resume", "last")

    assert (code, desk.record.outcome) == (0, Outcome.SUCCEEDED), said
    assert len(desk.alma.submissions()) == 1
    assert len(desk.alma.received("submit")) == 1


@pytest.mark.slow
@pytest.mark.parametrize("processed", [True, False], ids=["taken", "not taken"])
def test_what_a_process_submitted_when_it_was_killed_is_looked_for_by_the_next(
    make_desk: Callable[..., Desk], processed: bool
) -> None:
    hang = {"kind": "hang", "call": "submit", "nth": 1, "processed": processed}
    desk = make_desk(faults=[hang], jobs=[{"job": "M901", "duration": "1s"}])
    desk.killed(lambda: bool(desk.alma.received("submit")), "run", "work.yaml")
    assert desk.state("submit") is EntryState.INTENT

    code, said = desk.run("resume", "last")

    assert (code, desk.record.outcome) == (0, Outcome.SUCCEEDED), said
    assert desk.state("submit") is (EntryState.DONE if processed else EntryState.UNTAKEN)
    assert len(desk.alma.submissions()) == 1
    assert len(desk.alma.received("submit")) == (1 if processed else 2)


@pytest.mark.slow
def test_what_nobody_may_send_again_waits_for_a_person(make_desk: Callable[..., Desk]) -> None:
    hang = {"kind": "hang", "call": "submit", "processed": False}
    desk = make_desk(faults=[hang])
    desk.killed(lambda: bool(desk.alma.received("submit")), "run", "work.yaml")
    # Sent once more when it was looked for in vain, and lost again.
    desk.killed(lambda: len(desk.alma.received("submit")) == 2, "resume", "last")

    code, said = desk.run("resume", "last")

    assert code == 1, said
    assert "It is not known whether Alma at main accepted the request to submit job M901" in (
        " ".join(said.split())
    )
    assert desk.record.status is Status.WAITING
    assert desk.state("resubmit") is EntryState.LOST
    assert len(desk.alma.received("submit")) == 2


@pytest.mark.slow
def test_ctrl_c_while_a_read_hangs_leaves_at_once_and_a_resume_goes_on(
    make_desk: Callable[..., Desk],
) -> None:
    hang = {"kind": "hang", "call": "get_job", "nth": 1}
    desk = make_desk(faults=[hang], jobs=[{"job": "M901", "duration": "1s"}])
    process = desk.start("run", "work.yaml")
    until = time.monotonic() + PATIENCE
    while not desk.alma.received("get_job"):
        assert time.monotonic() < until
        time.sleep(0.01)
    pressed = time.monotonic()
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=PATIENCE)

    assert process.returncode == 130, said
    assert time.monotonic() - pressed < 10
    assert f"almaflow resume {desk.record.id}" in said
    assert desk.record.held

    code, said = desk.run("resume", "last")

    assert code == 0, said
    assert len(desk.alma.submissions()) == 1
