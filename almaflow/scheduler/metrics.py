"""Metrics for Prometheus, on a port that only this machine reaches.

Counters begin with the process and count what this process did. Gauges are read from the store on
request only.
"""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator
from datetime import timedelta

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
    make_wsgi_app,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from almaflow import __version__
from almaflow.errors import RequestWrong, StoreError
from almaflow.outcome import UNFINISHED, Status
from almaflow.redaction import REDACTION
from almaflow.scheduler.local_server import LocalServer
from almaflow.scheduler.measures import Look, Measures, SchedulerState
from almaflow.store import RunRecord
from almaflow.store.overview import UnfinishedRuns
from almaflow.store.schedule_records import TickEnding
from almaflow.visible import one_line
from almaflow.waiting import WaitingKind

# Seconds.
_DURATIONS = (1, 10, 30, 60, 300, 900, 1800, 3600, 7200, 14400, 28800, 86400)
_QUEUED = (1, 5, 15, 60, 300, 900, 3600, 14400, 86400)
_LATE = (0.1, 0.25, 0.5, 1, 2, 5, 30, 300, 3600)


class Metrics(Measures):
    """What Prometheus reads of one service; *look* gives its present state."""

    def __init__(self, look: Look) -> None:
        self._registry = registry = CollectorRegistry()
        self._server: LocalServer | None = None
        ProcessCollector(registry=registry)
        registry.register(_Present(look))
        self._ticks = Counter(
            "almaflow_ticks",
            "Ticks of timetables by result: run, merged, skipped, missed.",
            ["workflow", "ending"],
            registry=registry,
        )
        self._runs = Counter(
            "almaflow_runs", "Runs that ended.", ["workflow", "outcome"], registry=registry
        )
        self._durations = Histogram(
            "almaflow_run_duration_seconds",
            "From the start of a run to its end.",
            ["workflow"],
            buckets=_DURATIONS,
            registry=registry,
        )
        self._queued = Histogram(
            "almaflow_run_queue_seconds",
            "From the recording of a run to its start.",
            ["workflow"],
            buckets=_QUEUED,
            registry=registry,
        )
        self._delays = Histogram(
            "almaflow_tick_delay_seconds",
            "From the time of a tick to the start of its run.",
            ["workflow"],
            buckets=_LATE,
            registry=registry,
        )
        self._lag = Gauge(
            "almaflow_scheduler_lag_seconds",
            "How late the scheduler was when it last checked its timetables.",
            registry=registry,
        )

    def ticks_ended(self, workflow: str, ending: TickEnding, number: int = 1) -> None:
        self._ticks.labels(_label(workflow), ending.value).inc(number)

    def tick_began(self, workflow: str, late: timedelta) -> None:
        self._delays.labels(_label(workflow)).observe(_seconds(late))

    def woke_up(self, late: timedelta) -> None:
        self._lag.set(_seconds(late))

    def run_ended(self, record: RunRecord) -> None:
        self._runs.labels(_label(record.workflow), str(record.outcome)).inc()
        if record.started_at is None:
            return
        self._queued.labels(_label(record.workflow)).observe(
            _seconds(record.started_at - record.requested_at)
        )
        if record.ended_at is not None:
            self._durations.labels(_label(record.workflow)).observe(
                _seconds(record.ended_at - record.started_at)
            )

    def text(self) -> str:
        """Return the metrics as they are given out."""
        return generate_latest(self._registry).decode()

    def start(self, port: int) -> None:
        try:
            self._server = LocalServer(port, make_wsgi_app(self._registry))
        except OSError as error:
            raise RequestWrong(
                f"The metrics cannot be offered on port {port} of this machine: "
                f"{error.strerror or error}. Choose another port with `serve: {{metrics: …}}` "
                "in almaflow.yaml."
            ) from error

    def stop(self) -> None:
        if self._server is None:
            return
        self._server.stop()
        self._server = None


def _label(name: str) -> str:
    return one_line(REDACTION.text(name))


def _seconds(length: timedelta) -> float:
    # A clock that was set back must not make a sum go down.
    return max(0.0, length.total_seconds())


# --- the present --------------------------------------------------------------------------------


def waits_for(waiting: UnfinishedRuns) -> str:
    """Return the kind of thing that waiting runs wait for.

    `held` (for `resume`), `person` (for a person's reply), `place` (for one of Alma's slots),
    `lost_answer` (what happened to a submission is searched for), `job` (one runs in Alma), `alma`
    (it does not respond, or asks for fewer calls), `time` (an instant) or `other` (such as a
    file).
    """
    if waiting.held:
        return "held"
    if not waiting.owned:
        # The process that released it could not continue without a person.
        return WaitingKind.PERSON.value
    if waiting.queued and waiting.kind is not WaitingKind.PERSON:
        return WaitingKind.SLOT.value
    return (waiting.kind or WaitingKind.OTHER).value


class _Present(Collector):
    """Gauges that are evaluated on request."""

    def __init__(self, look: Look) -> None:
        self._look = look

    def describe(self) -> Iterator[Metric]:
        # So that registering it does not look.
        yield from ()

    def collect(self) -> Iterator[Metric]:
        yield _gauge(
            "almaflow_info", "The version that is running.", {(__version__,): 1}, "version"
        )
        try:
            picture = self._look()
        except StoreError:
            yield _gauge("almaflow_store_up", "Whether the store can be read.", {(): 0})
            return
        yield _gauge("almaflow_store_up", "Whether the store can be read.", {(): 1})
        yield from _gauges_of(picture)


def _gauges_of(picture: SchedulerState) -> Iterator[Metric]:
    kinds: Tally[str] = Tally()
    statuses: Tally[Status] = Tally()
    for alike in picture.unfinished:
        statuses[alike.status] += alike.runs
        if alike.status is Status.WAITING:
            kinds[waits_for(alike)] += alike.runs
    yield _gauge(
        "almaflow_leader", "1: this process leads; 0: it is on standby.", {(): int(picture.leads)}
    )
    yield _gauge(
        "almaflow_runs_unfinished",
        "Runs that have not ended, by status.",
        {(status.value,): statuses[status] for status in UNFINISHED},
        "status",
    )
    yield _gauge(
        "almaflow_runs_waiting",
        "Waiting runs by the kind of their wait.",
        {(kind,): number for kind, number in kinds.items()},
        "reason",
    )
    yield _gauge(
        "almaflow_remaining_calls",
        "Calls left today, as Alma reports them.",
        {(name,): number for name, number in picture.remaining_calls.items()},
        "institution",
    )
    plain = {
        "almaflow_open_ticks": ("Ticks that are due and have no result yet.", picture.open_ticks),
        "almaflow_paused_workflows": ("Workflows that are paused.", len(picture.paused)),
        "almaflow_invalid_files": ("Files whose current version is invalid.", len(picture.invalid)),
        "almaflow_undelivered_notices": (
            "Notifications that wait to be sent.",
            picture.undelivered,
        ),
    }
    for name, (help_text, number) in plain.items():
        yield _gauge(name, help_text, {(): number})


def _gauge(name: str, help_text: str, values: dict[tuple[str, ...], int], *labels: str) -> Metric:
    gauge = GaugeMetricFamily(name, help_text, labels=labels)
    for key, number in values.items():
        gauge.add_metric(tuple(map(_label, key)), number)
    return gauge
