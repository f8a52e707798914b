"""`almaflow logs`: the log of a run, and with `-f` its new lines."""

from __future__ import annotations

import sys
from datetime import timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from almaflow.cli import bootstrap
from almaflow.cli.interrupt import EXIT_INTERRUPTED, Interrupted, run_interruptible
from almaflow.cli.options import RunArgument
from almaflow.cli.render.event_lines import event_line
from almaflow.cli.render.terminal import emit, emit_json
from almaflow.cli.streams import failure_of
from almaflow.clock import SystemClock, sleep
from almaflow.errors import RequestWrong
from almaflow.json_data import as_data
from almaflow.operations.run_log import run_log
from almaflow.operations.run_owner import is_worked_on
from almaflow.outcome import Status
from almaflow.store import LogEntry, RunRecord, Store

# How often a followed run is polled.
_LOOK = timedelta(seconds=1)


def logs(
    run: RunArgument,
    follow: Annotated[
        bool, typer.Option("--follow", "-f", help="Follow the log until the run has ended.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the log as one JSON document.")
    ] = False,
) -> None:
    """Show the log of a run, one line for each event, in the workflow's time zone."""
    if follow and as_json:
        raise RequestWrong(
            "`--json` prints one document, but a log that is followed has no end. Use only "
            "one of `--json` and `--follow`."
        )
    project = bootstrap.open_project()
    with bootstrap.open_store(project) as store:
        record = store.find_run(run)
        if as_json:
            emit_json(as_data(run_log(store, record.id)))
            return
        timezone = store.definition(record.definition).get("timezone", "UTC")
        zone = ZoneInfo(timezone)
        if follow:
            _follow(store, record, zone)
        else:
            _print(store.events(record.id), zone)


def _print(events: list[LogEntry], zone: ZoneInfo) -> None:
    for event in events:
        line = event_line(event.at, event.kind, event.path, event.text, event.data, zone)
        if line:
            emit(line)


def _follow(store: Store, record: RunRecord, zone: ZoneInfo) -> None:
    """Print the log until the run ends, no process executes it, or the reader has gone."""

    async def main() -> RunRecord:
        clock = SystemClock()
        seen = 0
        while True:
            # The run is read first, so that what it logs before it ends is not missed.
            now = store.run(record.id)
            events = store.events(record.id, seen)
            _print(events, zone)
            seen = events[-1].id if events else seen
            if now.status is Status.FINISHED or failure_of(sys.stdout) is not None:
                return now
            if now.status is not Status.QUEUED and not is_worked_on(store, now):
                return now
            await sleep(clock, _LOOK)

    try:
        last = run_interruptible(main)
    except Interrupted:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if last.status is not Status.FINISHED and failure_of(sys.stdout) is None:
        emit(
            (
                f"No process is executing run {last.id} now. Continue it with `almaflow resume "
                f"{last.id}`."
            ),
            err=True,
        )
