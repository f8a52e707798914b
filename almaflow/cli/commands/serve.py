"""`almaflow serve`: runs the project's workflows on their timetables until it is stopped."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, cast, get_args
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.render.service_log import LogFormat, ServiceLog
from almaflow.cli.shared_store import info_of, refuse_other_project, with_keys
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.redaction import Mask
from almaflow.settings import Project, find_project
from almaflow.settings.serving import PageAddress
from almaflow.store import ProcessInfo, Store
from almaflow.store.pitfalls import warnings_about

if TYPE_CHECKING:
    from almaflow.engine.engine import Engine
    from almaflow.runs.events import Listener, RunEvent
    from almaflow.scheduler.companions import Companion


LogFormatOption = Annotated[
    str, typer.Option("--log-format", metavar="text|json", help="Log lines as text or as JSON.")
]
MetricsOption = Annotated[
    int | None,
    typer.Option(
        "--metrics",
        metavar="PORT",
        min=1,
        max=65535,
        help="Offer Prometheus metrics on this port of this machine.",
    ),
]


_STOP = "Stopped. Unfinished runs continue when `almaflow serve` is started again."
_SHARED_STOP = (
    "Stopped. Workers on other hosts continue its runs; timetables need an `almaflow serve` on "
    "another host, or this one again."
)


def serve(
    log_format: LogFormatOption = "text",
    metrics: MetricsOption = None,
    no_worker: Annotated[
        bool,
        typer.Option(
            "--no-worker",
            help="Only keep the timetables; `almaflow worker` executes the runs (PostgreSQL).",
        ),
    ] = False,
) -> None:
    """Run the workflows of the project on their timetables until stopped.

    Every tick of every timetable is recorded with its result; `almaflow ticks` shows the results.
    Files are read again when they change; if a file becomes invalid, its last valid version stays
    active. A second `serve` on the same store is on standby and takes over. Ctrl-C and SIGTERM stop
    it with exit code 130; unfinished runs continue when it is started again.
    """
    project = bootstrap.open_project()
    _check(project)
    log = ServiceLog(
        log_format_named(log_format),
        Mask(project.known_secrets()),
        clock=SystemClock(),
        zone=ZoneInfo(project.settings.timezone),
    )
    queues, missing = with_keys(project)
    with bootstrap.open_store(project) as store:
        if no_worker and not store.is_shared:
            raise RequestWrong(
                f"`--no-worker` leaves the runs to `almaflow worker`, which needs a store in "
                f"PostgreSQL; {store.address} is not. Leave `--no-worker` out."
            )
        for name, error in missing.items():
            what = "are left to other hosts" if store.is_shared else "cannot continue"
            log(f"Runs at {name} {what}: {error}", level="warning")
        for warning in warnings_about(project.store_url, project.folder):
            log(warning, level="warning")
        info = info_of(project, "serve", () if no_worker or not store.is_shared else queues)
        if store.is_shared:
            refuse_other_project(store, info)
        serving = _Serving(project, store, log, info, work=not no_worker)
        port = metrics or project.settings.serving.metrics
        if port is not None:
            serving.measure(port)
        page = project.settings.serving.page_address
        if page is not None:
            serving.open_page(project, page)
        try:
            run_interruptible(lambda: serving.run(project))
        except Interrupted:
            log(_SHARED_STOP if store.is_shared else _STOP)
            raise typer.Exit(EXIT_INTERRUPTED) from None
        finally:
            if serving.close_page is not None:
                serving.close_page()
            serving.measures.stop()


def log_format_named(text: str) -> LogFormat:
    """Return the format of log lines that *text* names; Raises: RequestWrong."""
    if text not in get_args(LogFormat):
        raise RequestWrong(f"`--log-format {text}` is not valid. Use `text` or `json`.")
    return cast("LogFormat", text)


def _check(project: Project) -> None:
    """Raise `RequestWrong` when there is nothing to serve."""
    if project.document is None:
        # The error says what to write.
        project.institution(None)
    if not os.path.isdir(project.workflows):
        raise RequestWrong(
            f"The folder {project.workflows} for the workflow files does not exist. Create it, "
            "or name another one with `workflows` in almaflow.yaml."
        )


class _Ears:
    """Passes the events of an engine's runs to several listeners."""

    def __init__(self, *listeners: Listener) -> None:
        self._listeners = listeners

    def receive(self, event: RunEvent) -> None:
        for listener in self._listeners:
            listener.receive(event)


