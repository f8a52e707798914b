"""`almaflow cancel`: ends a run, through the process that works on it or here."""

from __future__ import annotations

import getpass
from typing import Annotated, NoReturn

import typer

from almaflow.cli import parts
from almaflow.cli.options import RunArgument
from almaflow.cli.output import emit, emit_json
from almaflow.cli.reports import exit_code_of, onlooker, steps_so_far
from almaflow.cli.run import follow
from almaflow.cli.show import is_worked_on
from almaflow.errors import RequestWrong
from almaflow.outcome import Outcome, Status
from almaflow.plan import recorded_plan
from almaflow.settings import Project
from almaflow.store import RunHeld, RunRecord, Store


def cancel(
    run: RunArgument,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print what happened as one JSON document.")
    ] = False,
) -> None:
    """End a run: its steps stop, then its `finally` and notices follow as always.

    A process that works on the run is told and does that within seconds. A run that nobody works
    on is ended here. Alma knows no cancelling: a job that has been started goes on there.
    """
    project = parts.open_project()
    with parts.open_store(project) as store:
        record = store.find_run(run)
        if record.status is Status.FINISHED:
            raise RequestWrong(
                f"Run {record.id} is finished ({record.outcome}), so there is nothing to cancel. "
                f"`almaflow show {record.id}` tells how it went."
            )
        record = store.ask_cancel(record.id, _who())
        if not is_worked_on(store, record):
            try:
                _end(project, store, record, as_json=as_json)
            except RunHeld:
                # A process has taken it a moment ago, and hears of the request.
                record = store.run(record.id)
        _tell(store, record, as_json=as_json)


def _who() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        # No such user, or a system that has none.
        return "somebody"


def _tell(store: Store, record: RunRecord, *, as_json: bool) -> None:
    """Say that a process has been asked."""
    assert record.owner is not None, "a run that is worked on has an owner"
    process = store.process(record.owner)
    assert process is not None, "an owner is recorded before it owns"
    pid, host = process.pid, process.host
    if as_json:
        emit_json({"run": record.id, "asked": True, "pid": pid, "host": host})
        return
    emit(
        f"Process {pid} on {host} works on run {record.id} and is asked to cancel it; `finally` "
        f"and notices follow. `almaflow logs -f {record.id}` follows it."
    )


def _end(project: Project, store: Store, record: RunRecord, *, as_json: bool) -> NoReturn:
    """Work on the run here, which ends it: the cancellation is recorded.

    Raises: RunHeld when a process has taken it meanwhile; typer.Exit.
    """
    plan = recorded_plan(record, store.definition(record.definition))
    if not as_json:
        emit(f"No process works on run {record.id}; it is ended here.")
    seen = steps_so_far(store, record, plan)
    with onlooker(plan, as_json=as_json, seen=seen) as view:
        engine = parts.live_engine(project, store, view)
        ended = follow(engine, store, plan, add=False, as_json=as_json)
    raise typer.Exit(0 if ended.outcome is Outcome.CANCELLED else exit_code_of(ended))
