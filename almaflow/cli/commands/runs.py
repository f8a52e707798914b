"""`almaflow runs`: the runs in the store, newest first."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from almaflow.cli.options import JsonOption
from almaflow.cli.render.event_lines import how_long
from almaflow.cli.render.listing import print_table
from almaflow.cli.render.terminal import emit, emit_json
from almaflow.cli.sources import ServerOption, TokenOption, open_source
from almaflow.json_data import as_data
from almaflow.operations.run_list import RunSummary, read_state
from almaflow.outcome import Status


def runs(
    workflow: Annotated[
        str | None,
        typer.Option("--workflow", "-w", metavar="NAME", help="Only runs of this workflow."),
    ] = None,
    state: Annotated[
        str | None,
        typer.Option(
            "--status",
            "-s",
            metavar="STATUS",
            help="Only runs with this status (queued, running, waiting, finished) or outcome "
            "(succeeded, warning, failed, skipped, timed_out, cancelled, unknown).",
        ),
    ] = None,
    limit: Annotated[
        int,
        typer.Option("--limit", "-n", metavar="N", min=1, max=1_000_000, help="At most N runs."),
    ] = 20,
    as_json: JsonOption = False,
    server: ServerOption = None,
    token: TokenOption = None,
) -> None:
    """List the runs in the project's store, newest first; simulated runs are not kept."""
    wanted = None if state is None else read_state(state)
    with open_source(server, token) as source:
        listed = source.runs(limit, workflow=workflow, state=wanted)
        zone = source.zone
    if as_json:
        emit_json({"runs": as_data(listed)})
        return
    if not listed:
        emit("There are no matching runs." if workflow or state else "There are no runs yet.")
        return
    headers = ("RUN", "WORKFLOW", "STATE", "BEGAN", "TOOK", "REMARK")
    print_table(headers, [_row(run, zone) for run in listed], flexible=(1, 5))


def _row(run: RunSummary, zone: ZoneInfo) -> tuple[str, ...]:
    began = run.started_at or run.requested_at
    took = ""
    if run.started_at is not None and run.ended_at is not None:
        took = how_long((run.ended_at - run.started_at).total_seconds())
    return (
        run.id,
        run.workflow,
        str(run.outcome or run.status),
        f"{began.astimezone(zone):%Y-%m-%d %H:%M}",
        took,
        _remark(run),
    )


def _remark(run: RunSummary) -> str:
    """Return why a run ended or does not proceed, and its attempt."""
    remarks = [f"attempt {run.attempt}"] if run.attempt > 1 else []
    if run.status is not Status.FINISHED and not run.worked_on:
        remarks.append("on hold" if run.held else "no process is executing it")
    # The reason has one line for each waiting step.
    remarks += [run.error] if run.error else run.reason.splitlines()
    return "; ".join(remarks)
