"""What Prometheus is told: counters of what happened, gauges of how it stands."""

from __future__ import annotations

import socket
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from almaflow.errors import RequestWrong, StoreError
from almaflow.outcome import Outcome, Status
from almaflow.scheduler.measures import Measures, SchedulerState, picture_of
from almaflow.scheduler.metrics import Metrics, waits_for
from almaflow.store import Claim, RunRecord, Store, SubmissionKey
from almaflow.store.overview import UnfinishedRuns
from almaflow.store.schedule_records import TickEnding
from almaflow.virtual_time import VirtualClock
from almaflow.waiting import WaitingKind
from tests.waits import following, question, wait

NOON = datetime(2026, 11, 1, 12, tzinfo=UTC)


def run(**fields: Any) -> RunRecord:
    given = {"id": "a", "workflow": "nightly", "key": "a", "requested_at": NOON}
    return RunRecord(**{**given, "scheduled_at": NOON, "owner": "p1", **fields})


def read(metrics: Metrics) -> dict[tuple[str, ...], float]:
    """Return every sample, by its name and its labels' values, in the order of their names."""
    return {
        (sample.name, *(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(metrics.text())
        for sample in family.samples
    }


def test_ticks_and_runs_are_counted_by_workflow_and_end() -> None:
    metrics = Metrics(SchedulerState)

    metrics.ticks_ended("nightly", TickEnding.RUN)
    metrics.ticks_ended("nightly", TickEnding.MISSED, 3)
    metrics.run_ended(
        run(
            outcome=Outcome.FAILED,
            started_at=NOON + timedelta(seconds=4),
            ended_at=NOON + timedelta(seconds=64),
        )
    )
    metrics.run_ended(run(outcome=Outcome.CANCELLED))

    found = read(metrics)
    assert found["almaflow_ticks_total", "run", "nightly"] == 1
    assert found["almaflow_ticks_total", "missed", "nightly"] == 3
    assert found["almaflow_runs_total", "failed", "nightly"] == 1
    assert found["almaflow_runs_total", "cancelled", "nightly"] == 1
    assert found["almaflow_run_duration_seconds_sum", "nightly"] == 60
    assert found["almaflow_run_queue_seconds_sum", "nightly"] == 4
    assert found["almaflow_run_duration_seconds_count", "nightly"] == 1


def test_what_is_late_is_measured_and_a_clock_set_back_is_no_negative_time() -> None:
    metrics = Metrics(SchedulerState)

    metrics.tick_began("nightly", timedelta(milliseconds=300))
    metrics.tick_began("nightly", timedelta(seconds=-5))
    metrics.woke_up(timedelta(seconds=2))

    found = read(metrics)
    assert found["almaflow_tick_delay_seconds_sum", "nightly"] == pytest.approx(0.3)
    assert found["almaflow_tick_delay_seconds_bucket", "0.25", "nightly"] == 1
    assert found["almaflow_scheduler_lag_seconds",] == 2


def test_the_present_is_looked_at_whenever_it_is_read() -> None:
    pictures = [
        SchedulerState(),
        SchedulerState(
            leads=True,
            unfinished=[
                UnfinishedRuns(1, Status.RUNNING),
                UnfinishedRuns(2, Status.WAITING, kind=WaitingKind.JOB),
                UnfinishedRuns(3, Status.WAITING, owned=False, kind=WaitingKind.JOB),
            ],
            open_ticks=3,
            undelivered=2,
            paused=["weeding"],
            invalid=["workflows/a.yaml", "workflows/b.yaml"],
            remaining_calls={"main": 44_000},
        ),
    ]
    metrics = Metrics(lambda: pictures.pop(0))

    before, after = read(metrics), read(metrics)

    assert (before["almaflow_leader",], after["almaflow_leader",]) == (0, 1)
    assert after["almaflow_runs_unfinished", "running"] == 1
    assert after["almaflow_runs_unfinished", "queued"] == 0
    assert after["almaflow_runs_unfinished", "waiting"] == 5
    assert after["almaflow_runs_waiting", "job"] == 2
    assert after["almaflow_runs_waiting", "person"] == 3
    assert after["almaflow_open_ticks",] == 3
    assert after["almaflow_undelivered_notices",] == 2
    assert after["almaflow_paused_workflows",] == 1
    assert after["almaflow_invalid_files",] == 2
    assert after["almaflow_remaining_calls", "main"] == 44_000
    assert after["almaflow_store_up",] == 1


def test_a_store_that_cannot_be_read_is_told_and_the_counters_stay() -> None:
    def look() -> SchedulerState:
        raise StoreError("gone")

    metrics = Metrics(look)
    metrics.ticks_ended("nightly", TickEnding.RUN)

    found = read(metrics)

    assert found["almaflow_store_up",] == 0
    assert found["almaflow_ticks_total", "run", "nightly"] == 1
    assert ("almaflow_leader",) not in found


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"held": True, "waits": (following("M44", "x"),)}, "held"),
        ({"owner": None, "waits": (wait("Step x is unknown."),)}, "person"),
        ({"waits": (question("Delete?", "x"),)}, "person"),
        ({"waits": (wait("noon", "y", WaitingKind.TIME), question("Delete?", "x"))}, "person"),
        ({"id": "queued", "waits": (wait("3 jobs run", "x", WaitingKind.SLOT),)}, "place"),
        ({"id": "queued", "waits": (question("Delete?", "y"),)}, "person"),
        ({"waits": (wait("looking in Alma", "x", WaitingKind.UNCONFIRMED),)}, "lost_answer"),
        ({"waits": (following("M44", "x"),)}, "job"),
        ({"waits": (wait("Alma does not respond", "x", WaitingKind.ALMA),)}, "alma"),
        ({"waits": (wait("until 06:00", "x", WaitingKind.TIME),)}, "time"),
        ({"waits": (wait("no file yet", "x"),)}, "other"),
    ],
)
def test_what_a_run_waits_for_is_of_few_kinds(
    tmp_path: Path, fields: dict[str, Any], kind: str
) -> None:
    with closing(Store.open(f"sqlite:///{tmp_path}/a.db", clock=VirtualClock(NOON))) as store:
        owner = store.enter_process("shelf", 1, "0").id
        store.add_run({}, run(**{"owner": owner, "status": Status.WAITING} | fields))
        if fields.get("id") == "queued":
            spot = SubmissionKey("x", 1, "submit")
            store.ask_slot(Claim("queued", owner, 0), spot, "main", "M1", "17", "af-1", True)

        picture = picture_of(store, VirtualClock(NOON), lambda: True)()

    assert [waits_for(alike) for alike in picture.unfinished] == [kind]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_metrics_are_given_on_a_port_of_this_machine_only() -> None:
    metrics, other, port = Metrics(SchedulerState), Metrics(SchedulerState), free_port()

    metrics.start(port)
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
        with pytest.raises(RequestWrong, match=f"on port {port} of this machine: Address already"):
            other.start(port)
    finally:
        metrics.stop()
        metrics.stop()

    assert "almaflow_store_up 1.0" in text
    assert "process_resident_memory_bytes" in text
    other.start(port)
    other.stop()


def test_a_service_that_is_not_measured_notes_nothing() -> None:
    measures = Measures()

    measures.ticks_ended("nightly", TickEnding.RUN)
    measures.tick_began("nightly", timedelta())
    measures.woke_up(timedelta())
    measures.run_ended(run())
    measures.start(1)
    measures.stop()


@pytest.mark.parametrize(
    ("host", "status"),
    [
        *(("localhost", 200), ("LOCALHOST.:9", 200), ("127.1", 200), ("[::1]:9464", 200)),
        *(("[::ffff:127.0.0.1]", 200), ("evil.example", 421), ("[", 400), ("0.0.0.0", 421)),
        *(("evil@localhost", 400), ("localhost\r\nHost: evil.example", 400), ("", 400)),
    ],
)
def test_metrics_are_given_to_names_of_this_machine_only(host: str, status: int) -> None:
    metrics, port = Metrics(SchedulerState), free_port()

    metrics.start(port)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
            connection.sendall(f"GET /metrics HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
            answer = connection.recv(100)
    finally:
        metrics.stop()

    assert int(answer.split()[1]) == status
