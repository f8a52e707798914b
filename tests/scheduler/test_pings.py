"""Who is told by a ping that a run began and ended, and that the service lives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import pytest

from almaflow.connectors.errors import ConnectorRefused, TemporaryFailure
from almaflow.connectors.healthchecks import PingSignal
from almaflow.errors import RequestWrong
from almaflow.runs.events import EventKind, RunEvent
from almaflow.scheduler.notifications.heartbeats import Pings
from almaflow.settings import Project, find_project
from almaflow.store import StoreTrouble
from tests.connectors.servers import dead_mans_switch
from tests.harness import Stage
from tests.scheduler.telling import NOON, Room, run

SETTINGS = """\
institutions: {main: {region: eu, api_key: env:ALMA_KEY}}
pings: {nightly: env:NIGHTLY, alive: env:ALIVE}
"""
WORKFLOW = "name: nightly\nping: nightly\nsteps: [{wait: 1m}]\n"


class Switches:
    """Takes pings; those with *failures* fail first."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.tried = 0
        self.taken: list[tuple[str, PingSignal]] = []

    def __call__(self, name: str, address: str, signal: PingSignal) -> None:
        self.tried += 1
        if self.failures:
            raise self.failures.pop(0)
        self.taken.append((name, signal))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    return project_of(tmp_path, monkeypatch)


def project_of(folder: Path, monkeypatch: pytest.MonkeyPatch, serve: str = "") -> Project:
    (folder / "almaflow.yaml").write_text(SETTINGS + serve)
    monkeypatch.setenv("NIGHTLY", "https://ping.example.org/secret-5b1f")
    monkeypatch.setenv("ALIVE", "https://ping.example.org/secret-77aa")
    return find_project(folder)


def pings_in(room: Room, project: Project, send: Any, **more: Any) -> Pings:
    return Pings(project, room.store, room.writer, room.clock, room.log, send=send, **more)


def event(status: str, run_id: str = run().id, **data: Any) -> RunEvent:
    return RunEvent(NOON, run_id, EventKind.RUN, "", "", {"status": status, **data})


def add(room: Room, number: int = 1, text: str = WORKFLOW, **fields: Any) -> str:
    definition = {"text": text, "file": "nightly.yaml", "timezone": "UTC"}
    return room.store.add_run(definition, run(number, **{"trigger": "timetable", **fields})).id


def receive(it: Pings, *events: RunEvent) -> Callable[[], Any]:
    async def main() -> None:
        for one in events:
            it.receive(one)

    return main


@pytest.mark.parametrize(
    ("outcome", "signal"),
    [
        ("succeeded", PingSignal.SUCCESS),
        ("warning", PingSignal.SUCCESS),
        ("skipped", PingSignal.SUCCESS),
        ("failed", PingSignal.FAIL),
        ("cancelled", PingSignal.FAIL),
        ("unknown", PingSignal.FAIL),
    ],
)
def test_begin_and_end_of_a_timetable_s_run_are_told(
    project: Project, outcome: str, signal: PingSignal
) -> None:
    room, switches = Room(), Switches()
    add(room)
    it = pings_in(room, project, switches)

    events = [event("running"), event("waiting"), event("finished", outcome=outcome)]
    room.play(it.run, receive(it, *events), seconds=1)

    assert switches.taken == [("nightly", PingSignal.START), ("nightly", signal)]
    assert room.log.lines == []


def test_runs_by_hand_and_workflows_without_a_ping_are_not_told(project: Project) -> None:
    room, switches = Room(), Switches()
    ids = [
        add(room, 1, trigger="manual"),
        add(room, 2, WORKFLOW.replace("ping: nightly\n", "")),
        add(room, 3, "name: nightly\nsteps: [{sort_of: x}]"),
        "20261101-120000-aaa99",
    ]
    it = pings_in(room, project, switches)

    room.play(it.run, receive(it, *(event("running", id_) for id_ in ids)), seconds=1)

    assert switches.tried == 0
    assert room.log.lines == []


def test_what_else_happens_in_a_run_is_no_ping(project: Project) -> None:
    room, switches = Room(), Switches()
    add(room)
    it = pings_in(room, project, switches)
    step = RunEvent(NOON, run().id, EventKind.ENDED, "it", "", {"outcome": "failed"})
    held = RunEvent(NOON, run().id, EventKind.RUN, "", "Interrupted.", {})

    room.play(it.run, receive(it, step, held), seconds=1)

    assert switches.tried == 0