class _Serving:
    """A scheduler and the tasks that run in parallel with it."""

    def __init__(
        self, project: Project, store: Store, log: ServiceLog, info: ProcessInfo, *, work: bool
    ) -> None:
        from almaflow.scheduler.companions import Parts
        from almaflow.scheduler.measures import Measures
        from almaflow.scheduler.scheduler import Scheduler
        from almaflow.scheduler.timers import SchedulerWakeups

        self._store = store
        self._log = log
        self._info = info
        self._clock = SystemClock()
        self._engine: Engine | None = None
        self.measures = Measures()
        self.close_page: Callable[[], None] | None = None
        """Ends the web page; None: there is none."""
        self._loop: asyncio.AbstractEventLoop | None = None
        parts = Parts(
            engine=self._new_engine,
            project=lambda: find_project(project.folder),
            wakeups=lambda: SchedulerWakeups(self._clock),
            companions=self._companions,
        )
        if store.is_shared:
            parts = replace(parts, work=self._share_work(work), works_on_standby=True)
        self.service = Scheduler(parts, self._clock, log)

    def _share_work(self, work: bool) -> Callable[[Engine], Coroutine[Any, Any, None]]:
        """Return what takes runs from the queue, or only hears of them without *work*."""
        from almaflow.fleet.worker import Worker

        info = self._info
        worker = Worker(self._store.conninfo, self._clock, self._log, info.queues, name=info.name)
        return worker.work_in if work else worker.listen_in

    async def run(self, project: Project) -> None:
        """Serve until cancelled; Raises: StoreError."""
        self._loop = asyncio.get_running_loop()
        try:
            await self.service.run(project)
        finally:
            self._loop = None

    def wake(self) -> None:
        """Look at what people asked for now, instead of a moment later; from any thread."""
        if (loop := self._loop) is not None:
            # A loop that has just been closed has nothing to be woken for.
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(self._wake_engine)

    def _wake_engine(self) -> None:
        if self._engine is not None:
            for topic in ("new", "run"):
                self._engine.wake(topic)

    def measure(self, port: int) -> None:
        """Serve metrics on a port of this machine; Raises: RequestWrong."""
        # Imported here because only `--metrics-port` needs it.
        from almaflow.scheduler.measures import picture_of
        from almaflow.scheduler.metrics import Metrics

        look = picture_of(
            self._store, self._clock, lambda: self.service.leading, self._remaining_calls
        )
        self.measures = Metrics(look)
        self.measures.start(port)

    def open_page(self, project: Project, address: PageAddress) -> None:
        """Serve the web page; Raises: RequestWrong, StoreError."""
        # Imported here because it is large, and `page: false` does without.
        from almaflow.cli.page import serve_page

        self.close_page = serve_page(
            project, address, self.service, self._clock, self._log, self._remaining_calls, self.wake
        )

    def _remaining_calls(self) -> Mapping[str, int]:
        return {} if self._engine is None else self._engine.remaining_calls()

    def _new_engine(self, project: Project) -> Engine:
        self._engine = bootstrap.live_engine(project, self._store, self._log, log=self._log)
        self._engine.info = self._info
        return self._engine

    def _companions(self, engine: Engine, project: Project) -> Sequence[Companion]:
        from almaflow.scheduler.auto_pause import AutoPause
        from almaflow.scheduler.job_end_starts import JobEndStarts
        from almaflow.scheduler.measures import Measuring
        from almaflow.scheduler.monitoring import RunMonitor
        from almaflow.scheduler.notifications.digest import Digest
        from almaflow.scheduler.notifications.events import TickNotifications
        from almaflow.scheduler.notifications.heartbeats import Pings

        store, writer, clock, log = self._store, engine.writer, self._clock, self._log
        outbox = engine.outbox
        notices = TickNotifications(store, writer, project.settings, clock, outbox)
        watching = RunMonitor(store, writer, clock, outbox)
        pings = Pings(project, store, writer, clock, log, alive=self.service.is_alive)
        engine.listener = _Ears(log, pings)
        return [
            notices,
            AutoPause(engine, log, notices.paused),
            Measuring(self.measures, engine, clock),
            Digest(store, writer, project.settings, clock, outbox),
            watching,
            JobEndStarts(engine, project, clock, log),
            pings,
        ]
