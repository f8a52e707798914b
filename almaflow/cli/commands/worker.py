"""`almaflow worker`: works on the runs of a shared store until it is stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.commands.serve import LogFormatOption, MetricsOption, log_format_named
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.render.service_log import ServiceLog
from almaflow.cli.shared_store import info_of, refuse_other_project
from almaflow.clock import SystemClock
from almaflow.errors import RequestWrong
from almaflow.fleet import CONCURRENCY
from almaflow.problems import did_you_mean
from almaflow.redaction import Mask
from almaflow.settings import Project
from almaflow.store import Store

if TYPE_CHECKING:
    from almaflow.engine.engine import Engine
    from almaflow.scheduler.measures import Measures


# Characters; a name is a column of a table on a screen.
_LONGEST_NAME = 60

# How many institutions an error lists.
_LISTED = 10


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
    ] = CONCURRENCY,
    name: Annotated[
        str,
        typer.Option("--name", metavar="NAME", help="What `almaflow workers` calls this worker."),
    ] = "worker",
    metrics: MetricsOption = None,
    log_format: LogFormatOption = "text",
) -> None:
    """Work on the runs of a store in PostgreSQL that several machines share.

    Runs come from `almaflow serve` and `almaflow run --detach`, on this or another machine. Ctrl-C
    and SIGTERM stop the worker with exit code 130; other workers continue its runs immediately.
    """
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise RequestWrong(
            f"`--name` takes 1 to {_LONGEST_NAME} visible characters, such as `--name night-1`."
        )
    project = bootstrap.open_project()
    chosen = _chosen(project, queues)
    log = ServiceLog(
        log_format_named(log_format),
        Mask(project.known_secrets()),
        clock=SystemClock(),
        zone=ZoneInfo(project.settings.timezone),
    )
    for institution in chosen:
        # A run that it took and cannot continue would wait for a person.
        project.institution(institution).key()
    with bootstrap.open_store(project) as store:
        if not store.is_shared:
            raise RequestWrong(
                f"A worker shares the runs of a store in PostgreSQL; {store.address} is not one. "
                "With this store, `almaflow serve` executes the runs. `almaflow store migrate` "
                "moves it."
            )
        from almaflow.fleet.worker import Worker

        info = info_of(project, name, chosen)
        refuse_other_project(store, info)

        def new_engine() -> Engine:
            engine = bootstrap.live_engine(project, store, log, log=log)
            engine.info = info
            return engine

        work = Worker(store.conninfo, SystemClock(), log, chosen, concurrency, name)
        for used_as, why in project.missing_secrets():
            log(f"Steps that need `{used_as}` fail on this host: {why}", level="warning")
        measures = _measured(store, metrics)
        log(f"Worker {name} takes runs of {', '.join(chosen)} from the store {store.address}.")
        try:
            run_interruptible(lambda: work.run(new_engine))
        except Interrupted:
            log("Stopped. Other workers continue its runs.")
            raise typer.Exit(EXIT_INTERRUPTED) from None
        finally:
            measures.stop()


def _measured(store: Store, port: int | None) -> Measures:
    """Offer the metrics of the store on *port*, unless it is None; Raises: RequestWrong."""
    from almaflow.scheduler.measures import Measures, picture_of

    if port is None:
        return Measures()
    from almaflow.scheduler.metrics import Metrics

    offered = Metrics(picture_of(store, SystemClock(), leads=lambda: False))
    offered.start(port)
    return offered


def _chosen(project: Project, queues: list[str] | None) -> list[str]:
    """Return the institutions whose runs are taken; Raises: RequestWrong."""
    for name in queues or ():
        if name not in project.institutions:
            raise RequestWrong(
                f"almaflow.yaml has no institution `{name}`"
                f"{did_you_mean(name, project.institutions) or '.'} {_how_to_choose(project, name)}"
            )
    return queues or list(project.institutions)


def _how_to_choose(project: Project, name: str) -> str:
    """Return how `--queues` names institutions, given the *name* that is not one."""
    parts = [part.strip() for part in name.replace(";", ",").split(",")]
    if len(parts) > 1 and all(part in project.institutions for part in parts):
        return f"Repeat the option: `{' '.join(f'--queues {part}' for part in parts)}`."
    known = ", ".join(f"`{one}`" for one in list(project.institutions)[:_LISTED])
    more = ", …" if len(project.institutions) > _LISTED else ""
    return f"Use `--queues` with one of {known}{more}, or leave it out for all."
