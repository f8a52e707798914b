"""`almaflow serve`: the workflows of the project on their timetables, until it is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast, get_args
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import parts
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.service_log import LogFormat, ServiceLog
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.masking import Mask
from almaflow.settings import Project, find_project
from almaflow.store import Store

if TYPE_CHECKING:
    from almaflow.service.service import Service


def serve(
    log_format: Annotated[
        str,
        typer.Option("--log-format", metavar="text|json", help="Lines of text, or of JSON."),
    ] = "text",
    metrics: Annotated[
        int | None,
        typer.Option(
            "--metrics",
            metavar="PORT",
            min=1,
            max=65535,
            help="Give Prometheus metrics on this port of this machine.",
        ),
    ] = None,
) -> None:
    """Run the workflows of the project on their timetables, until it is stopped.

    Every tick of every timetable is recorded with what became of it; `almaflow ticks` shows it.
    Files are read anew when they change; one that becomes invalid runs on as it was. A second
    `serve` on the same store stands by and takes over. Ctrl-C and SIGTERM stop it with exit code
    130; runs under way go on when it is started again.
    """
    project = parts.open_project()
    _check(project)
    log = ServiceLog(
        _format(log_format),
        Mask(project.known_secrets()),
        clock=SystemClock(),
        zone=ZoneInfo(project.settings.timezone),
    )
    with parts.open_store(project) as store:
        service = _service(project, store, log, metrics)
        try:
            run_interruptible(lambda: service.run(project))
        except Interrupted:
            log("Stopped; runs under way go on when `almaflow serve` is started again.")
            raise typer.Exit(EXIT_INTERRUPTED) from None


def _format(text: str) -> LogFormat:
    if text not in get_args(LogFormat):
        raise RequestWrong(f"`--log-format {text}` is none; it is `text` or `json`.")
    return cast("LogFormat", text)


def _check(project: Project) -> None:
    """Raise `RequestWrong` when there is nothing to serve."""
    if project.document is None:
        # Says what to write.
        project.institution(None)
    if not project.workflows.is_dir():
        raise RequestWrong(
            f"There is no folder {project.workflows}, where the workflow files would be. Make it, "
            "or name another one as `workflows` in almaflow.yaml."
        )


def _service(project: Project, store: Store, log: ServiceLog, metrics: int | None) -> Service:
    from almaflow.service.service import Parts, Service
    from almaflow.service.wakeups import SchedulerWakeups

    clock = SystemClock()
    return Service(
        Parts(
            engine=lambda now: parts.live_engine(now, store, log),
            project=lambda: find_project(project.folder),
            wakeups=lambda: SchedulerWakeups(clock),
        ),
        clock,
        log,
    )
