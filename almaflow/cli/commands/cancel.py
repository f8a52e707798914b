"""`almaflow cancel`: ends a run, through the process that works on it or here."""

from __future__ import annotations

from typing import Annotated

import typer

from almaflow.cli import bootstrap
from almaflow.cli.handoff import responds, tell_owner, work_here
from almaflow.cli.options import RunArgument
from almaflow.cli.prompts import who
from almaflow.errors import RequestWrong
from almaflow.outcome import Status
from almaflow.store import RunHeld


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
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        record = store.find_run(run)
        if record.status is Status.FINISHED:
            raise RequestWrong(
                f"Run {record.id} is finished ({record.outcome}), so there is nothing to cancel. "
                f"`almaflow show {record.id}` tells how it went."
            )
        record = store.ask_cancel(record.id, who())
        if not responds(store, record):
            try:
                told = f"No process works on run {record.id}; it is ended here."
                work_here(project, store, record, told, as_json=as_json)
            except RunHeld:
                # A process has taken it a moment ago, and hears of the request.
                record = store.run(record.id)
        told = "is asked to cancel it; `finally` and notices follow"
        tell_owner(store, record, told, as_json=as_json, asked=True)
