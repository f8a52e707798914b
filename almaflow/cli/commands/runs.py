"""`almaflow runs`: the runs in the store, newest first."""

from __future__ import annotations

import sys
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.render.event_lines import how_long
from almaflow.cli.render.terminal import columns_of, emit, emit_json, emit_lines
from almaflow.cli.render.text_layout import table
from almaflow.errors import RequestWrong
from almaflow.operations.run_owner import is_worked_on
from almaflow.outcome import Outcome, Status
from almaflow.problems import did_you_mean
from almaflow.store import RunRecord

_STATES = [*Status, *(outcome for outcome in Outcome if outcome is not Outcome.MISSED)]


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
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the runs as one JSON document.")
    ] = False,
) -> None:
    """List the runs in the project's store, newest first; simulated runs are not kept."""
    chosen = _chosen(state)
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        records = store.runs(limit, workflow=workflow, **chosen)
        worked_on = {record.id for record in records if is_worked_on(store, record)}
    if as_json:
        emit_json({"runs": [_as_data(record, record.id in worked_on) for record in records]})
        return
    if not records:
        emit("There are no matching runs." if workflow or state else "There are no runs yet.")
        return
    zone = ZoneInfo(project.settings.timezone)
    emit_lines(
        table(
            ("RUN", "WORKFLOW", "STATE", "BEGAN", "TOOK", "REMARK"),
            [_row(record, zone, record.id in worked_on) for record in records],
            columns=columns_of(sys.stdout),
            flexible=(1, 5),
        )
    )


def _chosen(state: str | None) -> dict[str, Any]:
    """Return the query for the store; Raises: RequestWrong."""
    if state is None:
        return {}
    states = {str(one): one for one in _STATES}
    choice = states.get(state.strip().casefold().replace("-", "_"))
    if choice is None:
        raise RequestWrong(
            f"`{state}` is not a status or an outcome{did_you_mean(state, states) or '.'} Use "
            f"one of {', '.join(states)}."
        )
    return {"statuses": [choice]} if isinstance(choice, Status) else {"outcomes": [choice]}


def _row(record: RunRecord, zone: ZoneInfo, worked_on: bool) -> tuple[str, ...]:
    began = record.started_at or record.requested_at
    took = ""
    if record.started_at is not None and record.ended_at is not None:
        took = how_long((record.ended_at - record.started_at).total_seconds())
    return (
        record.id,
        record.workflow,
        str(record.outcome or record.status),
        f"{began.astimezone(zone):%Y-%m-%d %H:%M}",
        took,
        _remark(record, worked_on),
    )


def _remark(record: RunRecord, worked_on: bool) -> str:
    """Return why a run ended or does not proceed, and its attempt."""
    remarks = [f"attempt {record.attempt}"] if record.attempt > 1 else []
    if record.status is not Status.FINISHED and not worked_on:
        remarks.append("held" if record.held else "no process is executing it")
    # The reason has one line for each waiting step.
    remarks += [record.error] if record.error else record.reason.splitlines()
    return "; ".join(remarks)


def _as_data(record: RunRecord, worked_on: bool) -> dict[str, Any]:
    instants = ("requested_at", "scheduled_at", "started_at", "ended_at", "deadline_at")
    data: dict[str, Any] = {
        name: getattr(record, name)
        for name in ("id", "workflow", "path", "institution", "trigger", "status", "reason")
    }
    data |= {"outcome": record.outcome, "error": record.error, "attempt": record.attempt}
    data |= {"held": record.held, "worked_on": worked_on}
    for name in instants:
        value = getattr(record, name)
        data[name] = value.isoformat() if value is not None else None
    return data
