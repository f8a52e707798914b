"""`almaflow worker`: works on the runs of a shared store until it is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.render.service_log import ServiceLog
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.problems import did_you_mean
from almaflow.redaction import Mask
from almaflow.settings import Project

if TYPE_CHECKING:
    from almaflow.engine.engine import Engine


def worker(
    queues: Annotated[
        list[str] | None,
        typer.Option(
            "--queues",
            "-q",
            metavar="INSTITUTION",
            help="Only runs of this institution; may be repeated. Default: all in almaflow.yaml.",
        ),
    ] = None,
    concurrency: Annotated[
        int,
        typer.Option(
            "--concurrency",
            "-c",
            metavar="N",
            min=1,
            max=100_000,
            help="At most N runs at a time, waiting ones included.",
        ),
    ] = 5_000,
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="What log lines call this worker.")
    ] = "worker",
    log_as: Annotated[
        str,
        typer.Option("--log-format", metavar="text|json", help="Log lines as text or as JSON."),
    ] = "text",
) -> None:
    """Work on the runs of a store in PostgreSQL that several machines share.

    Runs come from `almaflow serve` and `almaflow run --detach`, on this or another machine. Ctrl-C
    and SIGTERM stop the worker with exit code 130; other workers continue its runs immediately.
    """
    project = bootstrap.open_project()
    chosen = _chosen(project, queues)
    log = ServiceLog(
        "json" if log_as == "json" else "text",
        Mask(project.known_secrets()),
        clock=SystemClock(),
        zone=ZoneInfo(project.settings.timezone),
    )
    for institution in chosen:
        # A run that it took and cannot continue would wait for a person.
        project.institution(institution).key()
    with bootstrap.open_store(project) as store:
        from almaflow.fleet.worker import Worker

        def new_engine() -> Engine:
            return bootstrap.live_engine(project, store, log, log=log)

        work = Worker(store.conninfo, SystemClock(), log, chosen, concurrency, name)
        try:
            run_interruptible(lambda: work.run(new_engine))
        except Interrupted:
            log("Stopped. Other workers continue its runs.")
            raise typer.Exit(EXIT_INTERRUPTED) from None


def _chosen(project: Project, queues: list[str] | None) -> list[str]:
    """Return the institutions whose runs are taken; Raises: RequestWrong."""
    for name in queues or ():
        if name not in project.institutions:
            raise RequestWrong(
                f"almaflow.yaml has no institution `{name}`"
                f"{did_you_mean(name, project.institutions) or '.'} A worker takes the runs of "
                "institutions whose API key it has."
            )
    return queues or list(project.institutions)
