"""A whole service in virtual time: what it sees gets to a real mail server."""

from __future__ import annotations

import email
from collections.abc import Iterator, Sequence
from datetime import timedelta
from email import policy
from pathlib import Path

import anyio
import pytest

from almaflow.connectors.registry import LiveSystems
from almaflow.engine.engine import Engine
from almaflow.scheduler.auto_pause import AutoPause
from almaflow.scheduler.companions import Companion, Parts
from almaflow.scheduler.monitoring import RunMonitor
from almaflow.scheduler.notifications.events import TickNotifications
from almaflow.scheduler.scheduler import Scheduler
from almaflow.settings import Project
from almaflow.store import TickEnding
from almaflow.virtual_time import run_virtual
from tests.connectors.servers import Mails, mail_server
from tests.harness import Ears, Stage
from tests.scheduler.telling import Heard
from tests.scheduler.wakeups import ClockWakeups

SETTINGS = """\
institutions: {main: {region: eu, api_key: env:ALMA_KEY}}
channels: {office: env:OFFICE}
serve: {to: office}
"""
OFTEN = """\
name: nightly
schedule: [{id: often, every: 10m, max_age: 10m}]
notify: [{on: [recovered, stuck, waiting], to: office}]
pause_after: 2
steps: [{wait: 1m}]
"""

# A process asks the store every second what people want of it; here less will do.
LOOK = timedelta(seconds=15)


@pytest.fixture
def mails(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mails]:
    with mail_server() as server:
        address = (
            f"mailto://127.0.0.1:{server.port}?from=almaflow@example.org&to=office@example.org"
        )
        monkeypatch.setenv("OFFICE", address)
        monkeypatch.setenv("ALMA_KEY", "l8xx-of-alma")
        yield server


@pytest.fixture
def stage(tmp_path: Path, mails: Mails) -> Stage:
    stage = Stage(tmp_path, settings=SETTINGS, durable=True)
    stage.outside = LiveSystems(stage.project)
    return stage


def serve(stage: Stage, **duration: float) -> Heard:
    """Let a service with all that tells people live for a while; returns its log."""
    store, log = stage.open_store(), Heard()

    def companions(engine: Engine, project: Project) -> Sequence[Companion]:
        clock, writer = engine.clock, engine.writer
        outbox = engine.outbox
        notices = TickNotifications(store, writer, project.settings, clock, outbox)
        watching = RunMonitor(store, writer, clock, outbox)
        pausing = AutoPause(engine, log, notices.paused)
        return [notices, pausing, watching]

    service = Scheduler(
        Parts(
            engine=lambda project: stage.engine(store, Ears(), LOOK),
            project=lambda: stage.project,
            wakeups=lambda: ClockWakeups(stage.clock),
            companions=companions,
            commit_of=lambda folder: None,
        ),
        stage.clock,
        log,
        scan=timedelta(minutes=1),
    )

    async def main() -> None:
        with anyio.move_on_after(timedelta(**duration).total_seconds()):
            await service.run(stage.project)

    run_virtual(main)
    store.close()
    return log


def received(mails: Mails) -> list[tuple[str, str]]:
    """Return subject and text of every mail."""
    found = []
    for _, _, whole in mails.taken:
        message = email.message_from_string(whole, policy=policy.default)
        body = message.get_body(("plain", "html"))
        assert body is not None
        found.append((message["Subject"], body.get_content()))
    return found


def test_ticks_missed_while_nothing_ran_are_told_by_mail_in_one_text(
    stage: Stage, mails: Mails
) -> None:
    stage.write("workflows/nightly.yaml", OFTEN)

    # 08:15 to 08:18, and again from 08:58 on: that of 08:50 is not too old yet.
    serve(stage, minutes=3)
    stage.pass_time(minutes=40)
    serve(stage, minutes=1)
    serve(stage, minutes=1)

    [(subject, text)] = received(mails)
    store = stage.open_store()
    assert len(store.ticks(endings=[TickEnding.MISSED])) == 3
    store.close()
    assert subject == "almaflow: nightly did not run 3 times"
    assert "08:20 UTC, 2026-03-02 08:30 UTC, 2026-03-02 08:40 UTC." in text
    assert (
        "No `almaflow serve` was running in time, and ticks older than 10m (`max_age`) do not run."
    ) in text


def test_failures_that_pause_a_timetable_and_a_file_that_becomes_invalid_are_told(
    stage: Stage, mails: Mails
) -> None:
    stage.write("workflows/nightly.yaml", OFTEN.replace("{wait: 1m}", "{fail: no}"))
    serve(stage, minutes=20)

    stage.write("workflows/nightly.yaml", "name: nightly\nstops: []\n")
    serve(stage, minutes=1)
    serve(stage, minutes=1)

    assert [subject for subject, _ in received(mails)] == [
        "almaflow: nightly is paused",
        "almaflow: workflows/nightly.yaml is invalid",
    ]
    assert "Its last 2 runs did not end well" in received(mails)[0][1]
    assert "almaflow validate workflows/nightly.yaml" in received(mails)[1][1]


def test_a_run_that_asks_a_person_is_told_and_its_recovery_as_well(
    stage: Stage, mails: Mails
) -> None:
    stage.write("workflows/nightly.yaml", OFTEN.replace("{wait: 1m}", "{fail: no}"))
    serve(stage, minutes=8)
    stage.write("workflows/nightly.yaml", OFTEN.replace("{wait: 1m}", "{approve: Go on?}"))

    serve(stage, minutes=10)
    store = stage.open_store()
    run_id = store.find_run("last").id
    store.add_answer(run_id, "approve-1", "approve", {"approved": True}, "anna")
    store.close()
    serve(stage, minutes=1)

    waiting, recovered = received(mails)
    assert waiting[0] == "almaflow: nightly is waiting for approval (main)"
    assert f"`almaflow approve {run_id} approve-1` approves" in waiting[1]
    assert recovered[0] == "almaflow: nightly succeeded and has recovered (main)"