def test_a_ping_that_fails_is_tried_three_times_and_named_once(project: Project) -> None:
    room = Room()
    switches = Switches(*[TemporaryFailure("The ping `nightly` cannot be reached.")] * 7)
    add(room)
    it = pings_in(room, project, switches)

    async def runs() -> None:
        for _ in range(3):
            it.receive(event("running"))
            await anyio.sleep(60)

    room.play(it.run, runs, minutes=4)

    assert switches.tried == 8
    assert switches.taken == [("nightly", PingSignal.START)]
    assert room.log.lines == [
        (
            "warning",
            "The ping `nightly` cannot be reached. This is reported again only after it has "
            "worked.",
        ),
        ("info", "The ping `nightly` works again."),
    ]


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        (
            ConnectorRefused("The ping `nightly` responded with HTTP 404."),
            "responded with HTTP 404. This is",
        ),
        (RequestWrong("The variable is not set."), "The variable is not set. This is"),
        (
            KeyError("secret-5b1f"),
            "The ping `nightly` failed because of a defect (KeyError). This is",
        ),
    ],
)
def test_what_no_second_try_cures_is_said_at_once(
    project: Project, failure: Exception, said: str
) -> None:
    room, switches = Room(), Switches(failure)
    add(room)
    it = pings_in(room, project, switches)

    room.play(it.run, receive(it, event("running")), minutes=2)

    assert switches.tried == 1
    [(_, text)] = room.log.lines
    assert said in text
    assert "secret-5b1f" not in text


def test_a_ping_that_almaflow_yaml_has_not_is_named(project: Project) -> None:
    room, switches = Room(), Switches()
    add(room, text=WORKFLOW.replace("ping: nightly", "ping: nightli"))
    it = pings_in(room, project, switches)

    room.play(it.run, receive(it, event("running")), minutes=2)

    [(_, text)] = room.log.lines
    assert text.startswith("almaflow.yaml has no ping `nightli`; did you mean `nightly`?")


def test_of_what_waits_behind_a_silent_ping_the_newest_is_kept(project: Project) -> None:
    room, switches = Room(), Switches(*[TemporaryFailure("No.")] * 3)
    add(room)
    it = pings_in(room, project, switches)

    async def runs() -> None:
        it.receive(event("running"))
        await anyio.sleep(1)
        for _ in range(50):
            it.receive(event("finished", outcome="failed"))
        it.receive(event("finished", outcome="succeeded"))

    room.play(it.run, runs, minutes=2)

    assert len(switches.taken) == 10
    assert switches.taken[-1] == ("nightly", PingSignal.SUCCESS)


def test_the_service_says_every_five_minutes_that_it_lives(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, switches = Room(), Switches()
    project = project_of(tmp_path, monkeypatch, "serve: {ping: alive}")
    it = pings_in(room, project, switches, alive=lambda: room.clock.elapsed() < 700)

    room.play(it.run, minutes=30)

    assert switches.taken == [("alive", PingSignal.SUCCESS)] * 3


def test_a_store_that_refuses_costs_a_ping_and_nothing_else(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    room, switches = Room(), Switches()
    add(room)
    it = pings_in(room, project, switches)
    look, refusals = room.store.run, [StoreTrouble("The disk is full.")]

    def refuse(run_id: str) -> Any:
        if refusals:
            raise refusals.pop()
        return look(run_id)

    monkeypatch.setattr(room.store, "run", refuse)
    events = [event("running"), event("finished", outcome="succeeded")]
    room.play(it.run, receive(it, *events), seconds=1)

    assert switches.taken == [("nightly", PingSignal.SUCCESS)]
    assert room.log.lines == [("warning", "A ping was not sent: The disk is full.")]


def test_a_ping_that_hangs_holds_up_no_other(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In real time; in virtual time a thread at work holds the clock."""
    room, let_go, taken = Room(), threading.Event(), threading.Event()

    def send(name: str, address: str, signal: PingSignal) -> None:
        if name == "nightly":
            assert let_go.wait(20)
        taken.set()

    add(room)
    add(room, 2, WORKFLOW.replace("ping: nightly", "ping: alive"))
    it = pings_in(room, project, send)

    async def main() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(it.run)
            it.receive(event("running"))
            it.receive(event("running", run(2).id))
            with anyio.fail_after(20):
                await anyio.to_thread.run_sync(taken.wait)
            tasks.cancel_scope.cancel()

    anyio.run(main)

    assert not let_go.is_set()
    let_go.set()


def test_a_run_on_an_engine_calls_the_switch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALMA_KEY", "l8xx-of-alma")
    stage = Stage(tmp_path, settings=SETTINGS)
    with dead_mans_switch() as switch:
        monkeypatch.setenv("NIGHTLY", switch.address)
        room = Room()
        record = stage.add(WORKFLOW)
        definition = stage._memory.definition(record.definition)  # type: ignore[union-attr]
        room.store.add_run(definition, run(1, id=record.id, trigger="timetable"))
        it = Pings(stage.project, room.store, room.writer, room.clock, room.log)
        played = stage.resume()
        room.play(it.run, receive(it, *played.heard), seconds=1)

    assert switch.called == ["/secret-5b1f/start", "/secret-5b1f"]
